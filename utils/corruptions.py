"""Ways to spoil a digit: what a denoising autoencoder learns to undo, and what it has never seen."""

import torch
from torch.nn.functional import conv2d, pad

SIDE = 28  # pixels; a digit is a row of SIDE² values
AMOUNTS = {"masking": 1.0, "gaussian": 0.5, "boxes": 12, "blur": 1.5, "shift": 6, "inversion": 1.0, "blend": 0.5}


def corrupt(y, how, amount=None, generator=None):
    """Spoil every image of a batch, each with noise of its own.   y: (B, 784) in [0, 1] -> x: (B, 784).

    how, and what `amount` means (its default in AMOUNTS):
    "masking": pixels set to 0, each with probability p, where p ~ U(0, amount) is drawn for every image;
    "gaussian": amount · N(0, 1) added to every pixel; the result leaves [0, 1];
    "boxes": a square of amount × amount pixels set to 0, anywhere within the image;
    "blur": convolution with a Gaussian of standard deviation amount;
    "shift": up, down, left or right by amount pixels, what leaves the image is lost;
    "inversion": (1 − amount) y + amount (1 − y);
    "blend": (1 − amount) y + amount y', y' another image of the batch, for all at the same distance in it.
    generator: torch.Generator on the CPU, or None. Raises ValueError for another `how`, an amount that makes no
    sense, images of another size, or a blend of fewer than two.
    """
    if how not in AMOUNTS:
        raise ValueError(f"how={how!r}: choose one of {', '.join(AMOUNTS)}")
    if y.ndim != 2 or y.shape[1] != SIDE**2:
        raise ValueError(f"y must be (B, {SIDE**2}), it is {tuple(y.shape)}")
    amount = AMOUNTS[how] if amount is None else amount
    most = {"boxes": SIDE, "shift": SIDE, "gaussian": float("inf"), "blur": float("inf")}.get(how, 1)
    if not 0 <= amount <= most or (how in ("boxes", "shift") and amount != int(amount)):
        raise ValueError(f"amount={amount} for {how!r} must lie between 0 and {most}, whole where it counts pixels")
    return _WAYS[how](y, amount, generator)


def _uniform(y, *shape, generator):
    return torch.rand(*shape, generator=generator, dtype=y.dtype).to(y.device)


def _masking(y, amount, generator):
    share = amount * _uniform(y, len(y), 1, generator=generator)
    return y * (_uniform(y, *y.shape, generator=generator) >= share)


def _gaussian(y, amount, generator):
    return y + amount * torch.randn(*y.shape, generator=generator, dtype=y.dtype).to(y.device)


def _boxes(y, amount, generator):
    side, at = int(amount), torch.arange(SIDE, device=y.device)
    corner = torch.randint(SIDE + 1 - side, (2, len(y), 1), generator=generator).to(y.device)
    rows, columns = (at >= corner) & (at < corner + side)
    return y * ~(rows[:, :, None] & columns[:, None, :]).flatten(1)


def _blur(y, amount, generator):
    if amount == 0:
        return y.clone()
    reach = int(3 * amount) + 1
    kernel = torch.exp(-torch.arange(-reach, reach + 1, dtype=y.dtype, device=y.device) ** 2 / (2 * amount**2))
    kernel = (kernel / kernel.sum())[None, None, None]
    x = conv2d(y.view(-1, 1, SIDE, SIDE), kernel, padding=(0, reach))
    return conv2d(x, kernel.transpose(2, 3), padding=(reach, 0)).flatten(1)


def _shift(y, amount, generator):
    way = torch.randint(4, (len(y),), generator=generator).to(y.device)
    wide = pad(y.view(-1, SIDE, SIDE), 4 * [amount])
    corners = [(0, amount), (2 * amount, amount), (amount, 0), (amount, 2 * amount)]
    ways = torch.stack([wide[:, top:top + SIDE, left:left + SIDE].flatten(1) for top, left in corners])
    return ways[way, torch.arange(len(y), device=y.device)]


def _inversion(y, amount, generator):
    return (1 - amount) * y + amount * (1 - y)


def _blend(y, amount, generator):
    if len(y) < 2:
        raise ValueError("a blend needs two images or more")
    distance = int(torch.randint(1, len(y), (), generator=generator))
    return (1 - amount) * y + amount * y.roll(distance, 0)


_WAYS = {"masking": _masking, "gaussian": _gaussian, "boxes": _boxes, "blur": _blur, "shift": _shift,
         "inversion": _inversion, "blend": _blend}
