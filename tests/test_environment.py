"""requirements.txt, environment.yml and pyproject.toml say the same; the pinned torchvision and torch fit."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PINS = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line]


def test_environment_yml_holds_the_same_pins():
    lines = (ROOT / "environment.yml").read_text().split("- pip:\n")[1].splitlines()
    assert [line.strip().removeprefix("- ") for line in lines if line.strip()] == PINS


def test_every_requirement_is_pinned_exactly_and_the_course_comes_last():
    assert PINS[-1] == "-e ."
    assert all(re.fullmatch(r"[A-Za-z0-9-]+==[0-9.]+", pin) for pin in PINS[:-1])


def test_ranges_in_pyproject_admit_the_pins():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    ranges = dict(re.split(r">=", r) for r in project["dependencies"] + project["optional-dependencies"]["dev"])
    pins = dict(pin.split("==") for pin in PINS[:-1])
    assert ranges.keys() == pins.keys()
    for name, least in ranges.items():
        assert tuple(map(int, pins[name].split("."))) >= tuple(map(int, least.split("."))), name


@pytest.mark.parametrize("pin", PINS[:-1])
def test_the_pins_are_what_runs(pin):
    name, wanted = pin.split("==")
    assert version(name).split("+")[0] == wanted, "run in the course's environment: make test"


def test_torchvision_runs_beside_torch():
    import torch
    from torchvision.ops import nms  # the operator that a mismatched pair lacks

    assert nms(torch.tensor([[0.0, 0, 1, 1]]), torch.tensor([1.0]), 0.5).tolist() == [0]
