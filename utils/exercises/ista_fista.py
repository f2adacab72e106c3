"""Checks of the exercises in notebook 05."""

import torch

from utils.energies import shrinkage
from utils.exercises.harness import Exercise


def ista_step(z, y, W_d, lam, step):
    """z <- shrinkage(z - step W_d^T(W_d z - y), step lam).   z: (B, m), y: (B, n), W_d: (n, m) -> (B, m)."""
    return shrinkage(z - step * (z @ W_d.T - y) @ W_d, step * lam)


def look_ahead(z, z_prev, t):
    """The point a little ahead of z along the last move, and the next t.   z, z_prev: (B, m) -> (B, m), float."""
    t_next = (1 + (1 + 4 * t**2) ** 0.5) / 2
    return z + (t - 1) / t_next * (z - z_prev), t_next


def step_for_printed_energy(z, y, W_d, lam):
    """The ISTA step of length 1/curvature for |y - W_d z|^2 + lam|z|_1, without the 1/2.   (B, m) -> (B, m)."""
    return ista_step(z, y, W_d, lam / 2, 1 / _curvature(W_d))


def lam_max(y, W_d):
    """The smallest lam at which the best code is 0: max_j |W_d^T y|_j.   y: (B, n), W_d: (n, m) -> (B,)."""
    return (y @ W_d).abs().amax(1)


def _curvature(W_d):
    return torch.linalg.matrix_norm(W_d, ord=2) ** 2


def _printed(z, y, W, lam, twice, over, shrink):
    """A step with `twice`/2 · `over` times the gradient W_dᵀ(W_d z − y)/L and the threshold `shrink` · λ/(2L)."""
    L = _curvature(W)
    return shrinkage(z - 0.5 * twice * over * (z @ W.T - y) @ W / L, shrink * lam / (2 * L))


def _problem(B, n, m):
    return torch.randn(B, m), torch.randn(B, n), torch.randn(n, m) / n**0.5


Exercise(
    "shrinkage", shrinkage,
    cases=lambda: [(2 * torch.randn(4, 6), 0.7), (torch.randn(8), 0.3), (torch.randn(1, 3), 0.0),
                   (torch.tensor(1.2, dtype=torch.float64), 0.7),
                   (torch.randn(3, 4, dtype=torch.float64), 0.2), (torch.randn(5, dtype=torch.float64), 0.4),
                   (1e28 * torch.randn(2, 5), 0.02)],  # ISTA that diverges
    gradient=False,
    mistakes={
        "this is hard thresholding: what survives must be pulled towards 0 by the threshold as well":
            lambda v, a: v * (v.abs() > a),
        "negative values are lost: shrink |v|, then give the sign of v back": lambda v, a: (v - a).relu(),
        "values within the threshold come out with the wrong sign: max(·, 0) is missing":
            lambda v, a: v.sign() * (v.abs() - a),
        "the sign of v is not given back": lambda v, a: (v.abs() - a).relu(),
        "this clips: it keeps what shrinkage takes away": lambda v, a: v.clamp(-a, a),
        "the threshold is subtracted from every value: negative values must rise towards 0": lambda v, a: v - a,
        "the threshold is halved: the derivative of ½(z − v)² is z − v, without a factor 2":
            lambda v, a: shrinkage(v, a / 2),
        "the threshold is added: shrinkage pulls towards 0": lambda v, a: v.sign() * (v.abs() + a),
    },
)

Exercise(
    "ista_step", ista_step,
    cases=lambda: [(*_problem(3, 5, 8), 0.2, 0.3), (*_problem(1, 4, 4), 0.5, 0.1), (*_problem(6, 9, 2), 0.0, 0.2),
                   (*(part.double() for part in _problem(2, 6, 4)), 0.1, 0.2)],
    gradient=False,
    mistakes={
        "it climbs: the gradient of ½‖y − W_d z‖² is W_dᵀ(W_d z − y), and you go against it":
            lambda z, y, W, lam, s: shrinkage(z + s * (z @ W.T - y) @ W, s * lam),
        "the threshold is λ; a step of length `step` shrinks by step · λ":
            lambda z, y, W, lam, s: shrinkage(z - s * (z @ W.T - y) @ W, lam),
        "the gradient is not multiplied by the step":
            lambda z, y, W, lam, s: shrinkage(z - (z @ W.T - y) @ W, s * lam),
        "this is gradient descent on the error alone: the shrinkage is missing":
            lambda z, y, W, lam, s: z - s * (z @ W.T - y) @ W,
        "it shrinks first and steps afterwards: the step comes first":
            lambda z, y, W, lam, s: shrinkage(z, s * lam) - s * (shrinkage(z, s * lam) @ W.T - y) @ W,
        "the gradient has a factor 2: the energy has the ½, so it has none":
            lambda z, y, W, lam, s: shrinkage(z - 2 * s * (z @ W.T - y) @ W, s * lam),
        "the threshold is divided by the step: a short step shrinks little, by step · λ":
            lambda z, y, W, lam, s: shrinkage(z - s * (z @ W.T - y) @ W, lam / s),
        "the step is computed anew as 1/L: use the `step` that comes in":
            lambda z, y, W, lam, s: ista_step(z, y, W, lam, 1 / _curvature(W)),
        "the gradient is a mean over the batch: every row has an energy of its own, so sum before differentiating":
            lambda z, y, W, lam, s: shrinkage(z - s / len(z) * (z @ W.T - y) @ W, s * lam),
        "z itself is missing: step from z": lambda z, y, W, lam, s: shrinkage(-s * (z @ W.T - y) @ W, s * lam),
    },
)

