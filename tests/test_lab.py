"""`make lab` serves the first notebook, and leaves nothing behind when it is stopped."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def status(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status
    except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
        return getattr(error, "code", None)


@pytest.mark.skipif(not sys.prefix.startswith(str(ROOT / ".venv")), reason="needs the environment that make made")
def test_make_lab_serves_the_first_notebook_and_stops():
    port, page = free_port(), "notebooks/00-start-here.ipynb"
    flags = "--no-browser --IdentityProvider.token='' --ServerApp.port_retries=0"
    server = subprocess.Popen(["make", "lab", f"PORT={port}", f"LAB={flags}"], cwd=ROOT, start_new_session=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, "BROWSER": "true"})
    base = f"http://127.0.0.1:{port}"
    try:
        deadline = time.time() + 90
        while status(f"{base}/api") != 200:
            assert server.poll() is None, server.stdout.read().decode()
            assert time.time() < deadline, "the server did not answer within 90 s"
            time.sleep(0.3)
        with urllib.request.urlopen(base, timeout=5) as first:  # what the browser is sent to
            assert first.url.endswith(f"/lab/tree/{page}") and first.status == 200
        assert status(f"{base}/api/contents/{page}?content=0") == 200
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.communicate(timeout=30)
    assert status(f"{base}/api") is None, "the port still answers"
