"""The student edition: what becomes of a solution, what is written where, and that the stored edition is current."""

import json
from pathlib import Path

import contents
import editions
import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ROOT = Path(__file__).parents[1]

FUNCTION = """def double(y):
    \"\"\"2 y.\"\"\"
    # BEGIN SOLUTION: return "twice" y
    twice = 2 * y
    return twice
    # END SOLUTION"""


def region(*lines, sentence="say it", indent=""):
    return "\n".join(indent + line for line in (f"# BEGIN SOLUTION: {sentence}", *lines, "# END SOLUTION"))


def page(root, name, *cells):
    (root / "notebooks").mkdir(exist_ok=True)
    path = root / "notebooks" / name
    nbformat.write(new_notebook(cells=list(cells)), path)
    return path


@pytest.fixture
def course(tmp_path):
    """A course of two pages."""
    (tmp_path / "README.md").write_text("# A course\n", encoding="utf-8")
    head = ("# 01 · Double\n\n<!-- nav:begin -->\n\n[Contents](../README.md#course-map) · [next](02-half.ipynb)\n\n"
            "<!-- nav:end -->\n\nHow? $f[i](x)$ [web](https://example.org/a) [data](../README.md)")
    solution = new_code_cell(FUNCTION, execution_count=1, outputs=[new_output("stream", text="seen\n")],
                             metadata={"tags": ["solution"]})
    page(tmp_path, "01-double.ipynb", new_markdown_cell(head), solution)
    page(tmp_path, "02-half.ipynb", new_markdown_cell("# 02 · Half\n\nWhy?"), new_code_cell("a = 1"))
    return tmp_path


def test_within_a_function_the_region_becomes_a_raise():
    assert editions.student_source(FUNCTION, True) == """def double(y):
    \"\"\"2 y.\"\"\"
    raise NotImplementedError("return \\"twice\\" y")"""


@pytest.mark.parametrize("source, expected", [
    (region("guess = 544.0"), "guess = None  # say it"),
    (region("a = 1", "b, c = a, 2") + "\nprint(a)", "a = None  # say it\nb = None\nc = None\nprint(a)"),
    ("def f():\n    return 1\n" + region("a = f()"), "def f():\n    return 1\na = None  # say it"),
    ("def f():\n" + region("a = 1", indent="    ") + "\n    return a\n",
     'def f():\n    raise NotImplementedError("say it")\n    return a'),
    ("class A:\n    def f(self):\n        if self:\n" + region("return 1", indent="            "),
     'class A:\n    def f(self):\n        if self:\n            raise NotImplementedError("say it")'),
    ("def f():\n" + region("def g():", "    return 1", "return g()", indent="    ") + "\n" + region("a = f"),
     'def f():\n    raise NotImplementedError("say it")\na = None  # say it'),
])
def test_regions(source, expected):
    assert editions.student_source(source, True) == expected


@pytest.mark.parametrize("source, words", [
    ("# BEGIN SOLUTION: a\na = 1", "without an END SOLUTION"),
    ("a = 1\n# END SOLUTION", "without a BEGIN SOLUTION"),
    (region("a = 1\n# BEGIN SOLUTION: b"), "before the last one"),
    ("# BEGIN SOLUTION\na = 1\n# END SOLUTION", "must read `# BEGIN SOLUTION: what to write`"),
    ("# begin solution: a\na = 1\n# end solution", "must read"),
    ("a = 1", "lacks # BEGIN SOLUTION"),
    (region("# nothing"), "holds no statement"),
    (region("print(1)"), "must stand within the body of one function"),
    (region("def f():", "    return 1"), "must stand within the body of one function"),
    (region("a.b = 1"), "nothing but assignments"),
    ("if True:\n" + region("a = 1", indent="    "), "outside of functions and blocks"),
    ("def f():\n    # BEGIN SOLUTION: a\n    return 1\nb = 2\n# END SOLUTION", "body of one function"),
    ("def f():\n    if True:\n" + region("    a = 1", "else:", "    a = 2", indent="    ") + "\n    return a",
     "a region must hold whole statements"),
    (region("a ="), "no plain Python"),
])
def test_a_region_that_is_none(source, words):
    with pytest.raises(editions.EditionError, match=".*"):
        try:
            editions.student_source(source, True)
        except editions.EditionError as error:
            assert words in str(error)
            raise


def test_a_solution_without_its_tag_never_leaks():
    with pytest.raises(editions.EditionError, match="lacks the tag"):
        editions.student_source(FUNCTION, False)


