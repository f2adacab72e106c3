"""Data along curves in the plane: their densities, distances and points beside them, against what is known."""

import math

import pytest
import torch

from utils import toys
from utils.measures.surface import box

NAMES = list(toys.CURVES)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", NAMES)
def test_the_density_integrates_to_1(name):
    grid = box(3.0, 241)
    mass = (-toys.CURVES[name].energy(grid)).exp().sum() * (6 / 240) ** 2
    assert mass.item() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_the_density_is_that_of_the_samples(name):
    """The mean energy of samples is the entropy of the density, here by quadrature."""
    curve, grid = toys.CURVES[name], box(3.0, 241)
    energy = curve.energy(grid)
    entropy = (energy * (-energy).exp()).sum() * (6 / 240) ** 2
    mean = curve.energy(curve.sample(20_000, generator()).cpu()).mean()
    assert mean.item() == pytest.approx(entropy.item(), abs=0.03)


def test_the_spiral_is_the_one_of_the_other_pages():
    y = toys.spiral(500, generator=generator(3))
    assert torch.equal(y, toys.CURVES["spiral"].sample(500, generator(3)))
    assert torch.allclose(toys.spiral_energy(y), toys.CURVES["spiral"].energy(y), atol=0.02)


def test_a_straight_line_has_the_density_of_its_parts():
    """y₁ uniform on [0, 1] up to noise, y₂ normal: in the middle p = N(y₂; 0, σ²)."""
    line = toys.Curve(lambda t: torch.stack([t, 0 * t], 1), noise=0.05)
    y = torch.tensor([[0.5, 0.0], [0.5, 0.05], [0.0, 0.0]])
    height = 1 / (0.05 * math.sqrt(2 * math.pi))
    known = torch.tensor([height, height * math.exp(-0.5), height / 2])
    assert torch.allclose((-line.energy(y)).exp(), known, rtol=2e-3)


def test_the_nearest_place_on_a_ring_is_the_one_in_its_direction():
    distance, t = toys.CURVES["ring with a gap"].nearest(torch.tensor([[-2.0, 0.0], [-0.5, 0.0], [0.0, 1.3]]))
    assert distance.tolist() == pytest.approx([0.7, 0.8, 0.0], abs=5e-3)
    assert t.tolist() == pytest.approx([0.5, 0.5, 0.2], abs=2e-3)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("distance", [0.1, 0.24])
def test_points_beside_the_curve_lie_at_that_distance_on_both_sides(name, distance):
    torch.manual_seed(0)
    y = toys.CURVES[name].beside(1000, distance)
    found, t = toys.CURVES[name].nearest(y)
    assert len(y) > 900 and not y.requires_grad and found.sub(distance).abs().max() < 0.01 * distance + 1e-3
    outside = y.norm(dim=1) > toys.CURVES[name].at(t).norm(dim=1)
    assert 0.3 < outside.double().mean() < 0.7


def test_points_too_near_to_another_piece_are_left_out():
    """Two lines 0.3 apart: what is stepped 0.2 towards the other lies 0.1 from it, so nothing is left between them."""
    def lines(t):
        half = t < 0.5
        return torch.stack([torch.where(half, 2 * t, 2 * t - 1), torch.where(half, 0 * t, 0 * t + 0.3)], 1)
    torch.manual_seed(0)
    y = toys.Curve(lines).beside(1000, 0.2)
    assert len(y) > 300 and ((y[:, 1] < -0.19) | (y[:, 1] > 0.49)).all()


@pytest.mark.parametrize("name", NAMES)
def test_samples_come_from_the_generator_and_keep_their_distance(name):
    before = torch.get_rng_state()
    y = toys.CURVES[name].sample(4000, generator(1))
    assert torch.equal(before, torch.get_rng_state()) and torch.equal(y, toys.CURVES[name].sample(4000, generator(1)))
    assert y.shape == (4000, 2) and y.dtype == torch.float32
    assert toys.CURVES[name].nearest(y)[0].square().mean().sqrt().item() <= 1.1 * 0.08


def test_the_moons_reach_into_each_other_and_the_ring_has_its_gap():
    t = torch.linspace(0, 0.4999, 200)
    upper, lower = toys.moons_curve(t), toys.moons_curve(t + 0.5)
    assert upper[:, 0].min() < lower[:, 0].min() < upper[:, 0].max() < lower[:, 0].max()
    assert lower[:, 1].max() > upper[:, 1].min() and upper[:, 1].max() > lower[:, 1].max()
    y = toys.gap_curve(torch.linspace(0, 1, 400))
    angle = torch.atan2(y[:, 1], y[:, 0]).abs()
    assert angle.min().item() == pytest.approx(math.pi / 6, abs=1e-3)
    assert torch.allclose(y.norm(dim=1), torch.tensor(1.3))


def test_the_curves_run_where_they_are_drawn():
    assert toys.spiral_curve(torch.tensor([0.0, 1.0])).flatten().tolist() == pytest.approx(
        [0, 0.35, 1.5 * math.cos(3.7 * math.pi), 1.5 * math.sin(3.7 * math.pi)], abs=1e-5)
    quarter = 0.35 + 1.15 / 6.4  # a quarter turn later it points to the left
    assert toys.spiral_curve(torch.tensor([1 / 6.4])).flatten().tolist() == pytest.approx([-quarter, 0], abs=1e-5)
    assert toys.moons_curve(torch.tensor([0.0, 0.25, 0.5, 0.75])).flatten().tolist() == pytest.approx(
        [0.6, -0.3, -0.6, 0.9, -0.6, 0.3, 0.6, -0.9], abs=1e-5)
    t, path = toys.CURVES["ring with a gap"].points(4)
    assert t.tolist() == [0.125, 0.375, 0.625, 0.875] and torch.equal(path, toys.gap_curve(t))


def test_the_spiral_s_energy_is_the_trapezoidal_rule():
    y, t = torch.tensor([[0.1, 0.3], [2.0, -1.0]], dtype=torch.float64), torch.linspace(0, 1, 21, dtype=torch.float64)
    distance = (y[:, None] - toys.spiral_curve(t)).square().sum(-1)
    density = torch.trapezoid((-distance / (2 * 0.5**2)).exp() / (2 * math.pi * 0.5**2), t)
    assert torch.allclose(toys.spiral_energy(y, noise=0.5, points=21), -density.log(), atol=1e-12)


def test_ellipses_have_their_axes_noise_and_angles_and_listen_to_their_generator_alone():
    axes = toys.ellipse_axes(torch.tensor([[-1.0], [0.0], [0.5], [1.0]]))
    assert torch.allclose(axes, torch.tensor([[0.6, 1.5], [1.2, 1.3], [1.5, 1.05], [1.8, 0.7]]))
    x, y = toys.ellipse(20_000, generator=generator(1))
    torch.rand(3)
    again = toys.ellipse(20_000, generator=generator(1))
    assert torch.equal(x, again[0]) and torch.equal(y, again[1])
    assert x.mean().abs() < 0.02 and x.std().item() == pytest.approx(3**-0.5, abs=0.01)
    off = y - (clean := y / (y / toys.ellipse_axes(x)).norm(dim=1, keepdim=True))
    across = off.norm(dim=1) * ((y / toys.ellipse_axes(x)).norm(dim=1) - 1).sign()
    assert across.square().mean().sqrt().item() == pytest.approx(0.05, abs=0.01)
    assert (clean.sign().mean(0).abs() < 0.03).all()  # as many on every side
