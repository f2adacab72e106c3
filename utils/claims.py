"""Claims: what the lecture says, measured, printed on one line and asserted."""

import math
from collections.abc import Iterable

from utils.machine import say


class ClaimFailed(AssertionError):
    """The measurement contradicts the sentence."""


def _show(value):
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if value != 0 and not 1e-3 <= abs(value) < 1e5:
        return f"{value:.2e}"
    return f"{value:.4g}"


def _plain(value):
    """A python bool, int or float; a tensor or numpy scalar is unpacked."""
    value = value.item() if hasattr(value, "item") else value
    if not isinstance(value, (bool, int, float)):
        raise TypeError(f"a claim measures numbers or truth values, not {type(value).__name__}")
    return value


def claim(sentence, measured, *, at_least=None, at_most=None):
    """Print `✔ sentence · measured value` when the measurement keeps within its bounds; else print ✘ and raise.

    sentence: what is claimed, with its bound in it. measured: a number, or several that must all keep the bounds
    (their range is printed), or a bool, which must be true and takes no bound. NaN keeps no bound.
    at_least, at_most: the bounds, both included. Raises ClaimFailed when the claim does not hold,
    TypeError or ValueError when it says nothing that could fail.
    """
    several = isinstance(measured, Iterable) and getattr(measured, "ndim", 1) > 0
    values = [_plain(v) for v in (measured.flatten().tolist() if hasattr(measured, "flatten") else measured)] \
        if several else [_plain(measured)]
    bounded = at_least is not None or at_most is not None
    if not values:
        raise ValueError(f"nothing was measured for: {sentence}")
    truths = sum(isinstance(v, bool) for v in values)
    if 0 < truths < len(values):
        raise ValueError("truth values and numbers do not go into one claim: make two")
    if bounded == bool(truths):
        raise ValueError("a number needs at_least or at_most, a truth value takes none")
    low = -math.inf if at_least is None else at_least
    high = math.inf if at_most is None else at_most
    holds = all(low <= v <= high for v in values) if bounded else all(values)
    found = _show(values[0]) if len(values) == 1 else f"{_show(min(values))} to {_show(max(values))}"
    line = f"{'✔' if holds else '✘'} {sentence} · measured {found}"
    say(line)
    if not holds:
        raise ClaimFailed(line)
