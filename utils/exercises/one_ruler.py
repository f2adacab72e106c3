"""Checks of the exercises in notebook 11."""

import math

import torch

from utils.exercises.harness import Exercise


def volume_for_95(E_grid, E_data):
    """The share of the grid at or below the 95th percentile of the data's energies.   (M,), (N,) -> scalar."""
    return (E_grid <= E_data.quantile(0.95)).float().mean()


def kl_on_grid(log_p, E):
    """KL(p ‖ softmax(−E)) = Σ_i p_i (log p_i − log q_i), log_p up to a constant.   (M,), (M,) -> scalar, nats."""
    log_p, log_q = torch.log_softmax(log_p, 0), torch.log_softmax(-E, 0)
    return (log_p.exp() * (log_p - log_q)).sum()


def beta_slope(beta, E_data, E_grid):
    """d/dβ [−β Ē_data − log Σ_i exp(−β E_i)] = Σ_i p_i E_i − Ē_data, p = softmax(−β E_grid).   (N,), (M,) -> scalar."""
    return torch.softmax(-beta * E_grid, 0) @ E_grid - E_data.mean()


def follow(after):
    """after ← after[after] until nothing changes.   (N,) of int -> (N,) of int."""
    while not torch.equal(after[after], after):
        after = after[after]
    return after


def grid_nll(E_data, E_grid, cell):
    """−log p of the data, mean: Ē_data + log(Σ_i exp(−E_i) · cell).   (N,), (M,), float -> scalar, nats."""
    return E_data.mean() + torch.logsumexp(-E_grid, 0) + math.log(cell)


def _tree(n, seed):
    """Each index points to one nearer to its root, and there are three roots: an acyclic `after`."""
    generator = torch.Generator().manual_seed(seed)
    after = (torch.arange(n) * torch.rand(n, generator=generator)).long()
    after[:3] = torch.arange(3)
    relabel = torch.randperm(n, generator=generator)
    out = torch.empty_like(after)
    out[relabel] = relabel[after]
    return out


def _chain(n):
    return (torch.arange(n) - 1).clamp(min=0)


Exercise(
    "volume_for_95", volume_for_95, gradient=False,
    cases=lambda: [(6 * torch.rand(400), torch.randn(401) ** 2), (1 + 9 * torch.rand(300), 8 * torch.rand(401) ** 3)],
    mistakes={
        "this is the share above the level: the volume is what lies at or below it": lambda g, d:
            1 - volume_for_95(g, d),
        "this is 0.95 for every energy: take the percentile of the data's energies, and count places of the grid":
            lambda g, d: torch.tensor(0.95),
        "this is the 5th percentile: 95 % of the data must lie below the level": lambda g, d:
            (g <= d.quantile(0.05)).float().mean(),
        "the level is the data's highest energy: one stray datum would decide": lambda g, d:
            (g <= d.max()).float().mean(),
        "the level is the data's mean energy: that holds half of them, not 95 %": lambda g, d:
            (g <= d.mean()).float().mean(),
        "this is a number of grid points: divide by how many there are": lambda g, d:
            (g <= d.quantile(0.95)).float().sum(),
    },
    rtol=0, atol=0.025,  # ≤ or <, and every way to interpolate a percentile
)

Exercise(
    "kl_on_grid", kl_on_grid, gradient=False,
    cases=lambda: [(torch.randn(200), 2 * torch.randn(200)), (3 - 5 * torch.rand(60), 4 * torch.rand(60) + 2)],
    mistakes={
        "this is KL(q ‖ p): the weights must be the truth's, p": lambda log_p, E:
            kl_on_grid(-E, -log_p),
        "log Z is missing: −E is log q only up to a constant; torch.log_softmax(-E, 0) subtracts it": lambda log_p, E:
            (log_p.softmax(0) * (log_p.log_softmax(0) + E)).sum(),
        "log p is given up to a constant: normalize it over the grid as well": lambda log_p, E:
            (log_p.exp() * (log_p - (-E).log_softmax(0))).sum(),
        "log p in the bracket is not normalized: log_softmax it too, not only the weights": lambda log_p, E:
            (log_p.softmax(0) * (log_p - (-E).log_softmax(0))).sum(),
        "every grid point counts the same here: weigh it with p": lambda log_p, E:
            (log_p.log_softmax(0) - (-E).log_softmax(0)).mean(),
        "the sign of E is turned round: q is large where the energy is low": lambda log_p, E: kl_on_grid(log_p, -E),
        "this is −KL: the bracket is log p − log q": lambda log_p, E: -kl_on_grid(log_p, E),
        "this is the cross-entropy −Σ p log q: the entropy of p is missing": lambda log_p, E:
            -(log_p.softmax(0) * (-E).log_softmax(0)).sum(),
        "this is in bits: the page counts in nats, the natural logarithm": lambda log_p, E:
            kl_on_grid(log_p, E) / math.log(2),
        "this is a mean over the grid: KL is a sum, the weights p already add up to 1": lambda log_p, E:
            kl_on_grid(log_p, E) / len(E),
    },
    properties={
        "exp(−E) is 0 in the computer once E is beyond 104, and log 0 is −∞: use torch.log_softmax":
            lambda answer: abs(float(answer(torch.tensor([0.0, -1.0]), torch.tensor([0.0, 200.0]))) - 53.206) < 0.01,
    },
)

