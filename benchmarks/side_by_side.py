"""The frame of the comparisons with other libraries: equal quality first, then times, side by side in one process.

A comparison has a quality, a target for it, and sides. Every side first shows that it reaches the target, with the
least of its efforts that does; one that doesn't is reported and not timed. Then each side's own best number of threads
is found by trying, and the sides take turns. Ratios are paired: of two times of the same turn, which saw the same load.

On a machine that others use as well (this process does not get the CPUs that it asks for) seconds are CPU seconds on
one thread, and the row says so: those hardly move with the load, while seconds on the wall mean nothing there.
"""

import argparse
import contextlib
import gc
import json
import os
import platform
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from utils.machine import usable_cpus

RESULTS = Path(__file__).resolve().parent / "results"
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
LIBRARIES = ("torch", "numpy", "scipy", "scikit-learn", "celer", "skglm", "numba", "pylops", "pythae", "sporco",
             "torchebm")


@dataclass
class Side:
    """One library's way. run(effort) -> result is what is timed; efforts: tried in this order, the first that
    reaches the target is taken. trial: an effort for the trial of threads, where a whole run is long.
    """

    name: str
    run: Any
    efforts: tuple = (None,)
    ours: bool = False
    trial: Any = None


class Missing(NamedTuple):
    """A side that is not there, and why."""

    name: str
    why: str


@dataclass
class Comparison:
    """Sides that do the same job. measure(result) -> the quality, which is reached at or below the target.

    why: what decides, in a sentence, as found by profiling. once: runs are long, so the first of each, which shows that
    the quality is reached, is its first timed one as well.
    """

    what: str
    quality: str
    target: float
    measure: Any
    sides: list
    why: str = ""
    once: bool = False


def peer(name, make):
    """The Side that make() returns, or a Missing where its library can't be imported."""
    try:
        return make()
    except ImportError as error:
        return Missing(name, f"can't be installed or imported here: {error}".replace("\n", " "))


@contextlib.contextmanager
def threads(count):
    """Every pool of threads in this process, torch's and those of BLAS and OpenMP, is cut to so many."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with threadpool_limits(count):
            yield
    finally:
        torch.set_num_threads(before)


def timed(side, effort, seed, count, clock):
    """(seconds, result) of one run; the random numbers of torch and numpy start from the seed."""
    read = CLOCKS[clock]
    torch.manual_seed(seed)
    np.random.seed(seed)
    gc.collect()
    with threads(count):
        time.sleep(0.02)  # idle threads of the other side's pool wait awake for some milliseconds
        start = read()
        result = side.run(effort)
        return read() - start, result


def settle(side, comparison, clock, count=1):
    """The least effort that reaches the target; (effort, quality, seconds, reached)."""
    for effort in side.efforts:
        seconds, result = timed(side, effort, 0, count, clock)
        found = float(comparison.measure(result))
        if found <= comparison.target:
            return effort, found, seconds, True
    return effort, found, seconds, False


def best_threads(side, effort, counts, clock):
    """{threads: seconds} of those tried; more threads win only by 3 %."""
    effort = effort if side.trial is None else side.trial
    tried = {n: min(timed(side, effort, 0, n, clock)[0] for _ in range(2)) for n in counts}
    return min(n for n, s in tried.items() if s <= 1.03 * min(tried.values())), tried


def compare(comparison, *, rounds=7, counts=(1,), clock="wall", say=print):
    """One row: the sides' times and qualities, turn by turn."""
    say(f"\n{comparison.what}: {comparison.quality} at most {comparison.target:g}")
    rows, able = [], []
    for side in comparison.sides:
        if isinstance(side, Missing):
            rows.append({"name": side.name, "missing": side.why})
            say(f"  {side.name:<44} {side.why}")
            continue
        effort, found, seconds, reached = settle(side, comparison, clock)
        row = {"name": side.name, "ours": side.ours, "effort": str(effort), "reached": reached, "quality": [found]}
        rows.append(row)
        if not reached:
            say(f"  {side.name:<44} does not reach it: {found:.4g} at {effort}")
            continue
        row["threads"], tried = (1, {}) if len(counts) == 1 else best_threads(side, effort, counts, clock)
        row |= {"tried": tried, "seconds": []}
        if comparison.once and row["threads"] == 1:
            row["seconds"].append(seconds)
        else:
            row["quality"] = []
        able.append((side, effort, row))
    for turn in range(rounds):
        for side, effort, row in able if turn % 2 else able[::-1]:  # nobody always comes first
            if len(row["seconds"]) <= turn:
                seconds, result = timed(side, effort, turn, row["threads"], clock)
                row["seconds"].append(seconds)
                row["quality"].append(float(comparison.measure(result)))
    for row in (row for _, _, row in able):
        row["reached"] = bool(np.median(row["quality"]) <= comparison.target)
        say(f"  {row['name']:<44} {np.median(row['seconds']):9.4f} s, {row['threads']} threads, "
            f"quality {np.median(row['quality']):.4g} at {row['effort']}")
    return {"what": comparison.what, "quality": comparison.quality, "target": comparison.target,
            "why": comparison.why, "sides": [_rounded(row) for row in rows]}


