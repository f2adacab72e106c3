"""README's tables and the navigation bars: what is read from a notebook, what is written, that it is current."""

import json

import contents
import nbformat
import pages
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

README = """# A course

before
<!-- course-map:begin -->
<!-- course-map:end -->
between and after
"""
HEAD = """# 01 · Sparse codes

## The question

**The question.** How few atoms, e.g. strokes, does a digit need,
if $|z|_1$ costs? We measure it.

Measured time: unknown. Lecture 8, 12:00."""

MAP = "The map:\n<!-- course-map:begin --><!-- course-map:end -->\nand on."


def claim(sentence, measured, count):
    return new_code_cell(f'from utils.claims import claim\nclaim("{sentence}", {measured}, at_least=1)',
                         execution_count=count,
                         outputs=[new_output("stream", text=f"✔ {sentence} · measured {measured}\n✔ f: right\n")])


@pytest.fixture
def course(tmp_path):
    (tmp_path / "README.md").write_text(README, encoding="utf-8")
    folder = tmp_path / "notebooks"
    folder.mkdir()
    check = new_code_cell("f = exercises.check(f)", execution_count=3, outputs=[
        new_output("stream", text="✔ f: agrees with the course's · measured exactly\n✘ g: wrong · measured 2\n"
                                  "time · measured 48.1 s; this machine takes 2.00 times README's: 24 s there\n")])
    for name, title, cells in [("00-start-here", "# Start here\n\nWhat is this?", [new_markdown_cell(MAP)]),
                               ("01-sparse-codes", HEAD, [claim("a|b is at least 1", 7.5, 1), check]),
                               ("02-half", "# 02 – Half\n\nWhy half?", [claim("half is at least 1", 2, 1)])]:
        nbformat.write(new_notebook(cells=[new_markdown_cell(title), *cells]), folder / f"{name}.ipynb")
    return tmp_path


def source_of(path, cell):
    return "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][cell]["source"])


def heads(course):
    return [source_of(path, 0) for path in pages.notebooks(course)]


def test_what_is_read_from_a_notebook(course):
    book = pages.describe(course / "notebooks/01-sparse-codes.ipynb")
    assert (book.number, book.title, book.seconds) == ("01", "Sparse codes", "24 s")
    assert book.question == "How few atoms, e.g. strokes, does a digit need, if $|z|_1$ costs?"
    assert book.claims == [("a|b is at least 1", True, "7.5")], "lines of exercises are no claims"


def test_the_head_says_the_time_that_the_last_line_measured(course):
    assert contents.main([], course) == 0
    assert "Measured time: 24 s on the machine of README; the page's last line says yours. Lecture 8, 12:00." in \
        source_of(course / "notebooks/01-sparse-codes.ipynb", 0)
    assert contents.main(["--check"], course) == 0


def test_readme(course):
    assert contents.main([], course) == 0
    text = (course / "README.md").read_text(encoding="utf-8")
    assert "| 01 | [Sparse codes](notebooks/01-sparse-codes.ipynb) | How few atoms, e.g. strokes, does a digit need, " \
           "if $\\vert z\\vert _1$ costs? | 24 s |" in text
    assert "before\n" in text and text.endswith("\nbetween and after\n")


def test_a_notebook_may_hold_the_map(course):
    assert contents.main([], course) == 0
    page = source_of(course / "notebooks/00-start-here.ipynb", 1)
    assert "| 02 | [Half](02-half.ipynb) | Why half? |  |" in page and page.endswith("-->\nand on.")


def test_navigation(course):
    assert contents.main([], course) == 0
    first, middle, last = heads(course)
    assert "[Contents](../README.md#course-map) · [01 Sparse codes →](01-sparse-codes.ipynb)" in first
    assert "[← 00 Start here](00-start-here.ipynb) · [Contents](00-start-here.ipynb) · [02 Half →](02-half.ipynb)" \
        in middle
    assert "→" not in last and "[← 01 Sparse codes]" in last
    assert middle.startswith("# 01 · Sparse codes\n\n<!-- nav:begin -->\n\n")
    assert middle.split("<!-- nav:end -->")[1].startswith(HEAD.removeprefix("# 01 · Sparse codes")[:90])
    (course / "notebooks/02-half.ipynb").unlink()
    assert contents.main([], course) == 0
    assert "02-half" not in heads(course)[1]


def test_a_second_time_changes_nothing_and_the_rest_stays_byte_for_byte(course):
    before = (course / "notebooks/02-half.ipynb").read_text(encoding="utf-8").splitlines()
    assert contents.main([], course) == 0
    files = {path: path.read_bytes() for path in course.rglob("*.*")  if path.is_file()}
    assert contents.main([], course) == 0
    assert files == {path: path.read_bytes() for path in files}
    after = (course / "notebooks/02-half.ipynb").read_text(encoding="utf-8").splitlines()
    assert after[0:6] == before[0:6] and after[-20:] == before[-20:]
    nbformat.validate(nbformat.read(course / "notebooks/02-half.ipynb", as_version=4))


