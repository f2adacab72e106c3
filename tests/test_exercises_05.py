"""The checks of notebook 05: right answers in other words pass, each typical mistake is named."""

import pytest
import torch

from utils.energies import shrinkage
from utils.exercises.harness import EXERCISES, verdict
from utils.exercises.ista_fista import ista_step, lam_max, look_ahead, step_for_printed_energy

NAMES = ["shrinkage", "ista_step", "look_ahead", "step_for_printed_energy", "lam_max"]


def L_of(W_d):
    return torch.linalg.eigvalsh(W_d.T @ W_d)[-1]


def slow_shrinkage(v, threshold):
    return torch.where(v > threshold, v - threshold, torch.where(v < -threshold, v + threshold, torch.zeros_like(v)))


def ista_step_in_columns(z, y, W_d, lam, step):
    r = y.T - W_d @ z.T
    return torch.nn.functional.softshrink(z.T + step * (W_d.T @ r), step * lam).T


def look_ahead_as_a_blend(z, z_prev, t):
    t_next = 0.5 + (0.25 + t * t) ** 0.5
    factor = (t - 1) / t_next
    return (1 + factor) * z - factor * z_prev, t_next


def printed_step_by_autograd(z, y, W_d, lam):
    z = z.clone().requires_grad_()
    gradient, = torch.autograd.grad(((y - z @ W_d.T) ** 2).sum(), z)
    step = 1 / (2 * L_of(W_d))
    return shrinkage(z.detach() - step * gradient, step * lam)


def lam_max_by_loop(y, W_d):
    return torch.stack([max((row @ atom).abs() for atom in W_d.T) for row in y])


RIGHT = {"shrinkage": slow_shrinkage, "ista_step": ista_step_in_columns, "look_ahead": look_ahead_as_a_blend,
         "step_for_printed_energy": printed_step_by_autograd, "lam_max": lam_max_by_loop}

# (exercise, what a student might write, a word that the message must hold)
WRONG = [
    ("shrinkage", lambda v, a: torch.where(v.abs() > a, v, 0.0), "hard thresholding"),
    ("shrinkage", lambda v, a: (v - a).clamp(min=0), "negative values are lost"),
    ("shrinkage", lambda v, a: v - a * v.sign(), "wrong sign"),
    ("shrinkage", lambda v, a: (v.abs() - a).clamp(min=0), "sign of v is not given back"),
    ("shrinkage", lambda v, a: v.clip(-a, a), "clips"),
    ("shrinkage", lambda v, a: v - a, "subtracted from every value"),
    ("shrinkage", lambda v, a: torch.nn.functional.softshrink(v, a / 2), "halved"),
    ("ista_step", lambda z, y, W, lam, s: shrinkage(z + s * (z @ W.T - y) @ W, s * lam), "climbs"),
    ("ista_step", lambda z, y, W, lam, s: shrinkage(z - s * (z @ W.T - y) @ W, lam), "shrinks by step · λ"),
    ("ista_step", lambda z, y, W, lam, s: shrinkage(z - (z @ W.T - y) @ W, s * lam), "not multiplied by the step"),
    ("ista_step", lambda z, y, W, lam, s: z - s * (z @ W.T - y) @ W, "shrinkage is missing"),
    ("ista_step", lambda z, y, W, lam, s: (u := shrinkage(z, s * lam)) - s * (u @ W.T - y) @ W, "shrinks first"),
    ("ista_step", lambda z, y, W, lam, s: shrinkage(z - 2 * s * (z @ W.T - y) @ W, s * lam), "factor 2"),
    ("ista_step", lambda z, y, W, lam, s: shrinkage(s * (y - z @ W.T) @ W, s * lam), "step from z"),
    ("look_ahead", lambda z, z_prev, t: (z, (1 + (1 + 4 * t**2) ** 0.5) / 2), "notes' FISTA box"),
    ("look_ahead", lambda z, z_prev, t: look_ahead(z, z + (z - z_prev), t), "looks back"),
    ("look_ahead", lambda z, z_prev, t: (z + z - z_prev, look_ahead(z, z, t)[1]), "whole last move"),
    ("look_ahead", lambda z, z_prev, t: (z + (1 - 1 / t) * (z - z_prev), look_ahead(z, z, t)[1]), "divided by t"),
    ("look_ahead", lambda z, z_prev, t: (z + t / (n := look_ahead(z, z, t)[1]) * (z - z_prev), n), "(t − 1)/t_next"),
    ("look_ahead", lambda z, z_prev, t: (z_prev + look_ahead(z, z_prev, t)[0] - z, look_ahead(z, z, t)[1]), "z_prev"),
    ("look_ahead", lambda z, z_prev, t: (z + (t - 1) / (n := (1 + (1 + t * t) ** 0.5) / 2) * (z - z_prev), n), "the 4"),
    ("look_ahead", lambda z, z_prev, t: (look_ahead(z, z_prev, t)[0], t), "not moved on"),
    ("step_for_printed_energy", lambda z, y, W, lam: shrinkage(z - (z @ W.T - y) @ W / L_of(W), lam / L_of(W)),
     "as the notes print it"),
    ("step_for_printed_energy", lambda z, y, W, lam: shrinkage(z - 2 * (z @ W.T - y) @ W / L_of(W), lam / L_of(W)),
     "curvature doubled"),
    ("step_for_printed_energy", lambda z, y, W, lam:
     shrinkage(z - (z @ W.T - y) @ W / (2 * L_of(W)), lam / (2 * L_of(W))), "lacks its 2"),
    ("step_for_printed_energy", lambda z, y, W, lam:
     shrinkage(z - (z @ W.T - y) @ W / (2 * L_of(W)), lam / (4 * L_of(W))), "half as long"),
    ("step_for_printed_energy", lambda z, y, W, lam:
     shrinkage(z - (z @ W.T - y) @ W / L_of(W).sqrt(), lam / (2 * L_of(W).sqrt())), "square of the spectral norm"),
    ("lam_max", lambda y, W: (y @ W).max(1).values, "absolute value"),
    ("lam_max", lambda y, W: (y @ W).abs().max(), "every sample has its own"),
    ("lam_max", lambda y, W: (y @ W).abs().sum(1), "sum over atoms"),
    ("lam_max", lambda y, W: y.abs().amax(1), "pixel"),
    ("lam_max", lambda y, W: 2 * (y @ W).abs().amax(1), "factor 2"),
]


