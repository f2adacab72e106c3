"""Mistakes planted in utils: what survives is told, the operators make what they say, and no table has gone stale."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import operators
import pytest
import rooms

TABLES = rooms.tables()
# the pages' exercises have wrong answers of their own: WRONG in tests/test_exercises_NN.py
WITHOUT = {
    f"exercises.{file.stem}" for file in (rooms.ROOT / "utils/exercises").glob("*.py")
    if f'page="{file.stem}"' in (text := file.read_text(encoding="utf-8")) or "Exercise(" in text
} - {"exercises.harness"}
SOURCE = '''"""Half of it."""


def half(x, up=False):
    """x / 2, rounded."""
    if x < 0:
        raise ValueError(f"{x} is negative")
    return (x + 1) // 2 if up else x // 2
'''
TEST = '''from utils.small import half


def test_half():
    assert half(8) == 4 and half(9) == 4 and half(9, up=True) == 5
'''


def course(root, table):
    """A course of one room, with its test and its table of mistakes."""
    for folder in ("utils", "tests/mutants/utils"):
        (root / folder).mkdir(parents=True)
    for name, text in {"utils/__init__.py": "", "utils/small.py": SOURCE, "tests/test_small.py": TEST,
                       "tests/mutants/utils/small.toml": f'tests = ["test_small"]\n{table}'}.items():
        (root / name).write_text(text, encoding="utf-8")


def plant(root, *options):
    """The tool on that course, in a process of its own, for it forks."""
    call = f"rooms.main({list(options)!r}, pathlib.Path({str(root)!r}), warm=False)"
    run = subprocess.run([sys.executable, "-c", f"import rooms, sys, pathlib; sys.exit({call})"],
                         cwd=rooms.ROOT / "tools", capture_output=True, encoding="utf-8", timeout=200, check=False)
    return run.returncode, run.stdout + run.stderr


def entry(words, old, new, key="mistake"):
    return "".join(f"{name} = {json.dumps(text, ensure_ascii=False)}\n"
                   for name, text in ((key, words), ("old", old), ("new", new)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the tool forks")
def test_what_survives_is_told_and_what_is_no_mistake_is_not(tmp_path):
    entries = [entry("a third", "// 2 if", "// 3 if"), entry("not rounded", "else x // 2", "else x / 2"),
               entry("it hangs", "    if x < 0:", "    while x > 0:\n        pass\n    if x < 0:"),
               entry("minus one passes", "x < 0", "x < -1"),
               entry("a message is free", "is negative", "is below 0", key="because")]
    course(tmp_path, "".join(f"[[mutant]]\n{one}" for one in entries))
    status, out = plant(tmp_path, "--least", "1")
    assert status == 1, out
    assert "✔ a third · test_small.py::test_half" in out and "✔ it hangs · ended by SIGXCPU" in out
    assert "✘ minus one passes · survives" in out and "· is negative → is below 0 · a message is free" in out
    assert re.search(r"small +3 +1 +1\n", out) and out.endswith("small: minus one passes\n1 mistakes survive.\n")
    assert rooms.file_of("small", tmp_path).read_text(encoding="utf-8") == SOURCE


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the tool forks")
def test_operators_and_parts(tmp_path):
    course(tmp_path, "[[mutant]]\n" + entry("a negative half is an error", "x < 0", "x <= 0", key="because"))
    plant(tmp_path, "--operators", "--shard", "1/2", "--json", str(tmp_path / "found.json"),
          "--tally", str(tmp_path / "counts.json"))
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))["small"]
    assert len(found) == len(operators.changes(SOURCE)) / 2  # the table's entry is one of them, and counts once
    assert json.loads((tmp_path / "counts.json").read_text(encoding="utf-8")) == {
        "small": {"table": [0, 0, 1], "operators": [2, 3, 0]}}
    survive = [words.split(" → ")[1] for words, because, came in found if came == "passed" and not because]
    assert survive == ["pass", "return (x + 1) / 2 if up else x // 2", "return (x + 2) // 2 if up else x // 2"]


@pytest.mark.parametrize("old, new, words", [("x", "y", "occurs 6 times"), ("x < 5", "x < 4", "occurs 0 times"),
                                             ("x < 0:", "x < 0:  # same", "the same program")])
def test_a_mistake_is_planted_in_exactly_one_place(old, new, words):
    with pytest.raises(ValueError, match=words):
        rooms.planted(SOURCE, {"mistake": "planted", "old": old, "new": new})


def test_the_operators_change_one_thing_at_a_time_and_leave_messages_alone():
    made = [(change.line, change.new) for change in operators.changes(SOURCE)]
    assert made == [
        (4, "def half(x, up=True):"), (6, "if not x < 0:"), (6, "if x <= 0:"), (6, "if x < 1:"), (7, "pass"),
        (8, "return x // 2 if up else (x + 1) // 2"), (8, "return (x + 1) / 2 if up else x // 2"),
        (8, "return (x - 1) // 2 if up else x // 2"), (8, "return (x + 2) // 2 if up else x // 2"),
        (8, "return (x + 1) // 3 if up else x // 2"), (8, "return (x + 1) // 2 if up else x / 2"),
        (8, "return (x + 1) // 2 if up else x // 3")]
    assert [change.new for change in operators.changes("for a, b in zip(x, y, strict=True):\n    print(a + b)")] == [
        "pass", "print(a - b)"]
    for change in operators.changes(SOURCE):
        text = ast.unparse(change.build())
        assert change.new in " ".join(text.split()) and operators.same(text) != operators.same(SOURCE)


@pytest.mark.parametrize("room", TABLES)
def test_tables_fit_their_rooms(room):
    table, source = TABLES[room], rooms.file_of(room).read_text(encoding="utf-8")
    assert all((rooms.ROOT / f"tests/{test}.py").exists() for test in table["tests"]) and table["tests"]
    for one in table["mutant"]:
        rooms.planted(source, one)  # a program, and another one
        assert ("mistake" in one) != ("because" in one), one


def test_every_room_has_a_table():
    utils = Path(rooms.ROOT / "utils")
    names = {".".join(path.relative_to(utils).with_suffix("").parts) for path in utils.rglob("*.py")
             if path.name != "__init__.py"}
    assert names - WITHOUT == set(TABLES)
