"""What the kernel benchmark prints."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

import numpy as np

MEGA = 1e6


def comparison(row: dict) -> Iterator[str]:
    """A table for one problem: a line a contender."""
    yield row["name"]
    yield (
        f"  {'contender':26} {'first call s':>12} {'warm ms':>10} {'(min-max)':>19} {'theirs/ours':>11} "
        f"{'peak MB':>9} {'apart':>8}"
    )
    entries = row["contenders"]
    ours = median(entries["zeroloss"])
    for name, entry in entries.items():
        if "error" in entry:
            yield f"  {name:26} {entry['error']}"
            continue
        ms = [1e3 * t for t in entry["seconds"]]
        spread = f"({min(ms):.4g}-{max(ms):.4g})"
        ratio = "" if name.startswith("zeroloss") or ours is None else f"{median(entry) / ours:.1f}x"
        threads = f"  {entry['first_threads']} threads" if entry.get("first_threads") else ""
        yield (
            f"  {name:26} {entry['first_seconds']:12.2f} {statistics.median(ms):10.2f} {spread:>19} {ratio:>11} "
            f"{entry['peak_bytes'] / MEGA:9.1f} {entry['apart']:8.1g}{threads}"
        )
    if "passes_seconds" in row:
        passes = 1e3 * statistics.median(row["passes_seconds"])
        yield f"  one forward and backward pass over the examples, in JAX: {passes:.2f} ms"
    floor = row["floor_bytes"]
    peak = entries["zeroloss"].get("peak_bytes")
    if peak is not None:
        yield f"  kernel plus activations: {floor / MEGA:.1f} MB; zeroloss takes {peak / floor:.2f} times that."
    unchecked = median(entries["zeroloss unchecked"])
    if row["flops"] and unchecked:
        rate, product = row["flops"] / unchecked, row["product_flops_per_second"]
        yield (
            f"  the layerwise identity: {row['flops'] / 1e9:.2f} Gflop, {rate / 1e9:.0f} Gflop/s unchecked; a dense "
            f"product here: {product / 1e9:.0f} Gflop/s; so {rate / product:.0%} of it."
        )


def median(entry: dict) -> float | None:
    return statistics.median(entry["seconds"]) if entry["seconds"] and "error" not in entry else None


def slope(sizes, seconds) -> tuple[float, float]:
    """The log-log slope by least squares, and half the width of its 95 % interval (t, from the residuals)."""
    from scipy import stats

    x, y = np.log(np.asarray(sizes, float)), np.log(np.asarray(seconds, float))
    fit = stats.linregress(x, y)
    freedom = len(x) - 2
    return float(fit.slope), float(stats.t.ppf(0.975, freedom) * fit.stderr) if freedom > 0 else float("inf")


def scaling_lines(result: dict) -> Iterator[str]:
    yield f"cost against {result['along']} (the others as in: {result['problem']})"
    for name, rows in result["seconds"].items():
        medians = {size: statistics.median(times) for size, times in rows.items()}
        yield f"  {name:14} " + ", ".join(f"{size}: {1e3 * t:.3g} ms" for size, t in medians.items())
        if len(medians) > 2:
            sizes, times = list(medians), list(medians.values())
            value, half = slope(sizes, times)
            last = np.log(times[-1] / times[-2]) / np.log(sizes[-1] / sizes[-2])
            yield f"  {'':14} log-log slope {value:.2f} +- {half:.2f}; between the last two sizes {last:.2f}"
    for name, error in result.get("errors", {}).items():
        yield f"  {name:14} {error}"


def eigenvalue_lines(result: dict) -> Iterator[str]:
    yield f"smallest eigenvalue of a kernel, n = {result['n']}: in [{result['lower']:.6g}, {result['upper']:.6g}]"
    medians = {name: statistics.median(times) for name, times in result["seconds"].items()}
    for name, seconds in medians.items():
        share = "" if name == "enclosure" else f"; the enclosure costs {medians['enclosure'] / seconds:.3f} of it"
        yield f"  {name:30} {1e3 * seconds:9.1f} ms{share}"


def convention_lines(apart: dict) -> Iterator[str]:
    worst = max(apart, key=apart.__getitem__)
    yield f"{len(apart)} calls of neural-tangents beside ours, float64: at most {apart[worst]:.1g} apart ({worst})"


def spectrum_lines(result: dict) -> Iterator[str]:
    yield (
        f"{result['n']} images ({result['distinct']} distinct) of {result['inputs']} pixels, width 512, one output, "
        "float64"
    )
    yield (
        f"  kernel: {result['kernel_seconds']:.1f} s, memory raised by {result['kernel_peak_bytes'] / MEGA:.0f} MB "
        f"(the matrix itself {result['matrix_bytes'] / MEGA:.0f} MB)"
    )
    yield (
        f"  smallest eigenvalue in [{result['lower']:.6g}, {result['upper']:.6g}] of {result['about']}: "
        f"{result['enclosure_seconds']:.1f} s, {result['factorisations']} factorisations, memory raised by "
        f"{result['enclosure_peak_bytes'] / MEGA:.0f} MB"
    )


def notes() -> str:
    return """
first call s: with everything that is compiled or traced. warm ms: median, all calls after the first. theirs/ours: warm, against
zeroloss as it comes, with the check of each result (more than 1: zeroloss is faster); unchecked: check=False. peak MB: how far one warm
call raises the resident set of its process. apart: largest difference from the first contender's kernel over its largest
entry. PyTorch on one thread or on all, whichever was faster in a trial just before; the others as they come. Slopes: least squares
over the sizes, 95 % interval from the residuals, so curvature (fixed costs at small sizes) widens it."""
