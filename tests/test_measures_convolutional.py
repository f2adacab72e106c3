"""The yardsticks of notebook 08 on kernels that are known: Gabors, blobs, and a bank with a planted copy."""

import math

import pytest
import torch

from utils.measures.convolutional import (
    grey,
    opposite,
    orientation,
    orientation_histogram,
    radial_symmetry,
    shift_similarity,
    shifted_copies,
)


def gabor(degrees, frequency=0.2, phase=0.0, sigma=2.0, size=9, down=0.0, right=0.0):
    """Stripes along `degrees` (0 horizontal, against the clock), under a round window."""
    t = torch.arange(size) - (size - 1) / 2
    y, x = -(t - down)[:, None], (t - right)[None]                      # y upwards
    a = math.radians(degrees)
    across = -math.sin(a) * x + math.cos(a) * y
    return torch.exp(-(x**2 + y**2) / (2 * sigma**2)) * torch.cos(2 * math.pi * frequency * across + phase)


def apart(a, b):
    """Degrees between two directions of stripes, at most 90."""
    return (a - b + 90).remainder(180).sub(90).abs()


ANGLES = torch.tensor([0.0, 10, 30, 45, 60, 90, 120, 135, 150, 170])
RADII = (torch.arange(9)[:, None] - 4) ** 2 + (torch.arange(9) - 4) ** 2


@pytest.mark.parametrize("phase", [0, math.pi / 2, 1.0])
@pytest.mark.parametrize("down, right", [(0, 0), (1.5, -1)])
def test_the_direction_of_a_gabor(phase, down, right):
    degrees, coherence = orientation(torch.stack([gabor(a, phase=phase, down=down, right=right) for a in ANGLES]))
    assert apart(degrees, ANGLES).max() < 2
    assert coherence.min() > 0.6


def test_horizontal_is_0_and_vertical_90():
    rows = torch.zeros(9, 9)
    rows[3], rows[5] = 1, -1
    degrees, _ = orientation(torch.stack([rows, rows.T]))
    assert apart(degrees, torch.tensor([0.0, 90.0])).max() < 1e-3


def test_sign_and_size_do_not_turn_a_kernel():
    K = torch.randn(5, 9, 9)
    for moved in (-K, 3 * K):
        assert torch.allclose(orientation(moved)[0], orientation(K)[0], atol=1e-3)
        assert torch.allclose(radial_symmetry(moved), radial_symmetry(K), atol=1e-5)


def test_a_blob_and_noise_have_no_direction():
    blob, surround = torch.exp(-RADII / 4), torch.exp(-RADII / 2) - 0.5 * torch.exp(-RADII / 8)
    assert orientation(torch.stack([blob, surround]))[1].max() < 0.01
    torch.manual_seed(0)
    assert orientation(torch.randn(200, 9, 9))[1].quantile(0.95) < 0.3


def test_the_histogram_counts_directions_and_leaves_blobs_out():
    bank = torch.stack([gabor(a) for a in (0, 3, 177, 45, 90, 88, 157.5)] + [torch.exp(-RADII / 4)])
    assert orientation_histogram(bank).tolist() == [3, 0, 1, 0, 2, 0, 0, 1]
    assert orientation_histogram(bank, bins=4).sum() == 7
    assert orientation_histogram(bank, least=0.0).sum() == 8


def test_radial_symmetry_of_blobs_edges_and_noise():
    blob, surround = torch.exp(-RADII / 4), torch.exp(-RADII / 2) - 0.5 * torch.exp(-RADII / 8)
    t = torch.arange(9) - 4.0
    moved = torch.exp(-((t[:, None] - 1.2) ** 2 + (t + 0.7) ** 2) / 4)
    assert radial_symmetry(torch.stack([blob, surround, moved])).min() > 0.95
    edges = torch.stack([gabor(a, phase=p) for a in (0, 30, 45) for p in (0, math.pi / 2)])
    assert radial_symmetry(edges).max() < 0.55
    torch.manual_seed(0)
    assert radial_symmetry(torch.randn(100, 9, 9)).max() < 0.35


def test_half_a_blob_is_less_symmetric():
    blob = torch.exp(-RADII / 8)
    half = blob.clone()
    half[:, :4] *= -1
    assert radial_symmetry(half[None]) < 0.7 < radial_symmetry(blob[None])


