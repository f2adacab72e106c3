"""The student edition run with open holes: what must differ from the solved page, what must not, what is told."""

import editions
import execute
import nbformat
import pytest
import student_run
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from pages import text_of

HEAD = "import torch\nfrom utils import exercises\nfrom utils.claims import claim"
ANSWER = """def squared_distance(y, c):
    # BEGIN SOLUTION: return half the square of the distance
    return 0.5 * ((y - c) ** 2).sum(1)
    # END SOLUTION"""
CHECK = 'squared_distance = exercises.check("squared_distance")'
CLAIM = """E = squared_distance(torch.tensor([[3.0, 4.0]]), torch.zeros(2)).item()
claim("half the square of 5 is at least 12", E, at_least=12)"""
GUESS = "# BEGIN SOLUTION: write a number\nguess = 25\n# END SOLUTION"
PREDICT = 'exercises.predict("the square of 5", guess, 25.0, factor=1.1)'
TALLY = 'exercises.tally("start_here")'
GOOD = [HEAD, ANSWER, CHECK, CLAIM, GUESS, PREDICT, "print('as stored', E)", TALLY]


def course(root, sources, name="01-toy"):
    """A course of one page, solved, run and stored, and its student edition."""
    (root / "notebooks").mkdir(exist_ok=True)
    path = root / f"notebooks/{name}.ipynb"
    cells = [new_code_cell(s, metadata={"tags": ["solution"]} if "BEGIN SOLUTION" in s else {}) for s in sources]
    head = new_markdown_cell("# 01 · A page\n\nWhat? On two CPU cores: 3 s.")
    nbformat.write(new_notebook(cells=[head, *cells]), path)
    assert execute.main([str(path)]) == 0
    assert editions.main([], root) == 0
    return root / "notebooks/student" / path.name


@pytest.fixture(autouse=True)
def own_seed(monkeypatch):
    monkeypatch.delenv("PRACTICUM_OFFLINE", raising=False)
    monkeypatch.delenv("PRACTICUM_SEED", raising=False)


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PRACTICUM_OFFLINE", raising=False)
        patch.delenv("PRACTICUM_SEED", raising=False)
        root = tmp_path_factory.mktemp("good")
        course(root, GOOD)
        return root


def test_open_holes(good, capsys):
    assert student_run.main([], good) == 0
    assert "✔ 01-toy.ipynb" in capsys.readouterr().out


@pytest.mark.parametrize("answer, verdict", [("0.5 * (y - c).square().sum(-1)", "✔"), ("(y - c).square().sum(1)", "✘")])
def test_answers_fill_the_holes(good, tmp_path, capsys, answer, verdict):
    file = tmp_path / "mine.py"
    file.write_text(f"import torch\n\n\ndef squared_distance(y, c):\n    return {answer}\n", encoding="utf-8")
    assert student_run.main(["--answers", str(file)], good) == 0
    assert f"{verdict} squared_distance: " in capsys.readouterr().out


def change(student, old, new):
    """Another source in the student edition than in the solved page, as if the tools, or utils, had gone wrong."""
    nb = nbformat.read(student, as_version=4)
    (cell,) = [c for c in nb.cells if c.cell_type == "code" and old in text_of(c)]
    cell.source = cell.source.replace(old, new)
    nbformat.write(nb, student)


WRONG = [  # what is changed in the student edition, and what must be told
    ("print('as stored', E)", "print('otherwise', E)", "prints 'otherwise 6.5', the solved page 'as stored 12.5'"),
    ("torch.zeros(2)", "torch.ones(2)", "red: ✘ half the square of 5 is at least 12"),
    ('raise NotImplementedError("return half', 'return 0.5 * ((y - c) ** 2).sum(1)  # ("',
     "✔ squared_distance: agrees with the course's"),
    ("guess = None", "guess = 25", "says '✔ the square of 5: your guess is close"),
]


def test_whatever_differs_is_told(good, tmp_path, capsys):
    (tmp_path / "notebooks/student").mkdir(parents=True)
    for path in (good / "notebooks").rglob("*.ipynb"):
        (tmp_path / path.relative_to(good)).write_bytes(path.read_bytes())
    for old, new, _ in WRONG:
        change(tmp_path / "notebooks/student/01-toy.ipynb", old, new)
    assert student_run.main([], tmp_path) == 1
    printed = capsys.readouterr().out
    assert all(words in printed for _, _, words in WRONG), printed
    assert "says '✔ 1 of 1 exercises solved'" in printed
    assert "1 of them not as they should be" in printed


def test_a_cell_that_stops_hides_no_other(tmp_path, capsys):
    course(tmp_path, [HEAD, ANSWER, "squared_distance(torch.zeros(1, 2), torch.zeros(2));", CHECK, CLAIM])
    assert student_run.main([], tmp_path) == 1
    printed = capsys.readouterr().out
    assert "stops: NotImplementedError: return half the square" in printed and "red:" not in printed


def test_a_hole_that_raises_where_it_is_defined_is_told(tmp_path, capsys):
    course(tmp_path, [HEAD, ANSWER + "\n\n\nx = squared_distance(torch.zeros(1, 2), torch.zeros(2))", CHECK, CLAIM])
    assert student_run.main([], tmp_path) == 1
    assert "stops: NotImplementedError" in capsys.readouterr().out


def test_the_longest_page_comes_first(tmp_path):
    folder = tmp_path / "notebooks"
    folder.mkdir()
    for name, seconds in (("01-a", 20), ("02-b", 60), ("03-c", 45)):
        last = new_code_cell("clock.report()", execution_count=1, outputs=[new_output(
            "stream", text=f"time · measured 9 s; this machine takes 1.00 times README's: {seconds} s there\n")])
        nbformat.write(new_notebook(cells=[new_markdown_cell(f"# {name}\n\nWhat?"), last]), folder / f"{name}.ipynb")
    ordered = student_run.longest_first(sorted(folder.iterdir()), tmp_path)
    assert [path.stem for path in ordered] == ["02-b", "03-c", "01-a"]


def test_claims_in_another_order_differ():
    def page(*said):
        calls = new_code_cell('claim("a", 1, at_least=1)\nclaim("b", 1, at_least=1)', outputs=[
            nbformat.v4.new_output("stream", text="".join(f"{line} · measured 1\n" for line in said))])
        return new_notebook(cells=[calls])
    stored = page("✔ a", "✔ b")
    assert student_run.claims_differ(stored, page("✔ a", "✔ b")) == []
    assert student_run.claims_differ(stored, page("✔ b", "✔ a")) != []
    assert student_run.claims_differ(stored, page("✔ a", "✔ b", "✔ b")) != []
    assert student_run.claims_differ(stored, page("✔ a")) == ["missing: ✔ b"]
    assert student_run.claims_differ(stored, page("✔ a", "✘ b")) == ["red: ✘ b"]
