"""The Gabor fit and the locality, on images whose parameters are known."""

import math

import pytest
import torch

from utils.measures.dictionary import locality
from utils.measures.gabor import _project, gabor_fit, orientation_histogram

SIZE = 12


def gabor(orientation, frequency, phase=0.0, sigma=(2.0, 2.5), center=(5.5, 5.5), size=SIZE):
    """One Gabor image, written without the module: stripes at `orientation`, counterclockwise, 0 is horizontal."""
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    x, y = columns - center[1], center[0] - rows  # y upwards
    along = x * math.cos(orientation) + y * math.sin(orientation)
    across = x * math.sin(orientation) - y * math.cos(orientation)
    bell = torch.exp(-across**2 / (2 * sigma[0] ** 2) - along**2 / (2 * sigma[1] ** 2))
    return (bell * torch.cos(2 * math.pi * frequency * across + phase)).flatten()


def angle_between(a, b):
    """The difference of two stripes' orientations, at most π/2."""
    return ((a - b + math.pi / 2) % math.pi - math.pi / 2).abs()


def many(count=120, seed=0):
    """Random Gabors with their parameters: orientation, frequency, phase, both sigmas, center."""
    g = torch.Generator().manual_seed(seed)
    u = torch.rand(count, 7, generator=g)
    truth = {"orientation": math.pi * u[:, 0], "frequency": 0.12 + 0.2 * u[:, 1], "phase": 2 * math.pi * u[:, 2],
             "sigma": 1.2 + 1.5 * u[:, 3:5], "center": 5.5 + 5 * (u[:, 5:] - 0.5)}
    names = ("orientation", "frequency", "phase", "sigma", "center")
    images = torch.stack([gabor(*(truth[name][i].tolist() for name in names))
                          for i in range(count)])
    return images, truth


def test_gabors_are_recognized_and_measured():
    images, truth = many()
    fit = gabor_fit(images, SIZE)
    assert fit.r2.min() > 0.97 and fit.r2.mean() > 0.998
    clear = fit.r2 > 0.995  # a fit that stopped a little early reads a little off
    assert clear.float().mean() > 0.9
    waves = clear & (truth["frequency"] * truth["sigma"][:, 0] > 0.25)  # else a wave's angle is not well defined
    assert angle_between(fit.orientation, truth["orientation"])[waves].quantile(0.95) < math.radians(6)
    assert (fit.frequency - truth["frequency"])[waves].abs().median() < 0.01
    assert (fit.center - truth["center"])[waves].abs().median() < 0.1
    assert (fit.sigma - truth["sigma"])[waves].abs().median() < 0.1


@pytest.mark.parametrize("degrees", [0, 30, 45, 90, 135, 160])
def test_orientation_is_that_of_the_stripes_counterclockwise(degrees):
    fit = gabor_fit(gabor(math.radians(degrees), 0.2)[None], SIZE)
    assert fit.r2.item() > 0.995
    assert math.degrees(angle_between(fit.orientation, math.radians(degrees)).item()) < 1
    assert fit.frequency.item() == pytest.approx(0.2, abs=0.01)


def test_horizontal_stripes_lie_and_upright_ones_stand():
    lying, standing = gabor(0.0, 0.2).view(SIZE, SIZE), gabor(math.pi / 2, 0.2).view(SIZE, SIZE)
    assert (lying[5] > 0).all() and (lying[:, 5] < 0).any()  # the tests' own images are what they are called
    assert (standing[:, 5] > 0).all() and (standing[5] < 0).any()


@pytest.mark.parametrize("phase", [0.0, math.pi / 2])
def test_even_and_odd(phase):
    """The sign of an odd one depends on which way across the stripes is counted, so its size is compared."""
    fit = gabor_fit(gabor(0.4, 0.18, phase)[None], SIZE)
    assert abs(math.sin(fit.phase.item())) == pytest.approx(math.sin(phase), abs=0.1)
    assert fit.r2.item() > 0.99


def test_noise_is_no_gabor_and_lowers_a_gabors_r2_by_its_share():
    torch.manual_seed(0)
    assert gabor_fit(torch.randn(100, SIZE**2), SIZE).r2.max() < 0.5
    images, _ = many(60)
    images = images / images.norm(dim=1, keepdim=True)
    noisy = images + 0.5 * torch.nn.functional.normalize(torch.randn(60, SIZE**2), dim=1)
    assert gabor_fit(noisy, SIZE).r2.mean().item() == pytest.approx(0.8, abs=0.06)  # 1 of 1.25 is signal


def test_waves_over_the_whole_patch_do_not_pass():
    """What PCA finds: without the bound on the sigmas these would be Gabors."""
    x = torch.arange(SIZE) - 5.5
    waves = torch.stack([torch.cos(2 * math.pi * f * x + phase).repeat(SIZE)
                         for f in (0.1, 0.17, 0.25) for phase in (0.3, 1.7)])
    assert gabor_fit(waves, SIZE).r2.max() < 0.8


