"""The practicum's VAE: its layers, its bubble, and when it draws; the weights of LISTA."""

import pytest
import torch
from torch import nn

from utils.models import LISTA, VAE


class Clear(VAE):
    """Hands z on as it is, so that one can see what forward has drawn."""

    def decode(self, z):
        return z


def test_the_layers_are_those_of_the_practicum():
    vae = VAE()
    shapes = [tuple(p.shape) for p in vae.parameters()]
    assert shapes == [(400, 784), (400,), (40, 400), (40,), (400, 20), (400,), (784, 400), (784,)]
    assert [type(layer) for layer in [*vae.encoder, *vae.decoder]] == [nn.Linear, nn.ReLU, nn.Linear] * 2
    logits, mu, logvar = VAE(d=2, hidden=30, n=9)(torch.rand(5, 9))
    assert logits.shape == (5, 9) and mu.shape == logvar.shape == (5, 2)
    assert logits.min() < 0  # logits, no probabilities


def test_the_first_half_of_the_encoder_is_the_mean():
    torch.manual_seed(0)
    vae, y = VAE(d=3, hidden=8, n=6), torch.rand(4, 6)
    both = vae.encoder(y)
    mu, logvar = vae.encode(y)
    assert torch.equal(mu, both[:, :3]) and torch.equal(logvar, both[:, 3:])
    assert all(torch.equal(a, b) for a, b in zip(vae(y)[1:], (mu, logvar), strict=True))


def test_codes_are_drawn_from_the_bubble_in_training_and_are_its_center_in_evaluation():
    torch.manual_seed(0)
    vae, y = Clear(d=2, hidden=8, n=6), torch.rand(1, 6)
    with torch.no_grad():
        vae.encoder[2].bias.copy_(torch.tensor([1.0, -2.0, -3.0, 1.5]))
        z, mu, logvar = vae(y.expand(100_000, 6))
        assert torch.allclose(z.mean(0), mu[0], atol=0.02)
        assert z.var(0).log().tolist() == pytest.approx(logvar[0].tolist(), abs=0.02)
        assert abs(torch.corrcoef(z.T)[0, 1]) < 0.02
        z, mu, _ = vae.eval()(y)
    assert torch.equal(z, mu)


def test_a_gradient_reaches_mean_and_radius():
    vae = VAE(d=2, hidden=8, n=6)
    logits, mu, logvar = vae(torch.rand(7, 6))
    for slope in torch.autograd.grad(logits.square().sum(), (mu, logvar)):
        assert (slope != 0).any(1).all()


def test_every_unit_of_lista_has_a_threshold_of_its_own():
    net = LISTA(torch.randn(3, 5), 0.1, 2)
    assert {name: tuple(p.shape) for name, p in net.named_parameters()} == {"W_e": (5, 3), "S": (5, 5), "theta": (5,)}
