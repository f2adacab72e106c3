"""The numbers of HOW-WE-KNOW.md: how many checks of each kind stand behind the course today.

Written by tools/contents.py. Counted from what is there: the claims of the pages, the ledger's runs, the tables of
planted mistakes, the answers that the tests put to the exercises, the laws. ledger/rooms.json, written by
`make rooms TALLY=ledger/rooms.json`, holds how many of the mistakes planted in utils were noticed.
"""

import ast
import json
import tomllib

from mutants import table as mistakes
from pages import claim_sentences, table

ROOMS = "ledger/rooms.json"


def assigned(path, name):
    """How many elements the list or dictionary has that a file assigns to a name."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            return len(getattr(node.value, "elts", getattr(node.value, "keys", [])))
    return 0


def laws(path):
    """How many tests of a file Hypothesis draws inputs for."""
    return sum(any(isinstance(d, ast.Call) and getattr(d.func, "id", "") == "given" for d in node.decorator_list)
               for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef))


def entries(path, key):
    """How many tables of that name a TOML file holds."""
    return len(tomllib.loads(path.read_text(encoding="utf-8")).get(key, [])) if path.exists() else 0


def comparisons(folder):
    """How many jobs the benchmarks have timed beside other libraries."""
    return sum(len(json.loads(file.read_text(encoding="utf-8"))["rows"]) for file in folder.glob("*.json"))


def rooms(root):
    """The table rooms × noticed, survive, no mistake, for both kinds of mistakes; and the sums of either kind."""
    file = root / ROOMS
    kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    sums = {kind: [sum(column) for column in zip(*(one[kind] for one in kept.values() if kind in one), strict=True)]
            or [0, 0, 0] for kind in ("table", "operators")}
    lines = [[f"`{room}`", *(", ".join(map(str, one[kind])) if kind in one else "" for kind in sums)]
             for room, one in sorted(kept.items())]
    return table(["room of `utils`", "described: noticed, survive, none", "small changes: the same"], lines), sums


def page(books, pages, root):
    """What stands between the comments of HOW-WE-KNOW.md."""
    tests = root / "tests"
    answers = sorted(tests.glob("test_exercises_[0-9][0-9].py"))
    runs = sum(len(line["runs"]) for line in map(json.loads, _lines(root / "ledger/seeds.jsonl")))
    planted = [len(run) for nb in sorted((root / "notebooks").glob("*.ipynb")) for run in mistakes(nb, root)]
    of_rooms, sums = rooms(root)
    rows = [
        ["claims that stop their page when they fail",
         f"{sum(len(claim_sentences(nb)) for nb in pages)} on {len(books)} pages"],
        ["runs of a whole page in the ledger, over seeds and both sources of digits", str(runs)],
        ["mistakes planted in pages, each of which must turn a named claim red", str(sum(planted))],
        ["mistakes described for `utils`, when last run: noticed by a unit test, survived, found to be none",
         ", ".join(map(str, sums["table"]))],
        ["small changes of `utils` tried: the same", ", ".join(map(str, sums["operators"]))],
        ["device mistakes that must stop on a device that refuses what CUDA refuses",
         str(entries(tests / "device/plants.toml", "plant"))],
        ["exercises; wrong answers whose message is compared",
         f"{sum(assigned(file, 'RIGHT') for file in answers)}; {sum(assigned(file, 'WRONG') for file in answers)}"],
        ["laws tried on inputs that nobody chose", str(laws(tests / "test_laws.py"))],
        ["jobs timed beside other libraries, at equal quality", str(comparisons(root / "benchmarks" / "results"))],
    ]
    return table(["what", "today"], rows) + "\n\n" + of_rooms


def _lines(file):
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []
