"""The checks of notebook 01: right answers in other words, typical mistakes; PIRL's NCE by hand, its signs."""

import math

import pytest
import torch
from torch.nn.functional import cross_entropy, normalize

from utils.exercises import contrastive_embedding as course
from utils.exercises import embedding_yardsticks as yardsticks
from utils.exercises.harness import EXERCISES


def info_nce_by_cross_entropy(positive, negatives, tau):
    logits = -torch.cat([positive[:, None], negatives], 1) / tau
    return cross_entropy(logits, positive.new_zeros(len(positive), dtype=torch.long), reduction="none")


def pirl_by_loops(v, v_t, v_neg, tau):
    def s(a, b):
        return torch.exp(torch.nn.functional.cosine_similarity(a, b, dim=0) / tau)

    def h(a, b):
        return s(a, b) / (s(a, b) + sum(s(b, n) for n in v_neg))
    return torch.stack([-torch.log(h(a, b)) - sum(torch.log(1 - h(b, n)) for n in v_neg)
                        for a, b in zip(v, v_t, strict=True)])


def bank_by_loop(bank, index, fresh, momentum):
    rows = list(bank.clone())
    for i, f in zip(index.tolist(), fresh, strict=True):
        m = momentum * rows[i] + (1 - momentum) * f / f.norm()
        rows[i] = m / m.norm()
    return torch.stack(rows)


