"""`make lab`: what it installs and when, in which folders; it serves the first notebook, and leaves nothing behind."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import lab
import pytest

ROOT = Path(__file__).parents[1]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
unix = pytest.mark.skipif(os.name != "posix" or not shutil.which("make"), reason="needs make")

# --- what make does to .venv, with a Python that writes down what it is asked for ---

FAKE = """#!/bin/sh
if [ "$1" = tools/threads.py ]; then echo "OMP_NUM_THREADS=3"; exit; fi
echo "$@" >> "$CALLS"
case "$1" in tools/lab.py|tools/execute.py) echo "threads $OMP_NUM_THREADS" >> "$CALLS"; esac
if [ "$2" = venv ]; then mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; fi
if [ "$2 $6" = "pip $FAIL" ]; then exit 1; fi
"""


@pytest.fixture(params=["course", "My Course 2026 #1", "100% $HOME `x` a'b\"c", "Übung – 第8週"])
def course(request, tmp_path):
    """A folder with the course's Makefile and a make() that returns what Python was asked for, and what was printed."""
    class Course:
        folder = tmp_path / request.param
        python = tmp_path / "bin" / "python"

        def make(self, target="lab", ok=True, **settings):
            calls = tmp_path / "calls"
            calls.write_text("", encoding="utf-8")
            environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"} | {"CALLS": str(calls)}
            arguments = [f"{name}={value}" for name, value in {"PYTHON": self.python, **settings}.items()]
            run = subprocess.run(["make", target, *arguments], cwd=self.folder, env=environment, capture_output=True,
                                 encoding="utf-8", timeout=60, check=False)
            self.printed = run.stdout + run.stderr
            assert (run.returncode == 0) is ok, self.printed
            lines = calls.read_text(encoding="utf-8").splitlines()
            self.threads = [line.removeprefix("threads ") for line in lines if line.startswith("threads ")]
            return [re.sub(r" --(quiet|disable-pip-version-check)", "", line) for line in lines
                    if line.startswith(("-m venv", "-m pip --quiet", "tools/"))]

    it = Course()
    it.folder.mkdir()
    it.python.parent.mkdir()
    it.python.write_text(FAKE, encoding="utf-8")
    it.python.chmod(0o755)
    for name in ("Makefile", "requirements.txt", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, it.folder)
    return it


VENV = "-m venv .venv"
PINS = "-m pip install -r .venv/pins.txt -c requirements.lock"
COURSE = "-m pip install --no-deps --no-build-isolation -e ."
LAB = "tools/lab.py --port 8888 notebooks/00-start-here.ipynb"


@unix
def test_what_is_installed_when(course):
    assert course.make() == [VENV, PINS, COURSE, LAB]
    assert course.threads == ["3"]  # what tools/threads.py says
    assert "-e" not in (course.folder / ".venv/pins.txt").read_text(encoding="utf-8")
    assert course.make() == [LAB]
    for newer in ("requirements.txt", "requirements.lock", "pyproject.toml"):
        for name in ("requirements.txt", "requirements.lock", "pyproject.toml", ".venv/.ready"):
            os.utime(course.folder / name, (2e9 if name == newer else 1e9, 2e9 if name == newer else 1e9))
        assert course.make() == [PINS, COURSE, LAB], newer
        os.utime(course.folder / newer, (1e9, 1e9))
        assert course.make() == [LAB]


@unix
def test_a_renamed_folder_installs_the_course_alone(course):
    course.make()
    course.folder = course.folder.rename(course.folder.parent / "another name")
    assert course.make() == [COURSE, LAB]
    assert course.make() == [LAB]


@unix
def test_a_copy_installs_the_course_again(course):
    course.make()
    course.folder = shutil.copytree(course.folder, course.folder.parent / "copy", symlinks=True)
    assert course.make() == [COURSE, LAB]


@unix
@pytest.mark.parametrize("how", ["dangles", "fails"])
def test_an_environment_whose_python_is_gone_is_told_and_kept(course, how):
    """It may be back tomorrow: 6 GB are not deleted unasked."""
    course.make()
    python = course.folder / ".venv/bin/python"
    python.unlink()
    if how == "dangles":
        python.symlink_to(course.folder / "python of yesterday")
    else:
        python.write_text("#!/nowhere/python3\n", encoding="utf-8")
    assert course.make(ok=False) == []
    assert "The Python of .venv does not run (upgraded? another machine?): make clean, then again." in course.printed
    assert (course.folder / ".venv/pins.txt").exists()
    course.make("clean")
    assert course.make() == [VENV, PINS, COURSE, LAB]


@unix
def test_an_environment_that_is_there_already_is_kept(course):
    """One in which the CPU build of torch was installed first."""
    (course.folder / ".venv/bin").mkdir(parents=True)
    shutil.copy(course.python, course.folder / ".venv/bin/python")
    (course.folder / ".venv/torch of mine").touch()
    assert course.make() == [PINS, COURSE, LAB]
    assert (course.folder / ".venv/torch of mine").exists()


@unix
def test_an_installation_that_failed_is_tried_again(course):
    os.environ["FAIL"] = "-r"
    try:
        assert course.make(ok=False)[-1] == PINS
        os.environ["FAIL"] = "--no-deps"
        course.make(ok=False)
    finally:
        del os.environ["FAIL"]
    assert course.make() == [COURSE, LAB]


