"""Try to break `certify`: problems at the edge of the theorem's hypotheses, and what descent then does.

python results/certify_attack.py            # 1,000 tries into results/certify_attack.csv
python results/certify_attack.py --tries 50 --out /tmp/attack.csv

Each try draws a network (kind, parametrisation, depth, widths, activation, precision, scale of its weights), data (on a sphere,
Gaussian, nearly equal or equal inputs with equal or contradictory targets, tiny or huge), what is trained, targets so near to the
answers at the start that the hypothesis is met or missed by a hair (or of unit variance), and a step (the theorem's own, or one just
below, just above or far above `1/L_J`). Where `certify` says PROVED, descent is run by an implementation of its own (NumPy, in 80-bit
floats where the network is small) and held to the promise at every step: the gap below `rate^t` times the first, the path below the
radius. What rounding alone can do, computed from the sizes of what is added, is allowed for.
"""

from __future__ import annotations

import argparse
import csv
import math
import multiprocessing
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
SHAPES = (
    (3, 1, (8,)),
    (5, 1, (64,)),
    (5, 2, (32,)),
    (20, 1, (1024,)),
    (4, 1, (12, 12)),
    (6, 2, (40, 24)),
    (3, 1, (8, 8, 8)),
)
"""Numbers in and out, widths; few, so that little is compiled."""
ROWS = (1, 2, 5)
ACTIVATIONS = ("tanh", "tanh", "erf", "sigmoid", "softplus", "gelu", "silu", "identity", "relu")
TRAINABLE = (None, None, "hidden", "hidden", "readout", "layer1", "weights", "biases", ("layer1", "readout"))
DATA = ("sphere", "gaussian", "nearly equal", "equal, same targets", "equal, other targets", "tiny", "huge", "zero row")
STEPS = ("its own", "its own", "its own", "half of 1/L", "below 1/L", "above 1/L", "twice 1/L")
EDGES = (0.5, 0.9, 0.99, 0.999999, 1.000001, 1.01)
"""How large the residual is, in units of the largest that is still PROVED."""
MOST_STEPS = 200
SMALL = 2000
"""Weights up to which descent runs in 80-bit floats."""


def draw(seed: int) -> dict[str, Any]:
    """One try: network, data and question."""
    rng = np.random.default_rng([seed, 20240])
    d, c, widths = SHAPES[rng.integers(len(SHAPES))]
    case = {
        "seed": seed,
        "kind": str(rng.choice(["ntk", "standard", "mup", "antisymmetric"])),
        "activation": str(rng.choice(ACTIVATIONS)),
        "dtype": str(rng.choice(["float64", "float64", "float32"])),
        "weights_times": float(rng.choice([1.0, 1.0, 1.0, 1e-3, 0.1, 10.0, 1e3])),
        "data": str(rng.choice(DATA)),
        "trainable": TRAINABLE[rng.integers(len(TRAINABLE))],
        "step": str(rng.choice(STEPS)),
        "targets": str(rng.choice(["edge", "edge", "edge", "lowest eigenvector", "unit variance"])),
        "edge": float(rng.choice(EDGES)),
        "d": d,
        "c": c,
        "widths": widths,
    }
    return case | {"network": _network(case), "x": _inputs(case["data"], int(rng.choice(ROWS)), d, rng), "rng": rng}


def _network(case: dict[str, Any]) -> Any:
    import equinox as eqx
    import jax

    from zeroloss import double
    from zeroloss.networks import MLP, AntisymmetricMLP

    shape = (case["d"], case["c"], case["widths"])
    if case["kind"] == "antisymmetric":
        network = AntisymmetricMLP(*shape, activation=case["activation"], dtype=case["dtype"], key=case["seed"])
    else:
        network = MLP(
            *shape, activation=case["activation"], parametrization=case["kind"], dtype=case["dtype"], key=case["seed"]
        )
    with double():
        return jax.tree.map(
            lambda leaf: (leaf * case["weights_times"]).astype(leaf.dtype) if eqx.is_array(leaf) else leaf, network
        )


