"""Partition functions against brute force, annealing against the exact sum, walks against the distribution."""

from types import SimpleNamespace

import pytest
import torch

from utils import data
from utils.energies import rbm_free_energy
from utils.inference import gibbs, langevin, metropolis
from utils.measures import partition, surface


def tiny(seed, n, m, scale=1.0, dtype=torch.float64):
    draw = torch.Generator().manual_seed(seed)
    W, b, c = (scale * torch.randn(*s, generator=draw, dtype=torch.float64) for s in ((n, m), (n,), (m,)))
    return SimpleNamespace(W=W.to(dtype), b=b.to(dtype), c=c.to(dtype))


def brute_force(rbm):
    """log Σ over all v and all h, one by one."""
    v = partition.states(len(rbm.b)).to(rbm.W)
    h = partition.states(len(rbm.c)).to(rbm.W)
    E = -(v @ rbm.W) @ h.T - (v @ rbm.b)[:, None] - h @ rbm.c
    return torch.logsumexp(-E.flatten(), 0).item(), torch.softmax(torch.logsumexp(-E, 1), 0)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("n, m", [(5, 3), (3, 5), (8, 8), (1, 1), (7, 2)])
@pytest.mark.parametrize("scale", [0.1, 1.0, 30.0])
def test_exact_log_z_is_the_sum(seed, n, m, scale):
    rbm = tiny(seed, n, m, scale)
    assert partition.exact_log_z(rbm) == pytest.approx(brute_force(rbm)[0], rel=1e-10)


def test_exact_log_z_of_wide_layers():
    rbm = tiny(0, 784, 6, 0.3, torch.float32)
    h = partition.states(6).double()
    wanted = torch.logsumexp(h @ rbm.c.double() + torch.nn.functional.softplus(
        h @ rbm.W.double().T + rbm.b.double()).sum(1), 0)
    assert partition.exact_log_z(rbm) == pytest.approx(wanted.item(), abs=2e-3)
    assert partition.exact_log_z(tiny(0, 784, 6, 100.0, torch.float32)) < float("inf")


def test_a_long_product_does_not_overflow():
    fair = SimpleNamespace(W=torch.zeros(1024, 4), b=torch.zeros(1024), c=torch.zeros(4))
    assert partition.exact_log_z(fair) == pytest.approx(1028 * 0.6931472, abs=1e-2)


def test_too_many_states():
    with pytest.raises(ValueError, match="too many"):
        partition.exact_log_z(tiny(0, 30, 23))


def test_log_likelihoods_sum_to_one():
    rbm = tiny(1, 6, 4)
    p = partition.log_likelihood(rbm, partition.states(6).double(), partition.exact_log_z(rbm)).exp()
    assert p.sum().item() == pytest.approx(1) and torch.allclose(p, brute_force(rbm)[1])


def frequencies(v):
    n = v.shape[1]
    return torch.bincount((v @ 2.0 ** torch.arange(n).to(v)).long(), minlength=2**n) / len(v)


def tv(p, q):
    return 0.5 * (p - q).abs().sum().item()


@pytest.mark.parametrize("draw", ["exact", "gibbs", "metropolis"])
def test_samplers_reach_the_boltzmann_distribution(draw):
    torch.manual_seed(0)
    rbm, count = tiny(2, 6, 7, 0.7), 40_000
    start = torch.zeros(count, 6, dtype=torch.float64)
    v = {"exact": lambda: partition.exact_samples(tiny(2, 6, 7, 0.7), count),
         "gibbs": lambda: gibbs(rbm, start, 40),
         "metropolis": lambda: metropolis(lambda v: rbm_free_energy(v, rbm.W, rbm.b, rbm.c), start, 300)}
    if draw == "exact":  # the hidden layer must be the smaller one
        rbm = tiny(2, 6, 5, 0.7)
        v["exact"] = lambda: partition.exact_samples(rbm, count)
    assert tv(frequencies(v[draw]()), brute_force(rbm)[1]) < 0.02
    assert tv(frequencies(start), brute_force(rbm)[1]) > 0.5


