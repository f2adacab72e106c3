"""Batch Lasso: 1,000 whitened patches, 288 random atoms, to a duality gap of 1e-4 and 1e-6 of the empty code's energy.

    build/peers/bin/python benchmarks/lasso.py [--quick]

Every side gets the dictionary and all signals, and its time holds all that it makes of them. The gap is computed from
the codes in double precision, by one function for all, and the worst signal counts. scikit-learn, celer and skglm stop
by tolerances of their own, of which the loosest that reaches the target is taken.
"""

import sys
import warnings

import numpy as np
import torch
from notebook import definitions
from side_by_side import Comparison, Side, peer, program
from sklearn.linear_model import Lasso
from torch.nn.functional import normalize, softshrink

from utils import data, inference
from utils.measures.optimality import duality_gap
from utils.runtime import seed_everything

LAM = 0.1
WHY = ("Page 05's FISTA goes on with every signal until the worst is done, and is slower than scikit-learn's "
       "coordinate descent on the Gram matrix. In the Gram form a step is one product; signals whose gap is closed "
       "leave the batch; steps of 2.5/L, which no theorem covers, are judged by the gap, in double precision.")
STEPS = (40, 60, 80, 100, 120, 160, 200, 250, 300, 400, 500)


def gram_fista(y, W_d, lam, tolerance, stretch=2.5, most=300, every=10, polish=36):
    """FISTA with restart a row, where nothing is computed twice, and no row goes on that is done.

    With G = W_dᵀW_d a step is one product, z ← shrinkage(u (I − sG) + s W_dᵀy), as in a layer of page 06's LISTA. From
    time to time each row's duality gap is computed; rows below tolerance · ½‖y‖² leave the batch. Steps are stretch/L
    long: beyond 1/L nothing is proven, but a sparse code feels less than the largest curvature. A row whose gap rises
    leaves as well, and begins anew with 1/L. From step `polish` on, where a row's support is the same at two looks, the
    KKT equations are solved on it, as page 05 does for its optimum.   y: (B, n), W_d: (n, m) -> z: (B, m).
    """
    G, b, signals = W_d.T @ W_d, y @ W_d, y
    y_2, W_2 = y.double(), W_d.double()
    G_2, b_2, power_2 = W_2.T @ W_2, y_2 @ W_2, y_2.square().sum(1)

    def closed(z, rows):
        """Is the gap small enough? Single precision knows it to about 4e-7 of ½‖y‖², so the last word is double."""
        return gram_gap(z, z @ G_2, b_2[rows], power_2[rows], lam) <= tolerance / 2 * power_2[rows]

    step = stretch / torch.linalg.eigvalsh(W_d @ W_d.T)[-1].item()
    S, pulled = torch.eye(len(G), dtype=G.dtype, device=G.device) - step * G, step * b
    power, done, failed = y.square().sum(1), torch.zeros_like(b), []
    z, move, support = done, done, done != 0
    t, where, last = y.new_zeros(len(y), 1), torch.arange(len(y), device=y.device), power
    for k in range(1, most + 1):
        t_next = (1 + (1 + 4 * t * t).sqrt()) / 2
        u = torch.addcmul(z, (t - 1) / t_next, move)
        z_prev, z = z, softshrink(torch.addmm(pulled, u, S), step * lam)
        move = z - z_prev
        t = torch.where(torch.linalg.vecdot(u.sub_(z), move)[:, None] > 0, 1.0, t_next)
        if k % every == 0:
            gap, best = gram_gap(z, z @ G, b, power, lam), z
            still, worse = torch.ones_like(gap, dtype=torch.bool), ~(gap <= last) & (stretch > 1)  # nan is worse
            near, last = (gap <= tolerance * power).nonzero()[:, 0], gap
            still[near[closed(z[near].double(), where[near])]] = False
            if k >= polish:
                now = z != 0
                settled = (still & (now == support).all(1)).nonzero()[:, 0]
                support = now
                if len(settled):
                    exact = on_support(z[settled].double(), G_2, b_2[where[settled]], lam)
                    right = closed(exact, where[settled])
                    best = z.index_copy(0, settled[right], exact[right].to(z.dtype))
                    still[settled[right]] = False
            if worse.any():
                failed.append(where[still & worse])
            go = still & ~worse
            if 10 * go.sum() < 9 * len(go):
                done[where[~still]] = best[~still]
                if not go.any():
                    break
                z, move, b, pulled, power, t, where, support, last = (
                    x[go] for x in (z, move, b, pulled, power, t, where, support, last))
    else:
        done[where] = z
    failed = torch.cat(failed) if failed else where[:0]
    if len(failed):
        done[failed] = gram_fista(signals[failed], W_d, lam, tolerance, 1.0, most, every, polish)
    return done


def gram_gap(z, Gz, b, power, lam):
    """utils.measures.optimality.duality_gap from G z and b = W_dᵀy, without a product.   -> (B,)."""
    c = b - Gz
    steepest = c.abs().amax(1)
    s = torch.where(steepest > lam, lam / steepest, 1.0)
    residual = (power - (z * (b + c)).sum(1)).relu()
    return 0.5 * (1 - s).square() * residual + (lam * z.abs() - s[:, None] * z * c).relu().sum(1)


