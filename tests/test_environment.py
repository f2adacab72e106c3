"""requirements.txt, its lock, environment.yml, pyproject.toml, the Makefile, README and CI say the same."""

import ast
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


PINS = [line for line in text("requirements.txt").splitlines() if line]
LOCK = [line for line in text("requirements.lock").splitlines() if not line.startswith("#")]
PROJECT = tomllib.loads(text("pyproject.toml"))["project"]
WORKFLOW = yaml.safe_load(text(".github/workflows/ci.yml"))
ENDS = ("3.11", "3.14")


def locked(lines, environment=None):
    """{name: version} of a lock's lines whose marker holds, on this machine or in the environment given."""
    wanted = map(Requirement, lines)
    return {canonicalize_name(r.name): str(r.specifier).removeprefix("==") for r in wanted
            if not r.marker or r.marker.evaluate(environment)}


def platform(python, system, machine):
    """The markers of a platform, as pip sees them there."""
    return {"python_version": python, "python_full_version": f"{python}.6", "sys_platform": system,
            "platform_machine": machine, "os_name": "nt" if system == "win32" else "posix",
            "platform_system": {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}[system],
            "implementation_name": "cpython", "platform_python_implementation": "CPython", "extra": ""}


PLATFORMS = [platform(python, *where) for python in ("3.11", "3.12", "3.13", "3.14")
             for where in (("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"), ("win32", "AMD64"))]


def test_every_requirement_is_pinned_exactly_and_the_course_comes_last():
    assert PINS[-1] == "-e ."
    assert all(re.fullmatch(r"[A-Za-z0-9-]+==[0-9.]+", pin) for pin in PINS[:-1])


def test_environment_yml_holds_the_same_pins_and_the_lock():
    *others, pip = yaml.safe_load(text("environment.yml"))["dependencies"]
    assert others == ["python=3.11", "pip"]
    assert pip == {"pip": [*PINS, "-c requirements.lock"]}


