"""A JupyterHub on this machine, and students who run a page on it at once, as a browser would: HTTP and websockets.

    python tools/hub_trial.py [--students 8] [--page 05-ista-fista]       `make hub-trial`

One student alone first, then all of them. Each logs in by the form, waits for a server, opens a copy of the student
edition, starts a kernel and runs every code cell in order. The table: how long, how much memory, what failed. The hub
listens on loopback alone, with the simplest login and spawner: it is no hub for a class.
"""

import argparse
import contextlib
import json
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import psutil
import requests
import websocket
from pages import any_console, table, text_of

ROOT = Path(__file__).resolve().parents[1]
HUB = ROOT / "build/hub"
TRIAL = ROOT / "build/hub-trial"
NAMES = ["ada", "jörg", "mary ann", "li", "omar", "zoë", "ivan", "noor"]
SETTINGS = """
c.JupyterHub.bind_url = "http://127.0.0.1:{public}"
c.JupyterHub.hub_port = {hub}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api}"
c.ConfigurableHTTPProxy.command = [{proxy!r}]
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = {password!r}
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {homes!r}
c.Spawner.cmd = [{single!r}, "--allow-root"]
c.Spawner.environment = {environment!r}
c.Spawner.http_timeout = c.Spawner.start_timeout = 120
"""


class Failed(Exception):
    """Something that a student would see as broken."""


def ports(count):
    """Free ports of loopback."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextlib.contextmanager
def running():
    """A hub with its proxy. (address, password, its process); both end at the end."""
    shutil.rmtree(TRIAL, ignore_errors=True)
    (TRIAL / "homes").mkdir(parents=True)
    public, hub, api = ports(3)
    password = secrets.token_hex(8)
    environment = {"PRACTICUM_OFFLINE": "1", "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE",
                   "JUPYTER_PATH": str(ROOT / ".venv/share/jupyter"),  # JupyterLab lies in the course's environment
                   "JUPYTERLAB_DIR": str(ROOT / ".venv/share/jupyter/lab"),
                   "JUPYTER_CONFIG_PATH": str(ROOT / ".venv/etc/jupyter")}
    (TRIAL / "jupyterhub_config.py").write_text(SETTINGS.format(
        public=public, hub=hub, api=api, password=password, homes=str(TRIAL / "homes/{username}"),
        proxy=str(HUB / "node_modules/.bin/configurable-http-proxy"), single=str(HUB / "bin/jupyterhub-singleuser"),
        environment=environment), encoding="utf-8")
    address = f"http://127.0.0.1:{public}"
    with (TRIAL / "log.txt").open("w", encoding="utf-8") as log:
        process = subprocess.Popen([str(HUB / "bin/jupyterhub"), "-f", "jupyterhub_config.py"], cwd=TRIAL, stdout=log,
                                   stderr=subprocess.STDOUT)
        try:
            until(lambda: answers(f"{address}/hub/health"), 60, "the hub does not start: see log.txt")
            yield address, password, process
        finally:
            ours = [process, *psutil.Process(process.pid).children(recursive=True)]
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)
            for each in ours:
                with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                    each.kill()


def answers(address):
    with contextlib.suppress(requests.RequestException):
        return requests.get(address, timeout=5).ok
    return False


def until(holds, seconds, what):
    """Wait until it holds. Raises Failed after that many seconds."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise Failed(what)
        time.sleep(0.3)


