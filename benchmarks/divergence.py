"""Contrastive divergence in the plane: page 03's loop beside torchebm's loss, to the same exact KL.

    build/peers/bin/python benchmarks/divergence.py [--quick]

The spiral of page 03, its network of sines, 256 points a step, five Langevin steps from the particles of the step
before (PCD-5), Adam with one cycle, and the same penalty on squared energies. Both know their particles: torchebm's
buffer holds as many as a batch. It has no limit on a slope's length and clamps at the walls where we reflect. The
model's KL from the data's true density is a sum over a grid; an untrained network's is 2.7 nats. Below 700 steps, which
are the page's, luck decides it: after 400 three seeds gave .13 to .33.
"""

import contextlib
import io
import sys

import torch
from notebook import definitions
from side_by_side import Comparison, Side, peer, program

from utils import toys
from utils.measures import surface

STEP, BOX, WAY = 0.07, 3.0, {"PCD-5": (True, 1.0)}
STEPS = (700, 1000)
WHY = ("More than half of the time goes into a small network's values and gradients, which both take alike; torchebm's "
       "integrators come on top of each step.")
PAGE = definitions("03-contrastive-divergence", "train_in_plane", "Energies")


def network():
    return PAGE["Energies"](1, 2, first=torch.sin, scale=2.5)


def torchebm_side(y, efforts):
    from torchebm.core import BaseModel
    from torchebm.losses import ContrastiveDivergence
    from torchebm.samplers import LangevinDynamics

    class One(BaseModel):
        def __init__(self):
            super().__init__()
            self.net = network()

        def forward(self, y):
            return self.net(y[None])[0]

    def run(steps):
        model = One()
        sampler = LangevinDynamics(model, step_size=STEP**2 / 2, noise_scale=1.0, clamp=(-BOX, BOX))
        loss_fn = ContrastiveDivergence(model, sampler, k_steps=5, persistent=True, buffer_size=256, init_steps=0,
                                        new_sample_ratio=0.0, energy_reg_weight=0.01)
        loss_fn.replay_buffer, loss_fn.buffer_initialized = y[:256].clone(), True  # particles start at data, as ours
        optimizer = torch.optim.Adam(model.parameters(), lr=5e-3, fused=True)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, total_steps=steps)
        for step in range(steps):
            if step % (len(y) // 256) == 0:
                order = torch.randperm(len(y))
            at = step % (len(y) // 256) * 256
            loss, _ = loss_fn(y[order[at:at + 256]])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
        return model.net
    return Side("torchebm, PCD", run, efforts)


def comparisons(quick):
    torch.manual_seed(0)
    y = toys.spiral(2000)
    plane = surface.box(BOX, 81)
    true_log_p = -toys.spiral_energy(plane)
    PAGE["y_spiral"] = y

    def ours(steps):
        energy = network()
        with contextlib.redirect_stderr(io.StringIO()):  # its progress bars
            PAGE["train_in_plane"](energy, WAY, steps=steps)
        return energy

    def kl(energy):
        with torch.no_grad():
            return surface.kl_by_quadrature(true_log_p, energy(plane[None]))[0]

    efforts = (150,) if quick else STEPS
    return [Comparison("PCD-5 in the plane", "KL from the true density, nats", 2.0 if quick else 0.2, kl, [
        Side("ours, page 03's loop", ours, efforts, ours=True),
        peer("torchebm", lambda: torchebm_side(y, efforts))], WHY)]


if __name__ == "__main__":
    sys.exit(program("divergence", __doc__, comparisons) is None)
