"""Checks of the exercises in notebook 02."""

import torch

from utils.exercises.harness import Exercise


def denoiser_score(y, y_tilde, sigma):
    """(r(y) - y) / sigma^2 = grad log p_sigma(y).   y, y_tilde = r(y): (B, n) -> (B, n)."""
    return (y_tilde - y) / sigma**2


def mask_pixels(y, share, u):
    """Pixels of y whose u falls below share become 0.   y, u: (B, n), u uniform in [0, 1), share: (B, 1) -> (B, n)."""
    return y * (u >= share)


def posterior_mean(y, s):
    """E[y0 | y] for y = y0 + s eps, y0 = -1 or +1 with equal odds: tanh(y / s^2).   y: any shape, s: float."""
    return torch.tanh(y / s**2)


def false_minima(y, E, data, radius):
    """Where E dips below both neighbors, farther than radius from every datum.   (G,), (G,), (N,) -> (M,)."""
    dips = (E[1:-1] < E[:-2]) & (E[1:-1] < E[2:])
    found = y[1:-1][dips]
    return found[(found[:, None] - data).abs().amin(1) > radius]


def denoising_loss(y_tilde, y, x):
    """Mean over the batch of 1/2|y_tilde - y|^2.   y_tilde = r(x), y clean, x corrupted: (B, n) -> scalar."""
    return 0.5 * (y_tilde - y).square().sum(1).mean()


def _landscape(flip=1.0):
    """A grid and an energy with zeros at -1 and 1 and dips elsewhere, slightly different each time."""
    y = torch.linspace(-2, 2, 161)
    a = 0.5 + 0.2 * torch.rand(())
    E = flip * 0.5 * (y * (y.square() - 1) * (y.square() - (1 + a) ** 2)).square() + 0.01 * torch.rand(()) * y
    return y, E, torch.tensor([-1.0, 1.0]), 0.15


Exercise(
    "denoiser_score", denoiser_score,
    cases=lambda: [(torch.randn(4, 2), torch.randn(4, 2), 0.4), (torch.randn(1, 5), torch.randn(1, 5), 1.7),
                   (torch.randn(3, 4, 2), torch.randn(3, 4, 2), torch.tensor([0.025, 0.2, 0.8]).view(3, 1, 1)),
                   (torch.randn(7, 2), torch.randn(3, 7, 2), torch.tensor([0.025, 0.2, 0.8]).view(3, 1, 1))],
    gradient=False,
    mistakes={
        "the arrow points away from the data: the denoiser moves y to r(y), and the density rises that way":
            lambda y, r, s: (y - r) / s**2,
        "divide by σ², the variance of the noise, not by σ": lambda y, r, s: (r - y) / s,
        "this is the displacement; the score is the displacement divided by σ²": lambda y, r, s: r - y,
        "multiply by σ² and you go from the score to the displacement; you need the way back":
            lambda y, r, s: (r - y) * s**2,
        "there is no factor ½: the ½ of the Gaussian's exponent is used up by its derivative":
            lambda y, r, s: (r - y) / (2 * s**2),
        "this is one number a sample, the energy's: the score is a vector": lambda y, r, s:
            (0.5 * (r - y).square().sum(1) / s**2),
    },
)

Exercise(
    "mask_pixels", mask_pixels,
    cases=lambda: [(torch.rand(5, 12) + 0.1, torch.rand(5, 1), torch.rand(5, 12)),
                   (torch.rand(4, 8) + 0.1, torch.full((4, 1), 0.5), torch.rand(4, 8)),
                   (torch.rand(3, 6) + 0.1, torch.tensor([[0.0], [0.5], [1.0]]), torch.rand(3, 6))],
    gradient=False,
    mistakes={
        "it keeps what it should hide: a pixel is hidden where u < share": lambda y, share, u: y * (u < share),
        "all images get the first one's mask: u has a row for each of them": lambda y, share, u: y * (u[:1] >= share),
        "each image must be whole or gone: u differs from pixel to pixel": lambda y, share, u: y * (u[:, :1] >= share),
        "what is kept is divided by 1 − share, as dropout does; here kept pixels stay as they are":
            lambda y, share, u: y * (u >= share) / (1 - share),
        "this is the mask: multiply the image by it": lambda y, share, u: (u >= share).to(y.dtype),
        "hidden pixels become 0, not the mean gray": lambda y, share, u: torch.where(u >= share, y, y.mean()),
        "this draws noise of its own: compare the u that is handed in": lambda y, share, u:
            y * (torch.rand_like(y) >= share),
        "hidden pixels become 0, not noise": lambda y, share, u: torch.where(u >= share, y, u),
        "every image has its own share": lambda y, share, u: y * (u >= share[0]),
    },
)

