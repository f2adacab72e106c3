"""What the tools read of the course's notebooks: which files are pages, what a page asks, claims and measured."""

import ast
import json
import re
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]


class Book(NamedTuple):
    """One notebook, as README speaks of it. claims: [(sentence, holds, measured)] in the order of the page."""

    name: str  # file name
    number: str
    title: str
    question: str
    seconds: str
    claims: list


def any_console():
    """Let a console that knows no ✔ show a question mark rather than stop the tool."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def is_page(path):
    """Whether a file is a page by its name. Copies that an editor made (…-Copy1, … copy, Untitled) are none."""
    return bool(re.fullmatch(r"\d\d-(?!\S*-copy\d*\.)[\w-]+\.ipynb", path.name, re.IGNORECASE))


def notebooks(root=ROOT):
    """The course's notebooks in their order."""
    return sorted(filter(is_page, (root / "notebooks").glob("*.ipynb")))


def replace(path, new):
    """Write a file, bytes or text, whole or not at all: beside it first, then in its place."""
    path = path.resolve()
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.write_bytes(new if isinstance(new, bytes) else new.encode())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def text_of(cell):
    return "".join(cell["source"])


def claim_calls(source):
    """The calls of claim() in a cell's source, as ast nodes."""
    try:
        nodes = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Call)]
    except SyntaxError:
        return []
    nodes = [n for n in nodes if "claim" in (getattr(n.func, "id", None), getattr(n.func, "attr", None))]
    return sorted(nodes, key=lambda node: node.lineno)


def claim_sentences(nb):
    """The sentences that a notebook (a dict) claims: the literal first arguments of its claim() calls."""
    firsts = [call.args[0] for c in nb["cells"] if c["cell_type"] == "code"
              for call in claim_calls(text_of(c)) if call.args]
    return [first.value for first in firsts if isinstance(first, ast.Constant)]


def claim_bounds(nb):
    """[(sentence, at_least, at_most)] as they stand in the code; a bound that is no number there is its text."""
    found = []
    for call in (call for c in nb["cells"] if c["cell_type"] == "code" for call in claim_calls(text_of(c))):
        if call.args and isinstance(call.args[0], ast.Constant):
            bounds = {}
            for keyword in call.keywords:
                try:
                    bounds[keyword.arg] = ast.literal_eval(keyword.value)
                except ValueError:
                    bounds[keyword.arg] = ast.unparse(keyword.value)
            found.append((call.args[0].value, bounds.get("at_least"), bounds.get("at_most")))
    return found


def claim_lines(nb):
    """[(sentence, holds, measured)] from the stored outputs; the checks of exercises print other lines."""
    sentences, found = set(claim_sentences(nb)), []
    for output in (o for c in nb["cells"] if c["cell_type"] == "code" for o in c["outputs"]):
        for line in "".join(output.get("text", "")).splitlines():
            match = re.fullmatch(r"([✔✘]) (.*) · measured (.*)", line)
            if match and match[2] in sentences:
                found.append((match[2], match[1] == "✔", match[3]))
    return found


def describe(path):
    """Read title, question (the first sentence), time and claims of a notebook. Exits if it never ran.

    The time is what the page's last line says: the seconds on the machine of README's times.

    What a filter has stripped of its outputs, as nbstripout does, claims nothing: README would lose its findings.
    """
    nb = json.loads(path.read_text(encoding="utf-8"))
    never = [c for c in nb["cells"] if c["cell_type"] == "code" and c.get("execution_count") is None and text_of(c)]
    if never:
        raise SystemExit(f"{path.name}: {len(never)} of its code cells never ran, so its claims can't be read: "
                         f"`git checkout notebooks/{path.name}` or `make execute NB=notebooks/{path.name}`")
    head = []
    for cell in nb["cells"]:
        if cell["cell_type"] == "code":
            break
        head.append(re.sub(r"<!-- nav:begin -->.*?<!-- nav:end -->", "", text_of(cell), flags=re.DOTALL))
    lines = "\n\n".join(head).splitlines()
    titles = [line[2:].strip() for line in lines if line.startswith("# ")]
    if not titles:
        raise SystemExit(f"{path.name}: the first cell lacks a title, a line `# {path.name[:2]} · …`")
    prose = "\n".join("" if line.startswith("#") else line for line in lines)
    paragraphs = [p.strip() for p in prose.split("\n\n") if p.strip() and not re.match(r"\s*([|<!>*-] ?\s|[|<!>])", p)]
    question = re.sub(r"^\*\*[^*]*[.:]\*\*\s*|^\*\*[^*]*\*\*[.:]\s*", "", paragraphs[0] if paragraphs else "")
    question = re.split(r"(?<=[.?!])(?<!e\.g\.)(?<!i\.e\.)(?<!vs\.)\s", " ".join(question.split()))[0]
    printed = [o.get("text", "") for c in nb["cells"] if c["cell_type"] == "code" for o in c["outputs"]]
    times = re.findall(r"^time · measured .* times README's: (\d+) s there$", "\n".join(map("".join, printed)), re.M)
    return Book(path.name, path.name[:2], re.sub(r"^\d+\s*[·.:–—-]\s*", "", titles[0]), question,
                f"{times[-1]} s" if times else "", claim_lines(nb))


def cell_of_table(text):
    """Text that a Markdown table holds: its bars escaped, within formulas written as \\vert."""
    parts = re.split(r"(\$[^$]*\$)", text)
    return "".join(p.replace("|", r"\vert ") if p.startswith("$") else p.replace("|", r"\|") for p in parts)


def table(head, rows):
    lines = [head, ["---"] * len(head), *([cell_of_table(text) for text in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
