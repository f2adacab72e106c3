"""Sliders in a real kernel: a picture that is shown after a slider looks as it did before it."""

import base64
import io

import execute
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image

CELLS = ["""from utils import figures, widgets
def draw(beta):
    picture, ax = figures.canvas(alt="a line")
    ax.plot([0, beta])
    return picture""", "draw(1)", "widgets.interact(draw, beta=[1, 2])", "draw(1)"]


def test_a_slider_leaves_the_pictures_after_it_alone(tmp_path):
    nb = new_notebook(cells=[new_code_cell(source) for source in CELLS])
    execute.run(nb, tmp_path)
    before, after = (nb.cells[i].outputs[0] for i in (1, 3))
    assert before.data == after.data and before.metadata == after.metadata
    assert Image.open(io.BytesIO(base64.b64decode(after.data["image/png"]))).mode == "P"