def _rounded(value):
    """Four digits are more than any time is worth."""
    if isinstance(value, dict):
        return {key: _rounded(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def matmul(count=1):
    """GFLOP/s of float32 products of 1,024 × 1,024 matrices; CPU seconds over wall seconds and threads."""
    a, flops = torch.randn(1024, 1024), 2 * 1024**3
    with threads(count):
        a @ a
        wall, cpu, n = time.perf_counter(), time.process_time(), 0
        while time.perf_counter() - wall < 1:
            a @ a
            n += 1
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return n * flops / cpu * count / 1e9, cpu / wall / count


def machine():
    """The machine, its load, the versions; `busy` where this process does not get the CPUs that it may use."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    cpus, name = usable_cpus(), platform.processor() or platform.machine()
    with contextlib.suppress(OSError, StopIteration):
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        name = next(line.split(":")[1].strip() for line in text.splitlines() if line.startswith("model name"))
    share = matmul(min(cpus, 8))[1]
    found = {"date": datetime.now(UTC).date().isoformat(), "cpu": name, "cpus": cpus, "load": load, "share": share,
             "busy": share < 0.9, "gflops": matmul()[0], "python": platform.python_version(), "versions": {}}
    for library in LIBRARIES:
        with contextlib.suppress(PackageNotFoundError):
            found["versions"][library] = version(library)
    return _rounded(found)


def program(name, doc, comparisons, arguments=None):
    """The main function of a benchmark. comparisons(quick) -> [Comparison, …]."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small problems, seconds, nothing written")
    parser.add_argument("--rounds", type=int, help="turns of each side")
    parser.add_argument("--only", default="", help="only comparisons whose name holds this")
    options = parser.parse_args(arguments)
    here = machine()
    counts = [1] if here["busy"] or options.quick else sorted({1, *(n for n in (2, 4, 8) if n <= here["cpus"])})
    clock = "cpu" if here["busy"] else "wall"
    print(f"{here['cpu']}, {here['cpus']} CPUs, load {here['load']:.1f}{', busy' * here['busy']}: {clock} seconds, "
          f"threads tried: {counts}")
    say = partial(print, flush=True)
    rows = [compare(one, rounds=options.rounds or (2 if options.quick else 3 if one.once else 7), counts=counts,
                    clock=clock, say=say) for one in comparisons(options.quick) if options.only in one.what]
    if not (options.quick or options.only):
        RESULTS.mkdir(exist_ok=True)
        text = json.dumps({"benchmark": name, "clock": clock, "machine": here, "rows": rows}, indent=1,
                          ensure_ascii=False)
        (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    return rows


if __name__ == "__main__":
    sys.exit("this is the frame: run one of the benchmarks beside it, or make bench")
