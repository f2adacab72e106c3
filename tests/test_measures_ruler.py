"""The ruler, on energies whose answers are known: the truth, planted wells, a constant, the truth in another unit."""

import math

import pytest
import torch

from utils import toys
from utils.measures import ruler, surface

SPIRAL = toys.CURVES["spiral"]


@pytest.fixture(scope="module")
def setup():
    torch.manual_seed(0)
    return ruler.Ruler(SPIRAL, side=161, held_out=2000), SPIRAL.sample(2000)


def wells_at(centers, depth=1.0, width=0.15):
    """The truth, and round pits as low as the data at the given places."""
    centers = torch.tensor(centers)

    def energy(y):
        pits = (torch.cdist(y, centers).square().amin(1) / width**2) - depth
        return torch.minimum(SPIRAL.energy(y), pits)
    return energy


# β by maximum likelihood


def test_beta_slope_is_the_derivative_of_the_log_likelihood():
    E_data, E_grid = torch.rand(20).double(), 3 * torch.rand(500).double()
    for value in (0.1, 1.0, 7.0):
        beta = torch.tensor(value, dtype=torch.double, requires_grad=True)
        slope, = torch.autograd.grad(-beta * E_data.mean() - torch.logsumexp(-beta * E_grid, 0), beta)
        assert ruler.beta_slope(value, E_data, E_grid).item() == pytest.approx(slope.item(), abs=1e-9)


def test_fit_beta_finds_the_width_of_a_normal_distribution():
    """For E = ½y², data of width s: β = 1/s²."""
    grid = torch.linspace(-20, 20, 4001)
    for s in (0.2, 1.0, 3.0):
        y = s * torch.randn(4000, generator=torch.Generator().manual_seed(1))
        assert ruler.fit_beta(0.5 * y**2, 0.5 * grid**2) == pytest.approx(1 / (y**2).mean().item(), rel=2e-3)


@pytest.mark.parametrize("factor, shift", [(7.0, 3.0), (1e-3, 0.0), (100.0, -50.0)])
def test_fit_beta_takes_the_unit_back(factor, shift):
    E_data, E_grid = torch.rand(100), 5 * torch.rand(3000)
    one = ruler.fit_beta(E_data, E_grid)
    assert ruler.fit_beta(factor * E_data + shift, factor * E_grid + shift) * factor == pytest.approx(one, rel=1e-3)


def test_fit_beta_ends_at_its_bounds_when_the_data_are_lower_or_higher_than_everything():
    E_grid = torch.rand(100) + 1
    assert ruler.fit_beta(torch.zeros(5), E_grid) == pytest.approx(1e6, rel=1e-3)
    assert ruler.fit_beta(torch.full((5,), 9.0), E_grid) == pytest.approx(1e-4, rel=1e-3)


# drops of water


def test_a_drop_goes_to_the_lowest_neighbor_and_stays_on_a_plain():
    E = torch.tensor([[5.0, 4, 3], [6, 7, 2], [9, 8, 1]])
    assert ruler.downhill(E).tolist() == [1, 5, 5, 1, 8, 8, 3, 8, 8]
    assert ruler.downhill(torch.zeros(4, 5)).tolist() == list(range(20))


def test_following_takes_every_drop_to_the_end():
    after = torch.tensor([0, 0, 1, 2, 3, 4, 6, 6])
    assert ruler.follow(after).tolist() == [0, 0, 0, 0, 0, 0, 6, 6]
    long = (torch.arange(5000) - 1).clamp(min=0)
    assert (ruler.follow(long) == 0).all()


def test_following_is_walking_one_step_at_a_time():
    torch.manual_seed(1)
    E = torch.nn.functional.avg_pool2d(torch.randn(1, 1, 66, 66), 7, 1)[0, 0]
    after = ruler.downhill(E)
    slow = torch.arange(len(after))
    for _ in range(200):
        slow = after[slow]
    assert torch.equal(ruler.follow(after), slow)
    inner = surface.local_minima(E)
    assert set((inner[:, 0] * E.shape[1] + inner[:, 1]).tolist()) <= set(slow.tolist())


# AUROC and coverage


def test_auroc_counts_pairs():
    torch.manual_seed(2)
    low, high = torch.randint(6, (40,)).float(), torch.randint(8, (30,)).float()
    pairs = (high > low[:, None]).double() + 0.5 * (high == low[:, None]).double()
    assert ruler.auroc(low, high) == pytest.approx(pairs.mean().item(), abs=1e-9)
    assert ruler.auroc(low, low) == 0.5 and ruler.auroc(low, low + 9) == 1 and ruler.auroc(low + 9, low) == 0


