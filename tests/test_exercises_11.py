"""Answers to the exercises of notebook 11, right and wrong, for the rules in test_exercises.py."""

import math

import pytest
import torch

from utils.exercises.harness import EXERCISES, verdict


def slope_by_autograd(beta, E_data, E_grid):
    beta = torch.tensor(beta, requires_grad=True)
    loglik = -beta * E_data.mean() - torch.logsumexp(-beta * E_grid, 0)
    return torch.autograd.grad(loglik, beta)[0]


def slope_by_weights(beta, E_data, E_grid):
    w = torch.exp(-beta * (E_grid - E_grid.min()))
    return (w * E_grid).sum() / w.sum() - E_data.mean()


def walk(after):
    end = []
    for i in range(len(after)):
        while after[i] != i:
            i = after[i]
        end.append(int(i))
    return torch.tensor(end)


def twenty_doublings(after):
    for _ in range(20):
        after = after[after]
    return after


def depth_first(after):
    """With memory: the ends found so far are used."""
    known = {}
    for start in range(len(after)):
        way, i = [], start
        while i not in known and int(after[i]) != i:
            way.append(i)
            i = int(after[i])
        end = known.get(i, i)
        known.update(dict.fromkeys([*way, i], end))
    return torch.tensor([known[i] for i in range(len(after))])


def kl_by_logsumexp(log_p, E):
    log_p, log_q = log_p - torch.logsumexp(log_p, 0), -E - torch.logsumexp(-E, 0)
    return torch.exp(log_p) @ (log_p - log_q)


RIGHT = {
    "volume_for_95": [
        lambda g, d: (g <= torch.quantile(d, 0.95)).float().mean(),
        lambda g, d: (g < d.quantile(0.95)).float().mean(),
        lambda g, d: torch.sum(g <= d.sort().values[int(0.95 * len(d))]) / g.numel(),
        lambda g, d: (g <= d.quantile(0.95, interpolation="higher")).sum() / len(g),
    ],
    "kl_on_grid": [
        kl_by_logsumexp,
        lambda log_p, E: torch.nn.functional.kl_div((-E).log_softmax(0), log_p.log_softmax(0),
            reduction="sum", log_target=True),
        lambda log_p, E: (log_p.softmax(0) * (log_p + E)).sum() - torch.logsumexp(log_p, 0)
            + torch.logsumexp(-E, 0),
        lambda log_p, E: kl_by_logsumexp(log_p.double(), E.double()).float(),
    ],
    "beta_slope": [
        slope_by_autograd,
        slope_by_weights,
        lambda b, d, g: (g * (-b * g).softmax(-1)).sum() - d.mean(),
        lambda b, d, g: torch.softmax(-b * (g - g.min()), 0) @ (g - d.mean()),
    ],
    "follow": [
        walk,
        twenty_doublings,
        depth_first,
        lambda a: twenty_doublings(a.clone()).clone(),
    ],
    "grid_nll": [
        lambda d, g, c: torch.mean(d) + torch.logsumexp(math.log(c) - g, dim=0),
        lambda d, g, c: (d + torch.logsumexp(-g, 0)).mean() + math.log(c),
        lambda d, g, c: d.mean() - g.min() + torch.log((torch.exp(g.min() - g) * c).sum()),
        lambda d, g, c: d.sum() / len(d) + (-g).logsumexp(0) + torch.log(torch.tensor(c)),
    ],
}

