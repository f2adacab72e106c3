"""Right and wrong answers to the exercises of notebook 07, for the rules of test_exercises.py; and what is its own."""

import torch

from utils.exercises.harness import verdict


def gradient_by_autograd(y, z, W_d):
    W_d = W_d.clone().requires_grad_()
    gradient, = torch.autograd.grad(0.5 * (y - z @ W_d.T).square().sum(1).mean(), W_d)
    return gradient


def normalize_by_loop(W_d):
    return torch.stack([column / max(column.dot(column).sqrt().item(), 1e-12) for column in W_d.T], dim=1)


def step_by_autograd(W_d, y, z, rate):
    moved = W_d - rate * gradient_by_autograd(y, z, W_d)
    return moved / moved.square().sum(0, keepdim=True).sqrt()


def undo_by_diagonal(W_d, z):
    length = torch.linalg.vector_norm(W_d, dim=0)
    return W_d @ torch.diag(1 / length.clamp(min=1e-12)), z @ torch.diag(length)


def undo_as_a_list(W_d, z):
    length = W_d.norm(dim=0, keepdim=True)
    return [torch.where(length > 0, W_d / length, 0.0), length * z]


def keep_by_sorting(z, k):
    rank = z.abs().argsort(dim=1, descending=True).argsort(dim=1)
    return torch.where(rank < k, z, torch.zeros_like(z))


def keep_by_threshold(z, k):
    if k == 0:
        return torch.zeros_like(z)
    return z * (z.abs() >= z.abs().topk(k, dim=1).values[:, -1:])


def keep_by_dropping(z, k):
    return z.scatter(1, z.abs().argsort(1)[:, :z.shape[1] - k], 0.0)


def in_double(y, z, W_d):
    return (-(y.double() - z.double() @ W_d.double().T).T @ z.double() / len(y)).float()


RIGHT = {"dictionary_gradient": [gradient_by_autograd, in_double,
                                 lambda y, z, W: torch.einsum("bn,bm->nm", z @ W.T - y, z) / y.shape[0],
                                 lambda y, z, W: ((z @ W.T - y)[:, :, None] * z[:, None, :]).mean(0)],
         "normalize_columns": [normalize_by_loop, lambda W: W / W.norm(dim=0).clamp(min=1e-12)],
         "learning_step": [step_by_autograd], "undo_scale": [undo_by_diagonal, undo_as_a_list],
         "keep_largest": [keep_by_sorting, keep_by_threshold, keep_by_dropping]}


def unit(x, dim):
    return x / x.norm(dim=dim, keepdim=True).clamp(min=1e-12)


def grad(y, z, W):
    return -(y - z @ W.T).T @ z / len(y)


def switched_on(y, z, W_d):
    W_d.requires_grad_()
    (0.5 * (y - z @ W_d.T).square().sum(1).mean()).backward()
    return W_d.grad


def in_place(W_d):
    W_d /= W_d.norm(dim=0)
    return W_d


