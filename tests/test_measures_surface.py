"""The rods for energies over the plane, and the plane's data, against what is known in closed form."""

import math

import pytest
import torch

from utils import data
from utils.energies import free_energy
from utils.measures.surface import box, count_places, descend, kl_by_quadrature, local_minima, low_energy_volume


def pits_at(points, centers):
    """Quadratic pits at given centers, on box(2, points), and where local_minima finds them."""
    grid = box(2.0, points)
    surface = torch.cdist(grid, centers).square().amin(1).reshape(points, points)
    found = local_minima(surface)
    return grid.reshape(points, points, 2)[found[:, 0], found[:, 1]]


def test_the_box_runs_along_y1_first():
    grid = box(1.0, 3)
    assert grid[:4].tolist() == [[-1, -1], [0, -1], [1, -1], [-1, 0]] and len(grid) == 9
    assert torch.equal(box(), box(2.0, 121)) and box().shape == (121**2, 2)


@pytest.mark.parametrize("radius", [0.5, 1.0, 1.7])
def test_volume_of_a_disc(radius):
    share = low_energy_volume(box(2.0, 801).square().sum(1), radius**2)
    assert share.item() == pytest.approx(math.pi * radius**2 / 16, rel=0.01)


def test_volume_of_a_flat_energy_is_1_and_of_an_infinite_one_0():
    assert low_energy_volume(torch.zeros(50), 0.0) == 1 and low_energy_volume(torch.full((50,), torch.inf), 9.0) == 0


def test_volume_refuses_nan():
    with pytest.raises(ValueError, match="NaN"):
        low_energy_volume(torch.tensor([0.0, torch.nan]), 1.0)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_every_pit_is_found_where_it_is(count):
    centers = torch.stack([torch.linspace(-1.7, 1.7, count + 2)[1:-1], torch.linspace(-1, 1.3, count)], 1)
    found = pits_at(201, centers)
    assert len(found) == count and torch.cdist(centers, found).amin(1).max() < 0.02


def test_a_coarse_grid_loses_pits():
    centers = torch.stack([torch.linspace(-1.5, 1.5, 20), torch.zeros(20)], 1)
    assert len(pits_at(201, centers)) == 20 > len(pits_at(21, centers))


@pytest.mark.parametrize("surface, count", [
    (torch.zeros(9, 9), 0),  # a plain
    (-torch.eye(9)[4].outer(torch.eye(9)[4]), 1),
    (-torch.eye(9)[0].outer(torch.eye(9)[4]), 0),  # on the border, which is not looked at
    (torch.arange(81.0).reshape(9, 9), 0),  # a slope
])
def test_plains_borders_and_slopes(surface, count):
    assert len(local_minima(surface)) == count


@pytest.mark.parametrize("step", [(0, 1), (1, 0), (1, 1), (1, -1)])
def test_two_equal_neighbors_count_once(step):
    surface = torch.ones(9, 9)
    surface[4, 4] = surface[4 + step[0], 4 + step[1]] = 0
    assert len(local_minima(surface)) == 1


def test_a_saddle_is_no_pit():
    y1, y2 = box(2.0, 41).T
    assert len(local_minima((y1**2 - y2**2).reshape(41, 41))) == 0


# the free energy


def test_free_energy_lies_below_the_minimum_by_at_most_log_K_over_beta():
    E = 50 * torch.rand(100, 12)
    for beta in (0.01, 1.0, 30.0):
        gap = E.amin(1) - free_energy(E, beta)
        assert (gap >= -1e-5).all() and (gap <= math.log(12) / beta + 1e-5).all()
    assert torch.equal(free_energy(E, math.inf), E.amin(1))


def test_free_energy_of_K_equal_energies_is_reached_by_the_bound():
    assert torch.allclose(free_energy(torch.full((3, 8), 2.5), 4.0), torch.tensor(2.5 - math.log(8) / 4))


def test_free_energy_survives_large_energies_and_keeps_leading_axes():
    assert torch.isfinite(free_energy(torch.tensor([[1e6, 2e6]]), 10.0)).all()
    assert free_energy(torch.rand(2, 3, 4), 1.0).shape == (2, 3)


def test_the_gradient_of_free_energy_is_a_distribution_over_z():
    E = torch.rand(5, 7, requires_grad=True)
    free_energy(E, 3.0).sum().backward()
    assert torch.allclose(E.grad, torch.softmax(-3 * E.detach(), 1), atol=1e-6)


# the data in the plane


def test_the_spiral_s_density_integrates_to_1():
    grid = box(2.2, 401)
    mass = (-data.spiral_energy(grid)).exp().sum() * (4.4 / 400) ** 2
    assert mass.item() == pytest.approx(1, abs=1e-3)


