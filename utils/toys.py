"""Data in the plane, where an energy can be seen whole: a spiral with a known density, ellipses that depend on x."""

import math

import torch

from utils.runtime import device

SPIRAL_TURNS = 1.6  # how often the spiral goes round


def spiral_curve(t):
    """The spiral without noise: radius 0.35 + 1.15 t, angle π/2 + 3.2 π t.   t: (B,) in [0, 1] -> (B, 2)."""
    radius, angle = 0.35 + 1.15 * t, math.pi / 2 + 2 * math.pi * SPIRAL_TURNS * t
    return torch.stack([radius * angle.cos(), radius * angle.sin()], 1)


def spiral(count=2000, noise=0.08, generator=None):
    """Points on a spiral with Gaussian noise: y = spiral_curve(t) + noise · ε, t uniform in [0, 1].

    count: B. noise: standard deviation in each direction. generator: torch.Generator (CPU) or None.
    Returns (B, 2) float32 on the course's device. Its density is known: see spiral_energy.
    """
    t = torch.rand(count, generator=generator, device="cpu")
    y = spiral_curve(t) + noise * torch.randn(count, 2, generator=generator, device="cpu")
    return y.to(device())


def spiral_energy(y, noise=0.08, points=2001):
    """The spiral's own energy, −log p(y) = −log ∫₀¹ N(y; spiral_curve(t), noise² I) dt, by the trapezoidal rule.

    y: (B, 2) -> (B,), in nats. points: nodes of the rule; their distance on the curve must stay below the noise.
    """
    curve = spiral_curve(torch.linspace(0, 1, points, device=y.device, dtype=y.dtype))
    weight = torch.full((points,), -math.log(points - 1), device=y.device, dtype=y.dtype)
    weight[[0, -1]] -= math.log(2)
    inside = torch.cat([torch.logsumexp(weight - (part[:, None] - curve).square().sum(-1) / (2 * noise**2), 1)
                        for part in y.split(2000)])
    return math.log(2 * math.pi * noise**2) - inside


def ellipse_axes(x):
    """The half-axes of the ellipse that belongs to x: (1.2 + 0.6 x, 1.3 − 0.4 x − 0.2 x²).   x: (B, 1) -> (B, 2)."""
    return torch.cat([1.2 + 0.6 * x, 1.3 - 0.4 * x - 0.2 * x**2], 1)


def ellipse(count=2000, noise=0.05, x=None, generator=None):
    """One input, many right answers: y = (w₁(x) cos θ, w₂(x) sin θ) + noise · ε, with θ uniform on the circle.

    x: a number to draw from that ellipse alone, or None for x uniform in [−1, 1]. At x = −1 the ellipse stands
    upright, near 0.1 it is a circle, at 1 it lies. generator: torch.Generator (CPU) or None.
    Returns x (B, 1) and y (B, 2), float32 on the course's device; w is ellipse_axes.
    After the ellipse example of NYU Deep Learning, spring 2021 (Canziani and LeCun).
    """
    if x is None:
        x = 2 * torch.rand(count, 1, generator=generator, device="cpu") - 1
    else:
        x = torch.full((count, 1), float(x), device="cpu")
    angle = 2 * math.pi * torch.rand(count, 1, generator=generator, device="cpu")
    y = ellipse_axes(x) * torch.cat([angle.cos(), angle.sin()], 1)
    y = y + noise * torch.randn(count, 2, generator=generator, device="cpu")
    return x.to(device()), y.to(device())
