"""A JupyterHub on loopback with its proxy beside it, so that either can be killed and started again.

As on a cluster, the proxy is a program of its own, and students' servers outlive the hub. The login takes one password
for every name and the spawner starts plain processes, so this is a hub to try things on, not one for a class.
"""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import psutil
import requests

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / "build/hub"  # made by `make hub-trial`
TRIAL = ROOT / "build/hub-trial"
ROUTES_CHECKED = 10  # seconds between two looks of the hub at the proxy's routes and at who is active
SETTINGS = """
c.JupyterHub.bind_url = "http://127.0.0.1:{public}"
c.JupyterHub.hub_port = {inner}
c.JupyterHub.cleanup_servers = False  # servers outlive the hub
c.JupyterHub.last_activity_interval = {checked}
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api}"
c.ConfigurableHTTPProxy.auth_token = {token!r}
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = {password!r}
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {homes!r}
c.Spawner.cmd = [{single!r}, "--allow-root"]
c.Spawner.environment = {environment!r}
c.Spawner.http_timeout = c.Spawner.start_timeout = {patience}
c.JupyterHub.services = [{{"name": "trial", "api_token": {service!r}}}]
c.JupyterHub.load_roles = [{{"name": "trial", "services": ["trial"], "scopes": [
    "list:users", "read:users:activity", "read:servers", "delete:servers"]}}]
"""


class Failed(Exception):
    """Something that a student, or whoever starts the trial, would see as broken."""


def lacking(root=ROOT):
    """What is missing for a hub, as one line that says what to do; "" when nothing is."""
    here = root / "build/hub"
    if not (here / "bin/jupyterhub").exists():
        return "there is no JupyterHub in build/hub: make hub-trial installs it"
    if not shutil.which("node"):
        return "there is no node: the hub's proxy is a program for Node.js (Debian: apt-get install npm)"
    if not (here / "node_modules/.bin/configurable-http-proxy").exists():
        return "there is no configurable-http-proxy in build/hub: npm is needed (Debian: apt-get install npm)"
    return ""


def ports(count):
    """Free ports of loopback."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def free(port):
    """The port, when nobody listens on it. Raises Failed, with what to do, otherwise."""
    with socket.socket() as each:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one that was just given up is free
        try:
            each.bind(("127.0.0.1", port))
        except OSError as error:
            raise Failed(f"port {port} can't be had ({error.strerror}): name another with --port, or none") from error
    return port


def answers(address):
    """Whether something answers there, and well."""
    with contextlib.suppress(requests.RequestException):
        return requests.get(address, timeout=5).ok
    return False


def until(holds, seconds, what, every=0.5):
    """Wait until it holds; how long that took. Raises Failed after that many seconds."""
    start = time.monotonic()
    while not holds():
        if time.monotonic() > start + seconds:
            raise Failed(what)
        time.sleep(every)
    return time.monotonic() - start


def alone_in(folder):
    """Raises Failed while another trial runs in that folder: it would lose its hub."""
    with contextlib.suppress(OSError, ValueError, psutil.NoSuchProcess):
        other = psutil.Process(int((folder / "pid").read_text(encoding="utf-8")))
        if other.pid != os.getpid() and "hub_trial" in " ".join(other.cmdline()):
            raise Failed(f"another trial, process {other.pid}, runs in {folder.name}: wait for its end")


class Hub:
    """The hub, its proxy and the servers of its students, in a folder of their own; all of them end with it."""

    def __init__(self, folder=TRIAL, port=None, patience=300):
        self.folder, self.password, self.token, self.service = folder, *(secrets.token_hex(16) for _ in range(3))
        self.public, self.inner, self.api = ports(3)
        self.public = free(port) if port else self.public
        self.address, self.processes = f"http://127.0.0.1:{self.public}", {}
        alone_in(folder)
        for home in filter(Path.is_mount, folder.glob("homes/*")):  # the small disk of a trial that was killed
            subprocess.run(["umount", "-l", str(home)], check=False)
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "homes").mkdir(parents=True)
        (folder / "pid").write_text(str(os.getpid()), encoding="utf-8")
        environment = {"PRACTICUM_OFFLINE": "1", "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE",
                       "JUPYTERHUB_ACTIVITY_INTERVAL": str(ROUTES_CHECKED // 2),
                       "JUPYTER_PATH": str(ROOT / ".venv/share/jupyter"),  # JupyterLab is the course's
                       "JUPYTERLAB_DIR": str(ROOT / ".venv/share/jupyter/lab"),
                       "JUPYTER_CONFIG_PATH": str(ROOT / ".venv/etc/jupyter")}
        (folder / "jupyterhub_config.py").write_text(SETTINGS.format(
            **vars(self), checked=ROUTES_CHECKED, homes=str(folder / "homes/{username}"), patience=patience,
            single=str(ENVIRONMENT / "bin/jupyterhub-singleuser"), environment=environment), encoding="utf-8")

    def __enter__(self):
        self.start_proxy()
        try:
            self.start_hub()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for name in list(self.processes):
            self.kill(name)
        for each in self.of_students():
            with contextlib.suppress(psutil.Error):
                each.kill()

    def start(self, name, command, **more):
        """Start a program whose output goes to NAME.txt."""
        with (self.folder / f"{name}.txt").open("a", encoding="utf-8") as log:
            self.processes[name] = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=subprocess.STDOUT,
                                                    env=os.environ | more)

    def start_proxy(self):
        """The proxy, as systemd or Kubernetes would start it. It knows no routes until the hub has told it."""
        at = "127.0.0.1"
        self.start("proxy", [str(ENVIRONMENT / "node_modules/.bin/configurable-http-proxy"), "--ip", at, "--port",
                             str(self.public), "--api-ip", at, "--api-port", str(self.api), "--log-level", "error",
                             "--error-target", f"http://{at}:{self.inner}/hub/error"],
                   CONFIGPROXY_AUTH_TOKEN=self.token)

    def start_hub(self):
        """The hub; how many seconds until it answers through the proxy."""
        self.start("hub", [str(ENVIRONMENT / "bin/jupyterhub"), "-f", "jupyterhub_config.py"])
        return until(lambda: answers(f"{self.address}/hub/health"), 120, "the hub does not start: see its hub.txt")

    def start_culler(self, seconds):
        """jupyterhub-idle-culler, which ends servers that were idle for so long."""
        self.start("culler", [str(ENVIRONMENT / "bin/python"), "-m", "jupyterhub_idle_culler", f"--timeout={seconds}",
                              "--cull-every=5", f"--url={self.address}/hub/api"], JUPYTERHUB_API_TOKEN=self.service)

    def kill(self, name):
        """End one of our programs at once, as a crash would."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait(30)

    def stop_server(self, name):
        """End a student's server as the hub does it."""
        requests.delete(f"{self.address}/hub/api/users/{requests.utils.quote(name)}/server", timeout=60,
                        headers={"Authorization": f"token {self.service}"}).raise_for_status()
        until(lambda: not self.of_students(name), 60, f"{name}: the server does not end")

    def of_students(self, name=None, program=""):
        """The processes of all students or of one, told by their environment, whose command holds a word."""
        found = []
        for each in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                told = each.environ()
                if f":{self.inner}/" in told.get("JUPYTERHUB_API_URL", "") and told.get("JUPYTERHUB_USER") and (
                        name in (None, told["JUPYTERHUB_USER"])) and program in " ".join(each.cmdline()):
                    found.append(each)
        return found
