"""Measuring rods for an energy over the plane: how much is low, how many pits it has, and whether they belong there."""

import torch


def box(limit=2.0, points=121):
    """A square grid over [−limit, limit]²: its points row by row, y₁ running fastest, y₂ from row to row.

    Returns (points², 2); energies of it, reshaped to (points, points), can be drawn with row 0 at the bottom.
    """
    axis = torch.linspace(-limit, limit, points)
    rows, columns = torch.meshgrid(axis, axis, indexing="ij")
    return torch.stack([columns.flatten(), rows.flatten()], 1)


def low_energy_volume(energies, level):
    """The share of the box whose energy is at most `level`: 1 for a flat energy, near 0 for a deep canyon.

    energies: any shape, one value for each point of an even grid. level: a number. Returns a scalar tensor.
    Two levels are in use: a fixed one, and the 95th percentile of the data's energies, so that the volume is what
    it takes to hold 95 % of the data. Raises ValueError when an energy is NaN: nan ≤ level is silently false.
    """
    if torch.isnan(energies).any():
        raise ValueError("an energy is NaN: it would count as high")
    return (energies <= level).double().mean()


def local_minima(surface):
    """The pits of a surface on a grid: points that none of their eight neighbors undercuts.

    surface: (H, W) -> (M, 2), row and column of each. Of two equal neighbors one counts, a plain has no pit, and
    the outermost rows and columns are not looked at. A pit narrower than two grid steps may be missed: make the
    grid finer until the number stays.
    """
    H, W = surface.shape
    center = surface[1:-1, 1:-1]
    lowest = torch.ones_like(center, dtype=torch.bool)
    for dy, dx in ((i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)):
        neighbor = surface[1 + dy:H - 1 + dy, 1 + dx:W - 1 + dx]
        # strictly below those before it, not above those after it: so a tie counts once
        lowest &= (center < neighbor) if (dy, dx) < (0, 0) else (center <= neighbor)
    return lowest.nonzero() + 1


def kl_by_quadrature(log_p, energies):
    """How far the model is from the truth: KL(p ‖ q) = Σ_i p_i (log p_i − log q_i), q ∝ exp(−E), on an even grid.

    log_p: (N,), the true log-density at N grid points, up to a constant. energies: (…, N) -> (…), in nats. Both
    are normalized over the grid, so log Z is exact as long as the grid is finer than what it has to show.
    """
    log_p, log_q = torch.log_softmax(log_p.double(), -1), torch.log_softmax(-energies.double(), -1)
    return (log_p.exp() * (log_p - log_q)).sum(-1)


def descend(energy, y, steps=200, length=0.03, limit=2.0):
    """Roll downhill without a kick to the bottom of the basin: where it ends says which minimum owns the start.

    energy: (…, n) -> (…). y: (…, n) -> (…, n), detached. length: the longest move, in the unit of y, a third of it
    in the second half. Points stay inside [−limit, limit]ⁿ.
    """
    for i in range(steps):
        y = y.detach().requires_grad_()
        slope, = torch.autograd.grad(energy(y).sum(), y)
        move = length * (1 if i < steps // 2 else 0.3) * slope / slope.norm(dim=-1, keepdim=True).clamp(min=1)
        y = (y - move).clamp(-limit, limit)
    return y.detach()


def spurious(energies, distances, level, radius):
    """Which ends of descents are false minima: far from the data *and* as low as the data.

    energies, distances: (…), at the ends; level: the data's 95th percentile of the energy; radius: how far counts as
    far -> (…) of bool. Its mean is the share of all basins that false minima own. Without the energy condition even
    the exact density has many: harmless dents high above the data.
    """
    return (distances > radius) & (energies <= level)


def count_places(points, radius):
    """How many different places a cloud occupies: the size of a greedy cover by balls of that radius.

    points: (N, n) -> int.
    """
    places = 0
    while len(points):
        points = points[(points - points[0]).norm(dim=1) > radius]
        places += 1
    return places
