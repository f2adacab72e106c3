"""Where on the page an atom lives: strokes fit into a small window, global components do not."""

import torch


def locality(images, size, window=9):
    """The share of an image's energy that the best window × window square holds: 1 for a dot, window²/size² for a flat.

    images: (B, size²), an image a row, so W_d.T for a dictionary -> (B,) in [0, 1]; 0 for an image of zeros.
    Raises ValueError for rows that are no size × size images, or a window that does not fit.
    """
    if images.ndim != 2 or images.shape[1] != size * size:
        raise ValueError(f"images must be (B, {size * size}), one a row; they are {tuple(images.shape)}")
    if not 1 <= window <= size:
        raise ValueError(f"window={window} must lie between 1 and size={size}")
    energy = images.square().view(-1, 1, size, size)
    inside = torch.nn.functional.avg_pool2d(energy, window, stride=1).flatten(1).amax(1) * window**2
    whole = energy.flatten(1).sum(1)
    return torch.where(whole > 0, inside / whole, 0.0)
