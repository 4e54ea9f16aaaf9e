"""The study of the five claims for wide networks: where it is tried, and what is shown."""

from __future__ import annotations

from collections.abc import Sequence

from zeroloss.studies.grids import Grid, grid
from zeroloss.studies.study import Experiment, Study
from zeroloss.studies.terjek_gonzalez_sanchez_width import figures, problems, trials
from zeroloss.studies.terjek_gonzalez_sanchez_width.claims import (
    CERTIFICATE,
    CLAIMS,
    DESCENT,
    GAP,
    LAMBDA,
    OTHER,
    SOURCE,
    TRANSFER,
)

DEPTHS = (1, 2, 3, 4)


def _spectra(kinds: Sequence[str], small: int, large: int, most: int) -> tuple[Grid, ...]:
    return (
        grid(small, data=kinds, depth=DEPTHS, width=(16, 64, 256)),
        grid(large, data=kinds, depth=DEPTHS, width=1024),
        grid(most, data=kinds, depth=DEPTHS, width=2048),
        grid(most, data=kinds, depth=1, width=8192),
        grid(1, data=kinds, depth=2, width=8192),
    )


EXPERIMENTS = (
    Experiment(
        LAMBDA,
        "How far above 0 is the smallest eigenvalue of the tangent kernel at a random start, by inputs, depth and width?",
        trials.lambda_min,
        {
            "smoke": grid(2, data=("sphere", "digits"), depth=(1, 2), width=(64, 256)),
            "desk": _spectra(problems.KINDS, 20, 10, 2),
            "paper": _spectra(problems.KINDS, 200, 100, 50),
        },
        seconds=lambda cell: 0.02 + 0.1 * cell.millions,
        shape=lambda cell: (cell.depth, cell.width),
        precision="float64",
    ),
    Experiment(
        DESCENT,
        "How does descent on all layers go, against what the kernel at the start predicts?",
        trials.descents,
        {
            "smoke": grid(8, data="sphere", depth=(1, 2), width=(64, 256)),
            "desk": (
                grid(8, data="sphere", depth=DEPTHS, width=(64, 256, 1024)),
                grid(8, data="digits", depth=(1, 2), width=(64, 256, 1024)),
                grid(2, data="sphere", depth=DEPTHS, width=2048),
                grid(2, data="sphere", depth=1, width=8192),
                grid(1, data="sphere", depth=2, width=8192),
            ),
            "paper": (
                grid(40, data=problems.KINDS, depth=DEPTHS, width=(64, 128, 256, 512, 1024)),
                grid(20, data=problems.KINDS, depth=DEPTHS, width=2048),
                grid(10, data="sphere", depth=(1, 2), width=(4096, 8192)),
            ),
        },
        block=lambda cell: 8 if cell.width <= 1024 else 2 if cell.width <= 2048 else 1,
        seconds=lambda cell: 0.3 + 0.4 * cell.millions,
        shape=lambda cell: (cell.depth, cell.width),
    ),
    Experiment(
        OTHER,
        "Does the same hold for losses of a differentiable map that are no regression?",
        trials.others,
        {
            "smoke": grid(4, problem="moments", width=(64, 256)),
            "desk": grid(4, problem=("moments", "physics"), width=(64, 256, 1024)),
            "paper": grid(40, problem=("moments", "physics"), width=(64, 128, 256, 512, 1024, 2048)),
        },
        block=4,
        seconds=lambda cell: (2.0 if cell.problem == "physics" else 0.5) * (1 + cell.width / 256),
        shape=lambda cell: (cell.problem, cell.width),
    ),
    Experiment(
        TRANSFER,
        "Does the largest stable step move with width, at the start and at the end of training?",
        trials.transfer,
        {
            "smoke": grid(2, parametrization=("ntk", "standard", "mup"), width=(32, 64)),
            "desk": grid(3, parametrization=("ntk", "standard", "mup"), width=(64, 128, 256, 512)),
            "paper": grid(20, parametrization=("ntk", "standard", "mup"), width=(64, 128, 256, 512, 1024, 2048)),
        },
        seconds=lambda cell: 0.5 + 2.0 * (cell.width / 512) ** 2,
        shape=lambda cell: (cell.parametrization, cell.width),
    ),
    Experiment(
        CERTIFICATE,
        "From which width on is convergence PROVED, and does every PROVED run behave as promised?",
        trials.certificates,
        {
            "smoke": (
                grid(2, network="fixed signs", width=(256, 2048)),
                grid(2, network="depth 1", width=64),
            ),
            "desk": (
                grid(6, network="fixed signs", width=(128, 256, 512, 1024, 2048, 4096, 8192)),
                grid(2, network=("depth 1", "depth 2", "depth 3"), width=(64, 256, 1024)),
            ),
            "paper": (
                grid(50, network="fixed signs", width=(128, 256, 512, 1024, 2048, 4096, 8192, 16384)),
                grid(10, network=("depth 1", "depth 2", "depth 3", "depth 4"), width=(64, 256, 1024, 2048)),
            ),
        },
        seconds=lambda cell: 0.3 + cell.width / 4096 if cell.network == "fixed signs" else 2.0,
        shape=lambda cell: (cell.network, cell.width),
        precision="float64",
    ),
    Experiment(
        GAP,
        "Is the generalisation gap within the Rademacher bound, and does the bound say anything?",
        trials.generalisation,
        {
            "smoke": grid(2, targets=("linear", "random"), width=(256, 512)),
            "desk": grid(2, targets=("linear", "random"), width=(512, 2048, 8192)),
            "paper": grid(20, targets=("linear", "random"), width=(512, 1024, 2048, 4096, 8192)),
        },
        seconds=lambda cell: 1.5 + cell.width / 1024,
        shape=lambda cell: (cell.width,),
        precision="float64",
    ),
)

