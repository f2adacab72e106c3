"""The checks of notebook 06 accept right answers however they are written, and name the usual mistakes."""

import torch
import torch.nn.functional as F

from utils.exercises.harness import verdict


def curvature(W):
    return torch.linalg.eigvalsh(W.T @ W).max()


def eye(W):
    return torch.eye(W.shape[1], dtype=W.dtype, device=W.device)


def stacked_by_hand(y, guess, W_d, alpha):
    wide = y.new_zeros(len(y), W_d.shape[0] + W_d.shape[1])
    wide[:, :y.shape[1]], wide[:, y.shape[1]:] = y, guess * alpha**0.5
    return wide, torch.vstack([W_d, torch.diag(W_d.new_full((W_d.shape[1],), alpha**0.5))])


def dual_by_columns(A):
    inverse = torch.linalg.inv(A @ A.T)
    return torch.stack([inverse @ a / (a @ inverse @ a) for a in A.T], dim=1)


RIGHT = {  # other ways to write it
    "lista_step": [
        lambda z, y, W_e, S, theta: F.relu((W_e @ y.T + S @ z.T).T - theta) - F.relu(-(W_e @ y.T + S @ z.T).T - theta),
        lambda z, y, W_e, S, theta: (v := torch.einsum("bn,mn->bm", y, W_e) + F.linear(z, S)) - v.clamp(-theta, theta)],
    "lista_matrices": [
        lambda W: (W.mT / curvature(W), eye(W) - (W / curvature(W)).T @ W),
        lambda W: [W.T / torch.linalg.svdvals(W)[0] ** 2, eye(W) - W.T @ W / torch.linalg.svdvals(W)[0] ** 2]],
    "with_encoder_term": [stacked_by_hand, lambda y, e, W, a: list(stacked_by_hand(y, e, W, a))],
    "nmse_db": [lambda z, x: 20 * (torch.linalg.matrix_norm(z - x) / torch.linalg.matrix_norm(x)).log10(),
                lambda z, x: 10 * torch.log10(F.mse_loss(z, x) / x.square().mean())],
    "dual_dictionary": [dual_by_columns, lambda A: (W := torch.linalg.pinv(A).T) / torch.einsum("nm,nm->m", W, A)],
    "lfista_step": [
        lambda z, z_prev, y, W_e, S, theta, beta:
            (v := y @ W_e.T + (1 + beta) * z @ S.T - beta * z_prev @ S.T) - v.clamp(-theta, theta),
        lambda z, z_prev, y, W_e, S, theta, beta:
            (v := y @ W_e.T + torch.lerp(z, z_prev, -beta) @ S.T) - v.clamp(-theta, theta)],
}

