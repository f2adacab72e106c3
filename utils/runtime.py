"""Seeds, the device, progress, and a report of the versions: what every notebook needs before its subject begins."""

import os
import platform
import random
import sys
import time
import warnings
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import torch
from tqdm import tqdm

from utils.machine import say, setting, usable_cpus

__all__ = ["DEFAULT_SEED", "Stopwatch", "describe_device", "device", "progress", "say", "seed_everything", "stopwatch",
           "usable_cpus", "versions"]

DEFAULT_SEED = 8  # week 8


def seed_everything(seed=None):
    """Seed python, numpy and torch, and ask torch for deterministic algorithms.

    seed: int, or None for the environment's PRACTICUM_SEED, or the course's own (8).
    Raises ValueError when PRACTICUM_SEED is no whole number, or the seed is none that torch takes.
    """
    if seed is None:
        text = setting("PRACTICUM_SEED") or str(DEFAULT_SEED)
        try:
            seed = int(text)
        except ValueError:
            raise ValueError(f"PRACTICUM_SEED={text!r} is no whole number: set it to one, or unset it") from None
    if not -2**63 <= seed < 2**64:
        raise ValueError(f"the seed {seed} has more than 64 bits: choose a smaller one, in PRACTICUM_SEED if it is set")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with a fixed workspace
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # a debugging aid that costs time at each allocation
    # torch warns of each CUDA kernel without a deterministic form; CI compares stderr, and no claim needs equal bits
    warnings.filterwarnings("ignore", message=".*does not have a deterministic implementation.*")


def device():
    """The device that the course computes on: PRACTICUM_DEVICE if set, else CUDA when it is there, else the CPU.

    Besides cpu and cuda only a device that somebody has registered with torch (PrivateUse1) is taken.
    Raises ValueError for any other, and for one that is not there.
    """
    name = (setting("PRACTICUM_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")).lower()
    try:
        chosen = torch.device(name)
    except RuntimeError:
        raise ValueError(f"PRACTICUM_DEVICE={name!r} is no torch device: try cpu or cuda, or unset it") from None
    if chosen.type == "cpu":
        return torch.device("cpu")
    if chosen.type == "mps":
        raise ValueError("PRACTICUM_DEVICE='mps': Apple's GPU has no float64, which the course measures in: "
                         "set it to cpu, or unset it")
    if chosen.type not in ("cuda", torch._C._get_privateuse1_backend_name()):
        raise ValueError(f"PRACTICUM_DEVICE={name!r}: the course runs on cpu and cuda; set it to one, or unset it")
    backend = getattr(torch, chosen.type, None)
    count = getattr(backend, "device_count", lambda: 1)() if backend and backend.is_available() else 0
    if (chosen.index or 0) >= count:
        raise ValueError(f"PRACTICUM_DEVICE={name!r}, but torch sees {count or 'no'} {chosen.type.upper()} "
                         f"device{'s' * (count > 1)}: unset it, or set it to cpu")
    return chosen


def describe_device():
    """The device in words, e.g. 'cpu, 2 threads' or 'cuda, NVIDIA H100'."""
    chosen = device()
    if chosen.type == "cuda":
        return f"cuda, {torch.cuda.get_device_name(chosen)}"
    return f"{chosen.type}, {torch.get_num_threads()} threads"


def versions(*packages):
    """{'python': '3.11.7', 'torch': '2.14.1', …}; a package that is not installed reads 'missing'."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "missing"
    return found


class _DisplayLine:
    """A file for tqdm whose last line is shown in place: an updated display in Jupyter, stderr elsewhere."""

    def __init__(self, label):
        self.label, self.handle = label, None

    def write(self, text):
        text = text.strip("\r\n ")
        if text:
            self.show(f"{self.label} · measured {text}")

    def show(self, line):
        from IPython.display import DisplayHandle  # a terminal program need not import IPython

        fresh = self.handle is None
        self.handle = self.handle or DisplayHandle()
        call = self.handle.display if fresh else self.handle.update
        call({"text/plain": line} if line else {}, raw=True)

    def flush(self):
        pass


def _in_notebook():
    """True inside an IPython kernel; IPython is not imported to find out."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and hasattr(shell, "kernel")


def progress(work, label="steps", keep=True):
    """Go through `work` (an int n for range(n), or anything with a length) under a progress bar.

    In a notebook one line shows how far and how long still; when all is done it reads, for instance,
    `1,000 steps · measured 8.4 s`, so the stored page keeps the time and no dead widget. keep=False takes the line
    away at the end, for work that is not done every time (a download).
    """
    items = range(work) if isinstance(work, int) else work
    label = f"{len(items):,} {label}"
    line = _DisplayLine(label) if _in_notebook() else sys.stderr
    start = time.perf_counter()
    shape = "{percentage:3.0f}% |{bar:24}| {elapsed} gone, {remaining} to go"
    bar = tqdm(items, file=line, bar_format=shape, mininterval=0.25, leave=False, desc=label,
               disable=None if line is sys.stderr else False)
    try:
        yield from bar
    finally:
        bar.close()
        if line is not sys.stderr:
            stopped = "" if bar.n == len(items) else f", stopped after {bar.n:,}"
            line.show(f"{label} · measured {time.perf_counter() - start:.1f} s{stopped}" if keep else "")


class Stopwatch:
    """Seconds between the start and the end of a `with stopwatch() as watch` block, in `watch.seconds`."""

    seconds = float("nan")


@contextmanager
def stopwatch():
    """Measure the wall time of a block; on CUDA the queue is emptied before each reading."""
    wait = torch.cuda.synchronize if torch.cuda.is_available() else (lambda: None)
    watch = Stopwatch()
    wait()
    start = time.perf_counter()
    try:
        yield watch
    finally:
        wait()
        watch.seconds = time.perf_counter() - start