def test_the_spiral_s_density_is_that_of_its_samples():
    """Mean energy of samples is the entropy of the density, here by quadrature."""
    grid, y = box(2.2, 401), data.spiral(20_000, generator=torch.Generator().manual_seed(0)).cpu()
    energy = data.spiral_energy(grid)
    entropy = (energy * (-energy).exp()).sum() * (4.4 / 400) ** 2
    assert data.spiral_energy(y).mean().item() == pytest.approx(entropy.item(), abs=0.03)


@pytest.mark.parametrize("noise", [0.05, 0.08, 0.3])
def test_spiral_points_keep_their_distance_from_the_curve(noise):
    y = data.spiral(4000, noise=noise, generator=torch.Generator().manual_seed(1)).cpu()
    curve = data.spiral_curve(torch.linspace(0, 1, 2001))
    assert y.shape == (4000, 2) and y.dtype == torch.float32
    assert torch.cdist(y, curve).amin(1).square().mean().sqrt().item() <= 1.1 * noise


def test_ellipse_points_lie_on_their_ellipse():
    x, y = data.ellipse(4000, noise=0.0, generator=torch.Generator().manual_seed(2))
    assert x.shape == (4000, 1) and x.abs().max() <= 1 and x.std() > 0.5
    assert torch.allclose((y / data.ellipse_axes(x)).square().sum(1), torch.ones(4000, device=y.device), atol=1e-5)


def test_one_ellipse_for_one_x():
    x, y = data.ellipse(2000, x=1.0, generator=torch.Generator().manual_seed(3))
    assert (x == 1).all()
    assert y.abs().amax(0).tolist() == pytest.approx([1.8, 0.7], abs=0.2)


def test_the_same_generator_gives_the_same_points_and_leaves_torch_s_own_alone():
    before = torch.get_rng_state()
    first, second = (data.spiral(10, generator=torch.Generator().manual_seed(4)) for _ in range(2))
    assert torch.equal(first, second) and torch.equal(before, torch.get_rng_state())


# descents


def moves(slope, length=0.03, steps=10):
    """How long each move of a descent on a plane of that slope is."""
    seen = []

    def plane(y):
        seen.append(y.detach().clone())
        return slope * y.sum(-1)
    end = descend(plane, torch.zeros(1, 1), steps=steps, length=length)
    return torch.cat([*seen, end]).flatten().diff().neg().tolist()


def test_the_longest_move_is_shorter_in_the_second_half():
    assert moves(7.0) == pytest.approx([0.03] * 5 + [0.009] * 5)


def test_a_gentle_slope_makes_short_moves():
    assert moves(0.5) == pytest.approx([0.015] * 5 + [0.0045] * 5)
    steep_and_gentle = descend(lambda y: y.sum(-1) * torch.tensor([7.0, 0.5]), torch.zeros(2, 1), steps=1, length=0.1)
    assert steep_and_gentle.flatten().tolist() == pytest.approx([-0.03, -0.015])  # one step lies in the second half


def test_descents_stay_in_the_box_and_leave_no_graph():
    ends = descend(lambda y: -(y * torch.tensor([1.0, -1.0])).sum(-1), torch.zeros(3, 2), steps=50, limit=0.5)
    assert ends.tolist() == [[0.5, -0.5]] * 3 and not ends.requires_grad


def test_descents_leave_their_start_alone_and_take_leading_dimensions():
    def energy(y):
        return (y - torch.tensor([3.0, -0.2])).square().sum(-1)
    start = torch.tensor([[1.0, -2.0], [0.5, 0.1], [0.2, 0.2]])
    ends = descend(energy, start)
    assert not start.requires_grad and torch.equal(start[1], torch.tensor([0.5, 0.1]))
    assert torch.equal(ends, descend(energy, start, steps=200, length=0.03, limit=2.0))
    assert torch.allclose(descend(energy, start[:, None], steps=20)[:, 0], descend(energy, start, steps=20))
    assert not torch.allclose(descend(energy, start, steps=20), descend(energy, start, steps=21))


def test_a_kl_in_single_precision_is_computed_in_double():
    torch.manual_seed(0)
    log_p, E = torch.randn(500), 100 + torch.randn(500)
    assert kl_by_quadrature(log_p, E).item() == kl_by_quadrature(log_p.double(), E.double()).item()


def test_places_are_balls_of_that_radius():
    line = torch.tensor([[0.0, 0.0], [0.8, 0.0], [1.7, 0.0], [2.5, 0.0]])
    assert [count_places(line, radius) for radius in (0.5, 1.0, 2.0, 3.0)] == [4, 2, 2, 1]
    assert count_places(line[:0], 1.0) == 0 and count_places(line[[0, 0, 0]], 0.0) == 1
