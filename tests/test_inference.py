"""Sparse inference against an independent solver, against its theorems, and against what must be refused."""

from types import SimpleNamespace

import pytest
import torch
from sklearn.linear_model import Lasso

from utils.energies import shrinkage, sparse_energy
from utils.inference import fista, gibbs, ista, langevin, metropolis

SOLVERS = [ista, fista]
DTYPES = [torch.float32, torch.float64]


def problem(seed, B=4, n=12, m=20, fraction=0.2, dtype=torch.float64):
    """(y, W_d, lam) with lam a fraction of the smallest λ that makes every code 0."""
    draw = torch.Generator().manual_seed(seed)
    y = torch.randn(B, n, generator=draw, dtype=torch.float64).to(dtype)
    W_d = torch.nn.functional.normalize(torch.randn(n, m, generator=draw, dtype=torch.float64), dim=0).to(dtype)
    return y, W_d, fraction * (y @ W_d).abs().max().item()


def oracle(y, W_d, lam, positive=False):
    """Codes by coordinate descent; scikit-learn divides the quadratic term by n, so its penalty is lam / n."""
    lasso = Lasso(alpha=lam / y.shape[1], fit_intercept=False, tol=1e-10, max_iter=200_000, positive=positive)
    return torch.stack([torch.from_numpy(lasso.fit(W_d.numpy(), row).coef_.copy()) for row in y.numpy()])


def relative_excess(y, z, W_d, lam, z_other):
    other = sparse_energy(y, z_other, W_d, lam)
    return ((sparse_energy(y, z, W_d, lam) - other) / other).abs().max().item()


@pytest.mark.parametrize("seed", range(100))
def test_fista_agrees_with_scikit_learn(seed):
    draw = torch.Generator().manual_seed(1000 + seed)
    n, m = torch.randint(3, 60, (2,), generator=draw).tolist()
    a, b = torch.rand(2, generator=draw).tolist()
    y, W_d, lam = problem(seed, 1 + seed % 3, n, m, fraction=10 ** (2.1 * a - 2))  # λ / λ_max from 0.01 to 1.26
    scale, atom = 10 ** (4 * b - 2), 1 + seed % 4
    y, W_d, lam = scale * y, atom * W_d, scale * atom * lam
    assert relative_excess(y, fista(y, W_d, lam, 3000), W_d, lam, oracle(y, W_d, lam)) < 1e-5


@pytest.mark.parametrize("solve", SOLVERS)
@pytest.mark.parametrize("seed", range(5))
def test_codes_agree_with_scikit_learn(solve, seed):
    y, W_d, lam = problem(seed, n=30, m=15)
    assert (solve(y, W_d, lam, 3000) - oracle(y, W_d, lam)).abs().max() < 1e-6


@pytest.mark.parametrize("solve", SOLVERS)
@pytest.mark.parametrize("seed", range(5))
def test_nonnegative_codes_agree_with_scikit_learn(solve, seed):
    y, W_d, lam = problem(seed, n=30, m=15)
    z, wanted = solve(y, W_d, lam, 3000, nonnegative=True), oracle(y, W_d, lam, positive=True)
    assert (z >= 0).all() and (z - wanted).abs().max() < 1e-6
    assert (oracle(y, W_d, lam) < 0).any(), "otherwise this test shows nothing"


