"""Executing and storing notebooks: what is stored, what is refused, what is left out."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from queue import Empty

import execute
import nbformat
import pytest
import zmq
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
    (tmp_path / "near.txt").write_text("found", encoding="utf-8")
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


def folder_of(root, length):
    """A folder below root whose name has this many characters in all."""
    while len(str(root)) < length:
        root /= "x" * min(100, max(1, length - len(str(root)) - 1))
    root.mkdir(parents=True, exist_ok=True)
    return root


@pytest.fixture
def temp(monkeypatch):
    """Make a folder the temp folder of this process, with nothing that was found before kept."""
    def use(folder):
        monkeypatch.setenv("TMPDIR", str(folder))
        monkeypatch.setattr(tempfile, "tempdir", None)
        execute.apart.cache_clear()
    yield use
    execute.apart.cache_clear()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such sockets")
@pytest.mark.parametrize("length", [0, 86, 87, 88, 115, 200])
def test_socket_names_fit_whatever_the_temp_folder(tmp_path, temp, length):
    folder = folder_of(tmp_path, length)
    temp(folder)
    ip = execute.channels()["ip"]
    assert len(f"{ip}-5") <= zmq.IPC_PATH_MAX_LEN
    assert ip.startswith(str(folder)) == (len(str(folder)) <= 87), "the temp folder itself is used where it can be"
    with socket.socket(socket.AF_UNIX) as probe:
        probe.bind(f"{ip}-5")


@pytest.mark.parametrize("name", ["with space", "Übung – 第8週", "a'b\"c#%", "x" * 190])
def test_runs_with_any_temp_folder(tmp_path, temp, name):
    folder = tmp_path / name
    folder.mkdir()
    temp(folder)
    assert execute.main([str(write(tmp_path / "05-page.ipynb", "print(1)"))]) == 0


@pytest.mark.parametrize("broken", [
    lambda *_: (_ for _ in ()).throw(OSError(95, "Operation not supported")),  # a file system without sockets
    lambda *_: (_ for _ in ()).throw(UnicodeEncodeError("utf-8", "", 0, 1, "surrogates not allowed")),
])
def test_without_sockets_it_takes_ports(tmp_path, monkeypatch, broken):
    class NoSockets(socket.socket):
        bind = broken

    monkeypatch.setattr(execute.socket, "socket", NoSockets)
    assert execute.channels() == {}


def test_ports_will_do(tmp_path, monkeypatch):
    monkeypatch.setattr(execute, "kernel_folder", lambda sockets: None)
    execute.apart.cache_clear()
    assert execute.main([str(write(tmp_path / "05-page.ipynb", "print(1)"))]) == 0
    execute.apart.cache_clear()


def test_a_full_temp_folder_is_passed_over(tmp_path, temp, monkeypatch):
    folder = tmp_path / "full"
    folder.mkdir()
    temp(folder)
    write_bytes = execute.Path.write_bytes

    def full(path, data):
        if folder in path.parents:
            raise OSError(28, "No space left on device")
        return write_bytes(path, data)

    monkeypatch.setattr(execute.Path, "write_bytes", full)
    assert not execute.channels()["ip"].startswith(str(folder)) and not list(folder.iterdir())


def test_a_person_s_own_settings_have_no_say(tmp_path, monkeypatch):
    profile = tmp_path / "ipython/profile_default"
    (profile / "startup").mkdir(parents=True)
    (profile / "ipython_config.py").write_text("c.InteractiveShell.ast_node_interactivity = 'all'\n", encoding="utf-8")
    (profile / "startup/00-mine.py").write_text("mine = 1\n", encoding="utf-8")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    path = write(tmp_path / "05-page.ipynb", "1\n2", "'mine' in globals()")
    assert execute.main([str(path)]) == 0
    first, second = nbformat.read(path, as_version=4).cells[1:]
    assert [o.data["text/plain"] for o in first.outputs] == ["2"] and second.outputs[0].data["text/plain"] == "False"


def test_a_home_that_cannot_be_written_is_not_seen(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    execute.apart.cache_clear()
    path = write(tmp_path / "05-page.ipynb", "from utils import figures\nprint(1)")
    try:
        assert "MPLCONFIGDIR" in execute.apart() and execute.main([str(path)]) == 0
    finally:
        execute.apart.cache_clear()


UNREACHABLE = """
import sys, execute
execute.channels = lambda: {"transport": "ipc", "ip": "/nowhere/" + "z" * 150 + "/k"}
sys.exit(execute.main(sys.argv[1:]))
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such sockets")
def test_a_kernel_that_cannot_be_reached_is_told_and_left(tmp_path):
    path = write(tmp_path / "05-page.ipynb", "print(1)")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(execute.ROOT / "tools"), *sys.path])}
    done = subprocess.run([sys.executable, "-c", UNREACHABLE, path], env=environment, capture_output=True, text=True,
                          encoding="utf-8", timeout=60)
    assert done.returncode == 1 and "05-page.ipynb: not stored, it stops.\nno kernel answers (ZMQError" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("coding", ["ascii", "cp1252"])
def test_a_console_without_check_marks(tmp_path, coding):
    environment = os.environ | {"PYTHONIOENCODING": coding}
    done = subprocess.run([sys.executable, execute.ROOT / "tools/twice.py",
                           write(tmp_path / "05-page.ipynb", "print('✔')")],
                          env=environment, capture_output=True, timeout=120)
    assert done.returncode == 0 and b"05-page.ipynb" in done.stdout
