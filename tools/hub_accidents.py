"""What can go wrong on a hub, done on purpose under students who are at work: one row says what survived.

Each accident is a function of a hub and two students, `he` whom it hits and `other`, both with a kernel that runs.
It returns (what happened, what was seen, whether everybody but him went on and nothing more was lost than it says).
"""

import contextlib
import os
import shutil
import subprocess
import time

import psutil
import requests
from hub import ROUTES_CHECKED, Failed, Hub, until
from hub_student import TROUBLE, Student

HELD = "held = 42"
KERNEL = "ipykernel"
FILL = """
import errno
with open("full", "wb", buffering=0) as file:
    try:
        while True:
            file.write(bytes(4096))
    except OSError as error:
        print("full" if error.errno == errno.ENOSPC else error)
"""


def counting(ticks):
    """A cell that prints a line a second, so that a gap would be seen."""
    return f"import time\nfor tick in range({ticks}):\n    print(tick, flush=True)\n    time.sleep(1)\ndone = {ticks}"


def lines(heard):
    """What a cell printed."""
    return "".join(text for kind, text in heard if kind == "stream").split()


def said(student, source, seconds=10, times=12):
    """What a short cell prints, or how it fails; asked again when nothing is heard, as just after a restart."""
    for left in reversed(range(times)):
        try:
            heard = student.run(source, seconds)
            if heard:
                break
        except Failed:
            if not left:
                raise
        student.connect()  # as a browser does that hears nothing
    return " ".join(lines(heard)) or " ".join(text for _, text in heard)


def at_work(students, ticks):
    """Each keeps a variable and has let a counting cell run, for two seconds by now; the names of the requests."""
    for each in students:
        each.run(HELD)
    asked = [each.send(counting(ticks)) for each in students]
    time.sleep(2)
    return asked


def whole(student, asked, ticks):
    """Whether a counting cell printed every line."""
    return lines(student.hear(asked, seconds=ticks + 120)) == [str(tick) for tick in range(ticks)]


def remembers(student, **patience):
    """Whether his kernel still knows what it was told. IPython may complain beside it: no room for its history."""
    return "42" in said(student, "print(globals().get('held'))", **patience).split()


def saves(student):
    """Whether he can save a page; "" or what he is told."""
    try:
        page = {"type": "notebook", "content": {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}}
        student.call("PUT", "api/contents/saved.ipynb", page)
    except (Failed, requests.RequestException) as error:
        return str(error)
    return ""


def reason(told):
    """The words of an answer of the server's, without the path of the file."""
    return told.split('"message": "')[-1].split('"')[0].replace("saved.ipynb ", "").strip()[:120]


def kernel_killed(hub, he, other):
    """As when the memory runs out: the system ends the largest process."""
    ticks = 12
    _, asked = at_work((he, other), ticks)
    before = time.monotonic()
    for process in hub.of_students(he.name, KERNEL):
        process.kill()
    he.hear(seconds=120)
    told = time.monotonic() - before
    again, lost = said(he, "print(1 + 1)") == "2", not remembers(he)
    back = time.monotonic() - before
    others = whole(other, asked, ticks) and remembers(other)
    return ("a kernel is killed while a cell runs",
            f"He is told of a restart after {told:.0f} s and computes again after {back:.0f} s, "
            f"{'without' if lost else 'with'} his variables: run the page again. The other one's cell "
            f"{'went on, no line missing' if others else 'WENT WRONG'}.", again and others)


def proxy_killed(hub, he, other):
    """The proxy dies, and is started again after two seconds as systemd or Kubernetes does."""
    ticks = 25
    both = (he, other)
    asked = at_work(both, ticks)
    before = time.monotonic()
    hub.kill("proxy")
    time.sleep(2)
    hub.start_proxy()
    for each in both:
        until(each.served, 120, f"{each.name}: his server can't be reached through the new proxy")
    back = time.monotonic() - before
    for each in both:
        each.connect()
    heard = [lines(each.hear(name, seconds=ticks + 120)) for each, name in zip(both, asked, strict=True)]
    done = [said(each, "print(done)") == str(ticks) and remembers(each) for each in both]
    missing = max(ticks - len(each) for each in heard)
    ended = all(each[-1:] == [str(ticks - 1)] for each in heard)
    return ("the proxy is killed and started again",
            f"Everybody's connection breaks. Pages answer again after {back:.0f} s, without a new login: the hub has "
            f"looked at the routes, which it does every {ROUTES_CHECKED} s here. The cells went on, "
            f"{'no variable is lost' if all(done) else 'VARIABLES ARE LOST'}, and of {ticks} lines that a cell printed "
            f"{missing or 'none'} {'are' if missing > 1 else 'is'} missing once the page has connected again.",
            all(done) and ended)


def hub_killed(hub, he, other):
    """The hub dies, and is started again after three seconds."""
    ticks = 15
    both = (he, other)
    asked = at_work(both, ticks)
    hub.kill("hub")
    meanwhile = requests.get(f"{hub.address}/hub/login", timeout=60).status_code
    saved = [saves(each) for each in both]
    time.sleep(3)
    back = hub.start_hub()
    through = all(whole(each, name, ticks) for each, name in zip(both, asked, strict=True))
    inside = all(each.served() and remembers(each) for each in both)
    late = Student(hub, "late")
    late.log_in()
    hub.stop_server("late")
    return ("the hub is killed and started again",
            f"Who is at work sees {'nothing: no line is missing' if through else 'A GAP'}, pages "
            f"{'CAN NOT BE' if any(saved) else 'can be'} saved meanwhile, and afterwards "
            f"{'nobody has' if inside else 'SOME HAVE'} to log in again. A new login gets status {meanwhile} while "
            f"there is no hub; it answers {back:.0f} s after its start.", through and inside and not any(saved))