def excesses(y, W_d, lam, z_star, n_steps, solve, **options):
    """E(z_k) − E(z*) for k = 0, 1, …, n_steps.   -> (n_steps + 1, B)."""
    floor, path = sparse_energy(y, z_star, W_d, lam), []
    solve(y, W_d, lam, n_steps, callback=lambda z: path.append(sparse_energy(y, z, W_d, lam) - floor), **options)
    return torch.stack(path)


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("nonnegative", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_both_theorems_hold_at_every_step_and_ista_descends(seed, nonnegative, warm):
    y, W_d, lam = problem(seed)
    z_star = fista(y, W_d, lam, 10_000, nonnegative=nonnegative)
    z0 = torch.rand(4, 20, dtype=torch.float64) if warm else torch.zeros(4, 20, dtype=torch.float64)
    L, k, late = torch.linalg.matrix_norm(W_d, 2) ** 2, torch.arange(1, 201)[:, None], {}
    for solve, bound in ((ista, L / (2 * k)), (fista, 2 * L / (k + 1) ** 2)):
        excess = excesses(y, W_d, lam, z_star, 200, solve, z0=z0, nonnegative=nonnegative)
        assert (excess[1:] <= bound * (z0 - z_star).square().sum(1) + 1e-12).all()
        late[solve] = excess[50:100].mean()
        if solve is ista:
            assert (excess[1:] - excess[:-1]).max() < 1e-12
    assert warm or late[fista] < 0.2 * late[ista]


def hard_problem(n=120):
    """Nearly the worst case of Nesterov: a chain, so that a step tells each coefficient of its neighbors only."""
    chain = 2 * torch.eye(n, dtype=torch.float64) - torch.diag(torch.ones(n - 1, dtype=torch.float64), 1) \
        - torch.diag(torch.ones(n - 1, dtype=torch.float64), -1)
    W_d = torch.linalg.cholesky(chain).T.contiguous()                 # W_dᵀW_d = chain
    y = torch.linalg.solve(W_d.T, torch.eye(n, dtype=torch.float64)[0])[None]  # W_dᵀy = e₁
    return y, W_d, 1e-9


def test_theorem_4_4_is_about_this_sequence():
    """On a hard problem FISTA keeps its bound; without momentum, t ≡ 1, the bound breaks."""
    y, W_d, lam = hard_problem()
    z_star = torch.linalg.solve(W_d.T @ W_d, (y @ W_d - lam)[0])[None]     # all coefficients are positive
    assert (z_star > 0).all()
    L, k = torch.linalg.matrix_norm(W_d, 2) ** 2, torch.arange(1, 201)[:, None]
    bound = 2 * L / (k + 1) ** 2 * z_star.square().sum(1)
    ratio = {solve: (excesses(y, W_d, lam, z_star, 200, solve)[1:] / bound).max() for solve in (fista, ista)}
    assert ratio[fista] < 1 and ratio[ista] > 1.1, ratio


@pytest.mark.parametrize("solve", SOLVERS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_both_precisions(solve, dtype):
    y, W_d, lam = problem(3, n=30, m=15, dtype=dtype)
    z = solve(y, W_d, lam, 2000)
    assert z.dtype == dtype and z.shape == (4, 15)
    exact = fista(y.double(), W_d.double(), lam, 3000)
    assert (z.double() - exact).abs().max() < (1e-5 if dtype == torch.float32 else 1e-9)


@pytest.mark.parametrize("solve", SOLVERS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("times", [1.0, 1.5, 100.0])
def test_a_large_lam_gives_exactly_zero(solve, dtype, times):
    for seed in range(20):
        y, W_d, lam = problem(seed, n=7 + seed, fraction=times, dtype=dtype)
        assert torch.count_nonzero(solve(y, W_d, lam, 50)) == 0
    assert torch.count_nonzero(solve(y, W_d, 0.9 * lam / times, 50)) > 0


@pytest.mark.parametrize("solve", SOLVERS)
@pytest.mark.parametrize("nonnegative", [False, True])
def test_inputs_are_never_changed(solve, nonnegative):
    y, W_d, lam = problem(5)
    z0 = torch.randn(4, 20, dtype=torch.float64)
    before = [t.clone() for t in (y, W_d, z0)]
    for n_steps in (0, 1, 20):
        z = solve(y, W_d, lam, n_steps, z0=z0, nonnegative=nonnegative)
        z.zero_()  # writing into the result must not reach the start either
        assert all(torch.equal(a, b) for a, b in zip(before, (y, W_d, z0), strict=True))


@pytest.mark.parametrize("solve", SOLVERS)
def test_zero_columns_and_a_zero_dictionary(solve):
    y, W_d, lam = problem(6)
    padded = torch.cat([torch.zeros(12, 2, dtype=torch.float64), W_d, torch.zeros(12, 1, dtype=torch.float64)], 1)
    z = solve(y, padded, lam, 300)
    assert torch.count_nonzero(z[:, [0, 1, -1]]) == 0
    assert torch.allclose(z[:, 2:-1], solve(y, W_d, lam, 300))
    assert torch.equal(solve(y, 0 * W_d, lam, 10), torch.zeros(4, 20, dtype=torch.float64))


@pytest.mark.parametrize("solve", SOLVERS)
def test_one_sample_none_and_a_row_of_a_batch(solve):
    y, W_d, lam = problem(7)
    together = solve(y, W_d, lam, 100)
    assert torch.allclose(solve(y[2:3], W_d, lam, 100), together[2:3], atol=1e-12)
    assert solve(y[:0], W_d, lam, 5).shape == (0, 20)


@pytest.mark.parametrize("solve", SOLVERS)
def test_the_path_is_seen_whole_and_kept(solve):
    y, W_d, lam = problem(8)
    path = []
    z = solve(y, W_d, lam, 6, callback=path.append)
    assert len(path) == 7 and torch.count_nonzero(path[0]) == 0 and torch.equal(path[-1], z)
    for k, point in enumerate(path):
        assert torch.equal(point, solve(y, W_d, lam, k))


@pytest.mark.parametrize("solve", SOLVERS)
def test_left_out_there_are_a_hundred_steps_from_zero(solve):
    y, W_d, lam = problem(8)
    assert torch.equal(solve(y, W_d, lam), solve(y, W_d, lam, 100, z0=torch.zeros(len(y), W_d.shape[1]).to(y)))
    for faint in (0.1, 1e-3):  # the step is 1/L also where L < 1
        step = 1 / torch.linalg.matrix_norm(faint * W_d, ord=2).item() ** 2
        assert torch.equal(solve(y, faint * W_d, 0.0, 5), solve(y, faint * W_d, 0.0, 5, step=step))


def test_left_out_samplers_do_one_step_of_their_usual_length():
    def energy(y):
        return (y**2).sum(-1)

    def drawn(draw, *arguments, **options):
        torch.manual_seed(8)
        return draw(*arguments, **options)
    y, bits = torch.tensor([[1.0, -2.0]]), torch.ones(3, 5)
    rbm = SimpleNamespace(W=torch.ones(5, 2), b=torch.zeros(5), c=torch.zeros(2))
    assert torch.equal(drawn(langevin, energy, y), drawn(langevin, energy, y, k=1, step=0.1, kick=1.0))
    assert torch.equal(drawn(gibbs, rbm, bits), drawn(gibbs, rbm, bits, k=1))
    assert torch.equal(drawn(metropolis, energy, bits), drawn(metropolis, energy, bits, k=1, temperature=1.0))


def test_metropolis_flips_one_coordinate_of_each_row_whatever_stands_before_it():
    torch.manual_seed(0)
    for shape in ((5,), (3, 5), (3, 1, 5), (2, 3, 5)):
        flipped = metropolis(lambda y: y.sum(-1), torch.ones(shape), temperature=0.0)
        assert flipped.shape == shape and (flipped.sum(-1) == 4).all()
    flat = metropolis(lambda y: y.sum(-1) * 0, torch.ones(3, 5), k=20, temperature=0.0)
    assert (flat == 1).all(), "at T = 0 only what falls is kept"


def test_what_samplers_draw_is_a_constant_of_the_loss():
    def energy(y):
        return (y**2).sum(-1)
    bits = torch.ones(3, 5, requires_grad=True)
    rbm = SimpleNamespace(W=torch.ones(5, 2, requires_grad=True), b=torch.zeros(5), c=torch.zeros(2))
    drawn = langevin(energy, bits), metropolis(energy, bits), gibbs(rbm, bits)
    assert not any(one.requires_grad for one in drawn)


@pytest.mark.parametrize("solve", SOLVERS)
def test_a_start_at_the_minimum_stays_there(solve):
    y, W_d, lam = problem(9, n=30, m=15)
    z_star = fista(y, W_d, lam, 5000)
    assert (solve(y, W_d, lam, 50, z0=z_star) - z_star).abs().max() < 1e-10


def test_the_step_is_used_and_too_long_a_step_diverges():
    y, W_d, _ = problem(10, n=30, m=15)
    L = torch.linalg.matrix_norm(W_d, 2).item() ** 2
    assert torch.equal(ista(y, W_d, 0.1, 9, step=1 / L), ista(y, W_d, 0.1, 9))
    assert not torch.equal(ista(y, W_d, 0.1, 9, step=0.5 / L), ista(y, W_d, 0.1, 9))
    assert ista(y, W_d, 0.0, 300, step=2.2 / L).abs().max() > 1e6


@pytest.mark.parametrize("solve", SOLVERS)
def test_no_gradient_is_recorded(solve):
    y, W_d, lam = problem(11)
    assert not solve(y, W_d.requires_grad_(), lam, 3).requires_grad


@pytest.mark.parametrize("solve", SOLVERS)
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("where", ["y", "W_d", "z0", "lam", "step"])
def test_what_is_not_a_number_is_refused_by_name(solve, bad, where):
    y, W_d, lam = problem(12)
    given = {"y": y, "W_d": W_d, "z0": torch.zeros(4, 20, dtype=torch.float64), "lam": lam, "step": 0.1}
    if torch.is_tensor(given[where]):
        given[where][1, 2] = bad
    else:
        given[where] = bad
    with pytest.raises(ValueError, match=where):
        solve(**given)


@pytest.mark.parametrize("solve", SOLVERS)
@pytest.mark.parametrize("change, error, words", [
    ({"y": torch.zeros(12)}, ValueError, r"\(12,\).*y\[None\]"),
    ({"W_d": torch.zeros(20, 12)}, ValueError, r"\(20, 12\).*columns"),
    ({"W_d": torch.zeros(12)}, ValueError, "W_d"),
    ({"z0": torch.zeros(4, 19)}, ValueError, r"z0.*\(4, 20\).*\(4, 19\)"),
    ({"z0": torch.zeros(20)}, ValueError, "z0"),
    ({"y": torch.zeros(4, 12).double()}, TypeError, "float64"),
    ({"y": torch.zeros(4, 12).int(), "W_d": torch.zeros(12, 20).int()}, TypeError, "int32"),
    ({"lam": -0.1}, ValueError, "negative"),
    ({"step": 0.0}, ValueError, "step"),
    ({"n_steps": -1}, ValueError, "n_steps"),
])
def test_what_cannot_be_meant_is_refused(solve, change, error, words):
    with pytest.raises(error, match=words):
        solve(**({"y": torch.zeros(4, 12), "W_d": torch.zeros(12, 20), "lam": 0.1} | change))


@pytest.mark.parametrize("threshold", [0.0, 0.5, 3.0])
def test_shrinkage_is_torchs(threshold):
    v = 2 * torch.randn(1000, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(shrinkage(v, threshold), torch.nn.functional.softshrink(v, threshold))


def test_shrinkage_takes_a_threshold_for_each_unit():
    v = torch.tensor([[1.0, -2.0, 0.4], [-1.0, 0.1, 3.0]])
    wanted = torch.tensor([[0.5, -1.0, 0.0], [-0.5, 0.0, 1.0]])
    assert torch.allclose(shrinkage(v, torch.tensor([0.5, 1.0, 2.0])), wanted)
    assert torch.isnan(shrinkage(torch.tensor(float("nan")), 0.5))


def test_energy_of_a_hand_example():
    y, z, W_d = torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.tensor([[1.0, -1.0], [0.0, 2.0]]), torch.eye(2)
    assert torch.allclose(sparse_energy(y, z, W_d, 0.5), torch.tensor([0.5 * 9 + 1.0, 0.5 * 4 + 1.0]))


def paper(y, W_d, lam, n_steps, z0=None, nonnegative=False):
    """Beck & Teboulle (2009), p. 193, word for word: their x_k, y_k, t_k. A sample is a column. -> all x_k."""
    L = torch.linalg.matrix_norm(W_d, ord=2).item() ** 2
    b, A = y.T, W_d

    def p_L(point):
        v = point - A.T @ (A @ point - b) / L
        return (v - lam / L).clamp(min=0) if nonnegative else v.sign() * (v.abs() - lam / L).clamp(min=0)

    x = y.new_zeros(A.shape[1], len(y)) if z0 is None else z0.T
    y_k, t_k, seen = x, 1.0, [x.T]                                    # Step 0: y_1 = x_0, t_1 = 1
    for _ in range(n_steps):
        x_prev, x = x, p_L(y_k)                                       # (4.1)
        t_next = (1 + (1 + 4 * t_k**2) ** 0.5) / 2                    # (4.2)
        y_k = x + (t_k - 1) / t_next * (x - x_prev)                   # (4.3)
        t_k = t_next
        seen.append(x.T)
    return seen


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("nonnegative", [False, True])
def test_fista_is_the_papers_loop(warm, nonnegative):
    for seed in range(100):
        n, m = 5 + seed % 20, 3 + seed % 31
        y, W_d, lam = problem(seed, 3, n, m, fraction=0.02 + 0.009 * (seed % 50))
        z0 = torch.randn(3, m, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) if warm else None
        wanted, path = paper(y, W_d, lam, 600, z0, nonnegative), []
        fista(y, W_d, lam, 600, z0=z0, nonnegative=nonnegative, callback=path.append)
        for k in (1, 2, 3, 10, 600):
            assert (path[k] - wanted[k]).abs().max() < 1e-12, (seed, k)


def test_fista_is_the_papers_loop_in_single_precision():
    for seed in range(20):
        y, W_d, lam = problem(seed, 3, 20, 30, dtype=torch.float32)
        for k in (1, 2, 3, 10, 600):
            z = fista(y, W_d, lam, k)
            assert z.dtype == torch.float32
            assert (z - paper(y, W_d, lam, k)[-1]).abs().max() < 1e-5, (seed, k)


def test_the_first_two_steps_of_fista_are_those_of_ista():
    y, W_d, lam = problem(1)
    z0 = torch.randn(4, 20, dtype=torch.float64)
    for k in (1, 2):
        assert torch.equal(fista(y, W_d, lam, k, z0=z0), ista(y, W_d, lam, k, z0=z0))
    assert not torch.allclose(fista(y, W_d, lam, 3, z0=z0), ista(y, W_d, lam, 3, z0=z0))


def reference_restart(y, W_d, lam, n_steps):
    """One row at a time, the momentum begun anew where the generalized gradient points along the move."""
    L = torch.linalg.matrix_norm(W_d, ord=2).item() ** 2
    rows = []
    for row in y:
        x = x_prev = u = W_d.new_zeros(W_d.shape[1])
        t = 1.0
        for _ in range(n_steps):
            v = u - W_d.T @ (W_d @ u - row) / L
            x_prev, x = x, v.sign() * (v.abs() - lam / L).relu()
            t_next = (1 + (1 + 4 * t**2) ** 0.5) / 2
            if torch.dot(L * (u - x), x - x_prev) > 0:                # G(u) · (x_k − x_{k−1})
                t, t_next = 1.0, (1 + 5**0.5) / 2
            u, t = x + (t - 1) / t_next * (x - x_prev), t_next
        rows.append(x)
    return torch.stack(rows)


def test_restart_is_that_of_every_row_for_itself():
    for seed in range(20):
        y, W_d, lam = problem(seed, 5, 12, 25, fraction=0.05)
        for k in (1, 5, 40, 300):
            z = fista(y, W_d, lam, k, restart=True)
            assert (z - reference_restart(y, W_d, lam, k)).abs().max() < 1e-9, (seed, k)


def test_restart_ends_at_the_optimum_and_gets_there_sooner():
    steps = {False: 0, True: 0}
    for seed in range(10):
        y, W_d, lam = problem(seed, 4, 30, 60, fraction=0.03)
        floor = sparse_energy(y, fista(y, W_d, lam, 20_000), W_d, lam)
        for restart in steps:
            path = []
            fista(y, W_d, lam, 6000, restart=restart, callback=path.append)
            excess = torch.stack([sparse_energy(y, z, W_d, lam) - floor for z in path])
            assert excess[-1].abs().max() < 1e-10
            steps[restart] += (excess > 1e-8).sum(0).double().mean()
    assert steps[True] < 0.6 * steps[False]


@pytest.mark.parametrize("nonnegative", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_restart_goes_with_the_other_options(nonnegative, dtype):
    y, W_d, lam = problem(2, n=30, m=15, dtype=dtype)
    z0, path = torch.randn(4, 15).to(dtype), []
    z = fista(y, W_d, lam, 2000, z0=z0, nonnegative=nonnegative, restart=True, callback=path.append)
    exact = fista(y.double(), W_d.double(), lam, 6000, nonnegative=nonnegative)
    assert z.dtype == dtype and len(path) == 2001 and torch.equal(path[0], z0)
    assert (z.double() - exact).abs().max() < (1e-5 if dtype == torch.float32 else 1e-9)
    assert fista(y[:0], W_d, lam, 5, restart=True).shape == (0, 15)
