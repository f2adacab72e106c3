"""Checks of the exercises in notebook 10."""

import math

import torch
from torch import nn
from torch.nn.functional import softplus

from utils.energies import gaussian_kl
from utils.exercises.harness import Exercise


def reconstruction_energy(logits, y):
    """−log p(y|z) for pixels that are 1 with probability sigmoid(logits), in nats.   (B, n), (B, n) -> (B,)."""
    return (softplus(logits) - y * logits).sum(-1)


def draw_code(mu, logvar, eps, training):
    """A point of the bubble N(μ, v), v = exp(logvar), made from eps ~ N(0, I); outside of training its center μ."""
    return mu + torch.exp(0.5 * logvar) * eps if training else mu


def vae_loss(logits, y, mu, logvar, beta=1.0):
    """(reconstruction + beta · KL, reconstruction, KL), each the mean of a batch, in nats."""
    reconstruction = reconstruction_energy(logits, y).mean()
    kl = gaussian_kl(mu, logvar).mean()
    return reconstruction + beta * kl, reconstruction, kl


def iwae_bound(log_w):
    """L_k = log of the mean of k importance weights, given as logarithms.   log_w: (k, B) -> (B,)."""
    return torch.logsumexp(log_w, dim=0) - math.log(len(log_w))


def bce_floor(y):
    """min over ỹ of Σ −y log ỹ − (1 − y) log(1 − ỹ), reached at ỹ = y: the pixels' entropy.   y: (B, n) -> (B,)."""
    return -(torch.xlogy(y, y) + torch.xlogy(1 - y, 1 - y)).sum(-1)


def _through_probabilities(logits, y, clamp=0.0):
    p = torch.sigmoid(logits).clamp(clamp, 1 - clamp)
    return -(y * torch.log(p) + (1 - y) * torch.log(1 - p)).sum(-1)


def _slip(total=lambda r, k, b: r + b * k, pixels=lambda r, n: r, units=lambda k, d: k, batch=torch.mean):
    """vae_loss with one of its steps done otherwise."""
    def answer(logits, y, mu, logvar, beta=1.0):
        r = batch(pixels(reconstruction_energy(logits, y), y.shape[-1]))
        k = batch(units(gaussian_kl(mu, logvar), mu.shape[-1]))
        return total(r, k, beta), r, k
    return answer


def _digits(*shape):
    """Grey pixels, black ones and white ones."""
    return (1.6 * torch.rand(shape) - 0.3).clamp(0, 1)


Exercise(
    "reconstruction_energy", reconstruction_energy,
    # ordinary logits; many codes a digit, as the bounds feed them; certain logits and grey pixels, where log(sigmoid)
    # is log 0
    cases=lambda: [(3 * torch.randn(5, 12), _digits(5, 12)), (3 * torch.randn(4, 5, 12), _digits(5, 12)),
                   (200 * torch.randn(3, 6).sign(), 0.2 + 0.6 * torch.rand(3, 6)),
                   (torch.full((2, 6), -200.0), 0.2 + 0.6 * torch.rand(2, 6))],
    gradient=("logits",),
    mistakes={
        "log(1 + exp(logits)) is inf where the network is sure, for exp overflows: take softplus(logits)":
            lambda a, y: (torch.log1p(torch.exp(a)) - y * a).sum(-1),
        "torch cuts the logarithm of a probability at −100, and a sure, wrong pixel is too cheap: stay with the logits":
            lambda a, y: nn.functional.binary_cross_entropy(torch.sigmoid(a), y.expand_as(a), reduction="none").sum(-1),
        "probabilities clamped away from 0 and 1 make a sure and wrong pixel too cheap: stay with the logits":
            lambda a, y: _through_probabilities(a, y, clamp=1e-7),
        "the digits and the codes are mixed up: sum over the last dimension, .sum(-1), whatever stands before it":
            lambda a, y: (softplus(a) - y * a).sum(1),
        "log(sigmoid(logits)) is log 0 where the network is sure: stay with the logits, softplus(a) − y·a":
            _through_probabilities,
        "the mean over the pixels, an energy is their sum: .sum(-1)":
            lambda a, y: (softplus(a) - y * a).mean(-1),
        "the term (1 − y) log(1 − ỹ) of the black pixels is missing": lambda a, y: (y * softplus(-a)).sum(-1),
        "the term y log ỹ of the inked pixels is missing": lambda a, y: ((1 - y) * softplus(a)).sum(-1),
        "that is the log-likelihood; an energy is low for what is likely: turn the sign":
            lambda a, y: (y * a - softplus(a)).sum(-1),
        "that is the squared distance ½|y − ỹ|², the energy of real numbers with Gaussian noise":
            lambda a, y: 0.5 * (y - torch.sigmoid(a)).square().sum(-1),
        "logits and y have changed places": lambda a, y: (softplus(y) - a * y).sum(-1),
    }, rtol=1e-4, atol=1e-3)

