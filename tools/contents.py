"""Write what follows from the notebooks: README's course map and table of claims, the navigation bar of each notebook.

    python tools/contents.py            writes where something changed
    python tools/contents.py --check    writes nothing; status 1 and a diff where something is out of date

Everything is written between HTML comments, `<!-- NAME:begin -->` and `<!-- NAME:end -->`: course-map and claims in
README.md, course-map in the cells of notebooks that have it, nav in the first cell of every notebook (put under the
title where it is missing). Nothing else is touched.
"""

import argparse
import ast
import base64
import difflib
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


def course_map(books, folder=""):
    return table(["", "notebook", "question", "time"],
                 [[b.number, f"[{b.title}]({folder}{b.name})", b.question, b.seconds] for b in books])


def claims_table(books):
    return table(["claim", "measured", "notebook"],
                 [[sentence, measured, f"[{b.number}](notebooks/{b.name})"]
                  for b in books for sentence, holds, measured in b.claims if holds])


def navigation(books, i):
    """previous · contents · next, of those that exist."""
    links = [f"[← {books[i - 1].number} {books[i - 1].title}]({books[i - 1].name})"] if i else []
    links.append(f"[Contents]({books[0].name if i and books[0].number == '00' else '../README.md#course-map'})")
    links += [f"[{b.number} {b.title} →]({b.name})" for b in books[i + 1:i + 2]]
    return " · ".join(links)


def between(text, name, new, where):
    """The text with `new` between the comments of that name. Exits when they are missing."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise SystemExit(f"{where} needs once {begin} and, after it, once {end}: put them where the text shall stand")
    return f"{text.split(begin)[0]}{begin}\n\n{new}\n\n{end}{text.split(end)[1]}"


def with_links(path, bar, overview, seconds):
    """The notebook file's text with this navigation bar, course map and measured time, all else byte for byte."""
    before = path.read_text(encoding="utf-8")
    nb = json.loads(before)
    changed = False
    for i, cell in enumerate(c for c in nb["cells"] if c["cell_type"] == "markdown"):
        old = new = text_of(cell)
        if i == 0 and "<!-- nav:" not in old:
            new = re.sub(r"^# .*$", r"\g<0>\n\n<!-- nav:begin -->\n<!-- nav:end -->", old, count=1, flags=re.MULTILINE)
        if i == 0:
            new = between(new, "nav", bar, f"{path.name}, first cell,")
        new = re.sub(r"Measured time: [^.]*\.", f"Measured time: {seconds or 'none'} on the machine of README; "
                     "the page's last line says yours.", new)
        if "<!-- course-map:" in old:
            new = between(new, "course-map", overview, f"{path.name}, the cell of the map,")
        if new != old:
            cell["source"], changed = new.splitlines(keepends=True), True
    return json.dumps(nb, indent=1, ensure_ascii=False) + "\n" if changed else before


def cover(paths):
    """(PNG bytes, alt text) of the picture that the cell tagged `cover` shows; None when there is no such cell."""
    cells = [(path.name, c) for path in paths for c in json.loads(path.read_text(encoding="utf-8"))["cells"]
             if "cover" in c["metadata"].get("tags", [])]
    if len(cells) > 1:
        raise SystemExit(f"more than one cell is tagged cover, in {', '.join(dict.fromkeys(name for name, _ in cells))}"
                         ": README has room for one picture, take the tag off the others")
    for output in cells[0][1]["outputs"] if cells else []:
        if "image/png" in output.get("data", {}):
            return base64.b64decode("".join(output["data"]["image/png"])), "".join(output["data"]["text/plain"])
    return None


def wanted(root=ROOT):
    """{path: the bytes that it should hold} for README.md, its cover and every notebook."""
    paths = notebooks(root)
    books = [describe(path) for path in paths]
    readme = root / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.exists() else ""
    text = between(text, "course-map", course_map(books, "notebooks/"), "README.md")
    text = between(text, "claims", claims_table(books), "README.md")
    picture, pictures = cover(paths), {}
    if picture:
        text = between(text, "cover", f"![{picture[1]}](notebooks/cover.png)", "README.md")
        pictures = {root / "notebooks" / "cover.png": picture[0]}
    texts = {readme: text}
    overview = course_map(books)
    texts |= {path: with_links(path, navigation(books, i), overview, books[i].seconds) for i, path in enumerate(paths)}
    return {path: text.encode() for path, text in texts.items()} | pictures


def main(arguments=None, root=ROOT):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, report what is out of date")
    check = parser.parse_args(arguments).check
    any_console()
    stale = {path: new for path, new in wanted(root).items() if not path.exists() or path.read_bytes() != new}
    for path, new in stale.items():
        name = path.relative_to(root).as_posix()
        if check:
            if path.suffix != ".png":
                old = path.read_text(encoding="utf-8").splitlines()
                new = new.decode().splitlines()
                print(*difflib.unified_diff(old, new, name, "as it should be", "", "", 1, ""), sep="\n")
            print(f"{name} is out of date: run `make generate`")
        else:
            replace(path, new)
            print(f"wrote {name}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
