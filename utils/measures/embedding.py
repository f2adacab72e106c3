"""Yardsticks for an embedding: how many directions it uses, how it fills the sphere, what can be read off."""

import warnings

import torch
from torch.nn.functional import normalize, pdist


def effective_rank(h, centered=False):
    """How many directions share the embedding: exp(−Σ p_i log p_i), p_i = σ_i² / Σ σ_j², σ the singular values of h.

    h: (N, m), N ≥ 1 -> a float between 1 and min(N, m). It is 1 when all rows are multiples of one vector.
    centered=False counts the mean as a direction, so that a total collapse to one point reads 1. With centered=True the
    mean is taken out first: a collapsed cloud then reads the rank of its rounding noise, which may be high.
    Raises ValueError when nothing is left to measure (all zeros, or not finite).
    Taught in notebook 01. Source: Roy & Vetterli, The effective rank (2007), with squared singular values.
    """
    h = h.double()
    if centered:
        h = h - h.mean(0)
    power = torch.linalg.svdvals(h).square() if torch.isfinite(h).all() else h.new_zeros(1)
    if not power.sum() > 0:
        raise ValueError("an embedding of zeros, or one with nan or inf, has no effective rank")
    share = power / power.sum()
    return torch.special.entr(share).sum().exp().item()


def uniformity(h, t=2.0):
    """How evenly the directions fill the sphere: log of the mean over pairs of exp(−t ‖u_i − u_j‖²), u = h/‖h‖.

    h: (N, m), N ≥ 2 -> a float; 0 for a collapse, lower is more even, about −2t = −4 for random directions in many
    dimensions. Source: Wang & Isola, Understanding contrastive representation learning through alignment and
    uniformity on the hypersphere (2020).
    """
    return pdist(normalize(h, dim=1)).square().mul(-t).exp().mean().log().item()


def probe_accuracy(h, labels, h_test, labels_test, Cs=(0.001, 0.01, 0.1, 1, 10), rescale=True):
    """Per cent right of a linear classifier on frozen features: logistic regression, C tuned for these features.

    h: (N, m), labels: (N,), h_test: (M, m), labels_test: (M,) -> percent of the M that are right. The last quarter
    of the N rows chooses C; then all N are fitted. With fewer than 40 rows C = 1. rescale: give every feature mean 0
    and variance 1 first, as found in h.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    h, labels, h_test, labels_test = (t.detach().cpu().numpy() for t in (h, labels, h_test, labels_test))

    def fitted(C, rows):
        steps = [StandardScaler()] if rescale else []
        return make_pipeline(*steps, LogisticRegression(C=C, max_iter=300, tol=1e-3)).fit(h[rows], labels[rows])

    cut, everything = len(h) * 3 // 4, slice(None)
    # a probe that has not converged is a probe all the same; torch's threads and scikit-learn's fight for the cores
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore", ConvergenceWarning)
        best = 1.0 if len(h) < 40 else max(
            Cs, key=lambda C: fitted(C, slice(cut)).score(h[cut:], labels[cut:]))
        return 100 * float(fitted(best, everything).score(h_test, labels_test))
