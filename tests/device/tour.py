"""Once through utils on the make-believe device: every door that a page opens, with tensors that lie there."""

from types import SimpleNamespace

import makebelieve
import torch

from utils import corruptions, data, energies, figures, inference, models, toys, training
from utils.exercises import EXERCISES, harness
from utils.measures import (
    convolutional,
    dictionary,
    embedding,
    features,
    gabor,
    likelihood,
    optimality,
    partition,
    ruler,
    surface,
)
from utils.runtime import device, seed_everything


def there(*values):
    """All of them lie on the device and are finite."""
    for value in values:
        assert value.device.type == makebelieve.NAME, f"a tensor of shape {tuple(value.shape)} lies on {value.device}"
        assert not value.is_floating_point() or torch.isfinite(value).all()
    return values[0]


def the_data():
    digits = data.mnist()
    y = there(*digits[:4])[:6]
    for how in corruptions.AMOUNTS:
        there(corruptions.corrupt(y, how), corruptions.corrupt(y, how, generator=torch.Generator()))
    there(data.binarize(y), data.binarize(y, "threshold"), data.binarize(y, generator=torch.Generator()))
    there(data.natural_patches(16, 8), data.spiral(9), *data.ellipse(9), *data.ellipse(9, x=0.5))
    there(toys.spiral_energy(data.spiral(9)))
    for curve in toys.CURVES.values():
        there(curve.sample(9), curve.energy(curve.sample(9)), *curve.nearest(curve.sample(9)), curve.beside(9, 0.2))
    figures.grid(y, columns=3, alt="Six digits.").png()
    assert figures.to_numpy(y).shape == (6, 784)


def inference_and_learning():
    y, W_d = torch.randn(5, 8, device=device()), torch.randn(8, 12, device=device())
    for z in (inference.ista(y, W_d, 0.1, 5), inference.fista(y, W_d, 0.1, 5, restart=True, nonnegative=True),
              models.LISTA(W_d, 0.1, 2)(y)):
        there(z, energies.sparse_energy(y, z, W_d, 0.1), optimality.kkt_residual(y, z, W_d, 0.1),
              optimality.duality_gap(y, z, W_d, 0.1))
    rbm = tiny_rbm()
    v = there(inference.gibbs(rbm, torch.zeros(4, 6, device=device()), 3))
    there(inference.metropolis(lambda v: energies.rbm_free_energy(v, rbm.W, rbm.b, rbm.c), v, 3, [1.0, 0.5, 0.0]))
    there(inference.langevin(lambda y: y.square().sum(-1), y, 3, clip=1.0, box=2.0))
    vae = models.VAE(d=2, hidden=9, n=8).to(device())
    batches = training.batches(y, y, batch_size=2, steps=6, generator=torch.Generator())
    history = training.fit(vae.parameters(), lambda pair: there(vae(pair[0])[0]).square().mean(), batches, 6,
                           one_cycle=True)
    assert len(history.loss) == 6
    logits, mu, logvar = vae(y)
    there(logits, energies.gaussian_kl(mu, logvar), energies.free_energy(y, 2.0), energies.free_energy(y, float("inf")))


def tiny_rbm():
    return SimpleNamespace(W=torch.randn(6, 3, device=device()), b=torch.zeros(6, device=device()),
                           c=torch.zeros(3, device=device()))


def measures():
    rbm, betas = tiny_rbm(), torch.linspace(0, 1, 5)
    log_z, v = partition.exact_log_z(rbm), there(partition.exact_samples(rbm, 7))
    there(partition.log_likelihood(rbm, v, log_z), partition.ais(rbm, rbm.b, betas, 8).log_weights,
          partition.reverse_ais(rbm, rbm.b, betas, v).log_weights)
    h = torch.randn(60, 4, device=device())
    assert embedding.effective_rank(h) > 1 > embedding.uniformity(h)
    assert embedding.probe_accuracy(h, h[:, 0].gt(0).long(), h, h[:, 0].gt(0).long()) > 50
    there(features.code_information(h, h))
    there(likelihood.iwae_bounds(lambda y, z: z.square().sum(-1), h, h, h, ks=(1, 4))[4])
    kernels = torch.randn(4, 7, 7, device=device())
    there(*convolutional.orientation(kernels), convolutional.orientation_histogram(kernels),
          convolutional.opposite(kernels), convolutional.radial_symmetry(kernels),
          convolutional.shift_similarity(kernels))
    there(*gabor.gabor_fit(kernels.flatten(1), 7, steps=2, refine=2), dictionary.locality(kernels.flatten(1), 7, 3))
    world = toys.CURVES["spiral"]
    reading = ruler.Ruler(world, side=41, held_out=50).read(world.energy, world.sample(50))
    there(reading.E, reading.false, surface.descend(world.energy, world.sample(5), steps=3),
          surface.local_minima(reading.E))
    assert surface.count_places(world.sample(5), 0.1) >= 1


def exercises():
    """Two exercises of every page, one with and one without gradients: the course's own answer and a wrong one."""
    for name in {(exercise.page, bool(exercise.gradient)): name for name, exercise in EXERCISES.items()}.values():
        assert harness.verdict(EXERCISES[name].reference, name)[0], name
        assert not harness.verdict(lambda *a, **k: torch.zeros(0), name)[0], name


def all_of_it():
    seed_everything()
    for part in (the_data, inference_and_learning, measures, exercises):
        part()
    assert makebelieve.seen, "nothing was computed on the device"
