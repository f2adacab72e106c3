"""What this computer allows: its environment variables, the CPUs we may use, the signs its console can write."""

import math
import os
import sys
from pathlib import Path

SIGNS = {"✔": "[ok]", "✘": "[x]", "·": "-"}  # and what stands for them on a console that lacks them


def setting(name):
    """The text of an environment variable without blanks around it; None when it is unset or empty."""
    return os.environ.get(name, "").strip() or None


def switch(name):
    """True or False from an environment variable; unset or empty is False. ValueError for what is neither."""
    text = setting(name) or "0"
    if text.lower() in ("1", "true", "yes", "y", "on"):
        return True
    if text.lower() in ("0", "false", "no", "n", "off"):
        return False
    raise ValueError(f"{name}={text!r} is neither yes nor no: set it to 1 or 0, or unset it")


def say(line):
    """Print a line, on a console without ✔ and ✘ as [ok] and [x]; what else it cannot write becomes a question mark.

    A Windows console in code page 1252 or a C locale would raise UnicodeEncodeError for a claim that holds.
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    for sign, plain in SIGNS.items():
        if not sign.encode(encoding, "ignore"):
            line = line.replace(sign, plain)
    print(line.encode(encoding, "replace").decode(encoding))


def usable_cpus(root="/"):
    """How many CPUs this process may use: those of its affinity, or of its cgroup's quota when that is less.

    A hub or a container may show 64 cores and grant the time of two. A part of a CPU counts as one; at least 1.
    root: the folder that holds proc and sys/fs/cgroup, for tests. Source: the kernel's cgroup-v2.rst, "cpu.max",
    and sched-bwc.rst, "cpu.cfs_quota_us".
    """
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([cpus, *map(math.ceil, _quotas(Path(root)))]))


def _quotas(root):
    """The CPU quotas, in CPUs, of the cgroups that this process is in and of those above them."""
    quotas = []
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        mounts = [controllers, "cpu"] if controllers else ["", "unified"]  # of version 1, and of version 2
        for mount in (root / "sys/fs/cgroup" / name for name in mounts):
            group = mount / path.lstrip("/")  # inside a container the path may be the host's: then only mount exists
            for folder in (group, *group.parents):
                if folder.is_relative_to(mount):
                    quotas += _quota(folder)
    return quotas


def _quota(folder):
    """[quota / period] of one cgroup, [] when it has none."""
    pairs = [_read(folder / "cpu.max").split(),  # version 2: "200000 100000" or "max 100000"
             [_read(folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")]]  # version 1: -1 is none
    return [int(pair[0]) / int(pair[1]) for pair in pairs
            if len(pair) == 2 and all(n.isdigit() and int(n) for n in pair)]


def _read(path):
    """The text of a file of the kernel's; "" when there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""