def test_edition(course, capsys):
    assert editions.main([], course) == 0
    source = nbformat.read(course / "notebooks/01-double.ipynb", as_version=4)
    nb = nbformat.read(course / "notebooks/student/01-double.ipynb", as_version=4)
    nbformat.validate(nb)
    assert [c.id for c in nb.cells] == [c.id for c in source.cells]
    assert nb.cells[1].outputs == [] and nb.cells[1].execution_count is None
    assert nb.cells[1].metadata.tags == ["solution", "raises-exception"] and "2 * y" not in json.dumps(nb)
    head = nb.cells[0].source
    assert head.startswith("# 01 · Double") and "Student edition" in head and "python tools/editions.py" in head
    assert "[next](02-half.ipynb)" in head and "(../../README.md#course-map)" in head and "(../../README.md)" in head
    assert "$f[i](x)$" in head and "(https://example.org/a)" in head and "(../01-double.ipynb)" in head


def test_check_names_what_is_stale_missing_or_an_orphan(course, capsys):
    assert editions.main([], course) == 0
    assert editions.main(["--check"], course) == 0 and capsys.readouterr().out == ""
    student = course / "notebooks/student"
    (student / "01-double.ipynb").write_text("{}", encoding="utf-8")
    (student / "02-half.ipynb").rename(student / "03-third.ipynb")
    assert editions.main(["--check"], course) == 1
    out = capsys.readouterr().out
    assert "01-double.ipynb is stale" in out and "02-half.ipynb is missing" in out and "03-third.ipynb is of no" in out
    assert editions.main([], course) == 0
    assert sorted(p.name for p in student.iterdir()) == ["01-double.ipynb", "02-half.ipynb"]


def test_an_error_names_notebook_and_cell(course, capsys):
    page(course, "03-wrong.ipynb", new_markdown_cell("# 03"), new_code_cell("a = 1"), new_code_cell(FUNCTION))
    for mode in ([], ["--check"], ["--work"]):
        assert editions.main(mode, course) == 1
        assert "03-wrong.ipynb, Cell 1: it holds a solution" in capsys.readouterr().err


def test_work_is_never_overwritten(course, capsys):
    assert editions.main(["--work"], course) == 0
    mine = course / "work/01-double.ipynb"
    text = mine.read_text(encoding="utf-8")
    assert "(../README.md)" in text and "(../notebooks/01-double.ipynb)" in text and "This copy is yours" in text
    mine.write_text(text.replace("raise NotImplementedError", "return 2 * y"), encoding="utf-8")
    (course / "work/02-half.ipynb").unlink()
    assert editions.main(["--work"], course) == 0
    assert mine.read_text(encoding="utf-8") == text.replace("raise NotImplementedError", "return 2 * y")
    assert sorted(path.name for path in (course / "work").iterdir()) == ["01-double.ipynb", "02-half.ipynb"]
    assert "kept  work/01-double.ipynb" in capsys.readouterr().out


@pytest.mark.skipif(not contents.notebooks(ROOT), reason="no notebook yet")
def test_the_stored_edition_is_current():
    assert editions.stale(ROOT) == []


@pytest.mark.parametrize("answer", ["def double(y)\n    return 2 * y", "double = 1 / 0", "return 2"])
def test_a_mistake_in_an_answer_stops_no_run_all(course, answer):
    cell = nbformat.reads(editions.derive(course / "notebooks/01-double.ipynb", "work"), as_version=4).cells[1]
    page = new_notebook(cells=[new_code_cell(answer, metadata=cell.metadata), new_code_cell("print('below')")])
    NotebookClient(page).execute()
    assert page.cells[0].outputs[-1].output_type == "error" and page.cells[1].outputs[0].text == "below\n"


@pytest.mark.parametrize("name", ["01-double-Copy1.ipynb", "01-double copy.ipynb", "01-double-copy.ipynb",
                                  "01-double (1).ipynb", "Untitled.ipynb"])
def test_copies_are_left_alone(course, capsys, name):
    page(course, name, new_code_cell("no title"))
    mine = course / "notebooks/student" / name
    assert editions.main([], course) == 0
    mine.write_text("my answers", encoding="utf-8")
    assert editions.main(["--check"], course) == 0 and editions.main([], course) == 0
    assert editions.main(["--work"], course) == 0
    assert mine.read_text(encoding="utf-8") == "my answers"
    assert sorted(path.name for path in (course / "work").iterdir()) == ["01-double.ipynb", "02-half.ipynb"]


def test_where_nothing_can_be_written_one_sentence_says_what_to_do(course, capsys, monkeypatch):
    def refuse(path, *arguments, **options):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert editions.main(["--work"], course) == 1
    assert capsys.readouterr().err == ("work/ can't be written here (Permission denied): clone the course into a "
                                       "folder of yours, then `make student` there\n")


def test_nothing_half_written(course, monkeypatch):
    def full(path, data):
        path.open("wb").write(data[:10])
        raise OSError(28, "No space left on device")

    assert editions.main(["--work"], course) == 0
    (course / "work/02-half.ipynb").unlink()
    monkeypatch.setattr(Path, "write_bytes", full)
    assert editions.main(["--work"], course) == 1
    assert [path.name for path in (course / "work").iterdir()] == ["01-double.ipynb"]