def on_support(z, G, b, lam):
    """Solve G_SS z_S = b_S − λ sign z_S for every row's support S at once: shorter ones are padded with unit rows."""
    size = int((z != 0).sum(1).max())
    order = z.abs().topk(size, dim=1).indices
    some = z.gather(1, order) != 0
    A = G[order[:, :, None], order[:, None, :]] * (some[:, :, None] & some[:, None, :])
    A.diagonal(dim1=1, dim2=2).add_((~some).to(A))
    right = (b.gather(1, order) - lam * z.gather(1, order).sign()) * some
    factor, wrong = torch.linalg.cholesky_ex(A)
    found = torch.cholesky_solve(right[:, :, None], factor)[:, :, 0]
    found = torch.where((wrong == 0)[:, None] & torch.isfinite(found).all(1, keepdim=True), found, 0.0)
    return torch.zeros_like(z).scatter(1, order, found * some)


def by_sklearn(y, W_d, tolerance):
    """Coordinate descent on the Gram matrix, in the precision of its data."""
    model = Lasso(LAM / len(W_d), fit_intercept=False, precompute=True, tol=tolerance, max_iter=500, copy_X=False)
    return model.fit(W_d, y.T).coef_


def sklearn_side(name, y, W_d, tolerances):
    y, W_d = y.copy(), np.asfortranarray(W_d)
    return Side(name, lambda tol: by_sklearn(y, W_d, tol), tolerances)


def celer_side(y, W_d, tolerances):
    import celer

    W_d = np.asfortranarray(W_d)

    def run(tolerance):
        model = celer.Lasso(LAM / len(W_d), fit_intercept=False, tol=tolerance)
        return np.stack([model.fit(W_d, one).coef_ for one in y])
    return Side("celer, signal by signal", run, tolerances)


def skglm_side(y, W_d):
    """Its tolerance is a violation of the KKT conditions, in the unit of alpha."""
    from skglm.datafits import Quadratic
    from skglm.penalties import L1
    from skglm.solvers import AndersonCD

    W_d = np.asfortranarray(W_d)
    alpha = LAM / len(W_d)
    datafit, penalty = Quadratic(), L1(alpha)

    def run(tolerance):
        solver = AndersonCD(tol=tolerance * alpha, fit_intercept=False)
        return np.stack([solver.solve(W_d, one, datafit, penalty)[0] for one in y])
    solve = AndersonCD(fit_intercept=False).solve
    solve(W_d, y[0], datafit, penalty)  # compiled at the first call
    return Side("skglm, AndersonCD signal by signal", run,
                (0.02, 0.005, 0.001, 5e-4, 2e-4, 1e-4, 5e-5, 2e-5, 1e-5, 5e-6, 2e-6, 1e-6))


def pylops_side(y, W_d):
    from pylops import MatrixMult
    from pylops.optimization.sparsity import fista

    signals, A = np.ascontiguousarray(y.T), MatrixMult(W_d, dtype=W_d.dtype)

    def run(steps):
        L = np.linalg.eigvalsh(W_d @ W_d.T)[-1]
        return fista(A, signals, niter=steps, eps=2 * LAM, alpha=1 / L, tol=0.0)[0].T
    return Side("pylops, FISTA", run, STEPS)


def comparisons(quick):
    seed_everything()
    warnings.simplefilter("ignore")  # "did not converge": the gap tells
    y = data.natural_patches(50 if quick else 1000, part="test").cpu()
    W_d = normalize(torch.randn(y.shape[1], 2 * y.shape[1]), dim=0)
    page = definitions("05-ista-fista", "curvature", "shrinkage", "ista_step", "look_ahead", "fista")["fista"]
    exact = [x.double() for x in (y, W_d)]
    empty = exact[0].square().sum(1) / 2

    def worst(z):
        return (duality_gap(exact[0], torch.as_tensor(np.asarray(z)).double(), exact[1], LAM) / empty).max()

    found = []
    for target in (1e-4, 1e-6):
        loosest = tuple(target * f for f in (5, 2, 1, 0.5, 0.2, 0.1))
        single, double = (y.numpy(), W_d.numpy()), tuple(x.numpy() for x in exact)
        found.append(Comparison(
            f"batch Lasso, gap {target:g}", f"relative duality gap of the worst of {len(y):,} signals", target, worst, [
                Side("ours, page 05's FISTA", lambda steps: page(y, W_d, LAM, steps), STEPS, ours=True),
                Side("ours, restart a row (utils.inference)",
                     lambda steps: inference.fista(y, W_d, LAM, steps, restart=True), STEPS, ours=True),
                Side("ours, + Gram form, 2.5/L, done rows dropped", lambda share, target=target: gram_fista(
                    y, W_d, LAM, share * target, polish=10**6), (0.9, 0.7), ours=True),
                Side("ours, + KKT equations on the support", lambda share, target=target: gram_fista(
                    y, W_d, LAM, share * target), (0.9, 0.7), ours=True),
                sklearn_side("scikit-learn, float32", *single, loosest),
                sklearn_side("scikit-learn, float64", *double, loosest),
                peer("celer", lambda loosest=loosest, double=double: celer_side(*double, loosest)),
                peer("skglm", lambda double=double: skglm_side(*double)),
                peer("pylops", lambda single=single: pylops_side(*single))], WHY))
    return found


if __name__ == "__main__":
    sys.exit(program("lasso", __doc__, comparisons) is None)