def test_metropolis_at_other_temperatures():
    torch.manual_seed(0)
    E = torch.tensor([0.0, 1.0, 0.3, 2.0])
    energy, start = (lambda y: E[(y @ torch.tensor([1.0, 2.0])).long()]), torch.zeros(50_000, 2)
    for T in (0.5, 2.0):
        assert tv(frequencies(metropolis(energy, start, 60, T)), torch.softmax(-E / T, 0)) < 0.01
    assert tv(frequencies(metropolis(energy, start, 60, [9.0] * 30 + [0.5] * 30)), torch.softmax(-E / 0.5, 0)) < 0.01
    assert (metropolis(energy, torch.ones(9, 2), 60, 0.0) == 0).all()
    with pytest.raises(ValueError, match="60 flips|k=60"):
        metropolis(energy, start, 60, [1.0])


def test_langevin_samples_a_gaussian_and_descends_without_the_kick():
    torch.manual_seed(0)
    mu, precision = torch.tensor([1.0, -1.0]), torch.tensor([1.0, 4.0])

    def energy(y):
        return 0.5 * (precision * (y - mu) ** 2).sum(-1)
    y = langevin(energy, torch.zeros(20_000, 2), 300, step=0.2)
    assert torch.allclose(y.mean(0), mu, atol=0.03) and torch.allclose(y.var(0), 1 / precision, rtol=0.08)
    assert torch.allclose(langevin(energy, torch.zeros(3, 2), 500, step=0.3, kick=0.0), mu.expand(3, 2), atol=1e-4)
    assert not y.requires_grad
    inside = langevin(energy, torch.zeros(500, 2), 50, step=0.5, box=0.4)
    assert inside.abs().max() <= 0.4 and inside.std() > 0.1
    far = langevin(lambda y: 1e6 * y.square().sum(-1), torch.ones(4, 2), 1, step=0.1, kick=0.0, clip=2.0)
    assert (far - 1).norm(dim=1).allclose(torch.full((4,), 0.01))


def trained(v, persistent, rate, seed, steps=300, centered=True):
    """A 16-unit RBM after a short race on digits, by the gradient written out."""
    torch.manual_seed(seed)
    mean = v.mean(0) * centered
    W, b, a = 0.01 * torch.randn(784, 16), torch.logit(v.mean(0), eps=1e-3), torch.zeros(16)
    v_neg = v[:100]
    for step in range(steps):
        rbm = SimpleNamespace(W=W, b=b, c=a - mean @ W)
        v_pos = v[torch.randint(len(v), (100,))]
        v_neg = gibbs(rbm, v_neg if persistent else v_pos)
        h_pos, h_neg = (torch.sigmoid(x @ W + rbm.c) for x in (v_pos, v_neg))
        eta = rate * (1 - step / steps)
        W = W + eta * ((v_pos - mean).T @ h_pos - (v_neg - mean).T @ h_neg) / 100
        b, a = b + eta * (v_pos - v_neg).mean(0), a + eta * (h_pos - h_neg).mean(0)
    return SimpleNamespace(W=W, b=b, c=a - mean @ W)


@pytest.fixture(scope="module")
def digits():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRACTICUM_OFFLINE", "1")
        patch.setenv("PRACTICUM_DEVICE", "cpu")
        return data.binarize(data.mnist().train, "threshold")


@pytest.mark.parametrize("how", [
    dict(persistent=False, rate=0.1, centered=False), dict(persistent=True, rate=0.1, centered=False),
    dict(persistent=True, rate=0.1)], ids=["CD-1 plain", "PCD-1 plain", "PCD-1 centered"])
def test_both_annealings_come_within_half_a_nat(digits, how):
    """Fixed cost: 500 temperatures, 100 runs."""
    rbm, base, betas = trained(digits, seed=0, **how), torch.logit(digits.mean(0), eps=1e-3), torch.linspace(0, 1, 500)
    log_z = partition.exact_log_z(rbm)
    start = partition.ais(rbm, base, torch.tensor([0.0, 1.0]), 100)
    assert abs(start.log_z - log_z) > 5, "a single jump must be far off, or this RBM shows nothing"
    forward = partition.ais(rbm, base, betas, 100)
    backward = partition.reverse_ais(rbm, base, betas, partition.exact_samples(rbm, 100))
    assert abs(forward.log_z - log_z) < 0.5 and forward.error < 0.5
    assert abs(backward.log_z - log_z) < 0.5 and len(backward.log_weights) == 100


