"""HOW-WE-KNOW.md: its numbers are counted from what is there."""

import json

import proof
from nbformat.v4 import new_code_cell, new_notebook


def test_what_is_counted(tmp_path):
    two_runs = "[[run]]\n[[run.mistakes]]\na = 1\n[[run.mistakes]]\na = 2\n[[run]]\nmistakes = []\n"
    files = {
        "tests/test_exercises_03.py": "RIGHT = {'f': [1], 'g': 2}\nWRONG = [('f', 1), ('g', 2), ('g', 3)]\n",
        "tests/test_laws.py": "@given(x)\ndef a(): pass\n\n@few\n@given(x)\ndef b(): pass\n\ndef c(): pass\n",
        "tests/device/plants.toml": "[[plant]]\na = 1\n[[plant]]\na = 2\n", "tests/mutants/03-page.toml": two_runs,
        "ledger/seeds.jsonl": json.dumps({"runs": {"0": [], "1": []}}) + "\n" + json.dumps({"runs": {"0": []}}) + "\n",
        "ledger/rooms.json": json.dumps({"toys": {"table": [5, 1, 2], "operators": [9, 0, 1]},
                                         "data": {"table": [7, 0, 0]}}),
        "benchmarks/results/rbm.json": json.dumps({"rows": [{}, {}, {}, {}]}), "notebooks/03-page.ipynb": "{}"}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    nb = new_notebook(cells=[new_code_cell("claim('a', 1, at_least=0)\nclaim('b', True)")])
    page = proof.page([None], [nb], tmp_path)
    for row in ("stop their page when they fail | 2 on 1 pages |", "both sources of digits | 3 |", "claim red | 2 |",
                "found to be none | 12, 1, 2 |", "the same | 9, 0, 1 |", "CUDA refuses | 2 |", "compared | 2; 3 |",
                "nobody chose | 2 |", "at equal quality | 4 |", "| `data` | 7, 0, 0 |  |",
                "| `toys` | 5, 1, 2 | 9, 0, 1 |"):
        assert row in page, row
