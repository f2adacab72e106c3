"""How the times grow: a step of FISTA over batch and code size, of ADMM over the side, of Langevin over particles.

    python benchmarks/scaling.py [--quick]

Each time is the median of a few turns over all sizes, so that all see the same load. The exponent is the slope of log
time over log size, from sizes where the work, and not the call, takes the time; beside it stands the one from counting
operations. Last, what share of the machine's matmul rate an epoch of page 10's VAE reaches.
"""

import argparse
import json
import math
import statistics
import sys

import torch
from convolutional import admm, gabors
from langevin import energy
from notebook import definitions
from side_by_side import RESULTS, Side, _rounded, machine, matmul, timed
from torch.nn.functional import normalize

from utils import models
from utils.inference import fista, langevin


def slope(sizes, seconds):
    """The least-squares line through log seconds over log sizes."""
    x, y = ([math.log(v) for v in values] for values in (sizes, seconds))
    return statistics.linear_regression(x, y).slope


def laws(quick):
    """[(what, sizes, theory, size -> Side)]."""
    small = 4 if quick else 1
    W, K = normalize(torch.randn(144, 288), dim=0), gabors()

    def by_batch(B):
        y = torch.randn(B, 144)
        return Side("", lambda _: fista(y, W, 0.1, 10, step=0.15))

    def by_code(m):
        y, W_d = torch.randn(1000 // small, m // 2), normalize(torch.randn(m // 2, m), dim=0)
        return Side("", lambda _: fista(y, W_d, 0.1, 5, step=0.15))

    def by_side(side):
        picture = torch.randn(side, side)
        return Side("", lambda _: admm(picture, K, 3))

    def by_particles(count):
        y = torch.randn(count, 2)
        return Side("", lambda _: langevin(energy, y, 10))

    return [("FISTA step over the batch", [n // small for n in (1000, 2000, 4000, 8000)], "1", by_batch),
            ("FISTA step over the code size m, n = m/2", [n // small for n in (256, 512, 1024, 2048)], "2", by_code),
            ("ADMM step over the picture's side s", [n // small for n in (64, 128, 256, 512)],
             "2, and log s", by_side),
            ("Langevin step over particles", [n // small for n in (20_000, 40_000, 80_000, 160_000)], "1",
             by_particles)]


def vae_share(quick, clock):
    """(GFLOP/s of page 10's training, GFLOP/s of a large product) on one thread: 6 operations a weight and sample."""
    page = definitions("10-vae-mnist", "reconstruction_energy", "vae_loss", "train")
    page["progress"] = lambda steps, label: range(steps)
    images, vae, steps = torch.rand(2000, 784), models.VAE(d=20), 20 if quick else 300
    weights = sum(p.numel() for p in vae.parameters() if p.ndim == 2)
    seconds, _ = timed(Side("", lambda n: page["train"](vae, images, n)), steps, 0, 1, clock)
    return 6 * weights * 200 * steps / seconds / 1e9, matmul()[0]


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small problems, seconds, nothing written")
    options = parser.parse_args(arguments)
    here, rows = machine(), []
    clock = "cpu" if here["busy"] else "wall"
    for what, sizes, theory, make in laws(options.quick):
        sides = [make(size) for size in sizes]
        turns = [[timed(side, None, turn, 1, clock)[0] for side in sides] for turn in range(2 if options.quick else 5)]
        seconds = [statistics.median(column) for column in zip(*turns[1:], strict=True)]  # the first warms up
        rows.append({"what": what, "sizes": sizes, "seconds": seconds, "exponent": slope(sizes, seconds),
                     "theory": theory})
        print(f"{what:<44} exponent {rows[-1]['exponent']:.2f}, from counting {theory}", flush=True)
    vae, product = vae_share(options.quick, clock)
    print(f"VAE training {vae:.1f} GFLOP/s, a product {product:.1f}: {vae / product:.0%}")
    if not options.quick:
        kept = {"benchmark": "scaling", "clock": clock, "machine": here, "rows": [], "scaling": rows,
                "vae": {"gflops": vae, "matmul": product}}
        (RESULTS / "scaling.json").write_text(json.dumps(_rounded(kept), indent=1, ensure_ascii=False) + "\n",
                                              encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
