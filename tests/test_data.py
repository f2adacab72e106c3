"""The digits: verified or refused, downloaded within bounds, else replaced by the offline digits.

The offline digits stand in for the full MNIST here (their archives, sizes and checksums), so the tests need
no network and no MNIST. In containers they run as root, whom no permission bit stops: a folder that cannot be
written is simulated by a file in its place, or by a rename that fails.
"""

import gzip
import hashlib
import http.server
import io
import os
import queue
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import offline_digits
import pytest
import torch
from torchvision.datasets import MNIST

from utils import archives, data, downloads
from utils.runtime import device

ROOT = Path(__file__).parents[1]
PACKED = data.PACKED
NAMES = [archive.name for archive in data.OFFLINE]
IMAGES = NAMES[0]


# ---------------------------------------------------------------- what the tests stand on

class Mirror(http.server.ThreadingHTTPServer):
    """Serves {path: bytes}, piece by piece with a pause between, and remembers what was asked.

    hold: called with the handler before each answer.
    """

    def __init__(self, files, hold=None, pause=0.0):
        self.files, self.hold, self.pause, self.asked = files, hold, pause, []
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/"
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def handle_error(self, *args):
        """Who hangs up in the middle need not be reported."""


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.lstrip("/")
        self.server.asked.append(name)
        if self.server.hold:
            self.server.hold(self)
        if name not in self.server.files:
            return self.send_error(404)
        body = self.server.files[name]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for at in range(0, len(body), 40_000):
            self.wfile.write(body[at:at + 40_000])
            time.sleep(self.server.pause)

    def log_message(self, *args):
        pass


class BadServer:
    """Accepts connections and then says nothing (drip=None), or `start` and a byte of `drip` now and then."""

    def __init__(self, start=b"", drip=None):
        self.start, self.drip, self.asked, self.open = start, drip, 0, True
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while self.open:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.asked += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            connection.sendall(self.start)
            while self.open:
                connection.sendall(self.drip or b"")
                time.sleep(0.1)
        except OSError:
            pass
        connection.close()

    def close(self):
        self.open = False
        self.socket.close()


def within(seconds, call):
    """What the call returns; a failure when it is not back in time, so that a download without an end ends here."""
    result = queue.SimpleQueue()

    def work():
        try:
            result.put((call(), None))
        except BaseException as error:  # noqa: BLE001 it is raised again below
            result.put((None, error))
    threading.Thread(target=work, daemon=True).start()
    try:
        value, error = result.get(timeout=seconds)
    except queue.Empty:
        pytest.fail(f"not back after {seconds} s")
    if error:
        raise error
    return value


