"""The study of estimates that minimise the empirical risk, after Kohler & Krzyzak: where it is tried, what is shown."""

from __future__ import annotations

import functools
from typing import Any

from zeroloss.studies.grids import Grid, Parameters, grid
from zeroloss.studies.kohler_krzyzak_squasher import trials
from zeroloss.studies.kohler_krzyzak_squasher.claims import (
    CLAIMS,
    CLOSE,
    DESCENT,
    ENOUGH,
    EQUAL,
    ERRORS,
    EXACT,
    HEAVY,
    NEAR,
    SAMPLES,
)
from zeroloss.studies.kohler_krzyzak_squasher.figures import FIGURES, TABLES
from zeroloss.studies.study import Experiment, Study

TAILS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)


def _has_spline(cell: Parameters) -> bool:
    return cell["method"] != "smoothing spline" or cell["d"] == 1


_equal = functools.partial(grid, design=EQUAL, tail=0.0)
_tails = functools.partial(grid, design=HEAVY)
_errors = functools.partial(grid, where=_has_spline, design=trials.DESIGNS)
_interpolating = functools.partial(grid, design=trials.DESIGNS[:2], d=(1, 2, 3))
METHODS, NETWORK = trials.METHODS, trials.METHODS[0]


def _descents(
    seeds: int,
    n: Any,
    preset: str,
    per_example: int,
    activation: Any = "sigmoid",
    d: Any = (1, 2, 3),
    steps: int = 10_000,
) -> Grid:
    return grid(seeds, n=n, d=d, preset=preset, per_example=per_example, activation=activation, steps=steps)


def _descent_seconds(cell: trials.Descent) -> float:
    units = cell.n**2 * cell.per_example * (trials.WIDTH + 1)
    return 0.5 + cell.steps * (3e-5 + 6e-9 * units)


def _error_seconds(cell: trials.Estimate) -> float:
    size = cell.n / 800
    if cell.method == "interpolating network":
        return 0.05 + 2.0 * size**2
    if cell.method == "regularised network":
        return 0.15 + 0.8 * size
    return {"kernel ridge": 1.0, "local mean": 0.1, "nearest neighbours": 0.05}.get(cell.method, 0.2) * size**2 + 0.005


OTHERS = ("tanh", "erf", "relu")
EXPERIMENTS = (
    Experiment(
        SAMPLES,
        "How much do the visited atoms contribute to the error of every function that minimises the empirical risk?",
        trials.samples,
        {
            "smoke": (_equal(4, n=(10, 100)), _tails(3, tail=(0.25, 1.0), n=(100, 1000))),
            "desk": (
                _equal(20, n=(10, 30, 100, 300, 1000)),
                _tails(8, tail=TAILS[:4], n=(100, 300, 1000, 3000, 10_000)),
                _tails(
                    40, tail=TAILS[4:], n=(100, 300, 1000, 3000, 10_000)
                ),  # few atoms are seen: each sample says less
            ),
            "paper": (
                _equal(500, n=(10, 30, 100, 300, 1000, 3000)),
                _tails(20, tail=TAILS, n=(100, 1000, 10_000, 100_000)),
            ),
        },
        block=4,
        seconds=lambda cell: 0.02 + 2e-5 * cell.n + (0.05 if cell.design == HEAVY else 0.0),
    ),
    Experiment(
        DESCENT,
        "Does gradient descent on all weights reach the infimum of the empirical risk, and what finishes it?",
        trials.descent,
        {
            "smoke": (
                _descents(2, 8, "localised", 8, d=1, steps=1000),
                _descents(2, 8, "theory", 8, d=1, steps=1000),
            ),
            "desk": (
                _descents(4, (8, 16, 32), "localised", 8),
                _descents(4, (8, 16), "theory", 8),
                _descents(4, (8, 16), "theory", ENOUGH),
                _descents(3, 16, "localised", 8, OTHERS, (1, 2)),
            ),
            "paper": (
                _descents(50, (8, 16, 32, 64, 128), "localised", 8, steps=100_000),
                _descents(50, (8, 16, 32, 64), "theory", ENOUGH, steps=100_000),
                _descents(50, (16, 32), "localised", 8, OTHERS, steps=100_000),
            ),
        },
        block=2,
        seconds=_descent_seconds,
        shape=lambda cell: (cell.n, cell.d, cell.per_example, cell.activation),
        hidden=("after",),
    ),
    Experiment(
        ERRORS,
        "How does the L2 error under the design fall with n: interpolating, and smoothing on the same samples?",
        trials.errors,
        {
            "smoke": _errors(3, d=1, n=(30, 60), p=1.0, method=METHODS),
            "desk": (
                _errors(7, d=(1, 2, 3), n=(50, 100, 200, 400), p=1.0, method=METHODS),
                _errors(4, d=(1, 2, 3), n=800, p=1.0, method=METHODS),
                _interpolating(
                    30, n=(50, 100, 200, 400), p=1.0, method=NETWORK
                ),  # it varies most, and the claims about slopes are about it
                _interpolating(16, n=800, p=1.0, method=NETWORK),
            ),
            "paper": _errors(
                100, d=(1, 2, 3), n=(50, 100, 200, 400, 800, 1600, 3200, 6400), p=(0.5, 1.0, 2.0), method=METHODS
            ),
        },
        block=2,
        seconds=_error_seconds,
        shape=lambda cell: (cell.n, cell.d, cell.design, cell.method),
    ),
)


