"""Run notebooks for several seeds on both sources of digits: which claim held, what was measured, what line differs.

    python tools/seeds.py --n 10 notebooks/05-ista-fista.ipynb …      (without names: all of them)
    python tools/seeds.py --n 50 --shard 3/12                          the third of twelve parts of that, in build/
    python tools/seeds.py --merge build/ledger-*.jsonl                 what the parts measured, into the ledger

Status 1 when a claim failed or was not reached in some run, when another line that CI compares reads otherwise than on
the stored page, or a cell stopped for another reason. A cell that stops does not end the run, so that every claim is
seen. A notebook that uses no digits runs on one source only.

What was measured is kept in the ledger, ledger/seeds.jsonl: stopped and started again, the tool goes on where it was,
and a run that the ledger holds for the page as it is now is not made again. Runs of a page that has changed since are
dropped; a run whose kernel died or took too long is not kept. What `utils` holds is no part of a page's version: after
a change there, --again. Of a notebook that is no page of the course nothing is kept unless --ledger names a file.
"""

import argparse
import inspect
import json
import os
import statistics
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import records
from execute import STOPS, read, run
from lines import code_cells, differences, printed, where
from nbformat.v4 import new_code_cell
from pages import any_console, claim_bounds, claim_lines, notebooks, text_of
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
SOURCES = {"mnist": "full MNIST", "offline": "offline digits", "none": "no digits"}


def has_mnist():
    """Whether the full MNIST lies where utils.data looks for it, so that no run waits for a download."""
    raw = Path(os.environ.get("PRACTICUM_DATA") or ROOT / "data").expanduser() / "MNIST/raw"
    names = [f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]
    return all((raw / name).exists() or (raw / f"{name}.gz").exists() for name in names)


def sources_for(nb, asked):
    """The sources to run a notebook on: those asked for, or "none" when no cell mentions the digits."""
    digits = any("mnist" in text_of(c) for c in nb["cells"] if c["cell_type"] == "code")
    return asked if digits else ["none"]


def listen(path):
    """Write every call of claim() to a file, a JSON line each. Run in a page's kernel, before its first cell."""
    import json
    import platform
    import sys
    from collections.abc import Iterable, Iterator
    from importlib.metadata import PackageNotFoundError, version

    from utils import claims

    real = claims.claim
    parts = [f"{platform.system()} {platform.machine()}", f"Python {platform.python_version()}"]
    for package in ("torch", "numpy", "scikit-learn", "scikit-image"):
        try:
            parts.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue

    def note(**found):
        runtime = sys.modules.get("utils.runtime")  # a page without it computes on the CPU
        device = runtime.describe_device() if runtime else "cpu"
        device = "cpu" if device.startswith("cpu") else device
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"on": ", ".join([device, *parts])} | found, default=float) + "\n")

    def claim(sentence, measured, *, at_least=None, at_most=None):
        measured = list(measured) if isinstance(measured, Iterator) else measured
        held = True
        try:
            real(sentence, measured, at_least=at_least, at_most=at_most)
        except claims.ClaimFailed:
            held = False
            raise
        finally:
            if held or isinstance(sys.exc_info()[1], claims.ClaimFailed):
                listed = measured.flatten().tolist() if hasattr(measured, "flatten") else measured
                values = [claims._plain(v) for v in listed] if isinstance(listed, Iterable) else [claims._plain(listed)]
                note(sentence=sentence, at_least=at_least, at_most=at_most, values=values, held=held)

    claims.claim = claim
    note()


