"""Work ahead for a kernel that rests: somebody sits before it, no cell has run for a second, nothing is asked of it."""

import asyncio
import math
import time

from IPython import get_ipython

AFTER_CELL, AFTER_ANSWER, BREATH = 1.0, 0.3, 0.05  # seconds: after a cell, after a slider's answer, between two steps
_rests = {"from": math.inf, "shell": None, "task": None}


def request():
    """Which cell is run, by which request, and whether by a person; None where nobody can say.

    A person is where input() would be answered: JupyterLab offers that with each cell it sends; nbval, nbclient and
    with them tools/execute.py do not.
    """
    parent = getattr(getattr(get_ipython(), "kernel", None), "get_parent", dict)() or {}
    return (parent.get("metadata", {}).get("cellId"), parent.get("header", {}).get("msg_id"),
            bool(parent.get("content", {}).get("allow_stdin")))


def answered():
    """A slider was moved, and may be again: let the kernel listen for a moment."""
    _rests["from"] = max(_rests["from"], time.monotonic() + AFTER_ANSWER)


def work(step):
    """Call step() while the kernel rests, again and again, until it returns False. Outside a kernel: never."""
    shell = get_ipython()
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return
    if _rests["shell"] is not shell:
        shell.events.register("pre_run_cell", _cell_begins)
        shell.events.register("post_run_cell", _cell_ends)
        _rests["shell"] = shell
    if _rests["task"] is None or _rests["task"].done():
        _rests["task"] = loop.create_task(_steps(step))


def _cell_begins(_info):
    _rests["from"] = math.inf


def _cell_ends(_result):
    _rests["from"] = time.monotonic() + AFTER_CELL


async def _steps(step):
    """One step at a time, with a breath between two: whatever waits for the kernel by then comes first."""
    while True:
        wait = _rests["from"] - time.monotonic()
        if wait > 0:
            await asyncio.sleep(min(wait, 0.5))
        elif step():
            await asyncio.sleep(BREATH)
        else:
            return
