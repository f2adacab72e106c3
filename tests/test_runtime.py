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


@pytest.mark.parametrize("name, word", [("gpu", "no torch device"), ("cuda", "no CUDA device")])
def test_an_impossible_device_is_refused(monkeypatch, name, word):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("PRACTICUM_DEVICE", name)
    with pytest.raises(ValueError, match=word):
        runtime.device()


def test_the_cpu_can_be_chosen(monkeypatch):
    monkeypatch.setenv("PRACTICUM_DEVICE", "cpu")
    assert runtime.device().type == "cpu" and "threads" in runtime.describe_device()


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


def test_no_room_writes_to_stderr_on_import(tmp_path):
    """A first import of matplotlib tells stderr that it builds its font cache; CI compares stderr."""
    code = "import utils.runtime, utils.figures, utils.widgets, utils.exercises, utils.training, utils.data"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                         env={"MPLCONFIGDIR": str(tmp_path), "PATH": "", "HOME": str(tmp_path)}, timeout=120)
    assert run.returncode == 0 and run.stderr == "" and run.stdout == ""