def _inputs(kind: str, n: int, d: int, rng: np.random.Generator) -> np.ndarray:
    x = rng.standard_normal((n, d))
    if kind == "sphere":
        x *= math.sqrt(d) / np.linalg.norm(x, axis=1, keepdims=True)
    elif kind == "nearly equal":
        x[n // 2 :] = x[: n - n // 2] * (1 + 10.0 ** rng.uniform(-9, -1))
    elif kind.startswith("equal"):
        x[n // 2 :] = x[: n - n // 2]
    elif kind in ("tiny", "huge"):
        x *= 10.0 ** (rng.uniform(-8, -2) if kind == "tiny" else rng.uniform(1, 4))
    elif kind == "zero row":
        x[0] = 0
    return x


def question(case: dict[str, Any]) -> tuple[np.ndarray, float | None]:
    """Targets and step of a try, from the constants of its network."""
    from zeroloss.data import collapse
    from zeroloss.networks import trainable_mask
    from zeroloss.plumbing import double
    from zeroloss.plumbing.precision import as_double
    from zeroloss.theorems import composite_theorem
    from zeroloss.verified.jacobian import trained_layers
    from zeroloss.verified.lipschitz import constants

    rng, x, network = case["rng"], case["x"], case["network"]
    n, shape = len(x), (len(x), case["c"])
    plain = Plain(network, np.float64)
    answers = np.asarray(plain.forward(x)[-1][1])
    direction = rng.standard_normal(shape)
    with double():
        start = as_double(network)
    distinct = collapse(x, answers)
    trained = trained_layers(network, trainable_mask(network, case["trainable"]))
    known = constants(start, distinct.x, distinct.y, distinct.rounding, distinct.sizes, trained)
    if case["targets"] == "lowest eigenvector" and known.kernel is not None and len(known.kernel) == answers.size:
        direction = np.linalg.eigh(known.kernel)[1][:, 0].reshape(shape)
    if case["data"] == "equal, same targets":
        direction[n // 2 :] = direction[: n - n // 2]
    direction /= np.linalg.norm(direction)
    times = {"half of 1/L": 0.5, "below 1/L": 0.999, "above 1/L": 1.001, "twice 1/L": 2.0}.get(case["step"])

    def theorem(size: float, step: float | None) -> Any:
        return composite_theorem(known.lam0, known.Lam0, size, n, known.beta, step)

    def asked(size: float, times: float | None) -> float | None:
        """The step of that many times `1/L_J`."""
        most = theorem(size, None).smoothness
        return None if times is None or not 0 < most < math.inf else times / most

    # Steps above 1/L_J are never within the hypotheses; their targets are those at the edge for one just below.
    within = None if times is None else min(times, 0.999)
    largest = _edge(lambda size: theorem(size, asked(size, within)).holds)
    size = math.sqrt(n) if case["targets"] == "unit variance" else case["edge"] * largest
    return answers + size * direction, asked(size, times)


def _edge(holds: Any) -> float:
    """The largest residual for which the theorem holds, to many digits (1 if none or all do)."""
    low, high = 1e-20, 1e20
    if not holds(low) or holds(high):
        return 1.0
    while high / low > 1 + 1e-9:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


class Plain:
    """The network once more, in NumPy alone: answers, gradients, steps."""

    def __init__(self, network: Any, dtype: Any):
        self.dtype = dtype
        self.weights = [np.asarray(w).astype(dtype) for w in network.weights]
        self.biases = [None if b is None else np.asarray(b).astype(dtype) for b in network.biases]
        self.a, self.c = network.weight_scales, network.bias_scales
        self.names = [segments[0][0] for segments in network.activations]

    def forward(self, x: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """`(h, z)` of every layer."""
        h, found = np.asarray(x, self.dtype), []
        for layer, w in enumerate(self.weights):
            z = self.dtype(self.a[layer]) * (h @ w.T)
            if self.biases[layer] is not None:
                z = z + self.dtype(self.c[layer]) * self.biases[layer]
            found.append((h, z))
            if layer < len(self.names):
                h = value(self.names[layer], z)
        return found

    def rounding(self, x: np.ndarray, eps: float) -> float:
        """What the sum of the read-out may be off by: `100 eps sum |V| |h|`, the worst row."""
        h, z = self.forward(x)[-1]
        sums = abs(self.a[-1]) * (np.abs(h) @ np.abs(self.weights[-1]).T) + np.abs(z)
        return float(np.max(sums)) * eps * 100

    def gradient(self, x: np.ndarray, y: np.ndarray) -> tuple[float, list[Any], list[Any]]:
        """Loss `|f - y|^2/(2n)`, and its gradients."""
        layers = self.forward(x)
        residual = layers[-1][1] - y
        g, dw, db = residual / len(x), [], []
        for layer in range(len(self.weights) - 1, -1, -1):
            dw.append(self.dtype(self.a[layer]) * (g.T @ layers[layer][0]))
            db.append(self.dtype(self.c[layer]) * g.sum(0))
            if layer:
                g = (
                    self.dtype(self.a[layer])
                    * (g @ self.weights[layer])
                    * slope(self.names[layer - 1], layers[layer - 1][1])
                )
        return float(np.sum(residual**2) / (2 * len(x))), dw[::-1], db[::-1]


def value(name: str, z: np.ndarray) -> np.ndarray:
    """An activation."""
    from scipy.special import erf

    # erf and gelu have no 80-bit version here; their rounding is allowed for in the check.
    wide = z.astype(np.float64)
    return {
        "tanh": lambda: np.tanh(z),
        "erf": lambda: erf(wide).astype(z.dtype),
        "sigmoid": lambda: (1 + np.tanh(z / 2)) / 2,
        "softplus": lambda: np.logaddexp(z, 0),
        "gelu": lambda: z * (1 + erf(wide / math.sqrt(2))) / 2,
        "silu": lambda: z * (1 + np.tanh(z / 2)) / 2,
        "identity": lambda: z,
        "relu": lambda: np.maximum(z, 0),
    }[name]()


def slope(name: str, z: np.ndarray) -> np.ndarray:
    """Its derivative."""
    from scipy.special import erf

    s = value("sigmoid", z)
    return {
        "tanh": lambda: 1 - np.tanh(z) ** 2,
        "erf": lambda: 2 / math.sqrt(math.pi) * np.exp(-z * z),
        "sigmoid": lambda: s * (1 - s),
        "softplus": lambda: s,
        "gelu": lambda: (
            (1 + erf(z.astype(np.float64) / math.sqrt(2))) / 2 + z * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
        ),
        "silu": lambda: s + z * s * (1 - s),
        "identity": lambda: np.ones_like(z),
        "relu": lambda: (z > 0).astype(z.dtype),
    }[name]()


def descend(case: dict[str, Any], y: np.ndarray, theorem: Any, infimum: float) -> dict[str, Any]:
    """Run the promised descent; how near the promise was to being broken at any step.

    An answer may be off by `off`: the roundings of its sum at the present weights, and of the target that it approaches.
    """
    from zeroloss.networks import trainable_mask
    from zeroloss.verified.jacobian import trained_layers

    network, x = case["network"], case["x"]
    small = sum(np.size(w) for w in network.weights) <= SMALL
    plain = Plain(network, np.longdouble if small else np.float64)
    trained = trained_layers(network, trainable_mask(network, case["trainable"]))
    x, y = x.astype(plain.dtype), y.astype(plain.dtype)
    exact = plain.dtype is np.longdouble and not set(plain.names) & {"erf", "gelu"}
    eps = float(np.finfo(plain.dtype).eps) if exact else 2.0**-52
    targets = 100 * eps * float(np.max(np.abs(y)))
    step, path, worst, first, t = plain.dtype(theorem.step_size), 0.0, 0.0, 0.0, 0
    for t in range(MOST_STEPS + 1):
        loss, dw, db = plain.gradient(x, y)
        gap = loss - infimum
        first = gap if t == 0 else first
        spread = math.sqrt(2 * len(x) * max(loss, 0.0))
        off = (plain.rounding(x, eps) + targets) * math.sqrt(y.size)
        allowed = (2 * spread * off + off**2) / (2 * len(x)) + 1e-15 * infimum
        bound = theorem.rate**t * first * (1 + 1e-9) + allowed
        worst = max(worst, gap / bound if t and bound > 0 else 0.0)
        if not math.isfinite(loss) or gap <= 2 * allowed:
            break
        moved = 0.0
        for layer in range(len(dw)):
            if trained.weights[layer]:
                plain.weights[layer] = plain.weights[layer] - step * dw[layer]
                moved += float(np.sum((step * dw[layer]) ** 2))
            if trained.biases[layer]:
                plain.biases[layer] = plain.biases[layer] - step * db[layer]
                moved += float(np.sum((step * db[layer]) ** 2))
        path += math.sqrt(moved)
    kept = worst <= 1 and path <= theorem.radius * (1 + 1e-9) and math.isfinite(loss)
    return {"steps": t, "worst_gap_over_bound": worst, "path_over_radius": path / theorem.radius, "kept": kept}


def attempt(seed: int) -> dict[str, Any]:
    """One try, as a row."""
    from zeroloss.data import collapse
    from zeroloss.data.repeats import spread
    from zeroloss.plumbing import InputError
    from zeroloss.theorems import certify

    case = draw(seed)
    shown = {k: v for k, v in case.items() if k not in ("network", "x", "rng", "widths")}
    row = shown | {"depth": len(case["widths"]), "width": max(case["widths"]), "n": len(case["x"])}
    row["trainable"] = " and ".join(case["trainable"]) if isinstance(case["trainable"], tuple) else case["trainable"]
    blank = {"steps": "", "worst_gap_over_bound": "", "path_over_radius": "", "kept": "", "ratio": "", "rate": ""}
    try:
        y, step = question(case)
        found = certify(case["network"], (case["x"], y), step_size=step, trainable=case["trainable"], steps=10)
    except InputError as error:
        return row | {"status": "refused"} | blank | {"reason": str(error)[:80]}
    verdict, theorem = found.verdicts["reaches"], found.theorem
    row |= {"status": str(verdict.status)} | blank | {"ratio": theorem.ratio, "reason": ""}
    if str(verdict.status) != "PROVED":
        return row
    infimum = float(spread(case["x"], y)) / (2 * len(y))
    assert len(collapse(case["x"], y).x) <= len(y)
    return row | {"rate": theorem.rate} | descend(case, y, theorem, infimum)


def main() -> None:
    """Try, count, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tries", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--out", type=Path, default=HERE / "certify_attack.csv")
    asked = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with multiprocessing.get_context("spawn").Pool(asked.processes) as pool:
        for row in pool.imap(attempt, range(asked.first, asked.first + asked.tries)):
            rows.append(row)
            if row["kept"] is False:
                print("BROKEN", row, flush=True)
            if len(rows) % 50 == 0:
                print(summary(rows), flush=True)
    with asked.out.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()})
    print(summary(rows))


def summary(rows: list[dict[str, Any]]) -> str:
    """What came out, in a line."""
    proved = [row for row in rows if row["status"] == "PROVED"]
    broken = [row for row in proved if not row["kept"]]
    tight = [row for row in proved if row["ratio"] > 0.99]
    refused = sum(row["status"] == "refused" for row in rows)
    return (
        f"{len(rows)} tries: {len(proved)} PROVED ({len(tight)} of them within 1 % of the edge), {refused} refused, "
        f"{len(broken)} broke the promise"
    )


if __name__ == "__main__":
    main()
