"""The rods for codes, on bubbles whose information is known."""

import math

import torch
from torch.distributions import Normal, kl_divergence

from utils.energies import gaussian_kl
from utils.measures.features import code_information


def test_bubbles_that_are_all_alike_tell_nothing():
    torch.manual_seed(0)
    assert abs(code_information(torch.ones(200, 3), torch.zeros(200, 3))) < 1e-5


def test_bubbles_far_apart_tell_all():
    torch.manual_seed(0)
    mu = 100 * torch.arange(50.0)[:, None].expand(50, 2)
    assert abs(code_information(mu, torch.zeros(50, 2)) - math.log(50)) < 1e-5


def test_two_heaps_tell_one_bit():
    torch.manual_seed(0)
    mu = torch.tensor([-100.0, 100.0]).repeat(500)[:, None]
    assert abs(code_information(mu, torch.zeros(1000, 1)) - math.log(2)) < 1e-5


def test_a_gaussian_channel():
    """Centers from N(0, s²), noise of variance 1: I = ½ log(1 + s²) in each direction."""
    torch.manual_seed(0)
    found = code_information(3 * torch.randn(3000, 2), torch.zeros(3000, 2))
    assert abs(found - math.log(10)) < 0.1


def test_radii_count_not_only_centers():
    """Half the bubbles are narrow, half wide, all at the origin: below a bit, above nothing."""
    torch.manual_seed(0)
    logvar = torch.tensor([-6.0, 6.0]).repeat(500)[:, None]
    assert 0.5 < code_information(torch.zeros(1000, 1), logvar) < math.log(2)


def test_information_costs_at_least_as_much_kl():
    torch.manual_seed(0)
    mu, logvar = torch.randn(500, 2), torch.randn(500, 2) - 2
    assert code_information(mu, logvar) < gaussian_kl(mu, logvar).mean()


def test_gaussian_kl_is_torchs():
    torch.manual_seed(0)
    mu, logvar = torch.randn(2, 40, 5, dtype=torch.double)
    wanted = kl_divergence(Normal(mu, (logvar / 2).exp()), Normal(torch.zeros_like(mu), 1.0)).sum(1)
    torch.testing.assert_close(gaussian_kl(mu, logvar), wanted)
    assert gaussian_kl(torch.zeros(3, 2), torch.zeros(3, 2)).tolist() == [0, 0, 0]
