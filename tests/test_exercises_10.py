"""Answers to the exercises of notebook 10, right and wrong, for the rules in test_exercises.py. And its network."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from utils import models
from utils.energies import gaussian_kl
from utils.exercises.vae_mnist import bce_floor, draw_code, iwae_bound, reconstruction_energy, vae_loss


def torchs_cross_entropy(logits, y):
    return F.binary_cross_entropy_with_logits(logits, y.expand_as(logits), reduction="none").sum(-1)


def normal_rsample(mu, logvar, eps, training):
    if not training:
        return mu
    sigma = logvar.exp().sqrt()
    return torch.stack([m + s * e for m, s, e in zip(mu, sigma, eps, strict=True)])


def loss_by_distributions(logits, y, mu, logvar, beta=1.0):
    q = torch.distributions.Normal(mu, (logvar / 2).exp())
    kl = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).sum() / len(y)
    reconstruction = F.binary_cross_entropy_with_logits(logits, y, reduction="sum") / len(y)
    return beta * kl + reconstruction, reconstruction, kl


def bound_with_the_largest_taken_out(log_w):
    top = log_w.max(0).values
    return top + (log_w - top).exp().mean(0).log()


def floor_by_cross_entropy(y):
    return F.binary_cross_entropy(y, y, reduction="none").sum(1)


def list_of_parts(logits, y, mu, logvar, beta=1.0):
    return list(loss_by_distributions(logits, y, mu, logvar, beta))


RIGHT = {
    "reconstruction_energy": [torchs_cross_entropy,
                              lambda a, y: -(y * F.logsigmoid(a) + (1 - y) * F.logsigmoid(-a)).sum(-1),
                              lambda a, y: (a.relu() - a * y + torch.log1p((-a.abs()).exp())).sum(-1)],
    "draw_code": [normal_rsample, lambda mu, logvar, eps, training: torch.where(
        torch.tensor(training), mu + eps * torch.exp(logvar / 2), mu)],
    "vae_loss": [loss_by_distributions, list_of_parts],
    "iwae_bound": [bound_with_the_largest_taken_out, lambda w: (w - math.log(len(w))).logsumexp(0),
                   lambda w: torch.logsumexp(w.double(), 0).float() - math.log(len(w))],
    "bce_floor": [floor_by_cross_entropy, lambda y: (torch.special.entr(y) + torch.special.entr(1 - y)).sum(1)],
}


def parts(logits, y, mu, logvar):
    return reconstruction_energy(logits, y), gaussian_kl(mu, logvar)


def kl_subtracted(logits, y, mu, logvar, beta=1.0):
    r, k = (p.mean() for p in parts(logits, y, mu, logvar))
    return r - beta * k, r, k


def no_beta(logits, y, mu, logvar, beta=1.0):
    return vae_loss(logits, y, mu, logvar)


def beta_on_the_wrong_term(logits, y, mu, logvar, beta=1.0):
    r, k = (p.mean() for p in parts(logits, y, mu, logvar))
    return beta * r + k, r, k


def mean_over_pixels(logits, y, mu, logvar, beta=1.0):
    r, k = F.binary_cross_entropy_with_logits(logits, y), gaussian_kl(mu, logvar).mean()
    return r + beta * k, r, k


def mean_over_units(logits, y, mu, logvar, beta=1.0):
    r, k = reconstruction_energy(logits, y).mean(), 0.5 * (logvar.exp() - logvar - 1 + mu**2).mean()
    return r + beta * k, r, k


def sum_over_batch(logits, y, mu, logvar, beta=1.0):
    r, k = (p.sum() for p in parts(logits, y, mu, logvar))
    return r + beta * k, r, k


def one_a_digit(logits, y, mu, logvar, beta=1.0):
    r, k = parts(logits, y, mu, logvar)
    return r + beta * k, r, k


def elbo_for_loss(logits, y, mu, logvar, beta=1.0):
    loss, r, k = vae_loss(logits, y, mu, logvar, beta)
    return -loss, r, k


# (exercise, what a student might write, a word that the message must hold)
WRONG = [
    ("reconstruction_energy", lambda a, y: F.binary_cross_entropy_with_logits(a, y, reduction="none").mean(1), "sum"),
    ("reconstruction_energy", lambda a, y: -(y * (p := a.sigmoid()).log() + (1 - y) * (1 - p).log()).sum(1), "log 0"),
    ("reconstruction_energy", lambda a, y: -(y * F.logsigmoid(a)).sum(1), "black pixels"),
    ("reconstruction_energy", lambda a, y: -((1 - y) * F.logsigmoid(-a)).sum(1), "inked pixels"),
    ("reconstruction_energy", lambda a, y: -torchs_cross_entropy(a, y), "turn the sign"),
    ("reconstruction_energy", lambda a, y: 0.5 * ((y - a.sigmoid()) ** 2).sum(1), "squared distance"),
    ("reconstruction_energy", lambda y, a: torchs_cross_entropy(a, y), "changed places"),
    ("reconstruction_energy", lambda a, y: F.binary_cross_entropy_with_logits(a, y), "shape"),
    ("reconstruction_energy", lambda a, y: (torch.log(1 + torch.exp(a)) - y * a).sum(-1), "exp overflows"),
    ("reconstruction_energy",
     lambda a, y: F.binary_cross_entropy(a.sigmoid(), y.expand_as(a), reduction="none").sum(-1), "−100"),
    ("reconstruction_energy", lambda a, y: (lambda p: -(y * p.log() + (1 - y) * (1 - p).log()).sum(-1))(
        a.sigmoid().clamp(1e-7, 1 - 1e-7)), "clamped away"),
    ("reconstruction_energy", lambda a, y: (F.softplus(a) - y * a).sum(1), "sum over the last dimension"),
    ("reconstruction_energy", lambda a, y: F.binary_cross_entropy_with_logits(a, y, reduction="none").sum(1), "size"),
    ("draw_code", lambda mu, logvar, eps, training: mu + logvar.exp() * eps if training else mu, "its root"),
    ("draw_code", lambda mu, logvar, eps, training: mu + logvar * eps if training else mu, "log-variance itself"),
    ("draw_code", lambda mu, logvar, eps, training: mu + eps if training else mu, "radius 1"),
    ("draw_code", lambda mu, logvar, eps, training: mu + (logvar / 2).exp() * eps, "outside of training"),
    ("draw_code", lambda mu, logvar, eps, training: mu, "never samples"),
    ("draw_code", lambda mu, logvar, eps, training: (logvar / 2).exp() * eps if training else mu, "mu is missing"),
    ("draw_code", lambda mu, logvar, eps, training: mu + torch.randn_like(mu) if training else mu, "should be"),
    ("draw_code", lambda mu, logvar, eps, training: mu + (logvar / 2).exp() * torch.randn_like(mu) if training else mu,
     "noise of its own"),
    ("draw_code", lambda mu, logvar, eps, training: mu + torch.exp(0.5 * logvar).detach() * eps if training else mu,
     "no gradient reaches logvar"),
    ("draw_code", torch.no_grad()(draw_code), "no gradient comes back"),
    ("draw_code", lambda *a, **by_name: draw_code(*a, **by_name).detach(), "no gradient comes back"),
    ("draw_code", lambda mu, logvar, eps, train: mu + (logvar / 2).exp() * eps if train else mu, "by these names"),
    ("vae_loss", kl_subtracted, "KL is subtracted"),
    ("vae_loss", no_beta, "beta is missing"),
    ("vae_loss", beta_on_the_wrong_term, "belongs to the KL"),
    ("vae_loss", mean_over_pixels, "over the pixels"),
    ("vae_loss", mean_over_units, "units"),
    ("vae_loss", sum_over_batch, "batch is summed"),
    ("vae_loss", one_a_digit, "three numbers"),
    ("vae_loss", elbo_for_loss, "should be"),
    ("vae_loss", lambda *a: vae_loss(*a)[0], "returns 1 value, 3 are asked for"),
    ("vae_loss", lambda *a: (lambda loss, r, k: (loss, r.item(), k.item()))(*vae_loss(*a)), "leave out .item()"),
    ("vae_loss", lambda *a: (lambda loss, r, k: (loss.detach(), r, k))(*vae_loss(*a)), "gradient"),
    ("vae_loss", lambda *a: (lambda loss, r, k: (loss, k, r))(*vae_loss(*a)), "order is not: loss, reconstruction, KL"),
    ("vae_loss", lambda *a: (vae_loss(*a)[0], *parts(*a[:4])), "reconstruction: the result has shape (5,)"),
    ("iwae_bound", lambda w: w.mean(0), "is the ELBO"),
    ("iwae_bound", lambda w: w.logsumexp(0), "− log k is missing"),
    ("iwae_bound", lambda w: w.exp().mean(0).log(), "largest weight"),
    ("iwae_bound", lambda w: w.logsumexp(0) + math.log(len(w)), "a mean divides"),
    ("iwae_bound", lambda w: w.logsumexp(1) - math.log(w.shape[1]), "first dimension"),
    ("iwae_bound", lambda w: w.max(0).values, "not their mean"),
    ("iwae_bound", lambda w: w.exp().mean(0), "its logarithm is not"),
    ("bce_floor", lambda y: y.new_zeros(len(y)), "if MNIST were binary, as the notes say"),
    ("bce_floor", lambda y: -(y * y.log() + (1 - y) * (1 - y).log()).sum(1), "0 · log 0"),
    ("bce_floor", lambda y: -torch.xlogy(y, y).sum(1), "black part"),
    ("bce_floor", lambda y: (torch.xlogy(y, y) + torch.xlogy(1 - y, 1 - y)).sum(1), "sign"),
    ("bce_floor", lambda y: floor_by_cross_entropy(y) / math.log(2), "bits"),
    ("bce_floor", lambda y: floor_by_cross_entropy(y.clamp(0.01, 0.99)), "adds entropy"),
    ("bce_floor", lambda y: floor_by_cross_entropy(y).mean(), "shape"),
]


def test_the_references_hold_the_textbook_identities():
    torch.manual_seed(0)
    y, logits = torch.rand(4, 6), torch.randn(4, 6)
    assert (reconstruction_energy(logits, y) >= bce_floor(y) - 1e-5).all()
    assert torch.allclose(reconstruction_energy(torch.logit(y), y), bce_floor(y), atol=1e-4)
    flips = torch.stack([reconstruction_energy(logits, (torch.rand_like(y) < y).float()) for _ in range(20_000)])
    assert torch.allclose(flips.mean(0), reconstruction_energy(logits, y), atol=0.1)
    mu = torch.randn(3, 2)
    assert torch.equal(draw_code(mu, torch.full_like(mu, -torch.inf), torch.randn(3, 2), True), mu)
    w = torch.randn(1, 5)
    assert torch.allclose(iwae_bound(w), w[0])


def test_the_network_draws_in_training_and_takes_the_center_afterwards():
    torch.manual_seed(0)
    vae, y = models.VAE(d=3, hidden=8, n=12), torch.rand(5, 12)
    logits, mu, logvar = vae(y)
    assert logits.shape == (5, 12) and mu.shape == logvar.shape == (5, 3)
    assert not torch.equal(logits, vae(y)[0])
    vae.eval()
    assert torch.equal(vae(y)[0], vae.decode(mu))
    assert vae.decode(torch.randn(7, 5, 3)).shape == (7, 5, 12)
    torch.manual_seed(1)
    z = draw_code(mu, logvar, torch.randn_like(mu), training=True)
    torch.manual_seed(1)
    assert torch.equal(vae.train()(y)[0], vae.decode(z))


def test_without_variance_the_network_is_an_autoencoder():
    torch.manual_seed(0)
    vae, y = models.VAE(d=3, hidden=8, n=12), torch.rand(5, 12)
    plain = nn.Sequential(*vae.encoder[:2], nn.Linear(8, 3), *vae.decoder)
    with torch.no_grad():
        plain[2].weight.copy_(vae.encoder[2].weight[:3])
        plain[2].bias.copy_(vae.encoder[2].bias[:3])
        vae.encoder[2].weight[3:] = 0
        vae.encoder[2].bias[3:] = -torch.inf
    assert torch.allclose(vae.train()(y)[0], plain(y), atol=1e-6)
