"""How an answer is run: on copies of the inputs, from a fixed random state, its outputs differentiated where asked."""

import copy
import inspect
import random
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch

from utils.runtime import device


class Broken(Exception):
    """The answer did what no answer may do; the message tells the student."""


class Ran(NamedTuple):
    """One run: the values returned, and where asked for, {input's name: gradient of a fixed projection of them}."""

    values: tuple
    gradients: dict
    differentiable: bool


class Replay:
    """An answer that was run elsewhere: what it returned, or how it stopped, is told again.

    outcomes: {(number of the case, differentiated?): Ran or an exception}; kept: {property: bool or an exception}.
    """

    def __init__(self, outcomes, kept):
        self.outcomes, self.kept = outcomes, kept

    def told(self, outcome):
        """The outcome, raised when it is an exception."""
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@contextmanager
def undisturbed():
    """Leave the page as it was: random states, threads, default dtype and device, grad mode, deterministic flags."""
    where = device()
    states = random.getstate(), np.random.get_state()
    threads, dtype, home, exact = (torch.get_num_threads(), torch.get_default_dtype(), torch.get_default_device(),
                                   torch.are_deterministic_algorithms_enabled())
    other = {} if where.type == "cpu" else {"devices": [where.index or 0], "device_type": where.type}
    with torch.random.fork_rng(**(other or {"devices": []})), torch.inference_mode(False), torch.enable_grad():
        try:
            torch.set_default_dtype(torch.float32)
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])
            torch.set_default_dtype(dtype)
            if torch.get_default_device() != home:
                torch.set_default_device(home)
            if torch.get_num_threads() != threads:
                torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(exact, warn_only=True)


def place(argument):
    """A copy of a case's argument on the page's device: tensors and modules are moved, all else is handed on."""
    if torch.is_tensor(argument):
        return argument.detach().clone().to(device())
    return copy.deepcopy(argument).to(device()) if isinstance(argument, torch.nn.Module) else argument


def drawn(exercise):
    """[{name: argument}], drawn on the CPU also where a page's new tensors lie elsewhere; run() moves them."""
    with torch.device("cpu"):
        return [dict(zip(names(exercise.reference, len(case)), case, strict=True)) for case in exercise.cases()]


def names(reference, count):
    """The names of a function's first arguments, for what is said about them."""
    known = list(inspect.signature(reference).parameters)
    return (known + [f"argument {i}" for i in range(count)])[:count]


def run(function, arguments, seed, follow=(), keywords=()):
    """Call the function on copies of the arguments, from a fixed random state; those in keywords by their names.

    follow: names of the float inputs (or modules) through which the outputs are differentiated; with () nothing is.
    Raises Broken when the function writes into its inputs. A Replay tells what its run with that seed gave.
    """
    if isinstance(function, Replay):
        return function.told(function.outcomes[seed, bool(follow)])
    copies = {name: place(argument) for name, argument in arguments.items()}
    before = {name: _content(value) for name, value in copies.items()}
    inputs = {}
    for name in follow:
        if isinstance(copies[name], torch.nn.Module):
            inputs |= {f"the parameters of {name}" if i == 0 else f"{name}.{i}": p
                       for i, p in enumerate(copies[name].parameters())}
        else:
            inputs[name] = copies[name].requires_grad_()
    for start in (torch.manual_seed, np.random.seed, random.seed):
        start(seed)
    named = {name: value for name, value in copies.items() if name in keywords}
    out = function(*(value for name, value in copies.items() if name not in keywords), **named)
    for name, value in copies.items():
        _unchanged(name, before[name], value, followed=bool(follow))
    values = tuple(out) if isinstance(out, tuple | list) else (out,)
    return Ran(values, *(_differentiate(values, inputs) if follow else ({}, False)))


def _content(value):
    """What an argument holds, to be compared after the call."""
    if isinstance(value, torch.nn.Module):
        return [p.detach().clone() for p in value.parameters()]
    return value.clone() if torch.is_tensor(value) else None


def _unchanged(name, before, value, followed):
    if isinstance(value, torch.nn.Module):
        if any(p.grad is not None for p in value.parameters()):
            raise Broken(f"it leaves gradients in the parameters of {name}, which the next training step would add to "
                         "its own: take torch.autograd.grad(…) instead of .backward()")
        if not all(torch.equal(old, p) for old, p in zip(before, value.parameters(), strict=True)):
            raise Broken(f"it changes the parameters of {name}")
    elif torch.is_tensor(value):
        if value.shape != before.shape or not torch.equal(value.detach().nan_to_num(), before.nan_to_num()):
            raise Broken(f"it changes its input {name} in place: work on a copy, or write x = x + … instead of x += …")
        if value.requires_grad and not followed:
            raise Broken(f"it switches on the gradient of its input {name}, and the page's own {name} would keep it: "
                         f"work on {name}.detach().requires_grad_()")


def _differentiate(values, inputs):
    """({name: gradient}, whether there is any) of Σ ⟨w, output⟩ over the float outputs, w fixed random weights."""
    total = None
    for i, value in enumerate(values):
        if torch.is_tensor(value) and (value.is_floating_point() or value.is_complex()) and value.requires_grad:
            value = torch.view_as_real(value) if value.is_complex() else value
            draw = torch.Generator().manual_seed(i)
            w = torch.randn(value.shape, generator=draw, dtype=torch.float32, device="cpu")
            part = (w.to(value.device) * value).sum()
            total = part if total is None else total + part
    if total is None:
        return {name: torch.zeros_like(x) for name, x in inputs.items()}, False
    found = torch.autograd.grad(total, list(inputs.values()), allow_unused=True)
    # where an input is infinite (a log-variance of −∞) there is no slope to compare
    return {name: torch.zeros_like(x) if g is None else torch.where(torch.isfinite(x), g, 0).detach()
            for (name, x), g in zip(inputs.items(), found, strict=True)}, True


def followed(exercise, arguments):
    """The names of the inputs whose gradient the exercise compares: all float ones, those it names, or none."""
    able = [name for name, a in arguments.items() if isinstance(a, torch.nn.Module)
            or (torch.is_tensor(a) and a.is_floating_point())]
    if isinstance(exercise.gradient, bool):
        return able if exercise.gradient else []
    return [name for name in able if name in exercise.gradient]
