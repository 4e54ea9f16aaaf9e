"""Whether the first layer's filters fall into clusters, as Brutzkus & Globerson found for networks with many of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from zeroloss.audit.jackknife import around, jackknife
from zeroloss.audit.measure import Measure, known_measure, unknown_measure
from zeroloss.audit.norms import BLACK_BOX
from zeroloss.audit.subject import Subject
from zeroloss.networks import precision, trainable_mask
from zeroloss.tangent.jaxpr.layerwise import read
from zeroloss.tangent.points import points

NAMES = ("effective_filters", "filter_alignment")
ANGLE = 30.0
"""Degrees at which the tree of average linkage is cut."""
MOST = 1500
"""Largest number of filters compared; of more, a sample is taken."""
RANDOM = 20
"""Draws of random directions to compare with."""
FILTERS = "95 %, over other filters drawn as these were (delete-a-group jackknife)"


def filters(subject: Subject, names: set[str]) -> list[Measure]:
    """The requested measures of this group."""
    wanted = [name for name in NAMES if name in names]
    if subject.black_box:
        return [unknown_measure(name, BLACK_BOX) for name in wanted]
    weights, kind = first_filters(subject.network, subject.data.x_train[:1])
    if weights is None:
        return [unknown_measure(name, kind) for name in wanted]
    unit, dead = directions(weights, subject.key)
    if len(unit) < 2:
        return [
            unknown_measure(name, f"{len(unit)} of {len(weights)} filters are not zero; clusters need two")
            for name in wanted
        ]
    random = _random_range(len(unit), unit.shape[1], subject.key)
    details = {
        "layer": kind, "filters": len(weights), "looked_at": len(unit), "inputs": unit.shape[1], "zero": dead,
        "seed": subject.key,
    }  # fmt: skip
    found = []
    for name in wanted:
        statistic = effective_number if name == "effective_filters" else nearest_cosine
        values, halves = jackknife(_of_rows(statistic, unit), len(unit), key=subject.key)
        limits = (1.0, float(len(unit))) if name == "effective_filters" else (-1.0, 1.0)
        ends = None if halves is None else around(float(values[0]), float(halves[0]), *limits)
        more: dict[str, Any] = {"random_range": random[name]}
        if name == "effective_filters":
            more |= {"occupancy": occupancy(unit), "degrees": ANGLE}
        found.append(
            known_measure(name, float(values[0]), ends, FILTERS if ends else "none: too few filters", **details, **more)
        )
    return found


def first_filters(network: Any, x: np.ndarray) -> tuple[np.ndarray | None, str]:
    """`(filters, inputs of one)` of the first dense or convolutional layer, and its kind; or None and why.

    Found in the function's own operations, so any network will do. Of two layers side by side on the input (as in the XOR
    network) it is the one that is evaluated first.
    """
    x = points(network, x)
    with precision(network):
        reading = read(network, x, trainable_mask(network), 1, "trace")
    uses = [use for use in reading.reader.uses if use.kind in ("dense", "convolution")]
    if not uses:
        return None, "not known for this network: no dense or convolutional layer was found in it"
    first = uses[0]
    leaf = np.asarray(jax.tree.leaves(network)[reading.arrays[first.leaf]], np.float64).ravel()
    return leaf[first.index].swapaxes(-1, -2).reshape(-1, first.index.shape[1]), first.kind


def directions(weights: np.ndarray, key: int) -> tuple[np.ndarray, int]:
    """Unit rows, without those that are negligible beside the others; and the number of those."""
    length = np.linalg.norm(weights, axis=1)
    # Below this a direction is mostly rounding, in float32.
    alive = length > 1e-6 * max(float(length.max(initial=0.0)), 1e-300)
    unit = weights[alive] / length[alive, None]
    if len(unit) > MOST:
        unit = unit[np.sort(np.random.default_rng([key, 4]).permutation(len(unit))[:MOST])]
    return unit, int(np.sum(~alive))


def _of_rows(statistic: Callable[[np.ndarray], float], unit: np.ndarray) -> Callable[[np.ndarray], float]:
    return lambda rows: statistic(unit[rows])


def _labels(unit: np.ndarray) -> np.ndarray:
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    angle = np.degrees(np.arccos(np.clip(unit @ unit.T, -1, 1)))
    angle = 0.5 * (angle + angle.T)
    np.fill_diagonal(angle, 0)
    return fcluster(linkage(squareform(angle, checks=False), "average"), ANGLE, "distance")


def occupancy(unit: np.ndarray) -> list[int]:
    """Filters in each cluster, largest first."""
    return sorted(np.bincount(_labels(unit))[1:].tolist(), reverse=True)


def effective_number(unit: np.ndarray) -> float:
    """`exp(-sum q log q)` over the clusters' shares."""
    if len(unit) < 2:
        return float(len(unit))
    share = np.array(occupancy(unit)) / len(unit)
    return math.exp(-float(np.sum(share * np.log(share))))


def nearest_cosine(unit: np.ndarray) -> float:
    """Mean over the rows of the largest cosine to another."""
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -np.inf)
    return float(np.clip(np.mean(cosine.max(axis=1)), -1, 1))


def _random_range(count: int, size: int, key: int) -> dict[str, list[float]]:
    """Smallest and largest value of both over random directions."""
    found: dict[str, list[float]] = {name: [] for name in NAMES}
    rng = np.random.default_rng([key, 5])
    for _ in range(RANDOM):
        unit = rng.standard_normal((count, size))
        unit /= np.linalg.norm(unit, axis=1, keepdims=True)
        found["effective_filters"].append(effective_number(unit))
        found["filter_alignment"].append(nearest_cosine(unit))
    return {name: [min(values), max(values)] for name, values in found.items()}
