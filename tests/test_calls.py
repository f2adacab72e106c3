"""The recorder of calls: what it keeps, what it leaves out, that what it wrote is of these pages."""

import json

import calls
import nbformat
import pytest
from execute import read
from lines import checks_of
from nbformat.v4 import new_code_cell, new_notebook
from pages import notebooks, text_of

HEAD = "import math, torch\nfrom utils import exercises"
ANSWER = "def squared_distance(y, c):\n    return 0.5 * ((y - c) ** 2).sum(1)"
CHECK = 'squared_distance = exercises.check("squared_distance")'
USE = """y = torch.tensor([[0.0, -40.0], [math.inf, 0.5]])
squared_distance(y, c=torch.zeros(2, requires_grad=True))
squared_distance(y[:1], torch.zeros(1, 2, dtype=torch.float64))
with torch.no_grad():
    for n in range(20):
        squared_distance(y, n); squared_distance(y, n / 3)
exercises.predict("no such arguments", 1, tolerance=2)"""
STORED = json.loads((calls.ROOT / calls.FILE).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    root = tmp_path_factory.mktemp("calls")
    (root / "notebooks").mkdir()
    (root / "tests").mkdir()
    nb = new_notebook(cells=[new_code_cell(source) for source in (HEAD, ANSWER, CHECK, USE)])
    nbformat.write(nb, root / "notebooks/05-page.ipynb")
    assert calls.main([], root) == 0
    first = (root / calls.FILE).read_bytes()
    assert calls.main([str(root / "notebooks/05-page.ipynb")], root) == 0
    assert (root / calls.FILE).read_bytes() == first, "the same run gives the same record"
    return json.loads(first)["05-page"]["squared_distance"]


def test_a_page_that_stops_keeps_its_old_record(tmp_path, capsys):
    (tmp_path / "tests").mkdir()
    (tmp_path / calls.FILE).write_text('{"05-page": {"f": []}}', encoding="utf-8")
    nbformat.write(new_notebook(cells=[new_code_cell(HEAD), new_code_cell("1 / 0")]), tmp_path / "05-page.ipynb")
    assert calls.main([str(tmp_path / "05-page.ipynb")], tmp_path) == 1
    assert "05-page.ipynb: not recorded, it stops." in capsys.readouterr().err
    assert json.loads((tmp_path / calls.FILE).read_text(encoding="utf-8")) == {"05-page": {"f": []}}


def test_calls_of_one_kind_are_one(recorded):
    assert len(recorded) == 4, "the check's own calls are not among them"


def test_what_is_kept(recorded):
    (named,) = [call for call in recorded if call["keywords"]]
    assert named["arguments"] == {"y": "float32 (a a)", "c": "float32 (a), requires grad"}
    assert named["keywords"] == ["c"] and named["grad_enabled"] and named["result"] == "float32 (a), requires grad"
    assert set(named["seen"]["y"]) == {"at least 30", "at most -30", "between 0 and 1", "inf", "negative", "positive",
                                       "zero"}
    (single,) = [call for call in recorded if "float64" in call["arguments"]["c"]]
    assert single["arguments"] == {"y": "float32 (1 a)", "c": "float64 (1 a)"} and single["result"] == "float64 (1)"


def test_numbers_are_listed_or_summed_up(recorded):
    whole, broken = (next(call for call in recorded if call["arguments"]["c"] == kind) for kind in ("int", "float"))
    assert whole["seen"]["c"] == ["0 to 19"] and not whole["grad_enabled"]
    assert "a float between 0 and 1" in broken["seen"]["c"] and "0.3333333333333333" not in broken["seen"]["c"]


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_the_stored_record_names_the_pages_exercises(path):
    nb = read(path)
    names = {check.exercise for cell in nb.cells if cell.cell_type == "code" for check in checks_of(text_of(cell))}
    assert set(STORED.get(path.stem, {})) == names, f"run `python tools/calls.py notebooks/{path.name}`"
