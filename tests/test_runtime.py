"""Seeds repeat, wrong settings are refused in words, and progress leaves one line with the time."""

import random
import subprocess
import sys

import numpy as np
import pytest
import torch

from utils import runtime


def draws():
    return random.random(), np.random.rand(), torch.rand(1).item()


def test_a_seed_repeats_all_three_generators(monkeypatch):
    monkeypatch.delenv("PRACTICUM_SEED", raising=False)
    runtime.seed_everything(3)
    first = draws()
    runtime.seed_everything(3)
    assert draws() == first
    runtime.seed_everything()
    assert draws() != first


def test_the_environment_chooses_the_seed(monkeypatch):
    monkeypatch.setenv("PRACTICUM_SEED", "3")
    runtime.seed_everything()
    first = draws()
    runtime.seed_everything(3)
    assert draws() == first
    monkeypatch.setenv("PRACTICUM_SEED", "three")
    with pytest.raises(ValueError, match="PRACTICUM_SEED='three'"):
        runtime.seed_everything()


def test_the_courses_seed_is_eight(monkeypatch):
    runtime.seed_everything(8)
    first = draws()
    for value in (None, "", "  "):  # unset, or as good as
        monkeypatch.delenv("PRACTICUM_SEED", raising=False)
        if value is not None:
            monkeypatch.setenv("PRACTICUM_SEED", value)
        runtime.seed_everything()
        assert draws() == first


@pytest.mark.parametrize("text", ["three", "8.0", "1e3", "0x10", "8 9", "∞", "--1"])
def test_a_seed_that_is_no_whole_number_is_refused(monkeypatch, text):
    monkeypatch.setenv("PRACTICUM_SEED", text)
    with pytest.raises(ValueError, match="PRACTICUM_SEED=.* is no whole number: set it to one, or unset it"):
        runtime.seed_everything()


@pytest.mark.parametrize("seed", [2**64, -2**63 - 1, 99999999999999999999])
def test_a_seed_of_more_than_64_bits_is_refused(monkeypatch, seed):
    monkeypatch.setenv("PRACTICUM_SEED", str(seed))
    for given in (None, seed):
        with pytest.raises(ValueError, match=f"the seed {seed} has more than 64 bits.*PRACTICUM_SEED"):
            runtime.seed_everything(given)


@pytest.mark.parametrize("seed", [0, -1, 2**32, 2**64 - 1, -2**63])
def test_every_seed_of_64_bits_is_taken(monkeypatch, seed):
    monkeypatch.setenv("PRACTICUM_SEED", f" {seed} ")
    runtime.seed_everything()
    first = draws()
    runtime.seed_everything(seed)
    assert draws() == first


def test_seeding_asks_for_deterministic_algorithms():
    torch.use_deterministic_algorithms(False)
    runtime.seed_everything()
    assert torch.are_deterministic_algorithms_enabled() and torch.is_deterministic_algorithms_warn_only_enabled()
    assert not torch.utils.deterministic.fill_uninitialized_memory


@pytest.mark.parametrize("name, word", [
    ("gpu", "no torch device: try cpu or cuda"), ("cuda", "no CUDA device"), ("cuda:9", "no CUDA device"),
    ("cuda:-1", "no torch device"), ("0", "no torch device"), ("mps", "no float64"), ("xpu", "runs on cpu and cuda"),
    ("meta", "runs on cpu and cuda"), ("hpu", "runs on cpu and cuda"), ("privateuseone", "no PRIVATEUSEONE device"),
    ("cpu,cuda", "no torch device"), ("cuda:99999999999", "no torch device")])
def test_an_impossible_device_is_refused(monkeypatch, name, word):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("PRACTICUM_DEVICE", name)
    with pytest.raises(ValueError, match=f"PRACTICUM_DEVICE='{name}'.*{word}.*unset it"):
        runtime.device()


