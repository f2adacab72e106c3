"""The checks of notebook 07: right answers in other words pass, each typical mistake is named."""

import pytest
import torch

from utils.exercises.harness import EXERCISES, verdict
from utils.exercises.sparse_coding import dictionary_gradient, keep_largest, learning_step, undo_scale

NAMES = ["dictionary_gradient", "normalize_columns", "learning_step", "undo_scale", "keep_largest"]


def gradient_by_autograd(y, z, W_d):
    W_d = W_d.clone().requires_grad_()
    gradient, = torch.autograd.grad(0.5 * (y - z @ W_d.T).square().sum(1).mean(), W_d)
    return gradient


def normalize_by_loop(W_d):
    return torch.stack([column / max(column.dot(column).sqrt().item(), 1e-12) for column in W_d.T], dim=1)


def step_by_autograd(W_d, y, z, rate):
    moved = W_d - rate * gradient_by_autograd(y, z, W_d)
    return moved / moved.square().sum(0, keepdim=True).sqrt()


def undo_by_diagonal(W_d, z):
    length = torch.linalg.vector_norm(W_d, dim=0)
    return W_d @ torch.diag(1 / length), z @ torch.diag(length)


def keep_by_sorting(z, k):
    rank = z.abs().argsort(dim=1, descending=True).argsort(dim=1)
    return torch.where(rank < k, z, torch.zeros_like(z))


RIGHT = {"dictionary_gradient": gradient_by_autograd, "normalize_columns": normalize_by_loop,
         "learning_step": step_by_autograd, "undo_scale": undo_by_diagonal, "keep_largest": keep_by_sorting}


def unit(x, dim):
    return x / x.norm(dim=dim, keepdim=True).clamp(min=1e-12)


def grad(y, z, W):
    return -(y - z @ W.T).T @ z / len(y)


WRONG = [
    ("dictionary_gradient", lambda y, z, W: (y - z @ W.T).T @ z / len(y), "other sign"),
    ("dictionary_gradient", lambda y, z, W: -(y - z @ W.T).T @ z, "sum over the batch"),
    ("dictionary_gradient", lambda y, z, W: -2 * (y - z @ W.T).T @ z / len(y), "factor 2"),
    ("dictionary_gradient", lambda y, z, W: -(y - z @ W.T).T @ z / y.numel(), "over the pixels"),
    ("dictionary_gradient", lambda y, z, W: -(y.T @ z) / len(y), "explained nothing"),
    ("dictionary_gradient", lambda y, z, W: -z.T @ (y - z @ W.T) / len(y), "transposed"),
    ("dictionary_gradient", lambda y, z, W: -(y - z @ W.T) @ W, "gradient in z"),
    ("normalize_columns", lambda W: unit(W, 1), "these are the rows"),
    ("normalize_columns", lambda W: W / W.square().sum().sqrt(), "whole matrix"),
    ("normalize_columns", lambda W: W / (W * W).sum(0), "square root"),
    ("normalize_columns", lambda W: W / W.abs().sum(0, keepdim=True), "absolute values"),
    ("normalize_columns", lambda W: W / W.abs().max(0).values, "largest entry"),
    ("normalize_columns", lambda W: W / torch.maximum(W.norm(dim=0), torch.tensor(1.0)), "scikit-learn's rule"),
    ("normalize_columns", lambda W: W.clone(), "nothing is changed"),
    ("learning_step", lambda W, y, z, r: unit(W - r * grad(y, unit(z, 1), W), 0), "as the notes say"),
    ("learning_step", lambda W, y, z, r: unit(W - r * grad(y, unit(z, 0), W), 0), "over the batch"),
    ("learning_step", lambda W, y, z, r: W - r * grad(y, z, W), "not normalized after"),
    ("learning_step", lambda W, y, z, r: unit(W + r * grad(y, z, W), 0), "climbs"),
    ("learning_step", lambda W, y, z, r: W - r * unit(grad(y, z, W), 0), "the gradient is normalized"),
    ("learning_step", lambda W, y, z, r: unit(W - r * len(y) * grad(y, z, W), 0), "summed over the batch"),
    ("learning_step", lambda W, y, z, r: unit(W - r * grad(y, z, W), 1), "rows of W"),
    ("undo_scale", lambda W, z: (unit(W, 0), z / W.norm(dim=0)), "must gain"),
    ("undo_scale", lambda W, z: (unit(W, 0), z.clone()), "another picture"),
    ("undo_scale", lambda W, z: (unit(W, 0), unit(z, 1)), "z is normalized"),
    ("undo_scale", lambda W, z: (unit(W, 0), z * W.norm(dim=0).mean()), "one number"),
    ("undo_scale", lambda W, z: (W.clone(), z * W.norm(dim=0)), "as long as before"),
    ("keep_largest", lambda z, k: z * (z >= (z.sort(dim=1, descending=True).values[:, k - 1:k] if k else torch.inf)),
     "largest in size"),
    ("keep_largest", lambda z, k: z * (z.abs().argsort(dim=1).argsort(dim=1) < k), "the smallest"),
    ("keep_largest", lambda z, k: z - keep_by_sorting(z, k), "taken away"),
    ("keep_largest", lambda z, k: keep_by_sorting(z.reshape(1, -1), k).reshape(z.shape), "whole batch"),
    ("keep_largest", lambda z, k: torch.cat([z[:, :k], 0 * z[:, k:]], 1), "first k"),
    ("keep_largest", lambda z, k: keep_by_sorting(z.abs(), k), "signs are lost"),
]


@pytest.mark.parametrize("name", NAMES)
def test_right_answers_pass(name):
    for answer in (EXERCISES[name].reference, RIGHT[name]):
        right, sentence = verdict(answer, name)
        assert right, sentence


@pytest.mark.parametrize("name, answer, word", WRONG, ids=[f"{n}-{w}" for n, _, w in WRONG])
def test_typical_mistakes_are_named(name, answer, word):
    right, sentence = verdict(answer, name)
    assert not right and word in sentence, sentence


@pytest.mark.parametrize("name", NAMES)
def test_every_registered_mistake_is_named(name):
    assert len(EXERCISES[name].mistakes) >= 3
    for message, mistake in EXERCISES[name].mistakes.items():
        assert verdict(mistake, name) == (False, message)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("answer, word", [
    (lambda *args: None, "return"), (lambda *args: 1 / 0, "ZeroDivisionError"), (None, "no function"),
])
def test_what_is_no_answer_is_refused(name, answer, word):
    right, sentence = verdict(answer, name)
    assert not right and word in sentence, sentence


def test_a_wrong_shape_is_named():
    for name, answer in (("dictionary_gradient", lambda y, z, W: dictionary_gradient(y, z, W)[None]),
                         ("learning_step", lambda *args: learning_step(*args)[0]),
                         ("keep_largest", lambda z, k: keep_largest(z, k)[:, :1])):
        right, sentence = verdict(answer, name)
        assert not right and "shape" in sentence, sentence
    right, sentence = verdict(lambda W, z: undo_scale(W, z)[0], "undo_scale")
    assert not right and "2 are asked for" in sentence


def test_a_change_of_the_input_is_named():
    def in_place(W_d):
        W_d /= W_d.norm(dim=0)
        return W_d
    right, sentence = verdict(in_place, "normalize_columns")
    assert not right and "in place" in sentence


def test_a_dead_atom_must_not_become_nan():
    right, sentence = verdict(lambda W: W / W.norm(dim=0), "normalize_columns")
    assert not right and "nan" in sentence
