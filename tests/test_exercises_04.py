"""The checks of notebook 04: right answers in other words pass, each typical mistake is named."""

import math

import torch

from utils.exercises.harness import EXERCISES, verdict
from utils.exercises.latent_variable_ebms import infer, kmeans_step


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


def free_energy_of_each_row(energies, beta):
    return torch.stack([-torch.logsumexp(-beta * row, 0) / beta for row in energies])


RIGHT = {
    "infer": [infer_by_loop, lambda h, y, z: [energy(h, y, z).amin(1), z[energy(h, y, z).argmin(1)]],
              lambda h, y, z: (energy(h, y, z).sort(1).values[:, 0], z[energy(h, y, z).argsort(1)[:, 0]])],
    "kmeans_step": [kmeans_by_loop, lambda y, W: kmeans_with(y, W, nearest(y, W)).detach()],
    "free_energy": [free_energy_by_hand, free_energy_of_each_row,
                    lambda E, b: E.amin(1) - torch.logsumexp(b * (E.amin(1, keepdim=True) - E), 1) / b],
    "limit_of_free_energy": [lambda E: E.sort(1).values[:, 0], lambda E: -(-E).amax(1)],
    "noisy_energy": [noisy_energy_by_expansion, lambda r, U, a, s:
                     (r - a @ U.T).square().sum(1) + s**2 * torch.trace(U.T @ U)]}


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


def one_hot_means(y, z):
    """The number of classes is left to one_hot, which takes the largest that occurs."""
    Z = torch.nn.functional.one_hot(z).to(y)
    return Z.T @ y / Z.sum(0).clamp(min=1)[:, None]


def shifted_by(shift):
    """A log-sum-exp by hand, whose exponent is taken from another energy than each row's lowest."""
    return lambda E, b: shift(E).squeeze(-1) - torch.log(torch.exp(-b * (E - shift(E))).sum(1)) / b


# (exercise, what a student might write, a word that the message must hold)
WRONG = [
    ("infer", lambda h, y, z: (energy(h, y, z).max(1).values, z[energy(h, y, z).max(1).indices]), "highest"),
    ("infer", lambda h, y, z: (energy(h, y, z).min(1).values, energy(h, y, z).argmin(1)), "number"),
    ("infer", lambda h, y, z: (energy(h, y, z).mean(1), z[energy(h, y, z).argmin(1)]), "mean over z"),
    ("infer", lambda h, y, z: at_angle(h, y, torch.atan2(y[:, 1], y[:, 0])), "atan2(y₂, y₁)"),
    ("infer", lambda h, y, z: at_angle(h, y, torch.atan2(y[:, 1] / h[:, 1], y[:, 0] / h[:, 0])), "elsewhere"),
    ("infer", lambda h, y, z: (infer(h, y, z)[0] ** 0.5, infer(h, y, z)[1]), "distance"),
    ("infer", lambda h, y, z: infer(h, y, z)[0], "it returns 1 value, 2 are asked for"),
    ("kmeans_step", lambda y, W: kmeans_with(y, W, torch.cdist(y, W).argmax(1)), "farthest"),
    ("kmeans_step", lambda y, W: kmeans_with(y, W, nearest(y, W), empty=y.new_zeros(y.shape[1])), "jumps to 0"),
    ("kmeans_step", lambda y, W: kmeans_with(y, W, nearest(y, W), empty=y[:0].mean(0)), "not finite"),
    ("kmeans_step", lambda y, W: kmeans_with(y, W, nearest(y, W), divide=False), "not divided"),
    ("kmeans_step", lambda y, W: kmeans_with(y, len(y) * W, nearest(y, W), divide=False) / len(y), "of all data"),
    ("kmeans_step", lambda y, W: kmeans_with(y, W, (y @ W.T).argmax(1)), "product"),
    ("kmeans_step", nearest, "returns int64"),
    ("kmeans_step", lambda y, W: one_hot_means(y, nearest(y, W)), "one_hot(z, K)"),
    ("infer", lambda h, y, z: (z[energy(h, y, z).argmin(1)], energy(h, y, z).amin(1)), "their order is not: F, z"),
    ("infer", lambda h, y, z: (energy(h, y, z).amin(0), z[energy(h, y, z).argmin(0)]), "over the batch"),
    ("infer", lambda h, y, z: (0.5 * energy(h, y, z).amin(1), z[energy(h, y, z).argmin(1)]), "factor ½"),
    ("infer", torch.no_grad()(infer), "no gradient comes back"),
    ("infer", lambda h, y, z: (energy(h, y, z).min(1).values.detach(), z[energy(h, y, z).argmin(1)]), "no gradient"),
    ("free_energy", lambda E, b: torch.logsumexp(-b * E, 1) / b, "sign is turned"),
    ("free_energy", lambda E, b: -torch.logsumexp(-b * E, 1), "1/β is missing"),
    ("free_energy", lambda E, b: torch.logsumexp(b * E, 1) / b, "soft maximum"),
    ("free_energy", lambda E, b: -torch.log(torch.exp(-b * E).mean(1)) / b, "mean over z"),
    ("free_energy", lambda E, b: -torch.logsumexp(-b * E, 0) / b, "over the batch"),
    ("free_energy", lambda E, b: -torch.logsumexp(-b * E, 1, keepdim=True) / b, "shape"),
    ("free_energy", lambda E, b: -torch.log(torch.exp(-b * E).sum(1)) / b, "logsumexp"),
    ("free_energy", lambda E, b: (torch.softmax(-b * E, 1) * E).sum(1), "entropy"),
    ("free_energy", shifted_by(lambda E: E.amax(1, keepdim=True)), "lowest energy of each row"),
    ("free_energy", shifted_by(lambda E: E.amin()), "lowest energy of each row"),
    ("free_energy", lambda E, b: -torch.logsumexp(-b * (E - E.amin(1, keepdim=True)), 1) / b, "add the shift again"),
    ("free_energy", lambda E, b: -torch.logsumexp(-E, 1) / b, "missing in the exponent"),
    ("free_energy", lambda E, b: -torch.logsumexp(-b * E.detach(), 1) / b, "gradient"),
    ("limit_of_free_energy", lambda E: E.amin(0), "second axis"),
    ("limit_of_free_energy", lambda E: E.min(1), "asked for"),
    ("limit_of_free_energy", lambda E: E.argmin(1), "argmin, as in the notes"),
    ("limit_of_free_energy", lambda E: E.max(1).values, "maximum"),
    ("limit_of_free_energy", lambda E: E.mean(1), "β → 0"),
    ("limit_of_free_energy", lambda E: E.min(), "one number for all"),
    ("noisy_energy", lambda r, U, a, s: (r - a @ U.T).square().sum(1), "noise is missing"),
    ("noisy_energy", lambda r, U, a, s: (r - a @ U.T).square().sum(1) + s * U.square().sum(), "s²"),
    ("noisy_energy", lambda r, U, a, s: (r - a @ U.T).square().sum(1) + s**2 * a.shape[1], "in the code"),
    ("noisy_energy", lambda r, U, a, s: (r - a @ U.T).square().sum(1) + s**2 * r.shape[1], "in y"),
    ("noisy_energy", lambda r, U, a, s: (r - a @ U.T).square().sum(1) - s**2 * U.square().sum(), "sign"),
    ("noisy_energy", lambda r, U, a, s:
     (r - a @ U.T).square().sum(1) + s**2 * torch.linalg.svdvals(U)[0] ** 2, "largest stretch"),
    ("noisy_energy", lambda r, U, a, s: (r - a @ U.T).square().sum(1) + U.square().sum(), "not ‖U‖²"),
]


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
