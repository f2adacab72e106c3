"""Sliders in real kernels: each shows the picture of its value, drawn ahead only while the kernel rests."""

import base64
import gc
import io
import itertools
import json
import re
import sys
import time
import weakref
from html.parser import HTMLParser

import execute
import pytest
from jupyter_client.manager import start_new_kernel
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image

from utils import figures, frames, widgets

SETUP = """import ipywidgets, json, re
from utils import ahead, figures, widgets
drawn, made = [], []
ipywidgets.Widget.on_widget_constructed(made.append)
def draw(beta, gamma="a"):
    drawn.append((beta, gamma))
    picture, ax = figures.canvas(alt=f"a line to {beta} {gamma}", width=3)
    ax.plot([0, beta])
    return picture
def shown():
    states = ipywidgets.Widget.get_manager_state()["state"].values()
    values = [model["state"].get("value", "") for model in states if model["model_name"] == "HTMLModel"]
    print(json.dumps([re.search('alt="(.*?)".*base64,(.*?)"', value, re.S).groups() for value in values
                      if "<img" in value]))"""
CELLS = [SETUP,
         "draw(1)",
         "widgets.interact(draw, beta=[1, 2])",
         "draw(1)",
         "widgets.interact(draw, beta=([1, 2, 3], 2), gamma=['a', 'b'])",
         "shown()",
         "_, beta, gamma = [widget for widget in made if isinstance(widget, ipywidgets.SelectionSlider)]",
         "beta.value = 3", "shown()",
         "gamma.value = 'b'", "shown()",
         "beta.value = 2\ngamma.value = 'a'", "shown()",
         "draw(2)", "draw(3)", "print(json.dumps(drawn))",
         "print(json.dumps([len(widgets._sliders), ahead._kernel['task'] is None]))"]


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    nb = new_notebook(cells=[new_code_cell(source) for source in CELLS])
    execute.run(nb, tmp_path_factory.mktemp("sliders"))
    return nb.cells


def printed(cell):
    return json.loads(cell.outputs[0].text)


def picture_of(cell):
    return cell.outputs[0].data["image/png"].replace("\n", "")


def test_a_slider_leaves_the_pictures_after_it_alone(cells):
    before, after = (cells[i].outputs[0] for i in (1, 3))
    assert before.data == after.data and before.metadata == after.metadata
    assert Image.open(io.BytesIO(base64.b64decode(after.data["image/png"]))).mode == "P"


def test_a_slider_begins_at_its_start_value_or_at_its_first_with_the_page_s_own_picture(cells):
    assert printed(cells[5]) == [["a line to 1 a", picture_of(cells[1])], ["a line to 2 a", picture_of(cells[13])]]


def test_each_frame_is_the_picture_of_its_values(cells):
    """After every step one picture, drawn for where the sliders stand; the neighbor's stays as it was."""
    for cell, words in ((8, "a line to 3 a"), (10, "a line to 3 b"), (12, "a line to 2 a")):
        assert [alt for alt, _ in printed(cells[cell])] == ["a line to 1 a", words]
    assert len({printed(cells[cell])[1][1] for cell in (8, 12)}) == 2
    assert printed(cells[12])[1][1] == picture_of(cells[13])


def test_a_picture_is_drawn_once_for_each_place(cells):
    in_sliders = [[1, "a"], [2, "a"], [3, "a"], [3, "b"], [2, "b"]]  # and back at 2, a: not drawn again
    assert printed(cells[15]) == [[1, "a"], in_sliders[0], [1, "a"], *in_sliders[1:], [2, "a"], [3, "a"]]


def test_without_a_person_nothing_is_drawn_ahead(cells):
    assert printed(cells[16]) == [2, True]


# without a kernel

def line(step):
    picture, ax = figures.canvas(alt=f"after {step}", width=3, height=2)
    ax.plot([0, step])
    return picture


@pytest.fixture
def slider(monkeypatch):
    """A function that makes a slider outside of a kernel; it and its pictures are gone after the test."""
    monkeypatch.setattr(widgets, "_sliders", [])
    monkeypatch.setattr(widgets, "_kept", type(widgets._kept)())

    def make(draw, **choices):
        widgets._sliders.append(widgets.Slider(frames.Frames(draw, choices)))
        return widgets._sliders[-1]
    return make


