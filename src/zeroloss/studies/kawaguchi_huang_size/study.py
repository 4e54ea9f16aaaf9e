"""The study of parameter counts, after Kawaguchi & Huang (arXiv 1908.02419): where it is tried, and what is shown.

Cells of one bucket (ratios below 1, from 1 to 2, from 2 to 4, ...) are laid into one padded shape and go through one compiled program,
about a second of compilation each; without it every number of parameters would be a program of its own.
"""

from __future__ import annotations

import functools
from typing import Any

from zeroloss.studies.brutzkus_globerson_xor.images import mnist_is_here
from zeroloss.studies.grids import Grid, Parameters, grid
from zeroloss.studies.kawaguchi_huang_size import boundary, labels, trials
from zeroloss.studies.kawaguchi_huang_size.claims import CLAIMS, DESCENT, GD, LABELS, LM, RANK
from zeroloss.studies.kawaguchi_huang_size.figures import FIGURES, TABLES
from zeroloss.studies.study import Experiment, Study

SHALLOW = (0.5, 0.7, 0.85, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2, 1.3, 1.5, 2.0)
DEEP = (0.5, 0.95, 1.0, 1.2, 1.35, 1.5, 1.75, 2.0, 2.5, 3.0)
GD_RATIOS = (1.0, 1.5, 2.0, 3.0, 4.0, 8.0)
PROBLEMS = {32: 8, 48: 6, 72: 5, 108: 3, 162: 3, 243: 3}
"""Problems per cell at desk scale, by size: a run takes about as long as the cube of the size."""
DATA = ("wine", "breast-cancer", "digits", "mnist1d", "mnist")


SOFTPLUS: dict[str, Any] = {"activation": "softplus", "targets": "normal"}


def _lm(
    depths: tuple[int, ...],
    sizes: tuple[int, ...],
    ratios: tuple[float, ...] = (),
    activation: str = "softplus",
    many: int = 1,
) -> list[Grid]:
    """One grid per depth and size, `many` times as many problems as at desk scale."""
    return [
        grid(
            many * PROBLEMS[size], activation=activation, targets="normal", depth=depth, size=size,
            ratio=ratios or (SHALLOW if depth <= 2 else DEEP),
        )
        for depth in depths
        for size in sizes
    ]  # fmt: skip


def _signs(seeds: int) -> list[Grid]:
    signs: dict[str, Any] = {"activation": "softplus", "targets": "signs"}
    return [grid(seeds, **signs, depth=depth, size=32, ratio=(0.7, 0.85, 0.95)) for depth in (1, 2)]


def _lm_seconds(cell: trials.Phase) -> float:
    """Measured on two cores, a problem with its starts: about 0.15 s at size 32, 2 s at 108 and one parameter per equation."""
    return (0.05 + 1.3e-6 * cell.size**3) * (0.5 if cell.ratio < 1 or cell.ratio > 1.5 else 1)


def _gd_seconds(cell: trials.Phase) -> float:
    """Measured on two cores: 0.1 ms per gradient of eight problems at n = 32 and 128 parameters."""
    return cell.budget * (2e-6 + 1.5e-9 * float(cell.size**2 * boundary.bucket(cell.ratio)))


def _at_hand(cell: Parameters) -> bool:
    return cell["data"] != "mnist" or mnist_is_here()


