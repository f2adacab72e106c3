"""A stranger's program behind the fence: it works in its folder, and reads, writes and reaches nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOBODY = 65534


def can_fence():
    if sys.platform != "linux" or os.getuid() != 0:
        return False
    tried = subprocess.run(["unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "mount", "-t", "tmpfs",
                            "tmpfs", "/mnt"], capture_output=True, check=False)
    return tried.returncode == 0


pytestmark = pytest.mark.skipif(not can_fence(), reason="needs Linux, root, and namespaces")


@pytest.fixture
def fenced(tmp_path):
    for place in (tmp_path, *tmp_path.parents):
        if place.stat().st_uid == os.getuid() and place.is_relative_to("/tmp") and place != Path("/tmp"):
            place.chmod(0o755)
    folder = tmp_path / "his"
    folder.mkdir(mode=0o700)
    os.chown(folder, NOBODY, NOBODY)

    def run(program, *options, memory=2**31, cpu=5):
        return subprocess.run(
            ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable,
             ROOT / "tools/fence.py", f"--folder={folder}", f"--uid={NOBODY}", f"--keep={sys.base_prefix}",
             f"--memory={memory}", f"--cpu={cpu}", *options, "--", f"{sys.base_prefix}/bin/python3", "-c", program],
            capture_output=True, encoding="utf-8", timeout=60, check=False)

    run.folder, run.outside = folder, tmp_path
    return run


def test_it_works_in_its_folder_as_nobody(fenced):
    done = fenced("import os; open('left', 'w').write('x'); print(os.getuid(), os.getgroups(), os.getcwd())")
    assert done.stdout.split() == [str(NOBODY), "[]", str(fenced.folder)], done.stderr
    assert (fenced.folder / "left").read_text(encoding="utf-8") == "x"


def test_it_writes_nowhere_else(fenced):
    places = ["/tmp/x", "/var/tmp/x", "/dev/shm/x", "/root/x", f"{fenced.outside}/x", f"{ROOT}/x", f"{ROOT}/utils/x"]
    done = fenced(f"import os\nfor p in {places}:\n  try:\n    open(p, 'w'); print(p)\n  except OSError: pass")
    assert done.stdout == "" and done.returncode == 0, done.stderr


def test_it_reads_nothing_that_is_hidden(fenced):
    (secret := fenced.outside / "course").mkdir()
    (secret / "gradebook").write_text("grades", encoding="utf-8")
    program = f"import os; print(os.listdir({str(secret)!r}), os.path.exists({str(ROOT / 'notebooks')!r}), " \
              f"os.path.exists({str(ROOT / 'utils/claims.py')!r}))"
    assert fenced(program, f"--keep={secret}", f"--keep={ROOT}").stdout.strip() == "['gradebook'] True True"
    done = fenced(program, f"--keep={secret}", f"--hide={secret}", f"--hide={ROOT}", f"--keep={ROOT / 'utils'}")
    assert done.stdout.strip() == "[] False True", done.stderr


def test_it_sees_no_secret_no_network_and_no_other_process(fenced, monkeypatch):
    monkeypatch.setenv("SECRET", "1")
    monkeypatch.setenv("PRACTICUM_SEED", "3")
    done = fenced("import os, socket\nprint(os.environ.get('SECRET'), os.environ['PRACTICUM_SEED'])\n"
                  "print([i for i in os.listdir('/proc') if i.isdigit() and int(i) > 1 and int(i) != os.getpid()])\n"
                  "try: socket.create_connection(('127.0.0.1', 22), 1)\nexcept OSError as e: print(e.strerror)")
    assert done.stdout.splitlines() == ["None 3", "[]", "Network is unreachable"], done.stderr


@pytest.mark.parametrize("program, word", [
    ("x = bytearray(10**10)", "MemoryError"),
    ("open('big', 'wb').truncate(10**9)", "File too large"),
    ("import os; os.setuid(0)", "Operation not permitted"),
    ("import subprocess; subprocess.run(['mount', '-t', 'tmpfs', 'x', '/mnt'], check=True)", "non-zero exit status"),
    ("import os; os.kill(1, 9)", "Operation not permitted")])
def test_limits_hold(fenced, program, word):
    done = fenced(program)
    assert done.returncode == 1 and word in done.stderr, done.stderr


def test_time_is_limited_and_its_children_end_with_it(fenced):
    marker = "a-child-of-the-fence"
    done = fenced("import subprocess, sys\n"
                  f"subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)', {marker!r}])\n"
                  "while True: pass", cpu=1)
    assert done.returncode != 0
    alive = subprocess.run(["ps", "-eo", "args"], capture_output=True, encoding="utf-8", check=True).stdout
    assert not [line for line in alive.splitlines() if line.endswith(marker)]


def test_it_does_not_run_where_it_would_cover_this_machines_folders(tmp_path):
    done = subprocess.run([sys.executable, ROOT / "tools/fence.py", f"--folder={tmp_path}", "--uid=1", "--memory=1",
                           "--cpu=1", "--", "true"], capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 1 and "start it as root, by unshare" in done.stderr
