"""The functions of a page, so that a benchmark times what stands there and no copy of it."""

import ast
import json
from pathlib import Path

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"


def definitions(name, *wanted, **known):
    """The imports of a notebook and its functions and classes, all or those asked for: {name: object}.

    known: what stands in the page's other lines and its functions look up while they are defined.
    """
    text = (NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8")
    cells = ["".join(c["source"]) for c in json.loads(text)["cells"] if c["cell_type"] == "code"]
    tree = ast.parse("\n".join(cells))
    tree.body = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom) or (
        isinstance(n, ast.FunctionDef | ast.ClassDef) and (not wanted or n.name in wanted))]
    names = dict(known)
    exec(compile(tree, name, "exec"), names)
    return names
