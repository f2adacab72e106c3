"""JupyterLab as `make lab` starts it, and what a test does in it by way of its own commands."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = "jupyterapp.shell.currentWidget"
# its own folders for settings and open tabs, nothing saved by itself: the checkout stays as it was
SETTINGS = {"@jupyterlab/docmanager-extension/plugin.jupyterlab-settings": '{"autosave": false}',
            "@jupyterlab/apputils-extension/notification.jupyterlab-settings":
                '{"fetchNews": "false", "checkForUpdates": false}'}
# a picture has come when it is decoded and on the screen; counted from the key, inside the page
WAIT = """handle => {
  const box = handle.closest(".widget-interact"), was = box.querySelector("img")?.src;
  let pressed;
  addEventListener("keydown", () => { pressed = performance.now(); }, {capture: true, once: true});
  window.come = new Promise(done => {
    const end = performance.now() + 10000;
    const look = () => {
      const image = box.querySelector("img");
      if (image && image.src !== was)
        image.decode().then(() => requestAnimationFrame(() => done(performance.now() - pressed)));
      else if (performance.now() > end) done(null);
      else requestAnimationFrame(look);
    };
    look();
  });
}"""
# code run beside the page's cells, without a trace in the page
ASK = """async code => {
  const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const future = kernel.requestExecute({code, store_history: false, silent: false}, true);
  let text = "";
  future.onIOPub = ({content}) => { text += content.text ?? content.evalue ?? ""; };
  await future.done;
  return text;
}"""
# A promise that JupyterLab has dropped (its kernel's connection was made anew, say) never settles, and Chromium may
# collect it. So the window holds what was begun; it is lost when the kernel rests for LOST seconds and nothing came.
BEGIN = """argument => {
  const held = window.held = {since: performance.now()};
  held.promise = (BODY)(argument)
    .then(value => { held.value = value ?? null; }, error => { held.error = String(error); })
    .then(() => { held.done = true; });
}"""
LOOK = """lost => {
  const held = window.held, now = performance.now();
  if (held.done) return "done";
  const kernel = window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel;
  if (kernel && !(kernel.status === "idle" && kernel.connectionStatus === "connected")) held.since = now;
  return now - held.since > 1000 * lost && "lost";
}"""
LOST, TRIES = 20, 3
READY = f"""() => {{ const context = window.jupyterapp && {PAGE}?.sessionContext;
  return context?.isReady && {PAGE}.context.isReady && {PAGE}.content?.model?.cells?.length > 0
    && context.session?.kernel?.status === "idle" && context.session.kernel.connectionStatus === "connected"; }}"""


@contextlib.contextmanager
def server(home, program="tools/lab.py", page="notebooks/00-start-here.ipynb"):
    """JupyterLab on a free port -> its address; ended afterwards with all its kernels."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for name, text in SETTINGS.items():
        (home / "settings" / name).parent.mkdir(parents=True, exist_ok=True)
        (home / "settings" / name).write_text(text, encoding="utf-8")
    env = os.environ | {"JUPYTERLAB_SETTINGS_DIR": str(home / "settings"), "JUPYTER_CONFIG_DIR": str(home / "config"),
                        "JUPYTERLAB_WORKSPACES_DIR": str(home / "tabs"), "IPYTHONDIR": str(home / "ipython")}
    log = (home / "log").open("w", encoding="utf-8")
    lab = subprocess.Popen([sys.executable, program, "--no-browser", f"--port={port}", "--port-retries=0",
                            "--IdentityProvider.token=course", "--expose-app-in-browser", page],
                           cwd=ROOT, env=env, stdout=log, stderr=log, start_new_session=True)
    address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 120
    try:
        while True:
            try:
                urllib.request.urlopen(f"{address}/api?token=course", timeout=5).close()
                break
            except OSError as error:
                said = (home / "log").read_text(encoding="utf-8")[-2000:]
                if lab.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"JupyterLab does not answer ({error}):\n{said}") from None
                time.sleep(0.3)
        yield address
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(lab.pid, signal.SIGTERM)
        try:
            lab.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(lab.pid, signal.SIGKILL)
        log.close()


class Notebook:
    """A notebook open in JupyterLab."""

    def __init__(self, page, address, name):
        self.page = page
        page.goto(f"{address}/lab/tree/{name}?token=course&reset")
        # the indicator says idle before the session can take a cell: these are its own words
        page.wait_for_function(READY)
        self.settled("() => jupyterapp.restored.then(() => null)")
        page.wait_for_function(READY)

    def settled(self, body, argument=None):
        """What an asynchronous function comes to in the page; begun again when the page has lost it."""
        for _ in range(TRIES):
            self.page.evaluate(BEGIN.replace("BODY", body), argument)
            if self.page.wait_for_function(LOOK, arg=LOST).json_value() == "done":
                held = self.page.evaluate("({value: held.value, error: held.error})")
                if held.get("error"):
                    raise RuntimeError(held["error"])
                return held.get("value")
            print(f"\nlost, and begun again: {body[:60]} {argument or ''}")
        raise RuntimeError(f"{TRIES} times begun, and never came to an end: {body} {argument or ''}")

    def command(self, name):
        """Run one of JupyterLab's commands, to its end."""
        self.settled("name => jupyterapp.commands.execute(name).then(String)", name)

    def run_all(self):
        self.command("notebook:run-all-cells")

    def run(self, number):
        """Run one cell, as Ctrl-Enter does."""
        self.select(number)
        self.command("notebook:run-cell")

    def select(self, number):
        self.page.evaluate(f"n => {{ {PAGE}.content.deselectAll(); {PAGE}.content.activeCellIndex = n; }}", number)

    def cells(self):
        """The notebook's cells as they would be saved."""
        return self.page.evaluate(f"[...{PAGE}.content.model.cells].map(cell => cell.toJSON())")

    def write(self, number, source):
        self.page.evaluate(f"([n, text]) => {PAGE}.content.model.cells.get(n).sharedModel.setSource(text)",
                           [number, source])

    def ask(self, code):
        """What the kernel prints for some code."""
        return self.settled(ASK, code)

    def wrong(self):
        """Outputs that no reader should see: errors, and what was written to stderr."""
        return [(number, out.get("ename", out.get("text"))) for number, cell in enumerate(self.cells())
                for out in cell.get("outputs", []) if out["output_type"] == "error" or out.get("name") == "stderr"]

    def press(self, handle, key):
        """Milliseconds from a key on a slider's handle to the new picture on the screen; None if none came."""
        handle.evaluate(WAIT)
        self.page.keyboard.press(key)
        return self.page.evaluate("window.come")
