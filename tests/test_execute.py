"""Executing and storing notebooks: what is stored, what is refused, what is left out."""

import asyncio
import json
import time
from queue import Empty

import execute
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

SLIDER = """import ipywidgets
_ = ipywidgets.interact(lambda a: print("shown", a), a=[1, 2])"""


def write(path, *sources, **metadata):
    cells = [new_markdown_cell("# 05 · A page"), *(new_code_cell(s, metadata=metadata) for s in sources)]
    nbformat.write(new_notebook(cells=cells), path)
    return path


@pytest.fixture(autouse=True)
def default_seed(monkeypatch):
    monkeypatch.delenv("PRACTICUM_SEED", raising=False)
    monkeypatch.delenv("PRACTICUM_OFFLINE", raising=False)


def test_runs_top_to_bottom_in_its_folder(tmp_path, capsys):
    (tmp_path / "near.txt").write_text("found")
    path = write(tmp_path / "05-page.ipynb", "text = open('near.txt').read()", "print(text)")
    before = [cell.id for cell in execute.read(path).cells]
    assert execute.main([str(path)]) == 0
    nb = nbformat.read(path, as_version=4)
    assert [cell.get("execution_count") for cell in nb.cells] == [None, 1, 2]
    assert nb.cells[2].outputs[0].text == "found\n"
    assert [cell.id for cell in nb.cells] == before
    assert nb.metadata.kernelspec.name == "python3" and "version" not in nb.metadata.language_info
    assert "05-page.ipynb" in capsys.readouterr().out
    stored = path.read_bytes()
    assert execute.main([str(path)]) == 0 and path.read_bytes() == stored, "a second run changes nothing"


@pytest.mark.parametrize("source, word", [
    ("1 / 0", "ZeroDivisionError"),
    ("print(object())", "a memory address: 0x"),
    ("print('/home/ada/data')", "a path of this machine: /home/ada/data"),
    ("print('see http://127.0.0.1:8888')", "a host"),
    ("import warnings; warnings.warn('slow')", "writes to stderr"),
    (SLIDER, "shows a widget: tag it"),
    ("import os; os._exit(1)", "not stored, it stops"),
])
def test_refuses_to_store(tmp_path, capsys, source, word):
    path = write(tmp_path / "05-page.ipynb", source)
    before = path.read_bytes()
    assert execute.main([str(path)]) == 1
    assert word in capsys.readouterr().err
    assert path.read_bytes() == before


def test_a_slider_stores_no_view_and_no_state(tmp_path):
    path = write(tmp_path / "05-page.ipynb", SLIDER, tags=["nbval-ignore-output", "slider"])
    assert execute.main([str(path)]) == 0
    nb = nbformat.read(path, as_version=4)
    assert nb.cells[1].outputs == [] and "widgets" not in nb.metadata


@pytest.mark.parametrize("variable", ["PRACTICUM_SEED", "PRACTICUM_OFFLINE"])
def test_stores_only_the_course_s_own_seed_and_source(tmp_path, monkeypatch, variable):
    monkeypatch.setenv(variable, "1")
    path = write(tmp_path / "05-page.ipynb", "print(1)")
    before = path.read_bytes()
    with pytest.raises(SystemExit):
        execute.main([str(path)])
    assert execute.main(["--dry-run", str(path)]) == 0
    assert path.read_bytes() == before


def test_ids_are_kept_or_follow_from_the_content():
    def book():
        return {"nbformat": 4, "nbformat_minor": 4, "cells": [
            {"id": "mine", "cell_type": "code", "source": "a"}, {"cell_type": "code", "source": "b"},
            {"cell_type": "code", "source": ["b"]}, {"id": "mine", "cell_type": "code", "source": "c"}]}
    ids = [cell["id"] for cell in execute.name_cells(book())["cells"]]
    assert ids[0] == "mine" and len(set(ids)) == 4
    assert ids == [cell["id"] for cell in execute.name_cells(book())["cells"]]
    assert execute.name_cells(book())["nbformat_minor"] == 5


def test_texts_of_pictures_are_looked_through_but_not_their_bytes():
    picture = new_output("display_data", data={"image/png": "0xdeadbeef", "text/plain": "<Figure at 0xdeadbeef>"})
    nb = json.loads(nbformat.writes(new_notebook(cells=[new_code_cell("f", outputs=[picture], execution_count=1)])))
    assert execute.problems(nb) == ["Cell 0 shows a memory address: 0xdeadbeef"]


class Mailbox:
    """A channel that looks for messages only when a wait begins."""

    def __init__(self):
        self.messages = []

    async def get_msg(self, timeout):
        if not self.messages:
            await asyncio.sleep(timeout)
            raise Empty
        return self.messages.pop()


def test_a_message_that_woke_nobody_is_seen_within_a_second():
    async def wait(box):
        asyncio.get_running_loop().call_later(0.1, box.messages.append, "reply")
        return await box.get_msg(timeout=60)

    box = Mailbox()
    execute.look_every_second(box)
    start = time.monotonic()
    assert asyncio.run(wait(box)) == "reply"
    assert time.monotonic() - start < 10
    with pytest.raises(Empty):
        asyncio.run(box.get_msg(timeout=0.1))
