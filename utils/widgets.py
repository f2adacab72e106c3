"""Sliders over pictures that are drawn ahead while the kernel rests, so that an answer takes no drawing."""

import base64
import contextlib
import gc
import html
import io
import struct
import time
import traceback

import ipywidgets
from IPython.display import display

from utils import ahead
from utils.frames import Frames

ROOM = 24_000_000  # bytes that the kept pictures of all sliders may fill
UNSEEN = "position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap"
# ipywidgets gives a slider's handle no name, tells an index instead of its value, and has no live region. The first
# picture that comes sets all three; where a page's security policy does not let it, the sliders work without.
SPEAK = """(function speak(image, left) {
  const box = image.closest('.widget-interact'), sliders = box ? [...box.querySelectorAll('.widget-slider')] : [];
  const line = box && box.querySelector('.slider-says .widget-html-content');
  if (!line || !sliders.length || !sliders.every(one => one.querySelector('.noUi-handle')))
    return left && setTimeout(speak, 100, image, left - 1);
  line.setAttribute('role', 'status');
  line.setAttribute('aria-live', 'polite');
  for (const one of sliders) {
    const handle = one.querySelector('.noUi-handle'), target = one.querySelector('.noUi-target');
    if (handle.hasAttribute('aria-label')) continue;
    handle.setAttribute('aria-label', one.querySelector('.widget-label').textContent);
    const say = () => handle.setAttribute('aria-valuetext', one.querySelector('.widget-readout').textContent);
    target.noUiSlider.on('update', say);
    say();
  }
})(this, 50)"""

_sliders = []
_kept = {}  # {(slider, place): (PNG, alt text, what was printed)}, the oldest first


def interact(draw, **choices):
    """Show a slider for each keyword over draw(**values) -> Picture: drag it, and the picture of its value is there.

    choices: name=list of values (e.g. beta=[.1, 1, 10]) or name=(list, start value). Each picture is drawn once; one
    that can't be drawn says why, and the others stay.
    Raises ValueError for an empty list or a start value that is not in it.
    """
    cell, run, person = ahead.request()
    slider = Slider(Frames(draw, choices), cell, run)
    for old in [s for s in _sliders if s.cell == cell and s.run != run and cell is not None]:
        old.close()  # its cell runs again, so it has left the page
    _sliders.append(slider)
    display(slider.box)
    if person:
        ahead.work(_draw_one)


class Slider:
    """Handles over the frames, the picture of where they stand, and a line that says it to those who don't see it."""

    def __init__(self, frames, cell=None, run=None):
        self.frames, self.cell, self.run, self.failed, self.moved = frames, cell, run, {}, 0.0
        self.closed = False
        # not ipywidgets.interact: it loads matplotlib's inline backend, and sends there what the reader began to plot
        self.handles = [
            ipywidgets.SelectionSlider(options=list(zip(labels, values, strict=True)), index=at, description=name,
                                       continuous_update=True, layout=ipywidgets.Layout(width="480px"))
            for (name, values), labels, at in zip(frames.values.items(), frames.labels, frames.start, strict=True)]
        self.line = ipywidgets.HTML(layout=ipywidgets.Layout(height="0", margin="0"), _dom_classes=("slider-says",))
        self.stage = ipywidgets.HTML()
        self.box = ipywidgets.VBox([*self.handles, self.line, self.stage], _dom_classes=("widget-interact",))
        for handle in self.handles:
            handle.observe(self.show, "index")
        self.show()

    def place(self):
        """Where the handles stand: an index for each."""
        return tuple(handle.index for handle in self.handles)

    def show(self, _change=None):
        """Say where the handles stand, and show the picture: a kept one at once, another when it can be drawn."""
        ahead.answered()
        self.moved = time.monotonic()
        self.line.value = f'<span style="{UNSEEN}">{html.escape(self.frames.says(self.place()))}</span>'
        if frame := _kept.get((self, self.place())):
            self.stage.value = _html(*frame)
        else:
            ahead.beside_cells(self.show_new)

    def show_new(self):
        """Draw and show the picture of where the handles stand by now; one that failed before is tried again."""
        place = self.place()
        if self.closed:
            return
        self.failed.pop(place, None)
        if (self, place) not in _kept:
            self.draw(place)
        if place == self.place():  # else it was moved on in the meantime
            self.stage.value = self.failed.get(place) or _html(*_kept[self, place])

    def draw(self, place):
        """Draw the picture of a place and keep it, or keep in mind why it can't be drawn."""
        said = io.StringIO()  # what it prints belongs to it, not to the cell that happened to run last
        # not IPython's capture_output: a slider's move that comes in the meantime could not be answered
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            try:
                png, alt = self.frames.picture(place)
            except Exception as error:  # noqa: BLE001 it is the reader's function, and may do anything
                why = html.escape(f"{self.frames.says(place)}: no picture. {type(error).__name__}: {error}")
                self.failed[place] = (f"<p>{why}</p><details><summary>Where it stopped</summary>"
                                      f"<pre>{html.escape(traceback.format_exc())}</pre></details>")
                return
        _kept[self, place] = png, alt, said.getvalue()
        while len(_kept) > 1 and _size() > ROOM:
            del _kept[next(iter(_kept))]

    def missing(self):
        """(distance, place) of the pictures not drawn yet: first handles to move, then steps, then the last used."""
        for place in self.frames.places():
            if (self, place) not in _kept and place not in self.failed:
                steps = [abs(a - b) for a, b in zip(place, self.place(), strict=True)]
                yield (sum(map(bool, steps)), sum(steps), -self.moved), place

    def close(self):
        """Leave nothing behind, in the kernel or in the page."""
        self.closed = True
        _sliders.remove(self)
        for key in [key for key in _kept if key[0] is self]:
            del _kept[key]
        for widget in (self.box, *self.handles, self.line, self.stage):
            for part in (widget, widget.layout, getattr(widget, "style", None)):
                if part is not None:
                    part.close()


def _html(png, alt, printed):
    """The picture as large as it is, so that nothing jumps while it comes; what drawing it printed stands above it."""
    width, height = struct.unpack(">II", png[16:24])
    return (f"<pre>{html.escape(printed)}</pre>" if printed else "") + (
        f'<img alt="{html.escape(alt)}" width="{width}" height="{height}" style="max-width:100%;height:auto" '
        f'decoding="sync" onload="{html.escape(SPEAK)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">')


def _size():
    return sum(len(png) for png, _, _ in list(_kept.values()))


def _draw_one():
    """Draw the picture nearest to where a slider stands; False when all are there, or the room is full."""
    todo = [(distance, number, place) for number, slider in enumerate(_sliders) for distance, place in slider.missing()]
    largest = max((len(png) for png, _, _ in _kept.values()), default=0)
    if not todo or _size() + largest > ROOM:
        return False
    _, number, place = min(todo)
    _sliders[number].draw(place)
    if len(_kept) % 10 == 0:
        gc.collect()  # matplotlib's figures point at themselves: left alone, a hundred of them hold 50 MB
    return True
