"""TEACHING.md: it leans on claims, figures and exercises that are there; what is wrong with the data file is named."""

import copy
import json
import re

import lecture
import pages
import pytest
import teaching
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from utils.exercises import EXERCISES

ROOT = pages.ROOT
SAID = teaching.load(ROOT)
PATHS = pages.notebooks()
BOOKS = [pages.describe(path) for path in PATHS]
NOTEBOOKS = {path.name[:2]: json.loads(path.read_text(encoding="utf-8")) for path in PATHS}
CLAIMS = lecture.claims_of(BOOKS, list(NOTEBOOKS.values()))
TEXT = (ROOT / "TEACHING.md").read_text(encoding="utf-8")


def test_data_file_and_pages_agree():
    assert teaching.problems(SAID, CLAIMS, NOTEBOOKS) == []


def test_every_exercise_with_a_check_stands_there_with_all_its_wrong_answers():
    named = re.findall(r"^\*\*Exercise \d+\*\*.*: `(\w+)`\.$", TEXT, re.MULTILINE)
    assert sorted(named) == sorted(EXERCISES)
    for exercise in EXERCISES.values():
        for message in exercise.mistakes:
            assert f"\n- {message}\n" in TEXT, (exercise.name, message)


def test_every_page_has_its_section_with_goals_figure_question_and_answer():
    sections = re.split(r'^## <a id="p', TEXT, flags=re.MULTILINE)[1:]
    assert [section[:2] for section in sections] == sorted(NOTEBOOKS)
    for section in sections:
        for begins in ("**After this page you can** ", "**The one figure**, under *", "**The question that splits",
                       "**The answer.** ", "**Leave out:** "):
            assert section.count(f"\n{begins}") == 1, (section[:2], begins)
        assert "(missing)" not in section and not re.search(r"\{\d\d: ", section)
        assert re.search(r"\*\*The answer\.\*\*.*\]\(CLAIMS\.md#c\d\d-\d+\)", section), "an answer leads to its claims"


def test_the_exercises_of_every_page_are_numbered_without_a_gap():
    for number, nb in NOTEBOOKS.items():
        found = teaching.exercises_of(nb)
        assert [one.number for one in found] == list(range(1, len(found) + 1)), number
        for one in found:
            assert bool(one.name) == (one.kind.lower() in ("do", "spot the bug", "spot the bugs")), (number, one)
            assert bool(one.truth) == (one.kind == "Predict"), (number, one)


def test_the_plans_stand_in_instructors():
    text = (ROOT / "INSTRUCTORS.md").read_text(encoding="utf-8")
    assert teaching.sessions(SAID, BOOKS, NOTEBOOKS) in text
    assert set(sum(SAID["plan"][0]["sessions"], [])) == set(NOTEBOOKS), "the first plan is the whole course"


# --- mistakes planted in the data file, and in the pages ---

def one(said, number):
    return next(page for page in said["page"] if page["notebook"] == number)


@pytest.mark.parametrize("change, words", [
    (lambda said, *_: one(said, "05").update(figure="Gap to the sky"), "teaching 05: 0 figures begin with 'Gap to the"),
    (lambda said, *_: one(said, "05").update(figure=""), "figures begin with '', should be 1"),
    (lambda said, *_: one(said, "05").update(answer="No."), "teaching 05: the answer leans on no claim"),
    (lambda said, *_: one(said, "05").update(answer="{05: no such}"), "0 claims of page 05 begin with 'no such'"),
    (lambda said, *_: one(said, "05").update(claims=["04: with an L2"]), "teaching 05: 2 claims of page 04 begin with"),
    (lambda said, claims, _: claims.update({"06": [c._replace(holds=False) for c in claims["06"]]}),
     "does not hold on the stored page 06"),
    (lambda said, *_: one(said, "05").update(exercise=8), "teaching 05: the page has no Exercise 8"),
    (lambda said, *_: one(said, "05").update(goals="see"), "teaching 05: the page's head says what one can do"),
    (lambda said, *_: one(said, "00").pop("goals"), "teaching 00: neither head nor data file has goals"),
    (lambda said, *_: one(said, "01").update(minutes=66), "00 + 01 takes 91 minutes of 90"),
    (lambda said, *_: said["plan"][0]["sessions"].append(["12"]), "there is no page 12"),
    (lambda said, *_: said["page"].pop(), "speaks of the pages 00, 01"),
    (lambda said, _, notebooks: notebooks.pop("08"), "sessions of 90 minutes': there is no page 08"),
])
def test_a_planted_mistake_is_named(change, words):
    said, claims, notebooks = copy.deepcopy((SAID, CLAIMS, NOTEBOOKS))
    change(said, claims, notebooks)
    found = teaching.problems(said, claims, notebooks)
    assert any(words in line for line in found), found
    teaching.sessions(said, BOOKS, notebooks)
    teaching.page(said, claims, BOOKS, notebooks, {name: [] for name in EXERCISES})  # written all the same


# --- what is read from a page ---

def test_exercises_goals_and_figures_of_a_page():
    picture = new_output("display_data", data={"image/png": "AAAA", "text/plain": "A figure."})
    guess = new_output("stream", text="✔ how many: your guess is close, within 2 · measured 7.5, guessed 7\n")
    nb = new_notebook(cells=[
        new_markdown_cell("# 01 · A page\n\n**After this page you can**\n\n1. do this;\n2. and\n   that.\n\nMore."),
        new_code_cell("draw()", outputs=[picture]),
        new_markdown_cell("## Learning\n### Deeper\n**Exercise 2, Do** (15 minutes). Write it."),
        new_code_cell("def f(): ...", metadata={"tags": ["solution"]}),
        new_code_cell('g = exercises.check("g", "f")', metadata={"tags": ["check"]}, outputs=[picture]),
        new_code_cell("interact(draw)", metadata={"tags": ["slider"]}, outputs=[picture]),
        new_markdown_cell("**Exercise 1, Predict** (1 minute). Guess.\n\n**Exercise 3** (20 minutes). Try."),
        new_code_cell("guess = 7", metadata={"tags": ["solution"]})])
    assert teaching.exercises_of(nb) == [teaching.Exercise(1, "Predict", 1, "", ""),
                                         teaching.Exercise(2, "Do", 15, "f", ""), teaching.Exercise(3, "", 20, "", "")]
    nb.cells[6].source = "**Exercise 1, Predict** (1 minute). Guess."
    nb.cells.append(new_code_cell("exercises.predict('how many', guess, n, within=2)",
                                  metadata={"tags": ["predict"]}, outputs=[guess]))
    assert teaching.exercises_of(nb)[0] == teaching.Exercise(1, "Predict", 1, "", "7.5")
    assert teaching.goals_of(nb) == "do this; and that."
    assert teaching.figures_of(nb) == [("01 · A page", "A figure."), ("Deeper", "A figure.")]
