"""Whitened patches: from the wheel alone, flat in spectrum, no pixel in both parts, repeatable."""

import socket

import pytest
import torch

from utils import data, pictures
from utils.archives import DataError


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("the network was asked")
    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)


def draw(count=400, size=12, part="train", seed=0):
    return data.natural_patches(count, size, part, generator=torch.Generator().manual_seed(seed))


def test_all_pictures_are_in_the_wheel(no_network):
    found = pictures.natural_pictures()
    assert tuple(found) == pictures.PICTURES
    for name, picture in found.items():
        assert picture.ndim == 2 and min(picture.shape) >= 300, name
        assert picture.dtype == torch.float32 and picture.std() > 0.05, name
        assert picture.min() >= 0 and picture.max() <= 1, name


def test_a_missing_picture_is_named(monkeypatch):
    import skimage.data

    def gone():
        raise ModuleNotFoundError("pooch")
    monkeypatch.setattr(skimage.data, "coffee", gone)
    with pytest.raises(DataError, match="'coffee' is not in the installed scikit-image .*reinstall"):
        draw()


@pytest.mark.parametrize("size", [8, 12, 16])
def test_patches_have_no_mean_and_a_typical_norm_of_one(size):
    y = draw(size=size)
    assert y.shape == (400, size**2) and y.dtype == torch.float32 and torch.isfinite(y).all()
    assert y.mean(1).abs().max() < 1e-5
    norm = y.norm(dim=1)
    assert 0.9 < norm.median() < 1.1 and norm.max() < 1.5


def test_whitening_flattens_the_spectrum():
    """From 0.03 to 0.2 cycles a pixel a picture loses most of its amplitude; whitened, at most half of it."""
    picture = pictures.natural_pictures()["camera"]
    ratio = []
    for image in (picture[8:-8, 8:-8], pictures.whiten(picture)):
        spectrum = torch.fft.rfft2(image - image.mean()).abs()
        f = torch.hypot(torch.fft.fftfreq(image.shape[0])[:, None], torch.fft.rfftfreq(image.shape[1])[None])
        low, high = (spectrum[(f > g * 0.8) & (f < g * 1.25)].square().mean().sqrt() for g in (0.03, 0.2))
        ratio.append(low / high)
    assert ratio[0] > 4 and 0.5 < ratio[1] < 2


@pytest.mark.parametrize("contrast", [1.0, 0.01])
def test_whitening_cuts_the_margins_and_scales(contrast):
    """What the filter has mixed with the opposite edge is cut off on all sides; the rest has unit variance."""
    torch.manual_seed(0)
    flat = pictures.whiten(contrast * torch.rand(60, 80))
    assert flat.shape == (44, 64) and flat.std().item() == pytest.approx(1) and abs(flat.mean()) < 0.1
    spot = torch.zeros(60, 80)
    spot[30, 40] = contrast
    peak = pictures.whiten(spot).argmax().item()
    assert (peak // 64, peak % 64) == (30 - pictures.MARGIN, 40 - pictures.MARGIN)


def test_train_and_test_share_no_pixel():
    columns = torch.arange(300).expand(20, 300)
    train, test = (pictures.part_of(columns, part) for part in ("train", "test"))
    assert train.max() < test.min() and train.shape[1] + test.shape[1] == 300 and test.shape == (20, 60)


@pytest.mark.parametrize("part, value", [("train", 1.0), ("test", 2.0)])
def test_patches_come_from_their_part(monkeypatch, part, value):
    """In a picture whose right fifth is twice as strong, every patch has the strength of its part."""
    torch.manual_seed(0)
    picture = torch.randn(100, 1).sign() * torch.where(torch.arange(100) < 80, 1.0, 2.0)
    seen = []
    monkeypatch.setattr(pictures, "natural_pictures", lambda: {"a": picture})
    monkeypatch.setattr(pictures, "whiten", lambda picture: picture)
    real = pictures.part_of
    monkeypatch.setattr(pictures, "part_of", lambda p, part: seen.append(real(p, part)) or seen[-1])
    pictures.natural_patches(50, 8, part)
    assert seen[0].abs().unique().tolist() == [value]


def test_the_same_generator_gives_the_same_patches():
    assert torch.equal(draw(seed=3), draw(seed=3))
    assert not torch.equal(draw(seed=3), draw(seed=4))


def test_any_count_is_exact_and_mixes_the_pictures():
    assert len(draw(1)) == 1 and len(draw(13)) == 13


@pytest.mark.parametrize("arguments, match", [
    (dict(part="valid"), "choose 'train' or 'test'"), (dict(size=0), "does not fit"),
    (dict(size=200, part="test"), "does not fit")])
def test_what_cannot_be_meant_is_refused(arguments, match):
    with pytest.raises(ValueError, match=match):
        draw(**arguments)


def test_grey_is_the_luminance_of_the_colors():
    import skimage.data
    colors = torch.as_tensor(skimage.data.coffee()).double() / 255
    wanted = colors @ torch.tensor([0.2125, 0.7154, 0.0721], dtype=torch.float64)
    assert torch.allclose(pictures.natural_pictures()["coffee"].double(), wanted, atol=1e-6)


@pytest.fixture
def known(monkeypatch):
    """Eight pictures that are told apart: stripes of width 1, 2, …, 8, the last one a thousand times fainter."""
    row = torch.arange(240)
    stripes = {width: torch.where(row // width % 2 == 0, 1.0, -1.0).expand(40, 240) for width in range(1, 9)}
    stripes[8] = 1e-3 * stripes[8]
    monkeypatch.setattr(pictures, "natural_pictures", lambda: stripes)
    monkeypatch.setattr(pictures, "whiten", lambda picture: picture)


def test_every_picture_has_its_share_and_they_are_mixed(known):
    patches = pictures.natural_patches(80, 16, generator=torch.Generator().manual_seed(0)).view(80, 16, 16)
    changes = (patches[:, 0].diff(dim=1).abs() > 1e-6 * patches[:, 0].abs().amax(1, keepdim=True)).sum(1)
    thin = changes == 15  # stripes of one pixel
    assert len(set(changes.tolist())) >= 6 and thin.sum() == 10 and not thin[:10].all()


def test_a_faint_patch_stays_faint(known):
    patches = pictures.natural_patches(80, 16, generator=torch.Generator().manual_seed(0))
    norm = patches.norm(dim=1)
    assert (norm < 0.01).sum() == 10 and norm.median().item() == pytest.approx(1, abs=0.1)


def test_whitening_takes_the_noise_at_the_top_away():
    torch.manual_seed(0)
    power = torch.fft.rfft2(pictures.whiten(torch.randn(400, 400))).abs().square()
    f = torch.hypot(torch.fft.fftfreq(power.shape[0])[:, None], torch.fft.rfftfreq(384)[None])
    middle, top = (power[(f > low) & (f < low + 0.1)].mean() for low in (0.15, 0.55))
    assert top < 0.02 * middle
