"""Answers to the exercises of notebook 09, right and wrong, for the rules in test_exercises.py."""

import torch
from torch.distributions import Normal, kl_divergence

from utils.energies import gaussian_kl
from utils.exercises import autoencoder_to_vae as reference


def kl_terms_by_torch(mu, logvar):
    standard = Normal(torch.zeros_like(mu), 1.0)
    there = Normal(torch.zeros_like(mu), (logvar / 2).exp())
    return kl_divergence(Normal(mu, 1.0), standard).sum(-1), kl_divergence(there, standard).sum(-1)


def ablated_by_subtraction(mu, logvar, drop):
    gone = mu.pow(2) if drop == "spring" else torch.exp(logvar) - logvar - 1
    return gaussian_kl(mu, logvar) - gone.sum(-1) / 2


def reverse_kl_by_torch(mu, logvar):
    return kl_divergence(Normal(torch.zeros_like(mu), 1.0), Normal(mu, logvar.exp() ** 0.5)).sum(-1)


RIGHT = {
    "kl_terms": [kl_terms_by_torch, lambda m, s: [(m**2 / 2).sum(-1), (torch.expm1(s) - s).sum(-1) / 2]],
    "reparameterize": [lambda m, s, e: e * s.exp().sqrt() + m, lambda m, s, e: torch.addcmul(m, (s / 2).exp(), e)],
    "best_variance": [lambda c, b: 1 / (1 + c / b), lambda c, b: (1 + c / b) ** -1],
    "ablated_kl": [ablated_by_subtraction, lambda m, s, drop: kl_terms_by_torch(m, s)[drop == "spring"]],
    "bubble_radius": [lambda s: s.exp() ** 0.5, lambda s: torch.sqrt(torch.exp(s)).detach()],
    "reverse_kl": [reverse_kl_by_torch],
}


def spring(m):
    return 0.5 * (m**2).sum(1)


