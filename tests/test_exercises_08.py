"""The checks of notebook 08: right answers in other words pass, each typical mistake is named."""

import pytest
import torch
from torch.nn.functional import conv2d, conv_transpose2d, softshrink, unfold

from utils.energies import shrinkage
from utils.exercises.convolutional_sparse_coding import analyze, channel_shrinkage, synthesize, x_step
from utils.exercises.harness import EXERCISES, verdict

NAMES = ["synthesize", "analyze", "channel_shrinkage", "x_step"]


def synthesize_by_transpose(z, K):
    return conv_transpose2d(z, K, padding=K.shape[-1] // 2)


def analyze_by_windows(y, K):
    s = K.shape[-1]
    windows = unfold(y, s, padding=s // 2)                             # (B, c s s, H W)
    return (K.reshape(len(K), -1) @ windows).view(len(y), len(K), *y.shape[2:])


def channel_shrinkage_by_map(v, theta):
    return torch.stack([softshrink(v[:, i], t.item()) for i, t in enumerate(theta)], dim=1)


def x_step_by_matrices(v, y_hat, K_hat, rho):
    """Every column of A by brute force, then a dense solve."""
    size = v.shape[1:]
    units = torch.eye(v.numel(), dtype=torch.float64)
    A = torch.stack([torch.fft.irfft2((K_hat * torch.fft.rfft2(unit.view_as(v))).sum(0), s=size).flatten()
                     for unit in units], dim=1)
    right = A.T @ torch.fft.irfft2(y_hat, s=size).double().flatten() + rho * v.double().flatten()
    return torch.linalg.solve(A.T @ A + rho * units, right).view_as(v).to(v.dtype)


RIGHT = {"synthesize": synthesize_by_transpose, "analyze": analyze_by_windows,
         "channel_shrinkage": channel_shrinkage_by_map, "x_step": x_step_by_matrices}


def solved(v, y_hat, K_hat, rho, back=torch.conj, inside=1.0, front=True, weight=None, data=1.0, reduce=torch.sum):
    """x_step as a student writes it, with one thing wrong."""
    b = data * back(K_hat) * y_hat + (rho if weight is None else weight) * torch.fft.rfft2(v)
    x = b - back(K_hat) * reduce(K_hat * b, 0) / (inside * rho + (K_hat.abs() ** 2).sum(0))
    return torch.fft.irfft2(x / rho if front else x, s=v.shape[1:])


# (exercise, what a student might write, a word that the message must hold)
WRONG = [
    ("synthesize", lambda z, K: conv2d(z, K.transpose(0, 1), padding=K.shape[-1] // 2), "correlation"),
    ("synthesize", lambda z, K: conv2d(z, K.flip(2).transpose(0, 1), padding=K.shape[-1] // 2), "upside down only"),
    ("synthesize", lambda z, K: conv2d(z, K.flip(3).transpose(0, 1), padding=K.shape[-1] // 2), "left to right only"),
    ("synthesize", lambda z, K: conv_transpose2d(z, K, padding=K.shape[-1] // 2) / len(K), "mean"),
    ("synthesize", lambda z, K: conv_transpose2d(z, K), "full convolution"),
    ("synthesize", lambda z, K: conv_transpose2d(z, K, padding=K.shape[-1] - 1), "whole kernel"),
    ("synthesize", lambda z, K: conv2d(torch.nn.functional.pad(z, (K.shape[-1] // 2,) * 4, mode="circular"),
                                       K.flip(2, 3).transpose(0, 1)), "wrap round"),
    ("analyze", lambda y, K: conv2d(y, K.flip(2, 3), padding=K.shape[-1] // 2), "once more"),
    ("analyze", lambda y, K: analyze(y, K) / K.flatten(1).square().sum(1)[:, None, None], "no inverse"),
    ("analyze", lambda y, K: conv2d(-y, K, padding=K.shape[-1] // 2), "sign"),
    ("analyze", lambda y, K: conv2d(y, K), "whole kernel"),
    ("analyze", lambda y, K: analyze(y, K.sum(0, keepdim=True)).repeat(1, len(K), 1, 1), "each kernel has its own"),
    ("channel_shrinkage", lambda v, theta: shrinkage(v, theta), "columns"),
    ("channel_shrinkage", lambda v, theta: shrinkage(v, theta[None, None, :, None]), "rows"),
    ("channel_shrinkage", lambda v, theta: softshrink(v, theta.mean().item()), "same threshold"),
    ("channel_shrinkage", lambda v, theta: torch.where(v.abs() > theta[:, None, None], v, 0.0), "hard thresholding"),
    ("channel_shrinkage", lambda v, theta: (v - theta[:, None, None]).clamp(min=0), "negative values are lost"),
    ("channel_shrinkage", lambda v, theta: v - channel_shrinkage(v, theta), "clips"),
    ("x_step", lambda *a: solved(*a, back=lambda K_hat: K_hat), "conjugate"),
    ("x_step", lambda *a: solved(*a, inside=0.0), "denominator lacks"),
    ("x_step", lambda *a: solved(*a, front=False), "in front"),
    ("x_step", lambda *a: solved(*a, weight=1.0), "not weighted"),
    ("x_step", lambda *a: solved(*a, data=0.0), "data are forgotten"),
    ("x_step", lambda *a: solved(*a, reduce=torch.mean), "became a mean"),
]


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(8)


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
def test_every_registered_mistake_is_tried_here(name):
    assert sum(n == name for n, _, _ in WRONG) == len(EXERCISES[name].mistakes) >= 3
    for message, mistake in EXERCISES[name].mistakes.items():
        assert verdict(mistake, name) == (False, message)


def test_the_references_are_adjoint():
    z, K, y = torch.randn(2, 3, 11, 12), torch.randn(3, 2, 5, 5), torch.randn(2, 2, 11, 12)
    left, right = (synthesize(z, K) * y).sum(), (z * analyze(y, K)).sum()
    assert (left - right).abs() < 1e-5 * left.abs().clamp(min=1)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("answer, word", [
    (lambda *args: None, "return"), (lambda *args: 1 / 0, "ZeroDivisionError"), (None, "no function"),
])
def test_what_is_no_answer_is_refused(name, answer, word):
    right, sentence = verdict(answer, name)
    assert not right and word in sentence, sentence


def test_a_wrong_shape_is_named():
    for name, answer in (("synthesize", lambda z, K: synthesize(z, K)[0]), ("analyze", lambda y, K: analyze(y, K).mT),
                         ("channel_shrinkage", lambda v, theta: channel_shrinkage(v, theta).sum(1)),
                         ("x_step", lambda *a: x_step(*a)[None])):
        right, sentence = verdict(answer, name)
        assert not right and "shape" in sentence, sentence


def test_a_change_of_the_input_is_named():
    def in_place(v, theta):
        v -= v.clamp(-theta[:, None, None], theta[:, None, None])
        return v

    assert "in place" in verdict(in_place, "channel_shrinkage")[1]


def test_a_hole_is_no_mistake():
    def analyze(y, K):
        raise NotImplementedError("return the correlation")

    assert "not filled in yet. return the correlation" in verdict(analyze)[1]
