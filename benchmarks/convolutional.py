"""Convolutional sparse coding of one picture: the course's ADMM and FISTA beside sporco's, 256×256, 32 Gabors, λ = .02.

    pip install -r benchmarks/requirements.txt
    OMP_NUM_THREADS=2 OMP_WAIT_POLICY=PASSIVE python benchmarks/convolutional.py

Same process, same picture, kernels, λ and ρ; float32 on both sides. Printed are the steps to a gap of 1 % of the
lowest energy seen, found by each solver's own codes under one energy function, and the median time of a step with the
range of its ratio to ours; only ratios mean anything. sporco is numpy and scipy; without it, ours run alone.
"""

import argparse
import math
import statistics
import time

import numpy as np
import torch

from utils.energies import shrinkage
from utils.pictures import natural_pictures

try:
    from sporco.admm.cbpdn import ConvBPDN
    from sporco.pgm.cbpdn import ConvBPDN as GradientConvBPDN
except ImportError as why:
    ConvBPDN, MISSING = None, why

LAM = 0.02


def gabors(size=11):
    """Eight directions, two frequencies, two phases.   -> (32, size, size), each of length 1."""
    t = torch.arange(float(size)) - size // 2
    window = torch.exp(-(t[None] ** 2 + t[:, None] ** 2) / (2 * 2.2**2))
    K = []
    for angle in torch.arange(8) * math.pi / 8:
        along = t[None] * angle.cos() + t[:, None] * angle.sin()
        K += [window * torch.cos(2 * math.pi * f * along + phase) for f in (0.12, 0.22) for phase in (0, math.pi / 2)]
    K = torch.stack(K)
    return K / K.flatten(1).norm(dim=1)[:, None, None]


def admm(y, K, rho, relax=1.8):
    """Notebook 08's ADMM, with what never changes computed once."""
    K_hat, y_hat = torch.fft.rfft2(K, s=y.shape), torch.fft.rfft2(y)
    back, total, pulled = K_hat.conj(), rho + K_hat.abs().square().sum(0), K_hat.conj() * y_hat
    z = u = y.new_zeros(len(K), *y.shape)
    while True:
        b = pulled + rho * torch.fft.rfft2(z - u)
        x = torch.fft.irfft2((b - back * ((K_hat * b).sum(0) / total)) / rho, s=y.shape)
        x = relax * x + (1 - relax) * z
        z = shrinkage(x + u, LAM / rho)
        u = u + x - z
        yield z


def fista(y, K, stretch=1.0):
    """Notebook 08's FISTA with steps of stretch/L."""
    K_hat, y_hat = torch.fft.rfft2(K, s=y.shape), torch.fft.rfft2(y)
    step, t = stretch / K_hat.abs().square().sum(0).max(), 1.0
    z = z_prev = y.new_zeros(len(K), *y.shape)
    while True:
        t_next = (1 + math.sqrt(1 + 4 * t * t)) / 2
        ahead = z + (t - 1) / t_next * (z - z_prev)
        slope = torch.fft.irfft2(K_hat.conj() * ((K_hat * torch.fft.rfft2(ahead)).sum(0) - y_hat), s=y.shape)
        z_prev, z, t = z, shrinkage(ahead - step * slope, step * LAM), t_next
        yield z


def sporco(y, K, solver, **options):
    """sporco's solver, one step at a time. Its kernels lie at the origin, as ours do: no shift between the codes."""
    options = {"MaxMainIter": 1, "RelStopTol": 0.0, "Verbose": False, **options}
    work = solver(K.numpy().transpose(1, 2, 0).copy(), y.numpy(), LAM, solver.Options(options))
    while True:
        work.solve()
        yield torch.from_numpy(np.ascontiguousarray(work.getcoef().squeeze().transpose(2, 0, 1)))


def energy(y, K, z):
    """E(y, z) where the picture wraps round."""
    made = torch.fft.irfft2((torch.fft.rfft2(K, s=y.shape) * torch.fft.rfft2(z)).sum(0), s=y.shape)
    return (0.5 * (y - made).square().sum() + LAM * z.abs().sum()).item()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=256, help="pixels of the picture's side, 256 at most")
    parser.add_argument("--rho", type=float, default=0.5)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of ten steps that are timed")
    parser.add_argument("--most", type=int, default=600, help="steps after which a solver is given up")
    options = parser.parse_args()
    picture = natural_pictures()["camera"][100:100 + options.side, 150:150 + options.side]
    y, K, rho = picture - picture.mean(), gabors(), options.rho
    solvers = {"ours, ADMM": lambda: admm(y, K, rho), "ours, FISTA 1/L": lambda: fista(y, K),
               "ours, FISTA 1.4/L": lambda: fista(y, K, 1.4)}
    if ConvBPDN:
        L = torch.fft.rfft2(K, s=y.shape).abs().square().sum(0).max().item()
        plain = {"rho": rho, "AutoRho": {"Enabled": False}, "RelaxParam": 1.8, "DataType": np.float32}
        solvers["sporco, ADMM"] = lambda: sporco(y, K, ConvBPDN, **plain)
        solvers["sporco, FISTA 1/L"] = lambda: sporco(y, K, GradientConvBPDN, L=L, DataType=np.float32)
    else:
        print(f"sporco is not there ({MISSING}): pip install -r benchmarks/requirements.txt, in an environment of its "
              "own if you like. Ours alone:")
    floor = min(energy(y, K, z) for _, z in zip(range(options.most), admm(y, K, 0.3), strict=False))
    print(f"{options.side}x{options.side}, {torch.get_num_threads()} threads, rho {rho}, lowest energy {floor:.4f}\n")
    seconds = {name: [] for name in solvers}
    for _ in range(options.rounds + 1):  # the first round warms up
        for name, solver in solvers.items():
            steps = solver()
            next(steps)
            start = time.perf_counter()
            for _ in range(10):
                next(steps)
            seconds[name].append((time.perf_counter() - start) / 10)
    print("                        steps to 1 %   ms a step   ratio to our ADMM: median, range")
    for name, solver in solvers.items():
        ratio = [a / b for a, b in zip(seconds[name][1:], seconds["ours, ADMM"][1:], strict=True)]
        taken = next((k for k, z in zip(range(1, options.most + 1), solver(), strict=False)
                      if energy(y, K, z) <= 1.01 * floor), f"> {options.most}")
        print(f"{name:<24}{taken!s:>12}{1000 * statistics.median(seconds[name][1:]):12.1f}   "
              f"{statistics.median(ratio):12.2f}   {min(ratio):.2f} to {max(ratio):.2f}", flush=True)


if __name__ == "__main__":
    main()