def test_annealing_errs_to_its_own_side_on_average():
    """Jensen: with few temperatures and one run each, AIS lies below log Z on average and reverse AIS above."""
    torch.manual_seed(0)
    rbm = tiny(3, 8, 5, 1.5)
    base, betas, log_z = torch.zeros(8, dtype=torch.float64), torch.linspace(0, 1, 4), partition.exact_log_z(rbm)
    forward = partition.ais(rbm, base, betas, 4000).log_weights
    backward = partition.reverse_ais(rbm, base, betas, partition.exact_samples(rbm, 4000)).log_weights
    log_z0 = 8 * torch.log(torch.tensor(2.0)) + 5 * torch.log(torch.tensor(2.0))
    assert (log_z0 + forward.mean() < log_z - 0.1) and (log_z0 + backward.mean() > log_z + 0.1)
    many = partition.ais(rbm, base, torch.linspace(0, 1, 200), 4000)
    assert many.log_z == pytest.approx(log_z, abs=0.1)


@pytest.mark.parametrize("betas", [[0.0], [0.1, 1.0], [0.0, 0.9], [0.0, 0.6, 0.5, 1.0]])
def test_temperatures_that_make_no_way(betas):
    with pytest.raises(ValueError, match="from 0 to 1"):
        partition.ais(tiny(0, 4, 3), torch.zeros(4), torch.tensor(betas), 5)


def test_kl_by_quadrature_of_two_gaussians():
    line = torch.linspace(-12, 12, 4001, dtype=torch.float64)
    log_p, E = -0.5 * (line - 1) ** 2, torch.stack([0.5 * line**2 / 4, 0.5 * (line - 1) ** 2 + 3])
    wanted = 0.5 * (0.25 + 0.25 - 1 + torch.log(torch.tensor(4.0))).item()
    assert surface.kl_by_quadrature(log_p, E).tolist() == pytest.approx([wanted, 0], abs=1e-6)


def test_descents_end_in_the_pit_they_start_above():
    def energy(y):  # pits at (±1, 0); the right one is deeper
        return (y[..., 0] ** 2 - 1) ** 2 - 0.2 * y[..., 0] + y[..., 1] ** 2
    ends = surface.descend(energy, surface.box(1.9, 20), steps=400)
    right = ends[:, 0] > 0
    assert (ends[:, 1].abs() < 0.02).all() and (ends[:, 0].abs() - 1).abs().max() < 0.06
    assert surface.count_places(ends, 0.3) == 2
    distance = (ends - torch.tensor([1.0, 0.0])).norm(dim=1)
    false = surface.spurious(energy(ends), distance, level=0.3, radius=0.5)
    assert torch.equal(false, ~right), "the left pit is low and far"
    assert not surface.spurious(energy(ends), distance, level=-0.1, radius=0.5).any(), "a high dent does no harm"


def test_the_error_of_annealing_is_the_scatter_of_its_estimate():
    torch.manual_seed(0)
    rbm, base = tiny(5, 6, 4, 1.0), torch.zeros(6, dtype=torch.float64)
    for runs in (100, 400):
        found = [partition.ais(rbm, base, torch.linspace(0, 1, 6), runs) for _ in range(150)]
        relative = (torch.tensor([one.log_z for one in found]) - partition.exact_log_z(rbm)).exp()
        assert sum(one.error for one in found) / 150 == pytest.approx(relative.std().item(), rel=0.25)


def test_the_free_energy_of_large_inputs_is_finite():
    large = SimpleNamespace(W=torch.tensor([[300.0]]), b=torch.zeros(1), c=torch.tensor([200.0]))
    F = rbm_free_energy(torch.tensor([[0.0], [1.0]]), large.W, large.b, large.c)
    assert F.tolist() == [-200, -500]


def test_every_row_flips_a_place_of_its_own():
    torch.manual_seed(0)
    moved = metropolis(lambda y: 0 * y.sum(-1), torch.zeros(5000, 5), 1)
    assert (moved.sum(1) == 1).all() and (moved.mean(0) - 0.2).abs().max() < 0.03
