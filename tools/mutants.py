"""Plant typical mistakes in a notebook and see its claims turn red.

    python tools/mutants.py notebooks/03-contrastive-divergence.ipynb …    (without names: all that have a table)

The mistakes stand in tests/mutants/<notebook>.toml. All of one [[run]] are planted at once, in a copy that is thrown
away. Each names the claims that it must turn red, by the beginnings of their sentences. Status 1 when such a claim
stays green or is not reached. What no mistake is aimed at is listed.
"""

import argparse
import sys
import tomllib
from pathlib import Path

from execute import STOPS, read, run
from lines import code_cells, errors
from nbformat.v4 import new_code_cell
from pages import any_console, claim_lines, claim_sentences, notebooks, text_of
from seeds import has_mnist

ROOT = Path(__file__).resolve().parents[1]
# a red claim stops its cell, and the claims below it in the same cell would not be reached
GO_ON = """
from utils import claims as _claims

def claim(*arguments, **bounds):
    try:
        _claims.claim(*arguments, **bounds)
    except _claims.ClaimFailed:
        pass
"""


def table(path, root=ROOT):
    """The runs of a notebook's table: [[{mistake, old, new, red}, …], …]; empty without a table."""
    file = root / "tests/mutants" / f"{path.stem}.toml"
    return [one["mistakes"] for one in tomllib.loads(file.read_text(encoding="utf-8"))["run"]] if file.exists() else []


def aimed(sentences, beginning):
    """The one sentence that begins so. Raises ValueError when there is none, or more than one."""
    found = [s for s in sentences if s.startswith(beginning)]
    if len(found) != 1:
        raise ValueError(f"{len(found)} claims begin with {beginning!r}, should be 1")
    return found[0]


def plant(nb, mistakes):
    """Replace old by new for every mistake. Raises ValueError when old does not occur exactly once in the code."""
    for mistake in mistakes:
        where = [c for c in nb["cells"] if c["cell_type"] == "code" and mistake["old"] in text_of(c)]
        count = sum(text_of(c).count(mistake["old"]) for c in where)
        if count != 1:
            raise ValueError(f"{mistake['mistake']}: old occurs {count} times, should be 1: {mistake['old']!r}")
        if mistake["old"] == mistake["new"]:
            raise ValueError(f"{mistake['mistake']}: old and new are the same")
        where[0]["source"] = text_of(where[0]).replace(mistake["old"], mistake["new"])


def survivors(path, mistakes):
    """Run a copy with the mistakes: ['mistake: claim stays green, or was not reached'], and the claims aimed at."""
    nb = read(path)
    sentences = claim_sentences(nb)
    targets = {m["mistake"]: [aimed(sentences, beginning) for beginning in m["red"]] for m in mistakes}
    plant(nb, mistakes)
    setup = next(i for i, c in enumerate(nb.cells) if c.cell_type == "code")
    nb.cells.insert(setup + 1, new_code_cell(GO_ON))
    try:
        run(nb, path.parent, allow_errors=True)
    except STOPS as error:
        print(f"  the run stopped: {' '.join(str(error).split())[:200]}")
    for cell in code_cells(nb):
        for error in errors(cell):
            print(f"  a cell stops: {' '.join(error.split())[:200]}")
    verdicts = {}
    for sentence, holds, measured in claim_lines(nb):
        print(f"  {'✔' if holds else '✘'} {sentence} · {measured}")
        verdicts[sentence] = verdicts.get(sentence, True) and holds
    alive = [f"{mistake}: {'stays green' if s in verdicts else 'not reached'}: {s}"
             for mistake, aims in targets.items() for s in aims if verdicts.get(s, True)]
    return alive, {s for aims in targets.values() for s in aims}


def main(arguments=None, root=ROOT):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path)
    books = parser.parse_args(arguments).notebooks or notebooks(root)
    any_console()
    if not has_mnist():
        print("The full MNIST is not there: the offline digits are used.")
    alive = []
    for path in books:
        reached, runs = set(), table(path, root)
        for number, mistakes in enumerate(runs, 1):
            print(f"\n{path.name} · run {number} of {len(runs)}, {len(mistakes)} mistakes planted", flush=True)
            left, aims = survivors(path, mistakes)
            alive, reached = alive + [f"{path.name}: {one}" for one in left], reached | aims
        free = [s for s in claim_sentences(read(path)) if s not in reached]
        if runs and free:
            print("\n  no mistake is aimed at:", *free, sep="\n    ")
    verdict = f"{len(alive)} claims did not notice a mistake." if alive else "Every mistake was noticed."
    print("", *alive, verdict, sep="\n")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
