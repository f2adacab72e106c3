"""A JupyterHub on this machine, students who run pages on it at once, and what goes wrong under them.

    python tools/hub_trial.py [--students 8] [--only pages|accidents] [--write HUB.md] [page …]      `make hub-trial`

For each page (05 and 10, unless others are named) all of them at once, then one student alone. Each logs in by the
form, waits for a server, opens a copy of the student edition, starts a kernel and runs every code cell in order. Then
kernel, hub and proxy are killed, a disk fills up, an idle server is culled. The tables are printed, and with --write
they are put between their marks in a file. --only disk_full takes one accident; `page:2` lets two students run a page,
however many the others are.
"""

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil
from hub import ENVIRONMENT, ROOT, TRIAL, Failed, Hub, lacking
from hub_accidents import ALL, named, try_all
from hub_student import TROUBLE, Student, Watch
from pages import any_console, notebooks, replace, table

NAMES = ["ada", "jörg", "mary ann", "li", "omar", "zoë", "ivan", "noor"]
PAGES = ["05-ista-fista", "10-vae-mnist"]
HEAD = ["student", "login and server", "all cells", "slowest cell", "that one alone", "CPU", "memory, peak", "failures"]


def wanted(said, students):
    """(page, how many students) of an argument: a page's file or name, perhaps with :N."""
    name, _, number = said.partition(":")
    page, known = Path(name).name.removesuffix(".ipynb"), [path.stem for path in notebooks()]
    if page not in known or (number and not number.isdecimal()) or not 1 <= int(number or students) <= len(NAMES):
        raise argparse.ArgumentTypeError(f"{said}: a page of the course, perhaps with :1 to :{len(NAMES)} students")
    return page, int(number or students)


def together(hub, names, page):
    """Let these students run a page at once, and leave. One dict for what was measured."""
    students = [Student(hub, name) for name in names]
    for student in students:
        student.bring(page)
    watch, start = Watch(hub), time.monotonic()
    watch.start()
    with ThreadPoolExecutor(len(students)) as pool:
        going = [pool.submit(student.work, page) for student in students]
        while wait(going, timeout=60).not_done:
            print(f"{page}, after {time.monotonic() - start:.0f} s: cells done {[len(s.cells) for s in students]}, "
                  f"trouble {[len(s.trouble) for s in students]}, {watch.all / 2**20:.0f} MiB at most", flush=True)
        for each in going:
            each.result()
    wall = time.monotonic() - start
    watch.ended.set()
    watch.join()
    for student in students:
        with contextlib.suppress(*TROUBLE):
            hub.stop_server(student.name)
    return {"page": page, "wall": wall, "all": watch.all, "load": os.getloadavg()[0], "students": [
        {"name": s.name, "entered": s.entered, "cells": s.cells, "trouble": s.trouble, "cpu": watch.seconds(s.name),
         "peak": watch.peaks.get(s.name, 0)} for s in students]}


def rows_of(run, alone):
    """The table's rows for the students of one run, beside the one who was alone."""
    first, rows = alone["students"][0]["cells"] if alone else [], []
    for student in run["students"]:
        slowest = max(range(len(student["cells"])), key=student["cells"].__getitem__, default=None)
        cells = student["cells"]
        rows.append([student["name"] + (", alone" if run is alone else ""), f"{student['entered']:.0f} s",
                     f"{sum(cells):.0f} s", "–" if slowest is None else f"{cells[slowest]:.1f} s",
                     f"{first[slowest]:.1f} s" if slowest is not None and slowest < len(first) else "–",
                     f"{student['cpu']:.0f} s", f"{student['peak'] / 2**20:.0f} MiB", str(len(student["trouble"]))])
    return rows


def pages_text(result):
    """The section of what was measured with pages."""
    parts = [machine(result)]
    for page, run in result["runs"].items():
        alone, many = result["alone"].get(page), len(run["students"])
        failures = sum(len(s["trouble"]) for s in run["students"] + (alone["students"] if alone else []))
        peak = max(s["peak"] for s in run["students"])
        by_himself = f"{alone['wall']:.0f} s" if alone else "not run"
        parts += [f"**{page}**, {many} students at once: {run['wall']:.0f} s from the first login to the last cell; at "
                  f"most {run['all'] / 2**30:.1f} GiB for all together, {peak / 2**20:.0f} MiB for one. One student "
                  f"alone: {by_himself}. Failures: {failures}. Load at the end: {run['load']:.1f}.",
                  table(HEAD, rows_of(run, alone) + (rows_of(alone, alone) if alone else []))]
    return "\n\n".join(parts)