def test_a_planted_copy_is_found():
    big = gabor(30, size=13, sigma=1.6)
    bank = torch.stack([big[2:11, 2:11], -2 * big[1:10, 3:12], gabor(120), gabor(75)])
    alike = shift_similarity(bank)
    assert alike[0, 1] > 0.97 and alike[2, 3] < 0.9
    assert torch.allclose(alike.diagonal(), torch.ones(4), atol=1e-4)
    assert torch.allclose(alike, alike.T, atol=1e-4)
    assert shifted_copies(bank) == 0.5
    assert shifted_copies(bank[[0, 2, 3]]) == 0


def test_what_the_square_cuts_off_is_no_difference_but_must_be_little():
    wide = torch.sin(torch.arange(30.0) * 0.9).expand(9, 30) * torch.exp(-(torch.arange(9) - 4.0) ** 2 / 8)[:, None]
    bank = torch.stack([wide[:, 3:12], wide[:, 5:14]])                    # one grating, cut out two pixels apart
    assert shift_similarity(bank, seen=0.5)[0, 1] > 0.99
    assert shift_similarity(bank, seen=1.0)[0, 1] < 0.9
    assert shift_similarity(bank, seen=0.0).max() < 1 + 1e-4


def test_opposite_finds_the_kernel_with_its_sign_turned_at_any_place():
    blob = torch.exp(-RADII / 4)
    bank = torch.stack([blob, -3 * blob.roll((1, -2), (0, 1)), gabor(0, phase=math.pi / 2)])
    found = opposite(bank)
    assert found.shape == (3,) and (found[:2] < -0.93).all() and -0.9 < found[2] < -0.3
    assert torch.allclose(found, opposite(bank[:, None] * torch.tensor([1.0, 5, 2]).view(3, 1, 1, 1)), atol=1e-5)
    assert opposite(blob[None]) == 0 and opposite(torch.stack([blob, blob])).min() > -0.01
    edges = torch.stack([gabor(0, phase=math.pi / 2), -gabor(0, phase=math.pi / 2)])
    assert (opposite(edges) < -0.99).all()


def test_two_random_kernels_are_no_copies():
    torch.manual_seed(0)
    assert shifted_copies(torch.randn(64, 9, 9)) == 0
    assert shifted_copies(torch.randn(16, 3, 9, 9)) == 0


def test_channels_count_in_a_copy_and_add_up_to_grey():
    one, other = gabor(0), gabor(90)
    bank = torch.stack([torch.stack([one, other, one]), torch.stack([other, one, other])])
    assert shift_similarity(bank)[0, 1] < 0.7
    assert torch.allclose(grey(one.expand(2, 3, 9, 9)), one.expand(2, 9, 9), atol=1e-6)
    assert grey(bank[:, :1]).shape == (2, 9, 9)
    with pytest.raises(ValueError, match="they are"):
        grey(torch.zeros(2, 4, 9, 9))


def test_grey_is_luminance():
    one = torch.rand(2, 5, 5)
    for channel, weight in enumerate((0.299, 0.587, 0.114)):                            # red, green, blue
        colored = torch.zeros(2, 3, 5, 5)
        colored[:, channel] = one
        assert torch.allclose(grey(colored), weight * one)


def test_rings_are_read_where_they_are():
    """Of a wave that goes out from the middle every value on a ring is known."""
    def wave(r):
        return torch.cos(1.2 * r)
    image, radius = wave(RADII.double().sqrt()), torch.arange(0.25, 4.5, 0.5, dtype=torch.float64)
    wanted = (radius * wave(radius).square()).sum() / (image.square().sum() / math.pi)  # the square's own energy
    assert radial_symmetry(image[None]).item() == pytest.approx(wanted.item(), rel=0.03)


def test_copies_count_from_the_similarity_and_the_overlap_asked_for():
    torch.manual_seed(0)
    one = torch.randn(9, 9)
    near = torch.stack([one, one + 0.3 * torch.randn(9, 9)])
    assert shifted_copies(near) == 1 and shifted_copies(near, above=0.99) == 0
    wide = torch.sin(torch.arange(30.0) * 0.9).expand(9, 30)
    cut = torch.stack([wide[:, 3:12], wide[:, 5:14]])                    # two pixels apart
    assert shifted_copies(cut, seen=0.5) == 1 and shifted_copies(cut, seen=1.0) == 0
