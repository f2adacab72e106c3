"""Archives from the net: within bounds of time and size, handed on only when their checksum is right."""

import hashlib
import queue
import threading
import time
import urllib.request
from contextlib import closing
from http.client import HTTPException
from typing import NamedTuple
from urllib.error import HTTPError

from utils.runtime import progress

PATIENCE = 12.0  # seconds that all mirrors together may take before anything useful comes
SLOWEST = 8_000  # bytes a second; less than this over a mirror's share of the patience is no connection
AT_MOST = 300.0  # seconds for a whole download


class DataError(RuntimeError):
    """The data cannot be used; the message names the file or folder and the remedy."""


class Unreachable(DataError):
    """No mirror gave the file in time; the message says why."""


class Archive(NamedTuple):
    """A file `name` in its archive `name`.gz: the archive's size in bytes and MD5, the file's SHA-256."""

    name: str
    size: int
    md5: str
    sha256: str


_given_up = {}  # mirror -> why: a mirror that failed once is not waited for again in this process


def download(archives, mirrors):
    """Yield (archive, verified bytes) one after the other; Unreachable if no mirror gives one of them.

    archives: list of Archive. mirrors: URL prefixes in order of preference.
    """
    if not archives:
        return
    deadline = time.monotonic() + AT_MOST
    kib = sum(archive.size for archive in archives) // 1024
    with closing(progress(kib, "KiB of MNIST", keep=False)) as bar:
        if set(mirrors) - set(_given_up):
            next(bar, None)  # paints the bar before the first wait
        for archive in archives:
            yield archive, _from_any(mirrors, archive, deadline, bar)
        for _ in bar:  # rounding leaves a few
            pass


def _from_any(mirrors, archive, deadline, bar):
    """The archive's bytes from the first mirror that has not failed yet and does not fail now."""
    for mirror in mirrors:
        if mirror not in _given_up:
            try:
                return _fetch(f"{mirror}{archive.name}.gz", archive, PATIENCE / len(mirrors), deadline, bar)
            except Unreachable as error:
                _given_up[mirror] = str(error)
    reasons = dict.fromkeys(_given_up[mirror] for mirror in mirrors)  # each but once
    raise Unreachable("; ".join(reasons) or "no mirror is known")


def _fetch(url, archive, patience, deadline, bar):
    """The bytes behind a URL, verified; Unreachable as soon as too little comes.

    A thread does the waiting and is left behind if need be: no timeout of a socket bounds a name server
    that hangs, or a server that sends a byte now and then.
    """
    pieces, stop = queue.SimpleQueue(), threading.Event()
    threading.Thread(target=_stream, args=(url, patience, pieces, stop), daemon=True).start()
    packed, before, due = bytearray(), 0, time.monotonic() + patience
    try:
        while len(packed) <= archive.size:
            try:
                piece = pieces.get(timeout=0.1)
            except queue.Empty:
                piece = b""
            if piece is None:
                break
            if isinstance(piece, str):
                raise Unreachable(piece)
            for _ in range((len(packed) + len(piece)) // 1024 - len(packed) // 1024):
                next(bar, None)
            packed += piece
            now = time.monotonic()
            if now >= deadline:
                raise Unreachable(f"not finished after {AT_MOST:.0f} s")
            if now >= due:
                if len(packed) - before < SLOWEST * patience:
                    raise Unreachable(f"no useful answer within {patience:.0f} s")
                before, due = len(packed), now + patience
    finally:
        stop.set()
    if hashlib.md5(packed, usedforsecurity=False).hexdigest() != archive.md5:
        raise Unreachable(f"what came was not the archive ({len(packed):,} bytes, another MD5)")
    return bytes(packed)


def _stream(url, patience, pieces, stop):
    """Put the body of a URL into the queue piece by piece, then None; or why it failed, as a string."""
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "week8-practicum"})
        with urllib.request.urlopen(request, timeout=patience) as response:
            while not stop.is_set() and (piece := response.read1(65536)):
                pieces.put(piece)
        pieces.put(None)
    except (OSError, HTTPException, ValueError) as error:
        pieces.put(reason(error))


def reason(error):
    """One short line from an exception."""
    cause = error if isinstance(error, HTTPError) else getattr(error, "reason", error)
    return " ".join(str(getattr(cause, "strerror", None) or cause or type(cause).__name__).split())