def test_the_fit_is_the_image_that_r2_speaks_of():
    images = many(20)[0] + 0.05 * torch.randn(20, SIZE**2, generator=torch.Generator().manual_seed(1))
    fit = gabor_fit(images, SIZE)
    left = (images - fit.fitted).square().sum(1)
    r2 = 1 - left / (images - images.mean(1, keepdim=True)).square().sum(1)
    torch.testing.assert_close(fit.r2, r2, atol=1e-4, rtol=0)


def test_scale_sign_and_place_do_not_matter():
    images, _ = many(12)
    fit, other = gabor_fit(images, SIZE), gabor_fit(-7 * images, SIZE)
    torch.testing.assert_close(fit.r2, other.r2, atol=1e-3, rtol=0)
    assert angle_between(fit.orientation, other.orientation).max() < 0.02
    moved = gabor_fit(torch.stack([gabor(0.5, 0.2, center=c) for c in ((3.0, 4.0), (8.0, 7.0))]), SIZE)
    assert moved.r2.min() > 0.99 and (moved.center - torch.tensor([[3.0, 4.0], [8.0, 7.0]])).abs().max() < 0.2


def test_another_size_and_a_flat_atom():
    fit = gabor_fit(torch.stack([gabor(1.0, 0.2, size=9, center=(4.0, 4.0)), torch.zeros(81)]), 9)
    assert fit.r2[0] > 0.99 and fit.r2[1] == 0 and all(torch.isfinite(part).all() for part in fit)


@pytest.mark.parametrize("atoms, word", [
    (torch.zeros(144, 256), "one atom a row"), (torch.zeros(144), "one atom a row"),
    (torch.full((2, 144), torch.nan), "nan")])
def test_what_is_no_atom_is_refused(atoms, word):
    with pytest.raises(ValueError, match=word):
        gabor_fit(atoms, SIZE)


def test_histogram_wraps_round():
    degrees = torch.tensor([0.0, 10, 170, 179.9, 180, 22.5, 90, 90, 45])
    assert orientation_histogram(degrees.deg2rad(), bins=8).tolist() == [5, 1, 1, 0, 2, 0, 0, 0]
    uniform = orientation_histogram(torch.linspace(0, math.pi, 8001)[:-1], bins=4)
    assert uniform.sum() == 8000 and (uniform - 2000).abs().max() <= 2


def test_locality_of_what_is_known():
    dot, flat, window = torch.zeros(28, 28), torch.ones(28, 28), torch.zeros(28, 28)
    dot[3, 20] = -2.0
    window[10:19, 5:14] = 1.0
    found = locality(torch.stack([dot, flat, window, torch.zeros(28, 28)]).view(4, -1), size=28)
    torch.testing.assert_close(found, torch.tensor([1.0, 81 / 784, 1.0, 0.0]))
    faint = 1e-6 * torch.stack([dot, flat, window]).view(3, -1)
    torch.testing.assert_close(locality(faint, size=28), found[:3])
    torch.testing.assert_close(locality(faint, size=28, window=1), torch.tensor([1.0, 1 / 784, 1 / 81]))


def test_locality_of_two_dots_apart_is_the_larger_one():
    image = torch.zeros(1, 28, 28)
    image[0, 2, 2], image[0, 25, 25] = 1.0, 3.0
    assert locality(image.view(1, -1), size=28).item() == pytest.approx(0.9)
    assert locality(image.view(1, -1), size=28, window=28).item() == pytest.approx(1.0)


@pytest.mark.parametrize("images, size, window, word", [
    (torch.zeros(784, 256), 28, 9, "one a row"), (torch.zeros(2, 144), 12, 13, "window")])
def test_locality_refuses(images, size, window, word):
    with pytest.raises(ValueError, match=word):
        locality(images, size, window)


def test_the_amplitudes_are_those_of_least_squares():
    """Waves that are cut off at the edge are not orthogonal: each has to know of the other."""
    torch.manual_seed(0)
    waves, unit = torch.randn(5, 2, 9, dtype=torch.float64), torch.randn(5, 9, dtype=torch.float64)
    amplitudes, left = _project(waves, unit)
    for i in range(5):
        best = torch.linalg.lstsq(waves[i].T, unit[i][:, None]).solution[:, 0]
        assert torch.allclose(amplitudes[i], best, atol=1e-5)
        assert left[i].item() == pytest.approx((unit[i] - best @ waves[i]).square().sum().item(), abs=1e-5)


def test_several_starts_are_tried_and_the_best_goes_on():
    torch.manual_seed(0)
    atoms = torch.randn(60, SIZE**2)
    several, one = gabor_fit(atoms, SIZE).r2, gabor_fit(atoms, SIZE, starts=1).r2
    assert (several > one + 0.01).sum() > 3 and several.mean() > one.mean() + 1e-3
    assert (several < one - 0.01).sum() <= 1


def test_one_value_that_is_no_number_is_refused():
    atoms = torch.ones(3, SIZE**2)
    atoms[1, 7] = torch.nan
    with pytest.raises(ValueError, match="nan or inf"):
        gabor_fit(atoms, SIZE)
