"""The clock: what a page's cells have cost so far, and how fast this machine is beside the one of README's times."""

import sys
import time

import torch

REFERENCE = 0.2  # seconds of one yardstick on the machine of README's times

_spent = time.process_time()  # the imports came before this room: their share is what the process has computed
_since = time.perf_counter()  # when the running cell began, None between cells


def _begin(*_):
    global _since
    _since = time.perf_counter()


def _end(*_):
    global _spent, _since
    if _since is not None:
        _spent, _since = _spent + time.perf_counter() - _since, None


_shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
if _shell is not None:  # only cells count, not the time in which somebody reads
    _shell.events.register("pre_run_cell", _begin)
    _shell.events.register("post_run_cell", _end)


def _rule():
    """Seconds of a fixed piece of work like the pages': Gibbs steps, products of matrices, shrinkage, python."""
    draw = torch.Generator().manual_seed(8)
    v, W, y = (torch.rand(shape, generator=draw) for shape in ((100, 784), (784, 16), (512, 512)))
    start = time.perf_counter()
    for _ in range(100):
        h = (torch.rand(100, 16, generator=draw) < torch.sigmoid(v @ W)).float()
        v = (torch.rand(100, 784, generator=draw) < torch.sigmoid(h @ W.T)).float()
    for _ in range(20):
        z = y @ y
        y = torch.nn.functional.softshrink(z / z.norm(), 1e-4)
    sum(i * i for i in range(200_000))
    return time.perf_counter() - start


def yardstick(repeats=4):
    """How many times longer this machine takes than the one of README's times.

    The best of a few repeats of a fixed piece of work (a fifth of a second each); 2.0 means twice README's times.
    """
    return min(_rule() for _ in range(repeats)) / REFERENCE


def report():
    """Print the seconds that this page's cells have taken, and what that is on the machine of README's times."""
    spent = _spent + (time.perf_counter() - _since if _since is not None else 0)
    slow = yardstick()
    print(f"time · measured {spent:.1f} s; this machine takes {slow:.2f} times README's: {spent / slow:.0f} s there")
