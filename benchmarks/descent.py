"""Full-batch gradient descent, side by side with what a user would write instead, in one run.

    python benchmarks/descent.py [--quick] [--widths 32 512] [--json FILE]

The work: `w <- w - step * grad` of `1/(2n) sum |f(x_i) - y_i|^2` on 1,257 digits (64 inputs, 10 outputs), two hidden tanh
layers, from the same starting weights. Before anything is timed, the losses after the same steps are compared; a
contender that does other work stops the run. Contenders take turns (A B C A B C ...), so that a busy machine disturbs
all of them alike; a time is the median over the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "benchmarks")]

from contenders import SklearnLoop, TorchLoop, TorchStacked, Zeroloss, have_torch  # noqa: E402
from throughput import Products  # noqa: E402

WIDTHS = (32, 128, 512, 1024, 2048)
SEEDED_WIDTH = 128  # the largest width at which many seeds are run
SEEDS = 32
DEPTH = 2
TOLERANCE = {"float32": 1e-4, "float64": 1e-9}
CHECKED_STEPS = 10
PACKAGES = ("jax", "jaxlib", "equinox", "numpy", "torch", "scikit-learn")


class NotTheSameWork(AssertionError):
    """A contender's loss differs from ours by more than rounding."""


def digits() -> tuple[np.ndarray, np.ndarray]:
    """1,257 digits in `[0, 1]`, `(1257, 64)`, with one-hot labels `(1257, 10)`."""
    from sklearn.datasets import load_digits

    x, label = load_digits(return_X_y=True)
    return x[:1257] / 16, np.eye(10)[label[:1257]]


def flops(n: int, width: int) -> float:
    """`6 n p` floating-point operations a step, `p` the number of weights without biases.

    Two for each weight and example forwards, four backwards. That counts a gradient by the input of the first layer
    (`2 n 64 width`), which nobody computes: at width 32 a third of the count, at 512 a tenth.
    """
    return 6.0 * n * (64 * width + (DEPTH - 1) * width**2 + 10 * width)


def check(contenders: dict, precision: str) -> None:
    """All losses after the same steps agree to rounding, or `NotTheSameWork`."""
    ours = np.atleast_1d(contenders["zeroloss"].losses(CHECKED_STEPS))
    for name, contender in contenders.items():
        theirs = np.atleast_1d(contender.losses(CHECKED_STEPS))
        apart = np.max(np.abs(theirs / ours[: len(theirs)] - 1))
        if not apart <= TOLERANCE[precision]:
            raise NotTheSameWork(
                f"{name}: loss {theirs} after {CHECKED_STEPS} steps, zeroloss {ours}; {apart:.2g} apart."
            )


def case(data, width: int, precision: str, seeds: int | None, rounds: int, budget: float) -> dict:
    """One row: every contender's seconds a step (of all seeds), interleaved."""
    from zeroloss.networks import MLP

    x, y = (np.ascontiguousarray(a, precision) for a in data)
    network = MLP(64, 10, width, DEPTH, parametrization="standard", dtype=precision, key=0)
    ours = Zeroloss(network, x, y, seeds)
    step = ours.step_size
    starts = [network] if seeds is None else [network.restarted(seed) for seed in range(seeds)]
    contenders: dict = {"zeroloss": ours, "sklearn": SklearnLoop(starts[0], x, y, step)}
    if have_torch():
        contenders["torch_loop"] = TorchLoop(starts[0], x, y, step, tuned=False)
        contenders["torch_tuned"] = TorchLoop(starts[0], x, y, step, tuned=True)
        if seeds:
            contenders["torch_vmap"] = TorchStacked(starts, x, y, step, "vmap")
            contenders["torch_bmm"] = TorchStacked(starts, x, y, step, "bmm")
    check(contenders, precision)
    products = Products(precision)
    steps = {name: max(2, min(2000, int(budget / c.seconds(2)))) for name, c in contenders.items()}
    compiling = ours.compile_seconds(steps["zeroloss"])
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            time.sleep(0.02)  # threads of the one before, waiting for work, go to sleep
            repeated = seeds if seeds and not contender.stacked else 1
            times[name].append(contender.seconds(steps[name]) * repeated)
        products.measure()
    work = flops(len(x), width) * (seeds or 1)
    return {
        "width": width,
        "precision": precision,
        "seeds": seeds or 1,
        "step_size": step,
        "compile_seconds": compiling,
        "flops_per_step": work,
        "steps": steps,
        "threads": {name: getattr(c, "threads", None) for name, c in contenders.items()},
        "seconds_per_step": times,
        "product_flops_per_second": products.rates,
    }


