"""The checks of notebook 04: right answers in other words pass, each typical mistake is named."""

import math

import pytest
import torch

from utils.exercises.harness import EXERCISES, verdict
from utils.exercises.latent_variable_ebms import infer, kmeans_step

NAMES = ["infer", "kmeans_step", "free_energy", "limit_of_free_energy", "noisy_energy"]


def infer_by_loop(h, y, z):
    F, best = [], []
    for h_b, y_b in zip(h, y, strict=True):
        E = torch.stack([(y_b[0] - h_b[0] * torch.cos(a)) ** 2 + (y_b[1] - h_b[1] * torch.sin(a)) ** 2 for a in z])
        F.append(E.min())
        best.append(z[E.argmin()])
    return torch.stack(F), torch.stack(best)


def kmeans_by_loop(y, W):
    z = torch.cdist(y, W).argmin(1)
    return torch.stack([y[z == k].mean(0) if (z == k).any() else W[k] for k in range(len(W))])


def free_energy_by_hand(energies, beta):
    low = energies.min(1, keepdim=True).values
    return low[:, 0] - torch.log(torch.exp(-beta * (energies - low)).sum(1)) / beta


def noisy_energy_by_expansion(r, U, a, noise):
    second = a[:, :, None] * a[:, None] + noise**2 * torch.eye(U.shape[1])
    return (r**2).sum(1) - 2 * ((r @ U) * a).sum(1) + torch.einsum("bde,nd,ne->b", second, U, U)


RIGHT = {"infer": infer_by_loop, "kmeans_step": kmeans_by_loop, "free_energy": free_energy_by_hand,
         "limit_of_free_energy": lambda E: E.sort(1).values[:, 0], "noisy_energy": noisy_energy_by_expansion}


def energy(h, y, z):
    return (y[:, None] - h[:, None] * torch.stack([z.cos(), z.sin()], 1)).square().sum(-1)


def at_angle(h, y, angle):
    return (y[:, 0] - h[:, 0] * angle.cos()) ** 2 + (y[:, 1] - h[:, 1] * angle.sin()) ** 2, angle


def kmeans_with(y, W, z, divide=True, empty=None):
    """A step with a given assignment; empty: what a prototype without data becomes."""
    summary = torch.mean if divide else torch.sum
    return torch.stack([summary(y[z == k], 0) if (z == k).any() else W[k] if empty is None else empty
                        for k in range(len(W))])


def nearest(y, W):
    return torch.cdist(y, W).argmin(1)


