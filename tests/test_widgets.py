"""Sliders in a real kernel: each shows the picture of its value, and the pictures after it look as they did before."""

import base64
import io
import json

import execute
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image

CELLS = ["""import ipywidgets, json
from utils import figures, widgets
drawn, made = [], []
ipywidgets.Widget.on_widget_constructed(made.append)
def draw(beta, gamma="a"):
    drawn.append((beta, gamma))
    picture, ax = figures.canvas(alt=f"a line to {beta} {gamma}", width=3)
    ax.plot([0, beta])
    return picture
def state(kind):
    widgets_of = ipywidgets.Widget.get_manager_state()["state"].values()
    return [model["state"] for model in widgets_of if model["model_name"] == kind]
def shown():
    print(json.dumps([[output["data"] for output in place["outputs"]] for place in state("OutputModel")]))""",
         "draw(1)",
         "widgets.interact(draw, beta=[1, 2])",
         "draw(1)",
         "widgets.interact(draw, beta=([1, 2, 3], 2), gamma=['a', 'b'])",
         "shown()",
         "_, beta, gamma = [widget for widget in made if isinstance(widget, ipywidgets.SelectionSlider)]",
         "beta.value = 3", "shown()",
         "gamma.value = 'b'", "shown()",
         "beta.value = 2\ngamma.value = 'a'", "shown()",
         "draw(2)", "draw(3)", "print(json.dumps(drawn))"]


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    nb = new_notebook(cells=[new_code_cell(source) for source in CELLS])
    execute.run(nb, tmp_path_factory.mktemp("sliders"))
    return nb.cells


def printed(cell):
    return json.loads(cell.outputs[0].text)


def test_a_slider_leaves_the_pictures_after_it_alone(cells):
    before, after = (cells[i].outputs[0] for i in (1, 3))
    assert before.data == after.data and before.metadata == after.metadata
    assert Image.open(io.BytesIO(base64.b64decode(after.data["image/png"]))).mode == "P"


def test_a_slider_begins_at_its_start_value_or_at_its_first(cells):
    assert [[data["text/plain"] for data in place] for place in printed(cells[5])] == [
        ["a line to 1 a"], ["a line to 2 a"]]


def test_each_frame_is_the_picture_of_its_values(cells):
    """After every step one picture, drawn for where the sliders stand; the neighbor's stays as it was."""
    for cell, words in ((8, "a line to 3 a"), (10, "a line to 3 b"), (12, "a line to 2 a")):
        assert [[data["text/plain"] for data in place] for place in printed(cells[cell])] == [
            ["a line to 1 a"], [words]]
    three, two = (printed(cells[cell])[1][0]["image/png"].strip() for cell in (8, 12))
    assert three == cells[14].outputs[0].data["image/png"].strip() != two
    assert two == cells[13].outputs[0].data["image/png"].strip()


def test_a_picture_is_drawn_once_for_each_place(cells):
    in_sliders = [[1, "a"], [2, "a"], [3, "a"], [3, "b"], [2, "b"]]  # and back at 2, a: not drawn again
    assert printed(cells[15]) == [[1, "a"], in_sliders[0], [1, "a"], *in_sliders[1:], [2, "a"], [3, "a"]]
