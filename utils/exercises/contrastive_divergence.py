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


def _one_step(energy, y, eps, step, create_graph=False, pull=0.5, kick=1.0):
    """y - pull step^2 slope + kick step eps, through which a gradient flows with create_graph."""
    y = y.detach().requires_grad_()
    slope, = torch.autograd.grad(energy(y).sum(), y, create_graph=create_graph)
    return y - pull * step**2 * slope + kick * step * eps


def _loss(pull=lambda y, step: 0.5, kick=lambda step: 1.0):
    """langevin_loss with another weight of the slope or of the kick."""
    def answer(energy, y, eps, step):
        y_neg = _one_step(energy, y, eps, step, pull=pull(y, step), kick=kick(step)).detach()
        return energy(y).mean() - energy(y_neg).mean()
    return answer


def _rbm(B, n, m, strong=1.0):
    return (torch.rand(B, n) < 0.5).float(), strong * torch.randn(n, m), torch.randn(n), torch.randn(m)


def _double(*tensors):
    return tuple(t.double() for t in tensors)


def _with_softplus(inner=lambda a: torch.nn.functional.softplus(a).sum(1), bias=-1.0):
    """rbm_free_energy with another treatment of the hidden units' inputs, or of b."""
    return lambda v, W, b, c: bias * (v @ b) - inner(c + v @ W)


def _h(v, W, c, u_h):
    return (u_h < torch.sigmoid(v @ W + c)).to(v.dtype)


class _Bowl(torch.nn.Module):
    """E(y) = ½ w |y|² + |y|⁴ / 4: one parameter, and a slope that depends on it."""

    def __init__(self, w):
        super().__init__()
        self.w = torch.nn.Parameter(torch.tensor(float(w)))

    def forward(self, y):
        return 0.5 * self.w * y.square().sum(1) + 0.25 * y.square().sum(1) ** 2