def accidents_text(result):
    """The section of what went wrong on purpose."""
    return machine(result) + "\n\n" + table(["what happens", "what was seen", ""], [
        [what, seen, "✔" if held else "✘"] for what, seen, held in result["accidents"]])


def machine(result):
    """On what, with what and when, as a sentence."""
    return f"*Run on {result['date']}: {result['machine']}; {result['versions']}.*"


def here():
    """Machine, versions and date."""
    proxy = json.loads((ENVIRONMENT / "node_modules/configurable-http-proxy/package.json").read_text(encoding="utf-8"))
    python = subprocess.run([str(ROOT / ".venv/bin/python"), "-c", "import torch; print(torch.__version__)"],
                            capture_output=True, encoding="utf-8", check=True).stdout.strip()
    versions = [f"{name} {version(name)}" for name in ("jupyterhub", "jupyterhub-idle-culler", "jupyter-server")]
    memory, load, kind = psutil.virtual_memory().total / 2**30, os.getloadavg()[0], os.nice(0)
    return {"date": datetime.now(UTC).strftime("%Y-%m-%d"),
            "machine": f"{os.cpu_count()} cores, {memory:.0f} GiB, load {load:.1f} before, from other work"
                       + f", the trial at nice {kind}" * bool(kind),
            "versions": ", ".join([*versions, f"configurable-http-proxy {proxy['version']}",
                                   f"Python {sys.version.split()[0]}", f"torch {python}"])}


def put(path, name, text):
    """Put a section between its marks in a file."""
    old = path.read_text(encoding="utf-8")
    marks = rf"(<!-- {name}:begin -->).*?(<!-- {name}:end -->)"
    new, count = re.subn(marks, lambda match: f"{match[1]}\n\n{text}\n\n{match[2]}", old, flags=re.DOTALL)
    if count != 1:
        raise Failed(f"{path.name} has no place for {name}")
    replace(path, new)


def options_of(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=8, choices=range(1, len(NAMES) + 1), metavar="1…8")
    parser.add_argument("--only", choices=["pages", "accidents", *(each.__name__ for each in ALL)])
    parser.add_argument("--write", type=Path, metavar="FILE")
    parser.add_argument("--port", type=int, help="of the hub; a free one when it isn't said")
    parser.add_argument("pages", nargs="*", default=[])
    options = parser.parse_args(arguments)
    try:
        options.pages = [wanted(said, options.students) for said in options.pages or PAGES]
    except argparse.ArgumentTypeError as error:
        parser.error(str(error))
    return options


def trial(options):
    """Everything that was asked for; what was seen, as a dict that JSON can hold."""
    result = here() | {"runs": {}, "alone": {}, "accidents": []}
    with Hub(port=options.port) as hub:
        for page, many in options.pages if options.only in (None, "pages") else []:
            for where, names in (("runs", NAMES[:many]), ("alone", ["somebody"])):
                result[where][page] = run = together(hub, names, page)
                failures = sum(len(s["trouble"]) for s in run["students"])
                print(f"{page}: {len(names)} at once, {run['wall']:.0f} s, {run['all'] / 2**20:.0f} MiB at most, "
                      f"failures: {failures}", flush=True)
                (TRIAL / "result.json").write_text(json.dumps(result, ensure_ascii=False), encoding="utf-8")
        if options.only != "pages":
            result["accidents"] = try_all(hub, named([options.only]))
            (TRIAL / "result.json").write_text(json.dumps(result, ensure_ascii=False), encoding="utf-8")
    return result


def main(arguments=None):
    any_console()
    options = options_of(arguments)
    missing = lacking()
    if missing:
        print(f"hub-trial: {missing}")
        return 1
    try:
        result = trial(options)
    except Failed as error:
        print(f"hub-trial: {error}")
        return 1
    for name, text in (("pages", pages_text(result) if result["runs"] else ""),
                       ("accidents", accidents_text(result) if result["accidents"] else "")):
        if text:
            print(f"\n{text}")
            if options.write:
                put(options.write, f"hub-{name}", text)
    runs = [*result["runs"].values(), *result["alone"].values()]
    trouble = [f"{s['name']}, {run['page']}: {line}" for run in runs for s in run["students"] for line in s["trouble"]]
    print(*trouble, sep="\n")
    return 1 if trouble or not all(held for *_, held in result["accidents"]) else 0


if __name__ == "__main__":
    sys.exit(main())
