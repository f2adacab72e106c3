"""Dictionary learning on whitened patches: notebook 07's step beside scikit-learn's MiniBatchDictionaryLearning.

    OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE python benchmarks/dictionary.py

256 atoms, 12×12 patches, λ = 0.15 (scikit-learn's alpha is the same λ), one process, the same start. Ours runs its
whole schedule, for several lengths of it; after each of our steps every rival works until it has used as much time as
we have, so all see the same load of the machine. Printed is the held-out energy, coded by the same FISTA, and the ratio
to ours. `tuned` was the best of batches 32 to 1,024, coordinate descent or LARS, starts at random or at patches,
float32 or float64, 3 to 1,000 sweeps a batch; `default sweeps` is the same with scikit-learn's own 1,000.
"""

import argparse
import time
import warnings

import torch
from sklearn.decomposition import MiniBatchDictionaryLearning
from torch.nn.functional import normalize

from utils import data
from utils.energies import sparse_energy
from utils.inference import fista
from utils.runtime import seed_everything
from utils.training import batches

LAM, ATOMS, BATCH, FISTA_STEPS = 0.15, 256, 250, 15


class Rival:
    """scikit-learn, fed with batches while a clock allows."""

    def __init__(self, patches, start, sweeps):
        self.batches = batches(patches, batch_size=128, steps=10**6, generator=torch.Generator().manual_seed(0))
        self.model = MiniBatchDictionaryLearning(ATOMS, alpha=LAM, batch_size=128, fit_algorithm="cd", random_state=0,
                                                 transform_max_iter=sweeps, dict_init=start.T.numpy().copy())
        self.seconds = 0.0

    def work_until(self, seconds):
        """Batches, until so many seconds of work are used up."""
        while self.seconds < seconds:
            y, start = next(self.batches).numpy(), time.perf_counter()
            self.model.partial_fit(y)
            self.seconds += time.perf_counter() - start

    def dictionary(self):
        """(n, m), atoms in columns."""
        return torch.as_tensor(self.model.components_.T.copy(), dtype=torch.float32)


def our_step(W_d, use, y, step, n_steps):
    """The step of notebook 07: FISTA, the gradient divided by each atom's curvature, columns at length 1."""
    L = torch.linalg.eigvalsh(W_d @ W_d.T)[-1].item()
    z = fista(y, W_d, LAM, FISTA_STEPS, step=1 / L)
    use = use.lerp(z.square().mean(0), max(1 / (step + 1), 0.05))
    rate = 0.1 if step < 0.5 * n_steps else 0.03 if step < 0.8 * n_steps else 0.01
    W_d = W_d + rate * (y - z @ W_d.T).T @ z / len(y) / (use + 0.1 * use.mean())
    return normalize(W_d, dim=0), use


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, nargs="+", default=[100, 200, 400, 800], help="lengths of our schedule")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # "did not converge": it is told not to
    seed_everything()
    patches, test = data.natural_patches(50_000).cpu(), data.natural_patches(1000, part="test").cpu()

    def held_out(W_d):
        return sparse_energy(test, fista(test, W_d, LAM, 200), W_d, LAM).mean().item()

    print(f"{torch.get_num_threads()} threads\n  steps  seconds    ours   scikit-learn, tuned   default sweeps")
    for n_steps in options.steps:
        W_d, use, seconds = normalize(torch.randn(patches.shape[1], ATOMS), dim=0), torch.zeros(ATOMS), 0.0
        rivals = [Rival(patches, W_d, sweeps) for sweeps in (10, 1000)]
        for step, y in enumerate(batches(patches, batch_size=BATCH, steps=n_steps)):
            start = time.perf_counter()
            W_d, use = our_step(W_d, use, y, step, n_steps)
            seconds += time.perf_counter() - start
            for rival in rivals:
                rival.work_until(seconds)
        ours, *theirs = map(held_out, [W_d, *(rival.dictionary() for rival in rivals)])
        print(f"{n_steps:7} {seconds:8.1f}   {ours:.4f}   "
              + "   ".join(f"{energy:.4f} ({energy / ours:.3f})" for energy in theirs), flush=True)


if __name__ == "__main__":
    main()
