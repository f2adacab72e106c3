"""The checks of notebook 03: right answers in other words pass, each typical mistake is named."""

import torch
from torch.nn.functional import softplus

from utils.exercises.contrastive_divergence import langevin_loss


def free_energy_by_listing(v, W, b, c):
    m = len(c)
    h = ((torch.arange(2**m)[:, None] >> torch.arange(m)) & 1).to(v)
    E = -(v @ W) @ h.T - (v @ b)[:, None] - h @ c
    return -torch.logsumexp(-E, 1)


def free_energy_by_units(v, W, b, c):
    a = torch.nn.functional.linear(v, W.T, c)
    return -(torch.logaddexp(a, torch.zeros_like(a)).sum(-1) + (v * b).sum(-1))


def gibbs_in_columns(v, W, b, c, u_h, u_v):
    h = torch.where(torch.sigmoid(W.T @ v.T + c[:, None]) > u_h.T, 1.0, 0.0)
    return torch.where(torch.sigmoid(W @ h + b[:, None]) > u_v.T, 1.0, 0.0).T


def gibbs_by_units(v, W, b, c, u_h, u_v):
    h = (torch.sigmoid(torch.nn.functional.linear(v, W.T, c)) > u_h).type_as(v)
    return (torch.sigmoid(torch.nn.functional.linear(h, W, b)) > u_v).type_as(v)


def loss_by_hand(energy, y, eps, step):
    start = y.clone().requires_grad_(True)
    slope = torch.autograd.grad(energy(start).sum(), start)[0]
    y_neg = y - step**2 / 2 * slope + step * eps
    return (energy(y) - energy(y_neg)).mean()


def loss_by_vmap(energy, y, eps, step):
    slope = torch.func.vmap(torch.func.grad(lambda one: energy(one[None])[0]))(y)
    return energy(y).mean() - energy((y - step * (step / 2 * slope - eps)).detach()).mean()


def acceptance_by_where(E_now, E_new, T):
    return torch.where(E_new < E_now, torch.ones_like(E_now), torch.exp((E_now - E_new) / T))


RIGHT = {
    "rbm_free_energy": [free_energy_by_listing, free_energy_by_units], "gibbs_step": [gibbs_in_columns, gibbs_by_units],
    "langevin_loss": [loss_by_hand, loss_by_vmap],
    "acceptance": [acceptance_by_where, lambda a, b, T: torch.exp(-(b - a).clamp(min=0) / T),
                   lambda a, b, T: torch.minimum(torch.ones_like(a), torch.exp((a - b) / T))],
}


def walk(energy, y, eps, step, half=0.5, kick=1.0, sign=-1.0):
    y = y.detach().requires_grad_()
    slope, = torch.autograd.grad(energy(y).sum(), y, create_graph=True)
    return y + sign * half * step**2 * slope + kick * step * eps


def by_backward(E, y, e, s):
    start = y.clone().requires_grad_()
    E(start).sum().backward()
    return E(y).mean() - E(y - 0.5 * s**2 * start.grad + s * e).mean()


def with_mean_slope(E, y, e, s):
    start = y.clone().requires_grad_()
    slope, = torch.autograd.grad(E(start).mean(), start)
    return E(y).mean() - E(y - 0.5 * s**2 * slope + s * e).mean()


def usual_step(E, y, e, s):
    start = y.clone().requires_grad_()
    slope, = torch.autograd.grad(E(start).sum(), start)
    return E(y).mean() - E(y - s * slope + (2 * s) ** 0.5 * e).mean()


def coin_of_its_own(p):
    return (torch.rand_like(p) < p).to(p)


def coin(u, p):
    return (u < p).to(p)


