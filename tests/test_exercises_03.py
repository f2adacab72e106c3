"""The checks of notebook 03: right answers in other words pass, each typical mistake is named."""

import pytest
import torch

from utils.exercises.contrastive_divergence import acceptance, gibbs_step, langevin_loss, rbm_free_energy
from utils.exercises.harness import EXERCISES, verdict

NAMES = ["rbm_free_energy", "gibbs_step", "langevin_loss", "acceptance"]


def free_energy_by_listing(v, W, b, c):
    m = len(c)
    h = ((torch.arange(2**m)[:, None] >> torch.arange(m)) & 1).to(v)
    E = -(v @ W) @ h.T - (v @ b)[:, None] - h @ c
    return -torch.logsumexp(-E, 1)


def gibbs_in_columns(v, W, b, c, u_h, u_v):
    h = torch.where(torch.sigmoid(W.T @ v.T + c[:, None]) > u_h.T, 1.0, 0.0)
    return torch.where(torch.sigmoid(W @ h + b[:, None]) > u_v.T, 1.0, 0.0).T


def loss_by_hand(energy, y, eps, step):
    start = y.clone().requires_grad_(True)
    energy(start).sum().backward()
    energy.w.grad = None  # the walk must leave no gradient behind
    y_neg = y - step**2 / 2 * start.grad + step * eps
    return (energy(y) - energy(y_neg)).mean()


def acceptance_by_where(E_now, E_new, T):
    return torch.where(E_new < E_now, torch.ones_like(E_now), torch.exp((E_now - E_new) / T))


RIGHT = {"rbm_free_energy": free_energy_by_listing, "gibbs_step": gibbs_in_columns, "langevin_loss": loss_by_hand,
         "acceptance": acceptance_by_where}


def walk(energy, y, eps, step, half=0.5, kick=1.0, sign=-1.0):
    y = y.detach().requires_grad_()
    slope, = torch.autograd.grad(energy(y).sum(), y, create_graph=True)
    return y + sign * half * step**2 * slope + kick * step * eps


def coin(u, p):
    return (u < p).float()


# (exercise, what a student might write, a word that the message must hold)
WRONG = [
    ("rbm_free_energy", lambda v, W, b, c: v @ b + torch.log1p((c + v @ W).exp()).sum(1), "sign is turned"),
    ("rbm_free_energy", lambda v, W, b, c: -torch.log1p((c + v @ W).exp()).sum(1), "visible biases"),
    ("rbm_free_energy", lambda v, W, b, c: -v @ b - torch.log1p((v @ W).exp()).sum(1), "hidden biases"),
    ("rbm_free_energy", lambda v, W, b, c: -v @ b - (c + v @ W).clamp(min=0).sum(1), "best h"),
    ("rbm_free_energy", lambda v, W, b, c: free_energy_by_listing(v, W, b, c).mean(),
     "one number per sample"),
    ("rbm_free_energy", lambda v, W, b, c: -v @ b - torch.log1p((c + v @ W).exp()).mean(1), "averaged"),
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
    ("langevin_loss", lambda E, y, e, s: (E(y) - E(walk(E, y, e, s))).mean(), "flows through the chain"),
    ("langevin_loss", lambda E, y, e, s: (E(walk(E, y, e, s).detach()) - E(y)).mean(), "sign is turned"),
    ("langevin_loss", lambda E, y, e, s: (E(y) - E(walk(E, y, e, s, sign=1.0).detach())).mean(), "climbs"),
    ("langevin_loss", lambda E, y, e, s: (E(y) - E(walk(E, y, e, s, kick=0.0).detach())).mean(), "no kick"),
    ("langevin_loss", lambda E, y, e, s: (E(y) - E(walk(E, y, e, s, half=1.0).detach())).mean(), "step²/2"),
    ("langevin_loss", lambda E, y, e, s: (E(y) - E(y + s * e)).mean(), "slope is missing"),
    ("langevin_loss", lambda E, y, e, s: langevin_loss(E, y, e, s).detach(), "gradient is not"),
    ("acceptance", lambda a, b, T: torch.exp(-(b - a) / T), "exceed 1"),
    ("acceptance", lambda a, b, T: torch.exp((b - a) / T).clamp(max=1), "sign is turned"),
    ("acceptance", lambda a, b, T: torch.exp(-(b - a) * T).clamp(max=1), "T multiplies"),
    ("acceptance", lambda a, b, T: torch.exp(a - b).clamp(max=1), "temperature is missing"),
    ("acceptance", lambda a, b, T: 1 / (1 + torch.exp((b - a) / T)), "heat-bath"),
    ("acceptance", lambda a, b, T: (b < a).float(), "greedy"),
]


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_is_right(name):
    assert verdict(EXERCISES[name].reference, name)[0]


@pytest.mark.parametrize("name", NAMES)
def test_other_words_are_right(name):
    right, sentence = verdict(RIGHT[name], name)
    assert right, sentence


@pytest.mark.parametrize("name, wrong, word", WRONG, ids=[f"{name}: {word}" for name, _, word in WRONG])
def test_a_mistake_is_named(name, wrong, word):
    right, sentence = verdict(wrong, name)
    assert not right and word in sentence, sentence


@pytest.mark.parametrize("name", NAMES)
def test_broken_answers(name):
    reference = EXERCISES[name].reference

    def stops(*arguments):
        raise ZeroDivisionError("oops")

    def writes(*arguments):
        next(a for a in arguments if torch.is_tensor(a)).add_(1)
        return reference(*arguments)

    def hole(*arguments):
        raise NotImplementedError("return it")

    for broken, word in ((lambda *a: None, "None"), (lambda *a: reference(*a)[..., None], "shape"), (stops, "oops"),
                         (writes, "in place"), (hole, "not filled in")):
        right, sentence = verdict(broken, name)
        assert not right and word in sentence, sentence


def test_each_name_is_the_course_s_own():
    assert [EXERCISES[name].reference for name in NAMES] == [rbm_free_energy, gibbs_step, langevin_loss, acceptance]
