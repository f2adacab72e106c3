"""A class's assignments follow from the pages; their grade ids and points from the ledger, and both fit."""

import copy
import json
import tomllib

import assignment
import beside
import pytest
from assignment import AssignmentError, opened, source, unlinked
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from pages import ROOT, notebooks, text_of

from utils import exercises

POINTS = assignment.points()
PAGES = [pytest.param(path, id=path.stem) for path in notebooks()]
SOLVED = "def f(x):\n    # BEGIN SOLUTION: return twice x\n    return 2 * x\n    # END SOLUTION"
CHECK = 'f = exercises.check("f")'
tagged = {"tags": ["solution"]}


def page(tmp_path, *cells):
    nb = new_notebook(cells=[new_markdown_cell("# 01 · Toy\n\nText."), *cells])
    path = tmp_path / "01-toy.ipynb"
    path.write_text(json.dumps(nb), encoding="utf-8")
    return path


def marked(nb):
    """{grade id: cell} of what nbgrader knows."""
    return {c["metadata"]["nbgrader"]["grade_id"]: c for c in nb["cells"] if "nbgrader" in c["metadata"]}


@pytest.mark.parametrize("path", PAGES)
def test_every_exercise_of_a_page_has_an_answer_a_check_and_points(path):
    cells = marked(source(path, POINTS[path.stem]))
    for name, worth in POINTS[path.stem].items():
        answer, check = cells.pop(f"answer-{name}"), cells.pop(f"check-{name}")
        assert answer["metadata"]["nbgrader"]["solution"] and not answer["metadata"]["nbgrader"]["grade"]
        assert check["metadata"]["nbgrader"]["locked"] and check["metadata"]["nbgrader"]["points"] == worth
        assert f"exercises.grade('{name}', points={worth})" in text_of(check)
        assert "BEGIN SOLUTION" in text_of(answer)
    assert all(name.startswith("guess-") and "guess" in text_of(cell) for name, cell in cells.items())


def test_the_ledger_names_every_exercise_once():
    """A name that a class uses stays: whoever renames an exercise loses what was handed in for it."""
    assert list(POINTS) == [path.stem for path in notebooks()]
    names = [name for page in POINTS.values() for name in page]
    assert sorted(names) == sorted(exercises.EXERCISES)
    assert all(isinstance(worth, int) and worth > 0 for page in POINTS.values() for worth in page.values())


@pytest.mark.parametrize("path", PAGES)
def test_the_release_is_the_student_edition(path):
    """The same code cells, with the same ids; no line of it is hidden, and no answer is left."""
    release = opened(source(path, POINTS[path.stem]))
    student = json.loads((ROOT / "notebooks/student" / path.name).read_text(encoding="utf-8"))
    assert [(c["id"], text_of(c)) for c in release["cells"] if c["cell_type"] == "code"] == \
        [(c["id"], text_of(c)) for c in student["cells"] if c["cell_type"] == "code"]
    assert not any(word in text_of(c) for c in release["cells"] for word in ("HIDDEN", "SOLUTION", "](../README"))
    assert "**Assignment.**" in text_of(release["cells"][0])
    assert not any(c["outputs"] for c in release["cells"] if c["cell_type"] == "code")


def test_hidden_lines_stay_where_asked_for(tmp_path):
    nb = source(page(tmp_path, new_code_cell(SOLVED, metadata=tagged), new_code_cell(CHECK)), {"f": 3})
    kept = opened(copy.deepcopy(nb), hidden=True)
    assert text_of(kept["cells"][2]) == f"{CHECK}\n### BEGIN HIDDEN TESTS\nexercises.grade('f', points=3)\n" \
                                        "### END HIDDEN TESTS"
    assert text_of(opened(nb)["cells"][2]) == CHECK
    assert 'raise NotImplementedError("return twice x")' in text_of(nb["cells"][1])


@pytest.mark.parametrize("worth, cells, word", [
    ({}, [new_code_cell(SOLVED, metadata=tagged), new_code_cell(CHECK)], "no points for f"),
    ({"f": 2, "g": 2}, [new_code_cell(SOLVED, metadata=tagged), new_code_cell(CHECK)], "it has no exercise g"),
    ({"f": 2}, [new_code_cell(CHECK)], "in a cell above"),
    ({"f": 2}, [new_code_cell(SOLVED, metadata=tagged), new_code_cell(f'{CHECK}\ng = exercises.check("g")')], "of one"),
])
def test_a_page_that_does_not_fit_the_ledger_is_refused(tmp_path, worth, cells, word):
    with pytest.raises(AssignmentError, match=word):
        source(page(tmp_path, *cells), worth)


@pytest.mark.parametrize("text, want", [
    ("[06](06-lista.ipynb)", "[06](../06-lista/06-lista.ipynb)"),
    ("[C](06-lista.ipynb#a)", "[C](../06-lista/06-lista.ipynb#a)"),
    ("([B2.3](../LECTURE.md#B2.3))", "(B2.3)"), ("[web](https://example.org)", "[web](https://example.org)"),
    ("$f[i](x)$", "$f[i](x)$"), ("[here](#exercises)", "[here](#exercises)")])
def test_links_lead_to_what_a_class_has(text, want):
    assert unlinked(text) == want


def test_the_folder_of_a_class_is_its_own_and_its_settings_stay(tmp_path):
    course = tmp_path / "course"
    path = page(tmp_path, new_code_cell(SOLVED, metadata=tagged), new_code_cell(CHECK))
    assignment.write(course, [path], {"01-toy": {"f": 2}})
    settings = (course / "nbgrader_config.py").read_text(encoding="utf-8")
    compile(settings, "settings", "exec")
    assert course.stat().st_mode & 0o777 == 0o700
    (course / "nbgrader_config.py").write_text(f"{settings}# mine", encoding="utf-8")
    assignment.write(course, [path], {"01-toy": {"f": 2}})
    assert (course / "nbgrader_config.py").read_text(encoding="utf-8").endswith("# mine")
    other = tmp_path / "other"
    assignment.write(other, [path], {"01-toy": {"f": 2}})
    assert (other / "nbgrader_config.py").read_text(encoding="utf-8") != settings  # another seed


def test_nbgrader_is_pinned_and_stays_out_of_the_courses_environment():
    asked = beside.extra("class")
    assert asked and all("==" in each for each in asked)
    for name in ("requirements.txt", "requirements.lock", "environment.yml"):
        assert "nbgrader" not in (ROOT / name).read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert not any("nbgrader" in each for each in project["dependencies"])


def test_an_environment_beside_sees_this_one(tmp_path):
    import subprocess
    import sys
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "beside"], check=True)
    beside.see(tmp_path / "beside")
    program = "import torch, utils, sys; print(sys.prefix)"
    done = subprocess.run([tmp_path / "beside/bin/python", "-c", program], cwd=tmp_path, capture_output=True,
                          encoding="utf-8", check=False)
    assert done.stdout.strip() == str(tmp_path / "beside"), done.stderr
