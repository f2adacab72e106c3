"""Plant mistakes in the rooms of utils and see a unit test turn red.

    python tools/rooms.py                           every mistake of the tables
    python tools/rooms.py inference measures.ruler  of these rooms
    python tools/rooms.py --operators …             and every small change that tools/operators.py can make
    python tools/rooms.py --shard 3/12 …            the third of twelve parts

A room's mistakes stand in tests/mutants/utils/<room>.toml, with the tests that must notice them (`tests`, of which
`select` may choose some, as pytest's -k does): a `mistake` in words, what stands there (`old`, which occurs once) and
what is planted (`new`). An entry with `because` is no mistake: what it changes can't be seen, or is meant to be free;
it says why, and nobody is asked to notice it. One mistake is planted at a time, in a copy of the course, and the room's
tests run until the first that fails. Status 1 when one survives.

It forks, so that torch is imported once: Linux and macOS.
"""

import argparse
import ast
import gc
import json
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import NamedTuple

from operators import changes, same
from pages import any_console
from seeds import part

ROOT = Path(__file__).resolve().parents[1]
# what a copy needs beside utils: copied, or linked where it is large and only read
COPIED = ("utils", "tests", "tools", "conftest.py", "pyproject.toml")
LINKED = ("notebooks", "data", "ledger", "README.md")
OPTIONS = ["-x", "-q", "--tb=line", "--noconftest", "-o", "addopts=", "-p", "pytest_timeout",
           "-p", "no:cacheprovider", "-p", "no:unraisableexception"]
TIMES = 5  # how many times longer than without it the tests may take with a mistake


class Mistake(NamedTuple):
    """One planted mistake: its room, what it is, the source of the room with it, and why it is none."""

    room: str
    words: str
    source: str
    because: str = ""


def tables(root=ROOT):
    """{room: its table}, e.g. "measures.ruler"."""
    return {file.stem: tomllib.loads(file.read_text(encoding="utf-8"))
            for file in sorted((root / "tests/mutants/utils").glob("*.toml"))}


def file_of(room, root=ROOT):
    """The file of utils that a room's name stands for."""
    return root / "utils" / (room.replace(".", "/") + ".py")


def planted(source, entry):
    """The source with a table's entry planted. Raises ValueError when old does not occur once, or nothing changes."""
    words, count = entry.get("mistake") or entry["because"], source.count(entry["old"])
    if count != 1:
        raise ValueError(f"{words}: old occurs {count} times, should be 1: {entry['old']!r}")
    changed = source.replace(entry["old"], entry["new"])
    if same(changed) == same(source):
        raise ValueError(f"{words}: old and new are the same program")
    return changed


def mistakes(room, table, root=ROOT, operators=False):
    """Every Mistake of a room, those of its table first."""
    source = file_of(room, root).read_text(encoding="utf-8")
    found = [Mistake(room, entry.get("mistake", f"{entry['old']} → {entry['new']}"), planted(source, entry),
                     entry.get("because", "")) for entry in table.get("mutant", [])]
    if operators:
        known = {same(one.source) for one in found}
        for change in changes(source):
            text = ast.unparse(change.build())
            if same(text) not in known:
                found.append(Mistake(room, f"line {change.line}: {change.old} → {change.new}", text))
    return found


def copied(root, into):
    """A copy of the course in which mistakes can be planted."""
    for name in COPIED:
        if (root / name).is_dir():
            shutil.copytree(root / name, into / name, ignore=shutil.ignore_patterns("__pycache__", "*.png"))
        elif (root / name).exists():
            shutil.copy(root / name, into / name)
    for name in LINKED:
        if (root / name).exists():
            (into / name).symlink_to(root / name)
    return into


class Order:
    """A pytest plugin: what noticed a mistake before runs first, then the quick files; what each test took is kept."""

    def __init__(self, times):
        self.times, self.noticed, self.file = times, [], None

    def rank(self, item):
        file, _, name = item.nodeid.partition("::")
        if item.nodeid in self.noticed:
            return 0, -self.noticed.index(item.nodeid), 0
        return 1, sum(s for test, s in self.times.items() if test.startswith(file)), self.times.get(item.nodeid, 0)

    def pytest_collection_modifyitems(self, items):
        items.sort(key=self.rank)

    def pytest_runtest_logreport(self, report):
        with open(self.file, "a", encoding="utf-8") as file:
            print(json.dumps([report.nodeid, report.duration]), file=file)


def tried(copy, table, seconds, order):
    """Run a room's tests in a copy, in a process of their own: (what came of it, seconds). "passed" when all are."""
    log, start, order.file = copy / "log.txt", time.perf_counter(), copy / "times.txt"
    child = os.fork()
    if child == 0:
        _child(copy, table, seconds, log, order)
    deadline = start + 10 * seconds
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            break
        if time.perf_counter() > deadline:  # it sleeps: no limit on computing ends that
            os.killpg(child, signal.SIGKILL)
        time.sleep(0.02)
    took, text = time.perf_counter() - start, log.read_text(encoding="utf-8", errors="replace")
    if os.WIFSIGNALED(status):
        return f"ended by {signal.Signals(os.WTERMSIG(status)).name}", took
    if os.WEXITSTATUS(status) == 0:
        return "passed", took
    red = re.search(r"^(?:FAILED|ERROR) tests/(.*?)(?: - .*)?$", text, re.MULTILINE)
    if os.WEXITSTATUS(status) == 5 or not red and os.WEXITSTATUS(status) != 1:
        raise RuntimeError(f"pytest could not run {table['tests']}:\n{text[-3000:]}")
    if red:
        noticed = f"tests/{red[1]}"
        order.noticed = [*(one for one in order.noticed if one != noticed), noticed][-20:]
    return red[1] if red else "failed", took


