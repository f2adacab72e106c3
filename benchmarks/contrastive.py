"""The table "measured beforehand" of notebook 01: what takes longer than the page allows, by its own functions.

    OMP_NUM_THREADS=1 python benchmarks/contrastive.py [--seeds 10] [pirl] [queue] [count] [long] [width]

pirl: PIRL's second term left out, read by position, read by anchor. queue: MoCo with
its slow twin, and without it with the long queue, twice a seed, and with a short one. count: the number of negatives at
the full recipe, three seeds. long: five times the steps, two seeds. width: the dimension of the embedding, two seeds.
Prints one row each: mean, lowest and highest of the seeds.
About ten minutes on one thread.
"""

import argparse
import statistics
from functools import partial

from notebook import definitions

from utils.runtime import device


def load(nb, seed):
    """What the page's first cells do: seed, draw the images."""
    nb["seed_everything"](seed)
    digits = nb["data"].mnist()
    nb["y_all"], nb["labels_all"] = nb["some"](digits.train, digits.train_labels, 20_000)
    nb["y_train"], nb["labels"] = nb["y_all"][:4000], nb["labels_all"][:4000]
    nb["y_test"], nb["labels_test"] = nb["some"](digits.test, digits.test_labels, 3000)


def anchored(nb):
    """PIRL's NCE with the transformed image under both fractions."""
    cosines, share, F = nb["cosines"], nb["share"], nb["F"]

    def nce(v, v_t, v_neg, tau):
        to = cosines(v_t, v_neg)
        first = -share(F.cosine_similarity(v, v_t), to, tau).log()
        return first - (1 - share(to, to[:, None], tau)).log().sum(1)
    return nce


def probe_few(nb, net, count=100, draws=5):
    """Mean over draws of the probe on `count` labels."""
    h_test = nb["embed"](net, nb["y_test"])
    found = []
    for _ in range(draws):
        y, c = nb["draw_labels"](count)
        found.append(nb["probe_accuracy"](nb["embed"](net, y), c, h_test, nb["labels_test"]))
    return statistics.mean(found)


def row(name, values):
    numbers = " | ".join(f"{v:.1f}" for v in (statistics.mean(values), min(values), max(values)))
    print(f"| {name} | {numbers} | {len(values)} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help="pirl, queue, count, long, width; all if none is named")
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    parts = set(options.parts or ["pirl", "queue", "count", "long", "width"])
    nb = definitions("01-contrastive-embedding", dev=device())
    found = {}
    last = options.seeds if parts & {"pirl", "queue"} else 3
    for seed in range(last):
        load(nb, seed)
        if "pirl" in parts:
            for name, nce in {"first term only": nb["first_term"], "both terms, by position": nb["pirl_nce"],
                              "both terms, by anchor": anchored(nb)}.items():
                trunk, _ = nb["pirl"](400, name, nce=nce)
                found.setdefault(f"PIRL, 400 steps at batch 32, {name}", []).append(nb["probe"](trunk))
        if "queue" in parts:
            for m, size in ((0.99, 1024), (0.0, 1024), (0.0, 1024), (0.0, 64)):
                name = f"MoCo, 200 steps at batch 32, m = {m:g}, {size:,} keys"
                found.setdefault(name, []).append(nb["probe"](nb["moco"](200, name, m=m, size=size)[0]))
        if "count" in parts and seed < 3:
            for K in (1, 4, 16, 64, None):
                net = nb["simclr"](300, f"K = {K}", batch_size=256, K=K)
                name = f"SimCLR, 300 steps at batch 256, {K or 510} negative{'s' * (K != 1)}"
                found.setdefault(name, []).append(nb["probe"](net[0]))
        if "long" in parts and seed < 2:
            net = nb["simclr"](1500, "long", batch_size=256)
            found.setdefault("SimCLR, 1,500 steps at batch 256", []).append(nb["probe"](net[0]))
            found.setdefault("the same, probe on 100 labels", []).append(probe_few(nb, net[0]))
        if "width" in parts and seed < 2:
            make_head = nb["make_head"]
            for d in (2, 8, 64, 512):
                nb["make_head"] = partial(make_head, d=d)
                for K in (1, 16, None):
                    net = nb["simclr"](80, f"d = {d}, K = {K}", K=K)
                    name = f"SimCLR, 80 steps at batch 128, z of {d} numbers, {K or 254} negative{'s' * (K != 1)}"
                    found.setdefault(name, []).append(nb["probe"](net[0]))
            nb["make_head"] = make_head
    print("| what | probe, mean % | lowest | highest | seeds |\n|---|---|---|---|---|")
    for name, values in found.items():
        row(name, values)


if __name__ == "__main__":
    main()
