"""Work for a kernel that rests: who is there, when it rests, one step at a time. In kernels: tests/test_widgets.py."""

import asyncio
import math
import runpy
import threading
import time
from types import SimpleNamespace

import pytest

from utils import ahead


class Shell:
    """IPython's shell as far as we ask it: its events, and the request that its kernel answers."""

    def __init__(self):
        self.heard = {"pre_run_cell": [], "post_run_cell": []}
        self.events = SimpleNamespace(register=lambda name, call: self.heard[name].append(call))
        self.parent = {}
        self.kernel = SimpleNamespace(get_parent=lambda: self.parent)

    def tell(self, event):
        for call in self.heard[event]:
            call(None)


@pytest.fixture
def shell(monkeypatch):
    """Nothing was asked of the kernel yet; a cell is followed by 0.2 s, an answer by 0.1 s, a step by 10 ms."""
    shell = Shell()
    monkeypatch.setattr(ahead, "get_ipython", lambda: shell)
    monkeypatch.setattr(ahead, "_kernel", ahead._kernel | {"rests from": math.inf, "shell": None, "loop": None,
                                                           "task": None})
    for name, seconds in (("AFTER_CELL", 0.2), ("AFTER_ANSWER", 0.1), ("BREATH", 0.01)):
        monkeypatch.setattr(ahead, name, seconds)
    return shell


class Steps:
    """Work of so many steps, and when each was done."""

    def __init__(self, count):
        self.left, self.times = count, []

    def __call__(self):
        if self.left:
            self.times.append(time.monotonic())
        self.left -= 1
        return self.left >= 0


async def until(condition):
    """Wait for it, five seconds at most."""
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline, "it never comes"
        await asyncio.sleep(0.005)


def test_who_asks(shell):
    assert ahead.request() == (None, None, False), "no kernel"

    async def asked():
        return ahead.request()
    assert asyncio.run(asked()) == (None, None, False), "a kernel that does not say"
    for person in (True, False):
        shell.parent = {"metadata": {"cellId": "c"}, "header": {"msg_id": "m"}, "content": {"allow_stdin": person}}
        assert asyncio.run(asked()) == ("c", "m", person)


def test_before_any_cell_ends_there_is_no_rest_and_after_it_a_page_has_time_for_its_next():
    fresh = runpy.run_path(ahead.__file__)
    assert fresh["_kernel"]["rests from"] == math.inf
    assert 0 < fresh["BREATH"] < fresh["AFTER_ANSWER"] < 0.5 <= fresh["AFTER_CELL"] <= 2


def test_beside_cells(shell):
    done = []
    ahead.beside_cells(lambda: done.append("no kernel"))

    async def moves():
        ahead.request()
        ahead.beside_cells(lambda: done.append("its own thread"))
        mover = threading.Thread(target=ahead.beside_cells, args=[lambda: done.append(threading.current_thread())])
        mover.start(), mover.join()
        before = len(done)  # the cell still runs
        await asyncio.sleep(0.05)
        return before
    assert asyncio.run(moves()) == 2
    assert done == ["no kernel", "its own thread", threading.main_thread()]


def test_steps_wait_for_the_end_of_cells_and_of_answers(shell):
    async def page():
        ahead.request()
        ahead.work(steps := Steps(40))
        await asyncio.sleep(0.3)
        assert not steps.times, "the cell that called runs until the kernel says that it ended"
        ahead.answered()
        await asyncio.sleep(0.3)
        assert not steps.times, "a slider that is moved while a cell runs ends no cell"
        for _ in range(3):  # a page that runs, cell after cell
            shell.tell("post_run_cell")
            await asyncio.sleep(0.1)
            shell.tell("pre_run_cell")
            await asyncio.sleep(0.15)
        assert not steps.times
        end = time.monotonic()
        shell.tell("post_run_cell")
        await until(lambda: len(steps.times) >= 3)
        moved = time.monotonic()
        ahead.answered()
        await until(lambda: steps.left < 0)
        return [t - end for t in steps.times], [t - moved for t in steps.times if t > moved]
    after_cell, after_answer = asyncio.run(page())
    assert after_cell[0] >= 0.2 and after_answer[0] >= 0.1 and len(after_cell) == 40
    assert min(b - a for a, b in zip(after_cell, after_cell[1:], strict=False)) >= 0.01, "a breath between two"


def test_whatever_waits_comes_between_two_steps(shell):
    async def page():
        ahead.request()
        ahead.work(steps := Steps(50))
        shell.tell("post_run_cell")
        await until(lambda: steps.times)
        return len(steps.times)
    assert asyncio.run(page()) < 50


def test_all_sliders_share_one_work_and_it_starts_again_when_there_is_more(shell):
    async def page():
        ahead.request()
        first, second = Steps(5), Steps(5)
        for work in (first, second):
            ahead.work(work)
        task = ahead._kernel["task"]
        shell.tell("post_run_cell")
        await asyncio.wait_for(task, 5)
        assert len(first.times) == 5 and not second.times, "the one that began draws for all"
        ahead.work(second)
        await asyncio.wait_for(ahead._kernel["task"], 5)
        assert len(second.times) == 5
    asyncio.run(page())
    assert [len(calls) for calls in shell.heard.values()] == [1, 1], "cells are listened to once"
