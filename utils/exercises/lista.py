"""Checks of the exercises in notebook 06."""

import torch

from utils.energies import shrinkage
from utils.exercises.harness import Exercise


def lista_step(z, y, W_e, S, theta):
    """z <- shrinkage(y W_e^T + z S^T, theta).   z: (B, m), W_e: (m, n), S: (m, m), theta: (m,) -> (B, m)."""
    return shrinkage(y @ W_e.T + z @ S.T, theta)


def lista_matrices(W_d):
    """W_e = W_d^T / L and S = I - W_e W_d.   W_d: (n, m) -> (m, n), (m, m)."""
    L = _curvature(W_d)
    W_e = W_d.T / L
    return W_e, torch.eye(W_d.shape[1], dtype=W_d.dtype, device=W_d.device) - W_e @ W_d


def with_encoder_term(y, z_bar, W_d, alpha):
    """Data (B, n + m) and dictionary (n + m, m) of the error 1/2|y - W_d z|^2 + alpha/2 |z - z_bar|^2."""
    eye = torch.eye(W_d.shape[1], dtype=W_d.dtype, device=W_d.device)
    return torch.cat([y, alpha**0.5 * z_bar], dim=1), torch.cat([W_d, alpha**0.5 * eye])


def nmse_db(z, z_true):
    """10 log10 of the summed squared error over the summed squared length.   (B, m), (B, m) -> scalar."""
    return 10 * ((z - z_true).square().sum() / z_true.square().sum()).log10()


def dual_dictionary(A):
    """argmin_W |W^T A|_F with w_i . a_i = 1 for every atom.   (n, m) -> (n, m)."""
    W = torch.linalg.solve(A @ A.T, A)
    return W / (W * A).sum(0)


def lfista_step(z, z_prev, y, W_e, S, theta, beta):
    """A LISTA step from the point z + beta (z - z_prev).   z, z_prev: (B, m), beta: float -> (B, m)."""
    return lista_step(z + beta * (z - z_prev), y, W_e, S, theta)


def _curvature(W_d):
    return torch.linalg.matrix_norm(W_d, ord=2) ** 2


def _eye(W_d):
    return torch.eye(W_d.shape[1], dtype=W_d.dtype, device=W_d.device)


def _layer(B, n, m):
    """z, y, W_e, S, theta with a S that is not symmetric, as it is after training."""
    theta = 0.5 * torch.rand(m) + 0.1
    return torch.randn(B, m), torch.randn(B, n), torch.randn(m, n), torch.randn(m, m), theta


Exercise(
    "lista_step", lista_step,
    cases=lambda: [_layer(3, 5, 5), _layer(1, 4, 6), _layer(4, 3, 2),  # square first: a lost transpose runs
                   (*_layer(2, 3, 4)[:4], torch.tensor(0.3)),  # one threshold for all, as before training
                   [t.double() for t in _layer(2, 3, 4)]],
    mistakes={
        "the sign in front of S z is the notes' minus: S = I − W_e W_d carries the minus already, so add":
            lambda z, y, W, S, t: shrinkage(y @ W.T - z @ S.T, t),
        "S is applied from the wrong side: for rows S z is z @ S.T, and a trained S is not symmetric":
            lambda z, y, W, S, t: shrinkage(y @ W.T + z @ S, t),
        "the transpose of W_e is missing: with samples in rows W_e y is y @ W_e.T":
            lambda z, y, W, S, t: shrinkage(y @ W + z @ S.T, t) if len(W) == W.shape[1] else z * torch.nan,
        "only y's part is shrunk: shrink the sum": lambda z, y, W, S, t: shrinkage(y @ W.T, t) + z @ S.T,
        "nothing is shrunk: this is a linear network": lambda z, y, W, S, t: y @ W.T + z @ S.T,
        "this is a ReLU, which drops the negative coefficients: use shrinkage":
            lambda z, y, W, S, t: (y @ W.T + z @ S.T - t).relu(),
        "the threshold has the wrong sign: this pushes values away from 0":
            lambda z, y, W, S, t: shrinkage(y @ W.T + z @ S.T, -t),
        "z itself is added once more: S = I − W_e W_d carries it already":
            lambda z, y, W, S, t: shrinkage(z + y @ W.T + z @ S.T, t),
    },
)

