"""Which error to expect at which precision: the tables of docs/concepts/numerical-stability.md.

    python results/precision.py                # a few minutes on two cores; writes precision.csv
    python results/precision.py lowest_loss    # one topic of it, the others stay

Networks of `zl.MLP`, two hidden layers, tanh, NTK parametrisation; each row the worst of several seeds. `python docs/make/pages.py`
then puts the tables into the page.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import zeroloss as zl
from zeroloss.minima import extend
from zeroloss.minima.constructions import bump_network, grid
from zeroloss.plumbing import write_whole
from zeroloss.plumbing.precision import as_double

HERE = Path(__file__).parent
TABLE = HERE / "precision.csv"
SEEDS = range(3)
Row = dict[str, Any]


def _net(d: int, c: int, width: int, key: int, dtype: str) -> Any:
    """The float32 network of that seed, or the float64 network of the same weights."""
    net = zl.MLP(d, c, width=width, depth=2, activation="tanh", key=key)
    if dtype == "float32":
        return net
    with zl.double():
        return as_double(net)


def kernel_entries() -> Iterator[Row]:
    """Largest error of an entry over the largest entry: single against double, double against a dense Jacobian."""
    import equinox as eqx
    import jax

    for width in (64, 256, 1024):
        worst = {"float32": 0.0, "float64": 0.0}
        for key in SEEDS:
            x = np.random.default_rng(key).standard_normal((40, 20)).astype(np.float32)
            single, double = (_net(20, 1, width, key, dtype) for dtype in ("float32", "float64"))
            low, high = (zl.tangent.kernel_matrix(net, x) for net in (single, double))
            with zl.double():
                params, static = eqx.partition(double, eqx.is_inexact_array)

                def answers(p, z, static=static):
                    return jax.vmap(eqx.combine(p, static))(z)[:, 0]

                parts = jax.tree.leaves(jax.jacrev(answers)(params, np.asarray(x, np.float64)))
                jacobian = np.concatenate([np.asarray(part).reshape(len(x), -1) for part in parts], axis=1)
            dense = jacobian @ jacobian.T
            scale = np.abs(dense).max()
            worst["float32"] = max(worst["float32"], np.abs(low - dense).max() / scale)
            worst["float64"] = max(worst["float64"], np.abs(high - dense).max() / scale)
        yield from (row("kernel entries", f"width {width}", p, e) for p, e in worst.items())


def smallest_eigenvalue() -> Iterator[Row]:
    """100 inputs and 20 near copies of them, at shrinking distance."""
    for distance in (1e-1, 1e-2, 1e-3, 1e-4):
        rng = np.random.default_rng(0)
        x = rng.standard_normal((100, 10))
        x = np.concatenate([x, x[:20] + distance * rng.standard_normal((20, 10))])
        net = _net(10, 1, 256, 0, "float64")
        k = zl.tangent.kernel_matrix(net, x)
        error = zl.tangent.entry_error_bound(net, x, k)
        known = zl.tangent.smallest_eigenvalue(k, entry_error=error)
        setting = f"copies {distance:g} away"
        yield row("smallest eigenvalue", setting, "float32", np.linalg.eigvalsh(k.astype(np.float32))[0])
        yield row("smallest eigenvalue", setting, "float64", np.linalg.eigvalsh(k)[0])
        yield row("smallest eigenvalue", setting, "proved, at least", known.lower)
        yield row("smallest eigenvalue", setting, "proved, at most", known.upper)


def lowest_loss() -> Iterator[Row]:
    """The training loss each method ends at: 60 points, 10 inputs, random targets; the worst of the seeds."""
    runs: dict[str, dict[str, Any]] = {
        "gradient, float32": {"method": "gradient", "steps": 10_000},
        "adam, float32": {"method": "adam", "steps": 10_000},
        "gradient, float64": {"method": "gradient", "steps": 10_000},
        "gauss-newton, float64": {"method": "gauss-newton"},
    }
    for name, options in runs.items():
        ends = []
        for key in SEEDS:
            rng = np.random.default_rng(key)
            data = zl.from_arrays(rng.standard_normal((60, 10)), rng.standard_normal(60), task="regression")
            net = _net(10, 1, 128, key, "float64" if "float64" in name else "float32")
            ends.append(float(zl.descend(net, data, tolerance=0.0, **options).loss))
        yield row("lowest loss", name, name.split(", ")[1], max(ends))


def proved_radius() -> Iterator[Row]:
    """The distance to a zero of the loss that is proved, from weights as trained and from polished ones."""
    rng = np.random.default_rng(0)
    data = zl.from_arrays(rng.standard_normal((60, 10)), rng.standard_normal(60), task="regression")
    for width, kind in (
        (128, "wide enough for the read-out's proof"),
        (40, "narrower than the data: Newton-Kantorovich"),
    ):
        start = zl.MLP(10, 1, width=width, depth=2, activation="tanh", key=0)
        single = zl.descend(start, data, method="adam", steps=10_000, tolerance=0.0).network
        double = zl.descend(start, data, method="gauss-newton").network
        for name, net, polish in (
            ("float32 weights, as trained", single, False),
            ("float32 weights, polished", single, True),
            ("float64 weights by Gauss-Newton", double, False),
        ):
            proof = zl.prove(net, data, polish=polish)
            value = np.nan if proof.radius is None else proof.radius
            yield row("proved radius", f"{kind}; {name}", str(proof.status), value)


def twin_peaks() -> Iterator[Row]:
    """How far the peak of one bump is from 1, by its half-width (threshold d - 1/2): the worst of 20 places."""
    for d in (2, 64, 784):
        for width in (1e-1, 1e-2, 1e-3, 1e-4):
            for dtype in ("float32", "float64"):
                worst = 0.0
                for key in range(20):
                    node = np.random.default_rng(key).uniform(0, 1, (1, d))
                    node = node.astype(np.float32).astype(np.float64)
                    network = bump_network(node, [1.0], width, dtype=dtype)
                    worst = max(worst, abs(float(zl.predict(network, node)[0, 0]) - 1))
                yield row("peak of a bump", f"{d} inputs, half-width {width:g}", dtype, worst)


def added_layers() -> Iterator[Row]:
    """The largest residual at 16 nodes in the plane after hidden layers of one unit are added."""
    nodes = grid(4, 2)
    for activation in ("relu", "sigmoid"):
        for layers in (1, 8, 50):
            for dtype in ("float32", "float64"):
                worst = 0.0
                for key in SEEDS:
                    y = np.random.default_rng(key).choice([-1.0, 1.0], len(nodes))
                    network = bump_network(nodes, y, 1 / 6, 1.5, activation, dtype=dtype)
                    deep = extend(network, layers, 1, activation, x=nodes, y=y[:, None]).network
                    worst = max(worst, np.abs(zl.predict(deep, nodes)[:, 0].astype(np.float64) - y).max())
                yield row("added layers", f"{activation}, {layers} more", dtype, worst)


def row(topic: str, setting: str, column: str, value: Any) -> Row:
    return {"topic": topic, "setting": setting, "column": column, "value": f"{float(value):.3g}"}


def main() -> None:
    """Measure, and write the table topic by topic."""
    topics = (kernel_entries, smallest_eigenvalue, lowest_loss, proved_radius, twin_peaks, added_layers)
    known: dict[str, list[Row]] = {}
    if TABLE.exists():
        with TABLE.open(newline="") as stream:
            for line in csv.DictReader(stream):
                known.setdefault(line["topic"], []).append(line)
    for topic in topics:
        if not sys.argv[1:] or topic.__name__ in sys.argv[1:]:
            print(f"== {topic.__name__}", flush=True)
            rows = list(topic())
            for found in rows:
                print(f"  {found['setting']:<60} {found['column']:<18} {found['value']}", flush=True)
            known = {name: old for name, old in known.items() if name != rows[0]["topic"]} | {rows[0]["topic"]: rows}
            text = io.StringIO()
            writer = csv.DictWriter(text, ("topic", "setting", "column", "value"), lineterminator="\n")
            writer.writeheader()
            writer.writerows(row for name in sorted(known) for row in known[name])
            write_whole(TABLE, text.getvalue(), force=True)


if __name__ == "__main__":
    main()
