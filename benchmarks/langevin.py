"""Langevin dynamics in the plane: utils.inference.langevin beside torchebm's sampler.

    build/peers/bin/python benchmarks/langevin.py [--quick]

256 or 100,000 particles roll over two wells, E(y) = 2(y₁² − 1)² + ½y₂². Equal quality: after the same number of steps
of the same length the mean energy of the particles must be that of exp(−E), which is known by quadrature. Our step s is
torchebm's √(2η).
"""

import sys

import torch
from side_by_side import Comparison, Side, peer, program

from utils.inference import langevin

STEP = 0.1
WHY = ("Both take the same gradient by autograd and draw the same noise: from the same seed the particles end at the "
       "same places. torchebm steps through schedulers and a general Runge-Kutta integrator, so at few particles, "
       "where calls take the time, it has more of them; at many, the same elementwise operations decide.")


def energy(y):
    """(…, 2) -> (…)."""
    return 2 * (y[..., 0] ** 2 - 1) ** 2 + y[..., 1] ** 2 / 2


def expected():
    """The mean energy under exp(−E), by quadrature over the first coordinate; the second adds ½."""
    x = torch.linspace(-4, 4, 8001, dtype=torch.float64)
    E = 2 * (x**2 - 1) ** 2
    return ((E * (-E).exp()).sum() / (-E).exp().sum()).item() + 0.5


def torchebm_side(start, efforts):
    from torchebm.core import BaseModel
    from torchebm.samplers import LangevinDynamics

    class Wells(BaseModel):
        def forward(self, y):
            return energy(y)

    sampler = LangevinDynamics(Wells(), step_size=STEP**2 / 2, noise_scale=1.0)
    return Side("torchebm", lambda n: sampler.sample(x=start, n_steps=n), efforts)


def comparisons(quick):
    wanted, found, efforts = expected(), [], (1000,)
    for count in (256,) if quick else (256, 100_000):
        torch.manual_seed(0)
        start = torch.randn(count, 2)
        steps = (300,) if quick or count > 1000 else efforts
        off = 0.15 if count < 1000 else 0.03  # 256 particles know their mean energy to about 0.06
        found.append(Comparison(
            f"Langevin in the plane, {count:,} particles, {steps[0]:,} steps",
            "mean energy's distance from exact, nats", off, lambda y: abs(energy(y).mean().item() - wanted), [
                Side("ours, utils.inference.langevin", lambda n, start=start: langevin(energy, start, n, step=STEP),
                     steps, ours=True),
                peer("torchebm", lambda start=start, steps=steps: torchebm_side(start, steps))], WHY))
    return found


if __name__ == "__main__":
    sys.exit(program("langevin", __doc__, comparisons) is None)