# (exercise, what a student might write, a word that the message must hold)
WRONG = [
    ("kl_terms", lambda m, s: ((m**2).sum(1), (s.exp() - s - 1).sum(1)), "½ is missing, in both"),
    ("kl_terms", lambda m, s: (spring(m), (s.exp() - s - 1).sum(1)), "½ is missing in the size"),
    ("kl_terms", lambda m, s: ((m**2).sum(1), (s.exp() - s - 1).sum(1) / 2), "½ is missing in the spring"),
    ("kl_terms", lambda m, s: (spring(m), (s - torch.log(s) - 1).sum(1) / 2), "outputs log-variances"),
    ("kl_terms", lambda m, s: (spring(m), (torch.exp(0.5 * s) - s - 1).sum(1) / 2), "σ stands where v should"),
    ("kl_terms", lambda m, s: (spring(m), (s.exp() - s).sum(1) / 2), "−1 is missing"),
    ("kl_terms", lambda m, s: (spring(m), (s.exp() + s - 1).sum(1) / 2), "wrong sign"),
    ("kl_terms", lambda m, s: ((s.exp() - s - 1).sum(1) / 2, spring(m)), "wrong order"),
    ("kl_terms", lambda m, s: (0.5 * (m**2).mean(1), (s.exp() - s - 1).mean(1) / 2), "mean over the directions"),
    ("kl_terms", lambda m, s: (0.5 * m**2, (s.exp() - s - 1) / 2), "spring: the result has shape (4, 3)"),
    ("kl_terms", lambda m, s: (spring(m), (s.exp() - s / 2 - 1).sum(1) / 2), "log σ is half"),
    ("kl_terms", lambda m, s: (spring(m), (s.exp() - s - 1).sum(1).detach() / 2), "no gradient reaches logvar"),
    ("kl_terms", lambda m, s: gaussian_kl(m, s), "return its two terms apart"),
    ("reparameterize", lambda m, s, e: m + e * torch.exp(s), "stretched by the variance"),
    ("reparameterize", lambda m, s, e: m + e * s, "stretched by logvar itself"),
    ("reparameterize", lambda m, s, e: m + e * s**0.5, "not the root of logvar"),
    ("reparameterize", lambda m, s, e: torch.normal(m, (s / 2).exp()), "noise of your own"),
    ("reparameterize", lambda m, s, e: e * (s / 2).exp(), "center is missing"),
    ("reparameterize", lambda m, s, e: m + 0 * e, "noise is missing"),
    ("reparameterize", lambda m, s, e: (m + e) * (s / 2).exp(), "mu is stretched"),
    ("reparameterize", lambda m, s, e: (m + e * (s / 2).exp()).detach(), "no gradient comes back"),
    ("reparameterize", lambda m, s, e: m + e * (s.data / 2).exp(), "no gradient reaches logvar:"),
    ("best_variance", lambda c, b: 0 * c, "close to zero"),
    ("best_variance", lambda c, b: (b / (b + c)) ** 0.5, "that is the radius"),
    ("best_variance", lambda c, b: 1 / (c + 1), "beta is forgotten"),
    ("best_variance", lambda c, b: b / c, "v in v − log v − 1 is forgotten"),
    ("best_variance", lambda c, b: c / (c + b), "turned round"),
    ("best_variance", lambda c, b: torch.ones_like(c), "only for c = 0"),
    ("best_variance", lambda c, b: 1 / (1 + c * b), "divides where it should multiply"),
    ("best_variance", lambda c, b: b / (b + 2 * c), "it drops out"),
    ("ablated_kl", lambda m, s, drop: spring(m) if drop == "spring" else gaussian_kl(m, s) - spring(m), "be dropped"),
    ("ablated_kl", lambda m, s, drop: gaussian_kl(m, s), "nothing is dropped"),
    ("ablated_kl", lambda m, s, drop: gaussian_kl(m, s) - spring(m) if drop == "spring" else
     spring(m) + 0.5 * (s.exp() - 1).sum(1), "log v is left out only"),
    ("ablated_kl", lambda m, s, drop: gaussian_kl(m, s) - spring(m) if drop == "spring" else
     spring(m) - 0.5 * s.sum(1), "v − 1 is left out only"),
    ("ablated_kl", lambda m, s, drop: ablated_by_subtraction(m.detach(), s, drop), "no gradient reaches mu"),
    ("ablated_kl", lambda m, s, drop: ablated_by_subtraction(m, s, drop).mean(), "no mean over the batch"),
    ("bubble_radius", lambda s: s**0.5, "outputs variances"),
    ("bubble_radius", lambda s: s.exp(), "that is the variance"),
    ("bubble_radius", lambda s: s, "s is not the radius"),
    ("bubble_radius", lambda s: torch.exp(2 * s), "that is v²"),
    ("bubble_radius", lambda s: torch.log(1 + torch.exp(s)), "another network"),
    ("bubble_radius", lambda s: torch.exp(-s / 2), "sign is turned round"),
    ("reverse_kl", gaussian_kl, "no distance"),
    ("reverse_kl", lambda m, s: (gaussian_kl(m, s) + reverse_kl_by_torch(m, s)) / 2, "mean of both"),
    ("reverse_kl", lambda m, s: ((1 + m**2) / s.exp() + s - 1).sum(1), "½ is missing"),
    ("reverse_kl", lambda m, s: (1 / s.exp() + m**2 + s - 1).sum(1) / 2, "not divided by v"),
    ("reverse_kl", lambda m, s: (1 / s.exp() + s - 1).sum(1) / 2, "mu is missing"),
    ("reverse_kl", lambda m, s: ((1 + m**2) / s.exp() - s - 1).sum(1) / 2, "wrong sign"),
    ("reverse_kl", lambda m, s: ((1 + m**2) / s.exp() + s).sum(1) / 2, "−1 is missing"),
    ("reverse_kl", lambda m, s: ((1 + m**2) / s.exp() + s - 1).mean(1) / 2, "the mean over the directions"),
    ("reverse_kl", lambda m, s: ((1 + m**2) / s.exp() + s / 2 - 1).sum(1) / 2, "log σ stands"),
]


def test_spring_and_size_are_the_kl():
    mu, logvar = torch.randn(2, 50, 3)
    torch.testing.assert_close(sum(reference.kl_terms(mu, logvar)), gaussian_kl(mu, logvar))


def test_best_variance_is_the_minimum():
    v = torch.linspace(1e-3, 2, 20_000, dtype=torch.double)
    for c, beta in ((0.0, 1.0), (7.0, 1.0), (7.0, 3.0)):
        lowest = v[(0.5 * c * v + 0.5 * beta * (v - v.log() - 1)).argmin()]
        assert abs(lowest - reference.best_variance(torch.tensor(c), beta)) < 1e-3
