"""The make-believe device: it refuses what CUDA refuses, lets the rest pass, and no planted device mistake gets by."""

import os
import re
import subprocess
import sys
from pathlib import Path

import device
import nbformat
import pytest
import torch
from nbformat.v4 import new_code_cell, new_notebook, new_output
from packaging.version import Version

HERE = Path(__file__).parent / "device"
pytestmark = [pytest.mark.skipif(Version(torch.__version__) < Version("2.13"), reason="the device needs torch 2.13"),
              pytest.mark.skipif(not hasattr(os, "fork"), reason="its tests fork")]
# what is called with x of the device and y of the CPU, (3, 4) each: the words of the refusal, "" where it must pass
CALLS = """
x + y                                                       same device
y @ x.T                                                     same device
torch.where(x > 0, x, y)                                    same device
torch.cat([x, y])                                           same device
x[:, 0] * y[:, 0]                                           same device
y[x[:, 0] > 0]                                              same device
x.numpy()                                                   to numpy
np.asarray(x)                                               to numpy
torch.rand(3, device=d, generator=torch.Generator())        for generator
x.normal_(generator=torch.Generator())                      for generator
torch.rand(3, generator=torch.Generator(d))                 for generator
y.normal_(generator=torch.Generator(d))                     for generator
torch.randperm(3, generator=torch.Generator(d))             for generator
nn.Linear(4, 2)(x)                                          same device
nn.functional.conv2d(x.view(1, 1, 3, 4), y.view(1, 1, 3, 4))  same device
x * torch.tensor(2.0)
torch.rand(3, device=d, generator=torch.Generator(d)), x.normal_(generator=torch.Generator(device=d))
torch.randperm(3, device=d, generator=torch.Generator(d))
torch.bernoulli(x, generator=torch.Generator(d)), torch.multinomial(x, 2, generator=torch.Generator(d))
torch.rand(3, generator=torch.Generator()), torch.utils.data.DataLoader(range(4), shuffle=True).__iter__().__next__()
x[y[:, 0] > 0]
x[torch.tensor([0, 2])]
x.copy_(y)
torch.where(x > 0, x, torch.tensor(0.0))
nn.Linear(4, 2).to(d)(x)
x.cpu().numpy() + y.numpy()
torch.tensor([1.0, 2.0], device=d).tolist()
torch.fft.irfft2(torch.fft.rfft2(x)), torch.linalg.svd(x), torch.linalg.qr(x), x.unique(return_inverse=True)
copy.deepcopy(nn.Linear(4, 2).to(d))(x).sum().backward()
f"{x.sum():.3f} {x}"
"""
SCRIPT = f"""
import copy, sys
import numpy as np
sys.path.insert(0, {str(HERE)!r})
import makebelieve, torch
from torch import nn
from utils.runtime import device
d = device()
for line in {CALLS.splitlines()[1:]!r}:
    call, _, words = line.partition("  ")
    x, y = torch.ones(3, 4, device=d), torch.ones(3, 4)
    try:
        eval(call)
        print("passes", call)
    except Exception as error:
        print("refused", call, error)
torch.manual_seed(0); first, own = torch.rand(5, device=d), torch.rand(5)
torch.manual_seed(0); own_first, second = torch.rand(5), torch.rand(5, device=d)
print("streams", torch.equal(first, second), torch.equal(own, own_first), torch.equal(first.cpu(), own))
own = torch.Generator(d).manual_seed(8)
torch.manual_seed(0); torch.rand(9, device=d, generator=own); third, fourth = torch.rand(5, device=d), torch.rand(3)
again = torch.Generator("fake").manual_seed(8)
print("own generator", torch.equal(third, first), own.device.type == d.type, torch.equal(
    torch.rand(9, device=d, generator=again), torch.rand(9, device=d, generator=again.manual_seed(8))))
with torch.random.fork_rng(devices=[0], device_type="fake"):
    torch.rand(3, device=d)
print("forked", torch.rand(2, device=d).tolist() == (torch.manual_seed(0), torch.rand(7, device=d))[1][5:].tolist())
a, b = torch.randn(50, 70, device=d), torch.randn(70, 30, device=d)
print("rounding", (a @ b - (a.cpu() @ b.cpu()).to(d)).abs().max().item())
"""


def run(*command, **variables):
    return subprocess.run([sys.executable, *command], env=device.environment() | variables, capture_output=True,
                          encoding="utf-8", timeout=250, check=False)


@pytest.mark.parametrize("rounding", ["", "other"])
def test_it_refuses_what_cuda_refuses_and_nothing_else(rounding):
    done = run("-c", SCRIPT, ROUNDING=rounding)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    for call, words in (re.match(r"(.*?)(?:  +(.*))?$", line).groups() for line in CALLS.splitlines()[1:]):
        line, = (one for one in lines if re.match(r"(passes|refused) " + re.escape(call), one))
        assert line.startswith("refused") and words in line if words else line.startswith("passes"), line
    assert "streams True True False" in lines or "streams True True True" in lines
    assert "own generator True True True" in lines
    assert "forked True" in lines
    assert (float(lines[-1].removeprefix("rounding ")) > 0) == bool(rounding)


def test_planted_device_mistakes_stop_and_nothing_else_does():
    done = run(str(HERE / "plant.py"), "7", OMP_NUM_THREADS="1")  # all of them: make device
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout + done.stderr
    assert lines[0] == "✔ nothing planted: nothing stops" and re.fullmatch(r"(\d+) of \1 mistakes stopped\.", lines[-1])
    assert len(lines) == 2 + 3


def cell(source, stdout="", error=""):
    outputs = [new_output("stream", name="stdout", text=stdout)] if stdout else []
    outputs += [new_output("error", ename="RuntimeError", evalue=error, traceback=[])] if error else []
    return new_code_cell(source, execution_count=1, outputs=outputs)


def test_what_differs_on_the_device_is_told(tmp_path, monkeypatch):
    """A stored page and, in the place of a run, what its cells show: the device's other lines, errors, red claims."""
    claim = "claim('it is 2', x, at_most=2)"
    stored = [cell("print(device())", "on cpu\n"), cell("print(x)", "2\n"), cell("x + y"),
              cell(claim, "✔ it is 2 · measured 2\n")]
    shown = [cell(""), cell("", "on fake\n"), cell("", "2\n"), cell("", error="found at least two devices"),
             cell("", "✘ it is 2 · measured 3\n")]
    path = tmp_path / "05-page.ipynb"
    nbformat.write(new_notebook(cells=stored), path)

    def run(nb, folder, env, **options):
        assert "import makebelieve" in nb.cells[0].source and env["PRACTICUM_DEVICE"] == "fake"
        for made, one in zip(nb.cells, shown, strict=True):
            made.outputs = one.outputs

    monkeypatch.setattr(device, "run", run)
    found, claims, _ = device.page(path, device.environment())
    assert claims == [("it is 2", False, "3")] and len(found) == 3 and found[0] == "red: it is 2"
    assert "says 'on fake', stored is 'on cpu'" in found[1] and "stops: RuntimeError: found at least two" in found[2]
