"""The claims: sentences, with the function of the tables that judges each (`findings`). Every range was fixed before the desk
scale was run."""

from __future__ import annotations

import functools

from zeroloss.studies.kawaguchi_huang_size import findings
from zeroloss.studies.kawaguchi_huang_size.findings import (
    DESCENT,
    GD,
    LABELS,
    LM,
    MISSED,
    NEAR_SIGNS,
    PLACE,
    RANK,
    SLOPE,
)
from zeroloss.studies.study import Claim

AFTER = "after Kawaguchi & Huang 1908.02419"
PAPER = "Kawaguchi & Huang 1908.02419"
DEPTHS = (1, 2, 3, 4)


def _slope_claim(depth: int) -> Claim:
    layers = f"{depth} hidden layer{'s' if depth > 1 else ''}"
    return Claim(
        f"slope-{depth}",
        f"With {layers} the number of parameters at which half of the runs of Levenberg-Marquardt reach zero on random targets "
        f"grows in proportion to the number of equations: log-log slope between {SLOPE[0]:g} and {SLOPE[1]:g}.",
        (LM,),
        functools.partial(findings.slope_is_one, experiment=LM, depth=depth),
        "ours",
        AFTER,
    )


CLAIMS = (
    *(_slope_claim(depth) for depth in DEPTHS),
    Claim(
        "place",
        f"At the largest n and at every depth this boundary lies between {PLACE[0]:g} and {PLACE[1]:g} parameters per equation.",
        (LM,),
        findings.place_is_about_one,
        "ours",
        AFTER,
    ),
    Claim(
        "none-below",
        f"With at most {MISSED:g} parameters per equation and random (normal) targets at most one run in a hundred reaches zero.",
        (LM,),
        findings.none_below,
        "paper",
        f"{PAPER}: no fewer will do, for almost every target; nothing is said of given ones",
    ),
    Claim(
        "residual-below",
        "With half as many parameters as equations the best start leaves at least a tenth of the targets' sum of squares, on average.",
        (LM,),
        findings.stays_above_zero,
        "ours",
        AFTER,
    ),
    Claim(
        "enough-at-two",
        "With two parameters per equation and one or two hidden layers, some start reaches zero in at least nine problems of ten.",
        (LM,),
        findings.enough_at_two,
        "ours",
        AFTER,
    ),
    Claim(
        "signs-are-special",
        f"Targets +1 and -1 are not 'almost every target': with at most {MISSED:g} parameters per equation at least one such problem in "
        f"a hundred is fitted to within {NEAR_SIGNS:g} of its sum of squares.",
        (LM,),
        findings.signs_are_special,
        "ours",
        "",
    ),
    Claim(
        "gd-slope",
        "With one hidden layer the boundary of gradient descent with its budget grows in proportion to the number of equations: "
        f"log-log slope between {SLOPE[0]:g} and {SLOPE[1]:g}.",
        (GD,),
        functools.partial(findings.slope_is_one, experiment=GD, depth=1),
        "ours",
        AFTER,
    ),
    Claim(
        "gd-needs-more",
        "Gradient descent with its budget needs more parameters to leave 1 % of the sum of squares than Levenberg-Marquardt to leave none.",
        (LM, GD),
        findings.descent_needs_more,
        "ours",
        AFTER,
    ),
    Claim(
        "rank-one-layer",
        "With one hidden layer of n units at random, the features of n distinct inputs and the bias have rank n, proved, in at least 95 % "
        "of draws.",
        (RANK,),
        functools.partial(findings.features_are_independent, depths=(1,)),
        "recalled",
        f"{PAPER}: rank n almost surely; the proof in floating point is ours",
    ),
    Claim(
        "rank-deep",
        "With two to four hidden layers, the last of n units, double precision suffices to prove the same in at least 95 % of draws.",
        (RANK,),
        functools.partial(findings.features_are_independent, depths=(2, 3, 4)),
        "ours",
        AFTER,
    ),
    Claim(
        "readout-rate",
        "With the read-out alone trained, descent stays below its proved bound at every look, in at least nine runs of ten.",
        (DESCENT,),
        findings.readout_keeps_promise,
        "ours",
        AFTER,
    ),
    Claim(
        "all-layers-lower",
        "With all layers trained, of which nothing is proved here, the loss after as many steps is at least ten times lower on average.",
        (DESCENT,),
        findings.all_layers_go_lower,
        "ours",
        AFTER,
    ),
    Claim(
        "all-fit",
        "Natural labels, random labels and random inputs are all fitted without a training error, in at least 85 % of runs each.",
        (LABELS,),
        findings.all_fit,
        "paper",
        PAPER,
    ),
    Claim(
        "natural-generalise",
        "With natural labels the fit is right on other rows at least 5 percentage points more often than the most frequent class, on "
        "every data set.",
        (LABELS,),
        findings.natural_generalise,
        "paper",
        PAPER,
    ),
    Claim(
        "random-do-not",
        "With random labels and with random inputs it is right as often as chance, to 3 percentage points.",
        (LABELS,),
        findings.random_do_not,
        "paper",
        PAPER,
    ),
)
