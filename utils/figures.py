"""House style: image grids, curves, point clouds, energy surfaces. Arrays in, a Picture with alt text out."""

import numpy as np
import torch

from utils import house
from utils.house import (  # noqa: F401 - pages take the colors from here
    BLUE,
    DEEP,
    DIGITS,
    GREEN,
    GREY,
    HOUSE,
    LINES,
    ORANGE,
    PALETTE,
    PURPLE,
    RED,
    SKY,
    STYLE,
    Picture,
    settings,
)
from utils.legible import smallest_type


def canvas(columns=1, rows=1, *, title="", alt, width=None, height=3.4, **subplots):
    """An empty picture in the house style and its axes: one, or an array as matplotlib's `subplots` returns it.

    title: what the picture shows. alt: the same for those who can't see it; compared in CI, so without measured
    numbers. width, height: inches in all. Raises ValueError when the alt text is empty.
    """
    if not alt.strip():
        raise ValueError("every picture needs an alt text: say in a sentence what it shows")
    with settings(HOUSE):
        size = width or min(4.6 * columns + 0.4, 12), height * rows
        picture = Picture(figsize=size, dpi=house.DPI, layout="constrained")
        picture.alt = alt
        axes = picture.subplots(rows, columns, **subplots)
        if title:
            picture.suptitle(title)
    return picture, axes


def to_numpy(values):
    """A numpy array from a tensor on any device, a list, or an array."""
    return values.detach().cpu().numpy() if torch.is_tensor(values) else np.asarray(values)


def tile(images, columns, shape=None, gap=1, fill=1.0):
    """One large array of B images side by side, (B, n) or (B, h, w) -> (H, W); gaps hold `fill`."""
    images = to_numpy(images)
    if images.ndim == 2:
        side = int(round(images.shape[1] ** 0.5))
        shape = shape or (side, side)
        if shape[0] * shape[1] != images.shape[1]:
            raise ValueError(f"{images.shape[1]} pixels are no {shape[0]} x {shape[1]} image: pass shape=(h, w)")
        images = images.reshape(-1, *shape)
    rows = -(-len(images) // columns)
    h, w = images.shape[1:]
    out = np.full((rows * (h + gap) - gap, columns * (w + gap) - gap), fill, dtype=float)
    for i, image in enumerate(images):
        top, left = (i // columns) * (h + gap), (i % columns) * (w + gap)
        out[top:top + h, left:left + w] = image
    return out


def show_images(ax, images, columns, *, title="", shape=None, limits=(0, 1)):
    """Draw B images as a grid into an axis; limits: the values drawn black and white, None for each grid's range."""
    low, high = limits or (None, None)
    big = tile(images, columns, shape, fill=high if high is not None else float(np.max(to_numpy(images))))
    ax.imshow(big, vmin=low, vmax=high, cmap="gray", interpolation="nearest")
    ax.set_title(title)
    ax.axis("off")


def grid(images, columns=10, *, title="", alt, shape=None, limits=(0, 1), width=None):
    """A picture of B images in rows of `columns`, e.g. (B, 784) digits."""
    rows = -(-len(images) // columns)
    width = width or min(0.75 * columns + 0.5, 11)
    picture, ax = canvas(title=title, alt=alt, width=width, height=width * rows / columns + (0.5 if title else 0.1))
    show_images(ax, images, columns, shape=shape, limits=limits)
    return picture


def rows_of_images(rows, *, title="", alt, limits=(0, 1), width=9):
    """A picture with one labelled row of images for each {label: (B, n)}."""
    count = max(len(images) for images in rows.values())
    room = 0.3 + max(len(label) for label in rows) * 0.56 * smallest_type(width) / 72  # of labels, in inches
    picture, axes = canvas(1, len(rows), title=title, alt=alt, width=width,
                           height=(width - room) / count * 1.04 + (0.45 / len(rows) if title else 0), squeeze=False)
    for ax, (label, images) in zip(axes[:, 0], rows.items(), strict=True):
        show_images(ax, images, count, limits=limits)
        ax.text(-0.012, 0.5, label, transform=ax.transAxes, ha="right", va="center")
    return picture


def curves(ax, lines, *, x=None, xlabel="step", ylabel="", title="", log="", smooth=1):
    """Draw {label: values} as lines, each in a style of its own; log: '', 'x', 'y' or 'xy'; smooth: a running mean."""
    for label, values in lines.items():
        values = to_numpy(values).astype(float)
        at = np.arange(len(values)) if x is None else to_numpy(x)
        if smooth > 1 and len(values) >= smooth:
            values = np.convolve(values, np.ones(smooth) / smooth, mode="valid")
            at = at[smooth - 1:]
        ax.plot(at, values, label=label, linestyle=LINES[len(ax.lines) % len(LINES)])
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    if "x" in log:
        ax.set_xscale("log")
    if "y" in log:
        ax.set_yscale("log")
    if len(lines) > 1:
        ax.legend()


def digit_cloud(ax, points, labels, *, title="", xlabel="z₁", ylabel="z₂", size=6):
    """Scatter (B, 2) points colored by their digit 0–9, each digit written at its cloud's median."""
    points, labels = to_numpy(points), to_numpy(labels)
    for digit in np.unique(labels):
        cloud = points[labels == digit]
        ax.scatter(*cloud.T, s=size, color=DIGITS(int(digit)), alpha=0.8, linewidths=0)
        ax.text(*np.median(cloud, axis=0), str(digit), ha="center", va="center", fontsize=12, fontweight="bold",
                bbox={"boxstyle": "circle,pad=0.15", "facecolor": "white", "edgecolor": DIGITS(int(digit))})
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel)


def energy_surface(ax, energy, extent, *, title="", levels=24, limit=None, xlabel="y₁", ylabel="y₂"):
    """Draw a (H, W) grid of energies over extent (left, right, bottom, top), row 0 at the bottom; light is low.

    limit: energies above it are drawn as if equal to it, so that the valleys keep their contrast; a pair (low, high)
    fixes both ends of the colors, so that two surfaces can be compared. Returns the filled contours, for a color bar.
    """
    energy = to_numpy(energy)
    if isinstance(limit, tuple):
        energy, levels = np.clip(energy.astype(float), *limit), np.linspace(*limit, levels + 1)  # float32 0.2 > 0.2
    elif limit is not None:
        energy = np.minimum(energy, limit)
    xs = np.linspace(*extent[:2], energy.shape[1])
    ys = np.linspace(*extent[2:], energy.shape[0])
    filled = ax.contourf(xs, ys, energy, levels=levels, cmap="cividis_r")
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel, aspect="equal")
    ax.grid(False)
    return filled
