"""A new release meets a student's copy: every kind of local change, and nothing of it is lost."""

import copy
import json
import shutil

import editions
import nbformat
import pages
import pytest
import updates
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from pages import text_of

ROOT = pages.ROOT
NAME = "01-toy.ipynb"
MINE = "def double(y):\n    return y + y  # MINE"


def solution(name, value):
    return f"def {name}(y):\n    # BEGIN SOLUTION: return it\n    return {value}\n    # END SOLUTION"


def cells():
    """A page of two exercises and a guess, whose cells have ids that one can read."""
    tagged = {"tags": ["solution"]}
    made = [("head", new_markdown_cell("# 01 · Toy\n\n<!-- nav:begin -->\n\n[Contents](../README.md)\n\n"
                                       "<!-- nav:end -->\n\nWhy? Measured time: 10 s there.")),
            ("setup", new_code_cell("import math")),
            ("text", new_markdown_cell("Some text.")),
            ("double", new_code_cell(solution("double", "2 * y"), metadata=tagged)),
            ("check", new_code_cell("double = check('double')")),
            ("half", new_code_cell(solution("half", "y / 2"), metadata=tagged)),
            ("guess", new_code_cell("# BEGIN SOLUTION: write a number\nguess = 3\n# END SOLUTION", metadata=tagged)),
            ("end", new_markdown_cell("The end."))]
    for name, cell in made:
        cell.id = name
    return [cell for _, cell in made]


def publish(root, change=None):
    """Write the course's page, with a change, as a release."""
    made = cells()
    if change:
        change(made)
    (root / "notebooks").mkdir(exist_ok=True)
    nbformat.write(new_notebook(cells=made), root / "notebooks" / NAME)


def of(nb, name):
    return next(cell for cell in nb["cells"] if cell.get("id") == name)


@pytest.fixture
def course(tmp_path):
    (tmp_path / "README.md").write_text("# A course\n", encoding="utf-8")
    publish(tmp_path)
    assert editions.main(["--work"], tmp_path) == 0
    return tmp_path


def edit(root, change, name=NAME):
    """Change a copy in work/ as a student would."""
    path = root / "work" / name
    nb = json.loads(path.read_text(encoding="utf-8"))
    change(nb)
    path.write_text(json.dumps(nb), encoding="utf-8")


def new_text(made):
    made[2].source = "A NEW RELEASE."


def again(root, capsys):
    """make student once more: (its lines, {file: bytes} before, {file: bytes} after)."""
    before = {path.name: path.read_bytes() for path in (root / "work").iterdir()}
    capsys.readouterr()
    assert editions.main(["--work"], root) == 0
    return capsys.readouterr().out, before, {path.name: path.read_bytes() for path in (root / "work").iterdir()}


def answer(nb):
    of(nb, "double")["source"] = MINE


def guess(nb):
    of(nb, "guess")["source"] = ["guess = 7", "  # MINE"]


def own_cells(nb):
    at = nb["cells"].index(of(nb, "check"))
    nb["cells"][at:at] = [new_code_cell("MINE = 1", execution_count=3, outputs=[new_output("stream", text="1\n")]),
                       new_markdown_cell("MINE, too")]


def note(nb):
    of(nb, "text")["source"] = "Some text. MINE"


def parameter(nb):
    of(nb, "setup")["source"] = "import math  # MINE"


def deleted(nb):
    answer(nb)
    nb["cells"].remove(of(nb, "text"))


def moved(nb):
    answer(nb)
    nb["cells"].insert(1, nb["cells"].pop())


def split(nb):
    at = nb["cells"].index(of(nb, "double"))
    nb["cells"][at:at + 1] = [new_code_cell("import torch  # MINE"), new_code_cell(MINE)]


def executed(nb):
    answer(nb)
    for count, cell in enumerate(cell for cell in nb["cells"] if cell["cell_type"] == "code"):
        cell["execution_count"] = count
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "42\n"}]


def copied(nb):
    answer(nb)
    nb["cells"].append(copy.deepcopy(of(nb, "double")))


def unstamped(nb):
    answer(nb)
    del nb["metadata"]["practicum"]


def without_ids(nb):
    answer(nb)
    for cell in nb["cells"]:
        del cell["id"]


def as_text(nb):
    answer(nb)
    of(nb, "half")["cell_type"] = "raw"


