"""JavaScript that decks carry along, and axe-core: npm's packages by version and checksum, once in build/vendor/."""

import base64
import hashlib
import io
import shutil
import subprocess
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {  # name: (version, integrity as npm states it)
    "reveal.js": ("5.2.1",
                  "sha512-r7//6mIM5p34hFiDMvYfXgyjXqGRta+/psd9YtytsgRlrpRzFv4RbH76TXd2qD+7ZPZEbpBDhdRhJaFgfQ7zNQ=="),
    "mathjax": ("3.2.2",
                "sha512-Bt+SSVU8eBG27zChVewOicYs7Xsdt40qm4+UpHyX7k0/O9NliPc+x77k1/FEsPsjKPZGJvtRZM1vO+geW0OhGw=="),
    "axe-core": ("4.14.1",
                 "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="),
}


class VendorError(Exception):
    """A package that can't be had; the message says what to do."""


def checked(data, name, integrity):
    """The bytes of a package, if they are those that were meant."""
    kind, _, expected = integrity.partition("-")
    if base64.b64encode(hashlib.new(kind, data).digest()).decode() != expected:
        raise VendorError(f"{name}: npm's file has another checksum than ours, so nothing is built from it; "
                          "delete build/vendor/ and try again")
    return data


def archive(name, folder=ROOT / "build/vendor"):
    """The bytes of a package's archive: from the folder, else by `npm pack`. Raises VendorError."""
    version, integrity = PACKAGES[name]
    kept = folder / f"{name}-{version}.tgz"
    if kept.exists():
        return checked(kept.read_bytes(), kept.name, integrity)
    npm = shutil.which("npm")
    if npm is None:
        raise VendorError(f"npm fetches {name}, once: install Node.js (apt install npm, brew install node), then again")
    waiting = folder / ".new"
    waiting.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run([npm, "pack", f"{name}@{version}", "--loglevel=error", "--pack-destination", str(waiting),
                               "--fetch-retries=1", "--fetch-retry-mintimeout=500", "--fetch-timeout=60000"],
                              capture_output=True, text=True, encoding="utf-8", errors="replace", check=False,
                              timeout=180, cwd=folder)
        made = waiting / kept.name
        if done.returncode or not made.exists():
            reason = next((line for line in done.stderr.splitlines() if "code" in line), "no file came")
            raise VendorError(f"npm can't fetch {name} {version} ({reason.strip()}): a network is needed, once")
        data = checked(made.read_bytes(), kept.name, integrity)
        made.replace(kept)
        return data
    except subprocess.TimeoutExpired:
        raise VendorError(f"npm did not fetch {name} {version} within 3 minutes: a network is needed, once") from None
    finally:
        shutil.rmtree(waiting, ignore_errors=True)


def texts(name, members, folder=ROOT / "build/vendor"):
    """The text of some files of a package."""
    with tarfile.open(None, "r:*", io.BytesIO(archive(name, folder))) as tar:
        return [tar.extractfile(f"package/{member}").read().decode() for member in members]