def _child(copy, table, seconds, log, order):
    """In the forked process: the copy's tests, of the copy's utils. Does not return."""
    status = 70
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 5))
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, 1), os.dup2(handle, 2)
        os.chdir(copy)
        os.environ |= {"PYTHONPATH": str(copy), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        ours = [name for name, module in sys.modules.items()
                if Path(getattr(module, "__file__", None) or "/").parent in (ROOT / "tools", ROOT / "utils")]
        for name in ours:
            del sys.modules[name]
        sys.path[:] = [*map(str, (copy, copy / "tests", copy / "tools")), *sys.path]
        import pytest
        files = [f"tests/{test}.py" for test in table["tests"]]
        status = pytest.main([*OPTIONS, "-k", table.get("select", ""), *files], [order])
    finally:
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(int(status))


def run(chosen, todo, copy, root=ROOT, least=30):
    """Plant them one after the other: {room: [(words, because, what noticed it)]}; "passed" where nothing did."""
    found = {}
    for room, mine in todo.items():
        if not mine:
            continue
        file = file_of(room, copy)
        came, alone = tried(copy, chosen[room], 600, order := Order({}))
        if came != "passed":
            raise RuntimeError(f"{room}: without any mistake {came} is red")
        for line in order.file.read_text(encoding="utf-8").splitlines():
            test, seconds = json.loads(line)
            order.times[test] = order.times.get(test, 0) + seconds
        order.file.unlink()
        print(f"\n{room} · {len(mine)} mistakes, its tests take {alone:.1f} s", flush=True)
        for number, one in enumerate(mine):
            file.write_text(one.source, encoding="utf-8")
            os.utime(file, (number, number))  # two within a second would be taken for the same by their compiled form
            came, took = tried(copy, chosen[room], max(least, TIMES * alone), order)
            found.setdefault(room, []).append((one.words, one.because, came))
            sign = "✔" if came != "passed" else "·" if one.because else "✘"
            what = came if came != "passed" else one.because or "survives"
            print(f"  {sign} {one.words} · {what} · measured {took:.1f} s", flush=True)
        shutil.copy(file_of(room, root), file)
    return found


def counts(rows):
    """(noticed, survive, no mistake) of what came of some mistakes."""
    noticed = sum(came != "passed" for _, _, came in rows)
    free = sum(came == "passed" and bool(because) for _, because, came in rows)
    return noticed, len(rows) - noticed - free, free


def tally(found, file):
    """Put a run's counts into a file {room: {"table" or "operators": counts}}, beside what it has of other rooms."""
    kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    for room, rows in found.items():
        made = [row for row in rows if re.match(r"line \d+: ", row[0])]
        for kind, some in (("table", [row for row in rows if row not in made]), ("operators", made)):
            if some:
                kept.setdefault(room, {})[kind] = counts(some)
    lines = (f"{json.dumps(room)}: {json.dumps(kept[room])}" for room in sorted(kept))
    file.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def report(found):
    """The table rooms × noticed, survived, no mistake; and what survives, a line each."""
    lines = [f"{'room':28} noticed  survive  no mistake"]
    for room, rows in found.items():
        noticed, alive, free = counts(rows)
        lines.append(f"{room:28} {noticed:7}  {alive:7}  {free:10}")
    alive = [f"{room}: {words}" for room, rows in found.items() for words, because, came in rows
             if came == "passed" and not because]
    return lines, alive


def _warm():
    """Import what the rooms import, once and for all forks."""
    import matplotlib.figure  # noqa: F401
    import skimage  # noqa: F401
    import sklearn.linear_model  # noqa: F401
    import torch
    import torchvision  # noqa: F401

    torch.set_num_threads(1)  # a thread pool does not survive a fork
    gc.freeze()


def main(arguments=None, root=ROOT, warm=True):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rooms", nargs="*")
    parser.add_argument("--operators", action="store_true")
    parser.add_argument("--shard", type=part, default=(1, 1))
    parser.add_argument("--every", type=int, default=1, help="only every n-th of them, for a look")
    parser.add_argument("--least", type=int, default=30, help="seconds of computing that any mistake may take")
    parser.add_argument("--again", type=Path, help="try only what this file of --json does not hold as noticed")
    parser.add_argument("--json", type=Path, help="keep what came of each mistake in this file")
    parser.add_argument("--tally", type=Path, help="put the counts of these rooms into this file")
    options = parser.parse_args(arguments)
    any_console()
    chosen = tables(root)
    if strangers := set(options.rooms) - chosen.keys():
        parser.error(f"no table for {', '.join(sorted(strangers))}; there are {', '.join(chosen)}")
    every = [one for room in options.rooms or chosen for one in mistakes(room, chosen[room], root, options.operators)]
    mine, (k, n) = every[::options.every], options.shard
    mine = mine[k - 1::n]
    before = json.loads(options.again.read_text(encoding="utf-8")) if options.again else {}
    known = {(room, words): came for room, rows in before.items() for words, _, came in rows if came != "passed"}
    todo = {room: [one for one in mine if one.room == room and (room, one.words) not in known]
            for room in dict.fromkeys(one.room for one in mine)}
    import pytest  # noqa: F401 what takes long to import is there before the fork
    if warm:
        _warm()
    with tempfile.TemporaryDirectory() as folder:
        found = run(chosen, todo, copied(root, Path(folder)), root, options.least)
    for one in mine:
        if (one.room, one.words) in known:
            found.setdefault(one.room, []).append((one.words, one.because, known[one.room, one.words]))
    lines, alive = report(found)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    if options.tally:
        tally(found, options.tally)
    verdict = f"{len(alive)} mistakes survive." if alive else "Every mistake was noticed."
    print("", *lines, "", *alive, verdict, sep="\n")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
