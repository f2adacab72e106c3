"""The clock: what a page's cells have cost so far, and how fast this machine is beside the one of README's times."""

import os
import sys
import time

import torch
from torch import nn

from utils import machine
from utils.machine import say

REFERENCE = 0.09  # seconds of one yardstick on the machine of README's times

# threads beyond the CPUs that this process may use wait for each other, five times as long as they work; and no page
# gains from more than eight
if not os.environ.get("OMP_NUM_THREADS") and torch.get_num_threads() > min(8, machine.usable_cpus()):
    torch.set_num_threads(min(8, machine.usable_cpus()))

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


@torch.enable_grad()
def rule():
    """Seconds of a fixed piece of work, mixed as the pages mix it: a sampler, sparse codes, three networks."""
    with torch.random.fork_rng(devices=[]):  # the page's own random numbers stay where they are
        torch.manual_seed(8)
        v, W, y, D, x, path, image = (torch.rand(shape) for shape in (
            (100, 784), (784, 16), (1000, 144), (144, 288), (256, 784), (256, 2), (64, 1, 20, 20)))
        vae = nn.Sequential(nn.Linear(784, 400), nn.ReLU(), nn.Linear(400, 784))
        small = nn.Sequential(nn.Linear(2, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 1))
        conv = nn.Sequential(nn.Conv2d(1, 16, 5, 2), nn.ReLU(), nn.Conv2d(16, 32, 3, 2))
        z = torch.zeros(1000, 288)
        start = time.perf_counter()
        for _ in range(60):
            h = (torch.rand(100, 16) < torch.sigmoid(v @ W)).float()
            v = (torch.rand(100, 784) < torch.sigmoid(h @ W.T)).float()
        for _ in range(15):
            z = nn.functional.softshrink(z - ((z @ D.T - y) @ D) * 1e-5, 1e-4)
        for net, data, steps in ((vae, x, 4), (small, path, 60), (conv, image, 6)):
            for _ in range(steps):
                net(data).square().mean().backward()
        return time.perf_counter() - start


def yardstick(repeats=4):
    """How many times longer this machine takes than the one of README's times.

    The best of a few repeats of a fixed piece of work (a tenth of a second each); 2.0 means twice README's times.
    """
    dtype = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)  # a page may compute in double precision
    try:
        return min(rule() for _ in range(repeats)) / REFERENCE
    finally:
        torch.set_default_dtype(dtype)


def report():
    """Print the seconds that this page's cells have taken, and what that is on the machine of README's times."""
    spent = _spent + (time.perf_counter() - _since if _since is not None else 0)
    slow = yardstick()
    say(f"time · measured {spent:.1f} s; this machine takes {slow:.2f} times README's: {spent / slow:.0f} s there")