# what a student did, how often MINE stands in the new page, and what the line says
CHANGES = [
    (answer, 1, "with 1 answer carried over; work/01-toy.ipynb stays as it is\n"),
    (guess, 1, "with 1 answer carried over"),
    (own_cells, 2, "with 0 answers and 2 cells of yours carried over"),
    (note, 0, "with 0 answers carried over; work/01-toy.ipynb stays as it is, with 1 other change\n"),
    (parameter, 0, "with 1 other change\n"),
    (deleted, 1, "with 1 answer carried over"),
    (moved, 1, "with 1 answer carried over"),
    (split, 2, "with 0 answers and 2 cells of yours carried over"),
    (executed, 1, "with 1 answer carried over"),
    (copied, 2, "with 1 answer and 1 cell of yours carried over"),
    (unstamped, 1, "with 1 answer carried over"),
    (without_ids, 0, "have lost their ids, so nothing was carried over, and it stays as it is\n"),
    (as_text, 1, "with 1 answer carried over; work/01-toy.ipynb stays as it is, with 1 other change\n"),
]


@pytest.mark.parametrize("change, carried, words", CHANGES, ids=[change.__name__ for change, *_ in CHANGES])
def test_a_changed_copy_stays_and_the_new_page_comes_beside_it(course, capsys, change, carried, words):
    edit(course, change)
    publish(course, new_text)
    out, before, after = again(course, capsys)
    assert out.startswith("wrote work/01-toy-2.ipynb: the page has a new release") and out.count("\n") == 1
    assert words in out, out
    assert after.pop("01-toy-2.ipynb").count(b"MINE") == carried and after == before, "his file stays byte for byte"
    nb = nbformat.read(course / "work/01-toy-2.ipynb", as_version=4)
    nbformat.validate(nb)
    assert of(nb, "text").source == "A NEW RELEASE." and {cell.id for cell in cells()} <= {c.id for c in nb.cells}
    assert not any(cell.get("outputs") for cell in nb.cells)
    out, before, after = again(course, capsys)
    assert before == after and out == "kept  work/01-toy-2.ipynb, which is yours (delete it to begin anew)\n"


def test_without_a_new_release_every_change_is_kept(course, capsys):
    for change in (answer, guess, own_cells, note, parameter, deleted, moved, executed, copied, as_text, split):
        edit(course, change)
        out, before, after = again(course, capsys)
        assert before == after and out.startswith("kept  work/01-toy.ipynb"), change


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"cells": 3, "metadata": {}}', '{"cells": [{}]}',
                                  '{"worksheets": []}', "<<<<<<< HEAD\n{}", "\udcff"])
def test_a_file_that_is_no_notebook_stays(course, capsys, text):
    (course / "work" / NAME).write_bytes(text.encode("utf-8", "surrogateescape"))
    publish(course, new_text)
    out, before, after = again(course, capsys)
    assert "can't be read as a notebook, so nothing was carried over, and it stays as it is\n" in out
    assert after.pop("01-toy-2.ipynb") and after == before
    assert again(course, capsys)[0].startswith("kept  work/01-toy-2.ipynb")


@pytest.mark.parametrize("change", [
    lambda nb: None,
    lambda nb: [cell.update(outputs=[{"output_type": "stream", "name": "stdout", "text": "42"}], execution_count=1)
                for cell in nb["cells"] if cell["cell_type"] == "code"],
    lambda nb: nb["cells"].append(new_code_cell("")),
    lambda nb: nb["metadata"].update(kernelspec={"name": "python3", "display_name": "mine"}),
    lambda nb: of(nb, "text").update(source=["Some ", "text."]),
], ids=["never opened", "run", "an empty cell", "another kernel", "saved in lines"])
def test_a_copy_in_which_nothing_was_changed_is_replaced(course, capsys, change):
    edit(course, change)
    publish(course, new_text)
    out, _, after = again(course, capsys)
    assert out == "wrote work/01-toy.ipynb: the page has a new release, and you had changed nothing\n"
    assert list(after) == [NAME] and b"A NEW RELEASE." in after[NAME]


def test_a_new_time_or_map_is_no_new_release(course, capsys):
    edit(course, answer)
    publish(course, lambda made: made[0].update(source=made[0].source.replace("10 s", "12 s").replace("../README.md",
                                                                                                      "02-b.ipynb")))
    out, before, after = again(course, capsys)
    assert before == after and out.startswith("kept  work/01-toy.ipynb")


def test_an_answer_to_an_exercise_that_changed_or_is_gone_is_told(course, capsys):
    def do_all(nb):
        answer(nb)
        of(nb, "half").update(source="def half(y):\n    return y - y / 2  # MINE")

    def reword(made):
        made[3].source = solution("double", "2.0 * y").replace("return it", "return twice y")
        del made[5]

    edit(course, do_all)
    publish(course, reword)
    out, _, after = again(course, capsys)
    assert "with 1 answer carried over (1 to an exercise that has changed); work/01-toy.ipynb stays as it is, with " \
           "1 answer to exercises that are gone\n" in out
    assert of(json.loads(after["01-toy-2.ipynb"]), "double")["source"] == MINE


