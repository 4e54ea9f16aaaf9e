"""The study of double descent: where it is tried, and what is shown."""

from __future__ import annotations

from typing import Any

from zeroloss.studies.double_descent import networks, samples, trials
from zeroloss.studies.double_descent.claims import ADAM, CLAIMS, DRAWN, FEATURES, MINIMA, NEWTON
from zeroloss.studies.double_descent.figures import FIGURES, TABLES
from zeroloss.studies.grids import Grid, grid
from zeroloss.studies.study import Experiment, Study

ROWS = {"digits": 200, "mnist1d": 500}
"""Training rows of the curves; MNIST-1D needs more, or nothing is learned."""
FEW = 200
"""Training rows where each trial factorises many times."""
NOISES = (0.0, 0.1, 0.2)
RATIOS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 1.0, 1.15, 1.4, 2.0, 3.0, 4.0, 8.0, 16.0)
HIDDEN = {
    "digits": (4, 13, 27, 54, 108, 432),
    "mnist1d": (25, 49, 98, 392),
}
"""Widths: n c parameters are 26.5 units of digits at 200 rows, 97.8 of MNIST-1D at 500."""


def _curves(data: str, seeds: int, ratio: Any = RATIOS, noise: Any = NOISES, n: int = 0) -> Grid:
    return grid(seeds, data=data, n=n or ROWS[data], ratio=ratio, noise=noise)


def _hidden(data: str, seeds: int, width: Any = None, noise: Any = NOISES, n: int = 0) -> Grid:
    return grid(seeds, data=data, n=n or ROWS[data], width=width or HIDDEN[data], noise=noise)


def _feature_seconds(cell: trials.Features) -> float:
    p = cell.ratio * cell.n
    return 0.02 + 5e-5 * min(cell.n, p) + 2.7e-10 * cell.n * cell.n * p


SMALL = (0.2, 1.0, 2.0, 8.0)
EXPERIMENTS = (
    Experiment(
        FEATURES,
        "How does the test error of least squares on random features depend on their number and on label noise?",
        trials.features,
        {
            "smoke": _curves("digits", 3, SMALL, n=100),
            "desk": tuple(_curves(data, 12) for data in ROWS),
            "paper": (_curves("digits", 100, n=1000), _curves("mnist1d", 100, n=3000)),
        },
        block=3,
        seconds=_feature_seconds,
    ),
    Experiment(
        DRAWN,
        "How much of the error at each width is variance over the draw of the features?",
        trials.draws,
        {
            "smoke": _curves("digits", 3, (0.5, 1.0, 4.0, 8.0), (0.0, 0.2), 60),
            "desk": tuple(_curves(data, 6, (0.5, 1.0, 2.0, 4.0, 8.0), (0.0, 0.2), FEW) for data in ROWS),
            "paper": tuple(_curves(data, 50, n=500) for data in ROWS),
        },
        block=3,
        seconds=lambda cell: 0.05 + 8e-9 * cell.ratio * cell.n**3,
    ),
    Experiment(
        MINIMA,
        "Is a solution good because it has zero training loss? Others that have it too, at each width.",
        trials.interpolators,
        {
            "smoke": _curves("digits", 2, (0.5, 4.0), 0.2, 60),
            "desk": tuple(_curves(data, 4, (0.5, 1.0, 4.0, 16.0), 0.2, FEW) for data in ROWS),
            "paper": tuple(_curves(data, 20, n=FEW) for data in ROWS),
        },
        block=2,
        seconds=lambda cell: 0.6 if cell.data == "digits" else 2.4,
    ),
    Experiment(
        ADAM,
        "And if all weights are trained, to the minimum and with early stopping?",
        networks.adam,
        {
            "smoke": _hidden("digits", 3, (3, 13, 54), (0.0, 0.2), 100),
            "desk": (_hidden("digits", 6), _hidden("mnist1d", 6, noise=(0.0, 0.2))),
            "paper": (
                _hidden("digits", 50, (2, 7, 20, 34, 216, *HIDDEN["digits"], 864, 1728)),
                _hidden("mnist1d", 50, (6, 12, 196, *HIDDEN["mnist1d"], 784, 1568)),
            ),
        },
        block=lambda cell: 3 if cell.n == 100 else 6,
        seconds=lambda cell: 0.5 + 1.3e-5 * cell.n * cell.width,
        shape=lambda cell: (cell.data, cell.n, cell.width),
    ),
    Experiment(
        NEWTON,
        "Does a second-order method find another minimum?",
        networks.newton,
        {
            "smoke": _hidden("digits", 2, 20, 0.2, 40),
            "desk": _hidden("digits", 6, 54, 0.2, 100),
            "paper": _hidden("digits", 20, (7, 13, 27, 54, 108), n=100),
        },
        block=lambda cell: 2 if cell.n == 40 else 6,
        seconds=lambda cell: 1.0 if cell.n == 40 else 3.0,
        shape=lambda cell: (cell.n, cell.width),
    ),
)  # fmt: skip


STUDY = Study(
    name="double_descent",
    title="Does larger generalise better, across the interpolation threshold?",
    experiments=EXPERIMENTS,
    claims=CLAIMS,
    figures=FIGURES,
    tables=TABLES,
    after="Belkin et al. 1812.11118, Nakkiran et al. 1912.02292",
    notes=(
        "Test labels are clean; with noise the given share of training labels is another class, uniformly. A seed draws the rows, the "
        "features and the noise; the rows made wrong at 10 % are among those at 20 %, and the features of a small width among "
        "those of a larger one, so differences are within a seed. The test rows are the same for all seeds: intervals are given them.",
        "Random features: relu(w . x + b)/sqrt(p); p of them fit n distinct inputs from p = n on, whatever the number of classes. A "
        "network with a hidden layer, all weights trained, has n c equations for its parameters, and that is its threshold.",
        "Least squares by singular values in float64, never through the Gram matrix; the table says how ill-conditioned the features are: "
        "1e5 at p = n leaves about eleven digits. Ridge and gradient descent on random features are the same factorisation with "
        "other filters, so that descent is exact after any number of steps and its limit is the minimum norm.",
        f"Penalties and stopping times are chosen by squared error on {samples.CHOOSING} further rows with labels as noisy: the "
        "interpolating solutions do not see these rows.",
        f"Networks: relu, a read-out that starts at {networks.READOUT:g} of the usual size (or the answers at the start would stay in "
        "those of wide networks, as noise: seen at a first run, before which the ranges were fixed), squared loss, Adam on the full "
        f"batch (step {networks.STEP_SIZE:g}) until the training loss is {networks.GOAL:g} or {networks.BUDGET:,} steps; narrow ones and "
        "those near the threshold do not get there, and the table says how many did. None of the numbers of Belkin et al. or Nakkiran et "
        "al., whose networks and data are larger, is reproduced here, only what they say of the shape.",
        "Twins and other solutions are ours: that zero training loss is not enough. The other solution has the same features as the "
        "minimum norm and fits, besides the training rows, further ones with labels shifted by a class.",
        "The two sides: Brutzkus and Globerson (1810.03037) have larger networks generalise better on data without noise; Kohler and "
        "Krzyzak (1912.03925) have interpolating networks miss the best rate with noise; Guan (2407.16872) has global minima that "
        "fail altogether. Rates in n are not measured here.",
    ),
)