_labels = functools.partial(grid, where=_at_hand)
_shapes = functools.partial(grid, activation=("softplus", "sigmoid"))
DEPTHS, SIZES = (1, 2, 3, 4), (32, 48, 72, 108, 162, 243)
EXPERIMENTS = (
    Experiment(
        LM,
        "From how many parameters per equation on does Levenberg-Marquardt reach zero on random targets, by depth and n?",
        trials.by_levenberg_marquardt,
        {
            "smoke": (*_lm((1,), (32, 48), (0.5, 0.95, 1.1, 1.3, 2.0)), *_signs(10)),
            "desk": (
                *_lm((1, 2), (32, 48, 72, 108)),
                *_lm((4, 3), (32, 48, 72)),
                *_lm((1,), (32, 48), activation="sigmoid"),
                *_signs(40),
            ),
            "paper": (
                *_lm(DEPTHS, SIZES, many=10),
                *_lm(DEPTHS, SIZES, activation="sigmoid", many=10),
                *_signs(500),
            ),
        },
        block=lambda cell: 10 if cell.targets == "signs" else PROBLEMS.get(cell.size, 3),
        seconds=_lm_seconds,
        shape=lambda cell: cell.shape,
        precision="float64",
    ),
    Experiment(
        GD,
        "And gradient descent with a stated budget?",
        trials.by_gradient_descent,
        {
            "smoke": grid(8, **SOFTPLUS, depth=1, size=(16, 32), ratio=(1.0, 4.0), budget=1000),
            "desk": grid(8, **SOFTPLUS, depth=DEPTHS, size=(16, 24, 32), ratio=GD_RATIOS, budget=10_000),
            "paper": grid(
                24,
                **SOFTPLUS,
                depth=DEPTHS,
                size=(16, 24, 32, 48, 72, 108),
                ratio=(*GD_RATIOS, 16.0, 32.0),
                budget=100_000,
            ),
        },
        block=8,
        seconds=_gd_seconds,
        shape=lambda cell: cell.shape,
    ),
    Experiment(
        RANK,
        "Are the last features of n inputs independent, and does the proof by the read-out go through?",
        trials.rank,
        {
            "smoke": _shapes(3, depth=(1, 2), n=16, missing=(0, 2), weight_std=1.0),
            "desk": (
                _shapes(40, depth=DEPTHS, n=(32, 64), missing=0, weight_std=1.0),
                _shapes(6, depth=DEPTHS, n=128, missing=0, weight_std=1.0),
                _shapes(5, depth=DEPTHS, n=32, missing=2, weight_std=1.0),
            ),
            "paper": (
                _shapes(100, depth=DEPTHS, n=(32, 64, 128, 256), missing=0, weight_std=1.0),
                _shapes(20, depth=DEPTHS, n=(32, 256), missing=2, weight_std=1.0),
            ),
        },
        block=1,
        seconds=lambda cell: 0.01 + 3e-5 * (cell.n / 4) ** 2,
        precision="float64",
    ),
    Experiment(
        DESCENT,
        "How fast is descent of the read-out, for which a rate is proved, and of all layers, for which none is?",
        trials.descent,
        {
            "smoke": _shapes(2, depth=1, n=32, weight_std=2.0),
            "desk": _shapes(5, depth=DEPTHS, n=32, weight_std=2.0),
            "paper": _shapes(50, depth=DEPTHS, n=32, weight_std=2.0),
        },
        seconds=lambda cell: 0.5 + 0.3 * cell.depth,
        precision="float64",
        hidden=("readout_loss", "all_loss", "promised"),
    ),
    Experiment(
        LABELS,
        "Natural labels, random labels, random inputs: are all fitted, and which fits are right elsewhere?",
        trials.fitted,
        {
            "smoke": _labels(6, data="wine", kind=labels.KINDS, rows=200, activation="softplus"),
            "desk": _labels(6, data=DATA, kind=labels.KINDS, rows=200, activation="softplus"),
            "paper": _labels(
                5, data=(*DATA, "fashion-mnist"), kind=labels.KINDS, rows=5000, activation=("softplus", "sigmoid")
            ),
        },
        seconds=lambda cell: 1.0 if cell.rows <= 200 else 300.0,
    ),
)


STUDY = Study(
    name="kawaguchi_huang_size",
    title="How many parameters are enough for zero training loss?",
    experiments=EXPERIMENTS,
    claims=CLAIMS,
    figures=FIGURES,
    tables=TABLES,
    after="K. Kawaguchi, J. Huang, Gradient descent finds global minima for generalizable deep neural networks of practical "
    "sizes, arXiv 1908.02419",
    notes=(
        "Layers m^(-1/2) sigma(W h + b) and the shape (hidden widths about log^2 n, the last n) are recalled; starts, targets, ranges "
        "and everything in double precision are ours.",
        f"Phase diagram: inputs uniform on the sphere of radius 2 in {boundary.INPUTS} dimensions, one output; all hidden layers of one "
        "width but the last, so that a network has nearly any number of parameters; n is moved by a few so that p/n is what the "
        "axis says. The table of cells has the true p and n.",
        f"Levenberg-Marquardt: {boundary.STARTS} starts a problem, {boundary.STEPS} steps each, float64; zero is {boundary.ZERO:g} of the "
        "targets' sum of squares. A run that does not reach zero may have stopped at a local minimum, or not be there yet: above "
        "the line that says nothing of whether a zero exists.",
        f"Gradient descent: float32, step size grown by {100 * (boundary.GROWTH - 1):.0f} % after a step that lowers the loss, halved "
        "after one that does not and is not taken; each counts as a gradient. A run counts as there at "
        f"{boundary.NEAR:g} of the sum of squares. More gradients move its boundary down: the table of budgets says how far.",
        "Fewer parameters than equations miss almost every target (the image of a smooth map from fewer dimensions has measure 0), "
        "and say nothing of given ones. Normal targets are 'almost every'; +1 and -1 are not, since saturated units can come "
        "as near to some of them as one likes.",
        "Deep networks of few parameters are a few units wide in every layer but the last, and slow to train: most runs that miss "
        "zero above the line were still falling when their steps were used up. So the boundary of two and more layers is that of the "
        "budget; it comes down as n grows, which gives a slope below 1. The table of cells has the widths, and how runs ended.",
        "The proof by the read-out gives every layer but the last a learning rate of zero: that variant is proved. With all layers "
        "trained the loss is lower, and nothing is proved here.",
        f"Natural and random: networks of the paper's shape with {labels.DEPTH} hidden layers, all layers "
        f"by Adam ({labels.STEP_SIZE:g}) on the cross-entropy until no training row is wrong, at most {labels.BUDGET:,} steps; "
        f"at most 200 training rows and {labels.MOST_TEST:,} test rows at desk scale. --set data=images.npz runs it on your own file. "
        "MNIST is left out where its file is not at hand.",
    ),
)
