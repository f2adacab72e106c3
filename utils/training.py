"""The training loop that notebook 10 writes out, for use wherever it is not the lesson."""

from dataclasses import dataclass, field

import torch

from utils.runtime import progress


@dataclass
class History:
    """What `fit` saw: one value a step of the loss and of every quantity that the loss function reports beside it."""

    loss: list = field(default_factory=list)
    parts: dict = field(default_factory=dict)

    def __repr__(self):
        ends = f"loss {self.loss[0]:.4g} to {self.last():.4g}" if self.loss else "nothing"
        return f"History of {len(self.loss):,} steps · measured {ends}"

    def last(self, steps=50, part=None):
        """Mean over the last `steps` steps of the loss, or of one reported part."""
        values = (self.loss if part is None else self.parts[part])[-steps:]
        return sum(values) / len(values)


def batches(*tensors, batch_size, steps, generator=None):
    """Yield `steps` random mini-batches: every pass is a fresh permutation, a short rest of a pass is left out.

    tensors: (N, …) each, of equal length, all on one device. Yields tensors of shape (batch_size, …), a tuple of
    them when several are given. Raises ValueError when the lengths differ or a batch is larger than the data.
    """
    n = len(tensors[0])
    if any(len(t) != n for t in tensors):
        raise ValueError(f"tensors of equal length are needed, these have {[len(t) for t in tensors]}")
    if not 1 <= batch_size <= n:
        raise ValueError(f"batch_size={batch_size} must lie between 1 and the number of samples, {n}")
    order, at = None, n
    for _ in range(steps):
        if at + batch_size > n:
            order = torch.randperm(n, generator=generator).to(tensors[0].device)
            at = 0
        index = order[at:at + batch_size]
        at += batch_size
        batch = tuple(t[index] for t in tensors)
        yield batch if len(batch) > 1 else batch[0]


def fit(params, loss_fn, batches, steps, lr=1e-3, one_cycle=False, label="steps", callback=None):
    """Adam on loss_fn(batch) for a number of steps: θ ← θ − lr · Adam(∇_θ loss).

    params: parameters. loss_fn: batch -> scalar loss, or (loss, {name: scalar}) with parts to be logged.
    batches: an iterable of at least `steps` batches. lr: rate, the peak of it with one_cycle (Smith & Topin, 2018).
    callback: called as callback(step) before each step and once after the last. Returns a History.
    Raises FloatingPointError, naming the step, as soon as the loss is no longer finite; ValueError when the batches
    run out.
    """
    # the fused kernel does the same arithmetic in one pass
    optimizer = torch.optim.Adam(params, lr=lr, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps) if one_cycle else None
    history = History()
    source = iter(batches)
    for step in progress(steps, label):
        if callback:
            callback(step)
        batch = next(source, None)
        if batch is None:
            raise ValueError(f"{step} batches do not last for {steps} steps: ask batches(…) for as many")
        out = loss_fn(batch)
        loss, parts = out if isinstance(out, tuple) else (out, {})
        value = loss.item()
        if value != value or value in (float("inf"), float("-inf")):
            raise FloatingPointError(f"the loss is {value} at step {step}: lower lr={lr}, or look at the loss function")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if schedule:
            schedule.step()
        history.loss.append(value)
        for name, part in parts.items():
            history.parts.setdefault(name, []).append(part.item() if torch.is_tensor(part) else part)
    if callback:
        callback(steps)
    return history
