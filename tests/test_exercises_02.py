"""The exercises of notebook 02: right answers in any form are right, typical mistakes get the sentence that helps."""

import math

import torch

from utils.exercises.denoising_autoencoders import false_minima, posterior_mean


def posterior_by_bayes(y, s):
    plus, minus = torch.exp(-(y - 1) ** 2 / (2 * s**2)), torch.exp(-(y + 1) ** 2 / (2 * s**2))
    return (plus - minus) / (plus + minus)


def minima_by_loop(y, E, data, radius):
    found = [i for i in range(1, len(y) - 1) if E[i] < min(E[i - 1], E[i + 1])
             and all(abs(y[i] - d) > radius for d in data)]
    return y[found]


def score_by_autograd(y, y_tilde, sigma):
    """The gradient of −½|y − r|²/σ² at a constant r."""
    y, y_tilde, sigma = torch.broadcast_tensors(y, y_tilde, torch.as_tensor(sigma, device=y.device))
    y = y.clone().requires_grad_()
    (gradient,) = torch.autograd.grad((-0.5 * (y - y_tilde).square() / sigma**2).sum(), y)
    return gradient


def minima_by_signs(y, E, data, radius):
    """Where the slope turns from down to up."""
    turns = torch.diff(torch.sign(torch.diff(E))) > 0
    far = torch.stack([(y[1:-1] - d).abs() > radius for d in data]).all(0)
    return y[1:-1][turns & far]


RIGHT = {
    "posterior_mean": [posterior_by_bayes, lambda y, s: 2 * torch.sigmoid(2 * y / s**2) - 1],
    "denoiser_score": [score_by_autograd, lambda y, y_tilde, sigma: y_tilde / sigma**2 - y / sigma**2],
    "false_minima": [minima_by_loop, minima_by_signs],
    "mask_pixels": [lambda y, share, u: torch.where(u < share, 0.0, y),
                    lambda y, share, u: y.masked_fill(u < share, 0)],
    "denoising_loss": [lambda r, y, x: torch.nn.functional.mse_loss(r, y, reduction="sum") / (2 * len(y)),
                       lambda r, y, x: 0.5 * torch.linalg.vector_norm(r - y, dim=1).pow(2).mean()],
}