def test_ranges_in_pyproject_admit_the_pins():
    ranges = dict(re.split(r">=", r) for r in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"])
    pins = dict(pin.split("==") for pin in PINS[:-1])
    assert ranges.keys() == pins.keys()
    for name, least in ranges.items():
        assert Version(pins[name]) >= Version(least), name


@pytest.mark.parametrize("where", PLATFORMS, ids=lambda p: "-".join(list(p.values())[:4:3] + [p["sys_platform"]]))
def test_the_lock_holds_every_pin_on_every_platform(where):
    assert dict(pin.split("==") for pin in PINS[:-1]).items() <= locked(LOCK, where).items()


def test_the_lock_names_one_version_a_package_no_host_and_no_folder():
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+( ; [^/:@\\]+)?", line) for line in LOCK)
    for where in PLATFORMS:
        names = [r.name for r in map(Requirement, LOCK) if not r.marker or r.marker.evaluate(where)]
        assert len(names) == len(set(names))
    comments = [line for line in text("requirements.lock").splitlines() if line.startswith("#")]
    assert comments[1] == "#    make lock" and not re.search(r"://|/\w+/|--", "".join(comments))


def test_the_lock_holds_everything_that_the_pins_bring():
    """Followed from package to package, as they are installed here."""
    held, seen, todo = locked(LOCK), set(), [pin.split("==")[0] for pin in PINS[:-1]]
    while todo:
        name = canonicalize_name(todo.pop())
        if name not in seen:
            seen.add(name)
            assert name in held, f"{name} is not in requirements.lock: make lock"
            todo += [r.name for r in map(Requirement, requires(name) or [])
                     if not r.marker or r.marker.evaluate({"extra": ""})]
    assert len(seen) > 80


def test_what_is_installed_is_what_the_lock_says():
    wrong = []
    for name, wanted in locked(LOCK).items():
        try:
            found = version(name).split("+")[0]  # a build's own mark: 2.14.1+cpu is 2.14.1
        except PackageNotFoundError:
            continue  # torch's CPU build brings no nvidia-…
        if found != wanted:
            wrong.append(f"{name} {found}, not {wanted}")
    assert not wrong, "run in the course's environment: make test"


@pytest.mark.parametrize("pin", PINS[:-1])
def test_the_pins_are_what_runs(pin):
    name, wanted = pin.split("==")
    assert version(name).split("+")[0] == wanted, "run in the course's environment: make test"


def test_a_cpu_build_satisfies_pin_and_lock():
    pins = [Requirement(pin) for pin in [*PINS[:-1], *LOCK] if pin.startswith(("torch==", "torchvision=="))]
    assert len(pins) == 4
    assert all(str(pin.specifier).removeprefix("==") + "+cpu" in pin.specifier for pin in pins)


def test_torchvision_runs_beside_torch():
    import torch
    from torchvision.ops import nms  # the operator that a mismatched pair lacks

    assert nms(torch.tensor([[0.0, 0, 1, 1]]), torch.tensor([1.0]), 0.5).tolist() == [0]


# --- both ends of the Python range ---

def test_the_python_range_is_the_same_everywhere():
    low, high = (tuple(map(int, end.split("."))) for end in ENDS)
    above = (high[0], high[1] + 1)
    assert PROJECT["requires-python"] == f">={ENDS[0]},<{above[0]}.{above[1]}"
    assert f"{low} <= v < {above}" in text("Makefile")
    assert f"Python {ENDS[0]} to {ENDS[1]} is needed" in text("Makefile")
    assert f"Python {ENDS[0]} to {ENDS[1]}" in text("README.md") and f"Python {ENDS[0]} to {ENDS[1]}" in \
        text("INSTRUCTORS.md")
    assert WORKFLOW["jobs"]["test"]["strategy"]["matrix"]["python"] == list(ENDS)


def test_the_python_that_runs_lies_in_the_range():
    assert (3, 11) <= sys.version_info[:2] <= (3, 14)


def test_the_pinned_torch_is_named_where_its_smaller_build_is():
    pair = " ".join(pin for pin in PINS if pin.startswith(("torch==", "torchvision==")))
    assert f"install `{pair}`" in text("INSTRUCTORS.md")


# --- the first screen ---

def test_readme_is_short():
    assert len(text("README.md").encode()) <= 12_000


@pytest.mark.parametrize("name", sorted(path.name for path in ROOT.glob("*.md")))
def test_every_link_lands(name):
    assert dead_links(text(name), name) == []


def test_a_link_that_does_not_land_is_found():
    page = ("## A place\n[a](#a-place) [b](#no-place) [c](CLAIMS.md#c00-1) [d](CLAIMS.md#c00-99) [e](LECTURE.md#A0.1) "
            "[f](LECTURE.md#A0.9) [g](nowhere.md) [h](https://example.org/#x)")
    assert dead_links(page, "README.md") == ["#no-place", "CLAIMS.md#c00-99", "LECTURE.md#A0.9", "nowhere.md"]


def dead_links(page, name):
    """The links of a page by that name that lead to no file, or to no heading or anchor of it."""
    found = []
    for target in re.findall(r"\]\(([^)\s]*)\)", page):
        file, _, place = target.partition("#")
        if "://" not in target and not ((ROOT / (file or name)).exists() and (
                not place or place in places(text(file) if file else page))):
            found.append(target)
    return found


def places(page):
    """What a link into a Markdown page can name: its headings, as GitHub calls them, and its anchors."""
    headings = (re.sub(r"[^\w -]", "", heading.lower()) for heading in re.findall(r"^#+ (.*)$", page, re.MULTILINE))
    return {heading.replace(" ", "-") for heading in headings} | set(re.findall(r'<a id="([^"]*)">', page))


# --- continuous integration ---

def test_the_workflow_calls_what_is_there():
    jobs = WORKFLOW["jobs"]
    steps = {name: [step["run"] for step in job["steps"] if "run" in step] for name, job in jobs.items()}
    assert steps["test"] == ["make test"]
    assert jobs["elsewhere"]["strategy"]["matrix"]["os"] == ["macos-latest", "windows-latest"]
    assert "pip install -r requirements.txt -c requirements.lock" in steps["elsewhere"][0]
    for step in (step for all_steps in steps.values() for step in all_steps):
        for path in re.findall(r"[\w./-]+\.(?:ipynb|cfg|py|txt|lock)\b", step.replace("[0-9]*.ipynb", "")):
            assert (ROOT / path).exists(), path
    for name in re.findall(r"test_environment\.py::(\w+)", " ".join(steps["newest"])):
        assert name in globals()
    assert WORKFLOW[True]["schedule"] and "schedule" in jobs["newest"]["if"]  # YAML 1.1 reads the key `on` as true


def test_the_shards_of_the_seeds_are_all_of_them():
    jobs = yaml.safe_load(text(".github/workflows/seeds.yml"))["jobs"]
    shards = jobs["shard"]["strategy"]["matrix"]["shard"]
    assert shards == [f"{k}/{len(shards)}" for k in range(1, len(shards) + 1)]
    called = re.findall(r"make ([a-z]+)", str(jobs))
    assert called == ["ready", "seeds", "merge", "generate"]
    assert all(re.search(rf"^{target}:", text("Makefile"), re.MULTILINE) for target in called)
    assert "SHARD=${{ matrix.shard }}" in str(jobs) and jobs["merge"]["needs"] == "shard"


def test_ci_runs_the_whole_check_once():
    *_, test, device, browser = text(".ci/run").splitlines()
    assert test == "make test" and device.startswith("make device PLANTS= NB=")
    assert browser == "make test-browser PAGES=00 || make test-browser PAGES=00"  # twice at most, and never `|| true`
    assert all((ROOT / page).exists() for page in re.findall(r"notebooks/\S+\.ipynb", device))


# --- the same bytes and the same letters everywhere ---

@pytest.mark.skipif(not (ROOT / ".git").exists() or not shutil.which("git"), reason="needs git and a clone")
def test_a_clone_with_autocrlf_has_the_same_bytes():
    def files(setting):
        made = subprocess.run(["git", "-c", f"core.autocrlf={setting}", "archive", "HEAD"], cwd=ROOT,
                              capture_output=True, check=True).stdout
        with tarfile.TarFile(fileobj=io.BytesIO(made)) as tar:
            return {m.name: tar.extractfile(m).read() for m in tar if m.isfile()}

    plain, windows = files("false"), files("true")
    assert plain == windows and "README.md" in plain
    assert not [name for name, held in plain.items() if b"\r\n" in held and not name.endswith((".png", ".gz"))]


# --- a run of pytest that ends ---

def test_a_test_that_hangs_is_ended_and_named(tmp_path):
    settings = tomllib.loads(text("pyproject.toml"))["tool"]["pytest"]["ini_options"]
    assert 0 < settings["timeout"] < settings["faulthandler_timeout"] <= 600
    page = tmp_path / "test_hangs.py"
    page.write_text("import itertools, time\n\ndef test_sleeps():\n    time.sleep(100)\n\n"
                    "def test_hears_no_signal():\n    sum(itertools.repeat(0))\n", encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-c", ROOT / "pyproject.toml", "--rootdir", tmp_path,
         "-p", "pytest_timeout", "-p", "no:cacheprovider", "-o", "timeout=0.3", "-o", "faulthandler_timeout=0.8", page],
        cwd=tmp_path, env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}, capture_output=True, encoding="utf-8",
        timeout=60, check=False)
    assert run.returncode == 1, run.stdout
    assert re.search(r"test_sleeps\W+FAILED", run.stdout)  # by pytest-timeout: the run goes on
    assert "in test_hears_no_signal" in run.stderr  # by faulthandler: the process ends


