"""Run pages and the checks of their exercises on a device that is not the CPU, without any hardware.

    python tools/device.py notebooks/05-ista-fista.ipynb …     (without names: all of them)
    python tools/device.py --rounding …                         sums in another order, convolutions in TF32
    python tools/device.py --plants …                           and before it the device mistakes of tests/device

The device is tests/device/makebelieve.py: it refuses what CUDA refuses and has random numbers of its own. No cell may
stop, every claim holds, and every line that CI compares is the stored one. Then every right, equivalent and wrong
answer of the page's exercises gets its verdict there. Status 1 when something differs. Times are no device's: each
operation goes through Python.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from execute import STOPS, read, run
from lines import code_cells, differences, errors, tell, where
from nbformat.v4 import new_code_cell
from pages import any_console, claim_lines, notebooks

ROOT = Path(__file__).resolve().parents[1]
ROOM = ROOT / "tests/device"
TIMEOUT = 900  # seconds that a cell may take
LOAD = f"import sys\nsys.path.insert(0, {str(ROOM)!r})\nimport makebelieve"
# the tests of tests/test_exercises.py that put an answer to an exercise
ASKED = ("test_every_exercise_accepts_its_reference", "test_every_equivalent_answer", "test_a_typical_mistake_is_told")


def environment(rounding=False, name="fake"):
    """The variables of a process that computes on the device of that name."""
    ours = "PRACTICUM_SEED", "ROUNDING", "DEFAULT_DEVICE"
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return kept | {"PRACTICUM_DEVICE": name} | ({"ROUNDING": "other"} if rounding else {})


def page(path, env):
    """Run one page on the device of an environment: (what differs from the stored one, its claims, seconds)."""
    stored, nb = read(path), read(path)
    nb.cells.insert(0, new_code_cell(LOAD if env["PRACTICUM_DEVICE"] == "fake" else "import torch"))
    start, found = time.perf_counter(), []
    try:
        run(nb, path.parent, env, timeout=TIMEOUT, allow_errors=True)
    except STOPS as error:
        found.append(f"the run ends: {' '.join(str(error).split())[:300]}")
    took, cells = time.perf_counter() - start, code_cells(nb)
    found += [f"does not load: {error}" for error in errors(cells.pop(0))]
    claims = claim_lines({"cells": cells})
    red = {sentence for sentence, holds, _ in claims if not holds}
    found += [f"red: {sentence}" for sentence in sorted(red)]
    for number, (was, cell) in enumerate(zip(code_cells(stored), cells, strict=True)):
        place = where(number, cell)
        found += [f"{place} stops: {error}" for error in errors(cell) if not error.startswith("ClaimFailed")]
        found += [f"{place} says {new!r}, stored is {old!r}" for old, new in differences(was, cell, red)]
    return found, claims, took


def answers(path, env):
    """Put the answers to a page's exercises on the device, which is torch's default where the page makes it so: (what
    is wrong, how many were put).
    """
    number, device = path.name[:2], env["PRACTICUM_DEVICE"]
    default = {"DEFAULT_DEVICE": device} if "set_default_device" in path.read_text(encoding="utf-8") else {}
    plugins = ["-p", "makebelieve"] * (device == "fake") + ["-p", "by_default"]
    sys.path.insert(0, str(ROOT / "tests"))
    names = sorted(__import__(f"test_exercises_{number}").RIGHT)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--tb=line", *plugins, "-p", "no:cacheprovider",
         "tests/test_exercises.py", "-k", f"({' or '.join(ASKED)}) and ({' or '.join(names)})"], cwd=ROOT,
        env=env | {"PYTHONPATH": str(ROOM)} | default, capture_output=True, encoding="utf-8", check=False)
    put = sum(map(int, re.findall(r"(\d+) (?:passed|failed)", run.stdout)))
    wrong = re.findall(r"^(?:FAILED|ERROR) (.*)", run.stdout, re.MULTILINE)
    if run.returncode not in (0, 1) or not put:
        wrong.append(f"pytest ended with status {run.returncode} : {run.stdout[-300:]} {run.stderr[-300:]}")
    return wrong, put


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path)
    parser.add_argument("--rounding", action="store_true", help="other sums, TF32 in convolutions")
    parser.add_argument("--plants", action="store_true", help="first see planted device mistakes stop")
    options = parser.parse_args(arguments)
    any_console()
    bad, env = 0, environment(options.rounding)
    if options.plants:
        bad += subprocess.run([sys.executable, ROOM / "plant.py"], env=environment(), check=False).returncode
    for path in options.notebooks or notebooks(ROOT):
        found, claims, took = page(path, env)
        tell(f"{path.name}: {len(claims)} claims · measured {took:.0f} s on the device", found)
        wrong, put = answers(path, env)
        tell(f"{path.name}: {put} answers to its exercises", wrong)
        bad += len(found) + len(wrong)
    print(f"{bad} things differ." if bad else "Nothing differs from the CPU.")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
