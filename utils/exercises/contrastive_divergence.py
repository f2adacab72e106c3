"""Checks of the exercises in notebook 03."""

import torch

from utils.energies import rbm_free_energy
from utils.exercises.harness import Exercise


def gibbs_step(v, W, b, c, u_h, u_v):
    """h | v, then v | h; u_h (B, m) and u_v (B, n) are the uniform noise.   v: (B, n), W: (n, m) -> (B, n)."""
    h = (u_h < torch.sigmoid(v @ W + c)).to(v.dtype)
    return (u_v < torch.sigmoid(h @ W.T + b)).to(v.dtype)


def langevin_loss(energy, y, eps, step):
    """E(y) - E(y_neg), y_neg one Langevin step from y, a constant.   y, eps: (B, n), step: float -> scalar."""
    y_neg = _one_step(energy, y, eps, step).detach()
    return energy(y).mean() - energy(y_neg).mean()


def acceptance(E_now, E_new, T):
    """Metropolis' probability to keep a move: min(1, exp(-(E_new - E_now)/T)).   (B,), (B,), float -> (B,)."""
    return (-(E_new - E_now) / T).exp().clamp(max=1)


def _one_step(energy, y, eps, step, create_graph=False, sign=-1.0, noise=True):
    y = y.detach().requires_grad_()
    slope, = torch.autograd.grad(energy(y).sum(), y, create_graph=create_graph)
    return y + sign * 0.5 * step**2 * slope + step * eps * noise


def _rbm(B, n, m):
    return (torch.rand(B, n) < 0.5).float(), torch.randn(n, m), torch.randn(n), torch.randn(m)


def _h(v, W, c, u_h):
    return (u_h < torch.sigmoid(v @ W + c)).to(v.dtype)


class _Bowl(torch.nn.Module):
    """E(y) = ½ w |y|² + |y|⁴ / 4: one parameter, and a slope that depends on it."""

    def __init__(self, w):
        super().__init__()
        self.w = torch.nn.Parameter(torch.tensor(float(w)))

    def forward(self, y):
        return 0.5 * self.w * y.square().sum(1) + 0.25 * y.square().sum(1) ** 2


def _gradient(loss_function):
    draw = torch.Generator(device="cpu").manual_seed(3)
    y, eps = (torch.randn(6, 3, generator=draw, device="cpu") for _ in range(2))
    bowl = _Bowl(1.5).cpu()
    loss = loss_function(bowl, y, eps, 0.8)
    return torch.autograd.grad(loss, bowl.w)[0].item() if loss.requires_grad else float("nan")


def _same_gradient(answer):
    return abs(_gradient(answer) - _gradient(langevin_loss)) < 1e-4


Exercise(
    "rbm_free_energy", rbm_free_energy,
    cases=lambda: [_rbm(4, 5, 3), _rbm(1, 3, 6)],
    mistakes={
        "the sign is turned round: F is low where the RBM likes v": lambda v, W, b, c: -rbm_free_energy(v, W, b, c),
        "the visible biases are missing: −bᵀv": lambda v, W, b, c: rbm_free_energy(v, W, 0 * b, c),
        "the hidden biases are missing: they stand inside the softplus": lambda v, W, b, c:
            rbm_free_energy(v, W, b, 0 * c),
        "this takes the best h, max(0, ·); summing over both states of h gives softplus": lambda v, W, b, c:
            -v @ b - (c + v @ W).relu().sum(1),
        "this puts the mean of h into the energy and forgets its entropy": lambda v, W, b, c:
            -v @ b - ((c + v @ W) * torch.sigmoid(c + v @ W)).sum(1),
        "this is a mean over the batch too: a free energy is one number per sample": lambda v, W, b, c:
            rbm_free_energy(v, W, b, c).mean(),
        "the hidden units are averaged: sum them": lambda v, W, b, c:
            -v @ b - torch.nn.functional.softplus(c + v @ W).mean(1),
    },
)

Exercise(
    "gibbs_step", gibbs_step,
    cases=lambda: [(*_rbm(B, n, m), torch.rand(B, m), torch.rand(B, n)) for B, n, m in ((60, 8, 5), (80, 4, 6))],
    mistakes={
        "h is left as a probability: toss a coin for each hidden unit, h = (u_h < p)": lambda v, W, b, c, u, w:
            (w < torch.sigmoid(torch.sigmoid(v @ W + c) @ W.T + b)).to(v.dtype),
        "v is left as a probability: toss a coin for each visible unit too": lambda v, W, b, c, u, w:
            torch.sigmoid(_h(v, W, c, u) @ W.T + b),
        "the comparison is turned round: u < p happens with probability p": lambda v, W, b, c, u, w:
            (w > torch.sigmoid((u > torch.sigmoid(v @ W + c)).to(v.dtype) @ W.T + b)).to(v.dtype),
        "there is no chance in it: compare with the noise, not with ½": lambda v, W, b, c, u, w:
            gibbs_step(v, W, b, c, torch.full_like(u, 0.5), torch.full_like(w, 0.5)),
        "the hidden bias c is missing": lambda v, W, b, c, u, w: gibbs_step(v, W, b, 0 * c, u, w),
        "the visible bias b is missing": lambda v, W, b, c, u, w: gibbs_step(v, W, 0 * b, c, u, w),
        "this is h: the step ends with a new v": lambda v, W, b, c, u, w: _h(v, W, c, u),
    },
)

Exercise(
    "langevin_loss", langevin_loss,
    cases=lambda: [(_Bowl(w), torch.randn(5, 3), torch.randn(5, 3), s) for w, s in ((2.0, 0.5), (-1.0, 0.8))],
    mistakes={
        "the sign is turned round: lower the data, raise the negative": lambda E, y, eps, s:
            -langevin_loss(E, y, eps, s),
        "the chain climbs: go against the slope": lambda E, y, eps, s:
            E(y).mean() - E(_one_step(E, y, eps, s, sign=1.0).detach()).mean(),
        "there is no kick: add step · eps": lambda E, y, eps, s:
            E(y).mean() - E(_one_step(E, y, eps, s, noise=False).detach()).mean(),
        "the slope is multiplied by step², it should be by step²/2": lambda E, y, eps, s:
            E(y).mean() - E(_one_step(E, y, eps, s, sign=-2.0).detach()).mean(),
        "the noise is the kick alone: the slope is missing": lambda E, y, eps, s:
            E(y).mean() - E(y + s * eps).mean(),
    },
    properties={
        "the value is right, the gradient is not: it flows through the chain. y_neg must be a constant: .detach()":
            _same_gradient,
    },
)

Exercise(
    "acceptance", acceptance,
    cases=lambda: [(torch.randn(9), 2 * torch.randn(9), 0.5), (torch.randn(4), torch.randn(4), 2.0)],
    mistakes={
        "it can exceed 1: a probability is at most 1, a lower energy is always kept": lambda a, b, T:
            (-(b - a) / T).exp(),
        "the sign is turned round: it keeps what rises": lambda a, b, T: acceptance(b, a, T),
        "T multiplies: a hot chain must accept more, so divide by T": lambda a, b, T: acceptance(a, b, 1 / T),
        "the temperature is missing": lambda a, b, T: acceptance(a, b, 1.0),
        "this is the heat-bath rule 1/(1 + exp(ΔE/T)): it has the same equilibrium, but it is not Metropolis'":
            lambda a, b, T: torch.sigmoid(-(b - a) / T),
        "this is greedy: what rises must be kept sometimes": lambda a, b, T: (b <= a).to(a.dtype),
    },
)
