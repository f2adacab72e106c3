"""Laws that hold for every input, tried on inputs that nobody chose (Hypothesis); a failure is told at its simplest.

The inputs are the same at every run. Tensors are drawn by torch from a seed that Hypothesis chooses, shapes and scales
by Hypothesis itself.
"""

import math
from types import SimpleNamespace

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from utils import corruptions, data, energies, toys
from utils.inference import coin, fista, gibbs, ista, langevin, metropolis
from utils.measures import (
    convolutional,
    dictionary,
    embedding,
    features,
    likelihood,
    optimality,
    partition,
    ruler,
    surface,
)
from utils.models import LISTA
from utils.training import batches

laws = settings(max_examples=25, derandomize=True, database=None, deadline=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
few = settings(laws, max_examples=8)
sizes, seeds = st.integers(1, 6), st.integers(0, 2**31)
scales = st.floats(1e-3, 1e3)
positive = st.floats(0.01, 10)


class Draw:
    """Tensors from one seed, double precision unless told otherwise."""

    def __init__(self, seed, dtype=torch.float64):
        self.generator, self.dtype = torch.Generator().manual_seed(seed), dtype

    def normal(self, *shape):
        return torch.randn(*shape, generator=self.generator, dtype=torch.float64).to(self.dtype)

    def uniform(self, *shape):
        return torch.rand(*shape, generator=self.generator, dtype=torch.float64).to(self.dtype)

    def bits(self, *shape):
        return self.uniform(*shape).round()

    def rbm(self, n, m, scale=1.0):
        return SimpleNamespace(W=scale * self.normal(n, m), b=scale * self.normal(n), c=scale * self.normal(m))


draws = st.builds(Draw, seeds)
both = st.builds(Draw, seeds, st.sampled_from([torch.float32, torch.float64]))


# --- proximal operators ---


@laws
@given(draws, sizes, scales, st.floats(0, 10))
def test_shrinkage_is_the_proximal_step_of_the_l1_norm(draw, n, scale, threshold):
    v, other = scale * draw.normal(n), scale * draw.normal(50, n)
    z = energies.shrinkage(v, threshold)

    def price(z):
        return 0.5 * (z - v).square() + threshold * z.abs()
    assert (price(z) <= price(other) + 1e-12 * scale**2).all()
    assert torch.equal(energies.shrinkage(-v, threshold), -z)
    assert torch.allclose(v - z, v.clamp(-threshold, threshold), atol=1e-12 * scale)  # Moreau: what is taken off


@laws
@given(draws, sizes, scales, st.floats(0, 10))
def test_shrinkage_is_firmly_non_expansive(draw, n, scale, threshold):
    u, v = scale * draw.normal(n), scale * draw.normal(n)
    moved = energies.shrinkage(u, threshold) - energies.shrinkage(v, threshold)
    assert moved.square().sum() <= moved @ (u - v) + 1e-12 * scale**2


@laws
@given(draws, sizes, st.integers(1, 9), positive)
def test_a_proximal_gradient_step_never_climbs(draw, B, m, lam):
    y, W_d, z0, path = draw.normal(B, 4), draw.normal(4, m), draw.normal(B, m), []
    ista(y, W_d, lam, 8, z0=z0, callback=lambda z: path.append(energies.sparse_energy(y, z, W_d, lam)))
    assert (torch.stack(path).diff(dim=0) <= 1e-9).all()


# --- gradients against finite differences ---

SMOOTH = {
    "gaussian_kl": lambda d, B: (energies.gaussian_kl, (d.normal(B, 3), d.normal(B, 3))),
    "free_energy": lambda d, B: (lambda E: energies.free_energy(E, 1.7), (d.normal(B, 4),)),
    "rbm_free_energy": lambda d, B: (energies.rbm_free_energy,
                                     (d.normal(B, 3), d.normal(3, 4), d.normal(3), d.normal(4))),
    "sparse_energy": lambda d, B: (lambda y, z, W: energies.sparse_energy(y, z, W, 0.3),
                                   (d.normal(B, 3), d.normal(B, 4).sign() * (0.1 + d.uniform(B, 4)), d.normal(3, 4))),
    "spiral_energy": lambda d, B: (lambda y: toys.spiral_energy(y, points=201), (d.normal(B, 2),)),
    "kl_by_quadrature": lambda d, B: (surface.kl_by_quadrature, (d.normal(5), d.normal(B, 5))),
}


@pytest.mark.parametrize("name", SMOOTH)
@few
@given(draws, st.integers(1, 3))
def test_gradients_are_those_of_finite_differences(name, draw, B):
    function, inputs = SMOOTH[name](draw, B)
    assert torch.autograd.gradcheck(function, [x.requires_grad_() for x in inputs])


@few
@given(draws, st.integers(1, 3), st.integers(1, 4))
def test_lista_s_gradients_are_those_of_finite_differences(draw, B, n_layers):
    net, y = LISTA(draw.normal(3, 5), 0.2, n_layers), draw.normal(B, 3)
    names = [name for name, _ in net.named_parameters()]

    def forward(*values):
        return torch.func.functional_call(net, dict(zip(names, values, strict=True)), (y,))
    assert torch.autograd.gradcheck(forward, [p.detach().requires_grad_() for p in net.parameters()], atol=1e-4)


@laws
@given(draws, positive, st.integers(2, 30))
def test_beta_s_slope_is_a_derivative_and_falls(draw, beta, n):
    E_data, E_grid = draw.normal(5), draw.normal(n)
    slope, h = ruler.beta_slope(beta, E_data, E_grid), 1e-5

    def log_likelihood(beta):
        return -beta * E_data.mean() - torch.logsumexp(-beta * E_grid, 0)
    numeric = (log_likelihood(beta + h) - log_likelihood(beta - h)) / (2 * h)
    assert slope.item() == pytest.approx(numeric.item(), abs=1e-6)
    assert ruler.beta_slope(1.1 * beta, E_data, E_grid) <= slope + 1e-12


# --- samplers: in equilibrium as many go from a to b as from b to a ---


def flows_balance(before, after, worst=5.0):
    """Whether a table of transitions (states × states) is symmetric within the scatter of counts."""
    count = int(max(before.max(), after.max())) + 1
    flow = torch.bincount(before * count + after, minlength=count**2).view(count, count).double()
    return ((flow - flow.T).abs() <= worst * (flow + flow.T).sqrt()).all()


def number_of(v):
    return (v @ 2.0 ** torch.arange(v.shape[1], dtype=v.dtype)).long()


@few
@given(draws, st.integers(1, 3), st.integers(1, 3), st.floats(0.2, 1.5))
def test_gibbs_is_in_detailed_balance(draw, n, m, scale):
    rbm = draw.rbm(n, m, scale)
    torch.manual_seed(0)
    states = partition.states(n).double()
    p = torch.softmax(-energies.rbm_free_energy(states, rbm.W, rbm.b, rbm.c), 0)
    v = states[torch.multinomial(p, 30_000, replacement=True)]
    assert flows_balance(number_of(v), number_of(gibbs(rbm, v)))


@few
@given(draws, st.integers(1, 3), st.floats(0.3, 3))
def test_metropolis_is_in_detailed_balance_at_every_temperature(draw, n, T):
    E, states = draw.normal(2**n), partition.states(n).double()
    torch.manual_seed(0)
    y = states[torch.multinomial(torch.softmax(-E / T, 0), 30_000, replacement=True)]
    assert flows_balance(number_of(y), number_of(metropolis(lambda y: E[number_of(y)], y, 1, T)))


def test_a_sampler_out_of_balance_is_seen():
    """Three states that go round: each holds a third, none of the flows is returned."""
    before = torch.arange(30_000) % 3
    assert not flows_balance(before, (before + 1) % 3) and flows_balance(before, before.flip(0))


@few
@given(st.floats(0.5, 4), st.floats(0.1, 0.6), st.floats(0.5, 1.5))
def test_langevin_on_a_parabola_has_the_variance_of_its_recursion(a, step, kick):
    """y ← (1 − a step²/2) y + kick · step · ε has variance kick²/(a (1 − a step²/4)): 1/a only for small steps."""
    torch.manual_seed(0)
    wanted = kick**2 / (a * (1 - a * step**2 / 4))
    y = langevin(lambda y: 0.5 * a * y.square().sum(-1), math.sqrt(wanted) * torch.randn(40_000, 1), 3, step, kick)
    assert y.var().item() == pytest.approx(wanted, rel=0.05) and abs(y.mean()) < 0.03 * math.sqrt(wanted)


@laws
@given(draws, sizes, st.floats(0.1, 5), st.floats(0, 3))
def test_langevin_keeps_its_box_and_its_longest_move(draw, n, box, clip):
    y = box * (2 * draw.uniform(7, n) - 1)
    moved = langevin(lambda y: (5 * y).sin().sum(-1) * 100, y, 1, 0.5, kick=0.0, clip=clip + 0.1, box=box)
    assert moved.abs().max() <= box
    assert ((moved - y).norm(dim=1) <= 0.125 * (clip + 0.1) + 1e-9).all()  # a reflection only shortens a move


@few
@given(draws, st.floats(0, 1))
def test_a_coin_falls_as_often_as_it_should(draw, p):
    torch.manual_seed(0)
    heads = coin(torch.full((20_000,), p))
    assert set(heads.tolist()) <= {0.0, 1.0} and abs(heads.mean() - p) <= 5 * math.sqrt(p * (1 - p) / 20_000) + 1e-6


# --- certificates of sparse codes ---

problems = st.tuples(draws, sizes, st.integers(1, 5), st.integers(1, 8), st.floats(0.02, 1.2))


def problem(draw, B, n, m, fraction):
    y, W_d = draw.normal(B, n), draw.normal(n, m)
    return y, W_d, fraction * (y @ W_d).abs().max().item()


@few
@given(problems)
def test_the_gap_is_never_less_than_what_is_still_to_be_gained(given_problem):
    draw = given_problem[0]
    y, W_d, lam = problem(*given_problem)
    best = energies.sparse_energy(y, fista(y, W_d, lam, 1500, restart=True), W_d, lam)
    z = draw.normal(len(y), W_d.shape[1])
    gap = optimality.duality_gap(y, z, W_d, lam)
    assert (gap >= energies.sparse_energy(y, z, W_d, lam) - best - 1e-7).all() and (gap >= 0).all()
    assert (optimality.kkt_residual(y, z, W_d, lam) > 0).all()


@few
@given(problems)
def test_both_certificates_vanish_together_at_the_minimum(given_problem):
    y, W_d, lam = problem(*given_problem)
    z = fista(y, W_d, lam, 3000, restart=True)
    scale = lam * (1 + z.abs().sum(1))
    assert (optimality.duality_gap(y, z, W_d, lam) <= 1e-6 * scale).all()
    assert (optimality.kkt_residual(y, z, W_d, lam) <= 1e-4 * lam).all()


@laws
@given(problems, st.floats(0.01, 100))
def test_certificates_carry_their_units(given_problem, c):
    draw = given_problem[0]
    y, W_d, lam = problem(*given_problem)
    z = draw.normal(len(y), W_d.shape[1])
    for certificate, unit in ((optimality.duality_gap, c**2), (optimality.kkt_residual, c)):
        assert torch.allclose(certificate(c * y, c * z, W_d, c * lam), unit * certificate(y, z, W_d, lam))


@laws
@given(problems)
def test_codes_do_not_depend_on_the_order_of_atoms_or_on_their_signs(given_problem):
    y, W_d, lam = problem(*given_problem)
    m, draw = W_d.shape[1], given_problem[0]
    order, signs = torch.randperm(m, generator=draw.generator), draw.normal(m).sign()
    for solve in (ista, fista):
        z = solve(y, W_d, lam, 50)
        assert torch.allclose(solve(y, W_d[:, order], lam, 50), z[:, order], atol=1e-9)
        assert torch.allclose(solve(y, W_d * signs, lam, 50), z * signs, atol=1e-9)


# --- divergences ---


@laws
@given(draws, sizes, scales)
def test_kls_are_not_negative_and_vanish_for_equals(draw, n, scale):
    mu, logvar = scale * draw.normal(4, n), draw.normal(4, n)
    assert (energies.gaussian_kl(mu, logvar) >= 0).all()
    log_p, E = draw.normal(n), scale * draw.normal(4, n)
    kl = surface.kl_by_quadrature(log_p, E)
    assert (kl >= -1e-12).all() and torch.allclose(surface.kl_by_quadrature(log_p, E + 7), kl, atol=1e-9 * scale)
    assert surface.kl_by_quadrature(log_p, 3 - log_p).abs() < 1e-12


@laws
@given(draws, st.integers(1, 4), st.integers(2, 30))
def test_information_lies_below_log_n(draw, d, n):
    assert features.code_information(draw.normal(n, d), draw.normal(n, d)) <= math.log(n) + 1e-9


@laws
@given(draws, sizes, st.integers(1, 6), positive)
def test_the_free_energy_lies_between_its_bounds_and_rises_with_beta(draw, B, K, beta):
    E = 5 * draw.normal(B, K)
    F = energies.free_energy(E, beta)
    low, high = E.amin(1) - math.log(K) / beta, E.amin(1)
    assert (F - low >= -1e-9).all() and (high - F >= -1e-9).all()
    assert (energies.free_energy(E, 2 * beta) >= F - 1e-9).all()
    for b in (beta, math.inf):
        assert torch.equal(energies.free_energy(E[None], b)[0], energies.free_energy(E, b))


@laws
@given(draws, sizes, st.integers(1, 6), st.integers(1, 6))
def test_an_rbm_s_free_energy_takes_any_number_of_leading_dimensions(draw, B, n, m):
    rbm, v = draw.rbm(n, m), draw.normal(B, n)
    rows = energies.rbm_free_energy(v, rbm.W, rbm.b, rbm.c)
    for more in (v[0], v[:, None], v[None]):
        found = energies.rbm_free_energy(more, rbm.W, rbm.b, rbm.c)
        assert found.shape == more.shape[:-1]
        assert torch.allclose(found.flatten(), rows[:found.numel()], rtol=1e-12, atol=1e-12)


# --- partition functions ---


@laws
@given(draws, st.integers(1, 6), st.integers(1, 6))
def test_log_z_does_not_depend_on_who_is_called_visible_and_a_free_unit_is_worth_log_2(draw, n, m):
    rbm = draw.rbm(n, m)
    log_z, zero = partition.exact_log_z(rbm), torch.zeros(n, 1, dtype=torch.float64)
    turned = SimpleNamespace(W=rbm.W.T, b=rbm.c, c=rbm.b)
    more = SimpleNamespace(W=torch.cat([rbm.W, zero], 1), b=rbm.b, c=torch.cat([rbm.c, zero[0]]))
    assert partition.exact_log_z(turned) == pytest.approx(log_z, abs=1e-9)
    assert partition.exact_log_z(more) == pytest.approx(log_z + math.log(2), abs=1e-9)
    total = partition.log_likelihood(rbm, partition.states(n).double(), log_z).logsumexp(0)
    assert total.item() == pytest.approx(0, abs=1e-9)


@few
@given(draws, st.integers(2, 5), st.integers(1, 4), st.floats(0.1, 1.0))
def test_annealing_agrees_with_the_exact_sum_from_both_sides(draw, n, m, scale):
    rbm, betas = draw.rbm(n, m, scale), torch.linspace(0, 1, 30)
    rbm = rbm if m <= n else SimpleNamespace(W=rbm.W.T, b=rbm.c, c=rbm.b)  # exact samples enumerate the hidden layer
    torch.manual_seed(0)
    base, log_z = draw.normal(len(rbm.b)), partition.exact_log_z(rbm)
    forward = partition.ais(rbm, base, betas, 2000)
    back = partition.reverse_ais(rbm, base, betas, partition.exact_samples(rbm, 2000))
    assert abs(forward.log_z - log_z) <= 6 * forward.error + 1e-3 and abs(back.log_z - log_z) <= 6 * back.error + 1e-3


@few
@given(draws, st.integers(1, 3), st.integers(1, 4))
def test_with_the_true_posterior_every_bound_is_the_likelihood(draw, d, n):
    """z ~ N(0, I), y = z W + b + σε with W of orthogonal rows: the posterior's coordinates are independent."""
    n, sigma = d + n, 0.6
    W = torch.linalg.qr(draw.normal(n, d))[0] * (0.5 + draw.uniform(d))
    b, y = draw.normal(n), draw.normal(3, n)
    precision = 1 + W.square().sum(0) / sigma**2
    mu, logvar = (y - b) @ W / sigma**2 / precision, -precision.log().expand(3, d)

    def energy(y, z):
        left = (y - b - z @ W.T).square().sum(-1) / sigma**2 + n * math.log(2 * math.pi * sigma**2)
        return 0.5 * (left + z.square().sum(-1) + d * math.log(2 * math.pi))
    cov = W @ W.T + sigma**2 * torch.eye(n, dtype=W.dtype)
    exact = torch.distributions.MultivariateNormal(b, cov).log_prob(y)
    for bound in likelihood.iwae_bounds(energy, y, mu, logvar, ks=(1, 4, 8), chunk=3).values():
        assert torch.allclose(bound, exact, atol=1e-8)
    wide = likelihood.iwae_bounds(energy, y, mu, logvar + 1, ks=(1, 5, 50))
    assert (wide[1] <= wide[5] + 1e-9).all() and (wide[5] <= wide[50] + 1e-9).all()


# --- the ruler and the yardsticks: what they must not depend on ---


@laws
@given(draws, st.floats(0.05, 20), st.floats(-50, 50))
def test_beta_takes_back_unit_and_zero(draw, unit, zero):
    E_data, E_grid = draw.uniform(20), 3 * draw.uniform(200)
    one = ruler.fit_beta(E_data, E_grid)
    assert ruler.fit_beta(unit * E_data + zero, unit * E_grid + zero) * unit == pytest.approx(one, rel=1e-6)


@laws
@given(draws, sizes, sizes)
def test_auroc_knows_order_only(draw, n, m):
    low, high = draw.normal(n).mul(2).round(), draw.normal(m).mul(2).round()
    area = ruler.auroc(low, high)
    assert 0 <= area <= 1 and ruler.auroc(high, low) == pytest.approx(1 - area)
    assert ruler.auroc(low.exp(), high.exp()) == pytest.approx(area)


@laws
@given(draws, st.integers(2, 9), st.integers(2, 9))
def test_water_ends_in_pits_never_climbs_and_knows_order_only(draw, H, W):
    E = draw.normal(H, W).mul(2).round()  # with plains
    end, flat = ruler.follow(ruler.downhill(E)), E.flatten()
    assert torch.equal(end[end], end) and (flat[end] <= flat).all()
    assert torch.equal(ruler.follow(ruler.downhill(E.exp() - 3)), end)


@laws
@given(draws, st.integers(3, 9), st.integers(3, 9))
def test_pits_turn_with_the_surface(draw, H, W):
    E = draw.normal(H, W)
    pits = {tuple(pit) for pit in surface.local_minima(E).tolist()}
    turned = {(column, row) for row, column in surface.local_minima(E.T.contiguous()).tolist()}
    flipped = {(H - 1 - row, column) for row, column in surface.local_minima(E.flip(0)).tolist()}
    assert pits == turned == flipped


@laws
@given(draws, st.integers(2, 12), st.integers(1, 6), scales)
def test_the_effective_rank_knows_directions_only(draw, N, m, scale):
    h, turn = draw.normal(N, m), torch.linalg.qr(draw.normal(m, m))[0]
    rank = embedding.effective_rank(h)
    assert 1 - 1e-9 <= rank <= min(N, m) + 1e-9
    assert embedding.effective_rank(scale * h @ turn) == pytest.approx(rank)
    assert embedding.effective_rank(torch.cat([h, h])) == pytest.approx(rank)
    assert embedding.uniformity(scale * h @ turn) == pytest.approx(embedding.uniformity(h), abs=1e-6)
    assert -8 - 1e-9 <= embedding.uniformity(h) <= 1e-9


@few
@given(draws, st.integers(2, 4), scales)
def test_the_measures_of_kernels_know_neither_sign_nor_size(draw, m, scale):
    K = draw.normal(m, 7, 7)
    for measure in (convolutional.shift_similarity, convolutional.radial_symmetry):
        assert torch.allclose(measure(-scale * K), measure(K), atol=1e-6)
    alike = convolutional.shift_similarity(K)
    assert (alike >= 0).all() and (alike <= 1 + 1e-9).all() and torch.allclose(alike, alike.T, atol=1e-9)
    degrees, coherence = convolutional.orientation(K)
    turned, same = convolutional.orientation(torch.rot90(K, 1, (1, 2)))
    assert torch.allclose(coherence, same, atol=1e-9)
    assert torch.allclose((turned - degrees) % 180, torch.full_like(degrees, 90), atol=1e-6)
    assert (dictionary.locality(K.flatten(1), 7, 3) <= 1).all()


# --- shapes, dtypes, empty batches ---

SHAPED = {  # draw, B -> the result, and what its rows must look like
    "ista": lambda d, B: (ista(d.normal(B, 3), d.normal(3, 5), 0.1, 4), (5,)),
    "fista": lambda d, B: (fista(d.normal(B, 3), d.normal(3, 5), 0.1, 4, restart=True), (5,)),
    "lista": lambda d, B: (LISTA(d.normal(3, 5), 0.1, 2)(d.normal(B, 3)), (5,)),
    "gibbs": lambda d, B: (gibbs(d.rbm(3, 2), d.bits(B, 3), 2), (3,)),
    "langevin": lambda d, B: (langevin(lambda y: y.square().sum(-1), d.normal(B, 3), 2, clip=1.0, box=1.0), (3,)),
    "metropolis": lambda d, B: (metropolis(lambda y: y.sum(-1), d.bits(B, 3), 3), (3,)),
    "sparse_energy": lambda d, B: (energies.sparse_energy(d.normal(B, 3), d.normal(B, 5), d.normal(3, 5), 0.1), ()),
    "gaussian_kl": lambda d, B: (energies.gaussian_kl(d.normal(B, 3), d.normal(B, 3)), ()),
    "free_energy": lambda d, B: (energies.free_energy(d.normal(B, 4), 2.0), ()),
    "rbm_free_energy": lambda d, B: (
        energies.rbm_free_energy(d.normal(B, 3), d.normal(3, 2), d.normal(3), d.normal(2)), ()),
    "kkt_residual": lambda d, B: (optimality.kkt_residual(d.normal(B, 3), d.normal(B, 5), d.normal(3, 5), 0.1), ()),
    "duality_gap": lambda d, B: (optimality.duality_gap(d.normal(B, 3), d.normal(B, 5), d.normal(3, 5), 0.1), ()),
    "binarize": lambda d, B: (data.binarize(d.uniform(B, 4)), (4,)),
    "spiral_energy": lambda d, B: (toys.spiral_energy(d.normal(B, 2)), ()),
    "spiral_curve": lambda d, B: (toys.spiral_curve(d.uniform(B)), (2,)),
    "iwae_bounds": lambda d, B: (likelihood.iwae_bounds(
        lambda y, z: z.square().sum(-1), d.normal(B, 3), d.normal(B, 2), d.normal(B, 2), ks=(1, 4))[4], ()),
    "descend": lambda d, B: (surface.descend(lambda y: y.square().sum(-1), d.normal(B, 2), 3), (2,)),
} | {f"corrupt {how}": lambda d, B, how=how: (corruptions.corrupt(d.uniform(B, 784), how), (784,))
     for how in corruptions.AMOUNTS if how != "blend"}


@pytest.mark.parametrize("name", SHAPED)
@few
@given(both, st.sampled_from([0, 1, 5]))
def test_rows_in_rows_out_in_the_precision_of_the_input(name, draw, B):
    torch.manual_seed(0)
    out, row = SHAPED[name](draw, B)
    assert out.shape == (B, *row) and out.dtype == draw.dtype and not torch.isnan(out).any()


@laws
@given(both, st.sampled_from(sorted(corruptions.AMOUNTS)))
def test_a_corruption_keeps_its_input_and_its_range(draw, how):
    y = draw.uniform(4, 784)
    kept = y.clone()
    x = corruptions.corrupt(y, how)
    assert torch.equal(y, kept) and not torch.equal(x, y)
    assert how == "gaussian" or (x.min() >= 0 and x.max() <= 1 + 1e-6)
    if how in ("masking", "gaussian", "blur", "inversion", "blend"):  # with nothing asked for, nothing is done
        assert torch.allclose(corruptions.corrupt(y, how, 0), y, atol=1e-6)


@laws
@given(draws, st.integers(1, 20), st.integers(1, 12), st.integers(1, 20))
def test_every_pass_of_batches_sees_no_sample_twice(draw, n, size, steps):
    assume(size <= n)
    drawn = batches(torch.arange(n), batch_size=size, steps=steps, generator=draw.generator)
    seen = [batch.tolist() for batch in drawn]
    a_pass = n // size
    assert len(seen) == steps and all(len(batch) == size for batch in seen)
    for start in range(0, steps, a_pass):
        passed = sum(seen[start:start + a_pass], [])
        assert len(set(passed)) == len(passed) and set(passed) <= set(range(n))