Exercise(
    "lista_matrices", lista_matrices,
    cases=lambda: [(torch.randn(4, 7),), (torch.randn(6, 3),), (torch.randn(5, 5),), (torch.randn(3, 6).double(),)],
    gradient=False,
    returns=("W_e", "S"),
    mistakes={
        "the transpose of W_e is missing: the encoder leads from y to z, so its shape is (m, n). The notes' "
        "W_d/L is meant to be used as W_eᵀ y": lambda W: (W / _curvature(W), lista_matrices(W)[1]),
        "the curvature is the largest eigenvalue of W_dᵀW_d, the square of the spectral norm":
            lambda W: (W.T / _curvature(W) ** 0.5, _eye(W) - W.T @ W / _curvature(W) ** 0.5),
        "L is not the squared Frobenius norm: it is the largest eigenvalue of W_dᵀW_d, not the sum of all":
            lambda W: (W.T / W.square().sum(), _eye(W) - W.T @ W / W.square().sum()),
        "1 − … subtracts from every entry: the identity matrix is torch.eye(m)":
            lambda W: (lista_matrices(W)[0], 1 - W.T @ W / _curvature(W)),
        "W_e lacks the 1/L": lambda W: (W.T, lista_matrices(W)[1]),
        "S lacks the 1/L": lambda W: (lista_matrices(W)[0], _eye(W) - W.T @ W),
        "S has the wrong sign: collect what multiplies z in z − (1/L) W_dᵀ(W_d z − y)":
            lambda W: (lista_matrices(W)[0], W.T @ W / _curvature(W) - _eye(W)),
        "W_dᵀW_d/L must be subtracted from I, not added":
            lambda W: (lista_matrices(W)[0], _eye(W) + W.T @ W / _curvature(W)),
        "the identity is missing in S: ISTA's step starts from z":
            lambda W: (lista_matrices(W)[0], -W.T @ W / _curvature(W)),
        "S acts on codes, so it is (m, m): W_dᵀW_d, not W_dW_dᵀ":
            lambda W: (lista_matrices(W)[0], _eye(W.T) - W @ W.T / _curvature(W)),
    },
)

Exercise(
    "with_encoder_term", with_encoder_term,
    cases=lambda: [(torch.randn(3, 4), torch.randn(3, 6), torch.randn(4, 6), 0.3),
                   (torch.randn(2, 5), torch.randn(2, 2), torch.randn(5, 2), 4.0),
                   (torch.randn(2, 3), torch.randn(2, 5), torch.randn(3, 5), 0.0)],
    gradient=False,
    returns=("data", "dictionary"),
    mistakes={
        "use √α: the error squares what you stack, so α would count as α²": lambda y, e, W, a:
            (torch.cat([y, a * e], dim=1), torch.cat([W, a * _eye(W)])),
        "y has its new part but the dictionary's new rows are not scaled by √α": lambda y, e, W, a:
            (torch.cat([y, a**0.5 * e], dim=1), torch.cat([W, _eye(W)])),
        "the dictionary is scaled by √α but the guess is not": lambda y, e, W, a:
            (torch.cat([y, e], dim=1), torch.cat([W, a**0.5 * _eye(W)])),
        "the α is missing": lambda y, e, W, a: (torch.cat([y, e], dim=1), torch.cat([W, _eye(W)])),
        "the guess has the wrong sign: z should come close to it, not to its negative": lambda y, e, W, a:
            (torch.cat([y, -(a**0.5) * e], dim=1), torch.cat([W, a**0.5 * _eye(W)])),
        "the energy has α/2, not α: scale by √α, not by √(2α)":
            lambda y, e, W, a: with_encoder_term(y, e, W, 2 * a),
        "the ½ is there already, in front of the whole squared error: scale by √α, not by √(α/2)":
            lambda y, e, W, a: with_encoder_term(y, e, W, a / 2),
        "the energy is the same, but y's part must stand first and the new part behind it": lambda y, e, W, a:
            (torch.cat([a**0.5 * e, y], dim=1), torch.cat([a**0.5 * _eye(W), W])),
        "the energy is the same, but the new part is asked for with a positive sign, √α": lambda y, e, W, a:
            (torch.cat([y, -(a**0.5) * e], dim=1), torch.cat([W, -(a**0.5) * _eye(W)])),
    },
)

