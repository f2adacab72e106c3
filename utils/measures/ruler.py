"""One ruler for every energy over the plane: how tight, how near to the truth, how many false wells, how separable."""

import math
from dataclasses import dataclass

import torch
from torch.nn.functional import pad

from utils.measures import surface


@torch.no_grad()
def evaluate(energy, y, chunk=8192):
    """Energies of many points, a part at a time.   energy: (B, n) -> (B,), y: (N, n) -> (N,)."""
    return torch.cat([energy(part) for part in y.split(chunk)])


def beta_slope(beta, E_data, E_grid):
    """How the mean log-likelihood grows with the inverse temperature: d/dβ [−β Ē_data − log Σ_i exp(−β E_i)]
    = Σ_i p_i E_i − Ē_data, p = softmax(−β E_grid): what the model expects of E, minus what the data have.

    beta: β. E_data: (N,), E_grid: (M,) on an even grid -> scalar. Falls with β: its own slope is −Var_p(E).
    Taught in notebook 11.
    """
    return torch.softmax(-beta * E_grid, 0) @ E_grid - E_data.mean()


def fit_beta(E_data, E_grid, low=1e-4, high=1e6):
    """The inverse temperature of highest likelihood: halve the interval of log β in which `beta_slope` changes sign.

    The log-likelihood is concave in β, so there is one. E_data: (N,), E_grid: (M,) -> float within [low, high]; an
    end of it when the slope has one sign throughout. Taught in notebook 11.
    """
    E_data, E_grid = E_data.double(), E_grid.double()
    lowest = E_grid.min()  # a constant changes nothing, and large energies stay exact
    low, high = math.log(low), math.log(high)
    for _ in range(50):
        middle = (low + high) / 2
        if beta_slope(math.exp(middle), E_data - lowest, E_grid - lowest) > 0:
            low = middle
        else:
            high = middle
    return math.exp((low + high) / 2)


def downhill(E):
    """Where a drop of water goes next: the lowest of a grid point and its eight neighbors, as a flat index.

    E: (H, W) -> (H·W,), index into E.flatten(). A point that no neighbor undercuts keeps its drop.
    """
    H, W = E.shape
    rows, columns = torch.meshgrid(torch.arange(H, device=E.device), torch.arange(W, device=E.device), indexing="ij")
    around = pad(E[None, None], (1, 1, 1, 1), value=math.inf)[0, 0]
    steps = sorted(((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)), key=lambda step: step != (0, 0))
    lowest = torch.stack([around[1 + dy:1 + dy + H, 1 + dx:1 + dx + W] for dy, dx in steps]).argmin(0)
    dy, dx = torch.tensor(steps, device=E.device)[lowest].unbind(-1)  # argmin takes the first: staying wins a tie
    return ((rows + dy) * W + columns + dx).flatten()


def follow(after):
    """Where every drop ends: after ← after[after] until nothing changes, each time twice as many steps.

    after: (N,), the index of each point's next one, acyclic but for points that stay -> (N,). k look-ups, 2^k steps.
    Taught in notebook 11. Source: pointer jumping; Wyllie, The Complexity of Parallel Computations (1979).
    """
    while True:
        twice = after[after]
        if torch.equal(twice, after):
            return after
        after = twice


def auroc(low, high):
    """How often a value of `high` lies above one of `low`, ties counting half: ½ for the same, 1 for apart.

    low: (N,), high: (M,) -> float. Source: the rank sum of Mann and Whitney (1947).
    """
    _, inverse, counts = torch.cat([low, high]).unique(return_inverse=True, return_counts=True)
    rank = (counts.cumsum(0) - (counts - 1) / 2)[inverse].double()
    n, m = len(low), len(high)
    return ((rank[n:].sum() - m * (m + 1) / 2) / (n * m)).item()


def covered(p, q, piece, pieces=40):
    """The share of a curve's pieces that get at least half of their true mass.

    p, q: (N,), true and model mass of grid points near the curve. piece: (N,), which piece each belongs to -> float.
    """
    p, q = (p.new_zeros(pieces).index_add(0, piece, mass) for mass in (p, q))
    return (q >= 0.5 * p).double().mean().item()