Exercise(
    "beta_slope", beta_slope, gradient=False,
    cases=lambda: [(0.7, torch.rand(40), 3 * torch.rand(200)), (4.0, 1 + torch.rand(30), 2 * torch.rand(90))],
    mistakes={
        "the sign is turned round: raising β pays while the model expects higher energies than the data have":
            lambda b, d, g: -beta_slope(b, d, g),
        "this is the mean over the grid: where the model expects its energies depends on β, weigh with softmax(−βE)":
            lambda b, d, g: g.mean() - d.mean(),
        "the sign in the exponent is missing: the model is softmax(−β E)": lambda b, d, g:
            torch.softmax(b * g, 0) @ g - d.mean(),
        "β is missing in the softmax": lambda b, d, g: torch.softmax(-g, 0) @ g - d.mean(),
        "the data's part is missing": lambda b, d, g: torch.softmax(-b * g, 0) @ g,
        "the model's part is missing: −log Z depends on β as well": lambda b, d, g: -d.mean(),
        "this is the log-likelihood itself; asked for is its derivative in β": lambda b, d, g:
            -b * d.mean() - torch.logsumexp(-b * g, 0),
        "this is β times the derivative, the one in log β": lambda b, d, g: b * beta_slope(b, d, g),
        "the data's energies are summed: take their mean, as the likelihood does": lambda b, d, g:
            torch.softmax(-b * g, 0) @ g - d.sum(),
        "the model's part is a mean over the grid of p·E: the weights p already add up to 1, so take the sum":
            lambda b, d, g: (torch.softmax(-b * g, 0) * g).mean() - d.mean(),
    },
    properties={
        "exp(−βE) is 0 in the computer once βE is beyond 104: use torch.softmax, which shifts first": lambda answer:
            abs(float(answer(1.0, torch.tensor([200.0]), torch.tensor([200.0, 201.0]))) - 0.26894) < 0.02,
    },
)

Exercise(
    "follow", follow, gradient=False,
    cases=lambda: [(_chain(1000),), (_tree(400, 1),), (_tree(5000, 2),)],
    mistakes={
        "this doubles once: two steps, not all of them. Repeat until nothing changes": lambda a: a[a],
        "this looks up the first step over and over, one step each time: put the result back, after = after[after]":
            lambda a: _steps(a, 12),
        "the number of doublings is fixed and too small for the longest way: repeat until nothing changes":
            lambda a: _doublings(a, 3),
        "this is where each point goes next: follow it to the end": lambda a: a.clone(),
        "these are the ends alone: asked for is the end of every point": lambda a: follow(a).unique(),
        "this says which points are ends; asked for is where each one ends": lambda a: a == torch.arange(len(a)),
        "this counts how many drops each point gets; asked for is where each one ends": lambda a:
            torch.bincount(follow(a), minlength=len(a)),
    },
)

Exercise(
    "grid_nll", grid_nll,
    cases=lambda: [(torch.rand(20), 3 * torch.rand(100), 0.01), (5 + torch.randn(30), 4 + torch.randn(50), 0.25)],
    mistakes={
        "the area of a cell is missing: the sum over the grid is Z only when multiplied by it": lambda d, g, c:
            grid_nll(d, g, 1.0),
        "the cell is subtracted: Z = cell · Σ exp(−E), so log Z holds + log cell": lambda d, g, c:
            grid_nll(d, g, 1 / c),
        "the logarithm of the cell's area is missing: log(cell · Σ) = log cell + log Σ": lambda d, g, c:
            d.mean() + torch.logsumexp(-g, 0) + c,
        "the sign is turned round: a loss falls when the likelihood rises": lambda d, g, c: -grid_nll(d, g, c),
        "log Z enters with + in −log p = E + log Z": lambda d, g, c: d.mean() - torch.logsumexp(-g, 0) - math.log(c),
        "the sign in the exponent is missing: Z = Σ exp(−E) · cell": lambda d, g, c:
            d.mean() + torch.logsumexp(g, 0) + math.log(c),
        "this lowers the data's energy and nothing pushes up: log Z is missing": lambda d, g, c: d.mean(),
        "this pushes up everywhere alike: log Z is the log of a sum of exponentials, not a mean": lambda d, g, c:
            d.mean() - g.mean(),
        "the data's energies are summed: take their mean": lambda d, g, c:
            d.sum() + torch.logsumexp(-g, 0) + math.log(c),
        "Z is averaged over the grid: it is the sum times the area of a cell": lambda d, g, c:
            grid_nll(d, g, c / len(g)),
    },
    properties={
        "exp(−E) overflows for energies far below 0: use torch.logsumexp": lambda answer:
            abs(float(answer(torch.tensor([-500.0]), torch.tensor([-500.0, -500.0]), 0.5))) < 1e-3,
    },
)


def _steps(after, count):
    end = after
    for _ in range(count):
        end = after[end]
    return end


def _doublings(after, count):
    for _ in range(count):
        after = after[after]
    return after
