"""Checks of the exercises in notebook 04."""

import math

import torch

from utils.energies import free_energy
from utils.exercises.harness import Exercise


def infer(h, y, z):
    """F = min_z [y1 - h1 cos z]^2 + [y2 - h2 sin z]^2, and the z where it is.   h, y: (B, 2), z: (K,) -> (B,), (B,)."""
    lowest = _energy(h, y, z).min(1)
    return lowest.values, z[lowest.indices]


def kmeans_step(y, W):
    """Each y to its nearest prototype, each prototype to the mean of its own.   y: (B, n), W: (K, n) -> (K, n)."""
    Z = _assign(y, W)
    return torch.where(Z.sum(0)[:, None] > 0, Z.T @ y / Z.sum(0).clamp(min=1)[:, None], W)


def limit_of_free_energy(energies):
    """F_β as β → ∞: the lowest energy.   energies: (B, K) -> (B,)."""
    return energies.min(1).values


def noisy_energy(r, U, a, noise):
    """Mean of |r - U (a + noise ε)|^2 over ε ~ N(0, I).   r: (B, n), U: (n, d), a: (B, d) -> (B,)."""
    return _misfit(r, U, a) + noise**2 * U.square().sum()


def _energy(h, y, z):
    return (y[:, None] - h[:, None] * torch.stack([z.cos(), z.sin()], 1)).square().sum(-1)


def _at(h, y, z):
    """One angle for each y, the same angle's energy."""
    return (y - h * torch.stack([z.cos(), z.sin()], 1)).square().sum(1), z


def _assign(y, W, distance=None):
    distance = (y[:, None] - W).square().sum(-1) if distance is None else distance
    return torch.nn.functional.one_hot(distance.argmin(1), len(W)).to(y)


def _means(Z, y):
    return Z.T @ y / Z.sum(0).clamp(min=1)[:, None]


def _misfit(r, U, a):
    return (r - a @ U.T).square().sum(1)


def _near(got, wanted):
    return torch.allclose(got, torch.tensor(wanted), rtol=0, atol=1e-3)


def _angles(K):
    return torch.arange(K) * 2 * math.pi / K


Exercise(
    "infer", infer,
    cases=lambda: [(0.5 + torch.rand(6, 2) * torch.tensor([2.0, 0.5]), 2 * torch.randn(6, 2), _angles(K))
                   for K in (90, 7)],
    gradient=("h",),
    returns=("F", "z"),
    mistakes={
        "this is the highest energy: inference looks for the lowest": lambda h, y, z:
            (_energy(h, y, z).amax(1), z[_energy(h, y, z).argmax(1)]),
        "the second value is the candidate's number; return the candidate itself, z[number]": lambda h, y, z:
            tuple(_energy(h, y, z).min(1)),
        "F is the mean over z, it should be the minimum": lambda h, y, z:
            (_energy(h, y, z).mean(1), infer(h, y, z)[1]),
        "z is the direction in which y lies, atan2(y₂, y₁): on an ellipse the nearest point lies in another":
            lambda h, y, z: _at(h, y, torch.atan2(y[:, 1], y[:, 0])),
        "z is atan2(y₂/h₂, y₁/h₁): right for points on the ellipse only, elsewhere the nearest point is another":
            lambda h, y, z: _at(h, y, torch.atan2(y[:, 1] / h[:, 1], y[:, 0] / h[:, 0])),
        "F is a distance; the energy is its square": lambda h, y, z:
            (infer(h, y, z)[0].sqrt(), infer(h, y, z)[1]),
        "the minimum runs over the batch: candidates are the second axis of the table, min(1)": lambda h, y, z:
            (_energy(h, y, z).amin(0), z[_energy(h, y, z).argmin(0) % len(z)]),
        "F has the factor ½, as in other notebooks; this page has none": lambda h, y, z:
            (0.5 * infer(h, y, z)[0], infer(h, y, z)[1]),
        "this is the lowest energy over the batch: every y has its own": lambda h, y, z:
            (_energy(h, y, z).min().expand(len(y)), infer(h, y, z)[1]),
    },
)

Exercise(
    "kmeans_step", kmeans_step,
    cases=lambda: [(torch.randn(50, 2), torch.randn(5, 2)), (torch.randn(30, 3), torch.randn(1, 3)),
                   (torch.randn(40, 2), torch.cat([torch.randn(3, 2), torch.full((1, 2), 50.0)])),
                   (torch.randn(200, 2), torch.randn(20, 2))],
    gradient=False,
    mistakes={
        "a prototype at the end is lost when nobody chose it: one_hot(z, K) needs the K": lambda y, W:
            (Z := torch.nn.functional.one_hot(_assign(y, W).argmax(1)).to(y)).T @ y / Z.sum(0).clamp(min=1)[:, None],
        "each y goes to its farthest prototype: argmin, not argmax": lambda y, W:
            torch.where((Z := _assign(y, W, -(y[:, None] - W).square().sum(-1))).sum(0)[:, None] > 0, _means(Z, y), W),
        "a prototype that got no data jumps to 0: leave it where it is": lambda y, W: _means(_assign(y, W), y),
        "the sums are divided by the number of all data: divide each by the number of its own": lambda y, W:
            torch.where((Z := _assign(y, W)).sum(0)[:, None] > 0, Z.T @ y / len(y), W),
        "the sums are not divided: a prototype moves to the mean of its data": lambda y, W:
            torch.where((Z := _assign(y, W)).sum(0)[:, None] > 0, Z.T @ y, W),
        "this assigns by the product yᵀw: the energy is a distance, and long prototypes would win too often":
            lambda y, W: torch.where((Z := _assign(y, W, -y @ W.T)).sum(0)[:, None] > 0, _means(Z, y), W),
        "the prototypes have not moved": lambda y, W: W.clone(),
    },
)

