"""Write the tables of benchmarks/README.md and its figure from what the benchmarks kept in benchmarks/results/.

    python benchmarks/report.py [--check]

A ratio above 1 says how many times longer the other library takes than ours, at the same quality.
"""

import argparse
import json
import statistics
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
FIGURE = "ratios.png"
BEGIN, END = "<!-- tables:begin -->", "<!-- tables:end -->"


def results(folder=HERE / "results"):
    """What the benchmarks kept, in the order of their names."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]


def timed(row, ours=None):
    """The sides of a row that reached the target, the fastest first."""
    sides = [s for s in row["sides"] if s.get("reached") and s.get("seconds") and ours in (None, s["ours"])]
    return sorted(sides, key=lambda side: statistics.median(side["seconds"]))


def ratio(side, reference):
    """Median, lowest and highest of the paired ratios side / reference."""
    pairs = [a / b for a, b in zip(side["seconds"], reference["seconds"], strict=False)]
    return statistics.median(pairs), min(pairs), max(pairs)


def spread(values):
    middle, low, high = values
    return f"{middle:.2f}" if low == high else f"{middle:.2f} ({low:.2f} to {high:.2f})"


def verdict(values):
    """ahead or behind only where every turn agrees."""
    return "ahead" if values[1] > 1 else "behind" if values[2] < 1 else "level"


def summary(found):
    """One line a comparison: our fastest side beside the fastest of the others."""
    lines = ["| job, to the same quality | ours, fastest | others, fastest | their time / ours | |",
             "| --- | --- | --- | --- | --- |"]
    for row in (row for one in found for row in one["rows"]):
        ours, theirs = timed(row, True), timed(row, False)
        if ours and theirs:
            values = ratio(theirs[0], ours[0])
            lines.append(f"| {row['what']} | {_bare(ours[0])} | {theirs[0]['name']} | {spread(values)} "
                         f"| {verdict(values)} |")
    return "\n".join(lines)


def _bare(side):
    return side["name"].removeprefix("ours, ")


def detail(one, row):
    """All sides of one comparison, with quality, threads and what was tried."""
    ours = timed(row, True)
    seconds = "CPU seconds" if one["clock"] == "cpu" else "seconds"
    lines = [f"### {row['what']}", "", *([row["why"], ""] if row["why"] else []),
             f"| side | {row['quality']}: at most {row['target']:g} | threads | {seconds} | time / our fastest |",
             "| --- | --- | --- | --- | --- |"]
    for side in timed(row):
        lines.append(f"| {side['name']} | {statistics.median(side['quality']):.3g} | {side['threads']} "
                     f"| {statistics.median(side['seconds']):.3g} | {spread(ratio(side, ours[0])) if ours else ''} |")
    for side in row["sides"]:
        if "missing" in side:
            lines.append(f"| {side['name']} | {side['missing']} | | | |")
        elif not side["reached"]:
            lines.append(f"| {side['name']} | not reached: {statistics.median(side['quality']):.3g} | | not timed | |")
    return "\n".join(lines)


def where(one):
    """The machine in a sentence."""
    m, rounds = one["machine"], max((len(s.get("seconds", [])) for row in one["rows"] for s in row["sides"]), default=0)
    load = f"load {m['load']:.1f} at the start" if m["load"] == m["load"] else "load unknown"
    busy = ("**Measured on a busy machine**: others used it at the same time, so these are CPU seconds on one thread, "
            "no other number of threads was tried, and small differences mean nothing. " if m["busy"] else "")
    versions = ", ".join(f"{name} {number}" for name, number in m["versions"].items())
    turns = f" {rounds} turn{'s' * (rounds > 1)}." if rounds else ""
    return (f"{busy}{m['date']}, {m['cpu']}, {m['cpus']} CPUs, {load}, {m['gflops']:.0f} GFLOP/s in a product of "
            f"matrices on one thread; Python {m['python']}, {versions}.{turns}")


def growth(one):
    """The exponents of scaling.json, and the VAE's share of the matmul rate."""
    lines = ["| what | sizes | exponent, measured | from counting |", "| --- | --- | --- | --- |"]
    for row in one["scaling"]:
        sizes = f"{row['sizes'][0]:,} to {row['sizes'][-1]:,}"
        lines.append(f"| {row['what']} | {sizes} | {row['exponent']:.2f} | {row['theory']} |")
    vae = one["vae"]
    return "\n".join(lines) + (
        "\n\nBelow the counted exponent an operation gets cheaper with size, above it dearer."
        f"\n\nTraining page 10's VAE, batches of 200 on one thread, does {vae['gflops']:.0f} GFLOP/s, "
        f"{vae['gflops'] / vae['matmul']:.0%} of a large product's {vae['matmul']:.0f}.")


def tables(found):
    """What stands between the marks of README.md."""
    if not found:
        return "Nothing is measured yet: `make bench`."
    parts = [summary(found)]
    if (HERE / "results" / FIGURE).exists():
        parts.append(f"![Ratios of all sides to our fastest, one line a comparison](results/{FIGURE})")
    for one in found:
        parts += [f"## {one['benchmark']}", where(one), *(detail(one, row) for row in one["rows"])]
        parts += [growth(one)] if "scaling" in one else []
    return "\n\n".join(parts)


def figure(found, path):
    """A point a side: its time over our fastest, with the range over turns; left of the line is faster than ours."""
    from utils import figures

    rows = [(row, timed(row, True)) for one in found for row in one["rows"] if timed(row, True)]
    picture, ax = figures.canvas(width=8.6, height=0.9 + 0.42 * len(rows), alt="Ratios of times, one line a comparison")
    for at, (row, ours) in enumerate(rows):
        for side in timed(row):
            if side is not ours[0]:
                middle, low, high = ratio(side, ours[0])
                color = figures.GREY if side["ours"] else figures.BLUE
                ax.errorbar(middle, at, xerr=[[middle - low], [high - middle]], fmt="s" if side["ours"] else "o",
                            color=color, markersize=6)
    ax.axvline(1, color=figures.RED)
    ax.set(xscale="log", yticks=range(len(rows)), yticklabels=[row["what"] for row, _ in rows],
           ylim=(len(rows) - 0.5, -0.5),
           xlabel="time / our fastest (circles: others, squares: ours)",
           title="Right of the line: slower than our fastest")
    picture.savefig(path, dpi=110)


def page(text, found):
    """README.md with its tables written anew."""
    head, rest = text.split(BEGIN)
    return f"{head}{BEGIN}\n\n{tables(found)}\n\n{END}{rest.split(END)[1]}"


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only say whether README.md is current")
    options = parser.parse_args(arguments)
    readme, found = HERE / "README.md", results()
    text = readme.read_text(encoding="utf-8")
    if options.check:
        return f"{readme.name} is out of date: python benchmarks/report.py" if page(text, found) != text else 0
    figure(found, HERE / "results" / FIGURE)
    readme.write_text(page(text, found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
