"""The checks of notebook 05: right answers in other words pass, each typical mistake is named."""

import math

import torch

from utils.energies import shrinkage
from utils.exercises.harness import verdict
from utils.exercises.ista_fista import look_ahead


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


def ista_step_by_autograd(z, y, W_d, lam, step):
    z = z.clone().requires_grad_()
    slope, = torch.autograd.grad(0.5 * (y - z @ W_d.T).square().sum(), z)
    return shrinkage(z - step * slope, step * lam).detach()


def look_ahead_in_python(z, z_prev, t):
    t_next = (1 + math.sqrt(1 + 4 * t * t)) / 2
    return [torch.lerp(z, z_prev, -(t - 1) / t_next), t_next]


def lam_max_by_loop(y, W_d):
    return torch.stack([max((row @ atom).abs() for atom in W_d.T) for row in y])


RIGHT = {
    "shrinkage": [slow_shrinkage, torch.nn.functional.softshrink, lambda v, a: v - v.clamp(-a, a),
                  lambda v, a: v.sign() * (v.abs() - a).clamp(min=0), lambda v, a: (v - a).relu() - (-v - a).relu()],
    "ista_step": [ista_step_in_columns, ista_step_by_autograd,
                  lambda z, y, W, lam, s: shrinkage(z + s * torch.einsum("bn,nm->bm", y - z @ W.T, W), s * lam)],
    "look_ahead": [look_ahead_as_a_blend, look_ahead_in_python],
    "step_for_printed_energy": [printed_step_by_autograd, lambda z, y, W, lam:
                                shrinkage(z - (z @ W.T - y) @ W / L_of(W), lam / (2 * L_of(W)))],
    "lam_max": [lam_max_by_loop, lambda y, W: (W.T @ y.T).abs().max(0).values,
                lambda y, W: torch.linalg.vector_norm(y @ W, float("inf"), dim=1)]}

