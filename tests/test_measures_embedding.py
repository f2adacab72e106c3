"""The rods of notebook 01, where the answer is known."""

import math
import warnings

import pytest
import torch
from sklearn import linear_model
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_info

from utils.measures.embedding import effective_rank, probe_accuracy, uniformity


def test_effective_rank_where_it_is_known():
    torch.manual_seed(0)
    assert effective_rank(torch.eye(7)) == effective_rank(torch.eye(7).half()) == pytest.approx(7)
    assert effective_rank(torch.ones(50, 8)) == pytest.approx(1)
    assert effective_rank(torch.diag(torch.tensor([1.0, 1, 0, 0]))) == pytest.approx(2)
    assert effective_rank(torch.diag(torch.tensor([3.0, 1]))) == pytest.approx(
        math.exp(-0.9 * math.log(0.9) - 0.1 * math.log(0.1)))
    assert effective_rank(torch.randn(5000, 12)) == pytest.approx(12, rel=0.01)


def test_a_collapse_reads_one_only_with_its_mean():
    torch.manual_seed(0)
    collapsed = torch.ones(500, 16) + 1e-4 * torch.randn(500, 16)
    assert effective_rank(collapsed) < 1.001
    assert effective_rank(collapsed, centered=True) > 15      # the rank of noise


@pytest.mark.parametrize("h", [torch.zeros(4, 3), torch.full((4, 3), torch.nan), torch.full((2, 2), torch.inf)])
def test_effective_rank_of_nothing(h):
    with pytest.raises(ValueError, match="effective rank"):
        effective_rank(h)


def test_uniformity_where_it_is_known():
    torch.manual_seed(0)
    assert uniformity(torch.ones(10, 3)) == pytest.approx(0, abs=1e-6)
    assert uniformity(torch.tensor([[1.0, 0], [-5, 0]])) == pytest.approx(-8)      # one pair, squared distance 4
    assert uniformity(torch.randn(1000, 512)) == pytest.approx(-4, abs=0.1)
    few, many = torch.randn(500, 64), torch.randn(500, 64) + 1
    assert uniformity(few) < uniformity(many)


def test_probe_reads_what_is_there_and_no_more():
    torch.manual_seed(0)
    labels, labels_test = torch.randint(10, (600,)), torch.randint(10, (300,))
    centers = 3 * torch.randn(10, 16)
    h, h_test = centers[labels] + torch.randn(600, 16), centers[labels_test] + torch.randn(300, 16)
    assert probe_accuracy(h, labels, h_test, labels_test) > 95
    assert probe_accuracy(torch.randn(600, 16), labels, torch.randn(300, 16), labels_test) < 20
    tiny = probe_accuracy(1e-5 * h, labels, 1e-5 * h_test, labels_test)
    as_is = probe_accuracy(1e-5 * h, labels, 1e-5 * h_test, labels_test, Cs=(1,), rescale=False)
    assert tiny > 95 and as_is < tiny


def test_probe_tunes_its_penalty():
    torch.manual_seed(0)
    labels, labels_test = torch.randint(2, (200,)), torch.randint(2, (2000,))
    h, h_test = torch.randn(200, 100), torch.randn(2000, 100)
    h[:, 0] += 2 * labels
    h_test[:, 0] += 2 * labels_test
    tuned = probe_accuracy(h, labels, h_test, labels_test)
    assert tuned > probe_accuracy(h, labels, h_test, labels_test, Cs=(100,))


@pytest.mark.parametrize("n, tried", [(39, []), (40, [0.001, 0.01, 0.1, 1, 10]), (80, [0.001, 0.01, 0.1, 1, 10])])
def test_the_probe_is_scikit_learn_s_and_three_quarters_choose_its_penalty_where_there_are_forty_rows(
        n, tried, monkeypatch, recwarn):
    asked, learner = [], linear_model.LogisticRegression

    class Recorded(learner):
        def fit(self, h, labels):
            threads = [pool["num_threads"] for pool in threadpool_info()]
            asked.append((self.C, len(h), self.max_iter, self.tol, max(threads)))
            warnings.warn("not yet", ConvergenceWarning, stacklevel=1)
            return super().fit(h, labels)
    monkeypatch.setattr(linear_model, "LogisticRegression", Recorded)
    draw = torch.Generator().manual_seed(n)
    labels = torch.arange(n) % 2
    h = (torch.randn(n, 6, generator=draw) + labels[:, None]).requires_grad_()
    found = probe_accuracy(h, labels, h, labels)
    assert [row[:2] for row in asked[:-1]] == [(C, n * 3 // 4) for C in tried] and asked[-1][1] == n
    assert tried or asked[-1][0] == 1
    assert {row[2:] for row in asked} == {(300, 1e-3, 1)} and not recwarn.list

    x, y = StandardScaler().fit_transform(h.detach().numpy()), labels.numpy()
    alone = learner(C=asked[-1][0], max_iter=300, tol=1e-3).fit(x, y)
    assert found == pytest.approx(100 * alone.score(x, y)) and 50 < found < 100


def test_uniformity_is_the_logarithm_of_a_mean_at_the_temperature_asked_for():
    assert uniformity(torch.tensor([[1.0, 0], [-5, 0]]), t=1.0) == pytest.approx(-4)
    cross = torch.tensor([[1.0, 0], [-1, 0], [0, 3]])                                  # squared distances 4, 2 and 2
    assert uniformity(cross) == pytest.approx(math.log((math.exp(-8) + 2 * math.exp(-4)) / 3), abs=1e-5)
