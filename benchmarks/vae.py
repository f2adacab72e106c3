"""A VAE on MNIST to a test loss of 110 nats: page 10 beside the loop of PyTorch's own example, and pythae.

    build/peers/bin/python benchmarks/vae.py [--quick]

All train the same net, 784-400-20. PyTorch's example (pytorch/examples, vae/main.py; 106.66 nats after seven epochs by
its own log) reads pictures one by one through a DataLoader, batches of 128, Adam with 1e-3. `with page 10's recipe` is
that loop with our batch, rates and start, so that what the loader costs and what the recipe gains are told apart.
pythae's default rate of 1e-4 is far too low for a race; it gets the example's.
"""

import contextlib
import io
import logging
import sys
import tempfile

import torch
from notebook import definitions
from side_by_side import Comparison, Side, peer, program
from torch import nn
from torch.nn.functional import binary_cross_entropy
from torch.utils.data import DataLoader
from torchvision.datasets import MNIST
from torchvision.transforms import ToTensor

from utils import data, models

WHY = ("Two things, told apart by the second row. A DataLoader fetches and converts pictures one by one, where page 10 "
       "takes a batch by one index; and page 10's recipe, which starts at the mean digit and lets the rate rise and "
       "fall once, needs half of the passes.")


def pictures(images):
    """torchvision's MNIST over these images: a picture is made, and turned into a tensor, whenever one is asked for."""
    found = MNIST.__new__(MNIST)
    found.data = (images.view(-1, 28, 28) * 255).round().to(torch.uint8)
    found.targets, found.transform, found.target_transform = torch.zeros(len(images)), ToTensor(), None
    return found


def example(dataset, epochs, batch_size=128, recipe=None):
    """PyTorch's example's loop, summed losses and all; recipe: (start, peak) for page 10's start and one cycle."""
    vae = models.VAE(d=20)
    steps = epochs * -(-len(dataset) // batch_size)
    if recipe:
        recipe[0](vae)
        optimizer = torch.optim.Adam(vae.parameters(), lr=recipe[1], fused=True)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe[1], total_steps=steps)
    else:
        optimizer, schedule = torch.optim.Adam(vae.parameters(), lr=1e-3), None
    vae.train()
    total = 0.0
    for _ in range(epochs):
        for y, _ in DataLoader(dataset, batch_size=batch_size, shuffle=True):
            y = y.view(-1, 784)
            optimizer.zero_grad()
            logits, mu, logvar = vae(y)
            loss = binary_cross_entropy(torch.sigmoid(logits), y, reduction="sum")
            loss = loss - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
            if recipe:
                loss = loss / len(y)
            loss.backward()
            total += loss.item()
            optimizer.step()
            if schedule:
                schedule.step()
    return vae


def pythae_side(images, efforts):
    from pythae.data.datasets import BaseDataset
    from pythae.models import VAE, VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder
    from pythae.trainers import BaseTrainer, BaseTrainerConfig

    logging.disable(logging.INFO)

    class Encoder(BaseEncoder):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(nn.Linear(784, 400), nn.ReLU(), nn.Linear(400, 40))

        def forward(self, x):
            mu, logvar = self.net(x.flatten(1)).chunk(2, dim=-1)
            return ModelOutput(embedding=mu, log_covariance=logvar)

    class Decoder(BaseDecoder):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(nn.Linear(20, 400), nn.ReLU(), nn.Linear(400, 784))

        def forward(self, z):
            return ModelOutput(reconstruction=torch.sigmoid(self.net(z)).view(-1, 1, 28, 28))

    y = images.view(-1, 1, 28, 28)

    def run(epochs):
        config = VAEConfig(input_dim=(1, 28, 28), latent_dim=20, reconstruction_loss="bce")
        vae = VAE(config, encoder=Encoder(), decoder=Decoder())
        with tempfile.TemporaryDirectory() as folder:
            plan = BaseTrainerConfig(output_dir=folder, num_epochs=epochs, learning_rate=1e-3, no_cuda=True,
                                     per_device_train_batch_size=128)
            with contextlib.redirect_stderr(io.StringIO()):  # its progress bars
                BaseTrainer(vae, BaseDataset(y, torch.zeros(len(y))), training_config=plan).train()
        found = models.VAE(d=20)
        found.encoder.load_state_dict(vae.encoder.net.state_dict())
        found.decoder.load_state_dict(vae.decoder.net.state_dict())
        return found
    return Side("pythae, rate 1e-3, batch 128", run, efforts, trial=1)


def comparisons(quick):
    digits = data.mnist()
    page = definitions("10-vae-mnist", "reconstruction_energy", "vae_loss", "evaluate", "start_from_mean", "train")
    page["progress"] = lambda steps, label: range(steps)
    images, test = digits.train.cpu(), digits.test.cpu()
    if quick:
        images, test = images[:1000], test[:500]
    target = 250.0 if quick else {"full MNIST": 110.0, "offline digits": 116.0}[digits.source]
    dataset = pictures(images)

    def start(vae):
        return page["start_from_mean"](vae, images)

    def nats(vae):
        torch.manual_seed(1)
        return page["evaluate"](vae, test)[0]

    def ours(steps):
        vae = start(models.VAE(d=20))
        page["train"](vae, images, steps)
        return vae

    steps, cycles, epochs = ((20, 50, 100), (2, 4, 8), (8, 16, 32)) if quick else (
        (300, 400, 500, 600, 700), (2, 3, 4), (4, 5, 6, 7, 8))
    return [Comparison("VAE on MNIST", "test loss, nats", target, nats, [
        Side("ours, page 10", ours, steps, ours=True, trial=100),
        Side("DataLoader loop with page 10's recipe", lambda n: example(dataset, n, 200, (start, 8e-3)), cycles,
             trial=1),
        Side("DataLoader loop of PyTorch's example", lambda n: example(dataset, n), epochs, trial=1),
        peer("pythae", lambda: pythae_side(images, epochs))], WHY, once=not quick)]


if __name__ == "__main__":
    sys.exit(program("vae", __doc__, comparisons) is None)