def steps():
    """Draw ahead until nothing is left to do: one picture a step."""
    for number in range(100):
        if not widgets._draw_one():
            return
        yield number
    raise AssertionError("it draws for ever")


def test_a_picture_that_cannot_be_drawn_says_why_and_the_others_stay(slider):
    broken = {2, 3}

    def draw(step):
        if step in broken:
            raise KeyError(f"<{step}>")
        print(f"drew <{step}>")
        return line(step)
    one = slider(draw, step=[1, 2, 3, 4])
    assert "drew &lt;1&gt;" in one.stage.value and 'alt="after 1"' in one.stage.value
    one.handles[0].index = 1
    assert "<p>step = 2: no picture. KeyError: &#x27;&lt;2&gt;&#x27;</p>" in one.stage.value
    assert "<img" not in one.stage.value and "line" in one.stage.value, "with the place where it stopped"
    list(steps())
    assert {place for _, place in widgets._kept} == {(0,), (3,)} and list(one.failed) == [(1,), (2,)]
    one.handles[0].index = 3
    assert 'alt="after 4"' in one.stage.value
    broken.clear()
    one.handles[0].index = 1
    assert 'alt="after 2"' in one.stage.value, "mended, it is drawn"


def test_handles_have_names_and_a_line_says_where_they_stand_while_they_are_dragged(slider):
    one = slider(lambda step, beta: line(step), step=[1, 2], beta=[0.1, 1e-7 / 3])
    assert [handle.description for handle in one.handles] == ["step", "beta"]
    assert [list(handle._options_labels) for handle in one.handles] == [["1", "2"], ["0.1", "3.33333e-08"]]
    assert all(handle.continuous_update for handle in one.handles)
    one.handles[1].index = 1
    assert ">step = 1, beta = 3.33333e-08</span>" in one.line.value


def test_nothing_that_a_picture_says_reaches_the_cell_that_ran_last(slider, capfd):
    def draw(step):
        print("to read"), print("to warn", file=sys.stderr)
        return line(step)
    assert "to read\nto warn" in slider(draw, step=[1]).stage.value
    assert capfd.readouterr() == ("", "")


def test_a_picture_that_comes_late_leaves_the_one_that_is_wanted(slider):
    def draw(step):
        if step == 2:  # moved on in the meantime, as it is where a thread of its own answers
            one.handles[0].index = 2
        return line(step)
    one = slider(draw, step=[1, 2, 3])
    one.handles[0].index = 1
    assert 'alt="after 3"' in one.stage.value and len(widgets._kept) == 3


def test_a_closed_slider_draws_nothing(slider):
    one = slider(line, step=[1, 2])
    one.close()
    one.show_new()
    assert not widgets._kept and not widgets._sliders


@pytest.mark.parametrize("draw", [lambda step: None, lambda step, missing: None, lambda step: 1 / 0])
def test_a_function_that_never_draws_stops_no_page(slider, draw):
    one = slider(draw, step=[1, 2])
    assert "step = 1: no picture. " in one.stage.value
    assert widgets._draw_one() and not widgets._draw_one()


def test_words_reach_the_page_as_words(slider):
    def draw(kind):
        picture = line(1)
        picture.alt = f'"{kind}" & <b>'
        return picture
    one = slider(draw, kind=["<script>", "b"])
    assert 'alt="&quot;&lt;script&gt;&quot; &amp; &lt;b&gt;"' in one.stage.value
    assert "kind = &lt;script&gt;</span>" in one.line.value
    width, height = map(int, re.search(r'width="(\d+)" height="(\d+)"', one.stage.value).groups())
    image = re.search('base64,(.*?)"', one.stage.value)[1]
    assert Image.open(io.BytesIO(base64.b64decode(image))).size == (width, height)


def test_a_page_reads_the_picture_s_attributes_as_they_were_written(slider):
    read = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: read.append((tag, dict(attributes)))
    parser.feed(slider(line, step=[1]).stage.value)
    (tag, attributes), = read
    assert tag == "img" and attributes["onload"] == widgets.SPEAK and attributes["alt"] == "after 1"