def test_a_cuda_device_beyond_the_last_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for name, there in (("cuda", True), ("CUDA:1", True), ("cuda:2", False), ("cuda:9", False)):
        monkeypatch.setenv("PRACTICUM_DEVICE", name)
        if there:
            assert runtime.device() == torch.device(name.lower())
        else:
            with pytest.raises(ValueError, match="torch sees 2 CUDA devices: unset it, or set it to cpu"):
                runtime.device()


@pytest.mark.parametrize("value", [None, "", "  "])
def test_without_a_device_cuda_is_taken_when_it_is_there(monkeypatch, value):
    monkeypatch.delenv("PRACTICUM_DEVICE", raising=False)
    if value is not None:
        monkeypatch.setenv("PRACTICUM_DEVICE", value)
    for there in (True, False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
        assert runtime.device().type == ("cuda" if there else "cpu")


def test_a_device_that_somebody_registered_is_taken():
    """In a process of its own: a name given to torch stays."""
    code = """
import os, types, torch
from utils import runtime
torch.utils.rename_privateuse1_backend("toy")
os.environ["PRACTICUM_DEVICE"] = "toy"
try:
    runtime.device()
except ValueError as error:
    print(error)
torch._register_device_module("toy", types.SimpleNamespace(is_available=lambda: True))
print(runtime.device())
torch.toy.is_available = lambda: False
try:
    runtime.device()
except ValueError as error:
    print(error)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", timeout=120)
    refused = "PRACTICUM_DEVICE='toy', but torch sees no TOY device: unset it, or set it to cpu"
    assert run.stdout.splitlines() == [refused, "toy", refused], run.stderr


def test_the_cpu_can_be_chosen(monkeypatch):
    for name in ("cpu", "CPU", " cpu ", "cpu:0"):
        monkeypatch.setenv("PRACTICUM_DEVICE", name)
        assert runtime.device() == torch.device("cpu") and "threads" in runtime.describe_device()


def test_versions_name_what_is_missing():
    found = runtime.versions("torch", "no-such-package")
    assert found["torch"] == torch.__version__.split("+")[0] and found["no-such-package"] == "missing"


def test_progress_goes_through_everything():
    assert list(runtime.progress(5)) == list(range(5))
    assert list(runtime.progress(["a", "b"], "files")) == ["a", "b"]


def test_progress_in_a_kernel_leaves_one_line_with_the_time_or_none(tmp_path):
    import execute
    import nbformat

    setup = "import time\nfrom utils.runtime import progress\n"
    loops = ["for _ in progress(2_000, 'steps'): time.sleep(.0005)",
             "for i in progress(2_000, 'steps'):\n    if i == 50: break",
             "for _ in progress(100, 'KiB', keep=False): time.sleep(.005)"]
    cells = [nbformat.v4.new_code_cell(setup + loop) for loop in loops]
    execute.run(nbformat.v4.new_notebook(cells=cells), tmp_path)
    whole, stopped, gone = [cell.outputs[0].data for cell in cells]
    assert whole["text/plain"].startswith("2,000 steps · measured ") and whole["text/plain"].endswith(" s")
    assert stopped["text/plain"].endswith(" s, stopped after 50")
    assert gone == {} and all(len(cell.outputs) == 1 for cell in cells)


def test_a_stopwatch_measures_and_survives_an_error():
    with pytest.raises(KeyError), runtime.stopwatch() as watch:
        raise KeyError
    assert 0 <= watch.seconds < 1


def test_a_stopwatch_reads_the_clock(monkeypatch):
    clock = iter([10.0, 12.5])
    monkeypatch.setattr(runtime.time, "perf_counter", lambda: next(clock))
    with runtime.stopwatch() as watch:
        pass
    assert watch.seconds == 2.5


def test_no_room_writes_to_stderr_on_import(tmp_path):
    """A first import of matplotlib tells stderr that it builds its font cache; CI compares stderr."""
    code = "import utils.runtime, utils.figures, utils.widgets, utils.exercises, utils.training, utils.data"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8",
                         env={"MPLCONFIGDIR": str(tmp_path), "PATH": "", "HOME": str(tmp_path)}, timeout=120)
    assert run.returncode == 0 and run.stderr == "" and run.stdout == ""
