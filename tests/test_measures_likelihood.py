"""The bounds against brute force: quadrature over the code, closed forms, loops."""

import math

import pytest
import torch
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from utils.measures.likelihood import iwae_bounds


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def linear(n=5, d=2, sigma=0.7):
    """A linear-Gaussian model in float64 and its energy −log p(y, z), written out."""
    W, b = torch.randn(n, d).double(), torch.randn(n).double()

    def energy(y, z):
        explained = (y - z @ W.T - b).square().sum(-1) / (2 * sigma**2) + n / 2 * math.log(2 * math.pi * sigma**2)
        return explained + 0.5 * z.square().sum(-1) + d / 2 * math.log(2 * math.pi)
    return W, b, sigma, energy


def by_quadrature(energy, y, reach=9, points=601):
    """log ∫ exp(−E(y, z)) dz on a grid over z in two dimensions."""
    side = torch.linspace(-reach, reach, points).double()
    grid = torch.cartesian_prod(side, side)[:, None]
    return torch.stack([torch.logsumexp(-energy(one[None], grid), 0)[0] for one in y]) + 2 * math.log(side[1] - side[0])


def log_likelihood(y, W, b, sigma):
    """log p(y) of the linear-Gaussian model: y ~ N(b, W Wᵀ + σ²I)."""
    return MultivariateNormal(b, W @ W.T + sigma**2 * torch.eye(len(b)).double()).log_prob(y)


def test_the_exact_likelihood_is_the_integral_over_the_code():
    W, b, sigma, energy = linear()
    y = 2 * torch.randn(6, 5).double()
    assert torch.allclose(log_likelihood(y, W, b, sigma), by_quadrature(energy, y), atol=1e-6)


def posterior(y, W, b, sigma):
    precision = torch.eye(W.shape[1]).double() + W.T @ W / sigma**2
    return MultivariateNormal((y - b) @ W @ torch.linalg.inv(precision) / sigma**2, precision_matrix=precision)


def test_with_the_true_posterior_every_bound_is_exact():
    W, b, sigma, energy = linear(d=1)  # in one dimension the posterior is a bubble of the encoder's kind
    y = torch.randn(4, 5).double()
    q = posterior(y, W, b, sigma)
    exact = log_likelihood(y, W, b, sigma)
    for k, bound in iwae_bounds(energy, y, q.mean, q.variance.log(), ks=(1, 4, 8)).items():
        assert torch.allclose(bound, exact, atol=1e-9), k


def test_the_first_bound_misses_by_the_kl_to_the_posterior_and_many_samples_close_the_gap():
    W, b, sigma, energy = linear()
    y = torch.randn(3, 5).double()
    true = posterior(y, W, b, sigma)
    mu, logvar = true.mean + 0.3, true.variance.log() + 0.7  # too wide: a bubble too narrow has heavy-tailed weights
    exact = log_likelihood(y, W, b, sigma)
    bounds = iwae_bounds(energy, y, mu, logvar, ks=(1, 20_000), chunk=5_000)
    q = MultivariateNormal(mu, torch.diag_embed(logvar.exp()))
    assert torch.allclose(exact - bounds[1], kl_divergence(q, true), atol=0.05)
    assert (exact - bounds[1]).min() > 0.2
    assert torch.allclose(bounds[20_000], exact, atol=0.05)


def test_the_bounds_are_those_of_a_plain_loop():
    """One pixel, one code: the definition, sample by sample, on the same random numbers."""
    def energy(y, z):
        return -(Normal(z, 1.0).log_prob(y) + Normal(0.0, 1.0).log_prob(z)).sum(-1)

    y, mu, logvar = torch.randn(2, 1), torch.randn(2, 1), torch.randn(2, 1)
    torch.manual_seed(1)
    bounds = iwae_bounds(energy, y, mu, logvar, ks=(1, 3, 6), chunk=6)
    torch.manual_seed(1)
    eps = torch.empty(6, 2, 1).normal_()
    for i in range(2):
        w = []
        for e in eps[:, i, 0]:
            z = mu[i, 0] + (logvar[i, 0] / 2).exp() * e
            joint = Normal(z, 1.0).log_prob(y[i, 0]) + Normal(0.0, 1.0).log_prob(z)
            w.append((joint - Normal(mu[i, 0], (logvar[i, 0] / 2).exp()).log_prob(z)).exp().item())
        for k in (1, 3, 6):
            groups = [math.log(sum(w[j:j + k]) / k) for j in range(0, 6, k)]
            assert bounds[k][i].item() == pytest.approx(sum(groups) / len(groups), abs=1e-5)


def test_more_samples_never_lower_the_bound_even_far_from_what_floats_hold():
    def energy(y, z):
        return 5_000 + 40 * (y - z).square().sum(-1)

    y = torch.randn(5, 3)
    bounds = iwae_bounds(energy, y, torch.zeros(5, 3), torch.zeros(5, 3), ks=(1, 5, 50), chunk=7)
    assert all(b.shape == (5,) and torch.isfinite(b).all() for b in bounds.values())
    assert (bounds[1] < bounds[5]).all() and (bounds[5] < bounds[50]).all()


def test_left_out_the_counts_are_those_of_the_page():
    zero = torch.zeros(2, 1)
    found = iwae_bounds(lambda y, z: z.square().sum(-1), zero, zero, zero)
    assert list(found) == [1, 5, 50, 500]


def test_counts_that_do_not_divide_are_refused():
    with pytest.raises(ValueError, match="must divide the largest, 5"):
        iwae_bounds(lambda y, z: z.sum(-1), torch.zeros(1, 1), torch.zeros(1, 1), torch.zeros(1, 1), ks=(1, 2, 5))