# (exercise, what a student might write, a word that the message must hold)
WRONG = [
    ("shrinkage", lambda v, a: torch.where(v.abs() > a, v, 0.0), "hard thresholding"),
    ("shrinkage", lambda v, a: (v - a).clamp(min=0), "negative values are lost"),
    ("shrinkage", lambda v, a: v - a * v.sign(), "wrong sign"),
    ("shrinkage", lambda v, a: (v.abs() - a).clamp(min=0), "sign of v is not given back"),
    ("shrinkage", lambda v, a: v.clip(-a, a), "clips"),
    ("shrinkage", lambda v, a: v - a, "subtracted from every value"),
    ("shrinkage", lambda v, a: torch.nn.functional.softshrink(v, a / 2), "halved"),
    ("shrinkage", lambda v, a: v.sign() * (v.abs() + a), "threshold is added"),
    ("ista_step", lambda z, y, W, lam, s: shrinkage(z + s * (z @ W.T - y) @ W, s * lam), "climbs"),
    ("ista_step", lambda z, y, W, lam, s: shrinkage(z - s * (z @ W.T - y) @ W, lam), "shrinks by step · λ"),
    ("ista_step", lambda z, y, W, lam, s: shrinkage(z - (z @ W.T - y) @ W, s * lam), "not multiplied by the step"),
    ("ista_step", lambda z, y, W, lam, s: z - s * (z @ W.T - y) @ W, "shrinkage is missing"),
    ("ista_step", lambda z, y, W, lam, s: (u := shrinkage(z, s * lam)) - s * (u @ W.T - y) @ W, "shrinks first"),
    ("ista_step", lambda z, y, W, lam, s: shrinkage(z - 2 * s * (z @ W.T - y) @ W, s * lam), "factor 2"),
    ("ista_step", lambda z, y, W, lam, s: shrinkage(s * (y - z @ W.T) @ W, s * lam), "step from z"),
    ("ista_step", lambda z, y, W, lam, s: shrinkage(z - s * (z @ W.T - y) @ W, lam / s), "divided by the step"),
    ("ista_step", lambda z, y, W, lam, s: shrinkage(z - (z @ W.T - y) @ W / L_of(W), lam / L_of(W)), "anew as 1/L"),
    ("ista_step", lambda z, y, W, lam, s: shrinkage(z - s * ((z @ W.T - y) / len(y)) @ W, s * lam), "mean over the"),
    ("ista_step", lambda z, y, W, lam, s: shrinkage(z - s * (z @ W.T - y) @ W, s * lam).T, "transposed"),
    ("ista_step", lambda z, y, W, lam, s: z.sub_(s * (z @ W.T - y) @ W), "in place"),
    ("look_ahead", lambda z, z_prev, t: (z, (1 + (1 + 4 * t**2) ** 0.5) / 2), "notes' FISTA box"),
    ("look_ahead", lambda z, z_prev, t: look_ahead(z, z + (z - z_prev), t), "looks back"),
    ("look_ahead", lambda z, z_prev, t: (z + z - z_prev, look_ahead(z, z, t)[1]), "whole last move"),
    ("look_ahead", lambda z, z_prev, t: (z + (1 - 1 / t) * (z - z_prev), look_ahead(z, z, t)[1]), "divided by t"),
    ("look_ahead", lambda z, z_prev, t: (z + t / (n := look_ahead(z, z, t)[1]) * (z - z_prev), n), "(t − 1)/t_next"),
    ("look_ahead", lambda z, z_prev, t: (z_prev + look_ahead(z, z_prev, t)[0] - z, look_ahead(z, z, t)[1]), "z_prev"),
    ("look_ahead", lambda z, z_prev, t: (z + (t - 1) / (n := (1 + (1 + t * t) ** 0.5) / 2) * (z - z_prev), n), "the 4"),
    ("look_ahead", lambda z, z_prev, t: (look_ahead(z, z_prev, t)[0], t), "not moved on"),
    ("look_ahead", lambda z, z_prev, t: (z + ((n := look_ahead(z, z, t)[1]) - 1) / n * (z - z_prev), n), "the old one"),
    ("look_ahead", lambda z, z_prev, t:
     (z + (t - 1) / (n := 1 + (1 + 4 * t**2) ** 0.5 / 2) * (z - z_prev), n), "halved as a whole"),
    ("look_ahead", lambda z, z_prev, t: look_ahead(z, z_prev, t)[::-1], "their order is not: u, t_next"),
    ("look_ahead", lambda z, z_prev, t: look_ahead(z, z_prev, t)[0], "2 are asked for"),
    ("step_for_printed_energy", lambda z, y, W, lam: shrinkage(z - (z @ W.T - y) @ W / L_of(W), lam / L_of(W)),
     "as the notes print it"),
    ("step_for_printed_energy", lambda z, y, W, lam:
     shrinkage(z - 1.99 * (z @ W.T - y) @ W / L_of(W), 1.99 * lam / (2 * L_of(W))), "still descends"),
    ("step_for_printed_energy", lambda z, y, W, lam:
     shrinkage(z - 2 * (z @ W.T - y) @ W / L_of(W), lam / L_of(W)), "so did the curvature"),
    ("step_for_printed_energy", lambda z, y, W, lam:
     shrinkage(z - (z @ W.T - y) @ W / L_of(W), lam), "threshold is λ: shrink"),
    ("step_for_printed_energy", lambda z, y, W, lam:
     shrinkage(z - (z @ W.T - y) @ W / L_of(W), lam / 2), "L is missing"),
    ("step_for_printed_energy", lambda z, y, W, lam:
     shrinkage(z - (z @ W.T - y) @ W / L_of(W), 2 * lam / L_of(W)), "threshold is 2λ/L"),
    ("step_for_printed_energy", lambda z, y, W, lam:
     shrinkage(z - (z @ W.T - y) @ W / (2 * L_of(W)), lam / (2 * L_of(W))), "lacks its 2"),
    ("step_for_printed_energy", lambda z, y, W, lam:
     shrinkage(z - (z @ W.T - y) @ W / (2 * L_of(W)), lam / (4 * L_of(W))), "this is half as long"),
    ("step_for_printed_energy", lambda z, y, W, lam:
     shrinkage(z - (z @ W.T - y) @ W / L_of(W).sqrt(), lam / (2 * L_of(W).sqrt())), "square of the spectral norm"),
    ("lam_max", lambda y, W: (y @ W).max(1).values, "absolute value"),
    ("lam_max", lambda y, W: (y @ W).abs().max(), "every sample has its own"),
    ("lam_max", lambda y, W: (y @ W).abs().sum(1), "sum over atoms"),
    ("lam_max", lambda y, W: y.abs().amax(1), "pixel"),
    ("lam_max", lambda y, W: 2 * (y @ W).abs().amax(1), "factor 2"),
    ("lam_max", lambda y, W: (y @ W).abs().amax(1) / L_of(W), "the L cancels"),
    ("lam_max", lambda y, W: (y @ W).abs().amax(1, keepdim=True), "one dimension too many"),
]


def divided_by_t(z, z_prev, t):
    return z + (1 - 1 / t) * (z - z_prev), look_ahead(z, z, t)[1]


def test_a_look_ahead_from_the_papers_t1_agrees_with_the_page():
    """t = 0 gives the paper's t₁ = 1 and no look-ahead; an answer that divides by t stops there."""
    z = torch.randn(2, 3)
    u, t = look_ahead(z, z, 0.0)
    assert torch.equal(u, z) and t == 1.0 and look_ahead(z, z, t)[1] == (1 + 5**0.5) / 2
    right, sentence = verdict(divided_by_t, "look_ahead")
    assert not right and "divided by t" in sentence


def test_no_gradient_is_asked_for():
    assert verdict(lambda y, W: (y @ W).abs().amax(1).detach(), "lam_max")[0]