class Student:
    """One who logs in, opens a page, and runs it."""

    def __init__(self, address, password, name, page):
        self.address, self.password, self.name, self.page = address, password, name, page
        self.web, self.cells, self.trouble, self.started, self.total = requests.Session(), [], [], 0.0, 0.0

    def go(self):
        """All of it; what fails stands in trouble."""
        start = time.perf_counter()
        try:
            self.log_in()
            self.started = time.perf_counter() - start
            self.run()
        except (Failed, requests.RequestException, websocket.WebSocketException, OSError, KeyError) as error:
            self.trouble.append(f"{type(error).__name__}: {error}"[:200])
        self.total = time.perf_counter() - start
        return self

    def log_in(self):
        """By the form, as a browser does; then wait until the server of this student answers."""
        form = f"{self.address}/hub/login?next=%2Fhub%2Fspawn"
        self.web.get(form, timeout=60)
        done = self.web.post(form, timeout=180, data={"username": self.name, "password": self.password,
                                                      "_xsrf": self.web.cookies["_xsrf"]})
        if not done.ok:
            raise Failed(f"login: {done.status_code}")
        self.base = f"{self.address}/user/{quote(self.name)}"
        until(self.served, 180, "the server does not start")

    def served(self):
        """Whether the student's own server answers: before it does, the hub answers in its place."""
        told = self.web.get(f"{self.base}/lab", timeout=120)  # brings the cookies of this server as well
        return told.ok and told.url.startswith(f"{self.base}/lab")

    def post(self, path, data):
        """A call of the server's API."""
        token = next(c.value for c in self.web.cookies if c.name == "_xsrf" and "/user/" in c.path)
        done = self.web.post(f"{self.base}/{path}", json=data, headers={"X-XSRFToken": token}, timeout=120)
        if not done.ok:
            raise Failed(f"{path}: {done.status_code} {done.text[:100]}")
        return done.json()

    def run(self):
        """Every code cell in order, over the websocket of a kernel."""
        shown = self.web.get(f"{self.base}/api/contents/{self.page}.ipynb", timeout=60).json()["content"]
        made = self.post("api/sessions", {"path": f"{self.page}.ipynb", "name": "", "type": "notebook",
                                          "kernel": {"name": "python3"}})
        cookies = "; ".join(f"{c.name}={c.value}" for c in self.web.cookies if "/user/" in c.path or c.path == "/")
        address = f"{self.base}/api/kernels/{made['kernel']['id']}/channels".replace("http", "ws", 1)
        wire = websocket.create_connection(address, cookie=cookies, timeout=300)
        for number, cell in enumerate(c for c in shown["cells"] if c["cell_type"] == "code"):
            start = time.perf_counter()
            self.execute(wire, number, text_of(cell), "raises-exception" in cell["metadata"].get("tags", []))
            self.cells.append(time.perf_counter() - start)
        wire.close()

    def execute(self, wire, number, source, may_stop):
        """One cell; an error or a claim that does not hold is trouble."""
        header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "username": self.name, "session": "trial",
                  "version": "5.4"}
        wire.send(json.dumps({"header": header, "parent_header": {}, "metadata": {}, "channel": "shell",
                              "content": {"code": source, "silent": False, "stop_on_error": not may_stop}}))
        while True:
            told = wire.recv()
            if not isinstance(told, str):
                continue
            told = json.loads(told)
            if told["parent_header"].get("msg_id") != header["msg_id"]:
                continue
            if told["msg_type"] == "error" and not may_stop:
                self.trouble.append(f"cell {number}: {told['content']['ename']}: {told['content']['evalue']}"[:200])
            if told["msg_type"] == "status" and told["content"]["execution_state"] == "idle":
                return


class Watch(threading.Thread):
    """Looks every second how much memory each student's processes hold together."""

    def __init__(self, hub):
        super().__init__(daemon=True)
        self.hub, self.peaks, self.all, self.ended = psutil.Process(hub.pid), {}, 0, threading.Event()

    def run(self):
        """Until ended is set."""
        while not self.ended.wait(1):
            now = {}
            with contextlib.suppress(psutil.Error):
                for server in self.hub.children():
                    family = [server, *server.children(recursive=True)]
                    with contextlib.suppress(psutil.Error, KeyError):
                        name = server.environ()["JUPYTERHUB_USER"]
                        now[name] = sum(p.memory_full_info().pss for p in family)
            for name, held in now.items():
                self.peaks[name] = max(held, self.peaks.get(name, 0))
            self.all = max(self.all, sum(now.values()))


def together(address, password, process, names, page):
    """Let these students go at once. ([Student], {name: peak bytes}, peak bytes of all, seconds)."""
    for name in names:
        home = TRIAL / "homes" / name
        home.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / f"notebooks/student/{page}.ipynb", home)
    watch, start = Watch(process), time.perf_counter()
    watch.start()
    with ThreadPoolExecutor(len(names)) as pool:
        done = list(pool.map(lambda name: Student(address, password, name, page).go(), names))
    watch.ended.set()
    return done, watch.peaks, watch.all, time.perf_counter() - start


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=8, choices=range(1, len(NAMES) + 1), metavar="1…8")
    parser.add_argument("--page", default="05-ista-fista")
    options = parser.parse_args(arguments)
    any_console()
    rows, trouble = [], []
    with running() as (address, password, process):
        for what, names in (("alone", ["first"]), ("together", NAMES[:options.students])):
            done, peaks, peak, seconds = together(address, password, process, names, options.page)
            for student in done:
                trouble += [f"{student.name}: {line}" for line in student.trouble]
                rows.append([student.name, what, f"{student.started:.0f} s", f"{sum(student.cells):.0f} s",
                             f"{max(student.cells, default=0):.1f} s", f"{len(student.cells)}",
                             f"{peaks.get(student.name, 0) / 2**20:.0f} MiB", f"{len(student.trouble)}"])
            print(f"{what}: {len(names)} in {seconds:.0f} s, {peak / 2**20:.0f} MiB at most", flush=True)
    print(table(["student", "", "login and server", "all cells", "slowest", "cells", "memory", "failures"], rows))
    print(*trouble, sep="\n")
    return 1 if trouble else 0


if __name__ == "__main__":
    sys.exit(main())
