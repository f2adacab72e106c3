"""The self-test of notebook 00: does this computer run the course, and if not, what is to be done?"""

import os
import re
import tempfile
from importlib.metadata import requires, version

import torch

from utils import data, figures, runtime


def _packages():
    wanted = [re.match(r"([A-Za-z0-9-]+)>=([0-9.]+)$", r) for r in requires("week8-practicum") or [] if ";" not in r]
    found = runtime.versions(*(w[1] for w in wanted))
    for name, least in (w.groups() for w in wanted):
        numbers = re.findall(r"\d+", found[name])[:2]
        if found[name] == "missing" or list(map(int, numbers)) < list(map(int, least.split(".")[:2])):
            raise RuntimeError(f"{name} is {found[name]}, {least} or newer is needed")
    return f"{len(wanted)} packages; the course is {version('week8-practicum')}"


def _arithmetic():
    x = torch.linspace(-1, 1, 101, device=runtime.device(), requires_grad=True)
    (gradient,) = torch.autograd.grad((x**2).sum(), x)
    if not torch.allclose(gradient, 2 * x):
        raise RuntimeError("the gradient of x² is not 2x")
    return runtime.describe_device()


def _threads():
    threads, cpus = torch.get_num_threads(), runtime.usable_cpus()
    if threads > cpus:
        raise RuntimeError(f"torch uses {threads} threads, and the time of {cpus} CPUs is granted: all will be slow; "
                           f"start Jupyter with OMP_NUM_THREADS={cpus}")
    return f"{threads} threads, {cpus} usable CPUs"


def _torchvision():
    from torchvision.ops import nms  # needs torchvision's compiled part, which must match torch

    nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
    return "its compiled part loads"


def _digits():
    digits = data.mnist()
    return f"{len(digits.train):,} digits"


def _folder():
    folder = data.root()
    while not os.path.exists(folder) and folder != folder.parent:  # the rest is made when something is kept
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            return "writable"
    except OSError:
        return "read-only: nothing will be kept"


def _figure():
    return f"{len(figures.canvas(alt='a test')[0].png()):,} bytes drawn"


def _sliders():
    return f"ipywidgets {version('ipywidgets')}, jupyterlab_widgets {version('jupyterlab_widgets')}"


TESTS = {  # what is tested: (the test, what to do when it fails)
    "the packages are there and new enough": (
        _packages, "run `pip install -r requirements.txt` in the course's folder"),
    "torch computes and differentiates": (
        _arithmetic, "set PRACTICUM_DEVICE=cpu and restart the kernel; if that fails too, reinstall torch"),
    "torch has no more threads than CPUs": (
        _threads, "set OMP_NUM_THREADS as the message says and start Jupyter again; every result stays right without"),
    "torchvision fits torch": (_torchvision, "install the pair that requirements.txt names: other pairs do not load"),
    "the digits can be read": (_digits, "do what the message says; PRACTICUM_OFFLINE=1 takes the digits of the course"),
    "the data folder can be used": (_folder, "let PRACTICUM_DATA name a folder that is there, or unset it"),
    "figures are drawn": (_figure, "reinstall matplotlib; with a full disk, clear its cache folder"),
    "sliders are installed": (_sliders, "run `pip install ipywidgets`, then reload the page in the browser"),
}


def run(tests=None):
    """Run every test and print ✔ or ✘ with what to do; never stops at a failure. Returns True when all passed."""
    tests = TESTS if tests is None else tests
    failed = 0
    for name, (test, remedy) in tests.items():
        try:
            runtime.say(f"✔ {name} · measured {test()}")
        except Exception as error:  # noqa: BLE001 whatever is wrong with this computer is the result
            failed += 1
            runtime.say(f"✘ {name}: {type(error).__name__}: {error}\n  What to do: {remedy}.")
    runtime.say("All is well: go on with the course." if not failed else f"{failed} of {len(tests)} tests failed.")
    return not failed
