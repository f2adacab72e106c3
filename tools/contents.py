"""Write what follows from the notebooks: README, CLAIMS.md, LECTURE.md, TEACHING.md, navigation bars.

    python tools/contents.py            writes where something changed
    python tools/contents.py --check    writes nothing; status 1 and a diff where something is out of date

CLAIMS.md, LECTURE.md and TEACHING.md are written whole (tools/claims_page.py, tools/lecture.py, tools/teaching.py). All
else stands between HTML comments, `<!-- NAME:begin -->` and `<!-- NAME:end -->`: course-map, cover and findings in
README.md, sessions in INSTRUCTORS.md, numbers in HOW-WE-KNOW.md (tools/proof.py), course-map in the cells of notebooks
that have it, nav in the first cell of every notebook (put under the title where it is missing). The ids of statements
become links wherever a notebook's text cites one. Nothing else is touched. Status 1 also when
ledger/lecture.toml or ledger/teaching.toml and the pages contradict each other.
"""

import argparse
import base64
import difflib
import json
import re
import sys

import claims_page
import lecture
import proof
import teaching
from pages import ROOT, any_console, describe, notebooks, replace, table, text_of


def course_map(books, folder=""):
    return table(["page", "notebook", "question", "time"],
                 [[b.number, f"[{b.title}]({folder}{b.name})", b.question, b.seconds] for b in books])


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


def with_links(path, bar, overview, seconds, ids):
    """The notebook file's text with this navigation bar, course map and measured time, all else byte for byte.

    ids: whether those of the lecture's statements become links to their rows in LECTURE.md.
    """
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
        if ids:
            new = lecture.linked(new)
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


def contradictions(root=ROOT):
    """Where ledger/lecture.toml or ledger/teaching.toml and the stored pages contradict each other, in sentences."""
    paths = notebooks(root)
    books, pages = [describe(path) for path in paths], [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    numbered = {book.number: nb for book, nb in zip(books, pages, strict=True)}
    said, plans, claims = lecture.load(root), teaching.load(root), lecture.claims_of(books, pages)
    return [*(lecture.problems(said, claims, lecture.cited(numbered)) if said else []),
            *(teaching.problems(plans, claims, numbered) if plans else [])]


def wanted(root=ROOT):
    """{path: the bytes that it should hold} for README.md and its cover, the generated pages, and every notebook."""
    paths = notebooks(root)
    books = [describe(path) for path in paths]
    pages = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    readme = root / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.exists() else ""
    text = between(text, "course-map", course_map(books, "notebooks/"), "README.md")
    picture, pictures = cover(paths), {}
    if picture:
        text = between(text, "cover", f"![{picture[1]}](notebooks/cover.png)", "README.md")
        pictures = {root / "notebooks" / "cover.png": picture[0]}
    texts = {root / "CLAIMS.md": claims_page.page(books, pages, root)}
    said, plans, claims = lecture.load(root), teaching.load(root), lecture.claims_of(books, pages)
    if said:
        text = between(text, "findings", f"{lecture.summary(said)} Ten findings against the lecture, or against "
                       "what is commonly taught; the numbers are the stored pages', and lead to their claims:\n\n"
                       + lecture.finding_lines(said, claims), "README.md")
        texts[root / "LECTURE.md"] = lecture.page(said, claims, books)
    if plans:
        numbered = {book.number: nb for book, nb in zip(books, pages, strict=True)}
        instructors = root / "INSTRUCTORS.md"
        texts[instructors] = between(instructors.read_text(encoding="utf-8"), "sessions",
                                     teaching.sessions(plans, books, numbered), "INSTRUCTORS.md")
        texts[root / "TEACHING.md"] = teaching.page(plans, claims, books, numbered)
    how = root / "HOW-WE-KNOW.md"
    if how.exists():
        texts[how] = between(how.read_text(encoding="utf-8"), "numbers", proof.page(books, pages, root), how.name)
    texts[readme] = text
    overview = course_map(books)
    texts |= {path: with_links(path, navigation(books, i), overview, books[i].seconds, bool(said))
              for i, path in enumerate(paths)}
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
    wrong = contradictions(root)
    print(*wrong, sep="\n", end="\n" * bool(wrong))
    return 1 if wrong or (check and stale) else 0


if __name__ == "__main__":
    sys.exit(main())
