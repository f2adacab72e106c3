"""How much an RBM weighs in all: log Z exactly by enumeration, and bounds on it by annealing where that is too much."""

from typing import NamedTuple

import torch
from torch.nn.functional import softplus

from utils.energies import rbm_free_energy
from utils.inference import coin

MOST_UNITS = 22  # 4 million states: some ten seconds for 784 visible units


class Estimate(NamedTuple):
    """log Z in nats, the standard error of the mean weight relative to it, and the log-weights of the runs."""

    log_z: float
    error: float
    log_weights: torch.Tensor


def states(m):
    """All 2^m vectors of m bits, (2^m, m) of 0 and 1; row i spells the number i, lowest bit first."""
    return ((torch.arange(2**m)[:, None] >> torch.arange(m)) & 1).float()


@torch.no_grad()
def exact_log_z(rbm):
    """Add up all states of the smaller layer, the other one in closed form: log Z = log Σ_h exp(cᵀh + Σ_i softplus(…)).

    rbm: anything with W (n, m), b (n,) and c (m,). Returns log Z = log Σ_{v,h} exp(−E(v, h)), a float in nats.
    Raises ValueError beyond 22 units in the smaller layer.
    """
    return hidden_states(rbm)[1].double().logsumexp(0).item()


@torch.no_grad()
def exact_samples(rbm, count):
    """Independent draws from an RBM small enough to enumerate: h from its exact probabilities, then v given h.

    Returns (count, n) of 0 and 1. Raises ValueError as `exact_log_z` does, and when the visible layer is the smaller.
    """
    if rbm.W.shape[0] < rbm.W.shape[1]:
        raise ValueError("the visible layer is the smaller one: enumerate rbm_free_energy over states(n) instead")
    h, log_weights = hidden_states(rbm)
    drawn = h[torch.multinomial(torch.softmax(log_weights.double(), 0), count, replacement=True)]
    return coin(torch.sigmoid(drawn @ rbm.W.detach().T + rbm.b.detach()))


@torch.no_grad()
def hidden_states(rbm):
    """All 2^m states of the smaller layer (2^m, m), and the logarithm of what each contributes to Z (2^m,).

    Their softmax is the exact probability of each state. Raises ValueError beyond 22 units in the smaller layer.
    """
    W, b, c = rbm.W.detach(), rbm.b.detach(), rbm.c.detach()
    if W.shape[0] < W.shape[1]:  # an RBM reads the same from both sides
        W, b, c = W.T, c, b
    if W.shape[1] > MOST_UNITS:
        raise ValueError(f"2^{W.shape[1]} states are too many to add up ({MOST_UNITS} units at most): use ais")
    h = states(W.shape[1]).to(W)
    return h, torch.cat([part @ c + _sum_of_softplus(part @ W.T + b) for part in h.split(2048)])


def _sum_of_softplus(x):
    """softplus(x).sum(1), with one logarithm for many columns: softplus(x) = max(x, 0) + log(1 + e^−|x|)."""
    above, x = x.relu().sum(1), x.abs_().neg_().exp_().add_(1)
    columns = x.shape[1]
    while x.shape[1] % 2 == 0 and columns // x.shape[1] < 64:  # factors lie in [1, 2]: 64 of them cannot overflow
        x = x[:, :x.shape[1] // 2] * x[:, x.shape[1] // 2:]
    return above + x.log().sum(1)


@torch.no_grad()
def ais(rbm, base, betas, runs=100):
    """Anneal from a model whose log Z is known to the RBM and average the weights that this costs.

    f_β(v) = exp((1 − β) baseᵀv + β bᵀv) Π_j (1 + exp(β (c_j + (Wᵀv)_j))): pixels alone at β = 0, the RBM at 1.
    w = Π_k f_{β_k}(v_{k−1}) / f_{β_{k−1}}(v_{k−1}) has mean Z/Z₀, so log of its average is, in expectation, a *lower*
    bound on log Z, and log-likelihoods from it are too good: the more so, the worse the chains mix.
    base: (n,), biases of the pixels alone. betas: increasing from 0 to 1. Returns an Estimate.
    Taught in notebook 03. Source: Salakhutdinov & Murray, On the quantitative analysis of deep belief networks (2008).
    """
    v = coin(torch.sigmoid(base).expand(runs, -1))
    log_w, _ = _anneal(rbm, base, _checked(betas), v)
    return _estimate(_base_log_z(rbm, base), log_w, 1)


@torch.no_grad()
def reverse_ais(rbm, base, betas, v):
    """The same way back, from samples of the RBM to the independent pixels: an *upper* bound on log Z in expectation.

    v: (runs, n), samples of the RBM. If they are not exact samples the bound is only as good as they are.
    Other arguments, result: as `ais`; betas: increasing from 0 to 1, they are gone through backwards.
    Source: Burda, Grosse & Salakhutdinov, Accurate and conservative estimates of MRF log-likelihood (2015).
    """
    log_w, _ = _anneal(rbm, base, _checked(betas).flip(0), v)
    return _estimate(_base_log_z(rbm, base), log_w, -1)


def _anneal(rbm, base, betas, v):
    W, b, c = rbm.W.detach(), rbm.b.detach(), rbm.c.detach()
    log_w = v.new_zeros(len(v), dtype=torch.float64)
    for last, beta in zip(betas[:-1].tolist(), betas[1:].tolist(), strict=True):
        a = v @ W + c
        log_w += (beta - last) * (v @ (b - base)) + (softplus(beta * a) - softplus(last * a)).sum(1)
        h = coin(torch.sigmoid(beta * a))  # one Gibbs step that leaves f_β as it is
        v = coin(torch.sigmoid(torch.lerp(base, b + h @ W.T, beta)))
    return log_w, v


def _base_log_z(rbm, base):
    """log Z₀ of independent pixels beside m hidden units that do nothing."""
    return softplus(base).sum().item() + rbm.W.shape[1] * torch.log(torch.tensor(2.0)).item()


def _estimate(log_z0, log_w, sign):
    """Forward runs average w ∝ Z, reverse runs w ∝ 1/Z: the sign turns the second into the first."""
    weights = (log_w - log_w.max()).exp()
    error = (weights.std() / weights.mean() / len(weights) ** 0.5).item()
    log_mean = (log_w.logsumexp(0) - torch.log(torch.tensor(float(len(log_w))))).item()
    return Estimate(log_z0 + sign * log_mean, error, sign * log_w)


def _checked(betas):
    betas = torch.as_tensor(betas)
    if len(betas) < 2 or betas[0] != 0 or betas[-1] != 1 or (betas[1:] < betas[:-1]).any():
        raise ValueError("betas must increase from 0 to 1")
    return betas.double()


def log_likelihood(rbm, v, log_z):
    """log p(v) = −F(v) − log Z.   v: (B, n), log_z: float -> (B,), in nats."""
    return -rbm_free_energy(v, rbm.W.detach(), rbm.b.detach(), rbm.c.detach()) - log_z
