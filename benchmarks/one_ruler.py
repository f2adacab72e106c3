"""Notebook 11 beyond its page: how its methods were tuned, and its claims on other curves.

    OMP_NUM_THREADS=1 python benchmarks/one_ruler.py tune [--only NAME …] [--json FILE]
    OMP_NUM_THREADS=1 python benchmarks/one_ruler.py claims [--n 3] [--json FILE]

tune: every method gets twelve settings and two seeds that the page never uses (101, 102). One criterion, which needs no
truth: the log-likelihood of held-out data at the temperature that fits the training data. Prints a row for each
setting, in nats above the data's own entropy, then the best of every method. About ten minutes on one thread.
claims: runs the page on each curve of utils/toys.py with seeds 0 to n−1 and prints the claims as tools/seeds.py does.
"""

import argparse
import itertools
import json
import math
import sys
import tempfile
from pathlib import Path

from notebook import definitions

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "notebooks" / "11-one-ruler.ipynb"
CURVE = 'toys.CURVES["spiral"]'  # the page's choice, as it stands in its code


def product(**choices):
    """[{name: value}, …] of all combinations; a name `a__b` takes pairs."""
    rows = [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]
    return [{k: v for name, value in row.items()
             for k, v in (zip(name.split("__"), value, strict=True) if "__" in name else [(name, value)])}
            for row in rows]


NETS = [("local", 2.5), ("local", 1.0), ("smooth", 2.0)]
RATES = (3e-3, 1e-2)


def grids(nb):
    """{method: (y, **setting) -> energy, twelve settings}."""
    walks = {"lr": RATES, "step": (0.05, 0.07, 0.1)}
    nets = {"first__scale": NETS, "lr": RATES}
    more_nets = {"first__scale": [*NETS, ("local", 1.7)], "lr": (3e-3, 1e-2, 2e-2)}
    local, smooth = {"first": ("local",), "scale": (1.0, 2.5)}, {"first": ("smooth",), "scale": (1.0, 2.0)}

    def picture(y, m, lam, width):
        return nb["sparse"](y, m, lam, lambda y: nb["picture_of"](y, width), nonnegative=True)

    return {
        "exact likelihood": (nb["likelihood"], product(**nets, mesh__steps=[(41, 500), (61, 300)])),
        "uniform negatives": (nb["uniform"], product(**nets, negatives__steps=[(256, 1000), (1024, 600)])),
        **{f"{'P' * persistent}CD-5, {net['first'][0]}":
           (nb["divergence"], product(persistent=(persistent,), **net, **walks))
           for net in (local, smooth) for persistent in (False, True)},
        "score matching": (nb["score_matching"], product(**nets, price=(0.0, 1e-4))),
        "denoising score": (nb["denoising_score"], product(**nets, sigma=(0.04, 0.08))),
        "denoising AE": (nb["autoencoder"],
                         product(first__scale=NETS, sigma=(0.05, 0.1, 0.2, 0.3), code=(None,), lr=(1e-2,))),
        "AE, 1 unit": (nb["autoencoder"], product(**more_nets, sigma=(0.0,), code=(1,))),
        "AE, 64 units": (nb["autoencoder"], product(**more_nets, sigma=(0.0,), code=(None,))),
        "K-means": (nb["patches"], product(K=(10, 15, 20, 25, 30, 35, 40, 50, 60, 80, 100, 150), lam=(math.inf,))),
        "patches": (nb["patches"], product(K=(10, 15, 20, 30), lam=(0.1, 0.3, 1.0))),
        "sparse, point": (nb["sparse"], product(m=(4, 8, 16), lam=(0.03, 0.1, 0.3, 1.0))),
        "sparse, picture": (picture, product(m=(20, 40, 80), lam=(0.05, 0.2), width=(0.3, 0.45))),
        "VAE": (lambda y, **setting: nb["exact_energy"](nb["vae"](y, **setting)),
                product(first__scale=[("local", 1.0), ("local", 2.0), ("smooth", 2.0)], lr=RATES, warm=(0.0, 0.5))),
    }


def tune(nb, curve, only):
    """[{method, setting, excess: nats above the entropy for each seed}]; inf where training stops."""
    import torch
    ruler, box = nb["ruler"], nb["surface"].box
    torch.manual_seed(100)
    held_out, grid = curve.sample(4000), box(3.0, 121)
    entropy, cell = curve.energy(held_out).mean().item(), (6 / 120) ** 2
    rows = []
    for name, (make, settings) in grids(nb).items():
        if only and name not in only:
            continue
        for setting in settings:
            excess = []
            for seed in (101, 102):
                torch.manual_seed(seed)
                y = curve.sample(2000)
                try:
                    energy = make(y, **setting)
                except FloatingPointError:
                    excess.append(math.inf)
                    continue
                E = ruler.evaluate(energy, grid).double()
                beta = ruler.fit_beta(ruler.evaluate(energy, y), E)
                log_z = torch.logsumexp(-beta * E, 0) + math.log(cell)
                nll = beta * ruler.evaluate(energy, held_out).double().mean() + log_z
                excess.append(nll.item() - entropy)
            rows.append({"method": name, "setting": setting, "excess": excess})
            print(f"{name:<18} {excess[0]:7.3f} {excess[1]:7.3f}  {setting}", flush=True)
    return rows


def best(rows):
    """Print the best setting of every method: the mean of its two seeds."""
    print("\nthe best of twelve")
    for name in dict.fromkeys(row["method"] for row in rows):
        row = min((r for r in rows if r["method"] == name), key=lambda r: sum(r["excess"]))
        print(f"{name:<18} {row['excess'][0]:7.3f} {row['excess'][1]:7.3f}  {row['setting']}")


def claims(n):
    """Run the page on every curve and print its claims; the runs, one dict each."""
    sys.path.insert(0, str(ROOT / "tools"))
    import seeds

    runs, text = [], NOTEBOOK.read_text(encoding="utf-8")
    if text.count(json.dumps(CURVE)[1:-1]) != 1:
        raise SystemExit(f"{NOTEBOOK.name} must hold {CURVE} once")
    for curve in definitions(NOTEBOOK.stem)["toys"].CURVES:
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / f"{curve}.ipynb"
            page.write_text(text.replace(json.dumps(CURVE)[1:-1], json.dumps(f'toys.CURVES["{curve}"]')[1:-1]),
                            encoding="utf-8")
            found = [seeds.run_once(page, "none", seed) for seed in range(n)]
        seeds.report(found, width=100)
        runs += found
    return runs


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["tune", "claims"])
    parser.add_argument("--only", nargs="*", default=[], help="names of methods to tune")
    parser.add_argument("--n", type=int, default=3, help="seeds 0 to n−1 for the claims")
    parser.add_argument("--json", type=Path, help="write all rows to this file")
    options = parser.parse_args()
    if options.what == "tune":
        nb = definitions(NOTEBOOK.stem)
        rows = tune(nb, nb["toys"].CURVES["spiral"], options.only)
        best(rows)
    else:
        rows = claims(options.n)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
