"""Checks of the exercises in notebook 07."""

import torch
from torch.nn.functional import normalize

from utils.exercises.harness import Exercise


def dictionary_gradient(y, z, W_d):
    """The gradient of mean_b 1/2|y - W_d z|^2 in W_d: -(y - W_d z) z^T, averaged.   y: (B, n), z: (B, m) -> (n, m)."""
    return -(y - z @ W_d.T).T @ z / len(y)


def normalize_columns(W_d):
    """Every column at length 1; a column of zeros stays.   (n, m) -> (n, m)."""
    return normalize(W_d, dim=0)


def learning_step(W_d, y, z, rate):
    """One step downhill on W_d, then its columns, and only they, at length 1.   (n, m) -> (n, m)."""
    return normalize(W_d - rate * dictionary_gradient(y, z, W_d), dim=0)


def undo_scale(W_d, z):
    """Columns at length 1, each coefficient times its column's length: W_d z stays.   -> (n, m), (B, m)."""
    return normalize(W_d, dim=0), z * W_d.norm(dim=0)


def keep_largest(z, k):
    """The k largest coefficients of every code in size, 0 elsewhere; k = 0 keeps none.   (B, m), k -> (B, m)."""
    index = z.abs().topk(k, dim=1).indices
    return torch.zeros_like(z).scatter(1, index, z.gather(1, index))


def _problem(B, n, m):
    """y, z with a third of its entries 0, and a dictionary whose columns are not of length 1."""
    return torch.randn(B, n), torch.randn(B, m) * (torch.rand(B, m) < 0.7), torch.rand(m) * torch.randn(n, m) + 0.1


def _without(W_d, column):
    """A dictionary with one column of zeros: an atom that is out of use."""
    W_d = W_d.clone()
    W_d[:, column] = 0
    return W_d


def _sparse_codes(B, m, share):
    """Codes as the page has them: z ≥ 0, most of them 0."""
    return torch.rand(B, m) * (torch.rand(B, m) < share)


def _keeps_none(answer):
    """Whether k = 0 leaves nothing of a code; an answer that stops there does not."""
    try:
        return bool((answer(torch.tensor([[1.0, -2.0, 3.0]]), 0) == 0).all())
    except Exception:  # noqa: BLE001 an index error says less than the sentence of this property
        return False


def _step_case(B, n, m, rate):
    y, z, W_d = _problem(B, n, m)
    return normalize(W_d, dim=0), y, z, rate


Exercise(
    "dictionary_gradient", dictionary_gradient,
    gradient=False,
    cases=lambda: [_problem(4, 5, 5), _problem(7, 3, 6), _problem(1, 6, 2)],  # square first: a lost transpose runs
    mistakes={
        "this is the direction downhill: the gradient has the other sign":
            lambda y, z, W: -dictionary_gradient(y, z, W),
        "this is the sum over the batch: divide by B, or the step grows with the batch":
            lambda y, z, W: len(y) * dictionary_gradient(y, z, W),
        "the factor 2 belongs to the energy without the ½": lambda y, z, W: 2 * dictionary_gradient(y, z, W),
        "this is averaged over the pixels as well: the error is a sum over them":
            lambda y, z, W: dictionary_gradient(y, z, W) / y.shape[1],
        "this is divided by the number of atoms as well: the mean goes over the batch only":
            lambda y, z, W: dictionary_gradient(y, z, W) / z.shape[1],
        "what is left of y is missing: this is −yᵀz, as if the codes explained nothing yet":
            lambda y, z, W: -y.T @ z / len(y),
        "it is transposed: W_d is (n, m), a column for each atom": lambda y, z, W: dictionary_gradient(y, z, W).T,
        "this is the gradient in z: here z is a constant, and W_d moves": lambda y, z, W: (z @ W.T - y) @ W,
    },
)

Exercise(
    "normalize_columns", normalize_columns,
    gradient=False,
    cases=lambda: [(torch.rand(5) * torch.randn(5, 5),), (3 * torch.randn(4, 7),), (torch.randn(6, 1),)],
    mistakes={
        "these are the rows: an atom is a column, so norms go over dim=0": lambda W: normalize(W, dim=1),
        "this divides by one number for the whole matrix: every column has its own length": lambda W: W / W.norm(),
        "the length is the square root of the sum of squares": lambda W: W / W.square().sum(0),
        "this makes the absolute values sum to 1: the length is the Euclidean one": lambda W: W / W.abs().sum(0),
        "this makes the largest entry 1: the length is the Euclidean one": lambda W: W / W.abs().amax(0),
        "columns shorter than 1 stay short: that is scikit-learn's rule, ‖w‖ ≤ 1; here the length is exactly 1":
            lambda W: W / W.norm(dim=0).clamp(min=1),
        "nothing is changed": lambda W: W,
    },
    properties={"a column of zeros becomes nan: guard the division (torch.nn.functional.normalize does)":
                lambda answer: bool(torch.isfinite(answer(_without(torch.eye(3), 1))).all())},
)

