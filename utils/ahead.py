"""Work for a kernel that rests: a person sits before it, no cell has run for a second, nothing is asked of it."""

import asyncio
import math
import threading
import time

from IPython import get_ipython

AFTER_CELL, AFTER_ANSWER, BREATH = 1.0, 0.3, 0.05  # seconds: after a cell, after a slider's answer, between two steps
_kernel = {"rests from": math.inf, "shell": None, "loop": None, "task": None}


def request():
    """Which cell is run, by which request, and whether by a person; None where nobody can say.

    A person is where input() would be answered: JupyterLab offers that with each cell that it sends; nbval, nbclient
    and with them tools/execute.py do not.
    """
    try:
        _kernel["loop"] = asyncio.get_running_loop()
    except RuntimeError:  # no kernel
        return None, None, False
    parent = getattr(getattr(get_ipython(), "kernel", None), "get_parent", dict)() or {}
    return (parent.get("metadata", {}).get("cellId"), parent.get("header", {}).get("msg_id"),
            bool(parent.get("content", {}).get("allow_stdin")))


def beside_cells(job):
    """Do job() in the thread that runs the cells, and while none of them runs.

    Some kernels (ipykernel 7.0) answer a slider's moves in a thread of their own, also while a cell trains a model:
    drawing there would take the cell's random numbers, and matplotlib's settings, from under its feet.
    """
    if _kernel["loop"] is None or threading.current_thread() is threading.main_thread():
        job()
    else:
        _kernel["loop"].call_soon_threadsafe(job)


def answered():
    """A slider was moved, and may be again: let the kernel listen for a moment."""
    _kernel["rests from"] = max(_kernel["rests from"], time.monotonic() + AFTER_ANSWER)


def work(step):
    """Call step() while the kernel rests, again and again, until it returns False."""
    shell = get_ipython()
    if _kernel["shell"] is not shell:
        shell.events.register("pre_run_cell", _cell_begins)
        shell.events.register("post_run_cell", _cell_ends)
        _kernel["shell"] = shell
    if _kernel["task"] is None or _kernel["task"].done():
        _kernel["task"] = _kernel["loop"].create_task(_steps(step))


def _cell_begins(_info):
    _kernel["rests from"] = math.inf


def _cell_ends(_result):
    _kernel["rests from"] = time.monotonic() + AFTER_CELL


async def _steps(step):
    """One step at a time, with a breath between two: whatever waits for the kernel by then comes first."""
    while True:
        wait = _kernel["rests from"] - time.monotonic()
        if wait > 0:
            await asyncio.sleep(min(wait, 0.5))
        elif step():
            await asyncio.sleep(BREATH)
        else:
            return
