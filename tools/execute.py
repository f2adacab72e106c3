"""Run notebooks top to bottom in a fresh kernel and store what they show.

    python tools/execute.py notebooks/05-ista-fista.ipynb …     (without names: all of them)
    python tools/execute.py --dry-run …                          runs and reports, stores nothing

Nothing is stored of a notebook that stops with an error, writes to stderr, or shows what belongs to this machine alone
(a path, a host, a memory address). What changes from run to run without meaning is left out: timings, widget state,
versions in the metadata, and the views of sliders, which without a kernel read "model not found".
"""

import argparse
import atexit
import contextlib
import functools
import hashlib
import json
import math
import os
import re
import shutil
import socket
import sys
import tempfile
import time
from pathlib import Path
from queue import Empty

import nbformat
import zmq
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from pages import any_console, notebooks, replace
from traitlets.config import Config

ROOT = Path(__file__).resolve().parents[1]
CELL_TIMEOUT = 300  # seconds
ROOM = 200_000  # bytes that a kernel's own files take
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LANGUAGE = {"file_extension": ".py", "mimetype": "text/x-python", "name": "python", "pygments_lexer": "ipython3"}
PRIVATE = {
    "a path of this machine": r"(?<![\w/.])(?:/(?:home|root|work|tmp|Users|usr|opt|mnt|var|srv|private)/|[A-Z]:\\)\S*",
    "a memory address": r"\b0x[0-9a-fA-F]{6,}\b",
    "a host": r"\bhttps?://(?!www\.w3\.org)\S+|\blocalhost\b|\b(?:\d{1,3}\.){3}\d{1,3}\b",
}


def name_cells(raw):
    """Give every cell of a notebook (a dict) that has no id, or another's, one made from its content."""
    seen = set()
    for cell in raw["cells"]:
        key = cell.get("id")
        if not key or key in seen:
            text = cell["cell_type"] + "".join(cell["source"])
            base = hashlib.sha1(text.encode()).hexdigest()[:8]
            key = next(k for k in (base, *(f"{base}-{n}" for n in range(2, 999))) if k not in seen)
        seen.add(key)
        cell["id"] = key
    raw["nbformat_minor"] = max(5, raw["nbformat_minor"])  # the first version with ids
    return raw


def read(path):
    """The notebook as nbformat holds it, its cells named."""
    return nbformat.reads(json.dumps(name_cells(json.loads(path.read_text(encoding="utf-8")))), as_version=4)


class NoKernel(Exception):
    """No kernel could be started, or nobody could talk to it."""


STOPS = (CellExecutionError, CellTimeoutError, DeadKernelError, NoKernel)  # how a run can end before its page does


def takes_a_kernel(folder, sockets):
    """Whether there is room for a kernel's files, and, if asked, whether its sockets can be made there."""
    try:
        if sockets:
            address = f"{folder}/k-0"
            if len(address.encode()) > zmq.IPC_PATH_MAX_LEN:
                return False
            with socket.socket(socket.AF_UNIX) as probe:
                probe.bind(address)
            os.unlink(address)
        (folder / "room").write_bytes(bytes(ROOM))
        (folder / "room").unlink()
    except (OSError, UnicodeError):
        return False
    return True


def kernel_folder(sockets):
    """A new folder for a kernel, removed at the end of this process; None where none can be had.

    It lies in the temp folder, unless its name is too long for sockets there, or the disk too full, or of a kind
    that knows no sockets: then in the user's runtime folder or in one of the system's short ones.
    """
    with contextlib.suppress(FileNotFoundError):  # no temp folder can be written
        tempfile.gettempdir()
    for place in (tempfile.tempdir, os.environ.get("XDG_RUNTIME_DIR"), "/tmp", "/var/tmp", "/dev/shm"):
        try:
            folder = Path(tempfile.mkdtemp(prefix="kernel-", dir=place)) if place else None
        except OSError:
            continue
        if folder and takes_a_kernel(folder, sockets):
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            return folder
        if folder:
            shutil.rmtree(folder, ignore_errors=True)
    return None


def channels():
    """Settings by which a kernel talks through sockets in a folder of its own.

    By default it takes five random TCP ports, which another kernel that starts at the same time may have taken too:
    then one of the two never answers. Windows, and a machine without a folder for sockets, keep the ports.
    """
    folder = None if os.name == "nt" else kernel_folder(sockets=True)
    if folder is None:
        return {}
    return {"transport": "ipc", "ip": f"{folder}/k", "connection_file": f"{folder}/connection.json"}


@functools.cache
def apart():
    """Environment variables that keep a person's own settings out of a run, and a home that can't be written."""
    folder = kernel_folder(sockets=False)
    if folder is None:
        return {}
    home_is_ours = os.access(os.path.expanduser("~"), os.W_OK)
    own_figures = {} if home_is_ours or "MPLCONFIGDIR" in os.environ else {"MPLCONFIGDIR": f"{folder}/matplotlib"}
    return {"IPYTHONDIR": f"{folder}/ipython"} | own_figures


def abandon(km):
    """End the kernel of a manager that can't talk to it. A forgotten socket would hold this process at its end."""
    process = getattr(getattr(km, "provisioner", None), "process", None)
    if process is not None:
        process.kill()
        process.wait()
    if km is not None:
        km.context.destroy(linger=0)