@dataclass
class Reading:
    """What the ruler says of one energy. Only `beta` and `kl_as_is` depend on the energy's unit."""

    volume: float  # share of the box as low as 95 % of the data, over the truth's own
    beta: float  # inverse temperature of highest likelihood on the training data
    kl: float  # KL(truth ‖ softmax(−βE)) at that β, in nats
    kl_as_is: float  # the same at β = 1
    kl_halved: float  # kl from every second row and column of the grid
    far: float  # share of the model's mass, at β, farther than 3σ from the curve
    covered: float  # share of the curve's pieces that get at least half of their mass
    wells: int  # wells as low as the data, but farther than 3σ from the curve
    flow: float  # share of the box whose drops of water end in such a well
    auroc: float  # data against points anywhere in the box
    beside: float  # data against points at 3σ beside the curve
    level: float  # the 95th percentile of the data's energies
    E: torch.Tensor  # (side, side), the energy on the grid
    false: torch.Tensor  # (side²,) of bool: points that are low and far from the curve
    ends: torch.Tensor  # (M,), flat indices of the false wells' bottoms


class Ruler:
    """Measures any energy over the plane against data whose density is known.

    world: sample(count) -> (B, 2), energy(y) = −log p(y), nearest(y) -> distance and t, beside(count, distance), noise;
    as `toys.Curve` has them. limit: the box is [−limit, limit]². side: points of the grid in a row, an odd number.
    """

    def __init__(self, world, limit=3.0, side=241, held_out=4000):
        if side % 2 == 0:
            raise ValueError(f"side={side} must be odd, so that every second point is a grid with the same corners")
        self.limit, self.side, self.near = limit, side, 3 * world.noise
        self.test = world.sample(held_out)
        self.grid = surface.box(limit, side).to(self.test.device)
        self.cell = (2 * limit / (side - 1)) ** 2
        self.log_p = -world.energy(self.grid)
        self.distance, self.t = world.nearest(self.grid)
        self.anywhere = limit * (2 * torch.rand_like(self.test) - 1)
        self.beside = world.beside(held_out, self.near)
        self.truth = surface.low_energy_volume(-self.log_p, world.energy(self.test).quantile(0.95)).item()

    def kl(self, E, beta, every=1):
        """KL(truth ‖ softmax(−β E)) by quadrature on every n-th row and column.   E: (side²,) -> float, nats."""
        log_p, E = (values.view(self.side, self.side)[::every, ::every].flatten() for values in (self.log_p, E))
        return surface.kl_by_quadrature(log_p, beta * E.double()).item()

    def read(self, energy, y_train):
        """energy: (B, 2) -> (B,), without a graph. y_train: (N, 2), what it was trained on -> Reading."""
        E, E_train, E_test, E_any, E_beside = (
            evaluate(energy, y) for y in (self.grid, y_train, self.test, self.anywhere, self.beside))
        level, beta = E_test.quantile(0.95).item(), fit_beta(E_train, E)
        near = self.distance <= self.near
        p, q = torch.softmax(self.log_p.double(), 0), torch.softmax(-beta * E.double(), 0)
        false = surface.spurious(E, self.distance, level, self.near)
        end = follow(downhill(E.view(self.side, self.side)))
        ends, false_end = end[false[end]], end[false[end]].unique()
        return Reading(
            volume=surface.low_energy_volume(E, level).item() / self.truth, beta=beta, kl=self.kl(E, beta),
            kl_as_is=self.kl(E, 1.0), kl_halved=self.kl(E, beta, every=2), far=q[~near].sum().item(),
            covered=covered(p[near], q[near], (40 * self.t[near]).long().clamp(max=39)),
            wells=len(false_end), flow=len(ends) / len(E), auroc=auroc(E_test, E_any),
            beside=auroc(E_test, E_beside), level=level, E=E.view(self.side, self.side), false=false, ends=false_end)
