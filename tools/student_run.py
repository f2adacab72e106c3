"""Run the student edition with every hole open, on the offline digits, and compare it with the stored solved pages.

    python tools/student_run.py                                 all of notebooks/student, two at a time
    python tools/student_run.py notebooks/student/05-….ipynb    these pages
    python tools/student_run.py --answers answers.py …          with the functions of that file in the holes

No cell may stop. Every claim of the solved page is there, in its order, and holds. Every check says that the answer is
not filled in yet, every prediction that the guess comes first, and the tally that nothing is solved. What other cells
print is what the solved page stores. With --answers the checks' lines are shown, not compared. Status 1 and a list
where something differs.
"""

import argparse
import ast
import os
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from execute import STOPS, read, run
from lines import calls_of, checks_of, code_cells, differences, errors, tell, verdicts, where
from nbformat.v4 import new_code_cell
from pages import any_console, claim_lines, describe, is_page

ROOT = Path(__file__).resolve().parents[1]
OPEN = {"check": r"✘ .*: not filled in yet", "predict": r"✘ .*: write your guess first",
        "tally": r"✘ 0 of \d+ exercises solved"}


def environment(**more):
    """The variables of a run on the offline digits with the course's own seed, one thread a kernel."""
    kept = {name: value for name, value in os.environ.items() if name != "PRACTICUM_SEED"}
    return kept | {"PRACTICUM_OFFLINE": "1", "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"} | more


def claims_differ(stored, nb):
    """What differs between the claims of a stored page and those of a run, in their order."""
    want, got = ([("✔ " if holds else "✘ ") + sentence for sentence, holds, _ in claim_lines(page)]
                 for page in (stored, nb))
    if want == got:
        return []
    found = [f"red: {line}" for line in got if line.startswith("✘")]
    found += [f"missing: {line}" for line in want if line not in got and line.replace("✔", "✘", 1) not in got]
    found += [f"not on the solved page: {line}" for line in got if line.startswith("✔") and line not in want]
    return found or ["the claims come in another order, or another number of times"]


def stops(nb):
    """The cells of a run that stop for another reason than a claim that does not hold."""
    return [f"{where(number, cell)} stops: {error}" for number, cell in enumerate(code_cells(nb))
            for error in errors(cell) if not error.startswith("ClaimFailed")]


def open_lines(number, cell):
    """What a cell with exercise calls says otherwise than it must while its hole is open."""
    claims = {sentence for sentence, _, _ in claim_lines({"cells": [cell]})}
    lines = [line for line in verdicts(cell) if re.sub(r"^. | · measured.*", "", line) not in claims]
    asked = [pattern for function, pattern in OPEN.items() for _ in calls_of(cell["source"], function)]
    found = [f"{where(number, cell)} says {line!r}" for line in lines
             if not any(re.match(pattern, line) for pattern in asked)]
    if len(lines) != len(asked):
        found.append(f"{where(number, cell)} says {len(lines)} lines with ✔ or ✘, should be {len(asked)}")
    return found


def has_exercise(cell):
    return any(calls_of("".join(cell["source"]), function) for function in OPEN)


def lines_differ(stored, nb):
    """The cells without exercises that print something else than the stored page; the first line of each."""
    before, found = {cell["id"]: cell for cell in code_cells(stored)}, []
    red = [sentence for sentence, holds, _ in claim_lines(nb) if not holds]
    for number, cell in enumerate(code_cells(nb)):
        if cell["id"] in before and not has_exercise(cell):
            found += [f"{where(number, cell)} prints {got!r}, the solved page {want!r}"
                      for want, got in differences(before[cell["id"]], cell, red)[:1]]
    return found


def definitions(path):
    """{name: source} of the functions in a file of answers, each with the file's imports."""
    source = path.read_text(encoding="utf-8")
    body = ast.parse(source).body
    imports = [ast.get_source_segment(source, n) for n in body if isinstance(n, ast.Import | ast.ImportFrom)]
    return {n.name: "\n".join([*imports, ast.get_source_segment(source, n)])
            for n in body if isinstance(n, ast.FunctionDef)}


def fill_in(nb, answers):
    """Put each answer's cell before the cell that checks it."""
    cells = []
    for cell in nb.cells:
        if cell.cell_type == "code":
            cells += [new_code_cell(answers[check.answer]) for check in checks_of(cell.source)
                      if check.answer in answers]
        cells.append(cell)
    nb.cells = cells


def compared(path, answers=None, root=ROOT):
    """(seconds, what differs, the checks' lines) of one page of the student edition."""
    stored, nb = read(root / "notebooks" / path.name), read(path)
    if answers:
        fill_in(nb, answers)
    start = time.perf_counter()
    try:
        run(nb, path.parent, environment(), allow_errors=True)
    except STOPS as error:
        return time.perf_counter() - start, [f"the run ends: {' '.join(str(error).split())[:300]}"], []
    seconds = time.perf_counter() - start
    exercises = [(number, cell) for number, cell in enumerate(code_cells(nb)) if has_exercise(cell)]
    found = [*stops(nb), *claims_differ(stored, nb), *lines_differ(stored, nb)]
    if not answers:
        found += [line for number, cell in exercises if not errors(cell) for line in open_lines(number, cell)]
    return seconds, found, [line for _, cell in exercises for line in verdicts(cell)]


def longest_first(paths, root=ROOT):
    """The pages by the time that their solved pages say, so that none is left alone at the end."""
    def seconds(path):
        return float(describe(root / "notebooks" / path.name).seconds.removesuffix(" s") or 0)
    return sorted(paths, key=seconds, reverse=True)


def main(arguments=None, root=ROOT):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path, help="pages of the student edition, all when none is named")
    parser.add_argument("-j", type=int, default=2, help="pages at a time, one thread each")
    parser.add_argument("--answers", type=Path, help="a Python file whose functions fill the holes")
    options = parser.parse_args(arguments)
    any_console()
    pages = options.notebooks or sorted(filter(is_page, (root / "notebooks/student").glob("*.ipynb")))
    answers = definitions(options.answers) if options.answers else None
    bad = 0
    with ThreadPoolExecutor(options.j) as pool:
        waiting = {pool.submit(compared, path, answers, root): path for path in longest_first(pages, root)}
        for done in as_completed(waiting):
            seconds, found, lines = done.result()
            tell(f"{waiting[done].name:<36} {seconds:6.1f} s", found)
            if answers:
                print(*(f"      {line}" for line in lines), sep="\n", flush=True)
            bad += bool(found)
    print(f"{len(pages)} pages, {bad} of them not as they should be.")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