def summary(row: dict) -> dict:
    """Medians, ratios (theirs / ours) and the fraction of the product's throughput."""
    median = {name: statistics.median(values) for name, values in row["seconds_per_step"].items()}
    stacked = [median[name] for name in ("torch_vmap", "torch_bmm") if name in median]
    product = max(statistics.median(values) for values in row["product_flops_per_second"].values())
    ours = median["zeroloss"]
    return {
        "ms": ours * 1e3,
        "low": min(row["seconds_per_step"]["zeroloss"]) * 1e3,
        "high": max(row["seconds_per_step"]["zeroloss"]) * 1e3,
        "torch_loop": median["torch_loop"] / ours if "torch_loop" in median else None,
        "torch_tuned": median["torch_tuned"] / ours if "torch_tuned" in median else None,
        "torch_stacked": min(stacked) / ours if stacked else None,
        "sklearn": median["sklearn"] / ours,
        "gflops": row["flops_per_step"] / ours / 1e9,
        "product": product / 1e9,
        "fraction": row["flops_per_step"] / ours / product,
    }


HEADER = (
    f"{'precision':9} {'width':>5} {'seeds':>5} | {'ms/step':>9} {'(min-max)':>17} | {'torch loop':>13} "
    f"{'.. best thr.':>13} {'torch stacked':>13} "
    f"{'scikit-learn':>13} | {'Gflop/s':>7} {'product':>7} {'of it':>6} | {'compile s':>9}"
)


def line(row: dict) -> str:
    """A row of the printed table."""
    s = summary(row)

    def ratio(key: str) -> str:
        if s[key] is not None:
            return f"{s[key]:.2f}x"
        return "-" if have_torch() else "not installed"

    spread = f"({s['low']:.3g}-{s['high']:.3g})"
    stacked = "-" if row["seeds"] == 1 else ratio("torch_stacked")
    return (
        f"{row['precision']:9} {row['width']:5d} {row['seeds']:5d} | {s['ms']:9.3f} {spread:>17} | {ratio('torch_loop'):>13} "
        f"{ratio('torch_tuned'):>13} "
        f"{stacked:>13} {ratio('sklearn'):>13} "
        f"| {s['gflops']:7.1f} {s['product']:7.1f} {s['fraction']:6.0%} | {row['compile_seconds']:9.2f}"
    )


NOTES = f"""
Columns torch loop, torch stacked, scikit-learn: their time a step / ours, so more than 1 means zeroloss is faster.
With {SEEDS} seeds, loop and scikit-learn are {SEEDS} times the time of one network (nobody stacks them); torch stacked is the
faster of vmap over functional_call and bmm. A step is one full batch of 1,257 digits; Gflop/s count 6 n p flops a step (see
`flops`: generous at small widths). product: the fastest dense product (NumPy or XLA, several sizes), median of the same rounds.
torch loop: with PyTorch's own number of threads. ".. best thr.", torch stacked and scikit-learn: on one thread or on all,
whichever was faster in a trial just before; zeroloss as it comes. Threads that wait for each other suffer on a busy machine.
zeroloss looks at the loss each step to stop in time; the torch loops do not."""


def versions() -> dict[str, str]:
    found = {"python": sys.version.split()[0]}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="widths 32 and 512, few rounds: under a minute")
    parser.add_argument("--widths", type=int, nargs="+", help="units of each hidden layer")
    parser.add_argument("--json", type=Path, help="write every measured time to this file")
    args = parser.parse_args()
    widths = args.widths or ((32, 512) if args.quick else WIDTHS)
    rounds, budget = (3, 0.06) if args.quick else (5, 0.3)
    data, began = digits(), time.strftime("%Y-%m-%d %H:%M:%S")
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(
        f"{os.cpu_count()} cores, load {load:.1f} at the start. " + ", ".join(f"{k} {v}" for k, v in versions().items())
    )
    print(HEADER)
    rows = []
    for precision in ("float32", "float64"):
        for width in widths:
            for seeds in (
                (None, SEEDS) if width <= SEEDED_WIDTH and not (args.quick and precision == "float64") else (None,)
            ):
                rows.append(case(data, width, precision, seeds, rounds, budget))
                print(line(rows[-1]), flush=True)
    print(NOTES)
    if args.json:
        record = {"command": sys.argv, "began": began, "cores": os.cpu_count(), "load": load, "versions": versions()}
        record["rows"] = [{**row, "summary": summary(row)} for row in rows]
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
