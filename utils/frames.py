"""The frames of a slider: a picture for each place of its handles, drawn once, in the layout of the first."""

import contextlib
import itertools
import random

import numpy as np
import torch

from utils.house import HOUSE, settings


class Layout:
    """Where a drawn picture has its axes and titles, for others of its kind to have them there too.

    To lay a figure out takes half of the time of drawing it; and axes that stay do not jump from frame to frame.
    """

    def __init__(self, picture):
        figure = picture.figure
        self.kind, self.engine = _kind(figure), None
        self.axes = [ax.get_position(original=True).frozen() for ax in figure.axes]
        self.titles = [text.get_position() for text in _titles(figure)]
        with settings(HOUSE):
            self.touching = _touching(_boxes(figure.axes, figure.canvas.get_renderer()))

    def lend(self, figure):
        """Put a figure's axes where ours stood. False, and nothing is done, when it is a figure of another kind."""
        if figure.get_layout_engine() is None or figure.subfigs or _kind(figure) != self.kind:
            return False
        self.engine = figure.get_layout_engine()
        figure.set_layout_engine("none")
        for ax, position in zip(figure.axes, self.axes, strict=True):
            ax.set_position(position)
        for text, position in zip(_titles(figure), self.titles, strict=True):
            text.set_position(position)
        return True

    def holds(self, figure, renderer):
        """Does all that is drawn lie within the figure, and no axes' text on a neighbor's where it did not before?"""
        axes = _boxes(figure.axes, renderer)
        others = _boxes([a for a in figure.get_children() if a not in figure.axes and a is not figure.patch], renderer)
        width, height = figure.bbox.size
        inside = (min(box.x0, box.y0) >= 0 and box.x1 <= width and box.y1 <= height for box in axes + others
                  if box is not None)
        return all(inside) and _touching(axes) <= self.touching

    def take_back(self, figure):
        """Let the figure lay itself out, as if we had never come."""
        figure.set_layout_engine(self.engine)
        for ax in figure.axes:
            ax.set_in_layout(True)  # set_position took it out


def _titles(figure):
    return [text for text in (figure._suptitle, figure._supxlabel, figure._supylabel) if text is not None]


def _kind(figure):
    return tuple(figure.get_size_inches()), len(figure.axes), len(_titles(figure))


def _boxes(artists, renderer):
    """What each covers, in pixels; None for one that covers nothing."""
    found = [artist.get_tightbbox(renderer) if artist.get_visible() else None for artist in artists]
    return [box if box is not None and box.width and box.height else None for box in found]


def _touching(boxes):
    return {(i, j) for i, one in enumerate(boxes) for j, other in enumerate(boxes[:i])
            if one is not None and other is not None and one.overlaps(other)}


@contextlib.contextmanager
def aside():
    """Inside, random numbers may be drawn; after it Python's, numpy's and torch's go on as if none had been."""
    python, arrays = random.getstate(), np.random.get_state()
    cuda = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=cuda):
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(arrays)


class Frames:
    """Pictures over all places of some sliders. A place is a tuple, one index into each slider's values.

    draw: draw(**values) -> Picture. choices: name=list of values or name=(list, start value).
    Raises ValueError for an empty list or a start value that is not in it.
    """

    def __init__(self, draw, choices):
        self.draw, self.values, start = draw, {}, []
        for name, choice in choices.items():
            values, first = choice if isinstance(choice, tuple) else (choice, None)
            values = list(values)
            if not values:
                raise ValueError(f"slider {name}: it needs at least one value")
            first = values[0] if first is None else first
            if first not in values:
                raise ValueError(f"slider {name}: the start value {first} is not among {values}")
            self.values[name] = values
            start.append(values.index(first))
        self.start, self.layout = tuple(start), None
        self.labels = [[f"{v:g}" if isinstance(v, float) else str(v) for v in values]
                       for values in self.values.values()]

    def places(self):
        """All places, the last slider's index the fastest."""
        return list(itertools.product(*(range(len(labels)) for labels in self.labels)))

    def says(self, place):
        """The values of a place in words: step = 600, beta = 0.1."""
        return ", ".join(f"{name} = {labels[i]}" for name, labels, i in
                         zip(self.values, self.labels, place, strict=True))

    def picture(self, place):
        """(PNG bytes, alt text) of a place, drawn now, in the layout of the one drawn first."""
        with aside():
            picture = self.draw(**{name: values[i] for (name, values), i in
                                   zip(self.values.items(), place, strict=True)})
            png = picture.png(like=self.layout)
        if self.layout is None:
            self.layout = Layout(picture)
        return png, picture.alt
