"""Restricted Boltzmann machines by PCD-1: the course's loops beside scikit-learn's BernoulliRBM.

    build/peers/bin/python benchmarks/rbm.py [--quick]

784-16: epochs over 5,000 binary digits until the exact test log-likelihood is reached; 16 hidden units can be
enumerated. A model that knows the mean image alone has 201 nats, so the target lies well below. The rate of 0.3 gets
there first, of 0.05 to 0.8, for all but page 03, whose rate falls. 784-500: five epochs, after which the squared error
of a reconstruction must be far from the mean image's, 0.086. Same data, batch, rate and number of Gibbs steps; ours
also keep the gradient of both biases. scikit-learn computes in its data's precision.
"""

import sys

import numpy as np
import torch
from notebook import definitions
from side_by_side import Comparison, Side, program
from sklearn.neural_network import BernoulliRBM

from utils import data
from utils.energies import rbm_free_energy
from utils.inference import coin, gibbs
from utils.measures import partition
from utils.training import batches

BATCH = 100
WHY = ("Products of matrices take most of the time on all sides. scikit-learn makes the gradient in matrices of its "
       "own before it is added, and draws its random numbers in double precision.")
PAGE = " Page 03's RBM is centered, starts with the data's biases and lets its rate fall; it needs fewer epochs."
EPOCHS = (1, 4, 6, 8, 10)


class Plain(torch.nn.Module):
    """W, b, c of a Bernoulli RBM."""

    def __init__(self, n, m):
        super().__init__()
        self.W = torch.nn.Parameter(0.01 * torch.randn(n, m))
        self.b, self.c = torch.nn.Parameter(torch.zeros(n)), torch.nn.Parameter(torch.zeros(m))


def autograd(v, m, epochs, rate):
    """Notebook 03's loop in plain coordinates: a loss of two free energies, its gradient by autograd."""
    rbm, v_neg = Plain(v.shape[1], m), torch.zeros(BATCH, v.shape[1])
    optimizer = torch.optim.SGD(rbm.parameters(), lr=rate)
    for v_pos in batches(v, batch_size=BATCH, steps=epochs * len(v) // BATCH):
        v_neg = gibbs(rbm, v_neg)
        loss = (rbm_free_energy(v_pos, rbm.W, rbm.b, rbm.c) - rbm_free_energy(v_neg, rbm.W, rbm.b, rbm.c)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return rbm


@torch.no_grad()
def written_out(v, m, epochs, rate):
    """The same update, the gradient by hand; the hidden units of the chain are kept from step to step."""
    rbm, h_neg = Plain(v.shape[1], m), torch.zeros(BATCH, m)
    W, b, c = rbm.W, rbm.b, rbm.c
    for v_pos in batches(v, batch_size=BATCH, steps=epochs * len(v) // BATCH):
        p_pos = torch.addmm(c, v_pos, W).sigmoid_()
        v_neg = coin(torch.addmm(b, h_neg, W.T).sigmoid_())
        p_neg = torch.addmm(c, v_neg, W).sigmoid_()
        W.addmm_(v_pos.T, p_pos, alpha=rate / BATCH).addmm_(v_neg.T, p_neg, alpha=-rate / BATCH)
        b.add_(v_pos.mean(0) - v_neg.mean(0), alpha=rate)
        c.add_(p_pos.mean(0) - p_neg.mean(0), alpha=rate)
        h_neg = coin(p_neg)
    return rbm


def page_loop(v, m, epochs):
    """Notebook 03's own RBM and loop: centered, the biases start at the data's, the rate falls from 0.5."""
    page = definitions("03-contrastive-divergence", "rbm_free_energy", "RBM", "gibbs_step", "gibbs", "contrastive_loss",
                       "learn")
    page |= {"v_train": v, "progress": lambda steps, label: range(steps)}
    rbm = page["RBM"](v, m)
    page["learn"](rbm, persistent=True, steps=epochs * len(v) // BATCH)
    return rbm


def by_sklearn(v, m, epochs, rate):
    """scikit-learn's own loop, PCD-1."""
    return BernoulliRBM(n_components=m, learning_rate=rate, batch_size=BATCH, n_iter=epochs).fit(v)


def weights(rbm):
    """Something with W, b and c, whoever made it."""
    if not isinstance(rbm, BernoulliRBM):
        return rbm
    found = Plain(*rbm.components_.T.shape)
    for name, values in (("W", rbm.components_.T), ("b", rbm.intercept_visible_), ("c", rbm.intercept_hidden_)):
        getattr(found, name).data = torch.as_tensor(np.array(values), dtype=torch.float32)
    return found


def comparisons(quick):
    digits = data.mnist()
    v, v_test = (data.binarize(part, "threshold").cpu() for part in (digits.train, digits.test[:1000]))
    v = torch.cat([v, v])[:500 if quick else 5000]
    single, double = v.numpy(), v.double().numpy()

    def nats(rbm):
        rbm = weights(rbm)
        return -partition.log_likelihood(rbm, v_test, partition.exact_log_z(rbm)).mean().item()

    def reconstruction(rbm):
        rbm = weights(rbm)
        with torch.no_grad():
            return (torch.sigmoid(torch.sigmoid(v @ rbm.W + rbm.c) @ rbm.W.T + rbm.b) - v).square().mean().item()

    def sides(m, efforts, rate):
        return [Side("ours, autograd", lambda n: autograd(v, m, n, rate), efforts, ours=True),
                Side("ours, written out", lambda n: written_out(v, m, n, rate), efforts, ours=True),
                Side("scikit-learn, float32", lambda n: by_sklearn(single, m, n, rate), efforts),
                Side("scikit-learn, float64", lambda n: by_sklearn(double, m, n, rate), efforts)]

    m, target = (6, 400.0) if quick else (16, 188.0)
    exact = Comparison(f"RBM 784-{m} by likelihood", "minus the exact test log-likelihood, nats", target, nats,
                       [*sides(m, EPOCHS, 0.3),
                        Side("ours, page 03: centered", lambda n, m=m: page_loop(v, m, n), EPOCHS, ours=True)],
                       WHY + PAGE)
    m, target = (50, 0.2) if quick else (500, 0.06)
    epoch = Comparison(f"RBM 784-{m}, five epochs", "squared error of a reconstruction", target, reconstruction,
                       sides(m, (5,), 0.05), WHY)
    return [exact, epoch]


if __name__ == "__main__":
    sys.exit(program("rbm", __doc__, comparisons) is None)
