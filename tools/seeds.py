"""Run notebooks for several seeds on both sources of digits: which claim held, what was measured, what line differs.

    python tools/seeds.py --n 10 notebooks/05-ista-fista.ipynb …      (without names: all of them)

Status 1 when a claim failed or was not reached in some run, when another line that CI compares reads otherwise than on
the stored page, or a cell stopped for another reason. A cell that stops does not end the run, so that every claim is
seen. A notebook that uses no digits runs on one source only.
"""

import argparse
import json
import os
import re
import statistics
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from contents import any_console, claim_lines, claim_sentences, notebooks, text_of
from execute import STOPS, read, run
from lines import code_cells, differences, where
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
SOURCES = {"mnist": "full MNIST", "offline": "offline digits", "none": "no digits"}
NUMBER = re.compile(r"[-−]?(?:\d[\d,]*\.?\d*(?:e[-+]?\d+)?|inf|nan)")


def has_mnist():
    """Whether the full MNIST lies where utils.data looks for it, so that no run waits for a download."""
    raw = Path(os.environ.get("PRACTICUM_DATA") or ROOT / "data").expanduser() / "MNIST/raw"
    names = [f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]
    return all((raw / name).exists() or (raw / f"{name}.gz").exists() for name in names)


def sources_for(nb, asked):
    """The sources to run a notebook on: those asked for, or "none" when no cell mentions the digits."""
    digits = any("mnist" in text_of(c) for c in nb["cells"] if c["cell_type"] == "code")
    return asked if digits else ["none"]


def run_once(path, source, seed):
    """One run: what it claimed, which other lines differ, and why cells stopped other than for a failed claim."""
    environment = {name: value for name, value in os.environ.items() if name != "PRACTICUM_OFFLINE"} | {
        "PRACTICUM_SEED": str(seed), "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    if source == "offline":
        environment["PRACTICUM_OFFLINE"] = "1"
    stored, nb, errors, seconds = read(path), read(path), [], []
    try:
        seconds = run(nb, path.parent, environment, allow_errors=True)
    except STOPS as error:
        errors.append(" ".join(str(error).split())[:300])
    for number, cell in enumerate(code_cells(nb)):
        errors += [f"Cell {number}: {o['ename']}: {o['evalue']}" for o in cell.outputs
                   if o["output_type"] == "error" and o["ename"] != "ClaimFailed"]
    return {"notebook": path.name, "source": source, "seed": seed, "seconds": round(sum(s for s, _ in seconds), 1),
            "claims": claim_lines(nb), "errors": errors, "missing": missing(nb), "lines": other_lines(stored, nb)}


def other_lines(stored, nb):
    """[(cell, stored line, line of this run)] of all compared lines that differ, those of red claims left out."""
    red = [sentence for sentence, holds, _ in claim_lines(nb) if not holds]
    pairs = zip(code_cells(stored), code_cells(nb), strict=True)
    return [(where(number, cell), want, got) for number, (before, cell) in enumerate(pairs)
            if cell.execution_count is not None for want, got in differences(before, cell, red)]


def missing(nb):
    """The claims that a run did not reach, in the order of the page."""
    seen = {sentence for sentence, _, _ in claim_lines(nb)}
    return [sentence for sentence in claim_sentences(nb) if sentence not in seen]


def spread(texts):
    """'min  median  max' of the numbers in the measured texts, or the texts themselves when they hold none."""
    found = [float(n.replace(",", "").replace("−", "-")) for text in texts for n in NUMBER.findall(text)]
    if not found:
        return ", ".join(sorted(set(texts)))
    return "".join(f"{value:>10.4g}" for value in (min(found), statistics.median(found), max(found)))


def report(runs, width=64):
    """Print the table of one notebook on one source; True when every claim held and no other line differed."""
    runs = sorted(runs, key=lambda r: r["seed"])
    slowest = max(r["seconds"] for r in runs)
    print(f"\n{runs[0]['notebook']} · {SOURCES[runs[0]['source']]} · {len(runs)} seeds, up to {slowest:.0f} s a run")
    print(f"  {'claim':<{width}} {'green':>7}{'min':>10}{'median':>10}{'max':>10}  red seeds")
    sentences = dict.fromkeys(s for r in runs for s in [*(c[0] for c in r["claims"]), *r["missing"]])
    good = True
    for sentence in sentences:
        lines = {r["seed"]: [c for c in r["claims"] if c[0] == sentence] for r in runs}
        red = [str(s) if found else f"{s} (not reached)" for s, found in lines.items()
               if not found or not all(holds for _, holds, _ in found)]
        cut = sentence if len(sentence) <= width else sentence[:width - 1] + "…"
        print(f"  {cut:<{width}} {len(runs) - len(red):>3}/{len(runs):<3}"
              f"{spread([m for found in lines.values() for _, _, m in found]):<30}  {', '.join(red) or '–'}")
        good &= not red
    differ = {}
    for r in runs:
        for cell, want, got in r["lines"]:
            differ.setdefault((cell, want), {})[r["seed"]] = got
    for (cell, want), found in differ.items():
        print(f"  {cell}: a line differs for seeds {', '.join(map(str, found))}:\n    stored {want!r}", end="")
        print(*(f"\n    got    {got!r}" for got in dict.fromkeys(found.values())), sep="")
        good = False
    for r in runs:
        for error in r["errors"]:
            print(f"  seed {r['seed']}, {error}")
            good = False
    return good


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path)
    parser.add_argument("--n", type=int, default=10, help="seeds 0 to n-1")
    parser.add_argument("--source", choices=["both", "mnist", "offline"], default="both")
    parser.add_argument("-j", type=int, default=1, help="runs at a time, one thread each")
    parser.add_argument("--json", type=Path, help="write every run's claims to this file")
    options = parser.parse_args(arguments)
    any_console()
    books = options.notebooks or notebooks(ROOT)
    asked = ["mnist", "offline"] if options.source == "both" else [options.source]
    if "mnist" in asked and not has_mnist():
        if options.source == "mnist":
            parser.error("the full MNIST is not there: run notebook 00 once with a network, or set PRACTICUM_DATA")
        asked = ["offline"]
        print("The full MNIST is not there: only the offline digits are run.")
    tasks = [(book, source, seed) for book in books for source in sources_for(read(book), asked)
             for seed in range(options.n)]
    with ThreadPoolExecutor(options.j) as pool:
        waiting = [pool.submit(run_once, *task) for task in tasks]
        runs = [done.result() for done in tqdm(as_completed(waiting), total=len(tasks), desc="runs", disable=None)]
    groups = dict.fromkeys((book.name, source) for book, source, _ in tasks)
    good = [report([r for r in runs if (r["notebook"], r["source"]) == group]) for group in groups]
    if options.json:
        options.json.write_text(json.dumps(runs, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    verdict = "every claim held, and other lines were the stored ones" if all(good) else "NOT all is well, see above"
    print(f"\n{len(runs)} runs: {verdict}.")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
