"""MNIST's files on disk: recognized by their content wherever they lie, downloaded if missing, stored whole or not."""

import gzip
import hashlib
import io
import os
import re
import uuid
import zlib
from collections import deque
from itertools import islice
from pathlib import Path

from utils.downloads import Archive, DataError, Unreachable, download, reason

__all__ = ["Archive", "DataError", "Unreachable", "obtain", "search"]

# every spelling in use: -idx3- and .idx3-, capitals, "ubyte (1).gz" from a browser; `.gz` may be true of it or not
NAME = re.compile(r"(train|t10k|test)[-_. ](images|labels)[-_. ]idx[13][-_. ]ubyte(.*)", re.IGNORECASE)
LARGEST = 2**26  # bytes; no file of MNIST's is larger, so what is, is not read
DEPTH, FOLDERS, ENTRIES = 4, 300, 20_000  # how deep below the data folder we look, in how many folders, at how much

_unsaved = {}  # Archive -> bytes: downloads of this process for which no folder could be written


def obtain(root, wanted, mirrors):
    """Contents of the wanted files: from the folder, and from a mirror what is missing or damaged there.

    root: Path; the files' place is root/MNIST/raw, but they are found anywhere below root. wanted: list of Archive.
    mirrors: URL prefixes in order of preference. Returns {name: bytes} of the unpacked files, each verified, and a
    list of remarks for the reader. Raises DataError if a file in a place meant for it is damaged and no mirror has a
    fresh one; Unreachable, which says what was seen, if some are only missing.
    """
    raw = root / "MNIST" / "raw"
    meant = [raw, root, raw.parent, root / "raw"]  # root may name one of the two folders below itself
    found = {archive.name: (gzip.decompress(_unsaved[archive]), raw) for archive in wanted if archive in _unsaved}
    spoiled = search(meant, wanted, found)
    strange = search(_below(root, meant), wanted, found)
    remarks = []
    try:
        for archive, packed in download([archive for archive in wanted if archive.name not in found], mirrors):
            found[archive.name] = gzip.decompress(packed), raw
            path = raw / f"{archive.name}.gz"
            try:
                _save(path, packed)
                spoiled.pop(path, None)
            except OSError as error:
                _unsaved[archive] = packed
                remarks = [f"the download could not be kept in {raw}: {reason(error)}"]
    except Unreachable as error:
        missing = {archive.name for archive in wanted if archive.name not in found}
        bad = [f"{path} ({why})" for path, why in spoiled.items() if _kind(path) in missing and _expected(path)]
        if bad:
            raise DataError(f"damaged: {', '.join(bad)}; and no fresh copy could be had ({error}). "
                            "Delete what is damaged, then connect and restart the kernel; "
                            "or set PRACTICUM_OFFLINE=1 to work with the offline digits.") from None
        seen = [f"{path} ({why})" for path, why in (spoiled | strange).items() if _kind(path) in missing][:4]
        there = [f"{name} in {folder}" for name, (_, folder) in found.items()]
        raise Unreachable("; ".join([str(error), *[f"seen, but of no use: {', '.join(seen)}"] * bool(seen),
                                     *[f"there already: {', '.join(there)}"] * bool(there)])) from None
    elsewhere = dict.fromkeys(str(folder) for _, folder in found.values() if folder != raw)
    remarks += [f"found in {', '.join(elsewhere)}"] * bool(elsewhere)
    ignored = [path.name for path in spoiled if os.path.isfile(path)]
    return ({name: content for name, (content, _) in found.items()},
            remarks + [f"not used because damaged: {', '.join(ignored)}"] * bool(ignored))


def search(folders, wanted, found):
    """Put into `found` {name: (content, folder)} what the folders hold of the wanted, until nothing is missing.

    The SHA-256 of the unpacked content decides, whatever the file is called and however it is packed. Unpacked files
    are read first. Returns {path: why it is of no use} of what is called like one of the wanted and is none.
    """
    names = {archive.sha256: archive.name for archive in wanted}
    useless = {}
    for folder in folders:
        if len(found) == len(wanted):
            break
        good = set()
        paths = [Path(entry) for entry in _entries(folder)]
        for path in sorted(paths, key=lambda path: (path.suffix.lower() == ".gz", path.name)):
            kind = _kind(path)
            if kind is None or kind in good or len(found) == len(wanted):
                continue
            try:
                content = _unpacked(path)
            except (OSError, EOFError, zlib.error) as error:
                useless[path] = "it cannot be unpacked" if isinstance(error, gzip.BadGzipFile | zlib.error) \
                    else "it is cut short" if isinstance(error, EOFError) else reason(error)
                continue
            name = names.get(hashlib.sha256(content).hexdigest())
            if name is None:
                useless[path] = "its content is not MNIST's"
            else:
                good.add(kind)
                found.setdefault(name, (content, folder))
    return useless


def _kind(path):
    """The name in MNIST's own spelling that a file's name stands for, None when it stands for none of them."""
    match = NAME.fullmatch(path.name)
    if not match or path.name.endswith(".part"):
        return None
    part, what = match[1].lower().replace("test", "t10k"), match[2].lower()
    return f"{part}-{what}-idx{3 if what == 'images' else 1}-ubyte"


def _expected(path):
    """Whether a file is there (not only a link to it) under a name with which a reader expects it to be used."""
    return os.path.exists(path) and NAME.fullmatch(path.name)[3].lower() in ("", ".gz")


def _entries(folder, most=ENTRIES):
    """What os.scandir finds in a folder, [] when it cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            return list(islice(entries, most))
    except OSError:
        return []


def _below(root, known):
    """Yield the folders under root that are not known, nearest first; hidden ones and the course's own are left out."""
    waiting, folders, budget = deque([(root, 0)]), 0, ENTRIES
    while waiting and folders < FOLDERS:
        folder, depth = waiting.popleft()
        folders += 1
        if folder not in known:
            yield folder
        if depth < DEPTH:
            entries = _entries(folder, budget)
            budget -= len(entries)
            waiting += [(Path(entry), depth + 1) for entry in sorted(entries, key=lambda entry: entry.name)
                        if _is_folder(entry) and Path(entry) != Path(__file__).parent]


def _is_folder(entry):
    """Whether an entry is a folder to look into; most need no further look at the disk."""
    try:
        return not entry.name.startswith(".") and entry.is_dir()
    except OSError:
        return False


def _unpacked(path):
    """The content of a file, unpacked as often as it is packed."""
    if path.exists() and not path.is_file():
        raise OSError("it is no file")
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    while content[:2] == b"\x1f\x8b" and len(content) <= LARGEST:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
            content = packed.read(LARGEST + 1)
    return content


def _save(path, content):
    """Write to a name of our own in the same folder, then rename: two kernels may do so at once."""
    part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        part.write_bytes(content)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
