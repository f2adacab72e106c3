"""Checks of the exercises in notebook 00."""

import torch

from utils.exercises.harness import Exercise


def squared_distance(y, c):
    """1/2|y - c|^2.   y: (B, n), c: (n,) -> (B,)."""
    return 0.5 * ((y - c) ** 2).sum(1)


Exercise(
    "squared_distance", squared_distance,
    cases=lambda: [(torch.randn(4, 3), torch.randn(3)), (torch.randn(1, 6), torch.randn(6)),
                   (torch.randn(5, 2), torch.randn(2)), (torch.randn(2, 2), torch.randn(2))],
    gradient=False,
    mistakes={
        "the ½ is missing: without it the gradient is 2(y − c)": lambda y, c: ((y - c) ** 2).sum(1),
        "this is a mean over the batch too: an energy is one number per sample": lambda y, c:
            0.5 * ((y - c) ** 2).sum(1).mean(),
        "one number per sample: this adds up the whole batch, take .sum(1)": lambda y, c: 0.5 * ((y - c) ** 2).sum(),
        "the mean over the features divides by n: sum them": lambda y, c: 0.5 * ((y - c) ** 2).mean(1),
        "this is half the distance, not half of its square": lambda y, c: 0.5 * (y - c).norm(dim=1),
        "the ½ stands inside the square: halve the sum, not the difference": lambda y, c:
            (0.5 * (y - c)).square().sum(1),
        "these are not squares, the signs cancel: (y − c)²": lambda y, c: 0.5 * (y - c).sum(1),
        "the sum goes over the batch: sum over the last dimension": lambda y, c: 0.5 * ((y - c) ** 2).sum(0),
    },
)
