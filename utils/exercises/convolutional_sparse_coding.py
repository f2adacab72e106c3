"""Checks of the exercises in notebook 08."""

import torch
from torch.nn.functional import conv2d, pad

from utils.energies import shrinkage
from utils.exercises.harness import Exercise


def synthesize(z, K):
    """Y = sum_i K_i * z_i, zeros outside.   z: (B, m, H, W), K: (m, c, s, s), s odd -> (B, c, H, W)."""
    return conv2d(z, K.flip(2, 3).transpose(0, 1), padding=K.shape[-1] // 2)


def analyze(y, K):
    """The adjoint: each kernel laid on every place of y.   y: (B, c, H, W), K: (m, c, s, s) -> (B, m, H, W)."""
    return conv2d(y, K, padding=K.shape[-1] // 2)


def channel_shrinkage(v, theta):
    """Shrink map i by theta_i.   v: (B, m, H, W), theta: (m,) -> (B, m, H, W)."""
    return shrinkage(v, theta[:, None, None])


def x_step(v, y_hat, K_hat, rho):
    """argmin_x 1/2|y - sum_i K_i * x_i|^2 + rho/2|x - v|^2, wrapping round, from the spectra of y and K.

    v: (m, H, W), y_hat: (H, W/2 + 1), K_hat: (m, H, W/2 + 1) -> (m, H, W).
    """
    return _x_step(v, y_hat, K_hat, rho)


def _plain_sum(x):
    return x.sum(0)


def _x_step(v, y_hat, K_hat, rho, conjugate=True, right=None, forward=None, inside=1.0, outside=1.0, data=1.0,
            prior=1.0, sign=-1.0, reduce=_plain_sum, power=lambda K_hat: K_hat.abs().square().sum(0)):
    """x_step with the places where people go wrong as arguments."""
    back = K_hat.conj() if conjugate else K_hat
    b = data * (back if right is None else right(K_hat)) * y_hat + prior * rho * torch.fft.rfft2(v)
    together = reduce((K_hat if forward is None else forward(K_hat)) * b)
    x_hat = b + sign * back * together / (inside * rho + power(K_hat))
    return torch.fft.irfft2(x_hat * outside / rho, s=v.shape[1:])


def _maps(B=2, m=3, c=1, s=5, H=8, W=9):
    return torch.randn(B, m, H, W), torch.randn(m, c, s, s)


def _image(B=2, m=3, c=1, s=5, H=8, W=9):
    return torch.randn(B, c, H, W), torch.randn(m, c, s, s)


def _one_picture(rho, m=4, s=5, H=8, W=10):
    y, K = torch.randn(H, W), torch.randn(m, s, s)
    return torch.randn(m, H, W), torch.fft.rfft2(y), torch.fft.rfft2(K, s=(H, W)), rho


def _adjoint(answer):
    z, K = _maps(c=2)
    y = torch.randn(2, 2, 8, 9)
    left, right = (synthesize(z, K) * y).sum(), (z * answer(y, K)).sum()
    return bool((left - right).abs() < 1e-4 * z.norm() * y.norm() * K.norm())


def _double(tensors):
    """As in the page's first claim, which is measured in double precision."""
    return tuple(t.double() for t in tensors)


def _flipped(z, K, *dims):
    return conv2d(z, K.flip(*dims).transpose(0, 1) if dims else K.transpose(0, 1), padding=K.shape[-1] // 2)


Exercise(
    "synthesize", synthesize,
    gradient=False,
    cases=lambda: [_maps(), _maps(1, 2, 3, 3, 6, 6), _maps(1, 1, 1, 9, 7, 12), _double(_maps(2, 2, 2, 9))],
    mistakes={
        "this is the line as it was: the kernel is not turned round, and padding=4 is half of a kernel of 9×9 only":
            lambda z, K: conv2d(z, K.transpose(0, 1), padding=4),
        "this is a correlation: conv2d lays the kernel down unflipped. Turn it round in both directions first":
            lambda z, K: _flipped(z, K),
        "turned round, but padding=4 is half of a kernel of 9×9 only: take K.shape[-1] // 2":
            lambda z, K: conv2d(z, K.flip(2, 3).transpose(0, 1), padding=4),
        "the kernel is flipped upside down only: flip the last two dimensions": lambda z, K: _flipped(z, K, 2),
        "the kernel is flipped left to right only: flip the last two dimensions": lambda z, K: _flipped(z, K, 3),
        "each map takes part with the mean, not the sum: divide by nothing": lambda z, K: synthesize(z, K) / z.shape[1],
        "this is the full convolution, larger than the maps: cut off half a kernel on each side":
            lambda z, K: conv2d(z, K.flip(2, 3).transpose(0, 1), padding=K.shape[-1] - 1),
        "only places that a whole kernel fits into are left: pad with half a kernel":
            lambda z, K: conv2d(z, K.flip(2, 3).transpose(0, 1)),
        "the maps wrap round at the edges: outside the picture they are 0":
            lambda z, K: conv2d(pad(z, (K.shape[-1] // 2,) * 4, mode="circular"), K.flip(2, 3).transpose(0, 1)),
    },
)

Exercise(
    "analyze", analyze,
    gradient=("K",),  # the encoder's filters are learned through it; pictures never are
    cases=lambda: [_image(), _image(1, 2, 3, 3, 6, 6), _image(1, 1, 1, 9, 7, 12), _double(_image(2, 2, 2, 9))],
    mistakes={
        "this convolves once more: the adjoint turns the kernel back, so it is a correlation, without a flip":
            lambda y, K: conv2d(y, K.flip(2, 3), padding=K.shape[-1] // 2),
        "the result is scaled by ‖K‖²: the adjoint is no inverse, divide by nothing":
            lambda y, K: analyze(y, K) / K.square().sum((1, 2, 3))[:, None, None],
        "padding=4 is half of a kernel of 9×9 only: take K.shape[-1] // 2": lambda y, K: conv2d(y, K, padding=4),
        "the sign is turned round: this is the adjoint of −A": lambda y, K: -analyze(y, K),
        "only places that a whole kernel fits into are left: pad with half a kernel": lambda y, K: conv2d(y, K),
        "⟨A z, y⟩ = ⟨z, Aᵀy⟩ is the test; yours sums the maps into one: each kernel has its own":
            lambda y, K: analyze(y, K).sum(1, keepdim=True).expand(-1, len(K), -1, -1),
    },
    properties={"⟨A z, y⟩ is not ⟨z, Aᵀy⟩": _adjoint},
)

Exercise(
    "channel_shrinkage", channel_shrinkage,
    cases=lambda: [(2 * torch.randn(2, 5, 5, 5), torch.rand(5)),
                   (torch.randn(1, 3, 4, 6), torch.tensor([0.05, 0.4, 1.0])),
                   (torch.randn(1, 2, 3, 4), torch.tensor([0.3]).repeat(2))],
    mistakes={
        "θ was matched with the columns: broadcasting starts at the last dimension, so write theta[:, None, None]":
            lambda v, theta: shrinkage(v, theta[None, None, None]),
        "θ was matched with the rows: the maps are dimension 1": lambda v, theta: shrinkage(v, theta[:, None]),
        "all maps got the same threshold: each has its own": lambda v, theta: shrinkage(v, theta.mean()),
        "this is hard thresholding: what survives must be pulled towards 0 as well":
            lambda v, theta: v * (v.abs() > theta[:, None, None]),
        "what is smaller than θ must become 0: yours goes through to the other side":
            lambda v, theta: v.sign() * (v.abs() - theta[:, None, None]),
        "negative values are lost: a map may be negative": lambda v, theta: (v - theta[:, None, None]).relu(),
        "this clips: it keeps what shrinkage takes away": lambda v, theta: v.clamp(-theta[:, None, None],
                                                                                  theta[:, None, None]),
    },
)

Exercise(
    "x_step", x_step,
    gradient=False, atol=1e-4,  # b is large where a aᴴ is, and nearly cancels: single precision leaves 1e-5
    cases=lambda: [_one_picture(0.5), _one_picture(2.0, 2, 3, 6, 6), _one_picture(0.1, 1, 5, 9, 7),
                   _one_picture(0.3, 32, 11, 16, 16)],
    mistakes={
        "the conjugate is missing: Aᵀ multiplies by conj(K̂), A by K̂":
            lambda v, y, K, rho: _x_step(v, y, K, rho, conjugate=False),
        "the denominator lacks ρ: the inverse of ρI + a aᴴ is (I − a aᴴ / (ρ + aᴴa)) / ρ":
            lambda v, y, K, rho: _x_step(v, y, K, rho, inside=0.0),
        "the 1/ρ in front is missing": lambda v, y, K, rho: _x_step(v, y, K, rho, outside=rho),
        "v is not weighted by ρ: the right side is conj(K̂) ŷ + ρ v̂":
            lambda v, y, K, rho: _x_step(v, y, K, rho, prior=1 / rho),
        "the data are forgotten: the right side is conj(K̂) ŷ + ρ v̂":
            lambda v, y, K, rho: _x_step(v, y, K, rho, data=0.0),
        "the sum over kernels became a mean":
            lambda v, y, K, rho: _x_step(v, y, K, rho, reduce=lambda x: x.mean(0)),
        "in aᴴb the conjugate is one too many: a = conj(K̂), so aᴴb is the sum of K̂ b":
            lambda v, y, K, rho: _x_step(v, y, K, rho, forward=torch.conj),
        "the conjugate is missing in b: Aᵀ multiplies ŷ by conj(K̂)":
            lambda v, y, K, rho: _x_step(v, y, K, rho, right=lambda K_hat: K_hat),
        "aᴴa is not summed over the kernels": lambda v, y, K, rho:
            _x_step(v, y, K, rho, power=lambda K_hat: K_hat.abs().square()),
        "aᴴa is the sum of |K̂|², not of K̂²: take the absolute value first":
            lambda v, y, K, rho: _x_step(v, y, K, rho, power=lambda K_hat: K_hat.square().sum(0)),
        "the sign inside the inverse is turned round: I − a aᴴ / (ρ + aᴴa)":
            lambda v, y, K, rho: _x_step(v, y, K, rho, sign=1.0),
    },
)