# (exercise, what a student might write, a word that the message must hold)
WRONG = [
    ("infer", lambda h, y, z: (energy(h, y, z).max(1).values, z[energy(h, y, z).max(1).indices]), "highest"),
    ("infer", lambda h, y, z: (energy(h, y, z).min(1).values, energy(h, y, z).argmin(1)), "number"),
    ("infer", lambda h, y, z: (energy(h, y, z).mean(1), z[energy(h, y, z).argmin(1)]), "mean over z"),
    ("infer", lambda h, y, z: at_angle(h, y, torch.atan2(y[:, 1], y[:, 0])), "atan2(y₂, y₁)"),
    ("infer", lambda h, y, z: at_angle(h, y, torch.atan2(y[:, 1] / h[:, 1], y[:, 0] / h[:, 0])), "elsewhere"),
    ("infer", lambda h, y, z: (infer(h, y, z)[0] ** 0.5, infer(h, y, z)[1]), "distance"),
    ("infer", lambda h, y, z: infer(h, y, z)[0], "returns 1 values"),
    ("kmeans_step", lambda y, W: kmeans_with(y, W, torch.cdist(y, W).argmax(1)), "farthest"),
    ("kmeans_step", lambda y, W: kmeans_with(y, W, nearest(y, W), empty=torch.zeros(y.shape[1])), "jumps to 0"),
    ("kmeans_step", lambda y, W: kmeans_with(y, W, nearest(y, W), empty=y[:0].mean(0)), "not finite"),
    ("kmeans_step", lambda y, W: kmeans_with(y, W, nearest(y, W), divide=False), "not divided"),
    ("kmeans_step", lambda y, W: kmeans_with(y, len(y) * W, nearest(y, W), divide=False) / len(y), "of all data"),
    ("kmeans_step", lambda y, W: kmeans_with(y, W, (y @ W.T).argmax(1)), "product"),
    ("kmeans_step", nearest, "shape"),
    ("free_energy", lambda E, b: torch.logsumexp(-b * E, 1) / b, "sign is turned"),
    ("free_energy", lambda E, b: -torch.logsumexp(-b * E, 1), "1/β is missing"),
    ("free_energy", lambda E, b: torch.logsumexp(b * E, 1) / b, "soft maximum"),
    ("free_energy", lambda E, b: -torch.log(torch.exp(-b * E).mean(1)) / b, "mean over z"),
    ("free_energy", lambda E, b: -torch.logsumexp(-b * E, 0) / b, "over the batch"),
    ("free_energy", lambda E, b: -torch.logsumexp(-b * E, 1, keepdim=True) / b, "shape"),
    ("free_energy", lambda E, b: -torch.log(torch.exp(-b * E).sum(1)) / b, "logsumexp"),
    ("free_energy", lambda E, b: (torch.softmax(-b * E, 1) * E).sum(1), "entropy"),
    ("limit_of_free_energy", lambda E: E.argmin(1), "argmin, as in the notes"),
    ("limit_of_free_energy", lambda E: E.max(1).values, "maximum"),
    ("limit_of_free_energy", lambda E: E.mean(1), "β → 0"),
    ("limit_of_free_energy", lambda E: E.min(), "one number for all"),
    ("noisy_energy", lambda r, U, a, s: (r - a @ U.T).square().sum(1), "noise is missing"),
    ("noisy_energy", lambda r, U, a, s: (r - a @ U.T).square().sum(1) + s * U.square().sum(), "s²"),
    ("noisy_energy", lambda r, U, a, s: (r - a @ U.T).square().sum(1) + s**2 * a.shape[1], "in the code"),
    ("noisy_energy", lambda r, U, a, s: (r - a @ U.T).square().sum(1) + s**2 * r.shape[1], "in y"),
    ("noisy_energy", lambda r, U, a, s: (r - a @ U.T).square().sum(1) - s**2 * U.square().sum(), "sign"),
]


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_is_right(name):
    assert verdict(EXERCISES[name].reference, name)[0]


@pytest.mark.parametrize("name", NAMES)
def test_a_right_answer_in_other_words_is_right(name):
    right, sentence = verdict(RIGHT[name], name)
    assert right, sentence


@pytest.mark.parametrize("name, answer, word", WRONG)
def test_a_typical_mistake_is_named(name, answer, word):
    right, sentence = verdict(answer, name)
    assert not right and word in sentence, sentence


@pytest.mark.parametrize("name", NAMES)
def test_three_mistakes_are_known_and_all_are_wrong(name):
    mistakes = EXERCISES[name].mistakes
    assert len(mistakes) >= 3
    for message, mistake in mistakes.items():
        right, sentence = verdict(mistake, name)
        assert not right, message


@pytest.mark.parametrize("name", NAMES)
def test_no_answer_an_error_and_a_hole(name):
    def hole(*arguments):
        raise NotImplementedError("return something")

    nothing = (None, None) if name == "infer" else None
    assert "None" in verdict(lambda *arguments: nothing, name)[1]
    assert "ZeroDivisionError" in verdict(lambda *arguments: 1 / 0, name)[1]
    assert "not filled in yet. return something" in verdict(hole, name)[1]


def test_writing_into_the_input_is_seen():
    def in_place(y, W):
        W.copy_(kmeans_step(y, W))
        return W.clone()

    assert "in place" in verdict(in_place, "kmeans_step")[1]
    assert "in place" in verdict(lambda E: E.mul_(1).add_(1).amin(1) - 1, "limit_of_free_energy")[1]


def test_noisy_energy_is_the_mean_over_noise():
    generator = torch.Generator().manual_seed(0)
    r, U, a = (torch.randn(*shape, generator=generator) for shape in ((1, 3), (3, 2), (1, 2)))
    noise = 0.5 * torch.randn(400_000, 2, generator=generator)
    mean = (r - (a + noise) @ U.T).square().sum(1).mean()
    assert math.isclose(EXERCISES["noisy_energy"].reference(r, U, a, 0.5).item(), mean.item(), rel_tol=0.01)
