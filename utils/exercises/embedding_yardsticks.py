"""Checks of the exercises in notebook 01 that measure: the gradient of a cosine, the effective rank."""

import torch
from torch.nn.functional import normalize

from utils.exercises.harness import Exercise

PAGE = "contrastive_embedding"


def cosine_gradient(h, g):
    """The gradient of the row-wise cosine of h and g with respect to h.   (B, d), (B, d) -> (B, d)."""
    u, w = normalize(h, dim=1), normalize(g, dim=1)
    return (w - (u * w).sum(1, keepdim=True) * u) / h.norm(dim=1, keepdim=True)


def effective_rank(h):
    """exp of the entropy of p_i = sigma_i^2 / sum_j sigma_j^2.   h: (N, m) -> a scalar between 1 and min(N, m)."""
    p = torch.linalg.svdvals(h).square()
    return torch.special.entr(p / p.sum()).sum().exp()


def _vectors(*counts, d=5):
    return tuple(torch.randn(n, d) * (0.5 + torch.rand(n, 1)) for n in counts)


def _by_eigenvalues(h):
    """effective_rank with p from the eigenvalues of h^T h, of which rounding makes some negative."""
    p = torch.linalg.eigvalsh(h.T @ h)
    return torch.special.entr(p / p.sum()).sum().exp()


def _naive_entropy(h):
    p = torch.linalg.svdvals(h).square()
    p = p / p.sum()
    return -(p * p.log()).sum()


Exercise(
    "cosine_gradient", cosine_gradient,
    cases=lambda: [_vectors(4, 4), _vectors(1, 1), _vectors(3, 3, d=2)],
    gradient=False,
    page=PAGE,
    mistakes={
        "the part along h is still in it: subtract cos(h, g) · h/‖h‖, for a longer h has the same cosine":
            lambda h, g: normalize(g, dim=1) / h.norm(dim=1, keepdim=True),
        "1/‖h‖ is missing: the longer h, the less a step turns it":
            lambda h, g: cosine_gradient(normalize(h, dim=1), g),
        "that is the gradient of the dot product h·g, which can be raised by a longer h": lambda h, g: g.clone(),
        "g must have length 1: a longer g does not change the cosine":
            lambda h, g: cosine_gradient(h, g) * g.norm(dim=1, keepdim=True),
        "that is the gradient of the energy 1 − cos; the cosine's has the other sign":
            lambda h, g: -cosine_gradient(h, g),
        "the part along h is taken off the long g: it is cos · h/‖h‖ off g/‖g‖": lambda h, g:
            (g - (normalize(h, dim=1) * normalize(g, dim=1)).sum(1, keepdim=True) * normalize(h, dim=1))
            / h.norm(dim=1, keepdim=True),
        "that is the gradient with respect to g": lambda h, g: cosine_gradient(g, h),
        "it divides by ‖h‖², once too often": lambda h, g: cosine_gradient(h, g) / h.norm(dim=1, keepdim=True),
    },
)

Exercise(
    "effective_rank", effective_rank,
    cases=lambda: [(torch.randn(20, 6) * torch.tensor([4.0, 2, 1, 1, 0.5, 0.1]) + 1,), (torch.randn(5, 8),),
                   (torch.ones(6, 1) @ torch.randn(1, 4),), (torch.randn(9, 3) * torch.tensor([2.0, 1, 0]),)],
    gradient=False,
    page=PAGE,
    mistakes={
        "this is the entropy: the rank is its exponential": lambda h: effective_rank(h).log(),
        "the singular values must be squared: shares of the energy": lambda h:
            torch.special.entr((s := torch.linalg.svdvals(h)) / s.sum()).sum().exp(),
        "the mean is subtracted: then a collapse to one point reads the rank of its rounding noise":
            lambda h: effective_rank(h - h.mean(0)),
        "this counts every non-zero singular value, however small": lambda h:
            torch.linalg.matrix_rank(h).to(h.dtype),
        "0 · log 0 became nan: torch.special.entr(p) is −p log p and knows that it is 0 there": lambda h:
            _naive_entropy(h).exp(),
        "an entropy is −Σ p log p: the minus is missing": lambda h: 1 / effective_rank(h),
        "an eigenvalue that is 0 comes out a little below 0 by rounding, and its entropy as −inf: clamp(min=0) them, "
        "or take torch.linalg.svdvals(h), which can't be negative": _by_eigenvalues,
        "the shares must add up to 1: divide the squares by their sum": lambda h:
            torch.special.entr(torch.linalg.svdvals(h).square()).sum().exp(),
        "this is 1/Σp², the participation ratio; asked for is the exponential of the entropy": lambda h:
            (s := torch.linalg.svdvals(h).square()).sum() ** 2 / s.square().sum(),
    },
    atol=1e-4,
)
