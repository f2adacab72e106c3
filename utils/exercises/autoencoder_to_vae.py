"""Checks of the exercises in notebook 09."""

import torch

from utils.energies import gaussian_kl
from utils.exercises.harness import Exercise


def kl_terms(mu, logvar):
    """Spring and size, the two terms of KL(N(μ, v) ‖ N(0, I)), v = exp(logvar).   mu, logvar: (B, d) -> (B,), (B,)."""
    return 0.5 * mu.square().sum(1), 0.5 * (logvar.exp() - logvar - 1).sum(1)


def reparameterize(mu, logvar, eps):
    """A sample of N(μ, v), v = exp(logvar), made from eps ~ N(0, I).   mu, logvar, eps: (…, d) -> (…, d)."""
    return mu + (logvar / 2).exp() * eps


def best_variance(curvature, beta):
    """argmin_v ½ c v + ½ β (v − log v − 1) = β / (β + c).   curvature c ≥ 0: any shape, beta > 0 -> same shape."""
    return beta / (beta + curvature)


def ablated_kl(mu, logvar, drop):
    """The KL without its "spring" or without its "size" term.   mu, logvar: (B, d), drop: one of the two -> (B,)."""
    spring, size = kl_terms(mu, logvar)
    return {"spring": size, "size": spring}[drop]


def bubble_radius(s):
    """σ = exp(s / 2), s the second half of the encoder's output.   s: (B, d) -> (B, d)."""
    return (s / 2).exp()


def reverse_kl(mu, logvar):
    """KL(N(0, I) ‖ N(μ, v)) = ½ Σ_j ((1 + μ_j²) / v_j + log v_j − 1), v = exp(logvar).   mu, logvar: (B, d) -> (B,)."""
    return 0.5 * ((1 + mu.square()) / logvar.exp() + logvar - 1).sum(1)


def _bubbles():
    """Two sets of (mu, logvar): in the first all logvar are positive, so that a root taken of them is a number."""
    return [(torch.randn(4, 3), 0.3 + torch.rand(4, 3)), (torch.randn(6, 2), torch.randn(6, 2))]


Exercise(
    "kl_terms", kl_terms, returns=("spring", "size"),
    cases=lambda: [*_bubbles(), tuple(part.double() for part in _bubbles()[1])],
    mistakes={
        "log v is wanted, log σ is half of it: log v is logvar as it stands":
            lambda m, s: (kl_terms(m, s)[0], 0.5 * (s.exp() - s / 2 - 1).sum(1)),
        "that is the whole KL: return its two terms apart": gaussian_kl,
        "the ½ is missing, in both terms": lambda m, s: tuple(2 * t for t in kl_terms(m, s)),
        "the ½ is missing in the size term": lambda m, s: (kl_terms(m, s)[0], 2 * kl_terms(m, s)[1]),
        "the ½ is missing in the spring": lambda m, s: (2 * kl_terms(m, s)[0], kl_terms(m, s)[1]),
        "the encoder outputs log-variances, not variances: v is exp(logvar)":
            lambda m, s: (kl_terms(m, s)[0], 0.5 * (s - s.log() - 1).sum(1)),
        "σ stands where v should: exp(logvar / 2) is the radius, v = exp(logvar)":
            lambda m, s: (kl_terms(m, s)[0], 0.5 * ((s / 2).exp() - s - 1).sum(1)),
        "the −1 is missing: the size term must be 0 for v = 1":
            lambda m, s: (kl_terms(m, s)[0], 0.5 * (s.exp() - s).sum(1)),
        "log v has the wrong sign: nothing would stop v from going to 0":
            lambda m, s: (kl_terms(m, s)[0], 0.5 * (s.exp() + s - 1).sum(1)),
        "the two terms are in the wrong order: first the spring, then the size": lambda m, s: kl_terms(m, s)[::-1],
        "you took the mean over the directions: their divergences add up, so sum them":
            lambda m, s: tuple(t / m.shape[1] for t in kl_terms(m, s)),
    },
    properties={"spring + size is not the KL": lambda f: all(
        torch.allclose(sum(f(m, s)), gaussian_kl(m, s), rtol=1e-4, atol=1e-5) for m, s in _bubbles())},
)

Exercise(
    "reparameterize", reparameterize,
    cases=lambda: [(m, s, torch.randn_like(m)) for m, s in _bubbles()]
    + [(torch.randn(4, 2), torch.randn(4, 2), torch.randn(5, 4, 2))],
    mistakes={
        "the noise is stretched by the variance: the radius is its root, exp(logvar / 2)":
            lambda m, s, e: m + s.exp() * e,
        "the noise is stretched by logvar itself: the radius is exp(logvar / 2)": lambda m, s, e: m + s * e,
        "the encoder outputs log-variances, not variances: the radius is exp(logvar / 2), not the root of logvar":
            lambda m, s, e: m + s.sqrt() * e,
        "you made noise of your own: use eps": lambda m, s, e: m + (s / 2).exp() * torch.randn_like(m),
        "the center is missing: shift by mu": lambda m, s, e: (s / 2).exp() * e,
        "the noise is missing: that is the center, not a sample": lambda m, s, e: m.expand_as(e),
        "mu is stretched as well: only the noise is": lambda m, s, e: (s / 2).exp() * (m + e),
    },
    gradient=("mu", "logvar"),
)

