"""Settings are one thing or an error, the quota of a container counts, no console stops a line."""

import io
import os
import sys

import pytest

from utils import machine


@pytest.mark.parametrize("value, text", [(None, None), ("", None), ("  ", None), ("\t", None), (" a b ", "a b")])
def test_empty_is_unset(monkeypatch, value, text):
    monkeypatch.delenv("PRACTICUM_X", raising=False)
    if value is not None:
        monkeypatch.setenv("PRACTICUM_X", value)
    assert machine.setting("PRACTICUM_X") == text


@pytest.mark.parametrize("values, meaning", [
    (["1", "true", "True", "YES", "y", "on", " On "], True), (["", " ", "0", "false", "no", "N", "OFF", " 0"], False)])
def test_a_switch_is_on_or_off(monkeypatch, values, meaning):
    for value in values:
        monkeypatch.setenv("PRACTICUM_X", value)
        assert machine.switch("PRACTICUM_X") is meaning, value
    monkeypatch.delenv("PRACTICUM_X")
    assert machine.switch("PRACTICUM_X") is False


@pytest.mark.parametrize("value", ["2", "-1", "00", "1.0", "offf", "None", "ja"])
def test_a_switch_that_is_neither_is_an_error(monkeypatch, value):
    monkeypatch.setenv("PRACTICUM_X", value)
    with pytest.raises(ValueError, match=f"PRACTICUM_X='{value}' is neither yes nor no"):
        machine.switch("PRACTICUM_X")


# ---------------------------------------------------------------- the console

LINE = "✔ λ ≥ 0 · measured 1"


@pytest.mark.parametrize("encoding, shown", [
    ("utf-8", "✔ λ ≥ 0 · measured 1"), ("utf-16", "✔ λ ≥ 0 · measured 1"), ("cp1252", "[ok] ? ? 0 · measured 1"),
    ("ascii", "[ok] ? ? 0 - measured 1"), ("latin-1", "[ok] ? ? 0 · measured 1"), ("cp437", "[ok] ? ≥ 0 · measured 1"),
    ("cp932", "[ok] λ ? 0 ? measured 1"), ("gb18030", "✔ λ ≥ 0 · measured 1")])
def test_every_console_gets_its_line(monkeypatch, encoding, shown):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")
    monkeypatch.setattr(sys, "stdout", stream)
    machine.say(LINE)
    machine.say("✘ no")
    stream.flush()
    said = stream.buffer.getvalue().decode(encoding).splitlines()
    if encoding != "cp932":
        assert said[0] == shown
    assert said[1] == ("✘ no" if "✔" in shown else "[x] no")


def test_a_stream_without_an_encoding_and_a_name_that_is_no_text(monkeypatch, capsys):
    machine.say("a\udcff✔")  # a file's name in another encoding
    assert capsys.readouterr().out == "a?✔\n"
    said = []
    monkeypatch.setattr(sys, "stdout", type("Stream", (), {"write": lambda self, text: said.append(text)})())
    machine.say(LINE)
    assert "".join(said) == LINE + "\n"
    monkeypatch.setattr(sys, "stdout", None)  # pythonw has none
    machine.say(LINE)


# ---------------------------------------------------------------- CPUs

def computer(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return folder


@pytest.fixture
def sixty_four(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(64)), raising=False)


V2 = "sys/fs/cgroup"
V1 = "sys/fs/cgroup/cpu,cpuacct"


@pytest.mark.parametrize("files, cpus", [
    ({}, 64), ({"proc/self/cgroup": ""}, 64),
    # version 2
    ({"proc/self/cgroup": "0::/\n", f"{V2}/cpu.max": "200000 100000\n"}, 2),
    ({"proc/self/cgroup": "0::/\n", f"{V2}/cpu.max": "max 100000\n"}, 64),
    ({"proc/self/cgroup": "0::/\n", f"{V2}/cpu.max": "150000 100000\n"}, 2),
    ({"proc/self/cgroup": "0::/\n", f"{V2}/cpu.max": "5000 100000\n"}, 1),
    ({"proc/self/cgroup": "0::/\n", f"{V2}/cpu.max": "9900000 100000\n"}, 64),
    ({"proc/self/cgroup": "0::/user/pod/box\n", f"{V2}/user/pod/cpu.max": "300000 100000\n",
      f"{V2}/user/pod/box/cpu.max": "max 100000\n"}, 3),
    ({"proc/self/cgroup": "0::/user/pod\n", f"{V2}/user/pod/cpu.max": "300000 100000\n",
      f"{V2}/user/cpu.max": "400000 100000\n"}, 3),
    ({"proc/self/cgroup": "0::/kubepods/the/host's/path\n", f"{V2}/cpu.max": "400000 100000\n"}, 4),
    ({"proc/self/cgroup": "0::/../other\n", f"{V2}/cpu.max": "400000 100000\n"}, 4),
    ({"proc/self/cgroup": "0::/\n", f"{V2}/cpu.max": "0 0\n"}, 64),
    ({"proc/self/cgroup": "0::/\n", f"{V2}/cpu.max": ""}, 64),
    ({"proc/self/cgroup": "0::/\n", f"{V2}/cpu.max": "many\n"}, 64),
    # version 1, and both
    ({"proc/self/cgroup": "4:cpu,cpuacct:/docker/7f\n", f"{V1}/docker/7f/cpu.cfs_quota_us": "250000\n",
      f"{V1}/docker/7f/cpu.cfs_period_us": "100000\n"}, 3),
    ({"proc/self/cgroup": "4:cpu,cpuacct:/docker/7f\n", f"{V1}/cpu.cfs_quota_us": "200000\n",
      f"{V1}/cpu.cfs_period_us": "100000\n"}, 2),
    ({"proc/self/cgroup": "4:cpu,cpuacct:/\n", f"{V1}/cpu.cfs_quota_us": "-1\n",
      f"{V1}/cpu.cfs_period_us": "100000\n"}, 64),
    ({"proc/self/cgroup": "1:cpu:/\n", "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000\n",
      "sys/fs/cgroup/cpu/cpu.cfs_period_us": "50000\n"}, 4),
    ({"proc/self/cgroup": "4:cpuacct,cpu:/\n", "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000\n",
      "sys/fs/cgroup/cpu/cpu.cfs_period_us": "50000\n"}, 4),
    ({"proc/self/cgroup": "5:memory:/\n", "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000\n",  # none of the CPU's
      "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"}, 64),
    ({"proc/self/cgroup": "9:name=systemd:/\n3:cpuset:/\n1:cpu:/\n0::/a:b\n",
      "sys/fs/cgroup/unified/a:b/cpu.max": "100000 100000\n"}, 1)])
def test_a_quota_counts(tmp_path, sixty_four, files, cpus):
    assert machine.usable_cpus(computer(tmp_path, files)) == cpus


def test_the_affinity_counts_too(tmp_path, monkeypatch):
    files = {"proc/self/cgroup": "0::/\n", f"{V2}/cpu.max": "400000 100000\n"}
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {5, 6} if pid == 0 else {1}, raising=False)
    assert machine.usable_cpus(computer(tmp_path, files)) == 2
    monkeypatch.delattr(os, "sched_getaffinity")  # macOS, Windows
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert machine.usable_cpus(tmp_path) == 4
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert machine.usable_cpus(tmp_path) == 1


def test_this_computer_has_at_least_one_cpu():
    assert 1 <= machine.usable_cpus() <= os.cpu_count()
