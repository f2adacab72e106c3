"""The clock counts cells and not pauses, and says them beside a piece of work that every machine does."""

import importlib.util
import os
import re
import subprocess
import sys
import time
import types

import pytest
import torch

from utils import clock


@pytest.fixture
def fresh(monkeypatch):
    monkeypatch.setattr(clock, "_spent", 0.0)
    monkeypatch.setattr(clock, "_since", None)


def test_only_cells_count(fresh):
    clock._begin()
    time.sleep(0.05)
    clock._end()
    time.sleep(0.2)  # somebody reads
    clock._begin()
    time.sleep(0.05)
    clock._end()
    clock._end()  # a kernel that tells the end twice
    assert 0.1 <= clock._spent < 0.2


def test_the_report_holds_the_running_cell_and_both_times(fresh, monkeypatch, capsys):
    monkeypatch.setattr(clock, "yardstick", lambda: 2.0)
    monkeypatch.setattr(clock, "_spent", 30.0)
    clock._begin()
    time.sleep(0.11)
    clock.report()
    line = capsys.readouterr().out
    found = re.fullmatch(r"time · measured ([\d.]+) s; this machine takes 2\.00 times README's: (\d+) s there\n", line)
    assert found and 30.1 <= float(found[1]) < 31 and found[2] == "15"


def test_the_yardstick_is_the_best_of_several_and_in_units_of_the_reference(monkeypatch):
    times = iter([0.9, 0.5, 0.7])
    monkeypatch.setattr(clock, "rule", lambda: next(times))
    assert clock.yardstick(repeats=3) == pytest.approx(0.5 / clock.REFERENCE)


def test_the_rule_leaves_the_page_its_random_numbers_and_works_under_any_mode():
    torch.manual_seed(3)
    wanted = torch.rand(2)
    torch.manual_seed(3)
    with torch.no_grad():
        assert clock.rule() > 0
    assert torch.equal(torch.rand(2), wanted)


@pytest.mark.parametrize("setting, threads", [("", 2), ("3", 3)])
def test_more_threads_than_cpus_are_taken_back_unless_somebody_asked_for_them(setting, threads):
    code = ("import torch; torch.set_num_threads(3)\nfrom utils import machine\nmachine.usable_cpus = lambda: 2\n"
            "from utils import clock; print(torch.get_num_threads())")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, encoding="utf-8",
                         env={**os.environ, "OMP_NUM_THREADS": setting})
    assert run.stdout.strip() == str(threads)


def test_the_clock_listens_to_the_cells_of_a_notebook(monkeypatch):
    """A second copy of the room, loaded beside a shell that remembers who wants to hear of its cells."""
    heard = {}
    shell = types.SimpleNamespace(events=types.SimpleNamespace(register=heard.__setitem__))
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    spec = importlib.util.spec_from_file_location("clock_in_a_notebook", clock.__file__)
    room = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(room)
    assert heard == {"pre_run_cell": room._begin, "post_run_cell": room._end}


def test_the_yardstick_measures_in_single_precision_and_gives_the_page_its_own_back(monkeypatch):
    monkeypatch.setattr(clock, "rule", lambda: 1.0 if torch.get_default_dtype() == torch.float32 else 9.0)
    torch.set_default_dtype(torch.float64)
    try:
        assert clock.yardstick() == pytest.approx(1 / clock.REFERENCE) and torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
