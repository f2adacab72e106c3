"""Run pages and the checks of their exercises on the GPU of this machine, and say in one table what was seen.

    python tools/gpu.py notebooks/05-ista-fista.ipynb …     (without names: all of them)

Each page runs twice. No cell may stop, every claim holds, and every line that CI compares is the stored one; every
right, equivalent and wrong answer to its exercises gets its verdict there. The table has the seconds of both runs
beside those of the stored page, which README's machine took on its CPU, and how many of the numbers that claims
measured are not the same in the second run: times never are, and on a GPU sums may be added up in any order. Status 1
when something differs from the stored pages, 2 without a GPU.
"""

import argparse
import sys
from pathlib import Path

import torch
from device import ROOT, answers, environment, page
from lines import tell
from pages import any_console, describe, notebooks, table

HEAD = ["page", "claims", "differs", "answers", "wrong", "seconds", "again", "stored, CPU", "numbers that moved"]


def moved(first, second):
    """How many claims measured something else the second time; all that only one run has count."""
    differ = sum(a != b for a, b in zip(first, second, strict=False))
    return differ + abs(len(first) - len(second))


def row(path, env):
    """One page: (what differs, its row of the table)."""
    found, claims, took = page(path, env)
    again, second, took_again = page(path, env)
    found += [f"the second time {line}" for line in again if line not in found]
    wrong, put = answers(path, env)
    tell(f"{path.name}: {len(claims)} claims, {put} answers · measured {took:.0f} s and {took_again:.0f} s",
         [*found, *wrong])
    cells = [path.stem, len(claims), len(found), put, len(wrong), f"{took:.0f}", f"{took_again:.0f}",
             describe(path).seconds.removesuffix(" s"), f"{moved(claims, second)} of {len(claims)}"]
    return [*found, *wrong], list(map(str, cells))


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path)
    parser.add_argument("--on", default="cuda", help="the device: cuda, cuda:1; cpu shows what the table looks like")
    options = parser.parse_args(arguments)
    any_console()
    if options.on.startswith("cuda") and not torch.cuda.is_available():
        print("There is no GPU here: torch sees no CUDA device. `make device` tries pages without one.")
        return 2
    name = torch.cuda.get_device_name(options.on) if options.on.startswith("cuda") else options.on
    print(f"{name}, torch {torch.__version__}, CUDA {torch.version.cuda}", flush=True)
    seen = [row(path, environment(name=options.on)) for path in options.notebooks or notebooks(ROOT)]
    print("", table(HEAD, [cells for _, cells in seen]), sep="\n")
    return int(any(found for found, _ in seen))


if __name__ == "__main__":
    sys.exit(main())