@unix
@pytest.mark.parametrize("found", ["2.7", "3.10", "3.15"])
def test_another_python_is_refused_before_anything_is_made(course, found, tmp_path):
    numbers = ", ".join(found.split("."))
    course.python.write_text(
        f'#!/bin/sh\nexec "{sys.executable}" -c '
        f'"import sys; sys.version_info = ({numbers}, 0); exec(sys.argv[1])" "$2"\n', encoding="utf-8")
    assert course.make(ok=False) == []
    assert f"Python 3.11 to 3.14 is needed, this is {found}: make PYTHON=python3.12" in course.printed
    assert not (course.folder / ".venv").exists()
    (course.folder / ".venv/bin").mkdir(parents=True)
    shutil.copy(course.python, course.folder / ".venv/bin/python")
    assert course.make(ok=False) == []
    assert "That is the Python of .venv: make clean, then again." in course.printed


@unix
def test_no_python_at_all(course):
    course.make(ok=False, PYTHON="python3.99")
    assert "There is no python3.99: install Python 3.11 to 3.14, or name yours: make PYTHON=" in course.printed


@unix
def test_copies_of_a_page_are_no_pages(course):
    notebooks = course.folder / "notebooks"
    notebooks.mkdir()
    pages = ["00-start-here", "10-vae-mnist"]
    for name in [*pages, "10-vae-mnist-Copy1", "10-vae-mnist copy", "10-vae-mnist - Copy", "10-vae-mnist (1)", "mine"]:
        (notebooks / f"{name}.ipynb").touch()
    assert course.make("execute")[-1] == "tools/execute.py " + " ".join(f"notebooks/{page}.ipynb" for page in pages)


def test_the_makefile_calls_modules_not_scripts():
    """A script in .venv/bin begins with the path that the folder had when it was installed."""
    assert set(re.findall(r"\$\(BIN\)/(\S+)", MAKEFILE)) == {"python"}


def test_what_the_makefile_calls_is_there_and_every_target_is_told():
    tools = re.findall(r"tools/\w+\.py", MAKEFILE)
    assert tools and [tool for tool in tools if not (ROOT / tool).exists()] == []
    targets = re.findall(r"^([a-z-]+):.*##", MAKEFILE, re.MULTILINE)
    told = "".join((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md"))
    assert len(targets) > 10 and [target for target in targets if f"make {target}" not in told] == []


# --- where Jupyter writes ---

def test_a_home_that_can_be_written_is_used(tmp_path):
    assert lab.replacements({}, tmp_path, tmp_path / "spare") == {}
    assert (tmp_path / ".ipython").is_dir() and not (tmp_path / "spare").exists()


def test_a_home_that_can_not_be_written_is_replaced(tmp_path):
    (tmp_path / "file").touch()  # below a file nothing can be made, not even by root
    found = lab.replacements({}, tmp_path / "file/home", tmp_path / "spare")
    assert set(found) == {"JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "HOME"}
    assert all(Path(place).is_relative_to(tmp_path / "spare") for place in found.values())


def test_one_folder_that_can_not_be_written_is_replaced_alone(tmp_path):
    (tmp_path / ".jupyter").touch()
    assert lab.replacements({}, tmp_path, tmp_path / "spare") == {
        "JUPYTER_CONFIG_DIR": str(tmp_path / "spare/jupyter_config_dir")}
    elsewhere = {"JUPYTER_CONFIG_DIR": str(tmp_path / "mine")}
    assert lab.replacements(elsewhere, tmp_path, tmp_path / "spare") == {}


# --- the real server ---

def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def status(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status
    except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
        return getattr(error, "code", None)


@unix
@pytest.mark.skipif(not sys.prefix.startswith(str(ROOT / ".venv")), reason="needs the environment that make made")
def test_make_lab_serves_the_first_notebook_and_stops_without_a_home_and_with_a_long_tmpdir(tmp_path):
    port, page = free_port(), "notebooks/00-start-here.ipynb"
    long = tmp_path / ("x" * max(1, 200 - len(str(tmp_path))))
    long.mkdir()
    flags = "--no-browser --IdentityProvider.token='' --ServerApp.port_retries=0"
    server = subprocess.Popen(
        ["make", "lab", f"PORT={port}", f"LAB={flags}"], cwd=ROOT, start_new_session=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env={**os.environ, "BROWSER": "true", "HOME": "/dev/null/home", "TMPDIR": str(long)})
    base = f"http://127.0.0.1:{port}"
    try:
        deadline = time.time() + 90
        while status(f"{base}/api") != 200:
            assert server.poll() is None, server.stdout.read().decode()
            assert time.time() < deadline, "the server did not answer within 90 s"
            time.sleep(0.2)
        with urllib.request.urlopen(base, timeout=5) as first:  # what the browser is sent to
            assert first.url.endswith(f"/lab/tree/{page}") and first.status == 200
        assert status(f"{base}/api/contents/{page}?content=0") == 200
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        printed = server.communicate(timeout=30)[0].decode()
    assert "Your home can't be written" in printed
    assert status(f"{base}/api") is None, "the port still answers"
    assert not list(long.iterdir()), "something is left in the temporary folder"
