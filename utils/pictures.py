"""Natural images: eight free pictures in the scikit-image wheel, whitened, and patches cut out of them."""

import torch

from utils.archives import DataError
from utils.runtime import device

# CC0: camera (L. Varshney), chelsea (S. van der Walt), coffee (R. Michetti), brick, grass, gravel.
# Public domain: astronaut (NASA), rocket (SpaceX). All lie in the wheel itself, so that nothing is fetched.
PICTURES = ("camera", "chelsea", "coffee", "astronaut", "rocket", "brick", "grass", "gravel")
CUTOFF = 0.4  # cycles a pixel; beyond it the whitening filter falls, for up there is mostly noise
MARGIN = 8  # pixels at each edge that the filter has mixed with the opposite edge
HELD_OUT = 0.2  # share of each picture, at its right edge, that patches for testing are cut from


def natural_pictures():
    """{name: (H, W) float32 in [0, 1]} in grey, on the CPU.

    Raises DataError when the installed scikit-image lacks one of them.
    """
    from skimage import color, data  # a second to import, and most notebooks do without

    pictures = {}
    for name in PICTURES:
        try:
            picture = getattr(data, name)()
        except Exception as error:  # noqa: BLE001 a missing file has many faces: pooch, network, checksum
            raise DataError(f"the picture {name!r} is not in the installed scikit-image ({error}): "
                            "`pip install --force-reinstall scikit-image` brings it back") from None
        grey = color.rgb2gray(picture) if picture.ndim == 3 else picture / 255
        pictures[name] = torch.as_tensor(grey, dtype=torch.float32)
    return pictures


def whiten(picture):
    """Flatten the spectrum of a picture: multiply it by f · exp(−(f / 0.4)⁴), f in cycles a pixel.

    Natural images have amplitudes ~ 1/f, so all frequencies become equally strong, but for noise at the top.
    picture: (H, W) -> (H − 16, W − 16), mean about 0, standard deviation 1.
    Source: Olshausen and Field, Sparse coding with an overcomplete basis set (1997).
    """
    height, width = picture.shape
    f = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None])
    flat = torch.fft.irfft2(torch.fft.rfft2(picture) * f * torch.exp(-(f / CUTOFF) ** 4), s=(height, width))
    flat = flat[MARGIN:-MARGIN, MARGIN:-MARGIN]
    return flat / flat.std()


def part_of(picture, part):
    """The columns of a picture (H, W) for training, the left four fifths, or for testing, the right fifth.

    part: "train" or "test"; ValueError for another.
    """
    if part not in ("train", "test"):
        raise ValueError(f"part={part!r}: choose 'train' or 'test'")
    border = round(picture.shape[1] * (1 - HELD_OUT))
    return picture[:, :border] if part == "train" else picture[:, border:]


def natural_patches(count, size=12, part="train", generator=None):
    """Whitened patches of natural images: `count` in all, equally many from each of eight pictures, shuffled.

    size: side of a patch in pixels, so n = size². part: "train" cuts from the left four fifths of a picture,
    "test" from the right fifth: no pixel is in both (the whitening filter reaches over the border by a few).
    generator: torch.Generator (CPU) or None.
    Returns (count, n) float32 on the course's device: zero mean each, contrast evened out by
    y ← 1.5 y / (‖y‖ + ½ median ‖y‖), so that a typical patch has norm 1 and an empty one stays small.
    Raises ValueError for another `part` or a size that does not fit; DataError when a picture is missing.
    """
    share = -(-count // len(PICTURES))
    patches = []
    for picture in natural_pictures().values():
        flat = part_of(whiten(picture), part)
        if not 1 <= size <= min(flat.shape):
            raise ValueError(f"size={size} does not fit: the smallest part of a picture is {min(flat.shape)}")
        windows = flat.unfold(0, size, 1).unfold(1, size, 1)
        top, left = (torch.randint(n, (share,), generator=generator) for n in windows.shape[:2])
        patches.append(windows[top, left].reshape(share, -1))
    patches = torch.cat(patches)
    patches = patches[torch.randperm(len(patches), generator=generator)[:count]]
    patches = patches - patches.mean(1, keepdim=True)
    norm = patches.norm(dim=1, keepdim=True)
    return (1.5 * patches / (norm + 0.5 * norm.median())).to(device())
