"""The Picture, and the house that it is drawn in: colors, style, walls that keep the reader's settings out."""

import contextlib
import copy
import functools
import inspect
import io
import logging

_log = logging.getLogger("matplotlib")  # a first import tells stderr of its font cache and of a home it can't write to
_level = _log.level
_log.setLevel(logging.ERROR)

import matplotlib  # noqa: E402
import numpy as np  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.axis import Axis  # noqa: E402
from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: E402
from matplotlib.figure import Figure, FigureBase  # noqa: E402
from PIL import Image  # noqa: E402

from utils.legible import make_legible  # noqa: E402

_log.setLevel(_level)  # from here on it speaks to the reader again

BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY = (  # Okabe & Ito's hues, dark enough to stand 3:1 against white
    "#005A92", "#C48A00", "#007F5C", "#A63200", "#CC79A7", "#5A92E0", "#4D4D4D")
PALETTE = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY)
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)), (0, (8, 3)))  # beside PALETTE, for who sees no hue
DPI = 100  # dots an inch of new pictures; whoever draws for a projector sets more
DIGITS = matplotlib.colors.ListedColormap(  # ten classes need ten hues; figures write the digit beside the color
    ["#1F77B4", "#C25A00", "#2A8A2A", "#D62728", "#9467BD", "#8C564B", "#C2479E", "#6E6E6E", "#7F7F12", "#0E7F8C"])
DEEP = matplotlib.colors.ListedColormap(  # an ordered scale for marks on white: viridis, as far as it stands 3:1
    matplotlib.colormaps["viridis"](np.linspace(0, 0.58, 256)))
STYLE = {
    "font.size": 11, "axes.titlesize": 12, "axes.labelsize": 11, "legend.fontsize": 10, "figure.titlesize": 13,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.25,
    "axes.prop_cycle": matplotlib.cycler(color=PALETTE), "lines.linewidth": 2, "legend.frameon": False,
    "image.cmap": "gray", "figure.facecolor": "white",
}
_plain = matplotlib.rcParamsDefault.copy()  # every setting that a picture could take from the reader
_plain["font.family"] = "DejaVu Sans"  # by name: the list behind "sans-serif" is one that a cell may have changed
_plain.update({"legend.handlelength": 1.6, "legend.labelspacing": 0.25, "legend.handletextpad": 0.5,  # large type, so
               "legend.borderpad": 0.25, "legend.columnspacing": 1.2, "legend.framealpha": 0.9})       # small boxes
_plain._set("backend", "agg")  # else a box plot, which reads them all, would start the reader's
_styled = _plain.copy()
_styled.update(STYLE)
DEFAULTS, HOUSE = (copy.deepcopy({key: params._get(key) for key in params if key not in ("interactive", "date.epoch")})
                   for params in (_plain, _styled))
_entered = []


@contextlib.contextmanager
def settings(values):
    """Inside, matplotlib's settings are values (DEFAULTS or HOUSE), whatever the reader's are; after it the reader's.

    Pictures and their axes enter it by themselves (see housed). An artist that a cell makes by its own hand, e.g. a
    bare Rectangle, takes what it isn't told from the reader's settings, unless it is made in here.
    """
    params = matplotlib.rcParams
    theirs = {key: params._get(key) for key in values}
    _entered.append(values)
    try:
        for key, value in values.items():
            params._set(key, value)  # rc_context checks each of 300 values: too slow for every call of a method
        yield
    finally:
        _entered.pop()
        for key, value in theirs.items():
            params._set(key, value)


@functools.cache
def housed(kind):
    """A class of matplotlib's figures, axes or axis whose public methods don't see the reader's settings.

    Artists read the settings when they are made, which is when a cell says ax.plot(…), long after canvas() is through.
    So no default that canvas() sets reaches them all; but every way to make one leads through a method. The methods
    run with matplotlib's DEFAULTS, as in a kernel where nobody sets anything; canvas() and png() add the STYLE.
    """
    def at_home(method):
        @functools.wraps(method)
        def inside(self, *args, **kwargs):
            if _entered:
                return move_in(method(self, *args, **kwargs))
            with settings(DEFAULTS):
                return move_in(method(self, *args, **kwargs))
        return inside

    resident = type(kind.__name__, (kind,), {"__doc__": kind.__doc__})
    for name, method in inspect.getmembers(kind, inspect.isfunction):
        if not name.startswith("_") and name != "get_data_ratio":  # this one matplotlib wants to find as it was
            setattr(resident, name, at_home(method))
    resident.in_house = True
    return resident


def move_in(artist):
    """The same thing; a (sub)figure, axes or axis is housed from now on. So are its twins, insets and color bars."""
    if isinstance(artist, (FigureBase, Axes, Axis)) and not hasattr(artist, "in_house"):
        artist.__class__ = housed(type(artist))
        for part in vars(artist).values():
            if isinstance(part, Axis):
                move_in(part)
    return artist


class Picture:
    """A matplotlib figure with its alt text, which shows itself as the last expression of a cell.

    It holds a Figure and answers for it, but is none: what a notebook does to show a Figure, in whatever format and
    size its reader chose, is not done to this one. It does without pyplot: no global state, and a picture drawn in a
    loop or by a slider leaves nothing behind.
    """

    alt = ""
    colors = 256  # in the stored picture; None keeps every color, for a picture that lives by them

    def __init__(self, **options):
        with settings(HOUSE):
            self.figure = move_in(Figure(**options))

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.figure, name)

    def __repr__(self):
        return f"Picture({self.alt!r})"

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"image/png": self.png(), "text/plain": self.alt}, {"image/png": {"alt": self.alt}}

    def png(self, like=None):
        """The picture as PNG bytes, in 256 colors: a third of the size, and no eye sees the difference.

        like: a Layout (utils.frames) that an earlier picture had, to be kept where all fits into it.
        """
        with settings(HOUSE):
            agg = FigureCanvasAgg(self.figure)
            make_legible(self.figure, agg.get_renderer())
            lent = like is not None and like.lend(self.figure)
            agg.draw()
            fits = lent and like.holds(self.figure, agg.get_renderer())
            if lent and not fits:
                like.take_back(self.figure)
                agg.draw()
            image = Image.fromarray(np.asarray(agg.buffer_rgba()))
            if not fits:
                box, (width, height) = self.get_tightbbox(agg.get_renderer()), self.get_size_inches()
                if box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height:  # a title wider than its axes
                    buffer = io.BytesIO()
                    self.savefig(buffer, format="png", bbox_inches="tight")
                    image = Image.open(buffer)
        image = image.convert("RGB")
        if self.colors:
            image = image.quantize(self.colors, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
            shades = np.array(image.getpalette()).reshape(-1, 3)
            shades[(shades >= 252).all(1)] = 255  # its mean of all that is nearly white is 254, a shade beside the page
            image.putpalette(shades.flatten().tolist())
        buffer = io.BytesIO()
        image.save(buffer, format="png")
        return buffer.getvalue()
