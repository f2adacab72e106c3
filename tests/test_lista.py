"""LISTA before training is ISTA; with any weights it is the page's formula; gradients reach every weight."""

import pytest
import torch
from torch.nn.functional import normalize

from utils.energies import shrinkage, sparse_energy
from utils.inference import fista, ista
from utils.models import LISTA

SHAPES = [(1, 4, 7), (5, 8, 8), (3, 9, 4), (6, 20, 50)]  # B, n, m


def problem(B, n, m, dtype=torch.float32):
    """y (B, n) and a dictionary (n, m): rows of y and columns of W_d have length 1."""
    generator = torch.Generator().manual_seed(B + 10 * n + 100 * m)
    y, W_d = (torch.randn(*shape, generator=generator, dtype=dtype) for shape in ((B, n), (n, m)))
    return normalize(y, dim=1), normalize(W_d, dim=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n_layers", [1, 2, 3, 7, 16])
@pytest.mark.parametrize("shape", SHAPES)
def test_before_training_it_is_ista(shape, n_layers, dtype):
    y, W_d = problem(*shape, dtype)
    z = LISTA(W_d, 0.1, n_layers)(y)
    assert z.dtype == dtype and z.shape == (len(y), W_d.shape[1])
    assert (z - ista(y, W_d, 0.1, n_layers)).abs().max() < 1e-6


def test_every_layer_is_seen_and_is_a_step_of_ista():
    y, W_d = problem(3, 8, 12)
    layers, steps = [], []
    LISTA(W_d, 0.2, 6)(y, callback=layers.append)
    ista(y, W_d, 0.2, 6, callback=steps.append)
    assert len(layers) == 6
    for layer, step in zip(layers, steps[1:], strict=True):
        torch.testing.assert_close(layer, step, rtol=0, atol=1e-6)


def test_any_weights_give_the_formula():
    """With a S that is not symmetric and a threshold for each unit, as training leaves them."""
    y, W_d = problem(4, 6, 9)
    net = LISTA(W_d, 0.2, 5)
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in net.parameters():
            weight.add_(0.1 * torch.rand_like(weight))
    z = torch.zeros(4, 9)
    for _ in range(5):
        z = shrinkage(z @ net.S.T + y @ net.W_e.T, net.theta)
    torch.testing.assert_close(net(y), z)


@pytest.mark.parametrize("n_layers", [1, 4])
def test_gradients_reach_every_weight_through_all_layers(n_layers):
    y, W_d = problem(8, 10, 15, torch.float64)
    net = LISTA(W_d, 0.05, n_layers)
    sparse_energy(y, net(y), W_d, 0.05).mean().backward()
    assert net.W_e.grad.abs().sum() > 0 and net.theta.grad.abs().sum() > 0
    assert (net.S.grad is None) == (n_layers == 1)  # one layer starts from z = 0: nothing for S to act on
    for weight in (net.W_e, net.theta):  # against a finite difference in a random direction
        direction = torch.randn_like(weight)
        expected = (weight.grad * direction).sum()
        values = []
        for sign in (1e-6, -1e-6):
            with torch.no_grad():
                weight.add_(sign * direction)
                values.append(sparse_energy(y, net(y), W_d, 0.05).mean())
                weight.sub_(sign * direction)
        torch.testing.assert_close((values[0] - values[1]) / 2e-6, expected, rtol=1e-4, atol=1e-8)


def test_a_few_steps_on_the_energy_beat_fista_at_the_same_depth():
    y, W_d = problem(200, 16, 32)
    net = LISTA(W_d, 0.2, 2)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(100):
        optimizer.zero_grad()
        sparse_energy(y[:150], net(y[:150]), W_d, 0.2).mean().backward()
        optimizer.step()
    held_out, steps = net(y[150:]).detach(), fista(y[150:], W_d, 0.2, 2)
    assert sparse_energy(y[150:], held_out, W_d, 0.2).mean() < sparse_energy(y[150:], steps, W_d, 0.2).mean()


def test_the_dictionary_is_copied_and_the_input_left_alone():
    y, W_d = problem(2, 5, 6)
    before = y.clone(), W_d.clone()
    net = LISTA(W_d, 0.1, 3)
    with torch.no_grad():
        for weight in net.parameters():
            weight.zero_()
    net(y)
    assert torch.equal(y, before[0]) and torch.equal(W_d, before[1])


def test_no_layers_is_refused():
    with pytest.raises(ValueError, match="at least one layer"):
        LISTA(problem(1, 4, 4)[1], 0.1, 0)
