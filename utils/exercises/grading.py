"""The grader's side of an exercise: the student's check, on other inputs, for points, and it does fail.

In two halves, so that they can run in two processes. `record` runs an answer where the answer lives and writes down
what came back; `mark` compares that with the course's own and needs nothing of the answer's process. Whoever edits the
checks in his own kernel changes his kernel, not his points.
"""

import io
from contextlib import contextmanager
from pathlib import Path

import torch

from utils.exercises import harness
from utils.exercises.judge import agrees, judge
from utils.exercises.messages import PLAIN
from utils.exercises.runs import Broken, Ran, Replay, drawn, followed, run, undisturbed
from utils.machine import say, setting
from utils.runtime import device

SEED = 202_608  # no page's own: a check draws its inputs from the page's random state
LARGEST = 10**7  # numbers in one output: no exercise returns as many
PARTIAL = 0.5  # of the points, for right values whose gradient is wrong, or that break a property


class NotEarned(Exception):
    """The answer earns no point; the message says why."""


class Copied(Exception):
    """The answer calls the course's own, which it was to be."""


def grade(name, points):
    """For a hidden test, after the check: the points that the answer earns. Raises NotEarned when there are none.

    name: the exercise. It judges what the last check saw, on inputs from the seed PRACTICUM_GRADING_SEED. Where
    PRACTICUM_GRADING names a folder, the record is written there, for a grader in another process.
    """
    if name not in harness.EXERCISES:
        raise KeyError(f"no exercise is called {name!r}")
    seed = int(setting("PRACTICUM_GRADING_SEED") or SEED)
    kept = record(harness._answers.get(name), name, seed)
    if setting("PRACTICUM_GRADING"):
        (Path(setting("PRACTICUM_GRADING")) / f"{name}.pt").write_bytes(kept)
    share, sentence = mark(kept, name, seed)
    say(f"{share * points:g} of {points:g} points, {name}: {sentence}")
    if share == 0:
        raise NotEarned(f"{name}: {sentence}")
    return share * points


def record(answer, name, seed):
    """What the answer to that exercise gives on the inputs from that seed, as bytes for mark(); never raises."""
    exercise, outcomes, kept = harness.EXERCISES[name], {}, {}
    if not callable(answer):
        return _bytes({"absent": f"{answer!r:.60}" if answer is not None else ""})
    with undisturbed():
        cases = _cases(exercise, seed)
        with _barred(exercise.reference):
            for i, case in enumerate(cases):
                for follow in {bool(f): f for f in ([], followed(exercise, case))}.values():
                    outcomes[f"{i} {bool(follow)}"] = _packed(
                        lambda case=case, i=i, follow=follow: run(answer, case, i, follow, exercise.keywords))
            for message, holds in exercise.properties.items():
                kept[message] = _packed(lambda holds=holds: Ran((bool(holds(answer)),), {}, False))
    return _bytes({"outcomes": outcomes, "kept": kept})


def mark(kept, name, seed):
    """(share of the points, one sentence) for a record of an answer to that exercise; never raises for what it holds.

    1 when the check would say ✔ on these inputs, PARTIAL when all values are right and something else is not, else 0.
    """
    exercise = harness.EXERCISES[name]
    try:
        told = torch.load(io.BytesIO(kept), weights_only=True)
        if "absent" in told:
            return 0, f"no function was handed in{': ' if told['absent'] else ''}{told['absent']}"
        outcomes = {(int(key.split()[0]), key.endswith("True")): _unpacked(o) for key, o in told["outcomes"].items()}
        properties = {message: _unpacked(o) for message, o in told["kept"].items()}
        replay = Replay(outcomes, {m: o if isinstance(o, Exception) else o.values[0] is True
                                   for m, o in properties.items()})
        with undisturbed():
            torch.manual_seed(seed)
            right, sentence = judge(replay, exercise)
            values = [run(exercise.reference, case, i).values for i, case in enumerate(_cases(exercise, seed))]
        if right:
            return 1, sentence
        if all(isinstance(o := outcomes[i, False], Ran) and agrees(o.values, v, exercise) for i, v in
               enumerate(values)):
            return PARTIAL, sentence
        return 0, sentence
    except Exception as error:  # noqa: BLE001 the record comes from a stranger's process
        return 0, f"what it left can't be read ({type(error).__name__})"


def _cases(exercise, seed):
    """The cases that judge() draws after torch.manual_seed(seed)."""
    torch.manual_seed(seed)
    return drawn(exercise)


@contextmanager
def _barred(reference):
    """While an answer runs, the course's own raises Copied, under whatever name it is called."""
    def barred(*_, **__):
        from utils.exercises.grading import Copied  # it runs among the reference's globals
        raise Copied("it calls the course's own")

    code, reference.__code__ = reference.__code__, barred.__code__
    try:
        yield
    finally:
        reference.__code__ = code


def _packed(call):
    """The outcome of a run in plain containers, tensors and texts."""
    try:
        ran = call()
        return {"values": [_plain(v) for v in ran.values], "differentiable": ran.differentiable,
                "gradients": {str(k): _plain(g) for k, g in ran.gradients.items()}}
    except (Exception, SystemExit) as error:  # noqa: BLE001 a student's error is an outcome
        kind = next((k for k in (NotImplementedError, Broken) if isinstance(error, k)), type(error))
        return {"error": kind.__name__, "text": str(error)[:2000]}


def _plain(value):
    """A value as torch.load reads it back without running code; of anything else the name of its kind."""
    if isinstance(value, bool | int | float):
        return next(kind(value) for kind in (bool, int, float) if isinstance(value, kind))
    if type(value) in PLAIN and value.layout == torch.strided and not value.is_quantized and value.numel() <= LARGEST \
            and value.device.type != "meta":
        return value.detach().cpu().clone().contiguous()
    return {"kind": type(value).__name__} if value is not None else None


def _unpacked(outcome):
    if "error" in outcome:
        kind = {"NotImplementedError": NotImplementedError, "Broken": Broken}.get(outcome["error"])
        return (kind or type(str(outcome["error"]), (Exception,), {}))(str(outcome["text"]))
    values = tuple(type(str(v["kind"]), (), {})() if isinstance(v, dict) else _placed(v) for v in outcome["values"])
    return Ran(values, {k: _placed(g) for k, g in outcome["gradients"].items()}, outcome["differentiable"] is True)


def _placed(value):
    """A tensor where mark's own lie: on the page's device."""
    return value.to(device()) if torch.is_tensor(value) else value


def _bytes(told):
    buffer = io.BytesIO()
    torch.save(told, buffer)
    return buffer.getvalue()
