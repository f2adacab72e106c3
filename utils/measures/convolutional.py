"""What a bank of convolution kernels consists of: directions, blobs, and copies of one kernel at several places."""

import math

import torch
from torch.nn.functional import grid_sample

SPECTRUM = 32  # side of the zero-padded spectrum that directions are read from
ANGLES, STEP = 24, 0.5  # polar grid: directions around a center, pixels from ring to ring
REACH = 2.0  # pixels from the middle within which a center of symmetry is looked for
COLORS = (0.299, 0.587, 0.114)


def grey(kernels):
    """Kernels as one image each: (m, h, w) as they are, (m, 1, h, w) without the channel, (m, 3, h, w) as luminance.

    Raises ValueError for another shape.
    """
    if kernels.ndim == 3:
        return kernels
    if kernels.ndim == 4 and kernels.shape[1] == 1:
        return kernels[:, 0]
    if kernels.ndim == 4 and kernels.shape[1] == 3:
        return torch.einsum("mchw,c->mhw", kernels, kernels.new_tensor(COLORS))
    raise ValueError(f"kernels must be (m, h, w), (m, 1, h, w) or (m, 3, h, w), they are {tuple(kernels.shape)}")


def orientation(kernels):
    """Where a kernel's power lies in frequency: the mean direction in double angles, Σ P(f) exp(2iθ_f).

    kernels: as for `grey` -> (degrees, coherence), both (m,). degrees: of the stripes, in [0, 180), counted from the
    x-axis against the clock as one sees the picture (row 0 on top); 0 is horizontal, 90 vertical. coherence: length
    of that sum over Σ P, from 0 (all directions alike: a blob, noise) to 1 (one direction: a grating).
    It does not change when a kernel is moved or its sign is turned.
    Source: Bigün & Granlund, Optimal orientation detection of linear symmetry (1987), in the frequency domain.
    """
    power = torch.fft.fft2(grey(kernels).double(), s=(SPECTRUM, SPECTRUM)).abs().square()
    f = torch.fft.fftfreq(SPECTRUM, dtype=torch.float64, device=kernels.device)
    up, right = -f[:, None], f[None]  # rows run downwards
    inside = torch.hypot(up, right) < 0.5  # the corners of the square would favor the diagonals
    power = power * inside * ((up != 0) | (right != 0))
    double = torch.polar(torch.ones_like(power[:1]), 2 * torch.atan2(up, right)[None])
    mean = (power * double).sum((1, 2)) / power.sum((1, 2)).clamp(min=1e-30)
    degrees = (torch.rad2deg(mean.angle()) / 2 + 90) % 180  # stripes run across the direction of their wave
    return degrees.to(kernels.dtype), mean.abs().to(kernels.dtype)


def orientation_histogram(kernels, bins=8, least=0.3):
    """How many kernels run in each of `bins` directions, the first one around 0 degrees; blobs are left out.

    kernels: as for `grey`. least: the coherence from which on a kernel counts as oriented -> (bins,) of int64.
    """
    degrees, coherence = orientation(kernels)
    bin_of = (degrees[coherence >= least] / (180 / bins)).round().long() % bins
    return torch.bincount(bin_of, minlength=bins)


def radial_symmetry(kernels):
    """The share of a kernel's energy that is the same in all directions around its best center.

    K is read on rings around a center; Σ_r r · mean_θ(K)² / Σ_r r · mean_θ(K²), the largest over centers up to two
    pixels from the middle, half a pixel apart. kernels: as for `grey` -> (m,): 1 for a blob with or without a
    surround, 0 for an odd edge, little for noise.
    """
    images = grey(kernels)
    h, w = images.shape[1:]
    at = dict(dtype=images.dtype, device=images.device)
    offsets = torch.arange(-REACH, REACH + STEP / 2, STEP, **at)
    radius = torch.arange(STEP / 2, min(h, w) / 2, STEP, **at)
    angle = 2 * math.pi * torch.arange(ANGLES, **at) / ANGLES
    ring = torch.stack([radius[:, None] * angle.cos(), radius[:, None] * angle.sin()], dim=-1)   # (r, θ, 2)
    best = images.new_zeros(len(images))
    for center in torch.cartesian_prod(offsets, offsets):
        grid = (ring + center) * 2 / torch.tensor([w, h], **at)  # grid_sample's edges lie at −1 and 1
        polar = grid_sample(images[:, None], grid.expand(len(images), *grid.shape),
                            mode="bicubic", align_corners=False)[:, 0]
        alike = (radius * polar.mean(2).square()).sum(1)
        total = (radius * polar.square().mean(2)).sum(1)
        whole = images.square().sum((1, 2)) / (2 * math.pi * STEP)  # so that no center gains by looking past a part
        best = torch.maximum(best, alike / torch.maximum(total, whole).clamp(min=1e-30))
    return best


def opposite(kernels):
    """The most negative correlation of each kernel with another one, over all shifts: −1 where −K is in the bank, too.

    min over j ≠ i and shifts s of Σ K_i(x) K_j(x + s) / (‖K_i‖ ‖K_j‖), zeros outside; 0 for a kernel without a rival.
    kernels: as for `grey` -> (m,), from −1 to 0.
    """
    images = grey(kernels)
    images = images / images.flatten(1).norm(dim=1).clamp(min=1e-30)[:, None, None]
    size = tuple(2 * n for n in images.shape[1:])
    spectra = torch.fft.rfft2(images, s=size)
    least = torch.fft.irfft2(spectra[:, None].conj() * spectra[None], s=size).amin((2, 3))
    return least.fill_diagonal_(0).amin(1)


def shift_similarity(kernels, seen=0.75):
    """How alike two kernels are when one is moved and they are compared where both are seen.

    max over shifts s of |Σ K_i(x) K_j(x + s)| / √(Σ K_i(x)² · Σ K_j(x + s)²), all sums over the overlap of the two
    squares. Only shifts count that keep at least the share `seen` of either's energy in the overlap: an edge that
    leaves the square is cut off, and what is cut off is no difference. seen=1 allows what loses nothing, 0 anything.
    kernels: (m, h, w) or (m, c, h, w), channels are summed -> (m, m), from 0 to 1, with 1 on the diagonal.
    """
    kernels = kernels[:, None] if kernels.ndim == 3 else kernels
    kernels = kernels / kernels.flatten(1).norm(dim=1).clamp(min=1e-30)[:, None, None, None]
    size = tuple(2 * n - 1 for n in kernels.shape[2:])
    spectra = torch.fft.rfft2(kernels, s=size)
    power = torch.fft.rfft2(kernels.square().sum(1), s=size)
    square = torch.fft.rfft2(torch.ones_like(kernels[:1, 0]), s=size)
    kept = torch.fft.irfft2(square.conj() * power, s=size)              # of K_j, at each shift
    rows = []
    for one, own in zip(spectra, power, strict=True):
        both = torch.fft.irfft2((one.conj() * spectra).sum(1), s=size).abs()
        mine = torch.fft.irfft2(own.conj() * square, s=size).expand_as(kept)
        allowed = torch.minimum(mine, kept) >= seen - 1e-5
        rows.append((both / (mine * kept).clamp(min=1e-10).sqrt() * allowed).amax((1, 2)).clamp(max=1))
    return torch.stack(rows)


def shifted_copies(kernels, above=0.9, seen=0.75):
    """The share of kernels that are, up to sign and place, a copy of another one: shift similarity > `above`.

    kernels, seen: as for `shift_similarity` -> float from 0 to 1.
    """
    alike = shift_similarity(kernels, seen).fill_diagonal_(0)
    return (alike.amax(1) > above).float().mean().item()
