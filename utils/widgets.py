"""Sliders over figures that were computed beforehand, so that an answer comes within 0.2 s."""

import ipywidgets
from IPython.display import clear_output, display


def interact(draw, **choices):
    """Show a slider for each keyword over draw(**values) -> Picture: drag it, and the picture is drawn anew.

    choices: name=list of values (e.g. beta=[.1, 1, 10]) or name=(list, start value).
    Raises ValueError for an empty list or a start value that is not in it.
    """
    handles = {}
    for name, choice in choices.items():
        values, start = choice if isinstance(choice, tuple) else (choice, None)
        values = list(values)
        if not values:
            raise ValueError(f"slider {name}: it needs at least one value")
        start = values[0] if start is None else start
        if start not in values:
            raise ValueError(f"slider {name}: the start value {start} is not among {values}")
        handles[name] = ipywidgets.SelectionSlider(
            options=[(f"{v:g}" if isinstance(v, float) else str(v), v) for v in values], value=start,
            description=name, continuous_update=True, layout=ipywidgets.Layout(width="480px"))
    frames = {}  # each picture is drawn once: going back and forth costs nothing
    place = ipywidgets.Output()

    def show(_change=None):
        values = {name: handle.value for name, handle in handles.items()}
        with place:  # an error shows here, too
            clear_output(wait=True)
            frame = tuple(values.values())
            if frame not in frames:
                frames[frame] = draw(**values)._repr_mimebundle_()
            data, metadata = frames[frame]
            display(data, metadata=metadata, raw=True)

    # not ipywidgets.interact: it loads matplotlib's inline backend, and sends there what the reader has begun to plot
    for handle in handles.values():
        handle.observe(show, "value")
    show()
    display(ipywidgets.VBox([*handles.values(), place], _dom_classes=("widget-interact",)))
