"""Run cells again, as readers do, and see that the page still says the same.

    python tools/twice.py notebooks/05-ista-fista.ipynb …     every code cell twice in a row (without names: all pages)
    python tools/twice.py --again …                            top to bottom, then the cells that train once more, then
                                                               everything below the first of them

No cell may stop, and every line with ✔ or ✘ (claims, checks, predictions) must read as the stored page has it. Status 1
and a list of cells where not. On the offline digits, one thread.
"""

import argparse
import copy
import re
import sys
import time
from pathlib import Path

from execute import STOPS, read, run
from lines import code_cells, errors, tell, verdicts, where
from pages import any_console, notebooks, text_of
from student_run import environment

ROOT = Path(__file__).resolve().parents[1]
TRAINS = re.compile(r"(?<!def )\b(?:fit|train\w*)\(|\.step\(|\boptimizer\b")


def again(cell, number):
    """A cell to be run once more, which remembers its number."""
    made = copy.deepcopy(cell)
    made["metadata"]["number"] = number
    return made


def twice_each(cells):
    """Every code cell two times in a row."""
    return [made for number, cell in enumerate(cells) for made in (again(cell, number), again(cell, number))]


def trained_again(cells):
    """The page, its training cells once more, then everything below the first of them, as "Run all below" does."""
    training = [number for number, cell in enumerate(cells) if TRAINS.search(text_of(cell))]
    below = range(training[0] if training else len(cells), len(cells))
    return [again(cells[number], number) for number in [*range(len(cells)), *training, *below]]


def differences(stored, nb):
    """[(cell's number, what differs)] of the cells of a run, of the first and the second times, each once."""
    before, found = code_cells(stored), {}
    for cell in nb.cells:
        number = cell.metadata["number"]
        want, got = verdicts(before[number]), verdicts(cell)
        texts = [f"stops: {error}" for error in errors(cell) if not error.startswith("ClaimFailed")]
        texts += [f"says {line!r}" for line in got if line not in want]
        if not texts and len(want) != len(got):
            texts.append(f"says {len(got)} lines with ✔ or ✘, the stored page {len(want)}")
        found |= dict.fromkeys((number, text) for text in texts)
    return sorted(found)


def trial(path, order):
    """(seconds, lines that say what differs) of one page with its cells in another order."""
    stored, nb = read(path), read(path)
    nb.cells = order(code_cells(nb))
    for turn, cell in enumerate(nb.cells):
        cell["id"] = f"turn-{turn}"
    start = time.perf_counter()
    try:
        run(nb, path.parent, environment(), allow_errors=True)
    except STOPS as error:
        return time.perf_counter() - start, [f"the run ends: {' '.join(str(error).split())[:300]}"]
    cells = code_cells(stored)
    return time.perf_counter() - start, [f"{where(number, cells[number])} {text}"
                                         for number, text in differences(stored, nb)]


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path)
    parser.add_argument("--again", action="store_true", help="train again, then everything below")
    options = parser.parse_args(arguments)
    any_console()
    bad = 0
    for path in options.notebooks or notebooks(ROOT):
        seconds, found = trial(path, trained_again if options.again else twice_each)
        tell(f"{path.name:<36} {seconds:6.1f} s", found)
        bad += bool(found)
    print(f"{bad} pages change when cells are run again." if bad else "Nothing changes when cells are run again.")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
