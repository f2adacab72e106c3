"""Frames of a slider: where their axes stand, what they take of the page's random numbers, what they are called."""

import contextlib
import io
import random

import numpy as np
import pytest
import torch
from PIL import Image

from utils import figures, frames


def two(step, unit=1.0, **options):
    """Two axes with a color bar below a title; the numbers at the left are as wide as step, at the right as unit."""
    picture, axes = figures.canvas(2, title=f"step {step}", alt=f"after {step}", width=6, **{"height": 4} | options)
    axes[0].plot([0, step])
    picture.colorbar(axes[1].imshow([[0, unit]]), ax=axes[1])
    return picture


def axes_of(picture):
    return [ax.get_position(original=True).bounds for ax in picture.figure.axes]


def drawn(draw, values):
    """The pictures of a slider's values, drawn one after the other, and their bytes."""
    pictures = []
    slider = frames.Frames(lambda value: pictures.append(draw(value)) or pictures[-1], {"value": values})
    return pictures, [slider.picture(place)[0] for place in slider.places()]


def test_a_frame_stands_where_the_first_stood_if_it_fits_there():
    values = [1000, 5, 123456, 6]
    pictures, found = drawn(two, values)
    first, narrower, wider, last = map(axes_of, pictures)
    own = [two(step) for step in values]
    assert [picture.png() for picture in own][0] == found[0] != found[1]
    assert first == narrower == last == axes_of(own[0]) and not np.allclose(first, axes_of(own[1]), atol=0.01)
    assert np.allclose(wider, axes_of(own[2]), atol=0.005), "its numbers are wider, so it lays itself out"
    assert not np.allclose(wider, first, atol=0.01)
    assert all(ax.get_in_layout() for ax in pictures[2].figure.axes)


def squares(_):
    picture, axes = figures.canvas(2, alt="squares", width=9, height=4)
    picture.supxlabel("one"), picture.supylabel("other"), picture.suptitle("squares")
    for ax, side in zip(axes, ("left", "bottom"), strict=True):
        picture.colorbar(ax.imshow([[0, 1], [1, 0]]), ax=ax, location=side, shrink=0.5, anchor=(0.0, 0.0))
    return picture


@pytest.mark.parametrize("draw", [two, squares])
def test_the_same_picture_again_is_the_same_to_the_last_dot(draw):
    _, (once, again) = drawn(draw, [7, 7])
    assert once == again


@pytest.mark.parametrize("draw", [
    lambda n: figures.canvas(n, alt="more axes", width=4)[0],
    lambda n: two(5, height=4 * n),
    lambda n: figures.canvas(alt="a title more", title="a" * (n - 1))[0],
    lambda n: figures.canvas(n, alt="more axes and a long title", width=4, title="word" * (20 * n - 19))[0]])
def test_a_picture_of_another_kind_lays_itself_out(draw):
    assert drawn(draw, [1, 2])[1] == [draw(1).png(), draw(2).png()]


def title(words):
    picture, _ = figures.canvas(alt="a long title", width=4)
    picture.suptitle("word" * words)  # one word, which can't be folded
    return picture


def inner(step):
    picture, axes = figures.canvas(2, alt="numbers in the middle", width=5)
    axes[1].plot([0, step])
    return picture


@pytest.mark.parametrize("draw, values", [(lambda unit: two(5, unit), [1, 123456]), (inner, [1, 123456])])
def test_numbers_that_reach_a_border_or_a_neighbor_get_a_layout_of_their_own(draw, values):
    first, second = map(axes_of, drawn(draw, values)[0])
    (own := draw(values[1])).png()
    assert np.allclose(second, axes_of(own), atol=0.005) and not np.allclose(second, first, atol=0.01)


def test_a_title_wider_than_its_figure_is_not_cut_off():
    own = title(20).png()
    assert drawn(title, [1, 20])[1][1] == own
    assert Image.open(io.BytesIO(own)).width > 1.2 * Image.open(io.BytesIO(title(1).png())).width


def test_hidden_axes_are_nowhere(recwarn):
    def draw(step):
        picture, axes = figures.canvas(2, alt="one of two", width=6)
        axes[0].plot([0, step]), axes[1].set_visible(False)
        return picture
    first, second = map(axes_of, drawn(draw, [1000, 5])[0])
    assert first == second


def test_axes_that_lie_on_each_other_from_the_start_may_go_on():
    def twins(step):
        picture, ax = figures.canvas(alt="two scales")
        ax.plot([0, step])
        ax.twinx().plot([0, 1])
        return picture
    first, second = map(axes_of, drawn(twins, [1000, 5])[0])
    (own := twins(5)).png()
    assert first == second and not np.allclose(second, axes_of(own), atol=0.01)


@pytest.mark.parametrize("fails", [False, True])
def test_a_slider_takes_no_random_numbers_from_the_page(fails):
    def draw(step):
        random.random(), np.random.rand(), torch.rand(3)
        if fails:
            raise RuntimeError
        return two(step)

    def numbers():
        return random.random(), np.random.rand(), torch.rand(1).item()
    for seed in random.seed, np.random.seed, torch.manual_seed:
        seed(8)
    expected = numbers()
    for seed in random.seed, np.random.seed, torch.manual_seed:
        seed(8)
    with contextlib.suppress(RuntimeError):
        frames.Frames(draw, {"step": [1]}).picture((0,))
    assert numbers() == expected


def test_places_and_what_they_are_called():
    slider = frames.Frames(two, {"step": ([1234567, 20], 20), "beta": [0.1, 1e-7 / 3], "kind": iter(["a", "b", "c"])})
    assert slider.start == (1, 0, 0) and slider.values["kind"] == ["a", "b", "c"]
    assert slider.places()[:4] == [(0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 1, 0)] and len(slider.places()) == 12
    assert slider.says((0, 1, 2)) == "step = 1234567, beta = 3.33333e-08, kind = c"
    assert slider.says((1, 0, 0)) == "step = 20, beta = 0.1, kind = a"


@pytest.mark.parametrize("choice, words", [([], "slider step: it needs at least one value"), (((), 1), "at least one"),
                                           (([1, 2], 3), r"the start value 3 is not among \[1, 2\]")])
def test_a_slider_without_a_place_to_stand_is_refused(choice, words):
    with pytest.raises(ValueError, match=words):
        frames.Frames(two, {"step": choice})