def table_by_loop(z, tau, skip=lambda i, j, n: i == j, partner=lambda i, n: (i + n // 2) % n):
    """nt_xent view by view; skip(i, j, n) says which pairs do not count."""
    u, n = z / z.norm(dim=1, keepdim=True), len(z)
    out = []
    for i in range(n):
        weights = [torch.exp(u[i] @ u[j] / tau) for j in range(n) if not skip(i, j, n)]
        out.append(sum(weights).log() - u[i] @ u[partner(i, n)] / tau)
    return torch.stack(out)


def gradient_by_autograd(h, g):
    h = h.clone().requires_grad_()
    return torch.autograd.grad(torch.nn.functional.cosine_similarity(h, g).sum(), h)[0]


def rank_by_eigenvalues(h):
    p = torch.linalg.eigvalsh(h.T @ h).clamp(min=0)
    p = p[p > 1e-12 * p.sum()] / p.sum()
    return torch.exp(-(p * p.log()).sum())


def rank_by_categorical(h):
    power = torch.linalg.svdvals(h) ** 2
    return torch.distributions.Categorical(probs=power).entropy().exp()


def gradient_by_projector(h, g):
    u = normalize(h)
    project = torch.eye(h.shape[1], device=h.device) - u[:, :, None] * u[:, None, :]
    return (project @ normalize(g)[:, :, None])[:, :, 0] / torch.linalg.vector_norm(h, dim=1, keepdim=True)


def bank_by_index_copy(bank, index, fresh, momentum):
    return bank.index_copy(0, index, normalize(normalize(fresh).lerp(bank[index], momentum)))


def partners(z):
    """The other view's row, for every row."""
    return torch.arange(len(z), device=z.device).roll(len(z) // 2)


def table_by_dropping_the_diagonal(z, tau):
    n = len(z)
    others = ~torch.eye(n, dtype=torch.bool, device=z.device)
    logits = (course.cosines(z, z) / tau)[others].view(n, n - 1)
    later = partners(z) > torch.arange(n, device=z.device)
    return cross_entropy(logits, partners(z) - later.long(), reduction="none")


def pirl_by_log1p(v, v_t, v_neg, tau):
    to, among = course.cosines(v_t, v_neg), course.cosines(v_neg, v_neg)
    first = course.info_nce(1 - torch.nn.functional.cosine_similarity(v, v_t), 1 - to, tau)
    return first - torch.log1p(-course.share(to, among, tau)).sum(-1)


RIGHT = {
    "info_nce": [info_nce_by_cross_entropy,
                 lambda p, n, t: torch.nn.functional.softplus(p / t + torch.logsumexp(-n / t, 1)),
                 lambda p, n, t: -torch.log_softmax(-torch.cat([p[:, None], n], 1) / t, 1)[:, 0]],
    "pirl_nce": [pirl_by_loops, pirl_by_log1p], "update_bank": [bank_by_loop, bank_by_index_copy],
    "nt_xent": [table_by_loop, table_by_dropping_the_diagonal],
    "cosine_gradient": [gradient_by_autograd, gradient_by_projector],
    "effective_rank": [rank_by_eigenvalues, rank_by_categorical],
}

# (exercise, what a student might write, a word that the message must hold)
WRONG = [
    ("info_nce", lambda p, n, t: torch.logsumexp(torch.cat([p[:, None], n], 1) / t, 1) - p / t, "sign of a similarity"),
    ("info_nce", lambda p, n, t: p / t + torch.logsumexp(-n / t, 1), "positive pair is missing"),
    ("info_nce", lambda p, n, t: -info_nce_by_cross_entropy(p, n, t), "its negative"),
    ("info_nce", lambda p, n, t: info_nce_by_cross_entropy(p, n, 1.0), "τ is missing"),
    ("info_nce", lambda p, n, t: info_nce_by_cross_entropy(p, n, t).mean(), "one value per pair"),
    ("info_nce", lambda p, n, t: -torch.log(torch.exp(-p / t) / (torch.exp(-p / t) + torch.exp(-n / t).sum(1))),
     "torch.logsumexp"),
    ("info_nce", lambda p, n, t: p / t + torch.log(torch.exp(-p / t) + torch.exp(-n / t).sum(1)), "torch.logsumexp"),
    ("info_nce", lambda p, n, t: t * info_nce_by_cross_entropy(p, n, t), "once more"),
    ("info_nce", lambda p, n, t: info_nce_by_cross_entropy(p, n, 1 / t), "divided by it"),
    ("pirl_nce", lambda v, w, n, t: 2 * pirl_by_loops(v, w, n, t), "2 times what they should be"),
    ("pirl_nce", course._pirl(lambda to, among, t: (1 - course.share(to, among.fill_diagonal_(-torch.inf), t)).log()),
     "with cosine 1"),
    ("pirl_nce", course._pirl(lambda to, among, t: torch.log(1 - course.share(to, among, t).sum(1, keepdim=True))),
     "outside of the sum"),
    ("update_bank", lambda b, i, f, m: b.index_put_((i,), normalize(m * b[i] + (1 - m) * normalize(f))),
     "changes its input bank in place"),
    ("effective_rank", lambda h: torch.special.entr(
        (p := torch.linalg.eigvalsh(h.T @ h)) / p.sum()).sum().exp(), "clamp(min=0)"),
    ("effective_rank", lambda h: torch.exp(-((p := torch.linalg.svdvals(h) ** 2 / (h**2).sum()) * p.log()).sum()),
     "0 · log 0"),
    ("effective_rank", lambda h: torch.linalg.matrix_rank(h).float(), "however small"),
    ("effective_rank", lambda h: (s := torch.linalg.svdvals(h) ** 2).sum() ** 2 / (s**2).sum(), "participation ratio"),
    ("cosine_gradient", lambda h, g: gradient_by_autograd(g, h), "with respect to g"),
    ("cosine_gradient", lambda h, g: gradient_by_autograd(h, g) / h.norm(dim=1, keepdim=True), "once too often"),
    ("nt_xent", lambda z, t: table_by_loop(z, t, partner=lambda i, n: (i + 1) % n), "not the next view"),
    ("pirl_nce", lambda v, w, n, t: -course.share((normalize(v) * normalize(w)).sum(1), course.cosines(w, n), t).log(),
     "second term is missing"),
    ("pirl_nce", lambda v, w, n, t: pirl_by_loops(w, v, n, t), "compared with v"),
    ("pirl_nce", course._pirl(lambda to, among, t: (1 - course.share(to, to[:, None], t)).log()), "second argument"),
    ("pirl_nce", course._pirl(lambda to, among, t: course.share(to, among, t).log()), "log(1 − h)"),
    ("update_bank", lambda b, i, f, m: bank_by_loop(b, i, f, 1 - m), "changed places"),
    ("update_bank", lambda b, i, f, m: bank_by_loop(b, i, f, 0.0), "forgotten"),
    ("update_bank", lambda b, i, f, m: bank_by_loop(b, i, f, m)[i], "whole bank"),
    ("update_bank", lambda b, i, f, m: b.index_copy(0, i, m * b[i] + (1 - m) * normalize(f)), "end with length 1"),
    ("update_bank", lambda b, i, f, m: b.index_copy(0, i, normalize(m * b[i] + (1 - m) * f)), "before it is mixed"),
    ("nt_xent", lambda z, t: cross_entropy((course.cosines(z, z) - 1) / t, partners(z), reduction="none"),
     "its own negative"),
    ("nt_xent", lambda z, t: cross_entropy(course.cosines(z, z).fill_diagonal_(0) / t, partners(z), reduction="none"),
     "became 0"),
    ("nt_xent", lambda z, t: table_by_loop(z, t, partner=lambda i, n: i + 1 - 2 * (i % 2)), "halfway round"),
    ("nt_xent", lambda z, t: table_by_loop(z, t, skip=lambda i, j, n: (j - i) % (n // 2) == 0), "under the fraction"),
    ("nt_xent", lambda z, t: table_by_loop(z, t, skip=lambda i, j, n: i // (n // 2) == j // (n // 2)), "both halves"),
    ("nt_xent", lambda z, t: cross_entropy((z @ z.T).fill_diagonal_(-torch.inf) / t,
                                           partners(z), reduction="none"), "inner products"),
    ("nt_xent", lambda z, t: table_by_loop(z, t).mean(), "one value per view"),
    ("nt_xent", lambda z, t: table_by_loop(z, t)[:len(z) // 2], "shape"),
    ("cosine_gradient", lambda h, g: g / g.norm(dim=1, keepdim=True) / h.norm(dim=1, keepdim=True), "part along h"),
    ("cosine_gradient", lambda h, g: gradient_by_autograd(h, g) * h.norm(dim=1, keepdim=True), "1/‖h‖ is missing"),
    ("cosine_gradient", lambda h, g: g + 0, "dot product"),
    ("cosine_gradient", lambda h, g: -gradient_by_autograd(h, g), "other sign"),
    ("effective_rank", lambda h: rank_by_eigenvalues(h).log(), "exponential"),
    ("effective_rank", lambda h: EXERCISES["effective_rank"].reference(h - h.mean(0)), "mean is subtracted"),
    ("effective_rank", lambda h: torch.exp(torch.special.entr(torch.linalg.svdvals(h) / torch.linalg.svdvals(h).sum())
                                           .sum()), "squared"),
]


# PIRL's NCE, on one image at (1, 0), its view at (0.6, 0.8), one negative at (0, 1), τ = 1.
# Cosines: 0.6 to the image, 0.8 to the negative, 1 of the negative with itself.
def test_pirl_nce_by_hand():
    h_positive = math.exp(0.6) / (math.exp(0.6) + math.exp(0.8))
    h_negative = math.exp(0.8) / (math.exp(0.8) + math.exp(1.0))
    assert math.isclose(h_positive, 0.450166, abs_tol=1e-6) and math.isclose(h_negative, 0.450166, abs_tol=1e-6)
    v, v_t, v_neg = (torch.tensor([p]) for p in ([1.0, 0.0], [0.6, 0.8], [0.0, 1.0]))
    assert course.pirl_nce(v, v_t, v_neg, 1.0).item() == pytest.approx(0.798139 + 0.598139, abs=1e-5)
    # the lengths do not matter, the first term alone is InfoNCE of the energies 1 − cos
    assert course.pirl_nce(3 * v, 0.5 * v_t, 7 * v_neg, 1.0).item() == pytest.approx(1.396278, abs=1e-5)
    assert course.info_nce(torch.tensor([0.4]), torch.tensor([[0.2]]), 1.0).item() == pytest.approx(0.798139, abs=1e-5)


@pytest.mark.parametrize("seed", range(10))
def test_pirl_gradient_signs(seed):
    """Downhill, cos(image, view) rises; and the second term pushes every negative's cosine down."""
    torch.manual_seed(seed)
    v, v_t, v_neg = (torch.randn(n, 8) for n in (1, 1, 5))
    v.requires_grad_()
    gradient, = torch.autograd.grad(course.pirl_nce(v, v_t, v_neg, 0.5).sum(), v)
    towards = yardsticks.cosine_gradient(v.detach(), v_t)
    assert (gradient * towards).sum() < 0
    to = course.cosines(v_t, v_neg).requires_grad_()                    # as numbers: (1, 5)
    among = course.cosines(v_neg, v_neg)
    s_positive = torch.tensor([0.3], requires_grad=True)
    loss = -course.share(s_positive, to, 0.5).log() - (1 - course.share(to, among, 0.5)).log().sum(1)
    to_pair, to_negatives = torch.autograd.grad(loss.sum(), (s_positive, to))
    assert (to_pair < 0).all() and (to_negatives > 0).all()


def test_the_cosines_gradient_is_orthogonal():
    h, g = torch.randn(50, 16).double(), torch.randn(50, 16).double()
    assert (yardsticks.cosine_gradient(h, g) * h).sum(1).abs().max() < 1e-14
    torch.testing.assert_close(yardsticks.cosine_gradient(10 * h, g), yardsticks.cosine_gradient(h, g) / 10)
