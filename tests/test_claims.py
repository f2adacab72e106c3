"""A claim must be able to fail, and say what was measured."""

import io
import math
import sys

import numpy as np
import pytest
import torch

from utils.claims import ClaimFailed, claim


def test_a_claim_that_holds_prints_one_line_with_its_measurement(capsys):
    claim("the ratio is at least 5", 7.314, at_least=5)
    assert capsys.readouterr().out == "✔ the ratio is at least 5 · measured 7.314\n"


@pytest.mark.parametrize("measured, bounds", [
    (4.9, {"at_least": 5}), (5.1, {"at_most": 5}), (math.nan, {"at_least": 5}), (math.nan, {"at_most": 5}),
    (torch.tensor(4.0), {"at_least": 5}), (np.float64(4.0), {"at_least": 5}), ([6, 4], {"at_least": 5}),
    (torch.tensor([6.0, math.nan]), {"at_least": 5}), (1, {"at_least": 2, "at_most": 3}),
    (False, {}), ([True, False], {}), (torch.tensor(False), {}), (np.bool_(False), {})])
def test_a_claim_that_fails_prints_a_cross_and_raises(capsys, measured, bounds):
    with pytest.raises(ClaimFailed, match="✘ sentence"):
        claim("sentence", measured, **bounds)
    assert capsys.readouterr().out.startswith("✘ sentence · measured ")


@pytest.mark.parametrize("measured, bounds, error, words", [
    (7.0, {}, ValueError, "needs at_least"), (True, {"at_least": 1}, ValueError, "takes none"),
    ([], {"at_least": 1}, ValueError, "nothing was measured for: sentence"), ([], {}, ValueError, "nothing was"),
    ("7", {"at_least": 1}, TypeError, "not str"), (None, {"at_least": 1}, TypeError, "not NoneType"),
    ([True, 3.0], {"at_least": 1}, ValueError, "make two"), ([3.0, True], {}, ValueError, "make two"),
    ([7, False], {"at_most": 9}, ValueError, "make two"),
    (torch.tensor([True, True]), {"at_least": 1}, ValueError, "takes none")])
def test_a_claim_that_could_not_fail_is_refused(measured, bounds, error, words):
    with pytest.raises(error, match=words):
        claim("sentence", measured, **bounds)


@pytest.mark.parametrize("measured, bounds", [
    (5, {"at_least": 5}), (5.0, {"at_most": 5}), ([2, 3], {"at_least": 2, "at_most": 3})])
def test_bounds_are_included(capsys, measured, bounds):
    claim("sentence", measured, **bounds)
    assert capsys.readouterr().out.startswith("✔")


@pytest.mark.parametrize("measured, shown", [
    (True, "yes"), (1234, "1,234"), (1.23e-7, "1.23e-07"), (0.0, "0"), ([1.0, 3.0, 2.0], "1 to 3"),
    (torch.tensor(2.5), "2.5"), (123456.0, "1.23e+05"), (0.0123, "0.0123"), (0.00123, "0.00123"), (-0.005, "-0.005"),
    (0.000999, "9.99e-04"), (1234.5, "1234"), ([True, True], "yes to yes"), ((0.002, 0.05), "0.002 to 0.05")])
def test_measurements_are_short_to_read(capsys, measured, shown):
    claim("s", measured, **({} if measured in (True, [True, True]) else {"at_least": -1}))
    assert capsys.readouterr().out == f"✔ s · measured {shown}\n"


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "latin-1"])
def test_no_console_turns_a_claim_over(monkeypatch, encoding):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    claim("‖∇E‖ is at most 2", 1.5, at_most=2)
    with pytest.raises(ClaimFailed, match="✘ it is"):
        claim("it is", False)
    stream.flush()
    lines = stream.buffer.getvalue().decode(encoding).splitlines()
    assert lines[0].startswith("[ok] ") and lines[0].endswith("1.5") and lines[1].startswith("[x] it is")
