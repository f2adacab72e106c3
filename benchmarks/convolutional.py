"""Convolutional sparse coding of one picture: the course's ADMM and FISTA beside sporco's, 128×128, 32 Gabors, λ = .02.

    build/peers/bin/python benchmarks/convolutional.py [--quick]

Same picture, kernels, λ and ρ; float32 on both sides. sporco computes no statistics meanwhile and keeps what it can
(FastSolve, HighMemSolve). Every solver runs until its own codes are within 1 % of the lowest energy seen, by one energy
function. 256×256 takes four times as long on all sides. sporco is numpy, scipy and FFTW, whose threads are set like all
others.
"""

import math
import sys

import numpy as np
import torch
from side_by_side import Comparison, Side, peer, program

from utils.energies import shrinkage
from utils.pictures import natural_pictures

LAM, RHO = 0.02, 0.5
WHY = ("Both go through the same steps to the same energy; what differs is the price of one. Ours are real Fourier "
       "transforms and elementwise operations on all threads, where numpy's elementwise operations run on one.")
STEPS = {"ADMM": (30, 40, 50, 60, 70, 80, 100), "FISTA": (200, 250, 300, 350, 400)}


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


def admm(y, K, n_steps, rho=RHO, relax=1.8):
    """Notebook 08's ADMM, with what never changes computed once."""
    K_hat, y_hat = torch.fft.rfft2(K, s=y.shape), torch.fft.rfft2(y)
    back, total, pulled = K_hat.conj(), rho + K_hat.abs().square().sum(0), K_hat.conj() * y_hat
    z = u = y.new_zeros(len(K), *y.shape)
    for _ in range(n_steps):
        b = pulled + rho * torch.fft.rfft2(z - u)
        x = torch.fft.irfft2((b - back * ((K_hat * b).sum(0) / total)) / rho, s=y.shape)
        x = relax * x + (1 - relax) * z
        z = shrinkage(x + u, LAM / rho)
        u = u + x - z
    return z


def fista(y, K, n_steps, stretch=1.0):
    """Notebook 08's FISTA with steps of stretch/L."""
    K_hat, y_hat = torch.fft.rfft2(K, s=y.shape), torch.fft.rfft2(y)
    step, t = stretch / K_hat.abs().square().sum(0).max(), 1.0
    z = z_prev = y.new_zeros(len(K), *y.shape)
    for _ in range(n_steps):
        t_next = (1 + math.sqrt(1 + 4 * t * t)) / 2
        ahead = z + (t - 1) / t_next * (z - z_prev)
        slope = torch.fft.irfft2(K_hat.conj() * ((K_hat * torch.fft.rfft2(ahead)).sum(0) - y_hat), s=y.shape)
        z_prev, z, t = z, shrinkage(ahead - step * slope, step * LAM), t_next
    return z


def sporco_sides(y, K):
    """sporco's solvers. Their kernels lie at the origin, as ours do: no shift between the codes."""
    import sporco.fft
    from sporco.admm.cbpdn import ConvBPDN
    from sporco.pgm.cbpdn import ConvBPDN as GradientConvBPDN

    kernels, picture = K.numpy().transpose(1, 2, 0).copy(), y.numpy()
    L = torch.fft.rfft2(K, s=y.shape).abs().square().sum(0).max().item()

    def side(name, solver, **options):
        def run(n_steps):
            sporco.fft.pyfftw_threads = torch.get_num_threads()
            work = solver(kernels, picture, LAM, solver.Options(
                {"MaxMainIter": n_steps, "RelStopTol": 0.0, "Verbose": False, "FastSolve": True,
                 "DataType": np.float32, **options}))
            work.solve()
            return torch.from_numpy(np.ascontiguousarray(work.getcoef().squeeze().transpose(2, 0, 1)))
        return Side(name, run, STEPS["ADMM" if "ADMM" in name else "FISTA"], trial=10)
    return [side("sporco, ADMM", ConvBPDN, rho=RHO, AutoRho={"Enabled": False}, RelaxParam=1.8,
                 HighMemSolve=True),
            side("sporco, FISTA 1/L", GradientConvBPDN, L=L),
            side("sporco, FISTA 1.4/L", GradientConvBPDN, L=L / 1.4)]


def energy(y, K, z):
    """E(y, z) where the picture wraps round."""
    made = torch.fft.irfft2((torch.fft.rfft2(K, s=y.shape) * torch.fft.rfft2(z)).sum(0), s=y.shape)
    return (0.5 * (y - made).square().sum() + LAM * z.abs().sum()).item()


def comparisons(quick):
    size = 48 if quick else 128
    picture = natural_pictures()["camera"][100:100 + size, 150:150 + size]
    y, K = picture - picture.mean(), gabors()
    floor = energy(y, K, admm(y, K, 300 if quick else 600, rho=0.3))
    gradient, splitting = STEPS["FISTA"], STEPS["ADMM"]
    theirs = peer("sporco", lambda: sporco_sides(y, K))
    return [Comparison(f"convolutional sparse coding, {size}×{size}", "energy above the lowest seen, as a part of it",
                       0.01, lambda z: energy(y, K, z) / floor - 1, [
                           Side("ours, ADMM", lambda n: admm(y, K, n), splitting, ours=True, trial=10),
                           Side("ours, FISTA 1.4/L", lambda n: fista(y, K, n, 1.4), gradient, ours=True, trial=10),
                           Side("ours, FISTA 1/L", lambda n: fista(y, K, n), gradient, ours=True, trial=10),
                           *(theirs if isinstance(theirs, list) else [theirs])], WHY, once=not quick)]


if __name__ == "__main__":
    sys.exit(program("convolutional", __doc__, comparisons) is None)
