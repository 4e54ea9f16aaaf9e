"""The study of global minima that fail, after Guan (arXiv 2407.16872): where it is tried, and what is shown."""

from __future__ import annotations

import functools

from zeroloss.studies.grids import Parameters, grid
from zeroloss.studies.guan_failing_optima import trials
from zeroloss.studies.guan_failing_optima.claims import (
    ACCURACY,
    CLAIMS,
    EXACT,
    REGRESSION,
    SCALED,
    SINGLE,
    TWINS,
    ZERO_LOSS,
)
from zeroloss.studies.guan_failing_optima.figures import FIGURES, TABLES
from zeroloss.studies.study import Experiment, Study

ACTIVATIONS = ("relu", "prelu(0.25)", "sigmoid")
NODES = {1: 6, 2: 4, 3: 3}
"""Nodes on each axis at which labels are fitted, by dimension (1-D and 2-D as in the paper's captions)."""


def _fitting(cell: Parameters) -> bool:
    """The nodes of the dimension; and a second width at four layers only."""
    wide = cell["width"] == 1 or cell["layers"] == 4
    return cell["per_axis"] == NODES[int(cell["d"])] and wide


def _accuracy_seconds(cell: trials.Bumps) -> float:
    return 0.01 + 1.5e-4 * cell.count if cell.count <= trials.MOST_NODES else 0.005


_fit = functools.partial(grid, where=_fitting, activation=ACTIVATIONS)
_smooth = functools.partial(grid, activation=ACTIVATIONS)
BOTH = ("float64", "float32")
COARSE, FINE = (1.0, 0.75, 0.5, 0.25), (0.8, 0.6, 0.4, 0.2, 0.1)
EXPERIMENTS = (
    Experiment(
        ZERO_LOSS,
        "Do the explicit networks have zero training loss, for each activation, dimension and depth, in both precisions?",
        trials.zero_loss,
        {
            "smoke": _fit(4, d=(1, 2), per_axis=(6, 4), layers=(0, 2), width=1, dtype=BOTH),
            "desk": _fit(10, d=(1, 2, 3), per_axis=(6, 4, 3), layers=(0, 1, 4, 8), width=(1, 2), dtype=BOTH),
            "paper": _fit(50, d=(1, 2, 3), per_axis=(6, 4, 3), layers=(0, 1, 2, 4, 8), width=(1, 2), dtype=BOTH),
        },
        block=10,
        seconds=lambda cell: 0.02,
    ),
    Experiment(
        ACCURACY,
        "How often are they right elsewhere, against the threshold b, the number of nodes and the dimension?",
        trials.accuracy,
        {
            "smoke": (grid(2, d=2, per_axis=(4, 10_000), gap=(0.8, 0.4)), grid(2, d=5, per_axis=4, gap=(1.0, 0.5))),
            "desk": (
                grid(5, d=1, per_axis=(6, 20), gap=FINE),
                grid(5, d=2, per_axis=(4, 50, 10_000), gap=FINE),
                grid(5, d=3, per_axis=(4, 10), gap=COARSE),
                grid(5, d=5, per_axis=(4, 10_000), gap=COARSE),
            ),
            "paper": (
                grid(50, d=1, per_axis=(6, 20), gap=FINE),
                grid(50, d=2, per_axis=(4, 50, 100, 1000, 10_000), gap=FINE),
                grid(50, d=3, per_axis=(4, 10, 100), gap=COARSE),
                grid(50, d=5, per_axis=(4, 10_000), gap=COARSE),
            ),
        },
        seconds=_accuracy_seconds,
    ),
    Experiment(
        REGRESSION,
        "How far are they from a smooth function that they fit at the nodes, as the bumps get sharper?",
        trials.regression,
        {
            "smoke": _smooth(3, d=1, per_axis=6, gap=(0.4, 0.1)),
            "desk": (
                _smooth(10, d=1, per_axis=(6, 12), gap=(0.4, 0.2, 0.1, 0.05, 0.02)),
                _smooth(10, d=2, per_axis=4, gap=(0.4, 0.2, 0.1, 0.05)),
            ),
        },
        block=5,
        seconds=lambda cell: 0.01 if cell.d == 1 else 0.03,
    ),
    Experiment(
        SCALED,
        "Which losses reach their least value when the labels are scaled by c?",
        trials.scaled_labels,
        {
            "smoke": grid(5, d=1, per_axis=6, gap=0.1, scale=(1.0, 10.0)),
            "desk": (
                grid(10, d=1, per_axis=6, gap=0.1, scale=(1.0, 2.0, 5.0, 10.0, 20.0, 40.0)),
                grid(10, d=2, per_axis=4, gap=0.5, scale=(1.0, 2.0, 5.0, 10.0, 20.0, 40.0)),
            ),
        },
        block=5,
        seconds=lambda cell: 0.005,
    ),
    Experiment(
        TWINS,
        "Does a network that fits real data perfectly and is wrong elsewhere exist, for each activation?",
        trials.twins,
        {
            "smoke": grid(2, data="wine", activation=("relu", "sigmoid")),
            "desk": grid(3, data=("wine", "breast-cancer", "digits"), activation=ACTIVATIONS),
            "paper": grid(20, data=("wine", "breast-cancer", "digits"), activation=ACTIVATIONS),
        },
        seconds=lambda cell: {"wine": 0.2, "breast-cancer": 0.4}.get(cell.data, 1.1),
    ),
)