def test_figures_that_nobody_needs_are_thrown_away_in_between(slider):
    alive = []

    def draw(step):
        picture = line(step)
        alive.append(weakref.ref(picture.figure))
        return picture
    slider(draw, step=list(range(25)))
    gc.disable()
    try:
        list(steps())
        assert len(alive) == 25 and sum(figure() is not None for figure in alive) < 15
    finally:
        gc.enable()


def test_neighbors_come_first_then_what_two_handles_reach(slider):
    one = slider(lambda a, b: line(a), a=([1, 2, 3, 4], 2), b=([5, 6, 7], 5))
    other = slider(lambda c: line(c), c=[1, 2, 3])
    order = []
    for _ in steps():
        order.append(list(widgets._kept)[-1])
    mine = [place for of, place in order if of is one]
    assert sorted([*mine, (1, 0)]) == list(itertools.product(range(4), range(3)))
    assert set(mine[:3]) == {(0, 0), (2, 0), (1, 1)} and set(mine[:5]) == {*mine[:3], (3, 0), (1, 2)}
    assert [place for of, place in order if of is other] == [(1,), (2,)]
    assert other in [of for of, _ in order[:2]], "the other slider's neighbor is not left to the end"


def test_kept_pictures_fill_no_more_than_their_room(slider, monkeypatch):
    size = len(frames.Frames(line, {"step": [1]}).picture((0,))[0])
    monkeypatch.setattr(widgets, "ROOM", 4 * size)
    one = slider(line, step=[1, 2, 3, 4, 5, 6, 7, 8])
    list(steps())
    ahead = [place for _, place in widgets._kept]
    assert 2 <= len(ahead) <= 4 and widgets._size() <= 4 * size, "drawing ahead pushes nothing out"
    for at in (7, 6, 5, 4, 3, 7):
        one.handles[0].index = at
        assert widgets._size() <= 4 * size and (one, (at,)) in widgets._kept
        assert f'alt="after {at + 1}"' in one.stage.value
    monkeypatch.setattr(widgets, "ROOM", 1)
    one.handles[0].index = 0
    assert list(widgets._kept) == [(one, (0,))] and 'alt="after 1"' in one.stage.value


# a kernel with somebody before it

class Reader:
    """A front end that a person sits at: its cells could ask questions, and are known by their ids."""

    def __init__(self, client):
        self.client = client

    def send(self, kind, content, cell=None):
        message = self.client.session.msg(kind, content, metadata={"cellId": cell} if cell else {})
        self.client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def ask(self, source, cell=None, person=True):
        return self.send("execute_request", {"code": source, "silent": False, "store_history": True,
                                             "user_expressions": {}, "allow_stdin": person}, cell)

    def run(self, source, cell=None, person=True):
        """What a cell prints, and the models of its widgets: [(name, comm)]."""
        asked, text, models = self.ask(source, cell, person), "", []
        while True:
            reply = self.client.get_iopub_msg(timeout=60)
            kind, content = reply["msg_type"], reply["content"]
            if reply["parent_header"].get("msg_id") != asked:
                continue
            if kind == "comm_open":
                models.append((content["data"]["state"]["_model_name"], content["comm_id"]))
            elif kind == "stream":
                text += content["text"]
            elif kind == "error":
                raise AssertionError("\n".join(content["traceback"]))
            elif kind == "status" and content["execution_state"] == "idle":
                return text, models

    def move(self, handle, index):
        """Move a handle, and wait for the picture: its alt text."""
        state = {"method": "update", "state": {"index": index}, "buffer_paths": []}
        self.send("comm_msg", {"comm_id": handle, "data": state})
        while True:
            reply = self.client.get_iopub_msg(timeout=60)
            value = str(reply["content"].get("data", {}).get("state", {}).get("value", ""))
            if found := re.search('<img alt="(.*?)"', value):
                return found[1]


@pytest.fixture
def reader():
    manager, client = start_new_kernel(kernel_name="python3")
    yield Reader(client)
    client.stop_channels()
    manager.shutdown_kernel(now=True)


SLOW = SETUP + """
import time
plain = draw
def draw(beta, gamma="a"):
    time.sleep(0.1)
    print("drew", beta)
    with open({path!r}, "a", encoding="utf-8") as file:
        print(beta, file=file)
    return plain(beta, gamma)"""
COUNT = "print(len(drawn))"


