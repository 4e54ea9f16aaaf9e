"""The trials: what samples alone decide, how far descent gets, and the error of each estimate under the design.

A sample is made from the design, the dimension, n and the key alone, so all estimates of a cell see the same one.
"""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import numpy as np
import scipy.linalg

from zeroloss.data import collapse
from zeroloss.data.designs import (
    Atoms,
    Uniform,
    equal_atoms,
    heavy_tailed,
    smooth_function,
    uniform,
    visited_error,
    visited_expectation,
)
from zeroloss.plumbing import InputError
from zeroloss.studies.kohler_krzyzak_squasher import comparators
from zeroloss.studies.typed import per_key

NOISE = 0.5
"""Standard deviation s of the noise; the target's root mean square over the cube is the same."""
TAIL, SUPPORT = 0.25, 4096
"""t and number of atoms of the heavy-tailed design on which estimates are compared."""
LONG_SUPPORT = 100_000
"""Its number of atoms where only samples are drawn."""
RULE = 2048
"""Points of the rule for the error on the continuous design."""
DRAWS = 200
"""Samples per trial where only samples are drawn."""
WIDTH, DEPTH = 3, 2
NETWORKS = 4
"""Networks per example of the interpolating estimate."""
STEPS = 20
"""Steps of the regularised estimate."""
CUT = 1.0
"""Estimates are truncated at this times log n."""
DESIGNS = ("equal atoms", "heavy-tailed", "continuous")
METHODS = (
    "interpolating network",
    "regularised network",
    "local mean",
    "nearest neighbours",
    "kernel ridge",
    "smoothing spline",
)


@dataclasses.dataclass(frozen=True)
class Drawn:
    """Samples of n from a design ("equal atoms" or "heavy-tailed", with its t; 0 where there is none)."""

    design: str
    tail: float
    n: int


@dataclasses.dataclass(frozen=True)
class Estimate:
    """An estimate (of `METHODS`) on a sample of n from a design, for a target of smoothness p."""

    design: str
    d: int
    n: int
    p: float
    method: str


@dataclasses.dataclass(frozen=True)
class Descent:
    """A descent: n examples in d dimensions, the preset of the start, `per_example` networks over n, the steps."""

    n: int
    d: int
    preset: str
    per_example: int
    activation: str
    steps: int


def _rng(key: int, *words: Any) -> np.random.Generator:
    """A stream of its own for the key and the words (numbers, or strings as their bytes)."""
    parts = [int.from_bytes(w.encode(), "little") if isinstance(w, str) else round(1e6 * w) for w in words]
    return np.random.default_rng([int(key), *parts])


@per_key
def samples(cell: Drawn, key: int) -> dict[str, Any]:
    """The visited atoms' part of the error of every minimiser of the empirical risk, for unit noise.

    Metrics, means over `DRAWS` samples: `visited` (`zeroloss.data.designs.visited_error`), `seen` (the mass of the visited
    atoms).
    """
    # Where atoms stand does not matter here, so they stand in one dimension.
    where = equal_atoms(cell.n, 1) if cell.design == "equal atoms" else heavy_tailed(cell.tail, 1, LONG_SUPPORT)
    rng = _rng(key, cell.design, cell.tail, cell.n)
    visited, seen = [], []
    for _ in range(DRAWS):
        index = where.draw(cell.n, rng)
        visited.append(visited_error(where.weights, index, rng.standard_normal(cell.n)))
        seen.append(float(where.weights[np.unique(index)].sum()))
    return {"visited": np.mean(visited), "seen": np.mean(seen)}


def design_of(name: str, n: int, d: int) -> Atoms | Uniform:
    """The design of that name for a sample of n.

    Raises:
        InputError: there is none.
    """
    if name == "equal atoms":
        return equal_atoms(n, d)
    if name == "heavy-tailed":
        return heavy_tailed(TAIL, d, SUPPORT)
    if name == "continuous":
        return uniform(d)
    raise InputError(f"there is no design {name!r}; choose one of {', '.join(DESIGNS)}.")


class Sample:
    """A sample of n: `x` `(n, d)`, `y` `(n,)`, the target, and the rule for the error: `points`, `weights`, `seen`."""

    def __init__(self, design: str, n: int, d: int, p: float, key: int):
        where = design_of(design, n, d)
        rng = _rng(key, design, n, d)
        self.target = smooth_function(p, d)
        self.index: np.ndarray | None = None
        if isinstance(where, Atoms):
            self.index = where.draw(n, rng)
            self.points, self.weights = where.points, where.weights
            self.x = where.points[self.index]
        else:
            self.x = where.draw(n, rng)
            self.points, self.weights = where.rule(RULE, rng), np.full(RULE, 1 / RULE)
        self.seen = np.zeros(len(self.points), bool)
        if self.index is not None:
            self.seen[self.index] = True
        self.noise = NOISE * rng.standard_normal(n)
        self.y = self.target(self.x) + self.noise

    def error(self, predictions: np.ndarray) -> dict[str, float]:
        """The squared L2 error under the design, and its part at the atoms of the sample."""
        squared = self.weights * (predictions - self.target(self.points)) ** 2
        return {"error": float(squared.sum()), "visited": float(squared[self.seen].sum())}

    def means(self) -> float:
        """The visited part of every minimiser of the empirical risk."""
        return 0.0 if self.index is None else visited_error(self.weights, self.index, self.noise)


