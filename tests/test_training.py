"""Batches cover the data, fit finds a known minimum and stops at a loss that is no number."""

import pytest
import torch

from utils.training import History, batches, fit


def test_batches_see_every_sample_once_a_pass():
    seen = torch.cat(list(batches(torch.arange(12), batch_size=4, steps=3)))
    assert sorted(seen.tolist()) == list(range(12))


def test_batches_are_shuffled_anew_and_keep_pairs_together():
    pairs = list(batches(torch.arange(100), torch.arange(100) * 2, batch_size=100, steps=2))
    assert all(torch.equal(2 * a, b) for a, b in pairs)
    assert not torch.equal(pairs[0][0], pairs[1][0])


def test_batches_follow_their_generator_alone():
    def draw(seed, steps=6):
        generator = torch.Generator().manual_seed(seed)
        return torch.stack(list(batches(torch.arange(40), batch_size=13, steps=steps, generator=generator)))
    torch.manual_seed(0)
    before, first = torch.get_rng_state(), draw(1)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(1)
    assert torch.equal(draw(1), first) and not torch.equal(draw(2), first)


@pytest.mark.parametrize("arguments, word", [
    (dict(batch_size=5), "between 1 and"), (dict(batch_size=0), "between 1 and")])
def test_impossible_batches_are_refused(arguments, word):
    with pytest.raises(ValueError, match=word):
        next(batches(torch.zeros(4), steps=1, **arguments))


def test_tensors_of_different_length_are_refused():
    with pytest.raises(ValueError, match="equal length"):
        next(batches(torch.zeros(4), torch.zeros(5), batch_size=2, steps=1))


@pytest.mark.parametrize("one_cycle", [False, True])
def test_fit_finds_the_mean_and_logs_the_parts(one_cycle):
    torch.manual_seed(0)
    y = torch.randn(1000, 2) + torch.tensor([3.0, -1.0])
    center = torch.nn.Parameter(torch.zeros(2))

    def loss_fn(batch):
        distance = ((batch - center) ** 2).sum(1).mean()
        return distance, {"norm": center.norm()}

    history = fit([center], loss_fn, batches(y, batch_size=1000, steps=300), 300, lr=0.1, one_cycle=one_cycle)
    assert torch.allclose(center, y.mean(0), atol=1e-2)
    assert len(history.loss) == 300 and len(history.parts["norm"]) == 300
    assert history.last() < history.loss[0]
    assert history.last(part="norm") == pytest.approx(y.mean(0).norm().item(), rel=0.05)


@pytest.mark.parametrize("one_cycle", [False, True])
def test_fit_steps_at_the_rate_that_was_asked_for(one_cycle):
    """The gradient of a sum is 1, and Adam's step then is the rate itself."""
    w, at = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64)), []
    fit([w], lambda batch: w.sum(), batches(torch.zeros(1), batch_size=1, steps=20), 20, lr=0.1, one_cycle=one_cycle,
        callback=lambda step: at.append(w.item()))
    taken = [before - after for before, after in zip(at, at[1:], strict=False)]
    if one_cycle:  # from lr/25 up to about lr, then to nearly nothing (its momentum is cycled too, hence "about")
        assert taken[0] == pytest.approx(0.1 / 25) and taken[-1] < 1e-3 and 0.07 < max(taken) < 0.13
        assert 3 < taken.index(max(taken)) < 10
    else:
        assert taken == pytest.approx([0.1] * 20)


def test_left_out_the_rate_is_a_thousandth_and_stays_so():
    w, rates = torch.zeros(1, requires_grad=True), []
    fit([w], lambda batch: w.sum(), [torch.zeros(1)] * 10, 10, callback=lambda step: rates.append(w.item()))
    assert rates == pytest.approx([-1e-3 * step for step in range(11)], abs=1e-6)  # Adam's steps on a constant slope


def test_a_history_says_what_it_saw():
    assert repr(History()) == "History of 0 steps · measured nothing"
    assert repr(History([4.0, 2.0] * 1000)) == "History of 2,000 steps · measured loss 4 to 3"


def test_last_is_the_mean_of_the_last_steps():
    history = History(list(map(float, range(100))), {"a": [1.0, 2.0, 6.0]})
    assert history.last() == 74.5 and history.last(10) == 94.5 and history.last(1) == 99 and history.last(1000) == 49.5
    assert history.last(part="a") == 3 and history.last(2, "a") == 4


def test_fit_calls_back_before_every_step_and_after_the_last():
    w, at = torch.nn.Parameter(torch.ones(1)), []
    fit([w], lambda batch: (w**2).sum(), batches(torch.zeros(1), batch_size=1, steps=3), 3, callback=at.append)
    assert at == [0, 1, 2, 3]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_fit_stops_at_a_loss_that_is_no_number(bad):
    w, step = torch.nn.Parameter(torch.ones(1)), iter(range(3))
    with pytest.raises(FloatingPointError, match="loss is -?(nan|inf) at step 1: lower lr"):
        fit([w], lambda batch: w.sum() + (bad if next(step) == 1 else 0), [torch.zeros(1)] * 3, 3)
    assert w.isfinite().all()


def test_fit_says_so_when_the_batches_run_out():
    w = torch.nn.Parameter(torch.ones(1))
    with pytest.raises(ValueError, match="2 batches.*3 steps"):
        fit([w], lambda batch: (w**2).sum(), batches(torch.zeros(1), batch_size=1, steps=2), 3)