Exercise(
    "best_variance", best_variance, gradient=False,
    cases=lambda: [(1 + 50 * torch.rand(5, 2), 2.0), (torch.tensor([0.0, 1.0, 99.0]), 1.0), (9 * torch.rand(4), 0.1),
                   (torch.tensor(60.0), 1.0)],
    mistakes={
        "\"close to zero\" is the notes' mistake: v = 0 costs infinitely much, log 0": lambda c, b: torch.zeros_like(c),
        "that is the radius: the variance is asked for": lambda c, b: (b / (b + c)).sqrt(),
        "beta is forgotten: it multiplies the size term": lambda c, b: 1 / (1 + c),
        "the v in v − log v − 1 is forgotten: for c = 0 the bubble would grow without end": lambda c, b: b / c,
        "turned round: a sharper decoder, larger c, asks for a smaller bubble": lambda c, b: c / (b + c),
        "one is the best variance only for c = 0, where the decoder doesn't care": lambda c, b: torch.ones_like(c),
        "beta divides where it should multiply": lambda c, b: 1 / (1 + b * c),
        "the ½ stands in both terms, so it drops out": lambda c, b: b / (b + 2 * c),
    },
)

Exercise(
    "ablated_kl", ablated_kl, keywords=("drop",),
    cases=lambda: [(*b, drop) for b in _bubbles() for drop in ("size", "spring")],
    mistakes={
        "log v is left out only: the size term is v − log v − 1 as a whole":
            lambda m, s, drop: kl_terms(m, s)[0] + 0.5 * (s.exp() - 1).sum(1) if drop == "size" else kl_terms(m, s)[1],
        "v − 1 is left out only: the size term is v − log v − 1 as a whole":
            lambda m, s, drop: kl_terms(m, s)[0] - 0.5 * s.sum(1) if drop == "size" else kl_terms(m, s)[1],
        "you return the term that should be dropped": lambda m, s, drop: kl_terms(m, s)[drop == "size"],
        "nothing is dropped: this is the whole KL": lambda m, s, drop: gaussian_kl(m, s),
        "the terms are (B,) already: no mean over the batch": lambda m, s, drop: ablated_kl(m, s, drop).mean(),
    },
)

Exercise(
    "bubble_radius", bubble_radius, gradient=False,
    cases=lambda: [(0.2 + torch.rand(3, 2),), (torch.randn(5, 2),)],
    mistakes={
        "this is the notes' mistake, \"the encoder outputs variances\": s is log v, and for s < 0 there is no root":
            lambda s: s.sqrt(),
        "that is the variance: the radius is its root": lambda s: s.exp(),
        "s is not the radius: it can be negative": lambda s: s,
        "that is v², if anything: v = exp(s), and the radius is its root": lambda s: (2 * s).exp(),
        "softplus would be another network: ours was trained with s = log v": torch.nn.functional.softplus,
        "the sign is turned round: large s, large bubble": lambda s: (-s / 2).exp(),
    },
)

Exercise(
    "reverse_kl", reverse_kl, cases=_bubbles, gradient=False,
    mistakes={
        "the mean over the directions: their divergences add up, so sum them":
            lambda m, s: reverse_kl(m, s) / m.shape[1],
        "log σ stands where log v should: log v is logvar as it stands":
            lambda m, s: reverse_kl(m, s) - 0.25 * s.sum(1),
        "that is the first direction: relative entropy is no distance, it is not symmetric": gaussian_kl,
        "that is the mean of both directions: only the second is asked for":
            lambda m, s: (gaussian_kl(m, s) + reverse_kl(m, s)) / 2,
        "the ½ is missing": lambda m, s: 2 * reverse_kl(m, s),
        "mu² is not divided by v: (z − μ)² / v has the mean (1 + μ²) / v":
            lambda m, s: 0.5 * (m.square() + (-s).exp() + s - 1).sum(1),
        "mu is missing: (z − μ)² has the mean 1 + μ²": lambda m, s: 0.5 * ((-s).exp() + s - 1).sum(1),
        "log v has the wrong sign": lambda m, s: reverse_kl(m, s) - s.sum(1),
        "the −1 is missing: for μ = 0, v = 1 the divergence is 0": lambda m, s: reverse_kl(m, s) + 0.5 * m.shape[1],
    },
)