# (exercise, what a student might write, a word that the message must hold)
WRONG = [
    ("rbm_free_energy", lambda v, W, b, c: v @ b + softplus(c + v @ W).sum(1), "sign is turned"),
    ("rbm_free_energy", lambda v, W, b, c: -softplus(c + v @ W).sum(1), "visible biases"),
    ("rbm_free_energy", lambda v, W, b, c: -v @ b - softplus(v @ W).sum(1), "hidden biases"),
    ("rbm_free_energy", lambda v, W, b, c: -v @ b - (c + v @ W).clamp(min=0).sum(1), "best h"),
    ("rbm_free_energy", lambda v, W, b, c: free_energy_by_listing(v, W, b, c).mean(),
     "one number per sample"),
    ("rbm_free_energy", lambda v, W, b, c: -v @ b - softplus(c + v @ W).mean(1), "averaged"),
    ("rbm_free_energy", lambda v, W, b, c: -v @ b - torch.log(1 + torch.exp(c + v @ W)).sum(1), "above 88"),
    ("rbm_free_energy", lambda v, W, b, c: -v @ b - torch.log1p(torch.exp(c + v @ W)).sum(1), "above 88"),
    ("rbm_free_energy", lambda v, W, b, c: -v @ b - softplus((c + v @ W).sum(1)), "outside of the sum"),
    ("rbm_free_energy", lambda v, W, b, c: -v @ b + softplus(c + v @ W).sum(1), "wrong sign"),
    ("rbm_free_energy", lambda v, W, b, c: v @ b - softplus(c + v @ W).sum(1), "visible biases have the wrong sign"),
    ("rbm_free_energy", lambda v, W, b, c: -softplus(v @ W).sum(1), "both biases are missing"),
    ("gibbs_step", lambda v, W, b, c, u, w: coin_of_its_own(torch.sigmoid(
        coin_of_its_own(torch.sigmoid(v @ W + c)) @ W.T + b)), "handed in"),
    ("gibbs_step", lambda v, W, b, c, u, w: torch.bernoulli(torch.sigmoid(
        torch.bernoulli(torch.sigmoid(v @ W + c)) @ W.T + b)), "handed in"),
    ("gibbs_step", lambda v, W, b, c, u, w: (w > 1 - torch.sigmoid(
        (u > 1 - torch.sigmoid(v @ W + c)).float() @ W.T + b)).float(), "other coins"),
    ("gibbs_step", lambda v, W, b, c, u, w: coin(w, torch.sigmoid(torch.sigmoid(v @ W + c) @ W.T + b)),
     "coin for each hidden"),
    ("gibbs_step", lambda v, W, b, c, u, w: torch.sigmoid(coin(u, torch.sigmoid(v @ W + c)) @ W.T + b),
     "visible unit too"),
    ("gibbs_step", lambda v, W, b, c, u, w:
     1 - coin(w, torch.sigmoid((1 - coin(u, torch.sigmoid(v @ W + c))) @ W.T + b)),
     "turned round"),
    ("gibbs_step", lambda v, W, b, c, u, w: ((v @ W + c > 0).float() @ W.T + b > 0).float(), "no chance"),
    ("gibbs_step", lambda v, W, b, c, u, w: coin(w, torch.sigmoid(coin(u, torch.sigmoid(v @ W)) @ W.T + b)),
     "hidden bias"),
    ("gibbs_step", lambda v, W, b, c, u, w: coin(w, torch.sigmoid(coin(u, torch.sigmoid(v @ W + c)) @ W.T)),
     "visible bias"),
    ("gibbs_step", lambda v, W, b, c, u, w: coin(u, torch.sigmoid(v @ W + c)), "this is h"),
    ("langevin_loss", lambda E, y, e, s: (E(y) - E(walk(E, y, e, s))).mean(), "too little is detached"),
    ("langevin_loss", lambda E, y, e, s: (E(walk(E, y, e, s).detach()) - E(y)).mean(), "sign is turned"),
    ("langevin_loss", lambda E, y, e, s: (E(y) - E(walk(E, y, e, s, sign=1.0).detach())).mean(), "climbs"),
    ("langevin_loss", lambda E, y, e, s: (E(y) - E(walk(E, y, e, s, kick=0.0).detach())).mean(), "no kick"),
    ("langevin_loss", lambda E, y, e, s: (E(y) - E(walk(E, y, e, s, half=1.0).detach())).mean(), "step²/2"),
    ("langevin_loss", lambda E, y, e, s: (E(y) - E(y + s * e)).mean(), "slope is missing"),
    ("langevin_loss", lambda E, y, e, s: langevin_loss(E, y, e, s).detach(), "too much is detached: the loss"),
    ("langevin_loss", lambda E, y, e, s: E(y).mean() - E(walk(E, y, e, s).detach()).mean().detach(),
     "too much is detached: y_neg is a constant"),
    ("langevin_loss", lambda E, y, e, s: E(y).mean().detach() - E(walk(E, y, e, s).detach()).mean(),
     "too much is detached: the energy of the data"),
    ("langevin_loss", torch.no_grad()(langevin_loss), "requires_grad_() first"),
    ("langevin_loss", by_backward, "instead of .backward()"),
    ("langevin_loss", with_mean_slope, "differentiate the sum"),
    ("langevin_loss", usual_step, "√(2 step)"),
    ("langevin_loss", lambda E, y, e, s: E(y) - E(walk(E, y, e, s).detach()), "difference of two means"),
    ("acceptance", lambda a, b, T: torch.exp(-(b - a) / T), "exceed 1"),
    ("acceptance", lambda a, b, T: torch.exp((b - a) / T).clamp(max=1), "sign is turned"),
    ("acceptance", lambda a, b, T: torch.exp(-(b - a) * T).clamp(max=1), "T multiplies"),
    ("acceptance", lambda a, b, T: torch.exp(a - b).clamp(max=1), "temperature is missing"),
    ("acceptance", lambda a, b, T: 1 / (1 + torch.exp((b - a) / T)), "heat-bath"),
    ("acceptance", lambda a, b, T: (b < a).to(a), "greedy"),
    ("acceptance", lambda a, b, T: (b <= a).to(a), "greedy"),
    ("acceptance", lambda a, b, T: (torch.rand(len(a)) < torch.exp(-(b - a) / T)).to(a), "tossed the coin already"),
    ("acceptance", lambda a, b, T: (torch.exp(-b / T) / torch.exp(-a / T)).clamp(max=1), "difference first"),
]
