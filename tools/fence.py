"""Start a kernel for a stranger's notebook, as a user without rights, in a folder of its own, without a network.

    unshare --mount --net --pid --fork --kill-child --mount-proc \\
        python tools/fence.py --folder FOLDER --uid 65534 --hide PATH --keep PATH --memory BYTES --cpu SECONDS \\
        -- COMMAND …

The folder must exist; in it COMMAND works and leaves what it leaves. Everywhere else it can only read what everyone
may read, and of --hide nothing. --keep names what it must reach although a folder above it is closed to others (a
Python in somebody's home). It sees no network and no other process. Limits hold for each process and each file.
Linux, as root; this process becomes the first of the new ones, and with it all of them end.
"""

import argparse
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

STAGE = Path("/mnt")  # where a kept folder waits while its place is covered
WRITABLE = ("/tmp", "/var/tmp", "/dev/shm", "/run/lock")  # what every user may write
KNOWN = ("PATH", "LANG", "LC_ALL", "OMP_NUM_THREADS", "OMP_WAIT_POLICY")


def mount(*arguments):
    subprocess.run(["mount", *map(str, arguments)], check=True)


def cover(place, kept, size="1m"):
    """Lay an empty folder over a place; of what lies below it only the kept paths stay visible."""
    inside = [path for path in dict.fromkeys(kept) if path.is_relative_to(place) and path != place]
    mount("-t", "tmpfs", "-o", "size=1m,mode=755", "tmpfs", STAGE)
    for i, path in enumerate(inside):
        (STAGE / str(i)).mkdir()
        mount("--rbind", path, STAGE / str(i))
    mount("-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", place)
    for i, path in enumerate(inside):
        path.mkdir(parents=True, exist_ok=True)
        mount("--rbind", STAGE / str(i), path)
    subprocess.run(["umount", "--lazy", "--recursive", str(STAGE)], check=True)


def closed(path):
    """The highest folder above a path, or itself, that others may not enter; None when all are open."""
    return next((p for p in (*reversed(path.parents), path) if not p.stat().st_mode & 0o001), None)


def shut_in(folder, hidden, kept):
    """Build what the kernel will see. The folder itself stays as it is."""
    kept = [*kept, folder]
    for path in kept:
        while (place := closed(path)) is not None and place != folder:
            if place == path:
                raise SystemExit(f"{path} can't be read by others, and is needed")
            cover(place, kept)
    for place in map(Path, WRITABLE):
        if place.is_dir() and not place.is_symlink():
            cover(place, kept)
    for place in hidden:
        if place.is_dir():
            cover(place, [path for path in kept if path.is_relative_to(place)])


def environment(folder):
    """What the kernel is told: nothing of ours but what it needs, and its home in the folder."""
    own = {name: value for name, value in os.environ.items() if name in KNOWN or name.startswith("PRACTICUM_")}
    return own | {"HOME": str(folder), "TMPDIR": str(folder), "MPLCONFIGDIR": str(folder), "IPYTHONDIR": str(folder),
                  "PYTHONDONTWRITEBYTECODE": "1"}


def limit(memory, cpu):
    """Bounds for each process of the kernel: memory, time of the processor, size of a file, number of processes."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    for what, bound in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, cpu), (resource.RLIMIT_FSIZE, 64 * 2**20),
                        (resource.RLIMIT_NPROC, 512), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(what, (bound, bound))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--connection", type=Path, help="a file of ours, of which the folder gets a copy")
    parser.add_argument("--silent", action="store_true", help="what COMMAND writes to its output goes nowhere")
    parser.add_argument("--uid", type=int, required=True)
    parser.add_argument("--hide", type=Path, action="append", default=[])
    parser.add_argument("--keep", type=Path, action="append", default=[])
    parser.add_argument("--memory", type=int, required=True)
    parser.add_argument("--cpu", type=int, required=True)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if os.getpid() != 1 or os.getuid() != 0:
        raise SystemExit("start it as root, by unshare as above: it would cover folders of this machine")
    signal.signal(signal.SIGINT, lambda *_: None)  # meant for the kernel, which gets it as well
    if options.connection:
        copy = options.folder / options.connection.name
        shutil.copyfile(options.connection, copy)
        os.chown(copy, options.uid, options.uid)
    shut_in(options.folder, options.hide, options.keep)
    os.chdir(options.folder)
    drop = [shutil.which("setpriv"), f"--reuid={options.uid}", f"--regid={options.uid}", "--clear-groups",
            "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    out = subprocess.DEVNULL if options.silent else None
    child = subprocess.Popen(drop + command, env=environment(options.folder), stdout=out, stderr=out,
                             preexec_fn=lambda: limit(options.memory, options.cpu))
    while True:  # the first process of a namespace inherits the orphans
        pid, status = os.wait()
        if pid == child.pid:
            return os.waitstatus_to_exitcode(status) & 0xFF


if __name__ == "__main__":
    sys.exit(main())