WRONG = [
    ("dictionary_gradient", switched_on, "switches on the gradient of its input W_d"),
    ("dictionary_gradient", lambda y, z, W: grad(y, z, W) / W.shape[1], "number of atoms"),
    ("dictionary_gradient", lambda y, z, W: grad(y, z, W)[None], "one dimension too many"),
    ("normalize_columns", in_place, "in place"),
    ("normalize_columns", lambda W: W / W.norm(dim=0), "becomes nan"),
    ("learning_step", lambda W, y, z, r: W - r * grad(y, unit(z, 1), W), "the other way round"),
    ("learning_step", lambda W, y, z, r: (V := W - r * grad(y, unit(z, 1), W)) / V.norm(), "both lines"),
    ("learning_step", lambda W, y, z, r: (V := W - r * grad(y, z, W)) / V.norm(), "whole matrix"),
    ("undo_scale", lambda W, z: undo_by_diagonal(W, z)[0], "2 are asked for"),
    ("undo_scale", lambda W, z: undo_by_diagonal(W, z)[::-1], "their order is not: W_d, z"),
    ("undo_scale", lambda W, z: (V := unit(W, 0), z @ W.T @ torch.linalg.pinv(V).T), "by other codes"),
    ("undo_scale", lambda W, z: (W / (s := W.norm(dim=0) * W[0].sign()), z * s), "turned round"),
    ("undo_scale", lambda W, z: (W / W.norm(dim=0), z * W.norm(dim=0)), "becomes nan"),
    ("undo_scale", lambda W, z: (unit(W, 1), z), "those of the rows"),
    ("keep_largest", lambda z, k: z.scatter(1, z.abs().argsort(1)[:, :-k], 0.0), "for k = 0 nothing may be left"),
    ("keep_largest", lambda z, k: z * (z.abs() >= z.abs().topk(k, dim=1).values[:, -1:]), "for k = 0 nothing may be"),
    ("keep_largest", lambda z, k: z * (z.abs() > z.abs().sort(descending=True).values[:, k:k + 1]), "stops with"),
    ("keep_largest", lambda z, k: keep_by_sorting(z, k)[:, :1], "shape"),
    ("keep_largest", lambda z, k: keep_by_sorting(z.T, k).T, "along dim 1"),
    ("dictionary_gradient", lambda y, z, W: (y - z @ W.T).T @ z / len(y), "other sign"),
    ("dictionary_gradient", lambda y, z, W: -(y - z @ W.T).T @ z, "sum over the batch"),
    ("dictionary_gradient", lambda y, z, W: -2 * (y - z @ W.T).T @ z / len(y), "factor 2"),
    ("dictionary_gradient", lambda y, z, W: -(y - z @ W.T).T @ z / y.numel(), "over the pixels"),
    ("dictionary_gradient", lambda y, z, W: -(y.T @ z) / len(y), "explained nothing"),
    ("dictionary_gradient", lambda y, z, W: -z.T @ (y - z @ W.T) / len(y), "transposed"),
    ("dictionary_gradient", lambda y, z, W: -(y - z @ W.T) @ W, "gradient in z"),
    ("normalize_columns", lambda W: unit(W, 1), "these are the rows"),
    ("normalize_columns", lambda W: W / W.square().sum().sqrt(), "whole matrix"),
    ("normalize_columns", lambda W: W / (W * W).sum(0), "square root"),
    ("normalize_columns", lambda W: W / W.abs().sum(0, keepdim=True), "absolute values"),
    ("normalize_columns", lambda W: W / W.abs().max(0).values, "largest entry"),
    ("normalize_columns", lambda W: W / torch.maximum(W.norm(dim=0), torch.tensor(1.0)), "scikit-learn's rule"),
    ("normalize_columns", lambda W: W.clone(), "nothing is changed"),
    ("learning_step", lambda W, y, z, r: unit(W - r * grad(y, unit(z, 1), W), 0), "as the notes say"),
    ("learning_step", lambda W, y, z, r: unit(W - r * grad(y, unit(z, 0), W), 0), "over the batch"),
    ("learning_step", lambda W, y, z, r: W - r * grad(y, z, W), "not normalized after"),
    ("learning_step", lambda W, y, z, r: unit(W + r * grad(y, z, W), 0), "climbs"),
    ("learning_step", lambda W, y, z, r: W - r * unit(grad(y, z, W), 0), "the gradient is normalized"),
    ("learning_step", lambda W, y, z, r: unit(W - r * len(y) * grad(y, z, W), 0), "summed over the batch"),
    ("learning_step", lambda W, y, z, r: unit(W - r * grad(y, z, W), 1), "rows of W"),
    ("undo_scale", lambda W, z: (unit(W, 0), z / W.norm(dim=0)), "must gain"),
    ("undo_scale", lambda W, z: (unit(W, 0), z.clone()), "another picture"),
    ("undo_scale", lambda W, z: (unit(W, 0), unit(z, 1)), "z is normalized"),
    ("undo_scale", lambda W, z: (unit(W, 0), z * W.norm(dim=0).mean()), "one number"),
    ("undo_scale", lambda W, z: (W.clone(), z * W.norm(dim=0)), "as long as before"),
    ("keep_largest", lambda z, k: z * (z >= (z.sort(dim=1, descending=True).values[:, k - 1:k] if k else torch.inf)),
     "largest in size"),
    ("keep_largest", lambda z, k: z * (z.abs().argsort(dim=1).argsort(dim=1) < k), "the smallest"),
    ("keep_largest", lambda z, k: z - keep_by_sorting(z, k), "taken away"),
    ("keep_largest", lambda z, k: keep_by_sorting(z.reshape(1, -1), k).reshape(z.shape), "whole batch"),
    ("keep_largest", lambda z, k: torch.cat([z[:, :k], 0 * z[:, k:]], 1), "first k"),
    ("keep_largest", lambda z, k: keep_by_sorting(z.abs(), k), "signs are lost"),
]


def test_any_code_that_says_the_same_is_told_from_the_one_that_is_asked_for():
    """On a square dictionary the pseudo-inverse gives the scaled code itself, so that case alone can't tell."""
    torch.manual_seed(0)
    W, z = torch.randn(5, 8), torch.randn(3, 8)
    assert torch.allclose((z @ W.T @ torch.linalg.pinv(unit(W, 0)).T) @ unit(W, 0).T, z @ W.T, atol=1e-4)
    assert not verdict(lambda W, z: (unit(W, 0), z @ W.T @ torch.linalg.pinv(unit(W, 0)).T), "undo_scale")[0]
