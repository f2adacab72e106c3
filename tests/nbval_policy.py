"""What nbval lets pass and this course doesn't; a pytest plugin that the conftest at the root loads.

Before a notebook runs, it is refused when a cell was never run (nbval would not compare it), when the stored page
shows an error, when cells ran out of order, or when a tag is misspelt (nbval would ignore it). While it runs, a
kernel that dies is reported at once and by name, one that nobody can talk to is reported once and left behind, a
person's own IPython settings have no say, and a display updated in place is compared by its last text.
"""

import os
import re
import threading
from pathlib import Path

import nbformat
import pytest
from execute import abandon, apart, channels
from nbval import kernel as nbval_kernel
from nbval import plugin as nbval_plugin
from nbval.plugin import IPyNbCell, IPyNbFile

TAGS = {"solution", "check", "claim", "predict", "slider", "nbval-ignore-output", "hide-input", "remove-cell", "cover"}
STUDENT_TAGS = TAGS | {"raises-exception"}  # in the student edition a mistake in an answer stops nothing
OUTPUT_TIMEOUT = 60  # seconds between two messages of a cell; nbval's own 5 are short on a busy machine
HEARTBEAT = 1  # seconds between two looks whether the kernel is alive
MARKER = re.compile(r"^\s*#+\s*(NBVAL_\w+|PYTEST_VALIDATE_IGNORE_OUTPUT)\s*$", re.MULTILINE)
LAST_WAIT = 15  # seconds that pytest may take to end after its summary when a kernel could not be reached
SIGNALS = {-9: "killed: most often out of memory", -11: "segmentation fault", -6: "aborted by native code"}


def violations(nb, tags=TAGS):
    """Sentences that say why this notebook (nbformat 4, a dict) must not be compared; [] when it may."""
    found, last = [], 0
    for number, cell in enumerate(c for c in nb["cells"] if c["cell_type"] == "code"):
        source = "".join(cell["source"])
        where = f"Cell {number} ({source.strip().splitlines()[0]})" if source.strip() else f"Cell {number}"
        count = cell.get("execution_count")
        if not source.strip():
            found.append(f"{where} is empty: delete it")
        elif count is None:
            found.append(f"{where} was never run, nbval would not compare it")
        elif count != last + 1:
            found.append(f"{where} ran as number {count}, not {last + 1}: the page was not run top to bottom")
        last = count or last + 1
        for error in (o for o in cell["outputs"] if o["output_type"] == "error"):
            found.append(f"{where} has stored an error, {error['ename']}: {error['evalue']}")
        for marker in MARKER.findall(source):
            found.append(f"{where} has the comment {marker}, which can silently be misspelt: use a tag")
    for cell in nb["cells"]:
        for tag in sorted(set(cell["metadata"].get("tags", [])) - tags):
            found.append(f"tag {tag!r} is unknown ({''.join(cell['source'])[:40]!r}): it must be one of "
                         f"{', '.join(sorted(tags))}")
    return found


class KernelDied(Exception):
    """The process behind the notebook is gone."""


def _collect(file):
    path = Path(file.path)
    tags = STUDENT_TAGS if path.parent.name in ("student", "work") else TAGS
    found = violations(nbformat.read(path, as_version=4), tags)
    if found:
        head = f"{path.name} can't be compared. Mend it, then run `make execute NB=notebooks/{path.name}`:"
        raise file.CollectError("\n  ".join([head, *found]))
    items = list(_collect.original(file))
    for item in items:
        item.output_timeout = OUTPUT_TIMEOUT
    return items


def _get_message(kernel, stream, timeout=None):
    """As nbval's, but looks every second whether there is still somebody to wait for."""
    waited = 0
    while True:
        step = HEARTBEAT if timeout is None else min(HEARTBEAT, timeout - waited)
        try:
            return _get_message.original(kernel, stream, step)
        except nbval_kernel.Empty:
            waited += step
            if not kernel.is_alive():
                process = getattr(kernel.km.provisioner, "process", None)
                code = getattr(process, "returncode", None)
                raise KernelDied(SIGNALS.get(code, f"exit status {code}")) from None
            if timeout is not None and waited >= timeout:
                raise