# (exercise, what a student might write, a word that the message must hold)
WRONG = [
    ("volume_for_95", lambda g, d: (g > d.quantile(0.95)).float().mean(), "above the level"),
    ("volume_for_95", lambda g, d: (g <= g.quantile(0.95)).float().mean(), "every energy"),
    ("volume_for_95", lambda g, d: (d <= d.quantile(0.95)).float().mean(), "every energy"),
    ("volume_for_95", lambda g, d: (g <= d.quantile(0.05)).float().mean(), "5th"),
    ("volume_for_95", lambda g, d: (g <= d.max()).float().mean(), "highest"),
    ("volume_for_95", lambda g, d: (g <= d.mean()).float().mean(), "mean energy"),
    ("volume_for_95", lambda g, d: (g <= d.quantile(0.95)).float().sum(), "number of grid points"),
    ("volume_for_95", lambda g, d: (g <= d.quantile(0.95)).float().mean().item(), "plain number"),
    ("volume_for_95", lambda g, d: (g <= d.quantile(0.95)).float(), "shape"),
    ("volume_for_95", lambda g, d: (g <= d.quantile(95)).float().mean(), "RuntimeError"),
    ("kl_on_grid", lambda log_p, E: kl_by_logsumexp(-E, -log_p), "KL(q ‖ p)"),
    ("kl_on_grid", lambda log_p, E: (log_p.softmax(0) * (log_p.log_softmax(0) + E)).sum(), "log Z is missing"),
    ("kl_on_grid", lambda log_p, E: (log_p.exp() * (log_p - (-E).log_softmax(0))).sum(), "up to a constant"),
    ("kl_on_grid", lambda log_p, E: (log_p.log_softmax(0) - (-E).log_softmax(0)).mean(), "counts the same"),
    ("kl_on_grid", lambda log_p, E: kl_by_logsumexp(log_p, -E), "low"),
    ("kl_on_grid", lambda log_p, E: -kl_by_logsumexp(log_p, E), "−KL"),
    ("kl_on_grid", lambda log_p, E: -(log_p.softmax(0) * (-E).log_softmax(0)).sum(), "cross-entropy"),
    ("kl_on_grid", lambda log_p, E: kl_by_logsumexp(log_p, E) / math.log(2), "bits"),
    ("kl_on_grid", lambda log_p, E: torch.nn.functional.kl_div((-E).log_softmax(0), log_p.softmax(0)), "mean over"),
    ("kl_on_grid", lambda log_p, E: (log_p.softmax(0) * (log_p.softmax(0) / (-E).softmax(0)).log()).sum(),
     "log_softmax"),
    ("kl_on_grid", lambda log_p, E: torch.distributions.kl_divergence(
        torch.distributions.Categorical(logits=log_p), torch.distributions.Categorical(logits=-E)), "log_softmax"),
    ("kl_on_grid", lambda log_p, E: log_p.softmax(0) * (log_p.log_softmax(0) - (-E).log_softmax(0)), "shape"),
    ("beta_slope", lambda b, d, g: d.mean() - torch.softmax(-b * g, 0) @ g, "sign is turned"),
    ("beta_slope", lambda b, d, g: g.mean() - d.mean(), "mean over the grid"),
    ("beta_slope", lambda b, d, g: torch.softmax(b * g, 0) @ g - d.mean(), "exponent"),
    ("beta_slope", lambda b, d, g: torch.softmax(-g, 0) @ g - d.mean(), "β is missing"),
    ("beta_slope", lambda b, d, g: torch.softmax(-b * g, 0) @ g, "data's part"),
    ("beta_slope", lambda b, d, g: -d.mean(), "model's part"),
    ("beta_slope", lambda b, d, g: -b * d.mean() - torch.logsumexp(-b * g, 0), "derivative"),
    ("beta_slope", lambda b, d, g: torch.softmax(-b * g, 0) @ g - d.sum(), "summed"),
    ("beta_slope", lambda b, d, g: (torch.exp(-b * g) * g).sum() / torch.exp(-b * g).sum() - d.mean(), "shifts first"),
    ("follow", lambda a: a[a], "doubles once"),
    ("follow", lambda a: a, "next"),
    ("follow", lambda a: a[a[a[a[a[a[a[a[a[a[a[a[a]]]]]]]]]]]], "one step each time"),
    ("follow", lambda a: a[a][a[a]][a[a][a[a]]], "fixed and too small"),
    ("follow", lambda a: walk(a).unique(), "ends alone"),
    ("follow", lambda a: twenty_doublings(a).bincount(minlength=len(a)), "counts how many"),
    ("follow", lambda a: walk(a)[:1], "shape"),
    ("grid_nll", lambda d, g, c: d.mean() + torch.logsumexp(-g, 0), "area of a cell"),
    ("grid_nll", lambda d, g, c: d.mean() + torch.logsumexp(-g, 0) - math.log(c), "subtracted"),
    ("grid_nll", lambda d, g, c: -d.mean() - torch.logsumexp(-g, 0) - math.log(c), "sign is turned"),
    ("grid_nll", lambda d, g, c: d.mean() - torch.logsumexp(-g, 0) - math.log(c), "enters with +"),
    ("grid_nll", lambda d, g, c: d.mean() + torch.logsumexp(g, 0) + math.log(c), "exponent"),
    ("grid_nll", lambda d, g, c: d.mean(), "nothing pushes up"),
    ("grid_nll", lambda d, g, c: d.mean() - g.mean(), "everywhere alike"),
    ("grid_nll", lambda d, g, c: d.sum() + torch.logsumexp(-g, 0) + math.log(c), "summed"),
    ("grid_nll", lambda d, g, c: d.mean() + torch.log((torch.exp(-g) * c).sum()), "logsumexp"),
    ("grid_nll", lambda d, g, c: d.mean() + torch.logsumexp(-g.detach(), 0) + math.log(c), "no gradient reaches"),
    ("grid_nll", lambda d, g, c: d.mean().item() + torch.logsumexp(-g, 0).item() + math.log(c), "plain number"),
    ("grid_nll", lambda d, g, c: d + torch.logsumexp(-g, 0) + math.log(c), "shape"),
]


def test_writing_into_the_input_is_seen():
    def in_place(after):
        for _ in range(20):
            after[:] = after[after]
        return after.clone()

    assert "in place" in verdict(in_place, "follow")[1]


def test_the_references_are_the_ruler_s():
    from utils.measures import ruler, surface

    torch.manual_seed(0)
    E_grid, E_data, log_p = 3 * torch.rand(400), torch.rand(50), torch.randn(400)
    level = E_data.quantile(0.95)
    assert EXERCISES["volume_for_95"].reference(E_grid, E_data).item() == pytest.approx(
        surface.low_energy_volume(E_grid, level).item())
    assert EXERCISES["kl_on_grid"].reference(log_p, E_grid).item() == pytest.approx(
        surface.kl_by_quadrature(log_p, E_grid).item(), abs=1e-5)
    assert torch.equal(EXERCISES["beta_slope"].reference(2.0, E_data, E_grid), ruler.beta_slope(2.0, E_data, E_grid))
    after = ruler.downhill(E_grid.view(20, 20))
    assert torch.equal(EXERCISES["follow"].reference(after), ruler.follow(after))
