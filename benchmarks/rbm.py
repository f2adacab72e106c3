"""One epoch of PCD-1 on 5,000 digits, 784-500: the course's loop beside scikit-learn's BernoulliRBM.

    OMP_NUM_THREADS=2 OMP_WAIT_POLICY=PASSIVE python benchmarks/rbm.py

Same process, same data, same batch size, rate and number of Gibbs steps; ours also keeps the gradient of both biases.
The two take turns, several times. Printed are the median times and the ratio's range; only ratios mean anything.
`autograd` is the loop of notebook 03, `written out` the same update without autograd. float32 on both sides, and
scikit-learn in its default float64 too.
"""

import argparse
import statistics
import time

import numpy as np
import torch
from sklearn.neural_network import BernoulliRBM

from utils import data
from utils.energies import rbm_free_energy
from utils.inference import coin, gibbs

BATCH, HIDDEN, RATE = 100, 500, 0.05


class Plain(torch.nn.Module):
    """W, b, c of a Bernoulli RBM."""

    def __init__(self, v):
        super().__init__()
        self.W = torch.nn.Parameter(0.01 * torch.randn(v.shape[1], HIDDEN))
        self.b, self.c = torch.nn.Parameter(torch.zeros(v.shape[1])), torch.nn.Parameter(torch.zeros(HIDDEN))


def autograd_epoch(v):
    """The notebook's loop: a loss of two free energies, its gradient by autograd."""
    rbm, v_neg = Plain(v), torch.zeros(BATCH, v.shape[1])
    optimizer = torch.optim.SGD(rbm.parameters(), lr=RATE)
    for v_pos in v[torch.randperm(len(v))].split(BATCH):
        v_neg = gibbs(rbm, v_neg)
        loss = (rbm_free_energy(v_pos, rbm.W, rbm.b, rbm.c) - rbm_free_energy(v_neg, rbm.W, rbm.b, rbm.c)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return rbm


@torch.no_grad()
def written_out_epoch(v):
    """The same update, the gradient by hand; the hidden units of the chain are kept from step to step."""
    rbm, h_neg = Plain(v), torch.zeros(BATCH, HIDDEN)
    W, b, c = rbm.W, rbm.b, rbm.c
    for v_pos in v[torch.randperm(len(v))].split(BATCH):
        p_pos = torch.sigmoid(torch.addmm(c, v_pos, W))
        v_neg = coin(torch.sigmoid(torch.addmm(b, h_neg, W.T)))
        p_neg = torch.sigmoid(torch.addmm(c, v_neg, W))
        W.addmm_(v_pos.T, p_pos, alpha=RATE / BATCH).addmm_(v_neg.T, p_neg, alpha=-RATE / BATCH)
        b += RATE * (v_pos.mean(0) - v_neg.mean(0))
        c += RATE * (p_pos.mean(0) - p_neg.mean(0))
        h_neg = coin(p_neg)
    return rbm


def sklearn_epoch(v):
    """scikit-learn's own loop, PCD-1; its precision follows the data's."""
    return BernoulliRBM(n_components=HIDDEN, learning_rate=RATE, batch_size=BATCH, n_iter=1, random_state=0).fit(v)


def reconstruction(rbm, v):
    """Mean squared error of one deterministic step there and back: do both learn the same thing?"""
    if isinstance(rbm, BernoulliRBM):
        W, b, c = (torch.as_tensor(np.asarray(x), dtype=torch.float32) for x in (
            rbm.components_.T, rbm.intercept_visible_, rbm.intercept_hidden_))
    else:
        W, b, c = rbm.W.detach(), rbm.b.detach(), rbm.c.detach()
    return (torch.sigmoid(torch.sigmoid(v @ W + c) @ W.T + b) - v).square().mean().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    v = data.binarize(data.mnist().train, "threshold")
    v = v[:5000].cpu() if len(v) >= 5000 else torch.cat([v, v])[:5000].cpu()
    single, double = v.numpy(), v.double().numpy()
    rivals = {"ours, autograd": lambda: autograd_epoch(v), "ours, written out": lambda: written_out_epoch(v),
              "scikit-learn, float32": lambda: sklearn_epoch(single),
              "scikit-learn, float64": lambda: sklearn_epoch(double)}
    seconds = {name: [] for name in rivals}
    for turn in range(options.rounds + 1):  # the first round warms up
        for name, epoch in rivals.items():
            start = time.perf_counter()
            rbm = epoch()
            if turn:
                seconds[name].append(time.perf_counter() - start)
            else:
                print(f"{name:<24} reconstruction error after the epoch {reconstruction(rbm, v):.4f}")
    ours = seconds["ours, autograd"]
    print(f"\n{torch.get_num_threads()} threads, {options.rounds} rounds")
    print(f"{'':<32} seconds   ratio to ours, autograd: median, range")
    for name, times in seconds.items():
        ratio = [a / b for a, b in zip(times, ours, strict=True)]
        print(f"{name:<32} {statistics.median(times):6.2f}   {statistics.median(ratio):5.2f}   "
              f"{min(ratio):.2f} to {max(ratio):.2f}")


if __name__ == "__main__":
    main()
