"""Archives on disk and from the net: handed on only when verified, stored whole or not at all."""

import gzip
import hashlib
import os
import queue
import threading
import time
import urllib.request
import uuid
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


_unsaved = {}  # Archive -> bytes: downloads of this process for which no folder could be written
_given_up = {}  # mirror -> why: a mirror that failed once is not waited for again in this process


def obtain(folder, wanted, mirrors):
    """Contents of the wanted archives: from the folder, and from a mirror what is missing or damaged there.

    folder: Path. wanted: list of Archive. mirrors: URL prefixes in order of preference, [] for none.
    Returns {name: bytes} of the unpacked files, each verified, and a list of remarks for the reader.
    Raises DataError if a file is damaged and no mirror has a fresh one; Unreachable if some are only missing.
    """
    contents, damaged, remarks = {}, {}, []
    for archive in wanted:
        contents[archive.name], damaged[archive.name] = _read(folder, archive)
    absent = [archive for archive in wanted if contents[archive.name] is None]
    try:
        for archive, packed in _download(absent, mirrors):
            contents[archive.name] = gzip.decompress(packed)
            path = folder / f"{archive.name}.gz"
            try:
                _save(path, packed)
                damaged[archive.name] = [p for p in damaged[archive.name] if p != path]
            except OSError as error:
                _unsaved[archive] = packed
                remarks = [f"the download could not be kept in {folder}: {_reason(error)}"]
    except Unreachable as error:
        bad = [path for archive in absent if contents[archive.name] is None for path in damaged[archive.name]]
        if not bad:
            raise
        raise DataError(f"damaged: {', '.join(map(str, bad))}; and no fresh copy could be had ({error}). "
                        "Delete what is damaged, then connect and restart the kernel; "
                        "or set PRACTICUM_OFFLINE=1 to work with the offline digits.") from None
    ignored = [path.name for paths in damaged.values() for path in paths]
    return contents, remarks + ([f"not used because damaged: {', '.join(ignored)}"] if ignored else [])


def _read(folder, archive):
    """(content or None, damaged paths): the file if its SHA-256 is right, else the archive if its MD5 is."""
    damaged = []
    for path in (folder / archive.name, folder / f"{archive.name}.gz"):
        packed = path.suffix == ".gz"
        try:
            content = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            content = b""  # there, but it cannot be read: as good as damaged
        if packed and _md5(content) == archive.md5:
            return gzip.decompress(content), damaged
        if not packed and hashlib.sha256(content).hexdigest() == archive.sha256:
            return content, damaged
        damaged.append(path)
    return (gzip.decompress(_unsaved[archive]) if archive in _unsaved else None), damaged


def _save(path, content):
    """Write to a name of our own in the same folder, then rename: two kernels may do so at once."""
    part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        part.write_bytes(content)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _download(archives, mirrors):
    """Yield (archive, verified bytes) one after the other; Unreachable if no mirror gives one of them."""
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
    if _md5(packed) != archive.md5:
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
        pieces.put(_reason(error))


def _reason(error):
    """One short line from an exception."""
    cause = error if isinstance(error, HTTPError) else getattr(error, "reason", error)
    return " ".join(str(getattr(cause, "strerror", None) or cause or type(cause).__name__).split())


def _md5(content):
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
