"""A student as a hub sees him: logs in by the form, opens a page, runs it; over HTTP and websockets, like a browser."""

import contextlib
import json
import shutil
import threading
import time
import uuid
from urllib.parse import quote

import psutil
import requests
import websocket
from hub import ROOT, Failed, until
from pages import text_of

TROUBLE = (Failed, requests.RequestException, websocket.WebSocketException, OSError, KeyError, RuntimeError)


class Student:
    """One student, his browser, and what went wrong for him."""

    def __init__(self, hub, name):
        self.hub, self.name, self.home = hub, name, hub.folder / "homes" / name
        self.web, self.wire, self.kernel, self.session = requests.Session(), None, None, uuid.uuid4().hex
        self.base = f"{hub.address}/user/{quote(name)}"
        self.trouble, self.cells, self.entered, self.total = [], [], 0.0, 0.0

    def bring(self, page):
        """Put the student edition of a page into his home."""
        self.home.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / f"notebooks/student/{page}.ipynb", self.home)

    def log_in(self, patience=300):
        """By the form; then wait until his server answers."""
        start = time.monotonic()
        form = f"{self.hub.address}/hub/login?next=%2Fhub%2Fspawn"
        self.web.get(form, timeout=60)
        done = self.web.post(form, timeout=patience, data={
            "username": self.name, "password": self.hub.password, "_xsrf": self.token("/hub/")})
        if not done.ok:
            raise Failed(f"login: {done.status_code}")
        until(self.served, patience, "the server does not start", every=1)
        self.entered = time.monotonic() - start

    def come_back(self, patience=300):
        """In the same browser, after his server has ended: he starts it again, without a login."""
        def asked():  # again and again: while the old server is still ending, asking starts none
            self.web.get(f"{self.hub.address}/hub/spawn", timeout=patience)
            return self.served()

        until(asked, patience, "the server does not start again", every=3)

    def token(self, place):
        """What a browser sends along to prove that it is one: the hub and his server have one each."""
        return next((c.value for c in self.web.cookies if c.name == "_xsrf" and place in c.path), "")

    def served(self):
        """Whether his own server answers: before it does, the hub answers in its place."""
        with contextlib.suppress(requests.RequestException):
            told = self.web.get(f"{self.base}/lab", timeout=120)  # brings the cookies of this server as well
            return told.ok and told.url.startswith(f"{self.base}/lab")
        return False

    def call(self, method, path, data=None):
        """A call of his server's API."""
        done = self.web.request(method, f"{self.base}/{path}", json=data, timeout=300,
                                headers={"X-XSRFToken": self.token("/user/")})
        if not done.ok:
            raise Failed(f"{path}: {done.status_code} {done.text[:200]}")
        return done.json() if done.content else None

    def open_page(self, page):
        """Open a page and start its kernel; the page's code cells."""
        shown = self.call("GET", f"api/contents/{page}.ipynb")["content"]
        self.kernel = self.call("POST", "api/sessions", {"path": f"{page}.ipynb", "name": "", "type": "notebook",
                                                         "kernel": {"name": "python3"}})["kernel"]["id"]
        self.connect()
        return [cell for cell in shown["cells"] if cell["cell_type"] == "code"]

    def connect(self):
        """A websocket to the kernel; a second one is the same browser's, so it hears what it missed.

        One that nobody listens to is closed after a minute and a half: a browser answers pings, this one as it hears.
        """
        cookies = "; ".join(f"{c.name}={c.value}" for c in self.web.cookies if "/user/" in c.path or c.path == "/")
        address = f"{self.base}/api/kernels/{self.kernel}/channels?session_id={self.session}".replace("http", "ws", 1)
        self.wire = websocket.create_connection(address, cookie=cookies, timeout=900)

    def send(self, source, stop=True):
        """Let a cell run; the name of the request."""
        header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "username": self.name,
                  "session": self.session, "version": "5.4"}
        self.wire.send(json.dumps({"header": header, "parent_header": {}, "metadata": {}, "channel": "shell",
                                   "content": {"code": source, "silent": False, "stop_on_error": stop}}))
        return header["msg_id"]

    def hear(self, asked=None, seconds=900):
        """What the kernel says, [(kind, text)], until that request's cell is done; None: until a restart is told."""
        heard, end = [], time.monotonic() + seconds
        while time.monotonic() < end:
            self.wire.settimeout(max(0.1, end - time.monotonic()))
            try:
                kind, frame = self.wire.recv_data_frame(control_frame=True)  # pings end it, too
            except websocket.WebSocketTimeoutException:
                break
            if kind == websocket.ABNF.OPCODE_CLOSE:
                raise websocket.WebSocketConnectionClosedException("the server has closed the connection")
            if kind != websocket.ABNF.OPCODE_TEXT:
                continue
            told = json.loads(frame.data)
            kind, content = told["msg_type"], told["content"]
            if asked is None and kind == "status" and content["execution_state"] in ("restarting", "dead"):
                return heard
            if (told.get("parent_header") or {}).get("msg_id") != asked:
                continue
            if kind == "stream":
                heard.append((kind, content["text"]))
            if kind == "error":
                heard.append((kind, f"{content['ename']}: {content['evalue']}"))
            if kind == "status" and content["execution_state"] == "idle":
                return heard
        raise Failed(f"nothing more is heard of the kernel for {seconds} s")

    def run(self, source, seconds=900, stop=True):
        """A cell from its start to its end; what it printed and raised."""
        return self.hear(self.send(source, stop), seconds)

    def work(self, page):
        """Log in, run every cell of a page in order; errors and claims that do not hold are trouble."""
        start = time.monotonic()
        try:
            self.log_in()
            for number, cell in enumerate(self.open_page(page)):
                before, allowed = time.monotonic(), "raises-exception" in cell["metadata"].get("tags", [])
                heard = self.run(text_of(cell), stop=not allowed)
                self.cells.append(time.monotonic() - before)
                errors = [text for kind, text in heard if kind == "error" and not allowed]
                self.trouble += [f"cell {number}: {text}"[:200] for text in errors]
        except TROUBLE as error:
            self.trouble.append(f"{type(error).__name__}: {error}"[:200])
        self.total = time.monotonic() - start
        return self


class Watch(threading.Thread):
    """Looks every second what each student's processes hold together, and how long they have computed."""

    def __init__(self, hub):
        super().__init__(daemon=True)
        self.hub, self.peaks, self.times, self.all, self.ended = hub, {}, {}, 0, threading.Event()

    def run(self):
        """Until ended is set."""
        while not self.ended.wait(1):
            self.look()

    def look(self):
        """Once."""
        now = {}
        for each in self.hub.of_students():
            with contextlib.suppress(psutil.Error, KeyError):
                name, spent = each.environ()["JUPYTERHUB_USER"], each.cpu_times()
                now[name] = now.get(name, 0) + each.memory_full_info().pss
                self.times.setdefault(name, {})[each.pid] = spent.user + spent.system
        for name, held in now.items():
            self.peaks[name] = max(held, self.peaks.get(name, 0))
        self.all = max(self.all, sum(now.values()))

    def seconds(self, name):
        """Of CPU, by all processes that were seen of a student."""
        return sum(self.times.get(name, {}).values())