STUDY = Study(
    name="guan_failing_optima",
    title="How bad can a global minimum be?",
    experiments=EXPERIMENTS,
    claims=CLAIMS,
    figures=FIGURES,
    tables=TABLES,
    after="Guan 2407.16872",
    notes=(
        "Nodes: the grid 0, 1/(N-1), ..., 1 on each axis, hats of half-width half the spacing, threshold b = d - gap. That "
        "such networks, in any dimension, have zero training loss and useless predictions, the extension to any depth and the "
        "bound in two dimensions are the paper's; the bound in others, the labels it holds for, the exact coverage, all rates, "
        "the formulas of the added layers, the sigmoid's constants, the cross-entropy's caveat and the twins are ours.",
        "Both bounds hold for labels -1 and 1 with an output of 0 counted as wrong; for labels 0 and 1 with a threshold "
        "between them, 0 is right for half of the points, and they are false. A relu network counts as 0 below 1e-8, the "
        "rounding that its hats leave.",
        "The right label of a point is taken to be that of the nearest node: the kindest choice, since every other one makes "
        "fewer covered points right.",
        f"Grids of more than {trials.MOST_NODES:,} nodes are not built as networks; whether a point is on a bump is told by "
        "its L1 distance from the nearest node, which is the same (column `evaluated`).",
        f"Zero means a residual of at most {EXACT:g} in float64 and {SINGLE:g} in float32: what eight layers of sigmoids may "
        "round to by the formula of their tolerance; relu networks are within a few roundings. The sigmoid's read-out is "
        "solved again before the added layers, so that the labels stay fitted.",
        "Random labels have both signs. Regression: targets 1 + a prod sin(2 pi (x + phase)), a = 1 and phase 0 for the "
        "first seed, a from 1/2 to 3/2 and a random phase for the others; L2 errors by the midpoint rule with points of its "
        "own on each bump, in one and two dimensions.",
        "Squared and hinge loss attain their least value; cross-entropy of c times the labels is log(1 + e^-c), above its "
        "infimum 0 at every c. In float64 log(1 + e^-c) is told apart from 0 up to c of about 700.",
        "Settings of the paper's captions that are used: N = 6 with b = 0.9 in one dimension, N = 4 nodes an axis in two, b "
        "from 1.2 on and N from 50 to 10,000 for the bound. Not used: its basis functions of half-width 0.1.",
        "Twins fit wrong targets (classes shifted by one) with a small random-feature network and correct it at the training "
        "rows alone; seeds are splits of the data.",
    ),
)
