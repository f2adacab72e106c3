"""How much an atom looks like a Gabor function, a wave under a bell, and which way its stripes run."""

import math
from typing import NamedTuple

import torch

LEAST_SIGMA, MOST_SIGMA = 0.5, 3.0  # pixels; wider bells would let PCA's waves over the whole patch pass as Gabors
MOST_FREQUENCY = 0.5  # cycles a pixel: beyond it pixels can't tell a wave from a slower one
ANGLES, FREQUENCIES, SIGMAS = 8, (0.06, 0.13, 0.2, 0.28, 0.38), ((1.2, 1.2), (2.4, 2.4), (1.2, 2.4))  # of the starts
RATES = torch.tensor([0.15, 0.15, 0.06, 0.12, 0.12, 0.12])  # center (pixels), angle, frequency and sigmas (logits)


class GaborFit(NamedTuple):
    """The best Gabor function for each of B atoms; angles in radians, lengths in pixels."""

    r2: torch.Tensor  # (B,) share of the atom's variance that the fit explains; 1 for a Gabor function
    orientation: torch.Tensor  # (B,) in [0, π): of the stripes, counterclockwise as seen, 0 is horizontal
    frequency: torch.Tensor  # (B,) of the wave, in cycles a pixel
    phase: torch.Tensor  # (B,) in (−π, π]: 0 for a bright stripe in the middle, ±π/2 for an edge
    sigma: torch.Tensor  # (B, 2) width of the bell across the stripes and along them
    center: torch.Tensor  # (B, 2) row and column of its middle
    fitted: torch.Tensor  # (B, n) the fits themselves


def gabor_fit(atoms, size, starts=3, steps=40, refine=80):
    """Fit exp(−u²/2σ_u² − v²/2σ_v²) · (a cos 2πfu + b sin 2πfu) to each atom; u runs across the stripes, v along.

    Variable projection: for given center, angle, f and sigmas the best a and b are a 2 × 2 linear system; the six
    others go downhill by Adam. Of a bank of Gabors the `starts` best angles begin, for `steps` steps; the best of
    them goes on for `refine` steps. Both sigmas are held between 0.5 and 3 pixels, f below 0.5 cycles a pixel.
    atoms: (B, size²), an atom a row, so W_d.T for a dictionary. Returns a GaborFit; its r2 counts from the atom's
    mean, and is 0 for a flat atom. Raises ValueError for rows that are no size × size images, or that hold nan.
    Source: Golub & Pereyra (1973) for variable projection; Jones & Palmer (1987) for Gabor fits of receptive fields.
    """
    if atoms.ndim != 2 or atoms.shape[1] != size * size:
        raise ValueError(f"atoms must be (B, {size * size}), one atom a row; they are {tuple(atoms.shape)}")
    if not torch.isfinite(atoms).all():
        raise ValueError("an atom holds nan or inf")
    unit = torch.nn.functional.normalize(atoms.detach().float(), dim=1)
    grid = _pixels(size).to(unit)
    theta = _descend(_starts(unit, grid, starts), unit, grid, steps)
    best = _loss(theta, unit, grid)[0].argmin(1)
    theta = theta[torch.arange(len(unit), device=theta.device), best][:, None]
    theta = _descend(theta, unit, grid, refine)
    loss, amplitudes, waves = _loss(theta, unit, grid)
    return _readable(theta[:, 0], loss[:, 0], amplitudes[:, 0], waves[:, 0], atoms)


def orientation_histogram(orientations, bins=8):
    """How many stripes run each way: counts in `bins` equal bins of [0, π), the first one centered on 0 (horizontal).

    orientations: (B,) in radians; angles that differ by π are the same. Returns (bins,) of int64, summing to B.
    """
    index = (orientations / (math.pi / bins)).round().long() % bins
    return torch.bincount(index, minlength=bins)


def _pixels(size):
    """x to the right and y upwards from the middle of the patch, (2, size²), row by row."""
    axis = torch.arange(size) - (size - 1) / 2
    return torch.stack([axis.repeat(size), -axis.repeat_interleave(size)])


def _waves(theta, grid):
    """The two halves of a Gabor, bell · cos and bell · sin, for parameters (…, 6) -> (…, 2, n)."""
    x, y, angle, f, across, along = (p[..., None] for p in _bounded(theta))
    dx, dy = grid[0] - x, grid[1] - y
    u, v = dx * angle.cos() + dy * angle.sin(), dy * angle.cos() - dx * angle.sin()
    bell = torch.exp(-0.5 * ((u / across).square() + (v / along).square()))
    turn = 2 * math.pi * f * u
    return torch.stack([bell * turn.cos(), bell * turn.sin()], -2)