@pytest.fixture(params=[torch.float32, torch.float64], ids=["float32", "float64"], autouse=True)
def precision(request):
    """The notebook works in double precision; the checks must not depend on it."""
    torch.set_default_dtype(request.param)
    torch.manual_seed(5)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("name", NAMES)
def test_right_answers_pass(name):
    for answer in (EXERCISES[name].reference, RIGHT[name]):
        for _ in range(5):  # the inputs are drawn anew at every check
            right, sentence = verdict(answer, name)
            assert right, sentence


@pytest.mark.parametrize("name, answer, word", WRONG, ids=[f"{n}-{w}" for n, _, w in WRONG])
def test_typical_mistakes_are_named(name, answer, word):
    right, sentence = verdict(answer, name)
    assert not right and word in sentence, sentence


@pytest.mark.parametrize("name", NAMES)
def test_every_registered_mistake_is_tried_here(name):
    assert sum(n == name for n, _, _ in WRONG) == len(EXERCISES[name].mistakes) >= 3
    for message, mistake in EXERCISES[name].mistakes.items():
        assert verdict(mistake, name) == (False, message)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("answer, word", [
    (lambda *args: None, "return"), (lambda *args: 1 / 0, "ZeroDivisionError"), (None, "no function"),
])
def test_what_is_no_answer_is_refused(name, answer, word):  # "returns None", "returns 1 values, 2 are asked for"
    right, sentence = verdict(answer, name)
    assert not right and word in sentence, sentence


def test_a_wrong_shape_is_named():
    for name, answer in (("shrinkage", lambda v, a: shrinkage(v, a)[None]),
                         ("ista_step", lambda *args: ista_step(*args).T),
                         ("lam_max", lambda y, W: lam_max(y, W)[:, None]),
                         ("step_for_printed_energy", lambda *args: step_for_printed_energy(*args)[0])):
        right, sentence = verdict(answer, name)
        assert not right and "shape" in sentence, sentence
    right, sentence = verdict(lambda z, z_prev, t: look_ahead(z, z_prev, t)[0], "look_ahead")
    assert not right and "2 are asked for" in sentence


def test_a_change_of_the_input_is_named():
    def in_place(z, y, W_d, lam, step):
        z -= step * (z @ W_d.T - y) @ W_d
        return shrinkage(z, step * lam)

    assert "in place" in verdict(in_place, "ista_step")[1]
    assert "in place" in verdict(lambda v, a: shrinkage(v, a) + 0 * v.zero_(), "shrinkage")[1]


def test_a_hole_is_no_mistake():
    def shrinkage(v, threshold):
        raise NotImplementedError("return v pulled towards 0")

    assert "not filled in yet. return v pulled towards 0" in verdict(shrinkage)[1]
