"""The students' side of an exercise: check an answer, predict a number, count what is solved."""

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from utils.exercises.guesses import judge_guess
from utils.exercises.judge import judge
from utils.exercises.runs import undisturbed
from utils.machine import say

EXERCISES = {}
_verdicts = {}  # name -> (right?, sentence): what the last answer of this kernel was told
_answers = {}  # name -> that answer, for the grader: the page may go on with the course's own


@dataclass
class Exercise:
    """One exercise: the reference, inputs to try, and the mistakes that people make.

    name: the name of the student's function. reference: the course's own. cases: () -> list of argument tuples,
    random, but the same at every check; they hold what the page will feed. mistakes: {what to tell the student: a
    function that makes that mistake}; an answer that behaves like one on all cases gets its message. A mistake in the
    gradient alone has the right values. gradient: whether the page differentiates the answer; True compares the
    gradient through every float input with the reference's, names ("mu", "logvar") through those, False through none.
    returns: names of several outputs, for the messages. keywords: inputs that the page hands over by name. rtol, atol:
    how far a right answer may differ (float32 sums in another order). properties: {what is violated: answer -> bool},
    for what no single output shows.
    """

    name: str
    reference: Callable
    cases: Callable
    mistakes: dict = field(default_factory=dict)
    properties: dict = field(default_factory=dict)
    rtol: float = 1e-4
    atol: float = 1e-5
    gradient: bool | tuple = True
    returns: tuple = ()
    keywords: tuple = ()
    page: str = ""  # the file of this folder that registers it

    def __post_init__(self):
        # the second frame up, past __init__; inspect.stack() would read the source of every frame, 2 s a page
        self.page = self.page or sys._getframe(2).f_globals["__name__"].rpartition(".")[2]
        EXERCISES[self.name] = self


def verdict(answer, name=None):
    """(right?, one sentence) for an answer to the exercise of that name; never raises for what the answer does."""
    name = name or getattr(answer, "__name__", str(answer))
    if name not in EXERCISES:
        raise KeyError(f"no exercise is called {name!r}; there are {', '.join(sorted(EXERCISES))}")
    if answer is None:
        return False, "there is no function of this name yet: run the cell above; if it stops with an error, mend that"
    if not callable(answer):
        return False, f"{answer!r:.60} is no function: run the cell that defines it"
    with undisturbed():
        return judge(answer, EXERCISES[name])


def check(answer, name=None):
    """Check a student's function, print ✔ or ✘ with what is wrong, and hand back a function that is right.

    answer: the name of the function ("kl_terms"), which need not exist; or the function itself, with the exercise's
    name where it has another. Returns the answer when it is right, else the course's own, so that the page runs on;
    a second run of the cell, which finds the course's own, repeats what the answer was told.
    """
    if isinstance(answer, str):
        name, answer = name or answer, inspect.currentframe().f_back.f_globals.get(answer)
    name = name or getattr(answer, "__name__", str(answer))
    again = name in _verdicts and name in EXERCISES and answer is EXERCISES[name].reference
    if not again:
        _verdicts[name], _answers[name] = verdict(answer, name), answer
    right, sentence = _verdicts[name]
    say(f"{'✔' if right else '✘'} {name}: {sentence}")
    if right:
        return answer
    say("  The notebook goes on with the course's own.")
    return EXERCISES[name].reference


def predict(question, guess, truth, *, within=None, factor=None, between=None):
    """Compare a number that was guessed before running with the measured one; nothing depends on it.

    guess: a number, or a text that holds one ("0.085", "8.5 %", "about 600"); anything else costs a line, no error.
    within: distance up to which the guess counts as close, in the unit of the truth; or factor: as a ratio (≥ 1).
    between: (least, greatest) that can be at all, (0, 1) for a share: a guess outside is told so.
    Raises ValueError unless exactly one of within and factor is given.
    """
    close, sentence = judge_guess(guess, truth, within, factor, between)
    say(f"{'✔' if close else '✘'} {question}: {sentence}")


def tally(page):
    """Print how many of a page's exercises this kernel has seen solved, and which are open.

    page: the name of its file in this folder, e.g. "vae_mnist".
    """
    names = [name for name, exercise in EXERCISES.items() if exercise.page == page]
    if not names:
        pages = sorted({exercise.page for exercise in EXERCISES.values()})
        raise KeyError(f"no page is called {page!r}; there are {', '.join(pages)}")
    still = [name for name in names if not _verdicts.get(name, (False,))[0]]
    say(f"{'✘' if still else '✔'} {len(names) - len(still)} of {len(names)} exercises solved"
          + (f", open: {', '.join(still)}" if still else ""))