def _bounded(theta):
    """Center, angle of the wave, frequency, both sigmas, of which the last three are kept within bounds."""
    x, y, angle, f, across, along = theta.unbind(-1)
    spread = MOST_SIGMA - LEAST_SIGMA
    return (x, y, angle, MOST_FREQUENCY * f.sigmoid(), LEAST_SIGMA + spread * across.sigmoid(),
            LEAST_SIGMA + spread * along.sigmoid())


def _project(waves, unit):
    """The best amplitudes (…, 2) and what of each unit atom they leave, ‖atom − fit‖², for waves (…, 2, n)."""
    c, s = waves.unbind(-2)
    cc, ss, cs = c.square().sum(-1) + 1e-6, s.square().sum(-1) + 1e-6, (c * s).sum(-1)  # sin vanishes as f → 0
    pc, ps = (c * unit).sum(-1), (s * unit).sum(-1)
    det = cc * ss - cs.square()
    a, b = (ss * pc - cs * ps) / det, (cc * ps - cs * pc) / det
    return torch.stack([a, b], -1), (unit - a[..., None] * c - b[..., None] * s).square().sum(-1)


def _loss(theta, unit, grid):
    waves = _waves(theta, grid)
    amplitudes, loss = _project(waves, unit[:, None])
    return loss, amplitudes, waves


def _starts(unit, grid, starts):
    """The best Gabor of a bank at each of eight angles, of which the best `starts` are taken: (B, starts, 6)."""
    half = grid.max().item()
    places = torch.linspace(-0.75, 0.75, 6) * half
    spread = MOST_SIGMA - LEAST_SIGMA
    bells = torch.logit((torch.tensor(SIGMAS) - LEAST_SIGMA) / spread)
    f = torch.logit(torch.tensor(FREQUENCIES) / MOST_FREQUENCY)
    axes = [torch.arange(ANGLES) * math.pi / ANGLES, places, places, f, torch.arange(len(SIGMAS)).float()]
    bank = torch.cartesian_prod(*axes)
    bank = torch.cat([bank[:, 1:3], bank[:, :1], bank[:, 3:4], bells[bank[:, 4].long()]], 1).to(unit)
    c, s = torch.linalg.qr(_waves(bank, grid).transpose(-1, -2))[0].unbind(-1)  # orthonormal: energy is projection
    explained = ((unit @ c.T).square() + (unit @ s.T).square()).view(len(unit), ANGLES, -1)
    value, index = explained.max(2)
    angles = value.topk(starts, 1).indices
    return bank.view(ANGLES, -1, 6)[angles, index.gather(1, angles)]


def _descend(theta, unit, grid, steps):
    """Adam on the six parameters of all candidates at once, its rate falling to a tenth."""
    rates, flow, power = RATES.to(theta), torch.zeros_like(theta), torch.zeros_like(theta)
    for step in range(1, steps + 1):
        theta = theta.detach().requires_grad_()
        with torch.enable_grad():
            slope, = torch.autograd.grad(_loss(theta, unit, grid)[0].sum(), theta)
        flow, power = flow.lerp(slope, 0.1), power.lerp(slope.square(), 0.05)
        move = flow / (1 - 0.9**step) / ((power / (1 - 0.95**step)).sqrt() + 1e-8)
        theta = theta.detach() - rates * (1 - 0.9 * step / steps) * move
    return theta.detach()


def _readable(theta, loss, amplitudes, waves, atoms):
    x, y, angle, f, across, along = _bounded(theta)
    length = atoms.detach().float().norm(dim=1)
    variance = (atoms - atoms.mean(1, keepdim=True)).square().sum(1)
    r2 = torch.where(variance > 0, 1 - loss * length.square() / variance, 0.0)
    half = (math.isqrt(atoms.shape[1]) - 1) / 2
    return GaborFit(r2, (angle + math.pi / 2) % math.pi, f, torch.atan2(-amplitudes[:, 1], amplitudes[:, 0]),
                    torch.stack([across, along], 1), torch.stack([half - y, half + x], 1),
                    length[:, None] * (amplitudes[..., None] * waves).sum(1))