def run_once(path, source, seed):
    """One run of a page, as the ledger keeps it; besides its seconds, and whether it was `stopped` from outside."""
    environment = {name: value for name, value in os.environ.items() if name != "PRACTICUM_OFFLINE"} | {
        "PRACTICUM_SEED": str(seed), "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    if source == "offline":
        environment["PRACTICUM_OFFLINE"] = "1"
    stored, nb, errors, seconds, stopped = read(path), read(path), [], [], False
    with tempfile.TemporaryDirectory() as folder:
        notes = Path(folder) / "claims.jsonl"
        nb.cells.insert(0, new_code_cell(f"{inspect.getsource(listen)}\nlisten({str(notes)!r})\ndel listen"))
        try:
            seconds = run(nb, path.parent, environment, allow_errors=True)
        except STOPS as error:
            errors.append(" ".join(str(error).split())[:300])
            stopped = True
        heard = [json.loads(line) for line in notes.read_text(encoding="utf-8").splitlines()] if notes.exists() else []
    for number, cell in enumerate(code_cells(nb), -1):  # the cell that listens is none of the page's
        errors += [f"Cell {number}: {o['ename']}: {o['evalue']}" for o in cell.outputs
                   if o["output_type"] == "error" and o["ename"] != "ClaimFailed"]
    nb.cells.pop(0)
    return {"page": path.name, "version": records.version(stored), "source": source, "seed": seed,
            "on": heard[-1]["on"] if heard else "unknown", "claims": claims_of(stored, heard[1:]), "errors": errors,
            "lines": other_lines(stored, nb), "seconds": round(sum(s for s, _ in seconds), 1),
            "stopped": stopped or not heard}


def claims_of(nb, heard):
    """The claims of a run in the order of the page, those that it did not reach without a value."""
    found = {sentence: {"sentence": sentence, "at_least": low, "at_most": high, "value": None, "held": False}
             for sentence, low, high in claim_bounds(nb)}
    together = {}
    for one in heard:
        together.setdefault(one["sentence"], []).append(one)
    for sentence, ones in together.items():
        values = [value for one in ones for value in one["values"]]
        low, high = (records.rounded(edge(values)) for edge in (min, max))
        value = all(values) if isinstance(values[0], bool) else low if low == high else [low, high]
        found[sentence] = {"sentence": sentence, "at_least": ones[0]["at_least"], "at_most": ones[0]["at_most"],
                           "value": value, "held": all(one["held"] for one in ones)}
    return list(found.values())


def other_lines(stored, nb):
    """[(cell, stored line, line of this run)] of all compared lines that differ, those of red claims left out."""
    red = [sentence for sentence, holds, _ in claim_lines(nb) if not holds]
    pairs = zip(code_cells(stored), code_cells(nb), strict=True)
    return [(where(number, cell), want, got) for number, (before, cell) in enumerate(pairs)
            if cell.execution_count is not None for want, got in differences(before, cell, red)]


def numbers(values):
    """The numbers among the values of a claim, both ends of those that are ranges."""
    ends = [end for value in values for end in (value if isinstance(value, list) else [value])]
    return [float(end) for end in ends if end is not None and not isinstance(end, bool)]


def spread(values):
    """'min  median  max' of a claim's values, or what it said when they are no numbers."""
    found = numbers(values)
    if not found:
        return ", ".join(sorted({"yes" if value else "no" for value in values if value is not None}))
    return "".join(f"{value:>10.4g}" for value in (min(found), statistics.median(found), max(found)))


def report(runs, width=64):
    """Print the table of one notebook on one source; True when every claim held and no other line differed."""
    runs = sorted(runs, key=lambda r: r["seed"])
    slowest = max(r.get("seconds", 0) for r in runs)
    kept = sum("seconds" not in r for r in runs)
    print(f"\n{runs[0]['page']} · {SOURCES[runs[0]['source']]} · {len(runs)} seeds"
          f"{f', {kept} from the ledger' * bool(kept)}{f', up to {slowest:.0f} s a run' * (kept < len(runs))}")
    print(f"  {'claim':<{width}} {'green':>7}{'min':>10}{'median':>10}{'max':>10}  red seeds")
    sentences = dict.fromkeys(claim["sentence"] for r in runs for claim in r["claims"])
    good = True
    for sentence in sentences:
        found = {r["seed"]: claim for r in runs for claim in r["claims"] if claim["sentence"] == sentence}
        red = [str(seed) if claim["value"] is not None else f"{seed} (not reached)" for seed, claim in found.items()
               if not claim["held"]]
        cut = sentence if len(sentence) <= width else sentence[:width - 1] + "…"
        print(f"  {cut:<{width}} {len(runs) - len(red):>3}/{len(runs):<3}"
              f"{spread([claim['value'] for claim in found.values()]):<30}  {', '.join(red) or '–'}")
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


def part(text):
    """(3, 12) from '3/12', the third of twelve parts."""
    try:
        k, n = map(int, text.split("/"))
    except ValueError:
        k, n = 0, 0
    if not 1 <= k <= n:
        raise argparse.ArgumentTypeError(f"{text!r} is no part like 3/12")
    return k, n


def known(path, versions, drop=False):
    """The runs of a ledger that are of the pages as they are here; the others are told, and dropped if asked."""
    runs = records.read(path)
    old = [r["page"] for r in runs if versions.get(r["page"], r["version"]) != r["version"]]
    runs = [r for r in runs if versions.get(r["page"], r["version"]) == r["version"]]
    if drop and path.exists():
        for page in dict.fromkeys(old):
            print(f"{page} has changed since {old.count(page)} of its runs in {path.name}: they are dropped.")
        records.write(path, runs)  # also what was cut off in the middle of a line is gone
    return runs


def still_differ(run, stored):
    """A kept run without those differing lines whose stored side is no longer on the page, which was stored anew."""
    here = {line for cell in code_cells(stored) for line in printed(cell)} | {""}
    return run | {"lines": [line for line in run["lines"] if line[1] in here]}


def merge(files, target, versions):
    """Put the runs of ledger files into one; 0, or 2 when they are of different versions of a page."""
    try:
        for file in files:
            if not file.exists():
                raise ValueError(f"there is no {file}")
        parts = [(file.name, records.read(file)) for file in files]
        records.merged(*parts, versions=versions)  # before anything is dropped
        runs = records.merged((target.name, known(target, versions, drop=True)), *parts, versions=versions)
    except ValueError as error:
        print(f"Nothing was merged. {error}", file=sys.stderr)
        return 2
    records.write(target, runs)
    print(f"{target.name} holds {len(runs)} runs.")
    return 0


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path)
    parser.add_argument("--n", type=int, default=10, help="seeds 0 to n-1")
    parser.add_argument("--source", choices=["both", "mnist", "offline"], default="both")
    parser.add_argument("-j", type=int, default=1, help="runs at a time, one thread each")
    parser.add_argument("--json", type=Path, help="write every run's claims to this file")
    parser.add_argument("--ledger", type=Path, help="the file that keeps the runs, instead of ledger/seeds.jsonl")
    parser.add_argument("--again", action="store_true", help="make these runs anew, whatever the ledger holds")
    parser.add_argument("--shard", type=part, help="3/12: only the third of twelve parts, kept in build/")
    parser.add_argument("--merge", type=Path, nargs="*", metavar="LEDGER", help="put these files into the ledger")
    options = parser.parse_args(arguments)
    any_console()
    if options.merge is not None:
        versions = {book.name: records.version(read(book)) for book in notebooks(ROOT)}
        return merge(options.merge, options.ledger or records.LEDGER, versions)
    books = options.notebooks or notebooks(ROOT)
    asked = ["mnist", "offline"] if options.source == "both" else [options.source]
    if "mnist" in asked and not has_mnist():
        if options.source == "mnist":
            parser.error("the full MNIST is not there: run notebook 00 once with a network, or set PRACTICUM_DATA")
        asked = ["offline"]
        print("The full MNIST is not there: only the offline digits are run.")
    tasks = [(book, source, seed) for book in books for source in sources_for(read(book), asked)
             for seed in range(options.n)]
    file = options.ledger or records.LEDGER
    if options.shard:
        k, n = options.shard
        tasks = tasks[k - 1::n]
        file = options.ledger or ROOT / f"build/ledger-{k}-of-{n}.jsonl"
    ours = {book for book in books if options.ledger or book.resolve().parent == ROOT / "notebooks"}
    stored = {book: read(book) for book in books}
    versions = {book.name: records.version(stored[book]) for book in ours}
    kept = known(records.LEDGER, versions) + known(file, versions, drop=True) if ours else []
    kept = {(r["page"], r["source"], r["seed"]): r for r in kept if r["page"] in versions}
    name = {task: (task[0].name, *task[1:]) for task in tasks}
    if options.again and file.exists():
        asked_for = set(name.values())
        records.write(file, [r for r in records.read(file) if (r["page"], r["source"], r["seed"]) not in asked_for])
    if options.again:
        kept = {}
    runs = [still_differ(kept[name[task]], stored[task[0]]) for task in tasks if name[task] in kept]
    todo = [task for task in tasks if name[task] not in kept]
    with ThreadPoolExecutor(options.j) as pool:
        waiting = {pool.submit(run_once, *task): task for task in todo}
        for done in tqdm(as_completed(waiting), total=len(todo), desc="runs", disable=None):
            runs.append(done.result())
            if waiting[done][0] in ours and not runs[-1]["stopped"]:
                records.append(file, runs[-1])
    if file.exists():
        records.write(file, records.read(file))
    groups = dict.fromkeys((book.name, source) for book, source, _ in tasks)
    good = [report([r for r in runs if (r["page"], r["source"]) == group]) for group in groups]
    if options.json:
        options.json.write_text(json.dumps(runs, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    verdict = "every claim held, and other lines were the stored ones" if all(good) else "NOT all is well, see above"
    print(f"\n{len(runs)} runs: {verdict}.")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
