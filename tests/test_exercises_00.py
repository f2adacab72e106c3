"""The check of notebook 00: half a squared distance."""

import torch

RIGHT = {"squared_distance": [
    lambda y, c: ((y - c) @ (y - c).T).diagonal() / 2,
    lambda y, c: 0.5 * torch.linalg.vector_norm(y - c, dim=-1) ** 2,
    lambda y, c: torch.nn.functional.mse_loss(y, c.expand_as(y), reduction="none").sum(-1) / 2,
    lambda y, c: (y - c).pow(2).div(2).sum(dim=1),
    lambda y, c: torch.stack([0.5 * ((row - c) ** 2).sum() for row in y]),
]}

# (exercise, what a student might write, a word that the message must hold)
WRONG = [
    ("squared_distance", lambda y, c: ((y - c) ** 2).sum(1), "½ is missing"),
    ("squared_distance", lambda y, c: 0.5 * ((y - c) ** 2).sum(), "take .sum(1)"),
    ("squared_distance", lambda y, c: 0.5 * ((y - c) ** 2).sum(1).mean(), "one number per sample"),
    ("squared_distance", lambda y, c: 0.5 * ((y - c) ** 2).mean(1), "divides by n"),
    ("squared_distance", lambda y, c: 0.5 * torch.linalg.vector_norm(y - c, dim=1), "half the distance"),
    ("squared_distance", lambda y, c: ((y - c) / 2).pow(2).sum(1), "stands inside the square"),
    ("squared_distance", lambda y, c: 0.5 * ((y - c) ** 2).sum(0), "last dimension"),
    ("squared_distance", lambda y, c: 0.5 * ((y - c) ** 2).sum(1, keepdim=True), "one dimension too many"),
    ("squared_distance", lambda y, c: 0.5 * (y - c).sum(1), "signs cancel"),
    ("squared_distance", lambda y, c: -0.5 * ((y - c) ** 2).sum(1), "sign is turned round"),
    ("squared_distance", lambda y, c: 0.5 * (y - c) ** 2, "sum over dimension 1"),
]
