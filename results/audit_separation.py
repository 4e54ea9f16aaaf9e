"""Does the audit tell twins from honestly trained networks, from the training data alone?

    python results/audit_separation.py      # some minutes; writes audit_separation.csv

Fifty networks trained to fit (Gauss-Newton), across data sets, widths, activations and seeds, and the twin of each. The
columns: the audit's verdict on "this fit is local", and the trust radius in nearest-neighbour distances (empty: none).
"""

from __future__ import annotations

import csv
import io
import itertools
import time
from pathlib import Path

import zeroloss as zl
from zeroloss.plumbing import write_whole

HERE = Path(__file__).parent
DATA = {"wine": None, "breast-cancer": None, "diabetes": None, "digits": 300, "mnist1d": 300}
WIDTHS, SEEDS = (64, 256), range(3)


def networks():
    """`(data name, data, width, activation, seed)`: fifty of them."""
    made = {name: zl.load_data(name, n_train=n) for name, n in DATA.items()}
    every = itertools.product(SEEDS, WIDTHS, ("tanh", "relu"), made)
    for seed, width, activation, name in itertools.islice(every, 50):
        yield name, made[name], width, activation, seed


def main() -> None:
    rows = []
    for number, (name, data, width, activation, seed) in enumerate(networks(), 1):
        start = time.perf_counter()
        net = zl.MLP(data.in_size, data.out_size, width, 2, activation, key=seed)
        fit = zl.descend(net, data, method="gauss-newton", tolerance=1e-12, steps=60)
        for kind, judged in (("trained", fit.network), ("twin", zl.twin(data, of=fit.network))):
            found = zl.audit(judged, data)
            row = {"data": name, "width": width, "activation": activation, "seed": seed, "kind": kind}
            row |= {"train_loss": found.numbers["train_loss"], "local": str(found.verdicts["local"].status.value)}
            rows.append(row | {"trust_radius": "" if found.trust_radius is None else found.trust_radius})
        print(f"{number:2d} {name} {width} {activation} {seed}: {rows[-2]['local']}, twin {rows[-1]['local']}", end=" ")
        print(f"({time.perf_counter() - start:.1f} s)", flush=True)
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(HERE / "audit_separation.csv", text.getvalue(), force=True)
    for kind in ("trained", "twin"):
        called = sum(row["local"] == "SUPPORTED" for row in rows if row["kind"] == kind)
        print(f"{kind}: {called} of {sum(row['kind'] == kind for row in rows)} called local")


if __name__ == "__main__":
    main()
