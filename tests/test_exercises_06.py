"""The checks of notebook 06 accept right answers however they are written, and name the usual mistakes."""

import pytest
import torch
import torch.nn.functional as F

from utils.exercises.harness import EXERCISES, verdict


def curvature(W):
    return torch.linalg.eigvalsh(W.T @ W).max()


def eye(W):
    return torch.eye(W.shape[1])


def stacked_by_hand(y, guess, W_d, alpha):
    wide = y.new_zeros(len(y), W_d.shape[0] + W_d.shape[1])
    wide[:, :y.shape[1]], wide[:, y.shape[1]:] = y, guess * alpha**0.5
    return wide, torch.vstack([W_d, torch.diag(W_d.new_full((W_d.shape[1],), alpha**0.5))])


def dual_by_columns(A):
    inverse = torch.linalg.inv(A @ A.T)
    return torch.stack([inverse @ a / (a @ inverse @ a) for a in A.T], dim=1)


RIGHT = {  # other ways to write it
    "lista_step": lambda z, y, W_e, S, theta:
        F.relu((W_e @ y.T + S @ z.T).T - theta) - F.relu(-(W_e @ y.T + S @ z.T).T - theta),
    "lista_matrices": lambda W: (W.mT / curvature(W), torch.eye(W.shape[1]) - (W / curvature(W)).T @ W),
    "with_encoder_term": stacked_by_hand,
    "nmse_db": lambda z, x: 20 * (torch.linalg.matrix_norm(z - x) / torch.linalg.matrix_norm(x)).log10(),
    "dual_dictionary": dual_by_columns,
    "lfista_step": lambda z, z_prev, y, W_e, S, theta, beta:
        (v := y @ W_e.T + (1 + beta) * z @ S.T - beta * z_prev @ S.T) - v.clamp(-theta, theta),
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
]


def raises(*arguments):
    raise ValueError("bad day")


def changes_its_input(*arguments):
    arguments[0].zero_()
    return arguments[0]


@pytest.mark.parametrize("name", RIGHT)
def test_right_answers_are_right(name):
    for answer in (EXERCISES[name].reference, RIGHT[name]):
        right, sentence = verdict(answer, name)
        assert right, sentence


@pytest.mark.parametrize("name, answer, word", WRONG)
def test_wrong_answers_are_named(name, answer, word):
    right, sentence = verdict(answer, name)
    assert not right and word in sentence, sentence


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("answer, word", [
    (lambda *a: None, "return"), (lambda *a: torch.zeros(2, 3, 4), "shape"), (raises, "bad day"),
    (changes_its_input, "in place")])
def test_answers_of_another_kind_are_told_so(name, answer, word):
    right, sentence = verdict(answer, name)
    assert not right
    assert word in sentence or "2 are asked for" in sentence, sentence


def test_every_exercise_of_the_page_is_tried_here():
    names = {name for name, answer, word in WRONG}
    assert names == set(RIGHT)
    assert all(sum(name == other for other, _, _ in WRONG) >= 3 for name in names)
