"""Checks of the exercises in notebook 01."""

import torch
from torch.nn.functional import cosine_similarity, normalize, softplus

from utils.exercises.harness import Exercise


def info_nce(positive, negatives, tau):
    """positive/tau + log(e^(-positive/tau) + sum_k e^(-negative_k/tau)).   (B,), (B, K) -> (B,), in nats."""
    return positive / tau + torch.logsumexp(-torch.cat([positive[:, None], negatives], 1) / tau, 1)


def cosines(a, b):
    """Every row of a against every row of b.   (B, d), (K, d) -> (B, K)."""
    return normalize(a, dim=1) @ normalize(b, dim=1).T


def share(s_pair, s_rest, tau):
    """PIRL's h: e^(s_pair/tau) / (e^(s_pair/tau) + sum_k e^(s_rest_k/tau)).   (...), (..., K) -> (...)."""
    pair = (s_pair / tau).exp()
    return pair / (pair + (s_rest / tau).exp().sum(-1))


def pirl_nce(v, v_t, v_neg, tau):
    """PIRL's NCE: -log h(v, v_t) - sum_k log(1 - h(v_t, v_neg_k)).   v, v_t: (B, d), v_neg: (K, d) -> (B,), in nats."""
    to_negatives, among = cosines(v_t, v_neg), cosines(v_neg, v_neg)
    first = -share(cosine_similarity(v, v_t), to_negatives, tau).log()
    return first - (1 - share(to_negatives, among, tau)).log().sum(1)


def update_bank(bank, index, fresh, momentum):
    """m_i <- (momentum m_i + (1 - momentum) fresh) at length 1, for i in index.   (N, d), (B,), (B, d) -> (N, d)."""
    bank = bank.clone()
    bank[index] = normalize(momentum * bank[index] + (1 - momentum) * normalize(fresh, dim=1), dim=1)
    return bank


def nt_xent(z, tau):
    """InfoNCE of view i with its partner i + B, among all views but itself.   z: (2B, d) -> (2B,), in nats."""
    return _in_table(cosines(z, z), tau)


