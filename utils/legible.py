"""Type that the back row can read: its smallest size, and titles folded where they are wider than their place."""

import itertools
import re

from matplotlib.text import Text

# JupyterLab draws 100 dots of a picture as 100 pixels, and shrinks it to its column, 840 pixels at 1280 x 800
PER_INCH, SHOWN, SMALLEST = 100, 840, 14  # pixels; the last is the height of type there, at least


def smallest_type(width):
    """Points of type that is SMALLEST pixels high in a figure of that many inches, shown in a column of SHOWN."""
    return SMALLEST * 72 / PER_INCH * max(1, width * PER_INCH / SHOWN)


def fold(text, room, renderer):
    """Break a title's lines that are wider than room (pixels) between two words, as evenly as can be; lines added."""
    def width(words):
        line = " ".join(words)
        return renderer.get_text_width_height_descent(line, text.get_fontproperties(), "$" in line)[0]

    lines = []
    for line in text.get_text().split("\n"):
        words = re.findall(r"(?:\$[^$]*\$|\S)+", line)  # a formula stays whole
        count = min(int(width(words) // room) + 1, 3, len(words)) if words else 1
        cuts = min(itertools.combinations(range(1, len(words)), count - 1), default=(), key=lambda cuts: max(
            width(words[a:b]) for a, b in itertools.pairwise((0, *cuts, len(words)))))
        lines += [" ".join(words[a:b]) for a, b in itertools.pairwise((0, *cuts, len(words)))] if cuts else [line]
    added = len(lines) - text.get_text().count("\n") - 1
    if added:
        text.set_text("\n".join(lines))
    return added


def make_legible(figure, renderer):
    """Type smaller than readers need is drawn larger; titles wider than their place are folded, the figure grows."""
    size = smallest_type(figure.get_figwidth())
    for text in figure.findobj(Text):
        if text.get_fontsize() < size:
            text.set_fontsize(size)
    rows = {}
    for ax in figure.axes:
        place = ax.get_subplotspec()
        if place is not None and ax.get_title():
            shares = place.get_gridspec().get_width_ratios()
            share = sum(shares[place.colspan.start:place.colspan.stop]) / sum(shares)
            row = place.rowspan.start
            rows[row] = max(rows.get(row, 0), fold(ax.title, 0.97 * share * figure.bbox.width, renderer))
    above = [fold(figure._suptitle, 0.97 * figure.bbox.width, renderer)] if figure._suptitle is not None else []
    if added := sum([*rows.values(), *above]):
        figure.set_figheight(figure.get_figheight() + added * 1.35 * size / 72)
