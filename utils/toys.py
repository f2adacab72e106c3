"""Data in the plane, where an energy can be seen whole: curves with a known density, ellipses that depend on x."""

import math
from collections.abc import Callable
from dataclasses import dataclass

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


def moons_curve(t):
    """Two half circles of radius 1.2 that reach into each other; t < ½ on the upper one.   t: (B,) -> (B, 2)."""
    upper, angle = t < 0.5, 2 * math.pi * torch.where(t < 0.5, t, t - 0.5)
    y1 = torch.where(upper, angle.cos() - 0.5, 0.5 - angle.cos())
    y2 = torch.where(upper, angle.sin() - 0.25, 0.25 - angle.sin())
    return 1.2 * torch.stack([y1, y2], 1)


def gap_curve(t):
    """A ring of radius 1.3 without the 60° around the first axis.   t: (B,) in [0, 1] -> (B, 2)."""
    angle = math.pi / 6 + t * 5 * math.pi / 3
    return 1.3 * torch.stack([angle.cos(), angle.sin()], 1)


@dataclass(frozen=True)
class Curve:
    """Data along a curve, with their density: y = at(t) + noise · ε, t uniform in [0, 1], ε ~ N(0, I).

    at: (B,) -> (B, 2). noise: σ in each direction.
    """

    at: Callable
    noise: float = 0.08

    def points(self, count=1000):
        """Even steps along the curve: t (count,), the midpoints of as many pieces, and at(t) (count, 2)."""
        t = (torch.arange(count, device=device()) + 0.5) / count
        return t, self.at(t)

    def sample(self, count=2000, generator=None):
        """(count, 2) data on the course's device. generator: torch.Generator (CPU) or None."""
        t = torch.rand(count, generator=generator, device="cpu")
        y = self.at(t) + self.noise * torch.randn(count, 2, generator=generator, device="cpu")
        return y.to(device())

    def energy(self, y):
        """−log p(y) = −log ∫₀¹ N(y; at(t), noise² I) dt by the midpoint rule, in nats.   y: (B, 2) -> (B,)."""
        _, path = self.points()
        inside = torch.cat([torch.logsumexp(-torch.cdist(part, path).square() / (2 * self.noise**2), 1)
                            for part in y.split(4000)])
        return math.log(2 * math.pi * self.noise**2 * len(path)) - inside

    def nearest(self, y):
        """How far y lies from the curve without noise, and at which t that is.   y: (B, 2) -> (B,), (B,)."""
        t, path = self.points()
        found = [torch.cdist(part, path).min(1) for part in y.split(4000)]
        return torch.cat([f.values for f in found]), t[torch.cat([f.indices for f in found])]

    def beside(self, count, distance):
        """At most `count` points at exactly this distance from the curve, on either side: (M, 2).

        A step along the normal of a random place on the curve; points that come nearer to another piece are left out.
        """
        t = torch.rand(count, device=device(), requires_grad=True)
        y = self.at(t)
        slope1, slope2 = (torch.autograd.grad(part.sum(), t, retain_graph=True)[0] for part in y.unbind(1))
        normal = torch.nn.functional.normalize(torch.stack([-slope2, slope1], 1), dim=1)
        y = y.detach() + distance * torch.where(torch.rand_like(t) < 0.5, -1, 1)[:, None] * normal
        return y[self.nearest(y)[0] > 0.99 * distance]


CURVES = {"spiral": Curve(spiral_curve), "two moons": Curve(moons_curve), "ring with a gap": Curve(gap_curve)}