Exercise(
    "look_ahead", look_ahead,
    cases=lambda: [*((torch.randn(3, 4), torch.randn(3, 4), t) for t in (2.6, 17.3, 1.0)),
                   (torch.randn(2, 5, dtype=torch.float64), torch.randn(2, 5, dtype=torch.float64), 3.0),
                   (z := torch.randn(2, 3), z.clone(), 0.0)],  # the page's first step: no last move, t = 0
    gradient=False,
    returns=("u", "t_next"),
    mistakes={
        "there is no look-ahead: with u = z this is ISTA again, as in the notes' FISTA box":
            lambda z, z_prev, t: (z, look_ahead(z, z_prev, t)[1]),
        "it looks back: the last move is z − z_prev":
            lambda z, z_prev, t: look_ahead(z, 2 * z - z_prev, t),
        "the whole last move is added: scale it by (t − 1)/t_next":
            lambda z, z_prev, t: (2 * z - z_prev, look_ahead(z, z_prev, t)[1]),
        "the move is divided by t, it should be by t_next":
            lambda z, z_prev, t: (z + (t - 1) / t * (z - z_prev), look_ahead(z, z_prev, t)[1]),
        "the factor is t/t_next, it should be (t − 1)/t_next":
            lambda z, z_prev, t: (z + t / look_ahead(z, z, t)[1] * (z - z_prev), look_ahead(z, z_prev, t)[1]),
        "the factor is (t_next − 1)/t_next: in (4.3) the t on top is the old one, which comes in": lambda z, z_prev, t:
            (z + (1 - 1 / look_ahead(z, z, t)[1]) * (z - z_prev), look_ahead(z, z_prev, t)[1]),
        "1 + √(…) must be halved as a whole: (1 + √(1 + 4t²))/2": lambda z, z_prev, t:
            (z + (t - 1) / (1 + (1 + 4 * t**2) ** 0.5 / 2) * (z - z_prev), 1 + (1 + 4 * t**2) ** 0.5 / 2),
        "it starts from z_prev: look ahead from z": lambda z, z_prev, t:
            (z_prev + look_ahead(z, z_prev, t)[0] - z, look_ahead(z, z_prev, t)[1]),
        "t_next lacks the 4 under the root": lambda z, z_prev, t:
            (z + 2 * (t - 1) / (1 + (1 + t**2) ** 0.5) * (z - z_prev), (1 + (1 + t**2) ** 0.5) / 2),
        "t is not moved on: return t_next": lambda z, z_prev, t: (look_ahead(z, z_prev, t)[0], t),
    },
)

Exercise(
    "step_for_printed_energy", step_for_printed_energy,
    cases=lambda: [(*_problem(3, 5, 8), 0.3), (*_problem(1, 7, 4), 0.8)],
    gradient=False,
    mistakes={
        "this is the step as the notes print it: it minimizes ½‖y − W_d z‖² + λ‖z‖₁. Halve the threshold":
            lambda z, y, W, lam: _printed(z, y, W, lam, 2, 1, 2),
        "the gradient got its 2, but so did the curvature: one over it is 1/(2L)":
            lambda z, y, W, lam: _printed(z, y, W, lam, 2, 2, 2),
        "the step is 1/(2L) but the gradient lacks its 2": lambda z, y, W, lam: _printed(z, y, W, lam, 1, 1, 1),
        "this is half as long: one over the curvature is 1/(2L), times the gradient 2W_dᵀ(W_d z − y)":
            lambda z, y, W, lam: _printed(z, y, W, lam, 1, 1, 0.5),
        "the curvature is the largest eigenvalue of W_dᵀW_d, the square of the spectral norm":
            lambda z, y, W, lam: ista_step(z, y, W, lam / 2, 1 / _curvature(W) ** 0.5),
        "this is the longest step that still descends; asked is one over the curvature, 1/(2L)":
            lambda z, y, W, lam: _printed(z, y, W, lam, 1.99 * 2, 1, 1.99),
        "the gradient part is right, the threshold is λ: shrink by the step, 1/(2L), times λ":
            lambda z, y, W, lam: shrinkage(z - (z @ W.T - y) @ W / _curvature(W), lam),
        "the gradient part is right, the threshold is λ/2: L is missing, shrink by λ/(2L)":
            lambda z, y, W, lam: shrinkage(z - (z @ W.T - y) @ W / _curvature(W), lam / 2),
        "the gradient part is right, the threshold is 2λ/L: the step halves it, shrink by λ/(2L)":
            lambda z, y, W, lam: _printed(z, y, W, lam, 2, 1, 4),
    },
)

Exercise(
    "lam_max", lam_max,
    cases=lambda: [(torch.randn(4, 5), torch.randn(5, 7)), (torch.randn(1, 3), -torch.rand(3, 3).cumsum(0)),
                   (torch.randn(3, 4, dtype=torch.float64), torch.randn(4, 6, dtype=torch.float64))],
    gradient=False,
    mistakes={
        "an atom may enter with either sign: take the absolute value": lambda y, W: (y @ W).amax(1),
        "this is one number for the whole batch: every sample has its own": lambda y, W: (y @ W).abs().max(),
        "the sum over atoms is too large: the first atom to enter is the one with the largest |W_dᵀy|":
            lambda y, W: (y @ W).abs().sum(1),
        "this is the largest pixel of y: how an atom correlates with y is W_dᵀy": lambda y, W: y.abs().amax(1),
        "the factor 2 belongs to the energy without the ½": lambda y, W: 2 * (y @ W).abs().amax(1),
        "it is divided by L: the step shrinks W_dᵀy/L by λ/L, and the L cancels":
            lambda y, W: (y @ W).abs().amax(1) / _curvature(W),
    },
)