Exercise(
    "rbm_free_energy", rbm_free_energy,
    # the page feeds digits, whose inputs to a hidden unit grow beyond 88, and doubles for the small RBM
    cases=lambda: [_rbm(4, 5, 3), _rbm(1, 3, 6), _double(*_rbm(6, 9, 12)), _rbm(5, 784, 16, 12.0)],
    gradient=("W", "b", "c"),
    rtol=1e-3,
    mistakes={
        "the sign is turned round: F is low where the RBM likes v": lambda v, W, b, c: -rbm_free_energy(v, W, b, c),
        "log(1 + eᵃ), also as log1p, is inf for an a above 88, and digits get there: softplus(a) of torch is not":
            _with_softplus(lambda a: (1 + a.exp()).log().sum(1)),
        "the softplus stands outside of the sum: every hidden unit has one of its own, and these are added up":
            _with_softplus(lambda a: torch.nn.functional.softplus(a.sum(1))),
        "the sum over the hidden units has the wrong sign: the more states h leaves open, the lower is F":
            _with_softplus(lambda a: -torch.nn.functional.softplus(a).sum(1)),
        "the visible biases have the wrong sign: −bᵀv": _with_softplus(bias=1.0),
        "both biases are missing. The notes leave them out, this page does not: −bᵀv, and c inside the softplus":
            lambda v, W, b, c: rbm_free_energy(v, W, 0 * b, 0 * c),
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
    cases=lambda: [(*_rbm(B, n, m, strong), torch.rand(B, m), torch.rand(B, n))
                   for B, n, m, strong in ((60, 8, 5, 1.0), (80, 4, 6, 1.0), (20, 784, 16, 12.0))],
    gradient=False,
    mistakes={
        "h is left as a probability: toss a coin for each hidden unit, h = (u_h < p)": lambda v, W, b, c, u, w:
            (w < torch.sigmoid(torch.sigmoid(v @ W + c) @ W.T + b)).to(v.dtype),
        "v is left as a probability: toss a coin for each visible unit too": lambda v, W, b, c, u, w:
            torch.sigmoid(_h(v, W, c, u) @ W.T + b),
        "the comparison is turned round: u < p happens with probability p": lambda v, W, b, c, u, w:
            (w > torch.sigmoid((u > torch.sigmoid(v @ W + c)).to(v.dtype) @ W.T + b)).to(v.dtype),
        "u > 1 − p happens as often as u < p, but other coins fall. All of the page compares u < p":
            lambda v, W, b, c, u, w: (w > 1 - torch.sigmoid(
                (u > 1 - torch.sigmoid(v @ W + c)).to(v.dtype) @ W.T + b)).to(v.dtype),
        "this tosses coins of its own: compare with the noise u_h and u_v that is handed in":
            lambda v, W, b, c, u, w: gibbs_step(v, W, b, c, torch.rand_like(u), torch.rand_like(w)),
        "there is no chance in it: compare with the noise, not with ½": lambda v, W, b, c, u, w:
            gibbs_step(v, W, b, c, torch.full_like(u, 0.5), torch.full_like(w, 0.5)),
        "the hidden bias c is missing": lambda v, W, b, c, u, w: gibbs_step(v, W, b, 0 * c, u, w),
        "the visible bias b is missing": lambda v, W, b, c, u, w: gibbs_step(v, W, 0 * b, c, u, w),
        "this is h: the step ends with a new v": lambda v, W, b, c, u, w: _h(v, W, c, u),
    },
)

Exercise(
    "langevin_loss", langevin_loss,
    cases=lambda: [*((_Bowl(w), torch.randn(5, n), torch.randn(5, n), s) for w, n, s in ((2, 3, 0.5), (-1, 2, 0.8))),
                   (lambda y: (1.5 * y).sin().sum(1), 3 * torch.randn(50, 2), torch.randn(50, 2), 0.5)],
    gradient=("energy",),
    mistakes={
        "the sign is turned round: lower the data, raise the negative": lambda E, y, eps, s:
            -langevin_loss(E, y, eps, s),
        "the chain climbs: go against the slope": lambda E, y, eps, s:
            _loss(pull=lambda y, s: -0.5)(E, y, eps, s),
        "there is no kick: add step · eps": _loss(kick=lambda s: 0.0),
        "the slope is multiplied by step², it should be by step²/2": _loss(pull=lambda y, s: 1.0),
        "the slope is multiplied by step, the walk has step²/2. (step · slope with √(2 step) · eps is the same walk "
        "with another name for the step; here the kick is step · eps)":
            _loss(pull=lambda y, s: 1 / s, kick=lambda s: (2 / s) ** 0.5),
        "the slope is multiplied by step/2, it should be by step²/2": _loss(pull=lambda y, s: 0.5 / s),
        "the slope is that of the batch's mean energy, so too small by the size of the batch: differentiate the sum":
            _loss(pull=lambda y, s: 0.5 / len(y)),
        "the kick is alone: the slope is missing": _loss(pull=lambda y, s: 0.0),
        "one value per sample is left: the loss is the difference of two means": lambda E, y, eps, s:
            E(y) - E(_one_step(E, y, eps, s).detach()),
        "too little is detached: the gradient flows through the walk. y_neg must be a constant: y_neg.detach()":
            lambda E, y, eps, s: E(y).mean() - E(_one_step(E, y, eps, s, create_graph=True)).mean(),
        "too much is detached: y_neg is a constant, its energy E(y_neg) is not, for it must be raised there":
            lambda E, y, eps, s: E(y).mean() - E(_one_step(E, y, eps, s).detach()).mean().detach(),
        "too much is detached: the energy of the data, E(y), must carry a gradient, for it is lowered there":
            lambda E, y, eps, s: E(y).mean().detach() - E(_one_step(E, y, eps, s).detach()).mean(),
        "too much is detached: the loss carries no gradient at all. Only y_neg is a constant; both energies learn":
            lambda E, y, eps, s: langevin_loss(E, y, eps, s).detach(),
    },
)

Exercise(
    "acceptance", acceptance,
    # energies of digits lie in the hundreds
    cases=lambda: [(torch.randn(9), 2 * torch.randn(9), 0.5), (torch.randn(4), torch.randn(4), 2.0),
                   (torch.randn(6) - 300, torch.randn(6) - 300, 1.0),
                   (torch.tensor([0.0, 300.0, 1.0]), torch.tensor([300.0, 0.0, 1.0]), 1.0),
                   (torch.randn(5, dtype=torch.float64), torch.randn(5, dtype=torch.float64), 0.7)],
    gradient=False,
    mistakes={
        "it can exceed 1: a probability is at most 1, a lower energy is always kept": lambda a, b, T:
            (-(b - a) / T).exp(),
        "a ratio of two exponentials is 0/0 or inf/inf for energies in the hundreds: take the difference first":
            lambda a, b, T: ((-b / T).exp() / (-a / T).exp()).clamp(max=1),
        "the sign is turned round: it keeps what rises": lambda a, b, T: acceptance(b, a, T),
        "T multiplies: a hot chain must accept more, so divide by T": lambda a, b, T: acceptance(a, b, 1 / T),
        "the temperature is missing": lambda a, b, T: acceptance(a, b, 1.0),
        "this is the heat-bath rule 1/(1 + exp(ΔE/T)): it has the same equilibrium, but it is not Metropolis'":
            lambda a, b, T: torch.sigmoid(-(b - a) / T),
        "this is greedy: what rises must be kept sometimes": lambda a, b, T: (b <= a).to(a.dtype),
        "this is greedy and refuses equals: at ΔE = 0 the probability is 1": lambda a, b, T: (b < a).to(a.dtype),
        "this has tossed the coin already: the probability is asked for, the page compares it with its own noise":
            lambda a, b, T: (torch.rand(a.shape, device=a.device) < acceptance(a, b, T)).to(a.dtype),
    },
)