def refused():
    """An address on this machine where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    return f"http://127.0.0.1:{port}/"


SILENT = dict(start=b"", drip=None)
DRIPPING_HEADER = dict(start=b"HTTP/1.1 200 OK\r\nX-Wait: ", drip=b"a")
DRIPPING_BODY = dict(start=b"HTTP/1.1 200 OK\r\nContent-Length: 652379\r\n\r\n\x1f\x8b", drip=b"a")


@pytest.fixture
def serve():
    """Start servers that are closed when the test ends."""
    servers = []

    def start(server):
        servers.append(server)
        return server

    yield start
    for server in servers:
        if isinstance(server, Mirror):
            server.shutdown()
            server.server_close()
        else:
            server.close()


@pytest.fixture(scope="module")
def files():
    return {f"{name}.gz": (PACKED / f"{name}.gz").read_bytes() for name in NAMES}


DRIVER = """
import hashlib, os, sys
from torchvision.datasets import MNIST
from utils import data
MNIST.resources = [(a.name + ".gz", a.md5) for a in data.OFFLINE]
data.FULL = {a.name: (a.size, a.sha256) for a in data.OFFLINE}
print("ready", flush=True)
MNIST.mirrors = [sys.stdin.readline().strip()]
os.environ["PRACTICUM_DATA"] = sys.stdin.readline().strip()
digits = data.mnist()
print(digits.source, hashlib.sha256(digits.train.cpu().numpy().tobytes()).hexdigest(), flush=True)
"""


@pytest.fixture(scope="module")
def kernels():
    """Three processes that import everything at once; each call sends one of them into data.mnist()."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "PRACTICUM_OFFLINE": "0",
                   "no_proxy": "*"}
    started = [subprocess.Popen([sys.executable, "-c", DRIVER], env=environment, encoding="utf-8",
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(3)]
    waiting = list(started)

    def go(mirror, raw):
        process = waiting.pop()
        assert process.stdout.readline() == "ready\n"
        process.stdin.write(f"{mirror.url}\n{raw.parents[1]}\n")
        process.stdin.flush()
        return process

    yield go
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def raw(tmp_path, monkeypatch):
    """The raw folder, not yet there, of an empty data folder; the offline archives are taken for MNIST's."""
    monkeypatch.delenv("PRACTICUM_OFFLINE", raising=False)
    monkeypatch.setenv("PRACTICUM_DATA", str(tmp_path))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(MNIST, "resources", [(f"{a.name}.gz", a.md5) for a in data.OFFLINE])
    monkeypatch.setattr(data, "FULL", {a.name: (a.size, a.sha256) for a in data.OFFLINE})
    monkeypatch.setattr(MNIST, "mirrors", [refused()])
    monkeypatch.setattr(downloads, "_given_up", {})
    monkeypatch.setattr(archives, "_unsaved", {})
    return tmp_path / "MNIST" / "raw"


@pytest.fixture
def filled(raw, files):
    """The same, with the four archives in it."""
    raw.mkdir(parents=True)
    for name, content in files.items():
        (raw / name).write_bytes(content)
    return raw


@pytest.fixture(scope="module")
def truth():
    """The offline digits as numpy reads them, without anything of utils or torchvision."""
    def values(name, skip):
        return np.frombuffer(gzip.decompress((PACKED / f"{name}.gz").read_bytes()), np.uint8, offset=skip)
    images = [values(name, 16).reshape(-1, 784) for name in NAMES[::2]]
    labels = [values(name, 8) for name in NAMES[1::2]]
    return {"train": images[0], "train_labels": labels[0], "test": images[1], "test_labels": labels[1]}


def assert_right(digits, truth, source="full MNIST"):
    assert digits.source == source
    for part, values in truth.items():
        found = getattr(digits, part).cpu()
        values = torch.tensor(values)
        assert torch.equal(found, values.long() if "labels" in part else values.float() / 255), part


def flip(path, at=0.5):
    content = bytearray(path.read_bytes())
    content[int(len(content) * at)] ^= 0x10
    path.write_bytes(content)


def unpack(folder, *names):
    for name in names:
        (folder / name).write_bytes(gzip.decompress((PACKED / f"{name}.gz").read_bytes()))


def names_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


# ---------------------------------------------------------------- the digits themselves

def test_the_offline_digits_are_tensors_on_the_device(monkeypatch, capsys, truth):
    monkeypatch.setenv("PRACTICUM_OFFLINE", "1")
    monkeypatch.delenv("PRACTICUM_DATA", raising=False)
    before = names_in(PACKED)
    digits = data.mnist()
    assert_right(digits, truth, "offline digits")
    assert digits.train.shape == (4000, 784) and digits.test.shape == (1000, 784)
    for images, labels in ((digits.train, digits.train_labels), (digits.test, digits.test_labels)):
        assert images.dtype == torch.float32 and labels.dtype == torch.int64
        assert images.device.type == labels.device.type == device().type
        assert images.min() == 0 and images.max() == 1 and labels.shape == (len(images),)
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 1
    assert printed[0].startswith("digits: offline digits, 4,000 to train on, 1,000 to test, on ")
    assert "PRACTICUM_OFFLINE" in printed[0] and str(device()) in printed[0]
    assert names_in(PACKED) == before  # the checkout stays clean


def test_the_offline_split_is_stratified_shuffled_and_disjoint(truth):
    for part, each in (("train", 400), ("test", 100)):
        labels = truth[f"{part}_labels"].astype(int)
        assert np.bincount(labels).tolist() == [each] * 10
        same = (labels[1:] == labels[:-1]).mean()  # 1 in 10 when shuffled, nearly all when sorted
        assert 0.05 < same < 0.15
        for tenth in np.array_split(labels, 10):
            assert len(np.unique(tenth)) == 10
    rows = {part: {row.tobytes() for row in truth[part]} for part in ("train", "test")}
    assert len(rows["train"]) == 4000 and len(rows["test"]) == 1000 and not rows["train"] & rows["test"]


def test_the_readme_gives_the_checksum_of_every_offline_file(files):
    readme = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    for archive in data.OFFLINE:
        packed = files[f"{archive.name}.gz"]
        assert hashlib.sha256(gzip.decompress(packed)).hexdigest() == archive.sha256
        assert hashlib.sha256(packed).hexdigest() in readme and archive.sha256 in readme
        assert hashlib.md5(packed).hexdigest() == archive.md5 and len(packed) == archive.size
        assert packed[4:8] == bytes(4)  # no time stamp


@pytest.fixture(scope="module")
def originals():
    """The 60,000 training digits as numpy reads them: data folder, or the shared folder beside the clone."""
    for folder in (ROOT / "data" / "MNIST" / "raw", ROOT.parent / "shared" / "data" / "MNIST" / "raw"):
        if (folder / f"{NAMES[0]}.gz").exists() and (folder / f"{NAMES[1]}.gz").exists():
            images, labels = (np.frombuffer(gzip.decompress((folder / f"{name}.gz").read_bytes()), np.uint8)
                              for name in NAMES[:2])
            return images[16:].reshape(-1, 28, 28), labels[8:]
    pytest.skip("the full MNIST is not here")


def test_every_offline_digit_is_an_original_with_its_label(originals, truth):
    known = {image.tobytes(): label for image, label in zip(*originals, strict=True)}
    for part in ("train", "test"):
        for image, label in zip(truth[part], truth[f"{part}_labels"], strict=True):
            assert known[image.tobytes()] == label


def test_the_tool_makes_the_offline_digits_again(originals, files):
    images, labels = originals
    first = np.concatenate([np.flatnonzero(labels == digit)[:500] for digit in range(10)])
    made = offline_digits.files(images[first], labels[first])
    assert {f"{name}.gz": content for name, content in made.items()} == {
        name: gzip.decompress(packed) for name, packed in files.items()}
    again = offline_digits.pack(made[IMAGES])
    assert again == offline_digits.pack(made[IMAGES]) and gzip.decompress(again) == made[IMAGES]


def test_the_full_mnist_is_read(originals, monkeypatch, capsys):
    shared = ROOT.parent / "shared" / "data"
    here = (ROOT / "data" / "MNIST" / "raw" / f"{NAMES[2]}.gz").exists()
    if not here and not (shared / "MNIST" / "raw").exists():
        pytest.skip("the full MNIST is not here")
    monkeypatch.setenv("PRACTICUM_DATA", str(ROOT / "data" if here else shared))
    monkeypatch.delenv("PRACTICUM_OFFLINE", raising=False)
    monkeypatch.setattr(MNIST, "mirrors", [])
    digits = data.mnist()
    assert digits.source == "full MNIST"
    assert digits.train.shape == (60000, 784) and digits.test.shape == (10000, 784)
    assert torch.equal((digits.train * 255).round().byte().cpu(), torch.tensor(originals[0]).view(-1, 784))
    assert torch.equal(digits.train_labels.cpu(), torch.tensor(originals[1]).long())
    printed = capsys.readouterr().out
    assert printed == f"digits: full MNIST, 60,000 to train on, 10,000 to test, on {device()}\n"


# ---------------------------------------------------------------- the data folder

def test_archives_and_unpacked_files_are_read_and_nothing_is_written(filled, truth, capsys):
    assert_right(data.mnist(), truth)
    assert names_in(filled) == sorted(f"{name}.gz" for name in NAMES)
    unpack(filled, *NAMES)
    for name in NAMES:
        (filled / f"{name}.gz").unlink()
    assert_right(data.mnist(), truth)
    assert names_in(filled) == sorted(NAMES)
    for line in capsys.readouterr().out.splitlines():
        assert line == f"digits: full MNIST, 4,000 to train on, 1,000 to test, on {device()}"


def test_links_to_archives_are_read(raw, truth):
    raw.mkdir(parents=True)
    for name in NAMES:
        (raw / f"{name}.gz").symlink_to(PACKED / f"{name}.gz")
    assert_right(data.mnist(), truth)


def test_a_data_folder_that_is_not_there_is_an_error(raw, tmp_path, monkeypatch):
    for value in ("1", "0"):
        monkeypatch.setenv("PRACTICUM_OFFLINE", value)
        for named in (tmp_path / "nowhere", Path("nowhere/either")):
            monkeypatch.setenv("PRACTICUM_DATA", str(named))
            with pytest.raises(data.DataError, match="PRACTICUM_DATA=.*nowhere.*unset PRACTICUM_DATA"):
                data.mnist()
    assert not (tmp_path / "nowhere").exists()


def spoil(path, how):
    if how == "cut short":
        path.write_bytes(path.read_bytes()[:-100])
    elif how == "flipped byte":
        flip(path)
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "another archive":
        path.write_bytes(gzip.compress(b"\0\0\x08\x03" + bytes(12)))
    elif how == "unreadable":
        path.unlink()
        path.mkdir()


DAMAGE = ["cut short", "flipped byte", "empty", "another archive", "unreadable"]


@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize("name", [f"{IMAGES}.gz", f"{NAMES[3]}.gz", IMAGES])
def test_what_is_damaged_and_cannot_be_replaced_is_an_error_with_a_remedy(filled, name, how):
    if not name.endswith(".gz"):
        unpack(filled, name)
        (filled / f"{name}.gz").unlink()
    spoil(filled / name, how)
    with pytest.raises(data.DataError) as caught:
        data.mnist()
    assert not isinstance(caught.value, data.Unreachable)
    assert str(filled / name) in str(caught.value) and "Delete" in str(caught.value)
    assert "PRACTICUM_OFFLINE=1" in str(caught.value) and "efused" in str(caught.value)


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_archive_is_downloaded_afresh(filled, serve, files, truth, monkeypatch, capsys, how):
    mirror = serve(Mirror(files))
    monkeypatch.setattr(MNIST, "mirrors", [mirror.url])
    spoil(filled / f"{IMAGES}.gz", how)
    assert_right(data.mnist(), truth)
    assert mirror.asked == [f"{IMAGES}.gz"]
    if how != "unreadable":  # there a folder stands in the archive's place, and it stays
        assert (filled / f"{IMAGES}.gz").read_bytes() == files[f"{IMAGES}.gz"]
        assert "damaged" not in capsys.readouterr().out
    assert_right(data.mnist(), truth)
    assert len(mirror.asked) == 1


def test_a_damaged_unpacked_file_gives_way_to_its_archive(filled, truth, capsys):
    unpack(filled, *NAMES)
    flip(filled / IMAGES)
    assert_right(data.mnist(), truth)
    assert f"not used because damaged: {IMAGES})" in capsys.readouterr().out


def test_a_damaged_unpacked_file_without_archive_is_fetched(raw, serve, files, truth, monkeypatch, capsys):
    raw.mkdir(parents=True)
    unpack(raw, *NAMES)
    flip(raw / NAMES[3], at=0.9)
    mirror = serve(Mirror(files))
    monkeypatch.setattr(MNIST, "mirrors", [mirror.url])
    assert_right(data.mnist(), truth)
    assert mirror.asked == [f"{NAMES[3]}.gz"]
    assert f"not used because damaged: {NAMES[3]})" in capsys.readouterr().out


def test_only_what_is_missing_is_fetched(filled, serve, files, truth, monkeypatch):
    mirror = serve(Mirror(files))
    monkeypatch.setattr(MNIST, "mirrors", [mirror.url])
    unpack(filled, NAMES[2])
    for name in (NAMES[1], NAMES[2], NAMES[3]):
        (filled / f"{name}.gz").unlink()
    assert_right(data.mnist(), truth)
    assert mirror.asked == [f"{NAMES[1]}.gz", f"{NAMES[3]}.gz"]


def test_part_of_the_files_and_no_network_gives_the_offline_digits(filled, truth, capsys):
    (filled / f"{NAMES[1]}.gz").unlink()
    assert_right(data.mnist(), truth, "offline digits")
    printed = capsys.readouterr().out
    assert printed.startswith("digits: offline digits") and printed.count("\n") == 1
    assert str(filled) in printed and "efused" in printed


def test_damaged_offline_digits_are_an_error(raw, tmp_path, monkeypatch):
    monkeypatch.setenv("PRACTICUM_OFFLINE", "1")
    monkeypatch.setattr(data, "PACKED", tmp_path / "offline")
    shutil.copytree(PACKED, data.PACKED)
    flip(data.PACKED / f"{IMAGES}.gz")
    for _ in range(2):  # damaged, then gone
        with pytest.raises(data.DataError, match="offline digits .*git checkout -- utils/offline.*install"):
            data.mnist()
        shutil.rmtree(data.PACKED, ignore_errors=True)


def test_a_folder_that_cannot_be_written_is_no_obstacle(raw, serve, files, truth, monkeypatch, capsys):
    mirror = serve(Mirror(files))
    monkeypatch.setattr(MNIST, "mirrors", [mirror.url])
    raw.parent.write_text("a file where the folder should be", encoding="utf-8")
    for times in (1, 2):
        assert_right(data.mnist(), truth)
        assert len(mirror.asked) == 4, times  # kept in memory: the second call fetches nothing
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 2 and "could not be kept" in printed[0] and str(raw) in printed[0]


def test_without_network_and_without_a_folder_to_write_the_offline_digits_are_taken(raw, truth, capsys):
    raw.parent.write_text("a file where the folder should be", encoding="utf-8")
    assert_right(data.mnist(), truth, "offline digits")
    assert capsys.readouterr().out.count("\n") == 1


@pytest.mark.parametrize("error", [OSError(30, "Read-only file system"), KeyboardInterrupt()])
def test_an_interrupted_write_leaves_nothing(raw, serve, files, truth, monkeypatch, error):
    def fail(*paths):
        raise error
    monkeypatch.setattr(MNIST, "mirrors", [serve(Mirror(files)).url])
    monkeypatch.setattr(archives.os, "replace", fail)
    if isinstance(error, OSError):
        assert_right(data.mnist(), truth)
    else:
        with pytest.raises(KeyboardInterrupt):
            data.mnist()
    assert names_in(raw) == []


def test_two_writers_do_not_meet(raw, monkeypatch):
    both, failed = threading.Barrier(2), []
    rename = os.replace

    def together(*paths):
        both.wait(timeout=10)  # both have written before either renames
        rename(*paths)

    def write(content):
        try:
            archives._save(raw / "a.gz", content)
        except OSError as error:
            failed.append(error)
    monkeypatch.setattr(archives.os, "replace", together)
    writers = [threading.Thread(target=write, args=(letter * 1000,)) for letter in (b"a", b"b")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not failed and names_in(raw) == ["a.gz"]
    assert (raw / "a.gz").read_bytes() in (b"a" * 1000, b"b" * 1000)


# ---------------------------------------------------------------- recognized by their content

def plain(name):
    return gzip.decompress((PACKED / f"{name}.gz").read_bytes())


def packed_with_a_header(content):
    """As `gzip file` packs it: with the file's name and the time."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="whatever", mode="wb", compresslevel=1, fileobj=buffer, mtime=1) as stream:
        stream.write(content)
    return buffer.getvalue()


PACKERS = {
    "fast": lambda content: gzip.compress(content, 1, mtime=0),
    "stored": lambda content: gzip.compress(content, 0),
    "name and time": packed_with_a_header,
    "twice": lambda content: gzip.compress(gzip.compress(content, 1)),
    "in members": lambda content: gzip.compress(content[:999], 1) + gzip.compress(content[999:], 1),
    "unpacked by a browser": lambda content: content,
}


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("how", PACKERS)
def test_the_packing_does_not_matter(raw, truth, capsys, how, suffix):
    raw.mkdir(parents=True)
    for name in NAMES:
        (raw / f"{name}{suffix}").write_bytes(PACKERS[how](plain(name)))
    assert_right(data.mnist(), truth)
    assert capsys.readouterr().out == f"digits: full MNIST, 4,000 to train on, 1,000 to test, on {device()}\n"


@pytest.mark.parametrize("spell", [
    lambda name: name.replace("-idx", ".idx"), str.upper, str.title, lambda name: name.replace("-", "_"),
    lambda name: name.replace("t10k", "test"), lambda name: f"{name} (1)", lambda name: f"{name}(1)",
    lambda name: f"{name} - Copy"], ids=["dot", "upper", "title", "underscores", "test", "copy", "copy2", "copy3"])
@pytest.mark.parametrize("suffix", ["", ".gz", ".GZ", ".gz.bin"])
def test_the_spelling_does_not_matter(raw, truth, capsys, spell, suffix):
    raw.mkdir(parents=True)
    for name in NAMES:
        content = plain(name)
        (raw / f"{spell(name)}{suffix}").write_bytes(gzip.compress(content, 1) if "gz" in suffix else content)
    assert_right(data.mnist(), truth)
    assert capsys.readouterr().out.count("(") == 0


@pytest.mark.parametrize("names", [NAMES[::-1], NAMES[1:] + NAMES[:1]])
def test_swapped_names_do_not_matter(raw, truth, names):
    raw.mkdir(parents=True)
    for name, other in zip(names, NAMES, strict=True):
        (raw / name).write_bytes(plain(other))
    assert_right(data.mnist(), truth)


@pytest.mark.parametrize("named, place", [  # what PRACTICUM_DATA names, where the files lie below it
    ("MNIST/raw", "."), ("MNIST", "raw"), (".", "."), (".", "MNIST"), (".", "raw"), (".", "mnist/RAW"),
    (".", "data/MNIST/raw"), (".", "courses/data/MNIST/raw"), (".", "MNIST/raw/MNIST/raw"), (".", "Downloads")])
def test_the_folder_may_be_a_few_levels_off(raw, files, truth, tmp_path, monkeypatch, capsys, named, place):
    (tmp_path / named / place).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (tmp_path / named / place / name).write_bytes(content)
    monkeypatch.setenv("PRACTICUM_DATA", str(tmp_path / named))
    before = names_in(tmp_path)
    assert_right(data.mnist(), truth)
    assert f"(found in {tmp_path / named / place})" in capsys.readouterr().out and names_in(tmp_path) == before


def test_each_file_in_a_folder_of_its_name(raw, truth):
    """As a well-known site packs them: train-images-idx3-ubyte/train-images-idx3-ubyte."""
    for name in NAMES:
        (raw / name).mkdir(parents=True)
        (raw / name / name).write_bytes(plain(name))
    assert_right(data.mnist(), truth)


def test_two_places_and_a_mirror_go_together(raw, serve, files, truth, tmp_path, monkeypatch, capsys):
    mirror = serve(Mirror(files))
    monkeypatch.setattr(MNIST, "mirrors", [mirror.url])
    (tmp_path / "flat").mkdir()
    (tmp_path / f"{NAMES[0]}.gz").write_bytes(files[f"{NAMES[0]}.gz"])
    (tmp_path / "flat" / NAMES[1]).write_bytes(plain(NAMES[1]))
    assert_right(within(30, data.mnist), truth)
    assert mirror.asked == [f"{NAMES[2]}.gz", f"{NAMES[3]}.gz"] and len(names_in(raw)) == 2
    assert f"(found in {tmp_path}, {tmp_path / 'flat'})" in capsys.readouterr().out


def other_digits():
    """Another data set under MNIST's names, of MNIST's shape."""
    return {name: plain(name)[:-1] + bytes([plain(name)[-1] ^ 1]) for name in NAMES}


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_another_data_set_under_the_same_names_is_seen_and_not_read(raw, truth, tmp_path, capsys, suffix):
    folder = tmp_path / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    for name, content in other_digits().items():
        (folder / f"{name}{suffix}").write_bytes(gzip.compress(content, 1) if suffix else content)
    assert_right(data.mnist(), truth, "offline digits")
    said = capsys.readouterr().out
    assert f"seen, but of no use: {folder / NAMES[2]}{suffix} (its content is not MNIST's)" in said
    assert "To get it, connect" in said and said.count("\n") == 1


@pytest.mark.parametrize("where", [".", "MNIST", "raw", "MNIST/raw"])
@pytest.mark.parametrize("how, why", [
    ("cut short", "cut short"), ("flipped byte", "cannot be unpacked|not MNIST's"), ("empty", "not MNIST's"),
    ("another archive", "not MNIST's"), ("unreadable", "no file")])
def test_damage_in_a_place_that_was_meant_is_an_error(raw, files, tmp_path, where, how, why):
    (tmp_path / where).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (tmp_path / where / name).write_bytes(content)
    spoil(tmp_path / where / f"{NAMES[2]}.gz", how)
    with pytest.raises(data.DataError, match=f"damaged: .*{NAMES[2]}.gz \\(.*({why}).*Delete"):
        data.mnist()


def test_a_download_in_progress_and_a_link_to_nothing_are_no_damage(filled, truth, capsys):
    (filled / f"{NAMES[2]}.gz").rename(filled / f"{NAMES[2]}.gz.crdownload")
    (filled / f"{NAMES[2]}.gz.crdownload").write_bytes(b"\x1f\x8b half")
    (filled / f"{NAMES[3]}.gz").unlink()
    (filled / f"{NAMES[3]}.gz").symlink_to(filled / "gone")
    (filled / f"{NAMES[3]}.gz.0123.part").write_bytes(b"half")
    assert_right(data.mnist(), truth, "offline digits")
    said = capsys.readouterr().out
    assert "crdownload" in said and f"{NAMES[3]}.gz (No such file" in said and ".part" not in said
    assert f"there already: {NAMES[0]} in {filled}" in said


def test_nothing_of_any_size_or_kind_is_read_to_its_end(filled, truth, monkeypatch):
    """A bomb of zeros, a huge file, a pipe that nobody writes into: none is waited for."""
    monkeypatch.setattr(archives, "LARGEST", 4_000_000)
    (filled / IMAGES).write_bytes(bytes(5_000_000))
    (filled / f"{NAMES[2]} (1).gz").write_bytes(gzip.compress(bytes(5_000_000)))
    if hasattr(os, "mkfifo"):
        os.mkfifo(filled / NAMES[1])
    read = []
    unpacked = archives._unpacked
    monkeypatch.setattr(archives, "_unpacked", lambda path: read.append(unpacked(path)) or read[-1])
    assert_right(within(30, data.mnist), truth)
    assert max(map(len, read)) == 4_000_001


def test_a_huge_folder_is_not_searched_for_ever(raw, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "FOLDERS", 5)
    for number in range(20):
        (tmp_path / f"{number:02}" / "deep").mkdir(parents=True)
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path)
    found = list(archives._below(tmp_path, known=[]))
    assert found == [tmp_path, *(tmp_path / f"{number:02}" for number in range(4))]
    monkeypatch.setattr(archives, "FOLDERS", 10**6)
    found = list(archives._below(tmp_path, known=[tmp_path]))
    assert len(found) < 500 and tmp_path / ".hidden" not in found and tmp_path not in found
    monkeypatch.setattr(archives, "ENTRIES", 3)
    assert len(list(archives._below(tmp_path, known=[]))) <= 4


# ---------------------------------------------------------------- parsed in memory

@pytest.mark.parametrize("source", ["offline digits", "full MNIST"])
def test_the_tensors_are_torchvision_s_bit_for_bit(source, tmp_path, monkeypatch, request):
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    if source == "full MNIST":
        request.getfixturevalue("originals")
        monkeypatch.setattr(MNIST, "mirrors", [])
    monkeypatch.setenv("PRACTICUM_OFFLINE", "1" if source == "offline digits" else "0")
    kept, real = {}, data._tensors
    monkeypatch.setattr(data, "_tensors", lambda contents, *more: kept.update(contents) or real(contents, *more))
    digits = data.mnist()
    assert digits.source == source
    for name, content in kept.items():
        (folder / name).write_bytes(content)
    for part, images, labels in ((MNIST(tmp_path, train=True), digits.train, digits.train_labels),
                                 (MNIST(tmp_path, train=False), digits.test, digits.test_labels)):
        assert torch.equal(images.cpu(), part.data.reshape(-1, 784).float() / 255)
        assert torch.equal(labels.cpu(), part.targets) and labels.dtype == part.targets.dtype
        assert torch.equal(data._values(kept[f"{'train' if part.train else 't10k'}-images-idx3-ubyte"]), part.data)


def test_no_temporary_folder_is_needed(filled, truth, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")
    for name in ("gettempdir", "mkdtemp", "mkstemp", "TemporaryDirectory", "NamedTemporaryFile", "TemporaryFile"):
        monkeypatch.setattr(tempfile, name, full)
    assert_right(data.mnist(), truth)
    monkeypatch.setenv("PRACTICUM_OFFLINE", "1")
    assert_right(data.mnist(), truth, "offline digits")


# ---------------------------------------------------------------- which folder, and other settings

@pytest.fixture
def installed(tmp_path, monkeypatch):
    """The course as it is when only the package was installed; the home is empty."""
    for name in ("PRACTICUM_DATA", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(data, "COURSE", tmp_path / "site-packages")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    return tmp_path


@pytest.mark.parametrize("platform, variable, folder", [
    ("linux", None, "home/.cache"), ("linux", "XDG_CACHE_HOME", "x"), ("freebsd14", None, "home/.cache"),
    ("darwin", None, "home/Library/Caches"), ("darwin", "XDG_CACHE_HOME", "home/Library/Caches"),
    ("win32", None, "home/AppData/Local"), ("win32", "LOCALAPPDATA", "x")])
def test_an_installed_course_keeps_downloads_in_the_cache(installed, monkeypatch, platform, variable, folder):
    monkeypatch.setattr(data.sys, "platform", platform)
    if variable:
        monkeypatch.setenv(variable, str(installed / "x"))
    assert data.root() == installed / folder / "week8-practicum"
    for value in ("", "  "):  # as good as unset
        monkeypatch.setenv("PRACTICUM_DATA", value)
        assert data.root() == installed / folder / "week8-practicum"
    assert not (installed / "home").exists()


def test_a_clone_keeps_downloads_in_its_data_folder(monkeypatch):
    monkeypatch.delenv("PRACTICUM_DATA", raising=False)
    assert data.root() == ROOT / "data"


def test_an_installed_course_downloads_into_the_cache(raw, installed, serve, files, truth, monkeypatch):
    mirror = serve(Mirror(files))
    monkeypatch.setattr(MNIST, "mirrors", [mirror.url])
    for _ in range(2):
        assert_right(within(30, data.mnist), truth)
    assert len(mirror.asked) == 4 and len(names_in(data.root() / "MNIST" / "raw")) == 4


def test_without_a_home_the_course_works(raw, installed, serve, files, truth, monkeypatch, capsys):
    monkeypatch.setattr(data.os.path, "expanduser", lambda path: path)  # what it does when nobody knows the home
    monkeypatch.setattr(data.tempfile, "tempdir", str(installed / "tmp"))
    assert data.root() == installed / "tmp" / "week8-practicum"

    def none(*args):
        raise FileNotFoundError("No usable temporary directory found")
    (installed / "week8-practicum").write_text("a file, so that nothing can be kept", encoding="utf-8")
    monkeypatch.chdir(installed)
    monkeypatch.setattr(data.tempfile, "gettempdir", none)
    mirror = serve(Mirror(files))
    monkeypatch.setattr(MNIST, "mirrors", [mirror.url])
    for _ in range(2):
        assert_right(within(30, data.mnist), truth)
    assert len(mirror.asked) == 4 and "could not be kept" in capsys.readouterr().out


def test_a_tilde_in_the_data_folder_is_the_home(filled, tmp_path, truth, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for named in ("~", "~/", " ~ "):
        monkeypatch.setenv("PRACTICUM_DATA", named)
        assert data.root() == tmp_path
        assert_right(data.mnist(), truth)


@pytest.mark.parametrize("named", ["~nobody-of-this-name/x", "x" * 5000, "/proc/1/nowhere", __file__])
def test_nonsense_for_the_data_folder_is_one_sentence(raw, monkeypatch, named):
    monkeypatch.setenv("PRACTICUM_DATA", named)
    with pytest.raises(data.DataError, match="names no folder .*make it, correct the name, or unset"):
        data.mnist()


@pytest.mark.parametrize("value, source", [
    ("1", "offline digits"), ("true", "offline digits"), ("YES", "offline digits"), ("on", "offline digits"),
    (" 1 ", "offline digits"), ("", "full MNIST"), ("0", "full MNIST"), (" 0", "full MNIST"), ("off", "full MNIST"),
    ("n", "full MNIST"), ("No", "full MNIST"), ("False", "full MNIST"), ("  ", "full MNIST")])
def test_offline_is_a_switch(filled, truth, monkeypatch, value, source):
    monkeypatch.setenv("PRACTICUM_OFFLINE", value)
    assert_right(data.mnist(), truth, source)


@pytest.mark.parametrize("value", ["2", "maybe", "offline", "none", "-1", "ja", "✔"])
def test_another_word_for_offline_is_refused(filled, monkeypatch, value):
    monkeypatch.setenv("PRACTICUM_OFFLINE", value)
    with pytest.raises(ValueError, match=f"PRACTICUM_OFFLINE='{value}' is neither yes nor no: set it to 1 or 0"):
        data.mnist()


# ---------------------------------------------------------------- the network

def test_a_download_is_kept_and_not_repeated(raw, serve, files, truth, monkeypatch, capsys):
    mirror = serve(Mirror(files))
    monkeypatch.setattr(MNIST, "mirrors", [refused(), mirror.url])  # the second one helps out
    assert_right(within(30, data.mnist), truth)
    assert {path.name: path.read_bytes() for path in raw.iterdir()} == files
    assert_right(within(30, data.mnist), truth)
    assert sorted(mirror.asked) == sorted(files)
    assert capsys.readouterr().out.splitlines() == [
        f"digits: full MNIST, 4,000 to train on, 1,000 to test, on {device()}"] * 2


@pytest.mark.parametrize("answer", ["not found", "a login page", "cut short", "one byte wrong"])
def test_a_mirror_with_something_else_is_not_believed(raw, serve, files, truth, monkeypatch, capsys, answer):
    page = b"<html>please log in</html>"
    wrong = {
        "not found": {},
        "a login page": dict.fromkeys(files, page),
        "cut short": {name: packed[:-1] for name, packed in files.items()},
        "one byte wrong": {name: packed[:-1] + bytes([packed[-1] ^ 1]) for name, packed in files.items()},
    }[answer]
    mirror = serve(Mirror(wrong))
    monkeypatch.setattr(MNIST, "mirrors", [mirror.url])
    assert_right(within(30, data.mnist), truth, "offline digits")
    assert names_in(raw.parents[1]) == [] and len(mirror.asked) == 1
    said = capsys.readouterr().out
    assert ("Not Found" if answer == "not found" else "not the archive") in said and said.count("\n") == 1


@pytest.mark.parametrize("server", [SILENT, DRIPPING_HEADER, DRIPPING_BODY], ids=["silent", "header", "body"])
def test_a_mirror_that_hangs_is_left_and_the_next_one_asked(raw, serve, files, truth, monkeypatch, server):
    monkeypatch.setattr(downloads, "PATIENCE", 1.0)
    hanging, mirror = serve(BadServer(**server)), serve(Mirror(files))
    monkeypatch.setattr(MNIST, "mirrors", [hanging.url, mirror.url])
    assert_right(within(30, data.mnist), truth)
    assert hanging.asked == 1 and len(mirror.asked) == 4  # once hung, not asked for the other three


def test_a_name_server_that_hangs_is_left(raw, truth, monkeypatch, capsys):
    monkeypatch.setattr(downloads, "PATIENCE", 0.6)
    released = threading.Event()

    def hang(*args, **kwargs):
        released.wait(timeout=8)
        raise socket.gaierror(-3, "Temporary failure in name resolution")
    monkeypatch.setattr(socket, "getaddrinfo", hang)
    monkeypatch.setattr(MNIST, "mirrors", ["http://digits.invalid/", "http://more.digits.invalid/"])
    start = time.monotonic()
    assert_right(within(30, data.mnist), truth, "offline digits")
    assert time.monotonic() - start < 6
    released.set()
    assert "no useful answer" in capsys.readouterr().out


def test_no_network_is_noticed_within_fifteen_seconds_and_once(raw, serve, truth, capsys, kernels):
    """The real constants: one mirror never answers, the other one drips. Meanwhile `kernels` start up."""
    servers = [serve(BadServer(**SILENT)), serve(BadServer(**DRIPPING_BODY))]
    MNIST.mirrors = [server.url for server in servers]  # `raw` puts the real ones back
    start = time.monotonic()
    assert_right(within(30, data.mnist), truth, "offline digits")
    assert time.monotonic() - start < 15
    assert_right(within(30, data.mnist), truth, "offline digits")
    assert time.monotonic() - start < 15
    assert [server.asked for server in servers] == [1, 1]
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 2 and all("connect and restart the kernel" in line for line in printed)
    assert names_in(raw.parents[1]) == []


def test_a_slow_but_steady_mirror_is_waited_for(raw, serve, files, truth, monkeypatch):
    """More than three times the patience passes, but something useful comes all the while."""
    monkeypatch.setattr(downloads, "PATIENCE", 0.3)
    monkeypatch.setattr(MNIST, "mirrors", [serve(Mirror(files, pause=0.06)).url])
    start = time.monotonic()
    assert_right(within(30, data.mnist), truth)
    assert time.monotonic() - start > 3 * downloads.PATIENCE


def test_an_endless_answer_is_cut_off(raw, serve, truth, monkeypatch, capsys):
    monkeypatch.setattr(downloads, "AT_MOST", 6.0)
    flood = serve(BadServer(start=b"HTTP/1.0 200 OK\r\n\r\n", drip=bytes(400_000)))
    monkeypatch.setattr(MNIST, "mirrors", [flood.url])
    assert_right(within(30, data.mnist), truth, "offline digits")
    assert "not the archive" in capsys.readouterr().out


def test_a_download_as_a_whole_has_an_end(raw, serve, truth, monkeypatch, capsys):
    monkeypatch.setattr(downloads, "AT_MOST", 0.5)
    monkeypatch.setattr(downloads, "SLOWEST", 0)
    monkeypatch.setattr(MNIST, "mirrors", [serve(BadServer(**DRIPPING_BODY)).url])
    assert_right(within(15, data.mnist), truth, "offline digits")
    assert "not finished after" in capsys.readouterr().out


def test_two_kernels_may_download_at_once(raw, serve, kernels, files, truth):
    both = threading.Barrier(2)  # no answer before both have asked
    mirror = serve(Mirror(files, hold=lambda handler: both.wait(timeout=10)))
    running = [kernels(mirror, raw), kernels(mirror, raw)]
    train = torch.tensor(truth["train"]).float() / 255
    expected = f"full MNIST {hashlib.sha256(train.numpy().tobytes()).hexdigest()}"
    for process in running:
        line, answer = process.communicate(timeout=30)[0].splitlines()
        assert line.startswith("digits: full MNIST") and answer == expected
    assert sorted(mirror.asked) == sorted(2 * list(files))
    assert {path.name: path.read_bytes() for path in raw.iterdir()} == files


def test_a_kernel_killed_in_a_download_leaves_nothing(raw, serve, kernels, files):
    asked, done = threading.Event(), threading.Event()

    def half(handler):
        body = handler.server.files[handler.path.lstrip("/")]
        handler.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n" + body[:len(body) // 2])
        asked.set()
        done.wait(timeout=10)
    process = kernels(serve(Mirror(files, hold=half)), raw)
    assert asked.wait(timeout=10)
    time.sleep(0.3)  # let the half arrive
    process.kill()
    process.wait(timeout=10)
    done.set()
    assert names_in(raw.parents[1]) == []


# ---------------------------------------------------------------- black and white

def test_stochastic_binarization_has_the_grey_value_as_its_mean():
    torch.manual_seed(0)
    y = torch.linspace(0, 1, 5).repeat(20_000, 1)
    drawn = data.binarize(y)
    assert drawn.shape == y.shape and drawn.dtype == y.dtype and set(drawn.unique().tolist()) == {0.0, 1.0}
    assert torch.allclose(drawn.mean(0), y[0], atol=0.02)  # 5 standard errors
    assert (drawn[:, 0] == 0).all() and (drawn[:, -1] == 1).all()
    assert not torch.equal(drawn, data.binarize(y))  # afresh at each call
    first, second = (data.binarize(y.double(), generator=torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(first, second) and first.dtype == torch.float64


def test_threshold_binarization_is_fixed():
    y = torch.tensor([[0.0, 127 / 255, 0.5, 128 / 255, 1.0]])
    assert data.binarize(y, "threshold").tolist() == [[0, 0, 1, 1, 1]]


def test_an_unknown_binarization_is_named():
    with pytest.raises(ValueError, match="'median'.*'stochastic' or 'threshold'"):
        data.binarize(torch.zeros(1, 4), "median")