def look_every_second(channel):
    """Let a channel's get_msg look for messages every second, however long it may wait.

    A waiting socket is woken once for several messages, so one of them may lie there unseen until the wait ends, which
    is a cell's whole timeout. Cells that open a comm, as sliders do, met this in 4 of 60 runs on a busy machine.
    """
    get_msg = channel.get_msg

    async def get_in_slices(timeout=None):
        end = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            try:
                return await get_msg(timeout=min(1, max(0, end - time.monotonic())))
            except Empty:
                if time.monotonic() >= end:
                    raise

    channel.get_msg = get_in_slices


def run(nb, folder, env=None, timeout=CELL_TIMEOUT, **client_options):
    """Run all cells in a fresh kernel; hand back [(seconds, cell's number among the code cells)].

    The outputs land in nb. env: the kernel's environment, else this process's. timeout: seconds that a cell may take.
    Raises one of STOPS when a cell stops, takes too long, or kills the kernel, or when there is none.
    """
    seconds = []
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    settings = channels()
    # nbclient stores the widgets' state: without, it loses what Output widgets show; tidy() takes it out
    client = NotebookClient(nb, timeout=timeout, kernel_name="python3", coalesce_streams=True, record_timing=False,
                            resources={"metadata": {"path": str(folder)}},
                            config=Config({"KernelManager": settings}), **client_options)
    with contextlib.ExitStack() as stack:
        if settings:
            stack.callback(shutil.rmtree, Path(settings["ip"]).parent, ignore_errors=True)
        try:
            stack.enter_context(client.setup_kernel(env=(os.environ if env is None else env) | apart()))
        except Exception as error:
            abandon(client.km)
            raise NoKernel(f"no kernel answers ({type(error).__name__}: {error}): see that the temp folder "
                           f"(TMPDIR) has room, or name another") from error
        look_every_second(client.kc.shell_channel)
        look_every_second(client.kc.iopub_channel)
        for index, cell in enumerate(nb.cells):
            start = time.perf_counter()
            if cell.cell_type == "code":
                client.execute_cell(cell, index)
                seconds.append((time.perf_counter() - start, len(seconds)))
    return seconds


def tidy(nb):
    """Take out of an executed notebook what changes from run to run without meaning."""
    for key in ("widgets", "jupytext"):
        nb.metadata.pop(key, None)
    nb.metadata.update(kernelspec=KERNEL, language_info=LANGUAGE)
    for cell in nb.cells:
        for key in ("execution", "ExecuteTime", "collapsed", "scrolled", "lines_to_next_cell"):
            cell.metadata.pop(key, None)
        if cell.cell_type == "code":  # a progress display that was taken away is still there, empty
            cell.outputs = [o for o in cell.outputs if o.get("data") != {}]
        if "nbval-ignore-output" in cell.metadata.get("tags", []):
            cell.outputs = [o for o in cell.outputs if WIDGET_VIEW not in o.get("data", {})]
    return nb


def texts(output):
    """The texts of one output: what was printed, or each text/… form of what was displayed."""
    if "text" in output:
        return ["".join(output["text"])]
    return ["".join(text) for kind, text in output.get("data", {}).items() if kind.startswith("text/")]


def problems(nb):
    """Sentences that say what must not stand in a stored page; [] when all is well."""
    found = []
    for number, cell in enumerate(c for c in nb["cells"] if c["cell_type"] == "code"):
        for output in cell["outputs"]:
            for what, pattern in PRIVATE.items():
                found += [f"Cell {number} shows {what}: {match}" for text in texts(output)
                          for match in re.findall(pattern, text)]
            if output.get("name") == "stderr":
                found.append(f"Cell {number} writes to stderr: {''.join(output['text']).strip()[:300]}")
            if WIDGET_VIEW in output.get("data", {}):
                found.append(f"Cell {number} shows a widget: tag it nbval-ignore-output (and slider)")
    return found


def execute(path, store=True):
    """Run one notebook and store it when all is well; print how long it took. True when all is well."""
    nb = read(path)
    wall, before = time.perf_counter(), os.times()
    try:
        seconds = run(nb, path.parent)
    except STOPS as error:
        print(f"{path.name}: not stored, it stops.\n{error}", file=sys.stderr)
        return False
    wall, after = time.perf_counter() - wall, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    slowest = ", ".join(f"Cell {n} {s:.1f} s" for s, n in sorted(seconds, reverse=True)[:3])
    print(f"{path.name:<36} {wall:6.1f} s, {cpu:6.1f} s of CPU time; slowest {slowest}", flush=True)
    found = problems(tidy(nb))
    if found:
        print(f"{path.name}: not stored.", *found, sep="\n  ", file=sys.stderr)
    elif store:
        replace(path, nbformat.writes(nb).rstrip("\n") + "\n")
    return not found


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path, help="all of notebooks/ when none is named")
    parser.add_argument("--dry-run", action="store_true", help="store nothing")
    options = parser.parse_args(arguments)
    any_console()
    for name in ("PRACTICUM_SEED", "PRACTICUM_OFFLINE"):
        if os.environ.get(name) and not options.dry_run:
            parser.error(f"{name} is set, but the stored page shows the course's own seed and full MNIST: "
                         f"unset it, or add --dry-run")
    books = options.notebooks or notebooks(ROOT)
    for book in books:
        if not book.is_file():
            parser.error(f"there is no {book}")
    return 0 if all([execute(book, store=not options.dry_run) for book in books]) else 1


if __name__ == "__main__":
    sys.exit(main())