Exercise(
    "nmse_db", nmse_db,
    cases=lambda: [(z + 0.3 * torch.randn(6, 5), z) for z in (torch.randn(6, 5), torch.randn(6, 5).exp())],
    gradient=False,
    mistakes={
        "this is 20 log₁₀: the ratio is one of squares already, so it is 10 log₁₀": lambda z, x: 2 * nmse_db(z, x),
        "this averages decibels over signals: sum the squares first, take the logarithm once":
            lambda z, x: (10 * ((z - x).square().sum(1) / x.square().sum(1)).log10()).mean(),
        "this averages the signals' ratios: divide the summed error by the summed length":
            lambda z, x: 10 * ((z - x).square().sum(1) / x.square().sum(1)).mean().log10(),
        "the logarithm is natural: decibels have log₁₀":
            lambda z, x: nmse_db(z, x) * torch.log(torch.tensor(10.0)),
        "the factor 10 is missing": lambda z, x: nmse_db(z, x) / 10,
        "the ratio is upside down: error over signal": lambda z, x: -nmse_db(z, x),
        "the error is not normalized: divide by the squared length of z_true":
            lambda z, x: 10 * (z - x).square().sum(1).mean().log10(),
        "this is the error alone, in decibels: divide by the summed squared length of z_true first":
            lambda z, x: 10 * (z - x).square().sum().log10(),
        "it is normalized by the estimate: divide by the squared length of z_true":
            lambda z, x: 10 * ((z - x).square().sum() / z.square().sum()).log10(),
        "lengths are not squared": lambda z, x: nmse_db(z, x) / 2,
    },
)

Exercise(
    "dual_dictionary", dual_dictionary,
    cases=lambda: [(torch.randn(4, 9, dtype=torch.float64),), (torch.randn(3, 5, dtype=torch.float64),),
                   (torch.nn.functional.normalize(torch.randn(20, 40), dim=0),)],
    gradient=False,
    mistakes={
        "the constraint is missing: scale every column so that w_i · a_i = 1": lambda A: torch.linalg.solve(A @ A.T, A),
        "the columns have length 1, but w_i · a_i = 1 is asked for":
            lambda A: torch.nn.functional.normalize(torch.linalg.solve(A @ A.T, A), dim=0),
        "these are the atoms, scaled: their coherence is not reduced": lambda A: A / (A * A).sum(0),
        "each column is multiplied by w_i · a_i: divide by it":
            lambda A: torch.linalg.solve(A @ A.T, A) * (torch.linalg.solve(A @ A.T, A) * A).sum(0),
        "the result is transposed: w_i are columns": lambda A: dual_dictionary(A).T,
        "multiply by the inverse of A Aᵀ, not by A Aᵀ": lambda A: (A @ A.T @ A) / ((A @ A.T @ A) * A).sum(0),
    },
)

Exercise(
    "lfista_step", lfista_step,
    cases=lambda: [*((torch.randn(len(z), z.shape[1]), z, *rest, beta) for (z, *rest), beta in
                     ((_layer(3, 4, 6), 0.6), (_layer(2, 5, 3), 0.9))),
                   (z := torch.randn(2, 4), z.clone(), *_layer(2, 3, 4)[1:4], torch.tensor(0.2), -1.0)],  # FISTA begins
    gradient=False,
    mistakes={
        "this is LISTA: the look-ahead is missing": lambda z, p, y, W, S, t, b: lista_step(z, y, W, S, t),
        "it looks back: the last move is z − z_prev":
            lambda z, p, y, W, S, t, b: lista_step(z - b * (z - p), y, W, S, t),
        "it steps from z_prev: look ahead from z":
            lambda z, p, y, W, S, t, b: lista_step(p + b * (z - p), y, W, S, t),
        "the look-ahead is added after the shrinkage: step from the point ahead":
            lambda z, p, y, W, S, t, b: lista_step(z, y, W, S, t) + b * (z - p),
        "the look-ahead must pass through S as well: S acts on the point ahead":
            lambda z, p, y, W, S, t, b: shrinkage(y @ W.T + z @ S.T + b * (z - p), t),
        "the sign in front of S is the notes' minus":
            lambda z, p, y, W, S, t, b: shrinkage(y @ W.T - (z + b * (z - p)) @ S.T, t),
        "the factor is 1 − beta, it should be beta":
            lambda z, p, y, W, S, t, b: lista_step(z + (1 - b) * (z - p), y, W, S, t),
        "the whole last move is added: scale it by beta":
            lambda z, p, y, W, S, t, b: lista_step(2 * z - p, y, W, S, t),
    },
)