WRONG = [
    ("posterior_mean", lambda y, s: torch.tanh(y / s), "divide by s²"),
    ("posterior_mean", lambda y, s: torch.tanh(2 * y / s**2), "a factor 2 too many"),
    ("posterior_mean", lambda y, s: torch.tanh(y / (2 * s**2)), "a factor 2 too few"),
    ("posterior_mean", lambda y, s: torch.sigmoid(2 * y / s**2), "probability of +1"),
    ("posterior_mean", lambda y, s: y.sign(), "nearest datum"),
    ("posterior_mean", lambda y, s: y / (1 + s**2), "Wiener"),
    ("posterior_mean", lambda y, s: -torch.tanh(y / s**2), "sign is turned round"),
    ("denoiser_score", lambda y, r, s: (y - r) / s**2, "points away from the data"),
    ("denoiser_score", lambda y, r, s: (r - y) / s, "not by σ"),
    ("denoiser_score", lambda y, r, s: r - y, "this is the displacement"),
    ("denoiser_score", lambda y, r, s: (r - y) * s**2, "way back"),
    ("false_minima", lambda y, E, data, radius: false_minima(y, E, data + 100, radius), "the data are minima as well"),
    ("false_minima", lambda y, E, data, radius: false_minima(y, -E, data, radius), "these are the hills"),
    ("false_minima", lambda y, E, data, radius: y[E.argmin()][None], "a single lowest point"),
    ("false_minima", lambda y, E, data, radius: E[1:-1][(E[1:-1] < E[:-2]) & (E[1:-1] < E[2:])], "should be"),
    ("mask_pixels", lambda y, share, u: y * (u < share), "keeps what it should hide"),
    ("mask_pixels", lambda y, share, u: y * (u[:1] >= share), "the first one's mask"),
    ("mask_pixels", lambda y, share, u: y * (u >= share) / (1 - share), "dropout"),
    ("mask_pixels", lambda y, share, u: y.mul_(u >= share), "changes its input y in place"),
    ("mask_pixels", lambda y, share, u: torch.where(u < share, y.mean(), y), "not the mean gray"),
    ("mask_pixels", lambda y, share, u: y * (torch.rand_like(y) >= share), "noise of its own"),
    ("mask_pixels", lambda y, share, u: (u >= share).float(), "this is the mask"),
    ("mask_pixels", lambda y, share, u: torch.where(u < share, u, y), "not noise"),
    ("false_minima", lambda y, E, data, radius: (found := false_minima(y, E, data + 100, radius))[
        ((found[:, None] - data).abs() > radius).any(1)], "far from every datum"),
    ("false_minima", lambda y, E, data, radius: (found := y[(E.roll(1) > E) & (E.roll(-1) > E)])[
        ((found[:, None] - data).abs() > radius).all(1)], "has one neighbor only"),
    ("false_minima", lambda y, E, data, radius: (found := y[1:-1][(E[1:-1] < E[2:]) | (E[1:-1] < E[:-2])])[
        ((found[:, None] - data).abs() > radius).all(1)], "not |"),
    ("false_minima", lambda y, E, data, radius: torch.tensor(
        [i for i, v in enumerate(y) if v in false_minima(y, E, data, radius)], device=y.device), "the grid's numbers"),
    ("denoiser_score", lambda y, r, s: 0.5 * (r - y) / s**2, "no factor ½"),
    ("denoiser_score", lambda y, r, s: 0.5 * (r - y).square().sum(-1) / s**2, "shape"),
    ("posterior_mean", lambda y, s: torch.tanh(y * s**2), "divide by s²"),
    ("denoising_loss", lambda r, y, x: 0.5 * (y - x).square().sum(1).mean(), "the network is not in it"),
    ("denoising_loss", lambda r, y, x: 0.5 * (r - y).square().sum(), "sums over the batch"),
    ("denoising_loss", lambda r, y, x: 0.5 * (r.detach() - y).square().sum(1).mean(), "gradient"),
    ("denoising_loss", lambda r, y, x: ((r - x) ** 2).mean(), "colleague's loss"),
    ("denoising_loss", lambda r, y, x: 0.5 * (r - x).square().sum(1).mean(), "not the corrupted x"),
    ("denoising_loss", lambda r, y, x: (r - y).square().mean(), "averages over the pixels"),
    ("denoising_loss", lambda r, y, x: 0.5 * (r - y).square().sum(1), "one value a sample"),
    ("denoising_loss", lambda r, y, x: (r - y).square().sum(1).mean(), "½ is missing"),
]


def test_the_posterior_mean_is_the_best_denoiser():
    """Among tanh(a y / s²) the mean squared error is least at a = 1."""
    generator = torch.Generator().manual_seed(0)
    y0 = 2.0 * torch.randint(2, (400_000,), generator=generator) - 1
    x = y0 + 0.7 * torch.randn(400_000, generator=generator)
    errors = [(posterior_mean(x * a, 0.7) - y0).square().mean() for a in (0.7, 1.0, 1.4)]
    assert errors[1] < errors[0] and errors[1] < errors[2]


def test_the_theory_has_one_false_minimum_for_weak_noise_and_a_flat_middle_for_strong():
    y, data = torch.linspace(-1.5, 1.5, 121, dtype=torch.float64), torch.tensor([-1.0, 1.0], dtype=torch.float64)
    weak = 0.5 * (posterior_mean(y, 0.5) - y).square()
    assert false_minima(y, weak, data, 0.2).abs().max() < 1e-9 and len(false_minima(y, weak, data, 0.2)) == 1
    assert math.isclose(0.5 * (1 - math.tanh(1)) ** 2, 0.0284, abs_tol=1e-4)