def test_check_shows_what_is_stale_and_writes_nothing(course, capsys):
    assert contents.main([], course) == 0
    assert contents.main(["--check"], course) == 0
    path = course / "notebooks/02-half.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace("measured 2", "measured 3"), encoding="utf-8")
    before = (course / "CLAIMS.md").read_bytes()
    capsys.readouterr()
    assert contents.main(["--check"], course) == 1
    printed = capsys.readouterr().out
    assert "half is at least 1 | ≥ 1 | 2 |" in printed and "half is at least 1 | ≥ 1 | 3 |" in printed
    assert "CLAIMS.md is out of date: run `make generate`" in printed
    assert (course / "CLAIMS.md").read_bytes() == before


@pytest.mark.parametrize("text", ["# no markers", "<!-- course-map:end --><!-- course-map:begin -->"])
def test_missing_markers_are_named(course, text):
    (course / "README.md").write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit, match="README.md needs once <!-- course-map:begin -->"):
        contents.main([], course)


def test_a_page_without_a_title_is_named(course):
    nbformat.write(new_notebook(cells=[new_markdown_cell("no title")]), course / "notebooks/03-none.ipynb")
    with pytest.raises(SystemExit, match="03-none.ipynb: the first cell lacks a title"):
        contents.main([], course)


@pytest.mark.skipif(not pages.notebooks(), reason="no notebook yet")
def test_readme_and_navigation_are_current(capsys):
    assert contents.main(["--check"]) == 0, capsys.readouterr().out


def test_the_cover_is_the_stored_picture_of_the_tagged_cell(course, capsys):
    (course / "README.md").write_text("<!-- cover:begin -->\n<!-- cover:end -->\n" + README, encoding="utf-8")
    path = course / "notebooks/02-half.ipynb"
    nb = nbformat.read(path, as_version=4)
    shown = new_output("display_data", {"image/png": "iVBORw0KGgo=\n", "text/plain": "Digits."})
    nb.cells.append(new_code_cell("picture", metadata={"tags": ["cover"]}, outputs=[shown], execution_count=2))
    nbformat.write(nb, path)
    assert contents.main([], course) == 0
    assert (course / "notebooks/cover.png").read_bytes() == b"\x89PNG\r\n\x1a\n"
    assert "![Digits.](notebooks/cover.png)" in (course / "README.md").read_text(encoding="utf-8")
    assert contents.main(["--check"], course) == 0
    (course / "notebooks/cover.png").write_bytes(b"another picture")
    assert contents.main(["--check"], course) == 1
    assert "cover.png is out of date" in capsys.readouterr().out
    nb.cells.append(new_code_cell("another", metadata={"tags": ["cover"]}, execution_count=3))
    nbformat.write(nb, path)
    with pytest.raises(SystemExit, match="more than one cell is tagged cover, in 02-half.ipynb:"):
        contents.main([], course)


def test_cover_cells_that_clash_are_named_by_their_files(course):
    for name in ("01-sparse-codes", "02-half"):
        path = course / f"notebooks/{name}.ipynb"
        nb = nbformat.read(path, as_version=4)
        nb.cells.append(new_code_cell("picture", metadata={"tags": ["cover"]}, execution_count=9))
        nbformat.write(nb, path)
    with pytest.raises(SystemExit, match="in 01-sparse-codes.ipynb, 02-half.ipynb:"):
        contents.main([], course)


@pytest.mark.parametrize("name", ["02-half-Copy1", "02-half-Copy12", "02-half copy", "02-half - Copy", "02-half (1)",
                                  "02-half-copy", "Untitled", "Untitled1"])
def test_a_copy_is_no_page(course, name):
    before = [path.name for path in pages.notebooks(course)]
    path = course / f"notebooks/{name}.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("picture", metadata={"tags": ["cover"]})]), path)
    stored = path.read_bytes()
    assert [page.name for page in pages.notebooks(course)] == before and len(before) == 3
    assert contents.main([], course) == 0 and contents.main(["--check"], course) == 0
    assert path.read_bytes() == stored


def test_a_page_that_was_stripped_of_its_outputs_does_not_cost_readme_its_claims(course):
    assert contents.main([], course) == 0
    before = (course / "README.md").read_bytes()
    path = course / "notebooks/01-sparse-codes.ipynb"
    nb = nbformat.read(path, as_version=4)
    for cell in nb.cells[1:]:
        cell.outputs, cell.execution_count = [], None
    nbformat.write(nb, path)
    for mode in ([], ["--check"]):
        with pytest.raises(SystemExit, match="01-sparse-codes.ipynb: 2 of its code cells never ran.*`make execute NB="):
            contents.main(mode, course)
    assert (course / "README.md").read_bytes() == before


def test_nothing_half_written(course, monkeypatch):
    before = (course / "README.md").read_bytes()

    def full(path, data):
        path.open("wb").write(data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pages.Path, "write_bytes", full)
    with pytest.raises(OSError):
        contents.main([], course)
    assert (course / "README.md").read_bytes() == before and not list(course.rglob("*.new"))
