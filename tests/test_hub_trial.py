"""What of the trial of a hub needs no hub: what is missing, ports, arguments, tables, what a kernel says, processes."""

import json
import os
import shutil
import socket
import subprocess
import sys

import hub
import hub_accidents
import hub_student
import hub_trial
import pytest
import websocket
from pages import ROOT


@pytest.fixture
def made(tmp_path):
    """A hub that was not started."""
    return hub.Hub(tmp_path / "hub")


# --- what it needs ---

def test_what_is_missing_is_named_with_what_to_do(tmp_path, monkeypatch):
    assert "make hub-trial installs it" in hub.lacking(tmp_path)
    there = tmp_path / "build/hub/bin/jupyterhub"
    there.parent.mkdir(parents=True)
    there.touch()
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert "there is no node" in hub.lacking(tmp_path) and "apt-get install npm" in hub.lacking(tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    assert "configurable-http-proxy" in hub.lacking(tmp_path)
    proxy = tmp_path / "build/hub/node_modules/.bin/configurable-http-proxy"
    proxy.parent.mkdir(parents=True)
    proxy.touch()
    assert hub.lacking(tmp_path) == ""


@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
def test_without_npm_make_says_so():
    done = subprocess.run([shutil.which("make"), "npm", "PATH=/nonexistent"], cwd=ROOT, capture_output=True,
                          encoding="utf-8", check=False)
    assert done.returncode and "There is no npm" in done.stdout and "apt-get install npm" in done.stdout


def test_without_a_hub_one_line_and_no_trial(monkeypatch, capsys):
    monkeypatch.setattr(hub_trial, "lacking", lambda: "there is no node")
    assert hub_trial.main([]) == 1
    assert capsys.readouterr().out == "hub-trial: there is no node\n"


def test_a_port_in_use_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr(hub_trial, "lacking", lambda: "")
    monkeypatch.setattr(hub_trial, "here", dict)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert hub_trial.main(["--port", str(port)]) == 1
    told = capsys.readouterr().out
    assert told.count("\n") == 1 and f"port {port} can't be had" in told and "--port" in told
    assert hub.free(port) == port


def test_two_trials_in_one_folder_would_end_each_other(made):
    with subprocess.Popen([sys.executable, "-c", "input()", "hub_trial"], stdin=subprocess.PIPE) as other:
        (made.folder / "pid").write_text(str(other.pid), encoding="utf-8")
        with pytest.raises(hub.Failed, match=f"another trial, process {other.pid}, runs"):
            hub.Hub(made.folder)
        other.communicate(b"\n")
    assert hub.Hub(made.folder)


def test_one_accident_can_be_chosen():
    assert hub_accidents.named(["disk_full"]) == [hub_accidents.disk_full]
    assert hub_accidents.named(["accidents"]) == hub_accidents.named([None]) == hub_accidents.ALL
    assert hub_trial.options_of(["--only", "disk_full"]).only == "disk_full"


def test_ports_are_three_different_ones():
    assert len(set(hub.ports(3))) == 3


def test_the_settings_are_python_and_stay_on_loopback(made):
    text = (made.folder / "jupyterhub_config.py").read_text(encoding="utf-8")
    compile(text, "jupyterhub_config.py", "exec")
    assert f'bind_url = "http://127.0.0.1:{made.public}"' in text and "0.0.0.0" not in text
    assert made.password in text and made.password != made.token != made.service
    assert hub.Hub(made.folder).password not in text, "each trial has a password of its own"


def test_until_ends():
    assert hub.until(lambda: True, 0, "never") < 1
    with pytest.raises(hub.Failed, match="it does not come"):
        hub.until(lambda: False, 0, "it does not come")


# --- students and what a kernel says ---

@pytest.mark.parametrize("said, wanted", [
    ("05-ista-fista", ("05-ista-fista", 8)), ("notebooks/05-ista-fista.ipynb", ("05-ista-fista", 8)),
    ("notebooks/10-vae-mnist.ipynb:2", ("10-vae-mnist", 2)), ("10-vae-mnist:8", ("10-vae-mnist", 8))])
def test_a_page_and_how_many(said, wanted):
    assert hub_trial.wanted(said, 8) == wanted


@pytest.mark.parametrize("said", ["nothing", "05-ista-fista:0", "05-ista-fista:9", "05-ista-fista:two", ""])
def test_what_is_no_page_is_refused(said, capsys):
    with pytest.raises(SystemExit):
        hub_trial.options_of([said])
    assert "a page of the course" in capsys.readouterr().err


def test_names_are_as_people_are_called(made):
    assert any(" " in name for name in hub_trial.NAMES) and any(not name.isascii() for name in hub_trial.NAMES)
    assert hub_student.Student(made, "mary ann").base.endswith("/user/mary%20ann")
    assert hub_student.Student(made, "zoë").base.endswith("/user/zo%C3%AB")


class Wire:
    """A kernel's websocket that says what it was given."""

    def __init__(self, *told):
        self.told = list(told)

    def settimeout(self, seconds):
        self.seconds = seconds

    def recv_data_frame(self, control_frame):
        """The next message; when there is none, the server's pings, which go on for ever."""
        assert control_frame
        told = self.told.pop(0) if self.told else None
        kind = websocket.ABNF.OPCODE_PING if told is None else websocket.ABNF.OPCODE_TEXT
        return (websocket.ABNF.OPCODE_BINARY if isinstance(told, bytes) else kind), websocket.ABNF(data=told)


def message(kind, asked, **content):
    return json.dumps({"msg_type": kind, "parent_header": {"msg_id": asked} if asked else None, "content": content})


def test_a_cell_s_own_words_are_heard_until_it_is_done(made):
    student = hub_student.Student(made, "ada")
    student.wire = Wire(b"binary", message("stream", "other", text="not mine"), message("stream", "me", text="1\n2\n"),
                        message("error", "me", ename="ClaimFailed", evalue="no"),
                        message("status", "me", execution_state="busy"),
                        message("status", "me", execution_state="idle"), message("stream", "me", text="after the end"))
    heard = student.hear("me")
    assert heard == [("stream", "1\n2\n"), ("error", "ClaimFailed: no")]
    assert hub_accidents.lines(heard) == ["1", "2"]


def test_a_restart_is_heard(made):
    student = hub_student.Student(made, "ada")
    student.wire = Wire(message("status", "me", execution_state="busy"),
                        message("status", None, execution_state="restarting"))
    assert student.hear() == []


def test_silence_ends(made):
    student = hub_student.Student(made, "ada")
    student.wire = Wire()
    with pytest.raises(hub.Failed, match="nothing more is heard"):
        student.hear("me", seconds=0.05)


def test_trouble_of_one_is_his_and_stops_nothing(made, monkeypatch):
    def refused(self):
        raise hub.Failed("login: 403")

    monkeypatch.setattr(hub_student.Student, "log_in", refused)
    student = hub_student.Student(made, "ada").work("05-ista-fista")
    assert student.trouble == ["Failed: login: 403"] and student.cells == []


# --- processes ---

@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads other processes' environments")
def test_processes_are_found_by_their_environment_and_measured(made):
    told = {"JUPYTERHUB_USER": "zoë", "JUPYTERHUB_API_URL": f"http://127.0.0.1:{made.inner}/hub/api"}
    with subprocess.Popen([sys.executable, "-c", "print(1, flush=True); input()"], env=os.environ | told,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        assert [p.pid for p in made.of_students()] == [p.pid for p in made.of_students("zoë")] == [process.pid]
        assert made.of_students("ada") == made.of_students("zoë", "ipykernel") == []
        watch = hub_student.Watch(made)
        watch.look()
        assert watch.peaks["zoë"] > 2**20 and watch.all == watch.peaks["zoë"] and watch.seconds("zoë") >= 0
        made.__exit__()
        assert process.wait(10) < 0, "what is left of a student's ends with the hub"


# --- tables ---

def run(page, names, cells, trouble=()):
    return {"page": page, "wall": 100.0, "all": 3 * 2**30, "load": 2.0, "students": [
        {"name": name, "entered": 5.0, "cells": list(cells), "trouble": list(trouble), "cpu": 40.0, "peak": 2**30}
        for name in names]}


RESULT = {"date": "2000-01-01", "machine": "two cores", "versions": "some", "accidents": [
    ("a kernel is killed", "he is told", True), ("a disk is full", "all are hit | alas", False)]}


def test_the_slowest_cell_stands_beside_the_same_cell_alone():
    alone, many = run("p", ["first"], [1, 4, 2]), run("p", ["ada", "li"], [2, 6, 9])
    head = dict(zip(hub_trial.HEAD, hub_trial.rows_of(many, alone)[0], strict=True))
    assert head["slowest cell"] == "9.0 s" and head["that one alone"] == "2.0 s" and head["memory, peak"] == "1024 MiB"
    text = hub_trial.pages_text(RESULT | {"runs": {"p": many}, "alone": {"p": alone}})
    assert "Failures: 0" in text and "first, alone" in text and text.count("\n| ada |") == 1 and "2000-01-01" in text


def test_who_failed_stands_in_the_table():
    alone, many = run("p", ["first"], [1, 4]), run("p", ["ada"], [], ["Failed: login: 403"])
    row = hub_trial.rows_of(many, alone)[0]
    assert row[3] == row[4] == "–" and row[-1] == "1"
    assert "Failures: 1" in hub_trial.pages_text(RESULT | {"runs": {"p": many}, "alone": {"p": alone}})
    text = hub_trial.pages_text(RESULT | {"runs": {"p": run("p", ["ada"], [1, 3])}, "alone": {}})
    assert "alone: not run" in text and "| 3.0 s | – |" in text


def test_an_accident_that_spread_has_a_cross():
    text = hub_trial.accidents_text(RESULT)
    assert "| he is told | ✔ |" in text and r"all are hit \| alas | ✘ |" in text


def test_a_table_goes_between_its_marks(tmp_path):
    page = tmp_path / "PAGE.md"
    page.write_text("before\n<!-- hub-pages:begin -->\nold\n<!-- hub-pages:end -->\nafter\n", encoding="utf-8")
    for _ in range(2):
        hub_trial.put(page, "hub-pages", r"new \d")
        assert page.read_text(encoding="utf-8") == (
            "before\n<!-- hub-pages:begin -->\n\nnew \\d\n\n<!-- hub-pages:end -->\nafter\n")
    with pytest.raises(hub.Failed, match="no place for hub-accidents"):
        hub_trial.put(page, "hub-accidents", "")


def test_an_accident_that_breaks_is_told_and_the_others_are_tried(made, monkeypatch):
    def breaks(hub):
        """The sky falls."""
        raise hub_student.Failed("no sky")

    monkeypatch.setattr(hub_accidents, "pair_of", lambda hub: [])
    monkeypatch.setattr(hub_accidents, "part", lambda hub, pair: None)
    rows = hub_accidents.try_all(made, [breaks, lambda hub: ("rain", "nobody is wet", True)])
    assert rows == [("The sky falls.", "Failed: no sky", False), ("rain", "nobody is wet", True)]
