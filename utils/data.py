"""The digits as tensors on the course's device: the full MNIST or, without a network, 5,000 of its digits."""

import os
import struct
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import torch
from torchvision.datasets import MNIST

from utils.archives import Archive, DataError, Unreachable, obtain, search
from utils.corruptions import corrupt
from utils.machine import say, setting, switch
from utils.pictures import natural_patches
from utils.runtime import device
from utils.toys import ellipse, ellipse_axes, spiral, spiral_curve, spiral_energy

__all__ = ["DataError", "Digits", "binarize", "corrupt", "ellipse", "ellipse_axes", "mnist", "natural_patches",
           "root", "spiral", "spiral_curve", "spiral_energy"]

COURSE = Path(__file__).resolve().parents[1]  # the clone; or, for an installed course, site-packages
PACKED = Path(__file__).resolve().parent / "offline"  # lies in the package, so that it is installed with it

# archive's size in bytes, SHA-256 of the unpacked file; torchvision knows the archives' MD5s and mirrors
FULL = {
    "train-images-idx3-ubyte": (9912422, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
    "train-labels-idx1-ubyte": (28881, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    "t10k-images-idx3-ubyte": (1648877, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    "t10k-labels-idx1-ubyte": (4542, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
}

# written by tools/offline_digits.py; origin and licenses in data/README.md
OFFLINE = [
    Archive("train-images-idx3-ubyte", 652379, "d67072181c78dd187eda989332d3426d",
            "306172daa4ccc9746cbd8c832a5255b210fac0811630866f1fc94d782660130d"),
    Archive("train-labels-idx1-ubyte", 2057, "5d414d19a61a318cc5c2f6e6db680a69",
            "e55b9c74515fb3c90fce3207e0f97c1dc522de2581159f6e6333df92e31ce738"),
    Archive("t10k-images-idx3-ubyte", 162574, "f91d66bce7e095ad0a74998314af09d4",
            "1da56c40fa0beda8c117213511bc93849aaa5452d48ab36701f73888af2c014b"),
    Archive("t10k-labels-idx1-ubyte", 522, "3d9146bdc0ae36e9c98933462a00727f",
            "a6bdd0cd760b755df537ca2b7e220cac8be6c0c18b7aa41c9009c140bbb49b0f"),
]


class Digits(NamedTuple):
    """Images as rows in [0, 1] and their labels: (N, 784) float32 and (N,) int64, on the course's device."""

    train: torch.Tensor
    train_labels: torch.Tensor
    test: torch.Tensor
    test_labels: torch.Tensor
    source: str  # "full MNIST" or "offline digits"


def mnist():
    """The digits of the data folder, else downloaded ones, else the offline digits; a line says which.

    The folder is `root()`. PRACTICUM_OFFLINE=1 takes the offline digits at once: 400 of each class to train on and
    100 to test, all out of MNIST's training set.
    Returns Digits. Raises DataError if PRACTICUM_DATA names no folder, or a damaged file cannot be replaced;
    ValueError if PRACTICUM_OFFLINE or PRACTICUM_DEVICE cannot be meant.
    Source: LeCun, Cortes and Burges, The MNIST database of handwritten digits (1998).
    """
    device()  # a wrong PRACTICUM_DEVICE is told at once, not after a download
    folder = root()
    if switch("PRACTICUM_OFFLINE"):
        return _offline("PRACTICUM_OFFLINE is set; unset it for the full MNIST")
    wanted = [Archive(name, FULL[name][0], md5, FULL[name][1])
              for name, md5 in ((packed.removesuffix(".gz"), md5) for packed, md5 in MNIST.resources)]
    try:
        contents, remarks = obtain(folder, wanted, MNIST.mirrors)
    except Unreachable as why:
        return _offline(f"the full MNIST could not be downloaded: {why}. To get it, connect and restart the "
                        f"kernel, or put its four .gz archives into {folder / 'MNIST' / 'raw'}")
    return _tensors(contents, "full MNIST", remarks)


def root():
    """The folder that holds MNIST/raw: PRACTICUM_DATA if set, else the clone's `data`, else the user's cache.

    Raises DataError if PRACTICUM_DATA names no folder.
    """
    named = setting("PRACTICUM_DATA")
    usual = COURSE / "data" if (COURSE / "notebooks" / "00-start-here.ipynb").is_file() else _cache()
    if not named:
        return usual
    folder = Path(os.path.abspath(os.path.expanduser(named)))
    if not os.path.isdir(folder):
        raise DataError(f"PRACTICUM_DATA={named} names no folder (looked for {folder}): "
                        f"make it, correct the name, or unset PRACTICUM_DATA to use {usual}")
    return folder


def _cache():
    """Where an installed course keeps what it downloads: the system's folder for caches, or without a home for a while.

    Source: XDG Base Directory Specification; Apple, File System Programming Guide; Windows' known folders.
    """
    base = {"win32": setting("LOCALAPPDATA") or "~/AppData/Local", "darwin": "~/Library/Caches"}.get(
        sys.platform, setting("XDG_CACHE_HOME") or "~/.cache")
    base = os.path.expanduser(base)
    if not os.path.isabs(base):  # there is no home
        try:
            base = tempfile.gettempdir()
        except FileNotFoundError:
            base = "."  # cannot be written either, so nothing is kept
    return Path(base, "week8-practicum")


def binarize(y, how="stochastic", generator=None):
    """Black-and-white digits: 1 with probability y (how="stochastic", afresh at each call) or where y ≥ 0.5.

    y: floats in [0, 1], any shape; the result has its shape, dtype and device.
    how: "stochastic" or "threshold". generator: torch.Generator, or None for torch's own.
    Stochastic, thresholded and once-and-for-all binarized digits are different problems: never compare their
    log-likelihoods in one table. Raises ValueError for another `how`.
    Source: Salakhutdinov and Murray, On the quantitative analysis of deep belief networks (2008).
    """
    if how == "stochastic":  # a comparison, for torch.bernoulli is slower on a CPU
        where = y.device if generator is None else generator.device
        noise = torch.rand(y.shape, generator=generator, dtype=y.dtype, device=where)
        return (noise.to(y.device) < y).to(y.dtype)
    if how == "threshold":
        return (y >= 0.5).to(y.dtype)
    raise ValueError(f"how={how!r}: choose 'stochastic' or 'threshold'")


def _offline(why):
    """The digits that come with the course; nothing is fetched."""
    found = {}
    search([PACKED], OFFLINE, found)
    if len(found) < len(OFFLINE):
        raise DataError(f"the offline digits in {PACKED} are missing or damaged: `git checkout -- utils/offline` "
                        "restores them in a clone of the course; else install the course again")
    return _tensors({name: content for name, (content, _) in found.items()}, "offline digits", [why])


def _tensors(contents, source, remarks):
    """Digits from verified contents."""
    tensors = []
    for part in ("train", "t10k"):  # divided on the CPU: CUDA multiplies by 1/255, which rounds otherwise
        images, labels = _values(contents[f"{part}-images-idx3-ubyte"]), _values(contents[f"{part}-labels-idx1-ubyte"])
        tensors += [images.reshape(-1, 784).float().div_(255).to(device()), labels.long().to(device())]
    digits = Digits(*tensors, source)
    remark = f" ({'; '.join(remarks)})" if remarks else ""
    say(f"digits: {source}, {len(digits.train):,} to train on, {len(digits.test):,} to test, "
        f"on {device()}{remark}")
    return digits


def _values(content):
    """The uint8 tensor of an idx file: two zeros, 8 for bytes, the rank; the sizes, big-endian; the values by rows.

    torchvision reads files only: 55 MB would go through a folder that may be full, or not be there.
    """
    sizes = struct.unpack_from(f">{content[3]}I", content, 4)
    return torch.frombuffer(bytearray(content), dtype=torch.uint8, offset=4 + 4 * len(sizes)).reshape(sizes)
