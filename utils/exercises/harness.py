"""How an answer is checked: on random input, against the reference, against properties and typical mistakes."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch

EXERCISES = {}


@dataclass
class Exercise:
    """One exercise: the reference, inputs to try, and the mistakes that people make.

    name: the name of the student's function. reference: the course's own. cases: () -> list of argument tuples,
    random, but the same at every check. mistakes: {what to tell the student: a function that makes that mistake}; an
    answer that behaves like one gets its message. rtol, atol: how far a right answer may differ (float32 sums in
    another order). properties: {what is violated: answer -> bool}, for what no single output shows.
    """

    name: str
    reference: Callable
    cases: Callable
    mistakes: dict = field(default_factory=dict)
    properties: dict = field(default_factory=dict)
    rtol: float = 1e-4
    atol: float = 1e-5

    def __post_init__(self):
        EXERCISES[self.name] = self


def _run(function, arguments, seed):
    """Run on copies of the inputs, from a fixed random state, so that sampling answers are comparable."""
    copies = [a.clone() if torch.is_tensor(a) else a for a in arguments]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        out = function(*copies)
    for before, after in zip(arguments, copies, strict=True):
        if torch.is_tensor(before) and not torch.equal(before.nan_to_num(), after.nan_to_num()):
            raise ChangedInput
    return out if isinstance(out, tuple) else (out,)


class ChangedInput(Exception):
    """The function wrote into its arguments."""


def _difference(answer, wanted):
    """(what is wrong with the form or '', largest absolute difference) of two tuples of tensors."""
    if len(answer) != len(wanted):
        return f"it returns {len(answer)} values, {len(wanted)} are asked for", float("inf")
    largest = 0.0
    for got, want in zip(answer, wanted, strict=True):
        if got is None:
            return "it returns None: is there a `return`?", float("inf")
        if not isinstance(got, (torch.Tensor, bool, int, float)):
            return f"it returns a {type(got).__name__}, a tensor is asked for", float("inf")
        got, want = torch.as_tensor(got), torch.as_tensor(want)
        if got.shape != want.shape:
            return f"the result has shape {tuple(got.shape)}, should be {tuple(want.shape)}", float("inf")
        if got.is_floating_point() and not torch.isfinite(got).all() and torch.isfinite(want).all():
            return "the result holds values that are not finite (nan or inf)", float("inf")
        if got.numel():
            largest = max(largest, (got.double() - want.double()).abs().nan_to_num(nan=torch.inf).max().item())
    return "", largest


def _agree(answer, wanted, exercise):
    form, _ = _difference(answer, wanted)
    return not form and all(torch.allclose(torch.as_tensor(a).double(), torch.as_tensor(w).double(),
                                           rtol=exercise.rtol, atol=exercise.atol)
                            for a, w in zip(answer, wanted, strict=True))


def _first_wrong(answer, wanted, exercise):
    """'value [0, 3] is 1.2, should be -1.2' for the first disagreement, with a word on sign or factor."""
    for got, want in zip(answer, wanted, strict=True):
        got, want = torch.as_tensor(got).double(), torch.as_tensor(want).double()
        close = torch.isclose(got, want, rtol=exercise.rtol, atol=exercise.atol)
        if close.all():
            continue
        where = tuple((~close).nonzero()[0].tolist())
        text = f"value {list(where)} is {got[where]:.4g}, should be {want[where]:.4g}" if where else \
            f"the value is {got:.4g}, should be {want:.4g}"
        if torch.allclose(got, -want, rtol=1e-3, atol=1e-5):
            return text + "; the sign is turned round"
        ratio = got[want.abs() > 1e-6] / want[want.abs() > 1e-6]
        if len(ratio) and (ratio - ratio.mean()).abs().max() < 1e-3 * ratio.mean().abs():
            return text + f"; all values are {ratio.mean():.3g} times too large"
        return text
    return "it differs"


def verdict(answer, name=None):
    """(right?, one sentence) for an answer to the exercise of that name; never raises for what the answer does."""
    name = name or getattr(answer, "__name__", str(answer))
    if name not in EXERCISES:
        raise KeyError(f"no exercise is called {name!r}; there are {', '.join(sorted(EXERCISES))}")
    exercise = EXERCISES[name]
    if not callable(answer):
        return False, f"{answer!r} is no function: run the cell that defines it"
    with torch.random.fork_rng(devices=[]):  # the same answer gets the same verdict, and the page its own random state
        torch.manual_seed(8)
        return _judge(answer, exercise)


def _judge(answer, exercise):
    worst = 0.0
    for seed, case in enumerate(exercise.cases()):
        wanted = _run(exercise.reference, case, seed)
        try:
            got = _run(answer, case, seed)
        except NotImplementedError as hole:
            return False, f"not filled in yet. {hole}"
        except ChangedInput:
            return False, "it changes its input in place: work on a copy, or write x = x + … instead of x += …"
        except Exception as error:  # noqa: BLE001 a student's error is an answer, not a crash of the notebook
            return False, f"it stops with {type(error).__name__}: {error}"
        form, difference = _difference(got, wanted)
        if not form and _agree(got, wanted, exercise):
            worst = max(worst, difference)
            continue
        for message, mistake in exercise.mistakes.items():
            if _agree(got, _run(mistake, case, seed), exercise):
                return False, message
        return False, form or _first_wrong(got, wanted, exercise)
    for message, holds in exercise.properties.items():
        try:
            kept = holds(answer)
        except Exception as error:  # noqa: BLE001 as above
            return False, f"it stops with {type(error).__name__}: {error}"
        if not kept:
            return False, message
    how = "exactly" if worst == 0 else "up to rounding"
    return True, f"agrees with the course's · measured {how}, largest difference {worst:.1g}"


def check(answer, name=None):
    """Check a student's function, print ✔ or ✘ with what is wrong, and hand back a function that is right.

    Returns the answer when it is right, else the course's own, so that the notebook runs on.
    """
    right, sentence = verdict(answer, name)
    name = name or answer.__name__
    print(f"{'✔' if right else '✘'} {name}: {sentence}")
    if right:
        return answer
    print("  The notebook goes on with the course's own.")
    return EXERCISES[name].reference


def predict(question, guess, truth, *, tolerance=0.1):
    """Compare a number that was guessed before running with the measured one; nothing depends on it.

    tolerance: relative distance up to which the guess counts as close.
    """
    if guess is None:
        print(f"✘ {question}: write your guess first, then run the cell above and this one.")
        return
    close = abs(guess - truth) <= tolerance * abs(truth)
    word = "close" if close else "too high" if guess > truth else "too low"
    print(f"{'✔' if close else '✘'} {question}: your guess is {word} · measured {truth:.4g}, guessed {guess:.4g}")