def test_of_a_copy_without_its_release_only_holes_that_are_filled_are_answers(course, capsys):
    edit(course, unstamped)
    publish(course, lambda made: [cell.update(source=cell.source.replace("return it", "give it")) for cell in made])
    out, _, after = again(course, capsys)
    assert "with 1 answer carried over; " in out
    assert after["01-toy-2.ipynb"].count(b"give it") == 1, "the hole of `half` is the new one"


@pytest.mark.parametrize("text, words", [('{"cells": [], "metadata": {}}', "nothing was carried over"),
                                         (None, "with 1 answer carried over")], ids=["no cells", "with a mark"])
def test_odd_notebooks(course, capsys, text, words):
    edit(course, answer)
    path = course / "work" / NAME
    path.write_text(path.read_text(encoding="utf-8") if text is None else text, encoding="utf-8-sig")
    publish(course, new_text)
    out, before, after = again(course, capsys)
    assert words in out and after.pop("01-toy-2.ipynb") and after == before


def test_cells_of_his_come_where_they_were(course, capsys):
    def at_both_ends(nb):
        nb["cells"] = [new_markdown_cell("FIRST"), *nb["cells"], new_markdown_cell("LAST")]

    edit(course, split)
    edit(course, at_both_ends)
    publish(course, lambda made: made.insert(4, new_markdown_cell("NEW")))
    again(course, capsys)
    page = json.loads((course / "work/01-toy-2.ipynb").read_text(encoding="utf-8"))
    texts = [text_of(cell) for cell in page["cells"]]
    assert texts[0] == "FIRST" and texts[-1] == "LAST"
    hole, check = (next(i for i, text in enumerate(texts) if words in text) for words in ("return it", "check("))
    assert hole < texts.index(MINE) < check, "after the hole that it fills, before its check"


def test_release_after_release(course, capsys):
    edit(course, answer)
    publish(course, new_text)
    again(course, capsys)
    edit(course, guess, "01-toy-2.ipynb")
    publish(course, lambda made: made[2].update(source="THE THIRD."))
    out, before, after = again(course, capsys)
    assert out.startswith("wrote work/01-toy-3.ipynb") and "with 2 answers carried over" in out
    assert after.pop("01-toy-3.ipynb").count(b"MINE") == 2 and after == before


def test_a_file_of_that_name_is_never_written_over(course, capsys):
    edit(course, answer)
    for name in ("01-toy-2.ipynb", "01-toy-10.ipynb", "01-toy-Copy1.ipynb", "01-toy (2).ipynb"):
        shutil.copy(course / "work" / NAME, course / "work" / name)
    publish(course, new_text)
    _, before, after = again(course, capsys)
    assert after.keys() - before.keys() == {"01-toy-11.ipynb"} and all(after[name] == before[name] for name in before)


def test_a_full_disk_costs_nothing(course, capsys, monkeypatch):
    edit(course, answer)
    publish(course, new_text)
    before = {path.name: path.read_bytes() for path in (course / "work").iterdir()}

    def full(path, data):
        path.open("wb").write(data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    assert editions.main(["--work"], course) == 1
    assert {path.name: path.read_bytes() for path in (course / "work").iterdir()} == before


@pytest.mark.parametrize("path", pages.notebooks(), ids=lambda path: path.stem[:2])
def test_all_answers_of_every_page_of_the_course_are_carried_over(path):
    """The course's own answers in the holes, and a release that changes the first exercise and all of the text."""
    solved = {cell["id"]: text_of(cell) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
              if "solution" in cell["metadata"].get("tags", [])}
    mine, new = (json.loads(editions.derive(path, "work")) for _ in range(2))
    assert updates.untouched(mine)
    for cell in mine["cells"]:
        cell["source"] = solved.get(cell["id"], text_of(cell))
    first = next(cell for cell in new["cells"] if cell["id"] in solved)
    first["source"] = text_of(first) + "  # as of today"
    for cell in new["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = text_of(cell) + "\nNEW"
    found = updates.update(mine, updates.stamped(new))
    assert found[1:] == (len(solved), 1, 0, 0, 0)
    for cell in found.page["cells"]:
        assert text_of(cell) == solved.get(cell["id"], text_of(of(new, cell["id"])))
