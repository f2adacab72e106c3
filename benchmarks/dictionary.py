"""Dictionary learning on whitened patches: notebook 07's step beside scikit-learn's, by mini-batches and by the batch.

    build/peers/bin/python benchmarks/dictionary.py [--quick]

256 atoms, 12×12 patches, λ = 0.15 (scikit-learn's alpha is the same λ), the same start. All are judged by the energy
of held-out patches, coded by the same FISTA. Ours runs whole schedules of several lengths. `tuned` was the best of
batches 32 to 1,024, coordinate descent or LARS, starts at random or at patches, float32 or float64, 3 to 1,000 sweeps
a batch; `default sweeps` is the same with scikit-learn's own 1,000. Its DictionaryLearning codes every patch anew
before each step of the dictionary, so it gets 5,000 of the 50,000 patches; with all, a step takes ten times as long.
"""

import sys
import warnings

import torch
from side_by_side import Comparison, Side, program
from sklearn.decomposition import DictionaryLearning, MiniBatchDictionaryLearning
from torch.nn.functional import normalize

from utils import data
from utils.energies import sparse_energy
from utils.inference import fista
from utils.training import batches

LAM, BATCH, FISTA_STEPS = 0.15, 250, 15
WHY = ("Ours codes 250 patches at once, by products of matrices, and stops after 15 steps of FISTA; scikit-learn codes "
       "patch by patch. Codes need not be exact for a dictionary to learn from them: its 1,000 sweeps a batch take "
       "many times as long as 10, and end no lower.")


def by_sklearn(patches, W_d, n_batches, sweeps):
    """scikit-learn, batch after batch.   -> (n, m)."""
    model = MiniBatchDictionaryLearning(W_d.shape[1], alpha=LAM, batch_size=128, fit_algorithm="cd", random_state=0,
                                        transform_max_iter=sweeps, dict_init=W_d.T.numpy().copy())
    for y in batches(patches, batch_size=128, steps=n_batches):
        model.partial_fit(y.numpy())
    return torch.as_tensor(model.components_.T.copy(), dtype=torch.float32)


def by_sklearn_batch(patches, W_d, n_steps):
    """scikit-learn, all patches at each step, codes kept from step to step.   -> (n, m)."""
    atoms = W_d.shape[1]
    model = DictionaryLearning(atoms, alpha=LAM, max_iter=n_steps, tol=0.0, fit_algorithm="cd", random_state=0,
                               transform_max_iter=10, dict_init=W_d.T.numpy().copy(),
                               code_init=torch.zeros(len(patches), atoms).numpy())
    return torch.as_tensor(model.fit(patches.numpy()).components_.T.copy(), dtype=torch.float32)


def ours(patches, W_d, n_steps):
    """Notebook 07's loop: FISTA, the gradient divided by each atom's curvature, columns at length 1.   -> (n, m)."""
    use = torch.zeros(W_d.shape[1])
    for step, y in enumerate(batches(patches, batch_size=BATCH, steps=n_steps)):
        L = torch.linalg.eigvalsh(W_d @ W_d.T)[-1].item()
        z = fista(y, W_d, LAM, FISTA_STEPS, step=1 / L)
        use = use.lerp(z.square().mean(0), max(1 / (step + 1), 0.05))
        rate = 0.1 if step < 0.5 * n_steps else 0.03 if step < 0.8 * n_steps else 0.01
        W_d = W_d + rate * (y - z @ W_d.T).T @ z / len(y) / (use + 0.1 * use.mean())
        W_d = normalize(W_d, dim=0)
    return W_d


def comparisons(quick):
    warnings.simplefilter("ignore")  # "did not converge": it is told not to
    torch.manual_seed(0)
    atoms, target = (32, 0.41) if quick else (256, 0.288)
    patches = data.natural_patches(1000 if quick else 50_000).cpu()
    test = data.natural_patches(100 if quick else 1000, part="test").cpu()
    start = normalize(torch.randn(patches.shape[1], atoms), dim=0)

    def held_out(W_d):
        return sparse_energy(test, fista(test, W_d, LAM, 200), W_d, LAM).mean().item()

    steps, theirs = ((5, 10, 20), (5, 10, 20)) if quick else ((60, 80, 100, 150, 200, 300), (100, 200, 300, 400, 600))
    return [Comparison("dictionary of natural patches", "energy of held-out patches", target, held_out, [
        Side("ours, page 07's loop", lambda n: ours(patches, start, n), steps, ours=True, trial=20),
        Side("scikit-learn, mini-batch, tuned", lambda n: by_sklearn(patches, start, n, 10), theirs, trial=20),
        Side("scikit-learn, mini-batch, default sweeps", lambda n: by_sklearn(patches, start, n, 1000), theirs,
             trial=10),
        Side("scikit-learn, batch, 5,000 patches", lambda n: by_sklearn_batch(patches[:5000], start, n),
             (2, 5) if quick else (5, 10, 20, 40), trial=2)], WHY, once=not quick)]


if __name__ == "__main__":
    sys.exit(program("dictionary", __doc__, comparisons) is None)