STUDY = Study(
    name="terjek_gonzalez_sanchez_width",
    title="Do wide networks do what the theory of wide networks says, and from which width on is it proved?",
    experiments=EXPERIMENTS,
    claims=CLAIMS,
    figures=figures.FIGURES,
    tables=figures.TABLES,
    after=SOURCE,
    notes=(
        "Tanh networks with one answer, biases of variance 0.01, NTK parametrisation unless said otherwise. Inputs: 16 rows of 64 "
        "features of mean 0 and variance 1: Gaussian, on the sphere of radius 8, Student's t with 3 degrees of freedom (no fourth "
        "moment), and digits, standardised. Targets: balanced random signs (variance 1).",
        "The five claims, and that they cover any Polyak-Lojasiewicz loss of a differentiable map, are the paper's (abstract); the "
        "constants, rates, ranges and all measurements are ours.",
        "lambda_min of the first experiment and of certificates is the proved lower end of an enclosure in float64: rounding of the "
        "Jacobian, of the kernel and of the factorisation counted. The rates of descents are predicted from a float32 eigenvalue, "
        "which is a measurement.",
        "The linearised solution is w0 + DF(w0)^+ (y - f0), the interpolant of the linearised model nearest to the start.",
        "Linearisation error: |f - f_lin| over |f - f0| at the training points and the weights of the end. Kernel drift: |K - K0| over "
        "|K0|, Frobenius. With a random read-out of mean 0 the terms of order width^-1/2 are sums of as many independent signs and "
        "average out to order 1/width, so that these two may fall faster than the bound.",
        "Generalisation: one hidden layer, fixed read-out of signs, 400 inputs on the sphere in 10 dimensions, targets x_1 or random "
        "signs, loss min(|f - y|, 1), at most 300 steps. The radius is the smallest of the grid 1, 2^(1/4), ..., 256 that holds the run; "
        "delta = 0.05 is split over the grid. 2 (R sqrt(mean K_ii/n) + beta R^2/(2 sqrt n)) + 3 sqrt(log(2/delta_j)/(2n)).",
        "Steps are in the units of each parametrisation; the largest that descends is the largest of 17 within a factor of 4 of the "
        "largest stable one at the start, up to which all bring the loss below 1 % in 60 steps. The end is that of a run with a quarter "
        "of the largest stable step. mup is the form with one step for all layers (recalled).",
        "Other problems: the Poisson equation for sin(x_1) x_2 in the ball of radius sqrt 5 in 5 dimensions, 8 points inside and 8 on the "
        "boundary; the means of f(z), f(z) z_1, ..., f(z) z_5 over 32 draws against standard normal targets. One hidden layer, step "
        "1/(2 lambda_max), at most 4,000 steps.",
    ),
)
