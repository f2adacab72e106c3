"""Corruptions of digits: each does what its sentence says, afresh for every image, and leaves its input alone."""

import pytest
import torch

from utils import data
from utils.corruptions import AMOUNTS, corrupt

HOWS = sorted(AMOUNTS)


def digits(count=200, seed=0):
    """Random images without a single zero, so that every hidden pixel is seen."""
    return 0.1 + 0.9 * torch.rand(count, 784, generator=torch.Generator().manual_seed(seed))


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def test_data_hands_it_on():
    assert data.corrupt is corrupt


@pytest.mark.parametrize("how", HOWS)
def test_shape_dtype_and_input_are_kept(how):
    y = digits().double()
    before = y.clone()
    x = corrupt(y, how)
    assert x.shape == y.shape and x.dtype == y.dtype and torch.equal(y, before) and not torch.equal(x, y)


@pytest.mark.parametrize("how", HOWS)
def test_amount_zero_changes_nothing(how):
    y = digits()
    torch.testing.assert_close(corrupt(y, how, 0), y)


@pytest.mark.parametrize("how, amount", [("masking", 1), ("gaussian", 0.5), ("boxes", 12), ("blur", 1.5), ("shift", 6),
                                         ("inversion", 1), ("blend", 0.5)])
def test_left_out_an_amount_is_the_one_that_claims_were_measured_with(how, amount):
    y = digits()
    assert torch.equal(corrupt(y, how, generator=rng()), corrupt(y, how, amount, rng()))


@pytest.mark.parametrize("how", ["masking", "gaussian", "boxes", "shift"])
def test_every_image_has_noise_of_its_own(how):
    y = digits(1).expand(50, -1)
    assert len(corrupt(y, how).unique(dim=0)) >= (4 if how == "shift" else 35)


@pytest.mark.parametrize("how", ["masking", "gaussian", "boxes", "shift", "blend"])
def test_a_generator_fixes_the_noise_and_two_calls_differ(how):
    y = digits()
    assert torch.equal(corrupt(y, how, generator=rng(3)), corrupt(y, how, generator=rng(3)))
    assert not torch.equal(corrupt(y, how), corrupt(y, how))


def test_masking_hides_a_share_that_varies_from_image_to_image():
    y = digits(2000)
    x = corrupt(y, "masking", generator=rng())
    hidden = (x == 0).float().mean(1)
    assert torch.equal(x[x > 0], y[x > 0])
    assert abs(hidden.mean() - 0.5) < 0.03 and hidden.min() < 0.03 and hidden.max() > 0.97
    assert abs(hidden.std() - 12**-0.5) < 0.02
    assert (corrupt(y, "masking", 0.2) == 0).float().mean(1).max() < 0.27


def test_gaussian_noise_has_the_standard_deviation_asked_for():
    noise = corrupt(digits(), "gaussian", 0.3) - digits()
    assert abs(noise.std() - 0.3) < 0.005 and abs(noise.mean()) < 0.005


@pytest.mark.parametrize("side", [1, 8, 12, 28])
def test_a_box_is_one_full_square_within_the_image(side):
    y = digits()
    hidden = (corrupt(y, "boxes", side) == 0).view(-1, 28, 28)
    assert (hidden.sum((1, 2)) == side**2).all()
    assert (hidden.any(2).sum(1) == side).all() and (hidden.any(1).sum(1) == side).all()
    if side == 12:
        first = hidden.any(2).float().argmax(1)
        assert first.min() == 0 and first.max() == 16  # up to both edges


def test_blur_spreads_a_point_into_a_gaussian_of_unit_sum():
    y = torch.zeros(1, 784)
    y[0, 14 * 28 + 14] = 1
    x = corrupt(y, "blur", 1.5).view(28, 28)
    at = torch.arange(28) - 14.0
    assert abs(x.sum() - 1) < 1e-4 and torch.allclose(x, x.T, atol=1e-7)
    assert abs((x.sum(0) * at**2).sum() - 1.5**2) < 0.05


def test_a_shift_moves_the_content_one_of_four_ways():
    y = torch.zeros(200, 784)
    y[:, 14 * 28 + 14] = 1
    where = {divmod(i, 28) for i in corrupt(y, "shift", 3).argmax(1).tolist()}
    assert where == {(11, 14), (17, 14), (14, 11), (14, 17)}
    y[:] = torch.eye(784)[0]  # at the corner: two ways lose it
    assert set(corrupt(y, "shift", 3).sum(1).tolist()) == {0.0, 1.0}


def test_inversion_and_blend():
    y = digits()
    torch.testing.assert_close(corrupt(y, "inversion"), 1 - y)
    other = 2 * corrupt(y, "blend") - y
    distance = torch.cdist(other, y, compute_mode="donot_use_mm_for_euclid_dist")
    assert (distance.amin(1) < 1e-4).all() and (distance.argmin(1) != torch.arange(len(y))).all()


@pytest.mark.parametrize("arguments, word", [
    ((digits(), "salt"), "choose one of masking"), ((digits(), "boxes", 29), "between 0 and 28"),
    ((digits(), "boxes", 2.5), "whole"), ((digits(), "masking", 1.5), "between 0 and 1"),
    ((digits(), "gaussian", -1), "amount=-1"), ((digits(), "blur", float("nan")), "amount=nan"),
    ((torch.zeros(3, 28, 28), "blur"), "must be"), ((digits(1), "blend"), "two images")])
def test_what_makes_no_sense_is_refused(arguments, word):
    with pytest.raises(ValueError, match=word):
        corrupt(*arguments)