Exercise(
    "posterior_mean", posterior_mean,
    cases=lambda: [(torch.randn(6, 1), 0.6), (torch.randn(4, 3), 0.9), (2 * torch.randn(8), 1.6),
                   (torch.randn(5, 1), torch.tensor([[0.5]])),
                   (torch.linspace(-1.5, 1.5, 13)[:, None], 0.3), (torch.linspace(-1.5, 1.5, 13)[:, None], 1.0)],
    gradient=False,
    mistakes={
        "divide by s², not by s: the exponent of the Gaussian holds s²": lambda y, s: torch.tanh(y / s),
        "a factor 2 too many: the two exponents differ by 2y/s², and tanh(a) takes half the difference":
            lambda y, s: torch.tanh(2 * y / s**2),
        "a factor 2 too few: (y − 1)² and (y + 1)² differ by 4y, over 2s² that is 2y/s²":
            lambda y, s: torch.tanh(y / (2 * s**2)),
        "this is the probability of +1; the mean is +1 times it, −1 times the rest":
            lambda y, s: torch.sigmoid(2 * y / s**2),
        "this is the nearest datum; the mean of both, weighed by how likely they are, is smooth":
            lambda y, s: y.sign(),
        "more noise must make the tanh wider: divide by s², don't multiply": lambda y, s: torch.tanh(y * s**2),
        "this is the answer for Gaussian data of variance 1, the Wiener filter; here only −1 and +1 occur":
            lambda y, s: y / (1 + s**2),
    },
)

Exercise(
    "false_minima", false_minima,
    cases=lambda: [_landscape(), _landscape(), (*_landscape()[:2], torch.tensor([-1.0, 0.0, 1.0]), 0.15),
                   _low_at_one_end()],
    gradient=False,
    keywords=("radius",),
    mistakes={
        "the data are minima as well: leave out what lies within radius of a datum": lambda y, E, data, radius:
            false_minima(y, E, data + 100, radius),
        "it must be far from every datum, not from any one: .all over the data, or the least distance":
            lambda y, E, data, radius: _far_from_one(y, E, data, radius),
        "an end of the grid has one neighbor only, so it is no minimum here: compare inner points, E[1:-1]":
            lambda y, E, data, radius: _round_the_ends(y, E, data, radius),
        "higher than one neighbor is a slope: a minimum is lower than both (&, not |)":
            lambda y, E, data, radius: _lower_than_one(y, E, data, radius),
        "these are the hills: a minimum is lower than both neighbors": lambda y, E, data, radius:
            false_minima(y, -E, data, radius),
        "this keeps the minima at the data and throws the false ones away": lambda y, E, data, radius:
            _true_minima(y, E, data, radius),
        "a single lowest point hides the others: every point lower than both neighbors counts":
            lambda y, E, data, radius: y[E.argmin()][None],
        "these are the grid's numbers: return the positions y": lambda y, E, data, radius:
            (((E[1:-1] < E[:-2]) & (E[1:-1] < E[2:])).nonzero()[:, 0] + 1)[
                (y[1:-1][(E[1:-1] < E[:-2]) & (E[1:-1] < E[2:])][:, None] - data).abs().amin(1) > radius],
        "off by one: E[1:-1] belongs to y[1:-1]": lambda y, E, data, radius: false_minima(y, E, data, radius) - 0.025,
    },
)

Exercise(
    "denoising_loss", denoising_loss,
    gradient=("y_tilde",),
    cases=lambda: [(torch.randn(5, 7), torch.rand(5, 7), torch.rand(5, 7)),
                   (torch.randn(1, 3), torch.rand(1, 3), torch.rand(1, 3))],
    mistakes={
        "this is the colleague's loss: it asks for the corrupted x back, so the noise is learned with the digit":
            lambda r, y, x: ((r - x) ** 2).mean(),
        "the target is the clean y, not the corrupted x": lambda r, y, x: 0.5 * (r - x).square().sum(1).mean(),
        "the target is right; but it averages over the pixels: sum over them, then average over the batch":
            lambda r, y, x: ((r - y) ** 2).mean(),
        "the ½ is missing": lambda r, y, x: (r - y).square().sum(1).mean(),
        "this is one value a sample: take the mean over the batch": lambda r, y, x: 0.5 * (r - y).square().sum(1),
        "it sums over the batch: take the mean, or the step grows with the batch":
            lambda r, y, x: 0.5 * (r - y).square().sum(),
        "it averages over the pixels too: sum over them": lambda r, y, x: 0.5 * (r - y).square().mean(),
        "this compares the clean y with the corrupted x: the network is not in it":
            lambda r, y, x: 0.5 * (y - x).square().sum(1).mean(),
    },
)


def _true_minima(y, E, data, radius):
    found = false_minima(y, E, data + 100, radius)
    return found[(found[:, None] - data).abs().amin(1) <= radius]


def _far_from_one(y, E, data, radius):
    found = false_minima(y, E, data + 100, radius)
    return found[((found[:, None] - data).abs() > radius).any(1)]


def _round_the_ends(y, E, data, radius):
    found = y[(E.roll(1) > E) & (E.roll(-1) > E)]
    return found[(found[:, None] - data).abs().amin(1) > radius]


def _lower_than_one(y, E, data, radius):
    found = y[1:-1][(E[1:-1] < E[:-2]) | (E[1:-1] < E[2:])]
    return found[(found[:, None] - data).abs().amin(1) > radius]


def _low_at_one_end():
    """The landscape on half of its grid, so that it begins at its lowest point."""
    y, E, data, radius = _landscape()
    return y[80:], E[80:] - 0.1 * torch.arange(81).eq(0), data[1:], radius