Exercise(
    "learning_step", learning_step,
    gradient=False,
    cases=lambda: [_step_case(4, 5, 5, 0.5), _step_case(6, 3, 7, 0.2), _step_case(3, 6, 2, 1.0)],
    mistakes={
        "z is normalized, as the notes say: only the columns of W are. A code's length tells how much there is to see":
            lambda W, y, z, rate: learning_step(W, y, normalize(z, dim=1), rate),
        "z is still normalized and W is not: it is the other way round":
            lambda W, y, z, rate: W - rate * dictionary_gradient(y, normalize(z, dim=1), W),
        "z is still normalized, and W is divided by one number for the whole matrix: both lines are to go":
            lambda W, y, z, rate: (W := W - rate * dictionary_gradient(y, normalize(z, dim=1), W)) / W.norm(),
        "W is divided by one number for the whole matrix: every column has its own length":
            lambda W, y, z, rate: (W := W - rate * dictionary_gradient(y, z, W)) / W.norm(),
        "each unit's codes are normalized over the batch: z stays as inference found it":
            lambda W, y, z, rate: learning_step(W, y, normalize(z, dim=0), rate),
        "the columns are not normalized after the step: W will grow and z will shrink":
            lambda W, y, z, rate: W - rate * dictionary_gradient(y, z, W),
        "it climbs: go against the gradient": lambda W, y, z, rate: learning_step(W, y, z, -rate),
        "the gradient is normalized, not the dictionary":
            lambda W, y, z, rate: W - rate * normalize(dictionary_gradient(y, z, W), dim=0),
        "the gradient is summed over the batch: the mean makes the rate independent of its size":
            lambda W, y, z, rate: learning_step(W, y, z, rate * len(y)),
        "the rows of W are normalized: an atom is a column":
            lambda W, y, z, rate: normalize(W - rate * dictionary_gradient(y, z, W), dim=1),
    },
)

Exercise(
    "undo_scale", undo_scale,
    gradient=False, returns=("W_d", "z"),
    cases=lambda: [_problem(4, 5, 5)[::-1][:2], _problem(6, 3, 7)[::-1][:2], _problem(3, 6, 2)[::-1][:2]],
    mistakes={
        "z is divided by the lengths: what a column loses, its coefficient must gain":
            lambda W, z: (normalize(W, dim=0), z / W.norm(dim=0)),
        "z is left as it was, so W_d z is another picture now": lambda W, z: (normalize(W, dim=0), z),
        "z is normalized: it must make up for what the columns lose":
            lambda W, z: (normalize(W, dim=0), normalize(z, dim=1)),
        "all coefficients are multiplied by one number: every column has its own length":
            lambda W, z: (normalize(W, dim=0), z * W.norm(dim=0).mean()),
        "W is as long as before": lambda W, z: (W, z * W.norm(dim=0)),
        "columns are turned round: divide each by its length, which is positive; its direction stays":
            lambda W, z: (normalize(W, dim=0) * (s := W[0].sign()), s * z * W.norm(dim=0)),
        "W_d z is what it was, but by other codes: multiply each coefficient by one number, its column's":
            lambda W, z: (normalize(W, dim=0), z @ W.T @ torch.linalg.pinv(normalize(W, dim=0)).T),
        "the lengths are those of the rows: an atom is a column":
            lambda W, z: (normalize(W, dim=1), z),
    },
    properties={"a column of zeros becomes nan: guard the division, as normalize_columns does": lambda answer: all(
        bool(torch.isfinite(x).all()) for x in answer(_without(torch.eye(3), 1), torch.ones(2, 3)))},
)

Exercise(
    "keep_largest", keep_largest,
    gradient=False,
    cases=lambda: [(torch.randn(4, 9), 3), (torch.randn(1, 6), 6), (torch.randn(5, 7), 1),
                   (_sparse_codes(10, 64, 0.1), 12)],
    mistakes={
        "the largest values are kept, not the largest in size: −3 counts more than 1": lambda z, k:
            torch.zeros_like(z).scatter(1, (i := z.topk(k, dim=1).indices), z.gather(1, i)),
        "the smallest are kept": lambda z, k:
            torch.zeros_like(z).scatter(1, (i := z.abs().topk(k, dim=1, largest=False).indices), z.gather(1, i)),
        "the largest are taken away: keep them, and set the others to 0": lambda z, k: z - keep_largest(z, k),
        "the k largest of the whole batch are kept: every code has its own k": lambda z, k:
            keep_largest(z.reshape(1, -1), k).view_as(z),
        "these are the first k, not the largest k": lambda z, k: z * (torch.arange(z.shape[1], device=z.device) < k),
        "the signs are lost: select by |z|, but return z": lambda z, k: keep_largest(z, k).abs(),
        "each place keeps the k largest of the batch: the atoms run along dim 1": lambda z, k:
            keep_largest(z.T, min(k, len(z))).T,
    },
    properties={"for k = 0 nothing may be left: the page asks for the sum of no atoms. A slice [:-k] is empty there, "
                "and a smallest kept value to compare with does not exist": _keeps_none},
)
