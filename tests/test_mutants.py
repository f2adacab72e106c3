"""Mistakes planted in pages: the tool notices those that survive, and no table has gone stale."""

import json

import mutants
import nbformat
import pytest
from execute import read
from nbformat.v4 import new_code_cell, new_notebook
from pages import claim_sentences

PAGE = ["from utils.claims import claim", "x = 3",
        "claim('x is at least 2', x, at_least=2)\nclaim('x is at most 5', x, at_most=5)"]
TABLES = sorted((mutants.ROOT / "tests/mutants").glob("*.toml"))


def page(root, new, red):
    (root / "notebooks").mkdir()
    (root / "tests/mutants").mkdir(parents=True)
    path = root / "notebooks/05-page.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(source) for source in PAGE]), path)
    (root / "tests/mutants/05-page.toml").write_text(
        f"[[run]]\n[[run.mistakes]]\nmistake = 'planted'\nold = 'x = 3'\nnew = {json.dumps(new)}\nred = {red}\n",
        encoding="utf-8")
    return path


@pytest.mark.parametrize("new, red, status, words", [
    ("x = 1", ["x is at least"], 0, ["Every mistake was noticed", "no mistake is aimed at:\n    x is at most 5"]),
    ("x = 9", ["x is at most"], 0, ["✔ x is at least 2", "✘ x is at most 5"]),
    ("x = 4", ["x is at least"], 1, ["planted: stays green: x is at least 2"]),
    ("y = 1", ["x is at least"], 1, ["planted: not reached: x is at least 2"]),
    ("import os; os._exit(1)", ["x is at least"], 1, ["the run stopped", "not reached"]),
])
def test_what_survives_is_told(tmp_path, capsys, new, red, status, words):
    assert mutants.main([str(page(tmp_path, new, red))], root=tmp_path) == status
    printed = capsys.readouterr().out
    assert all(word in printed for word in words), printed


def test_a_claim_below_a_red_one_is_reached(tmp_path, capsys):
    assert mutants.main([str(page(tmp_path, "x = float('nan')", ["x is at least", "x is at most"]))],
                        root=tmp_path) == 0


@pytest.mark.parametrize("old, new, words", [("x", "y", "occurs 5 times"), ("x = 4", "x = 5", "occurs 0 times"),
                                             ("x = 3", "x = 3", "the same")])
def test_a_mistake_is_planted_in_exactly_one_place(old, new, words):
    nb = new_notebook(cells=[new_code_cell(source) for source in PAGE])
    with pytest.raises(ValueError, match=words):
        mutants.plant(nb, [{"mistake": "planted", "old": old, "new": new}])


@pytest.mark.parametrize("file", TABLES, ids=[file.stem for file in TABLES])
def test_tables_fit_their_notebooks(file):
    path = mutants.ROOT / "notebooks" / f"{file.stem}.ipynb"
    for mistakes in mutants.table(path):
        nb = read(path)
        for mistake in mistakes:
            assert mistake["red"], f"{mistake['mistake']} aims at no claim"
            for beginning in mistake["red"]:
                mutants.aimed(claim_sentences(nb), beginning)
        mutants.plant(nb, mistakes)