@pytest.fixture
def diary(tmp_path):
    """What was drawn so far, in order, without asking the kernel; with count, once so many pictures are drawn."""
    path = tmp_path / "drawn"

    def read(count=0):
        deadline = time.monotonic() + 30
        while True:
            found = [int(line) for line in path.read_text(encoding="utf-8").split()]
            if len(found) >= count:
                return found
            assert time.monotonic() < deadline, f"{found} are drawn, should be {count}"
            time.sleep(0.05)
    read.source = SLOW.replace("{path!r}", repr(str(path)))
    return read


def test_pictures_are_drawn_ahead_while_the_kernel_rests_and_at_no_other_time(reader, diary):
    reader.run(diary.source)
    reader.run("widgets.interact(draw, beta=([10, 20, 30], 20))", cell="other", person=False)
    time.sleep(2)
    assert diary() == [20], "nobody is there"
    _, ids = reader.run("widgets.interact(draw, beta=([1, 2, 3, 4, 5], 4))", cell="one")
    for _ in range(8):  # a page that runs, cell after cell
        assert reader.run(COUNT)[0] == "2\n", "while cells run nothing is drawn, and nothing is printed into them"
        time.sleep(0.2)
    assert reader.run("time.sleep(2)\n" + COUNT)[0] == "2\n", "nor while one cell runs for long"
    assert diary(8)[:2] == [20, 4] and sorted(diary()) == [1, 2, 3, 4, 5, 10, 20, 30]
    assert set(diary()[2:6]) == {3, 5, 10, 30}, "neighbors first"
    handle = [comm for kind, comm in ids if kind == "SelectionSliderModel"][0]
    assert reader.move(handle, 1) == "a line to 2 a" and len(diary()) == 8, "no drawing is left to do"


def test_a_message_waits_for_one_picture_at_most(reader, diary):
    reader.run(diary.source)
    _, ids = reader.run("widgets.interact(draw, beta=list(range(1, 40)))", cell="one")
    handle = next(comm for kind, comm in ids if kind == "SelectionSliderModel")
    diary(3)
    assert reader.move(handle, 38) == "a line to 39 a"
    assert reader.run("1")[0] == "" and len(diary()) < 30 and 39 in diary(), "it was still drawing"


TRAINS = """import threading, torch
one, own, _ = widgets._sliders[0], torch.Generator().manual_seed(8), torch.manual_seed(8)
def move():  # as a kernel that answers sliders in a thread of their own does
    for index in (1, 38):
        one.handles[0].index = index
        print(re.search('alt="(.*?)"', one.stage.value)[1], len(drawn) - count)
count, mover = len(drawn), threading.Thread(target=move)
mover.start()
same = [torch.rand(1) == torch.rand(1, generator=own) for _ in range(100) if not time.sleep(0.01)]
mover.join()
print(all(same), len(drawn) - count)"""


def test_while_a_cell_runs_kept_pictures_come_and_new_ones_wait_for_its_end(reader, diary):
    reader.run(diary.source)
    reader.run("widgets.interact(draw, beta=list(range(1, 40)))", cell="one")
    before = len(diary(3))
    assert reader.run(TRAINS)[0].splitlines() == ["a line to 2 a 0", "a line to 2 a 0", "True 0"]
    while 39 not in diary(before := before + 1):
        pass
    shown = "time.sleep(0.5); print(re.search('alt=\"(.*?)\"', one.stage.value)[1])"
    assert reader.run(shown)[0] == "a line to 39 a\n"


def test_a_cell_that_runs_again_drops_its_old_slider(reader):
    reader.run(SETUP)
    ask = "print(len(widgets._sliders), len(widgets._kept), len(ipywidgets.Widget.get_manager_state()['state']))"
    two = "widgets.interact(draw, beta=[1]); widgets.interact(draw, beta=[2])"
    reader.run(two, cell="one")
    once = reader.run(ask)[0]
    reader.run(two, cell="one")
    assert reader.run(ask)[0] == once and once.startswith("2 ")
    reader.run(two, cell="other")
    assert reader.run(ask)[0].startswith("4 ")
    reader.run("widgets.interact(draw, beta=[1])", person=False)  # no cell id: nobody knows whether it is another cell
    reader.run("widgets.interact(draw, beta=[1])", person=False)
    assert reader.run(ask)[0].startswith("6 ")