STUDY = Study(
    name="kohler_krzyzak_squasher",
    title="When do interpolating networks miss the minimax rate?",
    experiments=EXPERIMENTS,
    claims=CLAIMS,
    figures=FIGURES,
    tables=TABLES,
    after="Kohler & Krzyzak 1912.03925",
    notes=(
        "That networks which minimise the empirical risk miss the minimax rate, and that gradient descent on all weights of such "
        "a network reaches a global minimum of it, are the paper's; the designs, the constant, the rate on heavy tails and when "
        "it is slower than minimax are ours; the constants of the start 'theory', the read-out at 0 and the step are recalled "
        "from a sequel and unconfirmed.",
        f"Network: K = 4 n (comparison) or 8 n and {ENOUGH} n (descent) logistic networks of depth {trials.DEPTH} and width "
        f"{trials.WIDTH}. Start 'localised', ours: first weights of length 8 n^(1/d) in random directions with their middles uniform "
        "in the cube.",
        "In the comparison the interpolating network is the limit of gradient descent on the read-out alone, from 0: the "
        "solution of least norm, computed directly in float64. What a minimiser of the empirical risk does at visited atoms does "
        "not depend on how it was found; elsewhere it does. Descent on all weights is tried apart, at n up to 32, with its own "
        "errors in the table.",
        f"Relative excess: (L - inf)/(L_0 - inf), inf the infimum of the empirical risk over all functions (repeated inputs get "
        f"their mean), L_0 the risk of 0. {CLOSE:g} counts as near for descent, {EXACT:g} as reached for what finishes it. "
        "Gauss-Newton is run for the first keys of each cell.",
        "The theory's own number of steps is priced in a table and not run; runs use step 1/smoothness at the start. Estimates "
        f"are truncated at {trials.CUT:g} log n.",
        f"Errors: on atoms the sum over all atoms; on the continuous design the mean over {trials.RULE:,} points of a "
        "low-discrepancy sequence with a random shift (unbiased). Equal atoms: their number is n, so the design grows with the "
        f"sample. Heavy tails: {trials.SUPPORT:,} atoms in the comparison, {trials.LONG_SUPPORT:,} where only samples are drawn.",
        "Target: eight ridges with a cusp of order p at random places, root mean square "
        f"{trials.NOISE:g}; noise of standard deviation {trials.NOISE:g}. A fixed target is smoother than the worst of its class, "
        "so estimates may fall faster than the minimax rate.",
        f"Slopes on the heavy-tailed design are judged within {NEAR:g}: on n from 100 to 10,000 the exact ones are .004 to .021 "
        "flatter than their limits. Where the theory is silent (the continuous design; methods other than the local mean) slopes "
        "are measured and no claim is made of them.",
        "Tuning: leave-one-out (local mean, nearest neighbours, kernel ridge with kernel exp(-|x - z|/l), the penalty of the "
        "regularised network), five folds (spline). Nearest neighbours takes equal inputs in an arbitrary order. The regularised "
        f"network: 100 networks, start 'smooth', {trials.STEPS} steps of gradient descent on all weights with a penalty on the "
        "read-out, which is then solved for; the penalty is chosen by leave-one-out at the features reached.",
    ),
)