def idle_culled(hub, he, other):
    """One does nothing and has closed his browser; the other one's cell prints, without a browser as well."""
    timeout = 30
    he.run(HELD), other.run(HELD)
    other.send(counting(120))
    for each in (he, other):
        each.wire.close()
    start = time.monotonic()
    time.sleep(ROUTES_CHECKED)  # the hub hears of activity late; a culler that looks before would end him at once
    hub.start_culler(timeout)
    try:
        until(lambda: not hub.of_students(he.name), 140, "the idle server was not ended")
        took = time.monotonic() - start
        busy = len(hub.of_students(other.name)) >= 2
    finally:
        hub.kill("culler")
    kept = (he.home / "saved.ipynb").exists()
    he.come_back()
    he.open_page("page")
    lost = not remembers(he)
    until(lambda: other.served(), 60, "the busy server was ended")
    other.connect()
    busy = busy and remembers(other, seconds=180, times=2)  # after what its cell still has to print
    return (f"an idle server is culled, timeout {timeout} s",
            f"Ended {took:.0f} s after its last cell. When he comes back its files {'are' if kept else 'ARE NOT'} "
            f"there, its variables {'are not' if lost else 'are'}. A cell that prints "
            f"{'keeps' if busy else 'DOES NOT keep'} its server, also when the browser is closed.",
            kept and busy and took >= timeout)


def disk_full(hub, he, other):
    """A home of 4 MiB that fills up; the server is then ended and started anew on the full disk."""
    if os.name != "posix" or os.geteuid() != 0 or not shutil.which("mount"):
        return ("one student's disk is full", "Not tried: a small disk can only be made by root on Linux.", True)
    other.run(HELD)
    full = Student(hub, "full disk")
    full.home.mkdir(parents=True)
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(full.home)], capture_output=True,
                          check=False)
    if made.returncode:
        return ("one student's disk is full", "Not tried: no small disk can be mounted here.", True)
    try:
        page(full)
        full.log_in()
        full.open_page("page")
        full.run(HELD)
        filled = said(full, FILL) == "full"
        told, computes = saves(full), remembers(full)
        fine = not saves(other) and remembers(other)
        hub.stop_server(full.name)
        anew = "starts anew"
        try:
            full = Student(hub, full.name)
            full.log_in(patience=60)
            full.open_page("page")
            anew += " and computes" if said(full, "print(6 * 7)") == "42" else ", but computes nothing"
        except TROUBLE:
            anew = "does not start: somebody has to make room for him"
        other.connect()
        fine = fine and not saves(other) and remembers(other)
    finally:
        with contextlib.suppress(requests.RequestException, Failed):
            hub.stop_server(full.name)
        for each in hub.of_students(full.name):
            with contextlib.suppress(psutil.Error):
                each.kill()
        subprocess.run(["umount", "-l", str(full.home)], check=False)
    return ("one student's disk is full",
            f"He can't save, and is told: *{reason(told)}*; his kernel {'goes on' if computes else 'IS LOST'}. His "
            f"server, ended and asked for again, {anew}. The other one "
            f"{'saves and computes' if fine else 'IS HIT AS WELL'}.", filled and bool(told) and computes and fine)


def port_taken(hub, he, other):
    """A second hub is asked for on the first one's port."""
    try:
        Hub(hub.folder / "second", port=hub.public)
    except Failed as error:
        return ("the port is in use", f"The second hub does not start: *{error}*. The first goes on.".replace(
            str(hub.public), "8000"), hub_goes_on(he, other))
    return ("the port is in use", "NOBODY IS TOLD", False)


def hub_goes_on(*students):
    """Whether each still computes."""
    return all(said(each, "print(6 * 7)") == "42" for each in students)


def page(student):
    """A page in his home that needs nothing of the course: what is tried here is the hub."""
    student.home.mkdir(parents=True, exist_ok=True)
    (student.home / "page.ipynb").write_text(
        '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', encoding="utf-8")


ALL = [kernel_killed, hub_killed, proxy_killed, disk_full, port_taken, idle_culled]


def pair_of(hub):
    """Two students at work, one with an umlaut in his name and one with a space."""
    pair = [Student(hub, name) for name in ("zoë", "mary ann")]
    for each in pair:
        page(each)
        each.log_in()
        each.open_page("page")
        refused = saves(each)
        if refused:
            raise Failed(f"{each.name}: {refused}")
    return pair


def part(hub, pair):
    """Their servers end."""
    for each in pair:
        with contextlib.suppress(requests.RequestException, Failed):
            hub.stop_server(each.name)


def named(names):
    """The accidents of these names, all when none is named."""
    return [each for each in ALL if each.__name__ in names] or ALL


def try_all(hub, accidents=tuple(ALL)):
    """Each under the same two students, or new ones after one that went wrong. [(what, seen, held)]"""
    rows, pair = [], []
    for accident in accidents:
        try:
            pair = pair or pair_of(hub)
            for each in pair:
                each.connect()
            rows.append(accident(hub, *pair))
        except TROUBLE as error:
            rows.append((accident.__doc__.strip(), f"{type(error).__name__}: {error}", False))
        print(f"{'✔' if rows[-1][2] else '✘'} {rows[-1][0]} · {rows[-1][1]}", flush=True)
        if not rows[-1][2]:
            part(hub, pair)
            pair = []
    part(hub, pair)
    return rows
