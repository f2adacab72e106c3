"""The Langevin step: its numbers, its walls, its modes, and what it says to an energy without a gradient."""

import pytest
import torch

from utils.inference import langevin

MODES = {"grad": torch.enable_grad, "no_grad": torch.no_grad, "inference_mode": torch.inference_mode}


def test_a_step_goes_down_half_a_squared_step_times_the_slope():
    y = torch.tensor([[1.0, -2.0]])
    assert torch.allclose(langevin(lambda y: (y**2).sum(-1), y, step=0.2, kick=0.0), y - 0.02 * 2 * y)
    torch.manual_seed(0)
    noise = torch.randn(1, 2)
    torch.manual_seed(0)
    assert torch.allclose(langevin(lambda y: (y**2).sum(-1), y, step=0.2, kick=0.5), y - 0.04 * y + 0.1 * noise)


def test_walls_reflect():
    def push(y):
        return -(y * torch.tensor([1.0, -1.0])).sum(-1)
    y = torch.tensor([[0.9, -0.9], [0.5, 0.5], [0.95, -1.0]])
    moved = langevin(push, y, step=0.6, kick=0.0, box=1.0)  # by ½ · 0.6² = 0.18, right and left
    assert torch.allclose(moved, torch.tensor([[0.92, -0.92], [0.68, 0.32], [0.87, -0.82]]))
    far = langevin(push, y, step=10.0, kick=0.0, box=1.0)  # by 50: even the reflection lies outside
    assert far.abs().max() <= 1


def test_leading_dimensions_are_rows():
    def rolled(y):
        return langevin(lambda y: (y**2).sum(-1), y, k=3, kick=0.0, clip=2.0, box=20.0)
    y = torch.tensor([[30.0, -2.0], [0.1, 0.2], [-5.0, 7.0]])
    for more in (y[:, None], y[None]):
        assert torch.equal(rolled(more).reshape(3, 2), rolled(y))


def test_long_gradients_are_cut_and_short_ones_are_not():
    y = torch.tensor([[30.0, 40.0], [0.3, 0.4]])
    moved = y - langevin(lambda y: 0.5 * (y**2).sum(-1), y, step=2**0.5, kick=0.0, clip=5.0)
    assert torch.allclose(moved, torch.tensor([[3.0, 4.0], [0.3, 0.4]]))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("born", MODES)
def test_it_works_in_every_mode_and_gives_the_same(mode, born):
    """born: the mode in which y was made, as in a validation loop that loads it there."""
    net = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1), torch.nn.Flatten(0))
    torch.manual_seed(0)
    expected = langevin(net, torch.ones(5, 3), k=3)
    with MODES[born]():
        y = torch.ones(5, 3)
    torch.manual_seed(0)
    with MODES[mode]():
        found = langevin(net, y, k=3)
        assert torch.is_grad_enabled() == (mode == "grad")  # the mode is the caller's again
        assert torch.is_inference_mode_enabled() == (mode == "inference_mode")
    assert torch.equal(found, expected) and not found.requires_grad and not y.requires_grad
    assert all(p.grad is None for p in net.parameters()) and torch.equal(y, torch.ones(5, 3))


def quiet(y):
    with torch.no_grad():
        return (y**2).sum(-1)


@pytest.mark.parametrize("energy", [
    quiet, lambda y: (y.detach() ** 2).sum(-1), lambda y: torch.zeros(len(y)), lambda y: 0.0,
    lambda y: torch.as_tensor(y.detach().numpy()).sum(-1), lambda y: y.argmax(-1),
    lambda y: (torch.ones(2, 3) * torch.nn.Parameter(torch.ones(3))).sum(-1)])
@pytest.mark.parametrize("mode", MODES)
def test_an_energy_without_a_gradient_is_told_so(energy, mode):
    with MODES[mode](), pytest.raises(ValueError, match="the energy gives no gradient: compute it with torch from"):
        langevin(energy, torch.zeros(2, 3))


def test_no_step_is_no_step():
    y = torch.ones(2, 3, requires_grad=True)
    assert torch.equal(langevin(quiet, y, k=0), y) and not langevin(quiet, y, k=0).requires_grad
