"""The tangent kernel, side by side with what a user would write instead, in one run.

    python benchmarks/kernel.py [--quick] [--neural-tangents] [--digits] [--mnist] [--json FILE]

The work: `K[i, j, a, b] = <df_a(x_i)/dw, df_b(x_j)/dw>` for all pairs of `n` examples, the same weights and inputs for all.
Every contender runs in a process of its own. Its kernel is compared with the others' before anything is timed; one that
computes something else stops the run. Then the contenders take turns (A B C A B C ...), so that a busy machine disturbs
all of them alike; a time is the median over the rounds. At last each says how far one call raises its memory.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "benchmarks")]

from descent import NotTheSameWork, versions  # noqa: E402
from kernel_conventions import conventions  # noqa: E402
from kernel_neural_tangents import environment  # noqa: E402
from kernel_problems import Problem, activation_bytes, kernel_bytes, make, mlp_flops  # noqa: E402
from kernel_process import Failed, Process, written  # noqa: E402
from kernel_report import comparison, convention_lines, eigenvalue_lines, notes, scaling_lines, spectrum_lines  # noqa: E402
from throughput import Products  # noqa: E402

OURS = ("zeroloss", "zeroloss unchecked")
JAX = ("jax jacobian",)
TORCH = ("torch jacobian", "torch vector products")
NEURAL_TANGENTS = ("nt jacobian contraction", "nt vector products", "nt structured derivatives")
TOLERANCE = {"float32": 1e-5, "float64": 1e-11}
JACOBIAN_LIMIT = 4e9
"""Bytes up to which the Jacobian of a contender is let grow when sizes are varied."""

PROBLEMS = (
    Problem("mlp", 500),
    Problem("mlp", 200, width=256),
    Problem("cnn", 256),
    Problem("cnn", 256, outputs=10),
    Problem("encoder", 128, width=128),
    Problem("encoder", 128, outputs=10, width=128),
)
QUICK = (Problem("mlp", 200, width=256), Problem("cnn", 24), Problem("encoder", 32, width=64))
EXAMPLES = (125, 250, 500, 1000, 2000)
WIDTHS = (128, 256, 512, 1024, 2048)


def compare(problem: Problem, names, rounds: int, budget: float, limit: float, nt: Path | None) -> dict:
    """All contenders on one problem: first call, warm calls, peak memory, and how far apart the kernels are."""
    weights, x = make(problem)
    row = {"problem": problem.__dict__, "name": problem.name, "contenders": {}}
    with written(problem, weights, x) as folder:
        live: dict[str, Process] = {}
        reference = None
        try:
            for name in names:
                process = Process(nt if name in NEURAL_TANGENTS else None, limit=limit, source=_source(name))
                live[name] = process
                entry = row["contenders"][name] = {"seconds": []}
                try:
                    process.ask("load", str(folder), name)
                    entry |= {f"first_{k}": v for k, v in process.ask("first").items()}
                    process.ask("save", str(folder / "kernel.npy"))
                    found = np.load(folder / "kernel.npy").astype(np.float64)
                    reference = found if reference is None else reference
                    entry["apart"] = apart(name, found, reference, problem)
                except Failed as error:
                    _drop(live, name, entry, error)
            products = Products(problem.precision)
            for _ in range(rounds):
                for name in list(live):
                    if sum(row["contenders"][name]["seconds"]) > limit / 4:
                        continue  # long enough to be no accident
                    time.sleep(0.05)  # threads of the one before, waiting for work, go to sleep
                    try:
                        row["contenders"][name]["seconds"] += live[name].ask("run", str(budget))["seconds"]
                    except Failed as error:
                        _drop(live, name, row["contenders"][name], error)
                products.measure()
            if "jax jacobian" in live:
                row["passes_seconds"] = live["jax jacobian"].ask("passes", str(budget))["seconds"]
            for name in list(live):
                try:
                    row["contenders"][name]["peak_bytes"] = live[name].ask("memory")["bytes"]
                except Failed as error:
                    _drop(live, name, row["contenders"][name], error)
        finally:
            for process in live.values():
                process.end()
    row["product_flops_per_second"] = max(statistics.median(rates) for rates in products.rates.values())
    row["floor_bytes"] = kernel_bytes(problem) + activation_bytes(problem)
    row["flops"] = mlp_flops(problem) if problem.kind == "mlp" else None
    return row


def apart(name: str, found: np.ndarray, reference: np.ndarray, problem: Problem) -> float:
    """The largest difference over the largest entry; `NotTheSameWork` where rounding does not explain it.

    neural-tangents' answers are recorded where they differ, and do not stop the run.
    """
    if found.shape != reference.shape:
        raise NotTheSameWork(f"{name}: a kernel of shape {found.shape}, not {reference.shape}.")
    difference = float(np.abs(found - reference).max() / np.abs(reference).max())
    if not difference <= TOLERANCE[problem.precision]:
        text = f"{name}: its kernel is {difference:.2g} apart on {problem.name}"
        if name in NEURAL_TANGENTS:
            raise Failed(text)
        raise NotTheSameWork(text)
    return difference


def scaling(problems: list[Problem], along: str, rounds: int, budget: float, limit: float) -> dict:
    """Seconds of zeroloss (with its check) and of JAX's Jacobian, a list of times for each size."""
    result: dict = {"along": along, "problem": problems[0].name, "seconds": {}}
    for name in ("zeroloss", "jax jacobian"):
        with Process(limit=limit, source=_source(name)) as process:
            for problem in problems:
                weights, x = make(problem)
                size = sum(w.size for w in weights.values()) * problem.n * problem.outputs * x.itemsize
                if name != "zeroloss" and size > JACOBIAN_LIMIT:
                    continue
                try:
                    with written(problem, weights, x) as folder:
                        process.ask("load", str(folder), name)
                        process.ask("first")
                        times: list[float] = []
                        for _ in range(rounds):
                            times += process.ask("run", str(budget))["seconds"]
                except Failed as error:
                    result.setdefault("errors", {})[name] = f"{problem.name}: {error}"
                    break
                result["seconds"].setdefault(name, {})[getattr(problem, along)] = times
    return result


