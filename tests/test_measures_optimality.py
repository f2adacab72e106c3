"""The certificates, tried where the minimum is known in closed form, and on codes that only look converged."""

import pytest
import torch

from utils.energies import shrinkage, sparse_energy
from utils.inference import fista, ista
from utils.measures.optimality import duality_gap, kkt_residual


def problem(seed, B=5, n=12, m=20, lam=0.3):
    draw = torch.Generator().manual_seed(seed)
    W_d = torch.nn.functional.normalize(torch.randn(n, m, generator=draw, dtype=torch.float64), dim=0)
    return torch.randn(B, n, generator=draw, dtype=torch.float64), W_d, lam


def orthonormal(seed):
    """A problem whose minimum is one shrinkage: W_d has orthonormal columns, so z* = shrinkage(W_dᵀy, λ)."""
    y, W_d, lam = problem(seed, n=20, m=12)
    W_d = torch.linalg.qr(W_d).Q
    return y, shrinkage(y @ W_d, lam), W_d, lam


@pytest.mark.parametrize("seed", range(5))
def test_both_vanish_at_a_minimum_in_closed_form(seed):
    y, z, W_d, lam = orthonormal(seed)
    assert 0 < torch.count_nonzero(z) < z.numel()
    assert kkt_residual(y, z, W_d, lam).shape == duality_gap(y, z, W_d, lam).shape == (5,)
    assert kkt_residual(y, z, W_d, lam).max() < 1e-13
    assert duality_gap(y, z, W_d, lam).max() < 1e-12


@pytest.mark.parametrize("change", [1e-3, -1e-3])
def test_a_change_of_one_coefficient_is_seen(change):
    y, z, W_d, lam = orthonormal(0)
    for j in range(z.shape[1]):
        moved = z.clone()
        moved[:, j] += change
        assert kkt_residual(y, moved, W_d, lam).min() > 9e-4
        excess = sparse_energy(y, moved, W_d, lam) - sparse_energy(y, z, W_d, lam)
        assert (duality_gap(y, moved, W_d, lam) >= excess).all() and (excess > 0).all()


@pytest.mark.parametrize("seed", range(5))
def test_the_gap_is_never_less_than_the_excess(seed):
    y, W_d, lam = problem(seed)
    floor = sparse_energy(y, fista(y, W_d, lam, 8_000), W_d, lam)
    path = [torch.randn(5, 20, dtype=torch.float64)]
    ista(y, W_d, lam, 300, callback=path.append)
    for z in path:
        assert (duality_gap(y, z, W_d, lam) >= sparse_energy(y, z, W_d, lam) - floor - 1e-12).all()


@pytest.mark.parametrize("seed", range(5))
def test_the_gap_is_energy_minus_dual_energy(seed):
    y, W_d, lam = problem(seed)
    z = fista(y, W_d, lam, 20)
    r = y - z @ W_d.T
    theta = r * (lam / (r @ W_d).abs().amax(1)).clamp(max=1)[:, None]
    assert (theta @ W_d).abs().max() <= lam * (1 + 1e-12)
    dual = 0.5 * y.square().sum(1) - 0.5 * (y - theta).square().sum(1)
    assert torch.allclose(duality_gap(y, z, W_d, lam), sparse_energy(y, z, W_d, lam) - dual, atol=1e-12)


def test_both_fall_to_rounding_along_fista():
    y, W_d, lam = problem(1)
    z = fista(y, W_d, lam, 8_000)
    assert kkt_residual(y, z, W_d, lam).max() < 1e-10 and duality_gap(y, z, W_d, lam).max() < 1e-10


@pytest.mark.parametrize("wrong", [0.5, 2.0])
def test_the_minimum_for_another_lam_is_no_minimum(wrong):
    y, W_d, lam = problem(2)
    z = fista(y, W_d, wrong * lam, 8_000)  # the notes' missing ½ comes to this
    assert kkt_residual(y, z, W_d, lam).min() > 0.1 * lam
    assert duality_gap(y, z, W_d, lam).min() > 1e-3


def test_the_zero_code_is_certified_from_lam_max_on():
    y, W_d, _ = problem(3)
    zero = torch.zeros(5, 20, dtype=torch.float64)
    for lam, certified in ((1.5, True), (1.0, True), (0.9, False)):
        bounds = lam * (y @ W_d).abs().amax(1)
        for i, bound in enumerate(bounds.tolist()):
            one = slice(i, i + 1)
            assert (kkt_residual(y[one], zero[one], W_d, bound).item() == 0) == certified
            assert (duality_gap(y[one], zero[one], W_d, bound).item() < 1e-12) == certified


def test_degenerate_input():
    zero = torch.zeros(2, 3)
    assert torch.equal(duality_gap(torch.zeros(2, 4), zero, torch.zeros(4, 3), 0.1), torch.zeros(2))
    y, W_d = torch.randn(2, 4), torch.randn(4, 3)
    assert torch.isfinite(duality_gap(y, zero, W_d, 0.0)).all()  # λ = 0: the floor is 0, and so far away
    assert duality_gap(y, zero, W_d, 0.1).dtype == torch.float32


def test_a_code_of_the_wrong_sign_violates_by_two_lam():
    """g = λ where z < 0: the size of the gradient is right, its sign is not."""
    one = torch.ones(1, 1, dtype=torch.float64)
    assert kkt_residual(-0.5 * one, -one, one, 0.5).item() == 1.0


def test_at_the_minimum_no_rounding_makes_the_gap_negative():
    for seed in range(50):
        draw = torch.Generator().manual_seed(seed)
        y, w = torch.randn(200, 1, generator=draw), 0.5 + torch.rand(1, 1, generator=draw)
        assert (duality_gap(y, shrinkage(y @ w, 0.3) / w**2, w, 0.3) >= 0).all()