Exercise(
    "free_energy", free_energy,
    cases=lambda: [(5 * torch.rand(4, 7), 0.7), (torch.randn(6, 6) ** 2, 3.0), (20 * torch.rand(1, 3), 0.1),
                   (0.5 * torch.rand(5, 20), 100.0), (torch.rand(3, 4).double(), 2.0)],
    mistakes={
        "the sign is turned round: F_β = −(1/β) log Σ exp(−βE)": lambda E, b: -free_energy(E, b),
        "the 1/β is missing: without it the gap to the minimum does not close": lambda E, b: b * free_energy(E, b),
        "the sign in the exponent is missing: this is a soft maximum": lambda E, b: torch.logsumexp(b * E, 1) / b,
        "both signs are turned: −(1/β) log Σ exp(+βE) is minus a soft maximum":
            lambda E, b: -torch.logsumexp(b * E, 1) / b,
        "this is the mean over z instead of the sum: it lies log(K)/β higher. Some texts define it so; this page sums":
            lambda E, b: free_energy(E, b) + math.log(E.shape[1]) / b,
        "this sums over the batch: z is the second axis": lambda E, b: free_energy(E.T, b),
        "this is the average energy Σ p(z) E(z): the entropy is missing, −(1/β) times it": lambda E, b:
            (torch.softmax(-b * E, 1) * E).sum(1),
        "this is the limit β → ∞, the minimum itself": lambda E, b: E.amin(1),
        "what was taken out of the exponent is not given back: add the shift again": lambda E, b:
            free_energy(E, b) - E.amin(1),
        "β is missing in the exponent": lambda E, b: -torch.logsumexp(-E, 1) / b,
    },
    properties={
        "exp(−βE) is 0 in the computer once βE is beyond 104, and log 0 is −∞: use torch.logsumexp, or take each row's "
        "lowest energy out first": lambda answer: _near(answer(torch.tensor([[3000.0, 3001.0]]), 1.0), [2999.6867]),
        "energies of 0 and 3,000 in one table break it: what is taken out of the exponent must be the lowest energy of "
        "each row": lambda answer: _near(answer(torch.tensor([[0.0, 3000.0], [3000.0, 3001.0]]), 1.0), [0.0, 2999.6867])
            and _near(answer(torch.tensor([[0.0, 40.0], [17.0, 17.0]]), 100.0), [0.0, 17.0 - math.log(2) / 100]),
    },
)

Exercise(
    "limit_of_free_energy", limit_of_free_energy,
    cases=lambda: [(torch.rand(5, 8) * 9,), (torch.randn(4, 4),), (torch.rand(1, 3) + 4,)],
    gradient=False,
    mistakes={
        "this is argmin, as in the notes: the name of the best candidate, not its energy. F is an energy: take min":
            lambda E: E.argmin(1),
        "this is the maximum: exp(−βE) is largest where E is smallest": lambda E: E.amax(1),
        "this is the limit β → 0, up to a constant: all candidates count alike": lambda E: E.mean(1),
        "this is the minimum over the batch: z is the second axis": lambda E: E.amin(0),
        "this is one number for all: every y has its own minimum": lambda E: E.min(),
    },
)

Exercise(
    "noisy_energy", noisy_energy,
    cases=lambda: [(torch.randn(6, 4), torch.randn(4, 2), torch.randn(6, 2), 0.4),
                   (torch.randn(3, 5), torch.randn(5, 2), torch.randn(3, 2), 0.7)],
    gradient=False,
    mistakes={
        "the noise is missing: Uε is 0 on average, its square is not": lambda r, U, a, s: _misfit(r, U, a),
        "the noise enters squared: s²": lambda r, U, a, s: _misfit(r, U, a) + s * U.square().sum(),
        "the length of U enters squared": lambda r, U, a, s: _misfit(r, U, a) + s**2 * U.norm(),
        "the noise passes through the decoder: s²‖U‖², not s² for each number in the code":
            lambda r, U, a, s: _misfit(r, U, a) + s**2 * U.shape[1],
        "the noise passes through the decoder: s²‖U‖², not s² for each number in y":
            lambda r, U, a, s: _misfit(r, U, a) + s**2 * U.shape[0],
        "noise can only raise a mean square: the sign of s²‖U‖² is turned round":
            lambda r, U, a, s: _misfit(r, U, a) - s**2 * U.square().sum(),
        "this is the largest stretch of U; all its entries count: s²‖U‖², the sum of squares":
            lambda r, U, a, s: _misfit(r, U, a) + s**2 * torch.linalg.matrix_norm(U, ord=2) ** 2,
        "the noise has size s: s²‖U‖², not ‖U‖²": lambda r, U, a, s: _misfit(r, U, a) + U.square().sum(),
        "the misfit itself is missing": lambda r, U, a, s: (s**2 * U.square().sum()).expand(len(r)),
    },
)
