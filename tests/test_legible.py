"""Pictures for the back row: type, folded titles, marks that stand out on white, and for who sees no hue."""

import io
import itertools

import matplotlib
import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image
from skimage.color import deltaE_ciede2000, rgb2lab

from utils import figures, house

# Linear RGB as people without one kind of cone see it: Machado, Oliveira & Fernandes 2009, severity 1
CONES = {"all": np.eye(3),
         "no long": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
         "no middle": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
         "no short": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]]}
LONG = "What is the energy of the data against that of the samples in $E(x, y)$ after ten thousand steps"


def linear(color):
    rgb = np.array(matplotlib.colors.to_rgb(color))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(color):
    """Against white, by WCAG 2.2: (L_white + 0.05) / (L + 0.05)."""
    return 1.05 / (linear(color) @ [0.2126, 0.7152, 0.0722] + 0.05)


def seen(color, cones):
    light = np.clip(np.asarray(CONES[cones]) @ linear(color), 0, 1)
    return rgb2lab(np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)[None, None])[0, 0]


def drawn(width, columns=2, title="", panel="", **more):
    """A canvas with all kinds of type on it, drawn."""
    picture, axes = figures.canvas(columns, alt="a", width=width, title=title, squeeze=False, **more)
    for ax in axes.flat:
        figures.curves(ax, {"one": [1.0, 2e6], "two": [2.0, 1.0]}, title=panel, ylabel="energy")
        ax.text(0.5, 1.0, "small", fontsize=6)
        ax.tick_params(labelsize=7)
    picture.png()
    return picture


def pixels(picture, size):
    """Type of that many points as a page shows it."""
    return size * 100 / 72 * min(1, 840 / (picture.get_figwidth() * 100))


@pytest.mark.parametrize("width", [3, 8.4, 9, 12])
def test_no_type_is_smaller_than_readers_need(width):
    picture = drawn(width)
    sizes = [pixels(picture, text.get_fontsize()) for text in picture.findobj(Text) if text.get_text()]
    assert len(sizes) > 15 and min(sizes) >= 14 - 1e-6


def test_a_projectors_picture_has_more_dots_and_the_same_type(monkeypatch):
    widths, sizes = {}, {}
    for dpi in (100, 200):
        monkeypatch.setattr(house, "DPI", dpi)
        picture = drawn(9, title="a")
        widths[dpi] = Image.open(io.BytesIO(picture.png())).width
        sizes[dpi] = [text.get_fontsize() for text in picture.findobj(Text)]
    assert widths == {100: 900, 200: 1800} and sizes[100] == sizes[200]


def test_larger_type_stays_as_it_is():
    picture, ax = figures.canvas(alt="a", width=4)
    text = ax.text(0, 0, "large", fontsize=30)
    picture.png()
    assert text.get_fontsize() == 30


@pytest.mark.parametrize("columns, lines", [(1, 2), (2, 2), (3, 3)])
def test_a_title_wider_than_its_panel_is_folded(columns, lines):
    picture = drawn(12 if columns > 1 else 8, columns, panel=LONG)
    for ax in picture.axes:
        assert ax.get_title().split() == LONG.split() and ax.get_title().count("\n") == lines - 1
        assert "$E(x, y)$" in ax.get_title()  # a formula stays whole
        assert ax.get_title().count(" ") + lines == len(LONG.split())


def test_neighbors_titles_do_not_touch():
    picture = drawn(12, 3, panel="Energy of the data against that of the samples")
    boxes = [ax.title.get_window_extent() for ax in picture.axes]
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))


def test_a_folded_title_does_not_take_the_axes_room():
    plain, folded = drawn(8, title="Short", panel="Short"), drawn(8, title=LONG + " and more", panel=LONG)
    assert folded.get_figheight() > plain.get_figheight()
    ratio = folded.axes[0].get_window_extent().height / plain.axes[0].get_window_extent().height
    assert 0.95 < ratio < 1.1 and folded.get_suptitle().count("\n") == 1
    height = folded.get_figheight()
    folded.png()
    assert folded.get_figheight() == height  # drawn again, it does not grow again


def test_a_short_title_and_its_own_line_breaks_stay():
    picture = drawn(8, title="Two\nlines", panel="Short")
    assert picture.get_suptitle() == "Two\nlines" and picture.axes[0].get_title() == "Short"


@pytest.mark.parametrize("color", [*figures.PALETTE, *(figures.DIGITS(digit) for digit in range(10))])
def test_every_color_stands_out_on_white(color):
    assert contrast(color) >= 3


@pytest.mark.parametrize("color, ratio", [("#F0E442", 1.3), ("#E69F00", 2.2), ("#56B4E9", 2.3), ("black", 21)])
def test_the_ruler_of_contrast_knows_known_colors(color, ratio):
    assert contrast(color) == pytest.approx(ratio, abs=0.1)


@pytest.mark.parametrize("cones", CONES)
def test_colors_are_told_apart_by_most_eyes(cones):
    """ΔE 2000: 20 for all cones, 8 without one of the two kinds that men lack; line styles do the rest."""
    pairs = itertools.combinations(figures.PALETTE, 2)
    nearest = min(deltaE_ciede2000(seen(a, cones), seen(b, cones)) for a, b in pairs)
    assert nearest > {"all": 20, "no short": 4}.get(cones, 8)


def test_no_two_curves_of_a_panel_have_the_same_line():
    _, ax = figures.canvas(alt="a")
    figures.curves(ax, {name: [1.0, 2.0] for name in "abcd"})
    figures.curves(ax, {name: [1.0, 2.0] for name in "efg"})
    looks = {(line.get_linestyle(), line._unscaled_dash_pattern[0], line._unscaled_dash_pattern[1] and
              tuple(line._unscaled_dash_pattern[1])) for line in ax.lines}
    assert len(looks) == len(figures.LINES) == len(figures.PALETTE) == 7
    assert ax.lines[0].get_linestyle() == "-"


def test_white_is_white():
    """A picture with more than 256 colors is stored in 256, and its white stays the page's."""
    picture, ax = figures.canvas(alt="a")
    ax.imshow(np.random.default_rng(0).random((40, 40, 3)))
    image = np.asarray(Image.open(io.BytesIO(picture.png())).convert("RGB"))
    assert (image[0, 0] == 255).all() and (image[-1, -1] == 255).all()
    assert not ((image >= 252).all(2) & (image < 255).any(2)).any()
