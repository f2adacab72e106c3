"""What is said about a wrong result: its form, the first wrong value, and the slip that explains it."""

from itertools import permutations

import torch

PLAIN = (torch.Tensor, torch.nn.Parameter)


def form(got, want):
    """What is wrong with the form of one output, as a sentence; '' when its kind, place, type and shape are right."""
    if got is None:
        return "it returns None: is there a `return`?"
    if not torch.is_tensor(want):
        number = isinstance(got, bool | int | float) or (torch.is_tensor(got) and got.ndim == 0)
        return "" if number else f"it returns a {type(got).__name__}, one number is asked for"
    if isinstance(got, bool | int | float):
        return "it returns a plain number, a tensor is asked for: leave out .item() and float(…)"
    if type(got) not in (*PLAIN, type(want)):
        return f"it returns a {type(got).__name__}, a tensor is asked for"
    if got.device != want.device:
        return (f"it returns a tensor on {got.device}, its inputs are on {want.device}: make new tensors with "
                "device=y.device")
    if got.layout != want.layout or got.is_quantized:
        return "it returns a sparse or quantized tensor, an ordinary one is asked for"
    if got.dtype != want.dtype:
        return (f"it returns {_name(got.dtype)}, {_name(want.dtype)} is asked for: "
                f"{_to(want.dtype)}")
    if got.shape != want.shape:
        return f"the result has shape {tuple(got.shape)}, should be {tuple(want.shape)}"
    if (want.is_floating_point() or want.is_complex()) and torch.isfinite(want).all() and not torch.isfinite(got).all():
        return "the result holds values that are not finite (nan or inf)"
    return ""


def mismatch(got, want, rtol, atol):
    """Where two outputs of the same form differ.   -> bool tensor on the CPU."""
    got, want = _plain(got), _plain(want)
    return ~torch.isclose(got, want, rtol=rtol, atol=atol, equal_nan=True)


def hint(got, wanted, exercise):
    """One sentence on the first output that is wrong.   got, wanted: tuples of outputs."""
    if len(got) != len(wanted):
        return f"it returns {_values(len(got))}, {len(wanted)} {'is' if len(wanted) == 1 else 'are'} asked for"
    rtol, atol = exercise.rtol, exercise.atol

    def same(g, w):
        return not form(g, w) and not mismatch(g, w, rtol, atol).any()

    labels = exercise.returns or [f"value {i + 1} of {len(wanted)}" for i in range(len(wanted))]
    if len(wanted) in (2, 3) and any(all(same(got[i], w) for i, w in zip(order, wanted, strict=True))
                                     for order in permutations(range(len(wanted)))):
        order = f": {', '.join(exercise.returns)}" if exercise.returns else ""
        return f"the values are right, their order is not{order}"
    i = next(i for i, (g, w) in enumerate(zip(got, wanted, strict=True)) if not same(g, w))
    return (f"{labels[i]}: " if len(wanted) > 1 else "") + _one(got[i], wanted[i], rtol, atol)


def _one(got, want, rtol, atol):
    """What is wrong with one output."""
    text = form(got, want)
    if not text:
        text = _first_wrong(_plain(got), _plain(want), rtol, atol)
        return text + _slip(_plain(got), _plain(want), rtol, atol)
    if "has shape" in text and torch.is_tensor(got):
        return text + _reshaped(_plain(got), _plain(want), rtol, atol)
    return text


def _first_wrong(got, want, rtol, atol):
    where = tuple((~torch.isclose(got, want, rtol=rtol, atol=atol)).nonzero()[0].tolist())
    place = f"value {list(where)} is" if where else "the value is"
    return f"{place} {_show(got[where])}, should be {_show(want[where])}"


def _slip(got, want, rtol, atol):
    """The one slip that explains all wrong values: sign, factor, offset, transposition."""
    def close(a, b):
        return torch.allclose(a, b, rtol=max(rtol, 1e-3), atol=atol)

    if close(got, -want):
        return "; the sign is turned round"
    if got.ndim >= 2 and got.shape[-1] == got.shape[-2] and close(got, want.mT):
        return "; it is transposed"
    large = want.abs() > 1e-6
    if large.sum() == 0:
        return ""
    ratio = (got[large] / want[large])
    factor = ratio.mean().item() if not want.is_complex() else complex(ratio.mean())
    if not isinstance(factor, complex) and abs(factor) > 1e-6 and abs(factor - 1) > 1e-2 \
            and close(got, factor * want):
        return f"; all values are {factor:.3g} times what they should be"
    shift = got - want
    if want.is_complex() or want.numel() < 2 or (shift - shift.mean()).abs().max() > atol + 1e-3 * shift.mean().abs():
        return ""
    return f"; all values are {shift.mean().abs():.3g} {'above' if shift.mean() > 0 else 'below'} what they should be"


def _reshaped(got, want, rtol, atol):
    """What would give the right shape *and* the right values."""
    def right(tensor):
        return tensor.shape == want.shape and torch.allclose(tensor, want, rtol=max(rtol, 1e-3), atol=atol)

    if got.numel() == want.numel():
        if right(got.reshape(want.shape)):
            return ", with the right values: one dimension too many (.squeeze, keepdim)" if got.ndim > want.ndim \
                else ", with the right values"
        if got.ndim == 2 and right(got.mT):
            return ": it is transposed"
    for dim in range(got.ndim):
        for what, reduced in (("mean", got.mean(dim)), ("sum", got.sum(dim))):
            if right(reduced) or right(reduced.unsqueeze(dim)):
                return f": the {what} over dimension {dim} is still to be taken"
    for what, reduced in (("mean", got.mean()), ("sum", got.sum())):
        if got.ndim and right(reduced):
            return f": the {what} over all of it is still to be taken"
    for dim in range(want.ndim):
        for what, reduced in (("mean", want.mean(dim)), ("sum", want.sum(dim))):
            if got.shape == reduced.shape and torch.allclose(got, reduced, rtol=max(rtol, 1e-3), atol=atol):
                return f": take no {what} over dimension {dim}"
    for what, reduced in (("mean", want.mean()), ("sum", want.sum())):
        if got.ndim == 0 and torch.allclose(got, reduced, rtol=max(rtol, 1e-3), atol=atol):
            return f": take no {what} over all of it"
    return ""


def _plain(value):
    """As double or complex128 on the CPU, without a gradient."""
    value = torch.as_tensor(value).detach().cpu()
    return value.to(torch.complex128 if value.is_complex() else torch.float64)


def _show(value):
    return f"{value.item():.4g}"


def _name(dtype):
    return str(dtype).removeprefix("torch.")


def _to(dtype):
    return "end with .to(y.dtype)" if dtype.is_floating_point else f"end with .to({dtype})"


def _values(count):
    return "1 value" if count == 1 else f"{count} values"
