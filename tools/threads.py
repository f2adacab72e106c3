"""Choose how many threads a kernel takes, and how long they wait awake, by measuring this machine.

    python tools/threads.py                 prints settings: OMP_NUM_THREADS=2 GOMP_SPINCOUNT=10000
    python tools/threads.py --together 2    for two kernels at a time, as the tests run them
    python tools/threads.py --table         prints all that was measured

More threads are not faster: pages of small tensors lose to the hand-over between threads, two thread pools on the same
cores lose ten times, and a container that may use two of its host's 64 cores loses five times. So each candidate does
the piece of work that `utils.clock` times (the pages' own mix), and the fastest is taken; of two that differ by less
than 3 %, the one with fewer threads. OMP_NUM_THREADS that is set already is kept. The choice is stored under --cache,
for as long as the number of CPUs that this process may use stays the same.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

SPINS = ("", "10000")  # how often an idle thread looks for work before it sleeps; "" is the library's own choice
WORK = """
import json, sys, torch
from utils.clock import rule
found = {}
for threads in map(int, sys.argv[1:]):
    torch.set_num_threads(threads)
    rule()
    times = [rule()]
    while len(times) < 7 and sum(times) < 3:  # on a busy machine fewer will do: a start must not wait for minutes
        times.append(rule())
    found[threads] = sorted(times)[len(times) // 3]
print(json.dumps(found))
"""


def usable():
    """How many CPUs this process may use."""
    from utils.machine import usable_cpus  # after the check of the cache, which needs no torch

    return usable_cpus()


def candidates(cpus):
    """1, 2, 4 … and all CPUs, eight at most: no page gains from more."""
    return sorted({1, *(n for n in (2, 4, 8) if n <= cpus), min(cpus, 8)})


def environment(spin):
    kept = {k: v for k, v in os.environ.items() if k not in ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    return kept | ({"GOMP_SPINCOUNT": spin} if spin else {})


def measure(counts, together=1):
    """{(threads, spin): seconds}, the slowest of the processes that run at a time."""
    found = {}
    for spin in SPINS:
        runs = [subprocess.Popen([sys.executable, "-c", WORK, *map(str, counts)], env=environment(spin),
                                 stdout=subprocess.PIPE, text=True, encoding="utf-8") for _ in range(together)]
        outputs = [json.loads(run.communicate()[0]) for run in runs]
        found |= {(n, spin): max(output[str(n)] for output in outputs) for n in counts}
    return found


def choose(found):
    """The (threads, spin) with the least seconds; fewer threads if the gain is under 3 %, short spins if under 10 %.

    A page that also uses scikit-learn has a second pool of threads on the same cores: page 01 takes twice as long when
    the idle ones of the first do not sleep, which the piece of work, torch alone, does not show.
    """
    fastest = min(found.values())
    threads = min(n for (n, _), seconds in found.items() if seconds <= 1.03 * fastest)
    among = {spin: seconds for (n, spin), seconds in found.items() if n == threads}
    return threads, max((spin for spin, seconds in among.items() if seconds <= 1.1 * min(among.values())), key=len)


def settings(choice):
    threads, spin = choice
    return f"OMP_NUM_THREADS={threads}" + (f" GOMP_SPINCOUNT={spin}" if spin and threads > 1 else "")


def kept(cache):
    """The choices of earlier calls, {} where there are none that can be read."""
    try:
        stored = json.loads(cache.read_text(encoding="utf-8"))
        return {key: text for key, text in stored.items() if isinstance(text, str)}
    except (AttributeError, OSError, ValueError):
        return {}


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--together", type=int, default=1, help="kernels that run at a time")
    parser.add_argument("--cache", type=Path, help="file that keeps the choice")
    parser.add_argument("--table", action="store_true", help="print every candidate")
    options = parser.parse_args(arguments)
    if os.environ.get("OMP_NUM_THREADS") and not options.table:
        print(f"OMP_NUM_THREADS={os.environ['OMP_NUM_THREADS']}")
        return 0
    cpus = usable()
    key = f"{cpus} CPUs, {options.together} at a time"
    stored = kept(options.cache)
    if key not in stored or options.table:
        found = measure(candidates(cpus), options.together)
        stored[key] = settings(choose(found))
        if options.table:
            for (threads, spin), seconds in found.items():
                print(f"{threads} threads, spin {spin or 'default':<8} {seconds:.3f} s", file=sys.stderr)
        if options.cache:
            with contextlib.suppress(OSError):  # a read-only environment: measured again next time
                options.cache.write_text(json.dumps(stored), encoding="utf-8")
    print(stored[key])
    return 0


if __name__ == "__main__":
    sys.exit(main())