def test_covered_counts_pieces_with_at_least_half_their_mass():
    p, piece = torch.full((8,), 0.125), torch.tensor([0, 0, 1, 1, 2, 2, 3, 3])
    q = torch.tensor([0.125, 0.0, 0.06, 0.06, 0.5, 0.0, 0.0, 0.0])
    assert ruler.covered(p, q, piece, pieces=4) == 0.5


# the whole ruler, where the answer is known


def test_the_truth_reads_1_and_0(setup):
    rule, y = setup
    found = rule.read(SPIRAL.energy, y)
    assert found.volume == 1 and found.kl_as_is == pytest.approx(0, abs=1e-12) and abs(found.beta - 1) < 0.1
    assert found.kl < 1e-3 and found.wells == 0 and found.flow == 0 and found.covered == 1 and found.far < 0.01
    assert 0.95 < found.auroc < 1 and found.beside > 0.99
    assert rule.truth == pytest.approx(0.081, abs=0.005)


@pytest.mark.parametrize("centers", [[[2.5, 2.5]], [[-2, 2], [2, -2], [0, 2.4]],
                                     [[2.5, 0], [-2.5, 0], [0, -2.5], [2, 2]]])
def test_planted_wells_are_counted_exactly(setup, centers):
    rule, y = setup
    found = rule.read(wells_at([[float(v) for v in c] for c in centers]), y)
    assert found.wells == len(centers) and 0.02 < found.flow < 0.9
    places = rule.grid[found.ends]
    assert torch.cdist(torch.tensor(centers).float(), places).amin(1).max() < 0.05


def test_wells_that_are_high_or_near_do_not_count(setup):
    rule, y = setup
    assert rule.read(wells_at([[2.0, 2.0]], depth=-5.0), y).wells == 0        # a dent above the data
    on_the_curve = SPIRAL.at(torch.tensor([0.7]))[0].tolist()
    assert rule.read(wells_at([on_the_curve]), y).wells == 0


def test_a_constant_holds_everything_and_tells_nothing(setup):
    rule, y = setup
    found = rule.read(lambda y: torch.zeros(len(y)), y)
    assert found.volume == pytest.approx(1 / rule.truth) and found.auroc == found.beside == 0.5
    assert found.kl == pytest.approx(found.kl_as_is) and found.kl > 1


def test_the_unit_changes_only_beta_and_the_kl_as_it_is(setup):
    rule, y = setup

    def bumpy(y):
        return SPIRAL.energy(y) + (3 * y).sin().sum(1)
    one, other = rule.read(bumpy, y), rule.read(lambda y: 7 * bumpy(y) + 3, y)
    assert other.beta == pytest.approx(one.beta / 7, rel=1e-3)
    assert other.kl_as_is > 2 * one.kl_as_is
    for name in ("volume", "kl", "kl_halved", "far", "covered", "wells", "flow", "auroc", "beside"):
        assert getattr(other, name) == pytest.approx(getattr(one, name), rel=1e-3, abs=1e-5), name


def test_coverage_sees_a_missing_half(setup):
    rule, y = setup
    half = toys.Curve(lambda t: toys.spiral_curve(t / 2))
    found = rule.read(half.energy, y)
    assert 0.4 < found.covered < 0.6 and found.kl > 0.3


def test_mass_far_away_is_counted(setup):
    rule, y = setup

    def leaky(y):
        return -torch.logaddexp(-SPIRAL.energy(y) + math.log(0.7), torch.full((len(y),), math.log(0.3 / 36)))
    found = rule.read(leaky, torch.cat([y[:1400], 3 * (2 * torch.rand(600, 2) - 1)]))  # its own data, so that β = 1
    assert found.far == pytest.approx(0.3 * (1 - (rule.distance <= rule.near).double().mean().item()), abs=0.05)


def test_halving_the_grid_shows_a_grid_too_coarse(setup):
    rule, y = setup
    narrow = toys.Curve(toys.spiral_curve, noise=0.02)
    assert abs(rule.read(SPIRAL.energy, y).kl_halved - rule.read(SPIRAL.energy, y).kl) < 1e-4
    coarse = ruler.Ruler(narrow, side=61, held_out=500)
    found = coarse.read(SPIRAL.energy, y)
    assert abs(found.kl_halved - found.kl) > 0.01


def test_an_even_side_is_refused():
    with pytest.raises(ValueError, match="odd"):
        ruler.Ruler(SPIRAL, side=240)


def test_nan_is_refused(setup):
    rule, y = setup
    with pytest.raises(ValueError, match="NaN"):
        rule.read(lambda y: torch.full((len(y),), torch.nan), y)
