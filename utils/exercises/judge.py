"""How an answer is judged beside the reference: values first, then typical mistakes, gradients and properties."""

import torch

from utils.exercises.messages import form, hint, mismatch
from utils.exercises.runs import Broken, Replay, drawn, followed, run

CUT = ".detach(), .item(), .data, numpy and torch.no_grad() cut it off, and a page that learns needs it"


def judge(answer, exercise):
    """(right?, one sentence); never raises for what the answer does."""
    cases = drawn(exercise)
    wanted = [run(exercise.reference, case, seed) for seed, case in enumerate(cases)]
    got, problem = [], ""
    for seed, case in enumerate(cases):
        try:
            got.append(run(answer, case, seed, keywords=exercise.keywords))
        except NotImplementedError as hole:
            return False, f"not filled in yet. {hole}"
        except Broken as what:
            return False, str(what)
        except (Exception, SystemExit) as error:  # noqa: BLE001 a student's error is an answer, not a crash of the page
            problem = f"it stops with {type(error).__name__}: {error}{_advice(error)}"
            break
    wrong = [i for i, run_ in enumerate(got) if not agrees(run_.values, wanted[i].values, exercise)]
    if wrong:
        named = _named(exercise, cases, got, wanted)
        return False, named or _says(got[wrong[0]].values, wanted[wrong[0]].values, exercise)
    if problem:
        return False, problem
    sentence = _gradients(answer, exercise, cases)
    if sentence:
        return False, sentence
    for message, holds in exercise.properties.items():
        try:
            kept = answer.told(answer.kept[message]) if isinstance(answer, Replay) else holds(answer)
        except (Exception, SystemExit) as error:  # noqa: BLE001 as above
            return False, f"it stops with {type(error).__name__}: {error}{_advice(error)}"
        if not kept:
            return False, message
    worst = max(_largest(g.values, w.values) for g, w in zip(got, wanted, strict=True))
    how = "exactly" if worst == 0 else "up to rounding"
    return True, f"agrees with the course's · measured {how}, largest difference {worst:.1g}"


def agrees(got, wanted, exercise):
    """Whether two tuples of outputs are equal in form, and in value up to the exercise's tolerances."""
    try:
        return len(got) == len(wanted) and all(
            not form(g, w) and not mismatch(g, w, exercise.rtol, exercise.atol).any()
            for g, w in zip(got, wanted, strict=True))
    except Exception:  # noqa: BLE001 whatever came back: what can't be compared does not agree
        return False


def _formed(got, wanted):
    try:
        return len(got) == len(wanted) and not any(form(g, w).startswith("the result has shape") for g, w in
                                                   zip(got, wanted, strict=True))
    except Exception:  # noqa: BLE001 as above
        return False


def _says(got, wanted, exercise):
    try:
        return hint(got, wanted, exercise)
    except Exception as error:  # noqa: BLE001 as above
        return f"what it returns can't be compared with the course's ({type(error).__name__}: {error})"


def _named(exercise, cases, got, wanted):
    """The message of the typical mistake that shows the same on every case; '' when none does.

    Where the answer comes out in another form (it sums over the wrong dimension, say), only the cases are looked at
    in which its form is right, if there are any: the mistake may be a second one.
    """
    formed = [i for i, (g, w) in enumerate(zip(got, wanted, strict=False)) if _formed(g.values, w.values)]
    for message, mistake in exercise.mistakes.items():
        try:
            same = all(agrees(got[i].values, run(mistake, cases[i], i).values, exercise)
                       for i in formed or range(len(got)))
        except Exception:  # noqa: BLE001 a mistake that stops where the answer did not is another one
            same = False
        if same:
            return message
    return ""


def _gradients(answer, exercise, cases):
    """What is wrong with the gradients of an answer whose values are right; '' when nothing is."""
    slips = None
    for seed, case in enumerate(cases):
        follow = followed(exercise, case)
        if not follow:
            continue
        want = run(exercise.reference, case, seed, follow)
        try:
            got = run(answer, case, seed, follow, exercise.keywords)
        except (Exception, SystemExit) as error:  # noqa: BLE001 a student's error, as above
            return ("the values are right, but it stops when its inputs carry a gradient, with "
                    f"{type(error).__name__}: {error}")
        wrong = _differing(got.gradients, want.gradients)
        if not wrong:
            continue
        slips = _right_in_value(exercise, cases) if slips is None else slips
        for message, mistake in slips.items():
            slip = run(mistake, case, seed, follow)
            if not _differing(slip.gradients, got.gradients):
                return message
        return _about(wrong, got, want)
    return ""


def _right_in_value(exercise, cases):
    """The mistakes that show in no value, only in a gradient."""
    found = {}
    for message, mistake in exercise.mistakes.items():
        try:
            if all(agrees(run(mistake, case, seed).values, run(exercise.reference, case, seed).values, exercise)
                   for seed, case in enumerate(cases)):
                found[message] = mistake
        except Exception:  # noqa: BLE001 it stops, so it is told apart by that
            continue
    return found


def _differing(got, want):
    """The inputs whose gradient is not the wanted one, where that is finite, to a thousandth of the largest."""
    known = {name: torch.isfinite(g) for name, g in want.items()}
    scale = max([g[known[name]].abs().max().item() for name, g in want.items() if known[name].any()], default=0)
    return [name for name, g in want.items()
            if (~((got[name] - g)[known[name]].abs() <= 1e-3 * scale + 1e-7)).any()]


def _about(wrong, got, want):
    listed = " and ".join(wrong)
    if not got.differentiable:
        return f"the values are right, but no gradient comes back from them: {CUT}"
    if all(got.gradients[n].abs().max() == 0 for n in wrong):
        return f"the values are right, but no gradient reaches {listed}: {CUT}"
    if all(want.gradients[n].abs().max() == 0 for n in wrong):
        return f"the values are right, but a gradient flows through {listed}, which must be a constant here: .detach()"
    if any(torch.isnan(got.gradients[n]).any() for n in wrong):
        return f"the values are right, but the gradient through {listed} is nan: a 0/0 or 0 · inf hides in it"
    return (f"the values are right, but the gradient through {listed} is not: part of it is cut off (.detach(), "
            ".data), or flows where it should not")


def _largest(got, wanted):
    """The largest absolute difference of outputs that agree."""
    largest = 0.0
    for g, w in zip(got, wanted, strict=True):
        g, w = (torch.as_tensor(x).detach().cpu() for x in (g, w))
        if g.numel():
            largest = max(largest, torch.where(g == w, 0.0, (g - w).abs().double()).max().item())
    return largest


def _advice(error):
    """One more sentence for the errors of torch that say least."""
    text = str(error)
    if "same device" in text or "on cpu" in text:
        return ". New tensors must be made where the inputs are: torch.zeros(…, device=y.device)"
    if "unexpected keyword" in text or "missing" in text and "argument" in text:
        return ". The page calls it by these names, and leaves out what has a default: keep the first line as it was"
    if "does not require grad" in text:
        return ". It differentiates something that carries no gradient: x = x.detach().requires_grad_() first"
    if "dtype" in text or "Double" in text:
        return ". New tensors must have the inputs' type: torch.zeros(…, dtype=y.dtype)"
    return ""