WRONG = [  # (exercise, answer, a word of the message)
    ("lista_step", lambda z, y, W, S, t: (v := y @ W.T - z @ S.T) - v.clamp(-t, t), "notes' minus"),
    ("lista_step", lambda z, y, W, S, t: (v := y @ W.T + z @ S) - v.clamp(-t, t), "wrong side"),
    ("lista_step", lambda z, y, W, S, t: (v := y @ W + z @ S.T) - v.clamp(-t, t), "transpose of W_e"),
    ("lista_step", lambda z, y, W, S, t: F.relu(y @ W.T + z @ S.T - t), "ReLU"),
    ("lista_step", lambda z, y, W, S, t: y @ W.T + z @ S.T, "linear network"),
    ("lista_matrices", lambda W: (W / curvature(W), eye(W) - W.T @ W / curvature(W)), "transpose of W_e"),
    ("lista_matrices", lambda W:
        (W.T / curvature(W) ** 0.5, eye(W) - W.T @ W / curvature(W) ** 0.5), "square"),
    ("lista_matrices", lambda W: (W.T / curvature(W), W.T @ W / curvature(W) - eye(W)), "wrong sign"),
    ("lista_matrices", lambda W: (W.T / curvature(W), -W.T @ W / curvature(W)), "identity is missing"),
    ("lista_matrices", lambda W: W.T / curvature(W), "2 are asked for"),
    ("with_encoder_term", lambda y, e, W, a: (torch.cat([y, a * e], 1), torch.cat([W, a * eye(W)])), "√α"),
    ("with_encoder_term", lambda y, e, W, a: (torch.cat([y, e], 1), torch.cat([W, eye(W)])), "α is missing"),
    ("with_encoder_term", lambda y, e, W, a:
        (torch.cat([y, -a**0.5 * e], 1), torch.cat([W, a**0.5 * eye(W)])), "wrong sign"),
    ("nmse_db", lambda z, x: 20 * (F.mse_loss(z, x) / x.square().mean()).log10(), "20 log"),
    ("nmse_db", lambda z, x: (20 * ((z - x).norm(dim=1) / x.norm(dim=1)).log10()).mean(), "averages dec"),
    ("nmse_db", lambda z, x: 10 * (F.mse_loss(z, x) / x.square().mean()).log(), "natural"),
    ("nmse_db", lambda z, x: 10 * (x.square().mean() / F.mse_loss(z, x)).log10(), "upside down"),
    ("dual_dictionary", lambda A: torch.linalg.pinv(A).T, "constraint is missing"),
    ("dual_dictionary", lambda A: A / A.norm(dim=0) ** 2, "coherence"),
    ("dual_dictionary", lambda A: F.normalize(torch.linalg.pinv(A).T, dim=0), "length 1"),
    ("dual_dictionary", lambda A: dual_by_columns(A).T, "transposed"),
    ("lfista_step", lambda z, p, y, W, S, t, b:
        (v := y @ W.T + z @ S.T) - v.clamp(-t, t), "look-ahead is missing"),
    ("lfista_step", lambda z, p, y, W, S, t, b:
        (v := y @ W.T + (z - b * (z - p)) @ S.T) - v.clamp(-t, t), "looks back"),
    ("lfista_step", lambda z, p, y, W, S, t, b:
        (v := y @ W.T + (2 * z - p) @ S.T) - v.clamp(-t, t), "scale it by beta"),
    ("lista_step", lambda z, y, W, S, t: (v := y @ W.T + z @ S.T) - v.clamp(-t, t) + 2 * t * v.sign() * (v.abs() > t),
     "should be"),
    ("lista_step", lambda z, y, W, S, t: (v := y @ W.T + z @ S.T).sign() * F.relu(v.abs() + t), "wrong sign"),
    ("lista_matrices", lambda W: (W.T / curvature(W), 1 - W.T @ W / curvature(W)), "torch.eye(m)"),
    ("lista_matrices", lambda W: (W.T / W.norm() ** 2, eye(W) - W.T @ W / W.norm() ** 2), "Frobenius"),
    ("lista_matrices", lambda W: (eye(W) - W.T @ W / curvature(W), W.T / curvature(W)), "their order is not: W_e, S"),
    ("with_encoder_term", lambda y, e, W, a:
        (torch.cat([y, (a / 2) ** 0.5 * e], 1), torch.cat([W, (a / 2) ** 0.5 * eye(W)])), "√(α/2)"),
    ("with_encoder_term", lambda y, e, W, a:
        (torch.cat([a**0.5 * e, y], 1), torch.cat([a**0.5 * eye(W), W])), "the energy is the same, but y's part"),
    ("with_encoder_term", lambda y, e, W, a:
        (torch.cat([y, -a**0.5 * e], 1), torch.cat([W, -a**0.5 * eye(W)])), "the energy is the same, but the new part"),
    ("nmse_db", lambda z, x: 10 * F.mse_loss(z, x, reduction="sum").log10(), "the error alone"),
    ("nmse_db", lambda z, x: 10 * ((z - x).square().sum(1) / x.square().sum(1)).log10(), "shape"),
    ("dual_dictionary", lambda A: (W := torch.linalg.pinv(A).T) * (W * A).sum(0), "divide by it"),
    ("dual_dictionary", lambda A: (A @ A.T @ A) / ((A @ A.T @ A) * A).sum(0), "inverse of A Aᵀ"),
    ("lfista_step", lambda z, p, y, W, S, t, b:
        (v := y @ W.T + (z + (1 - b) * (z - p)) @ S.T) - v.clamp(-t, t), "1 − beta"),
    ("lfista_step", lambda z, p, y, W, S, t, b:
        (v := y @ W.T + z @ S.T) - v.clamp(-t, t) + b * (z - p), "after the shrinkage"),
    ("lfista_step", lambda z, p, y, W, S, t, b:
        (v := y @ W.T - (z + b * (z - p)) @ S.T) - v.clamp(-t, t), "notes' minus"),
]


def test_no_gradient_is_asked_for():
    assert verdict(lambda *a: RIGHT["lfista_step"][0](*a).detach(), "lfista_step")[0]


def test_the_layer_is_differentiated():
    assert "gradient" in verdict(lambda *a: RIGHT["lista_step"][0](*a).detach(), "lista_step")[1]