def alone(*command: str, limit: float = 1800.0) -> dict:
    """One piece of work in a process of its own."""
    with Process(limit=limit, source=_source("zeroloss")) as process:
        return process.ask(*command)


def _source(name: str) -> Path | None:
    return ROOT / "src" if name in OURS else None


def _drop(live: dict, name: str, entry: dict, error: Failed) -> None:
    entry["error"] = str(error)
    live.pop(name).end()


def _contenders(problem: Problem, nt: Path | None) -> tuple[str, ...]:
    names = OURS + JAX
    if importlib.util.find_spec("torch") is not None:
        # With 10 outputs the vector products of a CNN are thousands of gigaflops: the Jacobian stands for PyTorch.
        names += TORCH if problem.outputs == 1 else TORCH[:1]
    return names + (NEURAL_TANGENTS if nt else ())


def main() -> None:
    args = arguments()
    rounds, budget = (2, 0.1) if args.quick else (5, 0.5)
    began, load = time.strftime("%Y-%m-%d %H:%M:%S"), os.getloadavg()[0]
    print(
        f"{os.cpu_count()} cores, load {load:.1f} at the start. " + ", ".join(f"{k} {v}" for k, v in versions().items())
    )
    if importlib.util.find_spec("torch") is None:
        print("PyTorch is not installed: compared with JAX alone.")
    nt = environment() if args.neural_tangents else None
    record: dict = {"command": sys.argv, "began": began, "cores": os.cpu_count(), "load": load, "versions": versions()}

    def done(key: str, value: dict, lines) -> None:
        record.setdefault(key, []).append(value)
        print("\n" + "\n".join(lines(value)), flush=True)

    if nt:
        done("conventions", conventions(nt), convention_lines)
    for problem in (Problem(*p) for p in args.only) if args.only else QUICK if args.quick else PROBLEMS:
        row = compare(problem, _contenders(problem, nt), rounds, budget, args.limit, nt)
        done("comparisons", row, comparison)
    if not args.only:
        examples, widths, base = (EXAMPLES, WIDTHS, 512) if not args.quick else (EXAMPLES[:3], WIDTHS[:3], 256)
        for sizes, along in (
            ([Problem("mlp", n, width=base) for n in examples], "n"),
            ([Problem("mlp", 500 if not args.quick else 200, width=w) for w in widths], "width"),
        ):
            done("scaling", scaling(sizes, along, rounds, budget, args.limit), scaling_lines)
        done("eigenvalues", alone("eigenvalues", "2000" if not args.quick else "800"), eigenvalue_lines)
    for images in images_wanted(args):
        done("spectrum", alone("spectrum", images), spectrum_lines)
    print(notes())
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(record, indent=1))


def images_wanted(args) -> list[str]:
    wanted = ["digits"] if args.digits else []
    if args.mnist:
        path = Path(os.environ.get("ZEROLOSS_DATA", ".")) / "mnist10k.npz"
        if path.exists():
            wanted.append(str(path))
        else:
            print(f"No {path}: name its folder by ZEROLOSS_DATA. The kernel of 10,000 images is not run.")
    return wanted


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small problems, few rounds: about a minute")
    parser.add_argument("--neural-tangents", action="store_true", help="build an environment for it, and run it too")
    parser.add_argument("--digits", action="store_true", help="1,797 digits, float64: kernel and smallest eigenvalue")
    parser.add_argument("--mnist", action="store_true", help="10,000 images of $ZEROLOSS_DATA/mnist10k.npz, likewise")
    parser.add_argument("--limit", type=float, help="seconds a contender's call may take: 300, or 8 with --quick")
    parser.add_argument("--json", type=Path, help="write every measured time to this file")
    parser.add_argument(
        "--only",
        type=problem_argument,
        nargs="+",
        metavar="KIND,N,OUTPUTS,WIDTH,PRECISION",
        help="compare on these problems only, such as mlp,500,1,512,float32",
    )
    args = parser.parse_args()
    args.limit = args.limit or (8.0 if args.quick else 300.0)
    return args


def problem_argument(text: str) -> tuple:
    kind, n, outputs, width, precision = text.split(",")
    return kind, int(n), int(outputs), int(width), precision


if __name__ == "__main__":
    main()