def text_files(tree):
    """(call, does it say its encoding?) wherever text is read or written, or a subprocess's output is decoded."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        said = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        given = [ast.unparse(a) for a in call.args[isinstance(call.func, ast.Name):]]  # open(path, mode)
        mode = said.get("mode", given[0] if given else "''")
        opens = name == "open" and mode[0] in "'\"" and "b" not in mode  # not Image.open(buffer)
        if opens or name in ("read_text", "write_text") or said.get("text", said.get("universal_newlines")) == "True":
            yield call, "encoding" in said


def test_what_reads_text_is_found():
    untold = ["open(p)", "open(p, 'w')", "p.open()", "p.open('a')", "p.read_text()", "(a / b).write_text(x)",
              "run(c, text=True)"]
    told = ["open(p, encoding=e)", "p.open(encoding=e)", "p.read_text(encoding=e)", "run(c, text=True, encoding=e)"]
    other = ["open(p, 'rb')", "p.open('wb')", "open(p, mode='ab')", "Image.open(p)", "p.read_bytes()", "f(text='x')"]
    assert [[good for _, good in text_files(ast.parse(code))] for code in untold] == [[False]] * len(untold)
    assert [[good for _, good in text_files(ast.parse(code))] for code in told] == [[True]] * len(told)
    assert [list(text_files(ast.parse(code))) for code in other] == [[]] * len(other)


@pytest.mark.parametrize("folder", ["utils", "tools", "tests", "benchmarks"])
def test_text_is_read_and_written_in_utf_8_whatever_the_locale(folder):
    """As PLW1514 of ruff, which misses what it can't see is a Path, and decoded output."""
    calls = [(path, call.lineno, good) for path in sorted((ROOT / folder).rglob("*.py"))
             for call, good in text_files(ast.parse(path.read_text(encoding="utf-8")))]
    assert not [f"{path.relative_to(ROOT)}:{line}" for path, line, good in calls if not good]