Exercise(
    "draw_code", draw_code,
    cases=lambda: [(torch.randn(4, 3), torch.randn(4, 3), torch.randn(4, 3), True),
                   (torch.randn(4, 3), torch.randn(4, 3), torch.randn(4, 3), False),
                   (torch.randn(4, 3), torch.full((4, 3), -torch.inf), torch.randn(4, 3), True)],
    keywords=("training",),
    gradient=("mu", "logvar"),
    mistakes={
        "it makes noise of its own: use eps, or nobody can draw the same code again":
            lambda mu, logvar, eps, training: mu + (0.5 * logvar).exp() * torch.randn_like(mu) if training else mu,
        "eps is scaled by the variance exp(logvar): the standard deviation is its root, exp(logvar / 2)":
            lambda mu, logvar, eps, training: mu + logvar.exp() * eps if training else mu,
        "eps is scaled by the log-variance itself: take exp(logvar / 2)":
            lambda mu, logvar, eps, training: mu + logvar * eps if training else mu,
        "eps is not scaled: every bubble has radius 1": lambda mu, logvar, eps, training: mu + eps if training else mu,
        "it samples outside of training too: there the code is mu":
            lambda mu, logvar, eps, training: mu + (0.5 * logvar).exp() * eps,
        "it never samples: in training the code is mu + sigma * eps": lambda mu, logvar, eps, training: mu + 0 * eps,
        "the center mu is missing": lambda mu, logvar, eps, training: (0.5 * logvar).exp() * eps if training else mu,
    })

Exercise(
    "vae_loss", vae_loss,
    cases=lambda: [(torch.randn(5, 12), _digits(5, 12), torch.randn(5, 3), torch.randn(5, 3), 1.0),
                   (torch.randn(5, 12), _digits(5, 12), torch.randn(5, 3), torch.randn(5, 3), 4.0),
                   (torch.randn(5, 12), _digits(5, 12), torch.randn(5, 3), torch.randn(5, 3))],
    gradient=("logits", "mu", "logvar"), returns=("loss", "reconstruction", "KL"),
    mistakes={
        "the KL is subtracted: it is a price, so the loss adds it (the ELBO, its negative, subtracts it)":
            _slip(total=lambda r, k, b: r - b * k),
        "beta is missing": _slip(total=lambda r, k, b: r + k),
        "beta multiplies the reconstruction, it belongs to the KL": _slip(total=lambda r, k, b: b * r + k),
        "the reconstruction energy is turned round: it is low where the picture is right":
            _slip(total=lambda r, k, b: b * k - r),
        "the reconstruction is averaged over the pixels too: the KL then weighs n times too much, the codes collapse":
            _slip(pixels=lambda r, n: r / n),
        "the KL is averaged over the code's units too: gaussian_kl has summed them, and so it should be":
            _slip(units=lambda k, d: k / d),
        "the batch is summed: take its mean, or the step grows with the batch": _slip(batch=torch.sum),
        "the mean over the batch is still to be taken: three numbers are wanted, not one a digit":
            _slip(batch=lambda e: e),
        "the KL that is returned holds beta already: return it without, so that runs can be compared":
            lambda logits, y, mu, logvar, beta=1.0: (*vae_loss(logits, y, mu, logvar, beta)[:2],
                                                 beta * gaussian_kl(mu, logvar).mean()),
    }, atol=1e-4)

Exercise(
    "iwae_bound", iwae_bound,
    # weights that floats can hold; then those of real digits, exp(−100) and less; then exp(+1000)
    cases=lambda: [(torch.randn(7, 4),), (torch.randn(50, 3) - 1000,), (torch.randn(5, 3) + 1000,),
                   (torch.randn(1, 6) - 100,)],
    gradient=False,  # the page trains on the ELBO; the bound only measures
    mistakes={
        "the mean of the logarithms is the ELBO; wanted is the logarithm of the mean": lambda w: w.mean(0),
        "− log k is missing: the logarithm of the mean, not of the sum": lambda w: torch.logsumexp(w, 0),
        "log k is added: a mean divides by k": lambda w: torch.logsumexp(w, 0) + math.log(len(w)),
        "exp(−1000) is 0 and exp(1000) is inf for a float: take the largest weight out first, or torch.logsumexp":
            lambda w: w.exp().mean(0).log(),
        "the log of k is taken in another base: math.log, not log2 or log10":
            lambda w: torch.logsumexp(w, 0) - math.log2(len(w)),
        "the best of the k weights is not their mean": lambda w: w.amax(0),
        "the mean goes over the digits: the k samples of a digit stand in the first dimension":
            lambda w: torch.logsumexp(w, 1) - math.log(w.shape[1]),
        "one number a digit is wanted: take no mean over the batch": lambda w: iwae_bound(w).mean(),
        "the mean of the weights is taken, its logarithm is not: log weights go in, a log comes out":
            lambda w: w.exp().mean(0),
    }, atol=1e-3)

Exercise(
    "bce_floor", bce_floor,
    cases=lambda: [(0.02 + 0.96 * torch.rand(4, 9),), (_digits(4, 9),), (torch.rand(3, 6).round(),)],
    gradient=False,
    mistakes={
        "0 · log 0 is nan for the computer where a pixel is black or white: torch.xlogy(y, y) knows that it is 0":
            lambda y: -(y * y.log() + (1 - y) * (1 - y).log()).sum(-1),
        "0 would be right if MNIST were binary, as the notes say; a grey pixel costs its entropy even when ỹ = y":
            lambda y: 0 * y.sum(-1),
        "half of it is missing: the black part (1 − y) log(1 − y) counts too": lambda y: -torch.xlogy(y, y).sum(-1),
        "the sign: a logarithm of a number below 1 is negative, an entropy is not": lambda y: -bce_floor(y),
        "that is in bits, the energy is in nats: use the natural logarithm": lambda y: bce_floor(y) / math.log(2),
        "the mean over the pixels: the energy is their sum": lambda y: bce_floor(y) / y.shape[-1],
        "that clamps the pixels away from 0 and 1, which adds entropy that is not there":
            lambda y: bce_floor(y.clamp(0.01, 0.99)),
    }, atol=1e-4)
