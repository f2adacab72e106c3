"""Right and wrong answers to the exercises of notebook 08, for the rules of test_exercises.py; and what is its own."""

import torch
from torch.nn.functional import conv2d, conv_transpose2d, pad, softshrink, unfold

from utils.energies import shrinkage
from utils.exercises.convolutional_sparse_coding import analyze, channel_shrinkage, synthesize


def synthesize_by_transpose(z, K):
    return conv_transpose2d(z, K, padding=K.shape[-1] // 2)


def analyze_by_windows(y, K):
    s = K.shape[-1]
    windows = unfold(y, s, padding=s // 2)                             # (B, c s s, H W)
    return (K.reshape(len(K), -1) @ windows).view(len(y), len(K), *y.shape[2:])


def synthesize_by_stamps(z, K):
    """One shifted copy of the maps for each pixel of the kernel."""
    s, (H, W) = K.shape[-1], z.shape[2:]
    wide = pad(z, (s // 2,) * 4)
    return sum(torch.einsum("bmhw,mc->bchw", wide[..., i:i + H, j:j + W], K[..., s - 1 - i, s - 1 - j])
               for i in range(s) for j in range(s))


def analyze_by_gradient(y, K):
    """The adjoint is the gradient of ⟨A z, y⟩ in z."""
    z = y.new_zeros(len(y), len(K), *y.shape[2:]).requires_grad_()
    return torch.autograd.grad((synthesize(z, K) * y).sum(), z, create_graph=True)[0]


def channel_shrinkage_by_map(v, theta):
    return torch.stack([v[:, i].sign() * (v[:, i].abs() - t).relu() for i, t in enumerate(theta)], dim=1)


def channel_shrinkage_by_clamp(v, theta):
    at = theta.view(1, -1, 1, 1)
    return v - torch.maximum(torch.minimum(v, at), -at)


def x_step_by_frequency(v, y_hat, K_hat, rho):
    """The dense (m, m) system of every frequency."""
    a = K_hat.conj().movedim(0, -1)[..., None].to(torch.complex128)
    b = (K_hat.conj() * y_hat + rho * torch.fft.rfft2(v)).movedim(0, -1)[..., None].to(torch.complex128)
    eye = torch.eye(len(v), dtype=torch.complex128, device=v.device)
    x = torch.linalg.solve(rho * eye + a @ a.mH, b)[..., 0].movedim(-1, 0)
    return torch.fft.irfft2(x, s=v.shape[1:]).to(v.dtype)


RIGHT = {"synthesize": [synthesize_by_transpose, synthesize_by_stamps],
         "analyze": [analyze_by_windows, analyze_by_gradient],
         "channel_shrinkage": [channel_shrinkage_by_map, channel_shrinkage_by_clamp],
         "x_step": [x_step_by_frequency]}


def solved(v, y_hat, K_hat, rho, back=torch.conj, inside=1.0, front=True, weight=None, data=1.0, reduce=torch.sum,
           right=None, forward=lambda K_hat: K_hat, power=lambda K_hat: (K_hat.abs() ** 2).sum(0), sign=-1):
    """x_step as a student writes it, with one thing wrong."""
    b = data * (right or back)(K_hat) * y_hat + (rho if weight is None else weight) * torch.fft.rfft2(v)
    x = b + sign * back(K_hat) * reduce(forward(K_hat) * b, 0) / (inside * rho + power(K_hat))
    return torch.fft.irfft2(x / rho if front else x, s=v.shape[1:])


def in_place(v, theta):
    v -= v.clamp(-theta[:, None, None], theta[:, None, None])
    return v


# (exercise, what a student might write, a word that the message must hold)
WRONG = [
    ("synthesize", lambda z, K: conv2d(z, K.transpose(0, 1), padding=4), "the line as it was"),
    ("synthesize", lambda z, K: conv2d(z, K.flip(2, 3).transpose(0, 1), padding=4), "half of a kernel of 9×9 only"),
    ("synthesize", lambda z, K: synthesize(z, K)[0], "shape"),
    ("analyze", lambda y, K: conv2d(y, K, padding=4), "half of a kernel of 9×9 only"),
    ("analyze", lambda y, K: analyze(y, K.detach()), "no gradient"),
    ("analyze", lambda y, K: analyze(y, K).mT, "shape"),
    ("channel_shrinkage", lambda v, theta: v.sign() * (v.abs() - theta[:, None, None]), "to the other side"),
    ("channel_shrinkage", lambda v, theta: torch.stack([softshrink(v[:, i], t.item()) for i, t in enumerate(theta)], 1),
     "no gradient reaches theta"),
    ("channel_shrinkage", lambda v, theta: channel_shrinkage(v, theta).sum(1), "shape"),
    ("channel_shrinkage", in_place, "in place"),
    ("x_step", lambda *a: solved(*a, forward=torch.conj), "one too many"),
    ("x_step", lambda *a: solved(*a, right=lambda K_hat: K_hat), "missing in b"),
    ("x_step", lambda *a: solved(*a, power=lambda K_hat: K_hat.abs() ** 2), "not summed"),
    ("x_step", lambda *a: solved(*a, power=lambda K_hat: (K_hat * K_hat).sum(0)), "not of K̂²"),
    ("x_step", lambda *a: solved(*a, sign=1), "turned round"),
    ("x_step", lambda *a: solved(*a)[None], "one dimension too many"),
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


def test_the_references_are_adjoint():
    torch.manual_seed(8)
    z, K, y = torch.randn(2, 3, 11, 12), torch.randn(3, 2, 5, 5), torch.randn(2, 2, 11, 12)
    left, right = (synthesize(z, K) * y).sum(), (z * analyze(y, K)).sum()
    assert (left - right).abs() < 1e-5 * left.abs().clamp(min=1)