@per_key
def errors(cell: Estimate, key: int) -> dict[str, Any]:
    """The L2 error of one estimate under the design.

    Metrics: `error = int |m_n - m|^2 dP_X` (a sum over all atoms; on the continuous design a mean over `RULE` points), `visited`
    (its part at visited atoms; 0 on the continuous design), `means` (what that part is for every minimiser of the
    empirical risk), `excess` (of the empirical risk, relative; -1 where an estimate does not give it), `tuning` (what
    cross-validation chose; -1 where nothing was chosen).
    """
    sample = Sample(cell.design, cell.n, cell.d, cell.p, key)
    predictions, tuning, excess = estimate(cell.method, sample, key)
    return sample.error(predictions) | {"means": sample.means(), "excess": excess, "tuning": tuning}


def estimate(method: str, sample: Sample, key: int) -> tuple[np.ndarray, float, float]:
    """Predictions at the sample's rule, the tuning, the relative excess of the empirical risk.

    Raises:
        InputError: there is no such method, or the spline is requested in several dimensions.
    """
    if method in ("interpolating network", "regularised network"):
        from zeroloss.descent.squasher import SquasherRegressor

        # The interpolating one takes no step on the inner weights: the limit of gradient descent on the read-out.
        regime, k, steps = ("interpolate", NETWORKS * len(sample.x), 0)
        if method == "regularised network":
            regime, k, steps = ("regularised", 100, STEPS)
        model = SquasherRegressor(
            regime, networks=k, depth=DEPTH, width=WIDTH, steps=steps, truncate=CUT, scale=False, random_state=key
        ).fit(sample.x, sample.y)
        return model.predict(sample.points), model.penalty_ if model.penalty_ else -1.0, model.excess_
    fits = {
        "local mean": comparators.local_mean,
        "nearest neighbours": comparators.nearest_neighbours,
        "kernel ridge": comparators.kernel_ridge,
        "smoothing spline": comparators.smoothing_spline,
    }
    if method not in fits or (method == "smoothing spline" and sample.x.shape[1] > 1):
        raise InputError(
            f"there is no method {method!r} here; choose one of {', '.join(METHODS)} (the spline for d = 1)."
        )
    predictions, tuning = fits[method](sample.x, sample.y, sample.points)
    bound = CUT * np.log(max(len(sample.x), 2))
    return np.clip(predictions, -bound, bound), tuning, -1.0


LOOKS = (100, 1000, 10_000)
"""Steps after which the risk is looked at."""


@per_key
def descent(cell: Descent, key: int) -> dict[str, Any]:
    """Gradient descent on all weights, step 1/smoothness, on a sample from equal atoms; then two ways to finish.

    Metrics, all relative excesses `(L - inf)/(L_0 - inf)` of the empirical risk: `descent` (at the end), `after` (at
    each of `LOOKS`), `readout` (the trained network with its read-out solved for), `start` (the same, inner weights at their
    start), `gauss_newton` (at most 60 steps of it on all weights from the start). `steps_taken`; `distinct` inputs;
    `rank` of the features at the start (singular values above 1e-12 of the largest); `proved`: whether a global minimum
    provably lies near the finished network; the L2 errors `error_descent`, `error_readout`, `error_start`; `means` as in
    `errors`.
    """
    from zeroloss.descent import descend
    from zeroloss.descent.readout import features, relative_excess, to_the_infimum
    from zeroloss.networks import SquasherNetwork, predict
    from zeroloss.prove import prove
    from zeroloss.verdict import Status

    n, d = cell.n, cell.d
    sample = Sample("equal atoms", n, d, 1.0, key)
    x, y = sample.x, sample.y[:, None]
    units = cell.per_example * n
    network = SquasherNetwork(d, 1, units, DEPTH, WIDTH, cell.activation, cell.preset, n, dtype="float64", key=key)
    distinct = collapse(x, y)
    places = np.sort(np.unique(x, axis=0, return_index=True)[1])
    values = scipy.linalg.svdvals(features(network, x)[places])
    fit = descend(network, (x, y), steps=cell.steps, tolerance=1e-14)
    finished, started = to_the_infimum(fit.network, x, y), to_the_infimum(network, x, y)
    quick = descend(network, (x, y), method="gauss-newton", steps=60, tolerance=1e-20).network if key < GAUSS else None

    def excess(net: Any) -> float:
        return relative_excess(predict(net, x), x, y)

    first, floor = float(fit.history["loss"][0]), fit.infimum
    looked = [
        (float(np.interp(at, fit.history["step"], fit.history["loss"])) - floor) / (first - floor) for at in LOOKS
    ]
    bound = CUT * np.log(n)
    found = {
        name: sample.error(np.clip(predict(net, sample.points)[:, 0], -bound, bound))["error"]
        for name, net in (("descent", fit.network), ("readout", finished), ("start", started))
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a proof of float64 weights, whatever the scope
        proved = prove(finished, (x, y)).status == Status.PROVED
    return {
        "descent": excess(fit.network),
        "after": np.maximum(looked, 0.0),
        "readout": excess(finished),
        "start": excess(started),
        "gauss_newton": excess(quick) if quick is not None else -1.0,
        "steps_taken": fit.steps,
        "distinct": len(distinct.x),
        "rank": int((values > 1e-12 * values[0]).sum()),
        "proved": proved,
        "error_descent": found["descent"],
        "error_readout": found["readout"],
        "error_start": found["start"],
        "means": sample.means(),
    }


GAUSS = 3
"""Gauss-Newton runs for the first keys only: each number of distinct inputs is compiled anew."""


def exact_visited(n: int) -> float:
    """The visited part on n equal atoms for unit noise, exactly."""
    return visited_expectation(np.full(n, 1 / n), n)