def _in_table(s, tau, counts=lambda i, j, n: i != j, partner=lambda i, n: (i + n // 2) % n):
    """nt_xent of a table of similarities; counts(i, j, n) says which pairs of n views stand under the fraction."""
    i, n = torch.arange(len(s), device=s.device), len(s)
    under = s.masked_fill(~counts(i[:, None], i, n), -torch.inf)
    return torch.logsumexp(under / tau, 1) - s[i, partner(i, n)] / tau


def _pirl(second):
    """pirl_nce with another second term; second gets the cosines to the negatives and among them."""
    def answer(v, v_t, v_neg, tau):
        to, among = cosines(v_t, v_neg), cosines(v_neg, v_neg)
        return -share(cosine_similarity(v, v_t), to, tau).log() - second(to, among, tau).sum(1)
    return answer


def _share_of_others(to, among, tau):
    return share(to, among.masked_fill(torch.eye(len(among), dtype=torch.bool, device=among.device), -torch.inf), tau)


def _bank(keep=lambda m, f, mu: mu * m + (1 - mu) * f, length=True, before=True):
    """update_bank with one of its steps done otherwise."""
    def answer(bank, index, fresh, momentum):
        out = bank.clone()
        new = keep(bank[index], normalize(fresh, dim=1) if before else fresh, momentum)
        out[index] = normalize(new, dim=1) if length else new
        return out
    return answer


def _naive_share(p, n, tau):
    return (-p / tau).exp() / ((-p / tau).exp() + (-n / tau).exp().sum(1))


def _pairs(B, K):
    return 2 * torch.rand(B), 2 * torch.rand(B, K)


def _vectors(*counts, d=5):
    return tuple(torch.randn(n, d) * (0.5 + torch.rand(n, 1)) for n in counts)


Exercise(
    "info_nce", info_nce,
    # at a tiny τ and energies from 1 on exp(−E/τ) is 0 for all pairs: without logsumexp the result is 0/0
    cases=lambda: [(*_pairs(4, 6), 0.2), (*_pairs(6, 1), 0.2), (*_pairs(1, 3), 1.0),
                   (*(1 + E for E in _pairs(3, 5)), 0.002)],
    mistakes={
        "it has the sign of a similarity: the arguments are energies, low is alike, so the weights are exp(−E/τ)":
            lambda p, n, tau: info_nce(-p, -n, tau),
        "the positive pair is missing in the sum under the fraction: the share of the pair among all, itself included":
            lambda p, n, tau: p / tau + torch.logsumexp(-n / tau, 1),
        "that is the log of the share; the loss is its negative": lambda p, n, tau: -info_nce(p, n, tau),
        "the energies are multiplied by τ, they must be divided by it": lambda p, n, tau: info_nce(p, n, 1 / tau),
        "τ is missing": lambda p, n, tau: info_nce(p, n, 1.0),
        "at a small τ every exp(−E/τ) is 0, and 0/0 is nan: torch.logsumexp of the exponents does not overflow":
            lambda p, n, tau: -_naive_share(p, n, tau).log(),
        "at a small τ every exp(−E/τ) is 0, and its log is −inf: torch.logsumexp of the exponents does not overflow":
            lambda p, n, tau: p / tau + ((-p / tau).exp() + (-n / tau).exp().sum(1)).log(),
        "the loss is multiplied by τ once more: the formula ends at the log": lambda p, n, tau:
            tau * info_nce(p, n, tau),
        "that is the mean over the batch; one value per pair is asked for":
            lambda p, n, tau: info_nce(p, n, tau).mean(),
        "the positive energy itself, divided by τ, is missing": lambda p, n, tau: info_nce(p, n, tau) - p / tau,
        "the sum over the negatives became a mean": lambda p, n, tau:
            softplus(p / tau + torch.logsumexp(-n / tau, 1) - torch.tensor(float(n.shape[1])).log()),
    },
)

Exercise(
    "pirl_nce", pirl_nce,
    cases=lambda: [(*_vectors(3, 3, 6), 0.5), (*_vectors(1, 1, 2), 0.2), (*_vectors(4, 4, 3), 1.0)],
    mistakes={
        "the second term is missing: minus the sum over the negatives of log(1 − h)":
            _pirl(lambda to, among, tau: 0 * to),
        "the second term needs log(1 − h), not log h: a negative pair must have a small share":
            _pirl(lambda to, among, tau: share(to, among, tau).log()),
        "the second term has the wrong sign: both terms are minus a logarithm":
            _pirl(lambda to, among, tau: -(1 - share(to, among, tau)).log()),
        "the second term is a mean over the negatives, the formula has a sum":
            _pirl(lambda to, among, tau: (1 - share(to, among, tau)).log() / to.shape[1]),
        "under the second fraction stand the similarities of the transformed image to the negatives. In the formula "
        "they belong to h's second argument, which here is the negative: cosines(v_neg, v_neg)":
            _pirl(lambda to, among, tau: (1 - share(to, to[:, None], tau)).log()),
        "the negatives are compared with v, the formula compares them with the transformed image v_t":
            lambda v, v_t, v_neg, tau: pirl_nce(v_t, v, v_neg, tau),
        "under the second fraction each negative stands beside itself too, with cosine 1: the sum leaves it out":
            _pirl(lambda to, among, tau: (1 - _share_of_others(to, among, tau)).log()),
        "the logarithm stands outside of the sum: each negative has a log(1 − h) of its own, and these are added up":
            _pirl(lambda to, among, tau: (1 - share(to, among, tau).sum(1, keepdim=True)).log()),
        "τ is missing in the second term": _pirl(lambda to, among, tau: (1 - share(to, among, 1.0)).log()),
    },
)

Exercise(
    "update_bank", update_bank,
    gradient=False,
    cases=lambda: [(normalize(torch.randn(8, 4), dim=1), torch.tensor([5, 0, 2]), 3 * torch.randn(3, 4), 0.5),
                   (normalize(torch.randn(5, 3), dim=1), torch.tensor([1]), torch.randn(1, 3), 0.9)],
    mistakes={
        "momentum and 1 − momentum have changed places: momentum is what is kept of the old entry":
            _bank(lambda m, f, mu: (1 - mu) * m + mu * f),
        "the entries must end with length 1: cosines are taken with them": _bank(length=False),
        "the fresh embedding must have length 1 before it is mixed, else a long vector wins": _bank(before=False),
        "the old entry is forgotten: mix it with the fresh one": _bank(lambda m, f, mu: f),
        "nothing has changed: write the new entries at the rows in index": lambda b, i, f, mu: b.clone(),
        "the new entries are returned alone; return the whole bank":
            lambda b, i, f, mu: update_bank(b, i, f, mu)[i],
    },
)

Exercise(
    "nt_xent", nt_xent,
    cases=lambda: [(*_vectors(8), 0.5), (*_vectors(6), 0.2), (*_vectors(10), 1.0), (torch.eye(4).repeat(2, 1), 0.1)],
    mistakes={
        "each view still counts as its own negative, with weight e⁰ = 1: its logit must be −∞":
            lambda z, tau: _in_table(cosines(z, z), tau, lambda i, j, n: i + j >= 0),
        "a view's similarity to itself became 0, which still has a weight: it must not count at all, logit −∞":
            lambda z, tau: _in_table(cosines(z, z).fill_diagonal_(0), tau, lambda i, j, n: i + j >= 0),
        "the partner of view i is view i + B, halfway round, not its neighbor":
            lambda z, tau: _in_table(cosines(z, z), tau, partner=lambda i, n: i ^ 1),
        "the partner of view i is view i + B, not the next view": lambda z, tau:
            _in_table(cosines(z, z), tau, partner=lambda i, n: (i + 1) % n),
        "the partner went out with the diagonal: the pair itself belongs under the fraction":
            lambda z, tau: _in_table(cosines(z, z), tau, lambda i, j, n: (i - j) % (n // 2) != 0),
        "strangers stand in both halves: a view's own half is missing":
            lambda z, tau: _in_table(cosines(z, z), tau, lambda i, j, n: (i < n // 2) != (j < n // 2)),
        "these are inner products: divide by the lengths, or long vectors win": lambda z, tau: _in_table(z @ z.T, tau),
        "that is the mean over the views; one value per view is asked for": lambda z, tau: nt_xent(z, tau).mean(),
        "τ is missing": lambda z, tau: nt_xent(z, 1.0),
    },
)
