"""The course installed without its clone: `pip install .`, a wheel, Colab. The digits come along."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from utils import data, runtime

ROOT = Path(__file__).parents[1]

PROBE = """
import hashlib, json, sys
from pathlib import Path
import utils
from utils import data
offline = data.mnist()
print(json.dumps({"package": utils.__file__, "root": str(data.root()), "source": offline.source,
                  "digest": hashlib.sha256(offline.train.cpu().numpy().tobytes()).hexdigest()}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The files of a wheel, built from a copy: building leaves folders beside what it builds."""
    tools = runtime.versions("pip", "setuptools")  # asked, not imported: setuptools takes the place of distutils
    if "missing" in tools.values() or int(tools["setuptools"].split(".")[0]) < 77:
        pytest.skip("pip and setuptools 77 or newer are needed to build a wheel")
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE", "LICENSE-content"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "utils", source / "utils", ignore=shutil.ignore_patterns("__pycache__"))
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
             "--wheel-dir", str(out), str(source)]
    run = subprocess.run(build, capture_output=True, encoding="utf-8", timeout=300)
    assert run.returncode == 0, run.stderr
    (made,) = out.glob("*.whl")
    site = tmp_path_factory.mktemp("site-packages")
    with zipfile.ZipFile(made) as archive:
        archive.extractall(site)
    return site


def test_a_wheel_holds_every_file_of_the_package(wheel):
    def files(folder):
        return sorted(str(path.relative_to(folder)) for path in (folder / "utils").rglob("*")
                      if path.is_file() and "__pycache__" not in path.parts)
    assert files(wheel) == files(ROOT)
    assert len(list((wheel / "utils" / "offline").glob("*.gz"))) == 4
    assert (wheel / "utils" / "offline" / "LICENSE").exists()  # the digits have another than the code


def test_a_wheel_reads_its_digits_and_keeps_downloads_in_the_cache(wheel, tmp_path, monkeypatch):
    environment = os.environ | {"PYTHONPATH": str(wheel), "PRACTICUM_OFFLINE": "1", "HOME": str(tmp_path),
                                "USERPROFILE": str(tmp_path), "PRACTICUM_DATA": "", "XDG_CACHE_HOME": "",
                                "LOCALAPPDATA": "", "OMP_NUM_THREADS": "1"}
    run = subprocess.run([sys.executable, "-c", PROBE], env=environment, cwd=tmp_path, capture_output=True,
                         encoding="utf-8", timeout=300)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout.splitlines()[-1])
    assert Path(found["package"]).is_relative_to(wheel) and found["source"] == "offline digits"
    assert Path(found["root"]).is_relative_to(tmp_path) and Path(found["root"]).name == "week8-practicum"
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("PRACTICUM_OFFLINE", "1")
    monkeypatch.delenv("PRACTICUM_DATA", raising=False)
    assert found["digest"] == hashlib.sha256(data.mnist().train.cpu().numpy().tobytes()).hexdigest()
