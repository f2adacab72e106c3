"""What is graded of a submission: the course's page, the student's answers, and only the cells that they need."""

import copy

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from submission import names, needed, restored

ANSWER = {"solution": True, "grade": False, "locked": False}
CHECK = {"solution": False, "grade": True, "locked": True, "points": 2}


def cell(name, source, marks=None):
    made = new_code_cell(source, metadata={"nbgrader": marks | {"grade_id": name}} if marks else {})
    made.id = name
    return made


@pytest.fixture
def page():
    text = new_markdown_cell("Text.")
    text.id = "text"
    return new_notebook(cells=[cell("setup", "import torch"), text, cell("answer-f", "def f(): hole", ANSWER),
                               cell("check-f", "f = check('f')\nhidden", CHECK), cell("plot", "plot(f)"),
                               cell("answer-g", "def g(): hole", ANSWER), cell("check-g", "g = check('g')", CHECK)])


@pytest.fixture
def handed_in(page):
    nb = copy.deepcopy(page)
    nb.cells[2].source, nb.cells[5].source = "def f(): 1", "def g(): 2"
    nb.cells[3].source = "f = check('f')"  # as released, without the hidden line
    return nb


def sources(cells):
    return [c.source for c in cells if c.cell_type == "code"]


DONE = ["import torch", "def f(): 1", "f = check('f')\nhidden", "plot(f)", "def g(): 2", "g = check('g')"]


def test_answers_stay_and_checks_are_the_pages(page, handed_in):
    before = copy.deepcopy(page)
    assert sources(restored(handed_in, page)) == DONE
    assert page == before


def test_what_was_deleted_comes_back_open(page, handed_in):
    handed_in.cells = [handed_in.cells[2]]
    assert sources(restored(handed_in, page)) == [*DONE[:4], "def g(): hole", DONE[5]]
    assert sources(restored(new_notebook(), page)) == sources(page.cells)


@pytest.mark.parametrize("mark", [{"grade_id": "check-f", "grade": True, "points": 100}, {}, None,
                                  {"grade_id": "check-f", "grade": False, "solution": True, "locked": False}])
def test_an_edited_check_is_the_pages_again(page, handed_in, mark):
    handed_in.cells[3].source = "print('✔ f')"
    handed_in.cells[3].metadata = {"nbgrader": mark} if mark is not None else {}
    cells = restored(handed_in, page)
    assert sources(cells) == DONE and cells[3].metadata.nbgrader.points == 2


def test_of_two_answers_the_last_counts_and_their_order_is_the_pages(page, handed_in):
    again = cell("answer-f", "def f(): 3", ANSWER)
    again.id = "copied"
    handed_in.cells = [*handed_in.cells[::-1], again]
    assert sources(restored(handed_in, page)) == [DONE[0], "def f(): 3", *DONE[2:]]


def test_cells_of_his_own_stay_where_they_were_and_are_worth_nothing(page, handed_in):
    handed_in.cells.insert(0, cell("mine-0", "first"))
    handed_in.cells.insert(4, cell("mine-1", "helper", CHECK))
    handed_in.cells.append(cell("mine-2", "last"))
    handed_in.cells.append(cell("mine-3", " "))
    cells = restored(handed_in, page)
    assert sources(cells) == ["first", *DONE[:2], "helper", *DONE[2:], "last"]
    assert [c.metadata for c in cells if c.id.startswith("mine")] == [{}, {}, {}]


def test_a_cell_of_the_page_that_he_changed_is_his(page, handed_in):
    handed_in.cells[0].source = "import torch, math"
    handed_in.cells[1].source = "Other text."
    cells = restored(handed_in, page)
    assert sources(cells) == ["import torch, math", *DONE[1:]] and cells[1].source == "Text."


def test_without_ids_cells_are_found_by_their_text(page, handed_in):
    handed_in.cells.insert(1, cell("mine", "helper"))
    for each in handed_in.cells:
        del each["id"]
    assert sources(restored(handed_in, page)) == [DONE[0], "helper", *DONE[1:]]


def test_a_new_release_keeps_the_answers_to_what_is_still_there(page, handed_in):
    page.cells[4:4] = [cell("answer-new", "def new(): hole", ANSWER), cell("check-new", "check('new')", CHECK)]
    page.cells[0].source = "import torch  # as of today"
    del page.cells[-2:]
    assert sources(restored(handed_in, page)) == [
        "import torch", *DONE[1:3], "def new(): hole", "check('new')", DONE[3], "def g(): 2", "g = check('g')"]


@pytest.mark.parametrize("source, binds, reads", [
    ("import torch.nn as nn\nx = nn.f(y)", {"nn", "x"}, {"nn", "y"}),
    ("def f(a, b=c):\n    d = a\n    return e(d)", {"f"}, {"c", "e"}),
    ("def f():\n    global n\n    n = 1", {"f", "n"}, set()),
    ("class A(B):\n    def m(self):\n        return z", {"A"}, {"B", "z"}),
    ("g = lambda y: w * y\n[q for q in r]", {"g"}, {"w", "r"}),
    ("for i in range(3):\n    k += i", {"i", "k"}, {"range", "i", "k"}),
    ("if (m := n) > 0:\n    pass", {"m"}, {"n"}),
    ("from math import *", {"*"}, set()),
])
def test_the_names_of_a_cell(source, binds, reads):
    found = names(source)
    assert found.binds == binds and found.reads - binds == reads - binds


def test_no_python_has_no_names():
    assert names("%matplotlib inline") is None and names("def f(:") is None and names("x = '\0'") is None


@pytest.mark.parametrize("cells, roots, want", [
    (["import torch", "slow = train()", "def f(x):\n    return torch.abs(x)"], [2], [0, 2]),
    (["import torch", "slow = train()", "def f(x):\n    return slow"], [2], [1, 2]),
    (["def train():\n    return base", "base = 1", "slow = train()", "slow"], [3], [0, 1, 2, 3]),
    (["def f():\n    return late", "unused = 1", "late = 2"], [0], [0, 2]),  # looked up when it is called
    (["codes = []", "codes.append(1)", "codes[0] = 2", "print(codes)", "codes"], [4], [0, 1, 2, 4]),
    (["import figures", "figures.show(1)", "figures"], [2], [0, 2]),  # a call of a module's changes no name
    (["from math import *", "%time 1", "y = 1", "pi"], [3], [0, 1, 3]),
    (["x = 1", "def f(:", "g = x"], [1], [1]),
    (["x = y", "y = x"], [0], [0, 1]),
])
def test_only_what_is_needed_runs(cells, roots, want):
    assert needed([cell(f"c{i}", source) for i, source in enumerate(cells)], roots) == want