def _get_kernel_message(file, timeout=None, stream="iopub"):
    """As nbval's, which has no use for updates of a display: they are kept here for the comparison."""
    file.updates = getattr(file, "updates", {})
    while True:
        message = _get_kernel_message.original(file, timeout=timeout, stream=stream)
        content = message["content"]
        display = (content.get("transient") or {}).get("display_id")
        if message["msg_type"] == "update_display_data":
            file.updates[display] = content["data"]
            continue
        if display:
            content["metadata"]["display_id"] = display  # of all that a message tells, nbval keeps data and metadata
        return message


def _compare_outputs(item, test, ref, skip_compare=None):
    """As nbval's, with each display as the page would hold it: its last text, or nothing if it was taken away."""
    for output in test:
        display = output.get("metadata", {}).get("display_id")
        if display in item.parent.updates:
            output["data"] = item.parent.updates[display]
    test = [output for output in test if output.get("data") != {}]
    return _compare_outputs.original(item, test, ref, skip_compare)


def _run(item):
    dead_since = getattr(item.parent, "dead_since", None)
    if dead_since is not None:
        pytest.skip(f"not run: there is no kernel since Cell {dead_since}")
    if error := getattr(item.parent, "unreachable", None):
        item.parent.dead_since = item.cell_num
        item.raise_cell_error(f"no kernel answers ({type(error).__name__}: {error}): see that the temp folder (TMPDIR) "
                              f"has room, or name another")
    try:
        _run.original(item)
    except KernelDied as how:
        item.parent.dead_since = item.cell_num
        item.raise_cell_error(f"the kernel died in {item.parent.path.name}, Cell {item.cell_num} ({how})")


def _setup(file):
    """As nbval's, but a kernel that could not be reached is reported once, not for every cell of the page."""
    try:
        _setup.original(file)
    except Exception as error:  # noqa: BLE001 whatever stands in the way, the first cell says it
        file.unreachable = error


_KernelManager = nbval_kernel.KernelManager
_last = {"manager": None, "unreachable": False, "status": 1}  # one that could not be reached is kept nowhere else


def _kernel_manager(**settings):
    _last["manager"] = _KernelManager(**settings, **channels())
    return _last["manager"]


def _start(kernel, *arguments, **settings):
    """As nbval's. What that leaves behind when it fails, a process and sockets, would hold pytest at its end."""
    try:
        _start.original(kernel, *arguments, **settings)
    except BaseException:
        _last["unreachable"] = True
        if hasattr(kernel, "kc"):
            kernel.kc.stop_channels()
        abandon(_last["manager"])
        raise


def _patch(owner, name, replacement):
    replacement.original = getattr(owner, name)
    setattr(owner, name, replacement)


def pytest_configure(config):
    here = not hasattr(config, "workerinput")  # not in a worker of xdist
    if here and config.option.nbval and getattr(config.option, "dist", "no") not in ("no", "loadscope", "loadfile"):
        raise pytest.UsageError("with -n, the cells of a notebook must stay together: add --dist loadscope")
    if getattr(nbval_plugin, "practicum_policy", False):
        return
    nbval_plugin.practicum_policy = True  # pytester and xdist may configure twice in one process
    _patch(IPyNbFile, "collect", _collect)
    _patch(IPyNbFile, "get_kernel_message", _get_kernel_message)
    _patch(IPyNbCell, "compare_outputs", _compare_outputs)
    _patch(IPyNbCell, "runtest", _run)
    _patch(nbval_kernel.RunningKernel, "get_message", _get_message)
    _patch(nbval_kernel.RunningKernel, "__init__", _start)
    _patch(nbval_kernel, "KernelManager", _kernel_manager)
    _patch(IPyNbFile, "setup", _setup)
    _last["config"] = config
    if config.option.nbval:
        os.environ |= apart()


def pytest_sessionfinish(exitstatus):
    _last["status"] = int(exitstatus)


@pytest.hookimpl(tryfirst=True)
def pytest_unconfigure(config):
    """End after the summary even if a kernel that could not be reached left something that never ends."""
    if _last["unreachable"] and config is _last.get("config"):
        last = threading.Timer(LAST_WAIT, os._exit, [_last["status"]])
        last.daemon = True
        last.start()
