"""The parameter-count study: the claims on tables made up for them."""

import itertools

import numpy as np
import pandas as pd
import pytest

from zeroloss.studies.kawaguchi_huang_size import STUDY
from zeroloss.studies.kawaguchi_huang_size.claims import DESCENT, GD, LABELS, LM, RANK
from zeroloss.verdict import Status

S, C, U = Status.SUPPORTED, Status.CONTRADICTED, Status.UNKNOWN
CLAIM = {claim.key: claim for claim in STUDY.claims}
RATIOS = np.round(np.exp(np.arange(np.log(0.4), np.log(9), 0.08)), 3)
SIZES = (32, 90, 256)


def phase(exponent=1.0, place=1.2, depths=(1, 2, 3, 4), problems=4, sizes=SIZES, name=LM, ratios=RATIOS, **columns):
    """Runs that reach zero from `place (size/256)^(exponent - 1)` parameters per equation on."""
    rows = []
    for depth, size, ratio, seed in itertools.product(depths, sizes, ratios, range(problems)):
        zeros = 3 * int(ratio > place * (size / sizes[-1]) ** (exponent - 1))
        row = {"activation": "softplus", "targets": "normal", "depth": depth, "size": size, "ratio": ratio}
        rows.append(row | {"seed": seed, "starts": 3, "zeros": zeros, "best": 0.0 if zeros else 0.2})
    return {name: pd.DataFrame(rows).assign(**columns)}


COARSE = np.array([0.5, 1.5, 4.5])
"""A grid too coarse to say anything exact."""


def below(zeros=0, runs=600, best=0.2, ratio=0.9, targets="normal", spread=0.001, depth=1, **columns):
    """Rows of one cell, of one start each; the first `zeros` reach zero."""
    rng = np.random.default_rng(0)
    left = best + spread * rng.standard_normal(runs)
    table = pd.DataFrame({"ratio": ratio, "best": np.maximum(left, 0), "starts": 1, "zeros": np.arange(runs) < zeros})
    return {
        LM: table.assign(zeros=table.zeros.astype(int), activation="softplus", targets=targets, depth=depth, size=32)
        .assign(seed=range(runs))
        .assign(**columns)
    }


def signs(near, runs):
    table = below(runs=runs, targets="signs")[LM]
    return {LM: table.assign(best=np.where(np.arange(runs) < near, 1e-8, 0.1))}


def both(lm, gd, **options):
    return phase(place=lm, depths=(1,), **options) | phase(place=gd, depths=(1,), name=GD, **options)


def ranks(proved=100, draws=100, depth=1):
    rows = [
        {"activation": name, "depth": depth, "missing": 0, "smallest_lower": float(k < proved), "smallest": 1e-9}
        for name in ("softplus", "sigmoid")
        for k in range(draws)
    ]
    return {RANK: pd.DataFrame(rows).assign(largest=5.0)}


def descents(kept=60, runs=60, decades=-4.0, spread=0.5):
    rng = np.random.default_rng(0)
    gain = decades + spread * rng.standard_normal(runs)
    return {
        DESCENT: pd.DataFrame(
            {"kept": np.arange(runs) < kept, "readout_end": 0.1, "all_end": 0.1 * 10.0**gain, "factor": 0.999}
        )
    }


def fits(errors=0, natural=0.9, random=0.1, spread=0.01, runs=30, data=("digits", "wine")):
    rng = np.random.default_rng(0)
    rows = []
    for name, kind, seed in itertools.product(data, ("natural", "random-labels", "random-inputs"), range(runs)):
        level = natural if kind == "natural" else random
        row = {"data": name, "kind": kind, "seed": seed, "train_error": 0.1 * (seed < errors), "chance": 0.1}
        rows.append(row | {"test_accuracy": level + spread * rng.standard_normal()})
    return {LABELS: pd.DataFrame(rows)}


CASES = [
    *((f"slope-{d}", phase(depths=(d,)), S) for d in (1, 2, 3, 4)),
    *((f"slope-{d}", phase(1.3, depths=(d,)), C) for d in (1, 2, 3, 4)),
    *((f"slope-{d}", phase(depths=(d,), ratios=COARSE), U) for d in (1, 2, 3, 4)),
    ("slope-1", phase(0.7, place=1.2, depths=(1,)), C),
    ("slope-1", phase(place=20.0, depths=(1,)), U),  # no run reaches zero within the grid
    ("slope-1", phase(place=0.3, depths=(1,)), U),  # every run does
    ("place", phase(), S),
    ("place", phase(place=3.0), C),
    ("place", phase(ratios=COARSE), U),
    ("none-below", below(), S),
    ("none-below", below(zeros=60), C),
    ("none-below", below(zeros=6), U),
    ("none-below", below(runs=50), U),
    ("residual-below", below(ratio=0.5), S),
    ("residual-below", below(ratio=0.5, best=0.02), C),
    ("residual-below", below(ratio=0.5, best=0.1, spread=0.05), U),
    ("enough-at-two", below(zeros=100, runs=100, ratio=2.0), S),
    ("enough-at-two", below(zeros=50, runs=100, ratio=2.0), C),
    ("enough-at-two", below(zeros=10, runs=10, ratio=2.0), U),
    ("signs-are-special", signs(20, 200), S),
    ("signs-are-special", signs(0, 1000), C),
    ("signs-are-special", signs(0, 50), U),
    ("gd-slope", phase(name=GD), S),
    ("gd-slope", phase(1.4, name=GD), C),
    ("gd-slope", phase(name=GD, ratios=COARSE), U),
    ("gd-needs-more", both(1.2, 4.0), S),
    ("gd-needs-more", both(4.0, 1.2), C),
    ("gd-needs-more", both(1.2, 1.2), U),
    ("gd-needs-more", both(1.2, 20.0), S),  # beyond the grid
    ("gd-needs-more", both(20.0, 1.2), U),  # how far beyond is not known
    ("rank-one-layer", ranks(), S),
    ("rank-one-layer", ranks(80), C),
    ("rank-one-layer", ranks(5, 5), U),
    ("rank-deep", ranks(depth=3), S),
    ("rank-deep", ranks(50, depth=2), C),
    ("rank-deep", ranks(10, 10, depth=4), U),
    ("readout-rate", descents(), S),
    ("readout-rate", descents(30), C),
    ("readout-rate", descents(10, 10), U),
    ("all-layers-lower", descents(), S),
    ("all-layers-lower", descents(decades=0.5), C),
    ("all-layers-lower", descents(decades=-1.0), U),
    ("all-fit", fits(), S),
    ("all-fit", fits(errors=20), C),
    ("all-fit", fits(runs=2), U),
    ("natural-generalise", fits(), S),
    ("natural-generalise", fits(natural=0.1), C),
    ("natural-generalise", fits(natural=0.15, spread=0.1), U),
    ("random-do-not", fits(), S),
    ("random-do-not", fits(random=0.3), C),
    ("random-do-not", fits(random=0.13, spread=0.05), U),
]


@pytest.mark.parametrize(("key", "tables", "status"), CASES, ids=[f"{key}-{status}" for key, _, status in CASES])
def test_claims(key, tables, status):
    # Tables of the other experiments hold a row that no claim looks at, so that none is missing.
    needed = {name: tables.get(name, next(iter(tables.values()))) for name in CLAIM[key].needs}
    verdict = CLAIM[key](needed)
    assert verdict.status == status, verdict.reason
    assert "nan" not in verdict.reason or status == U


def test_every_claim_was_asked_for_all_three():
    assert {(key, status) for key, _, status in CASES} == set(itertools.product(CLAIM, (S, C, U)))


def test_the_reason_says_by_how_much_a_slope_misses_one():
    inside = CLAIM["slope-1"](phase(depths=(1,))).reason
    assert "The interval contains 1." in inside and "at n = 256" in inside
    outside = CLAIM["slope-1"](phase(1.3, depths=(1,))).reason
    assert "misses 1 by 0.2" in outside


@pytest.mark.parametrize("key", sorted(CLAIM))
def test_a_claim_without_its_rows_is_unknown(key):
    """Rows of another kind are there, none of the kind the claim is about."""
    tables = phase(sizes=(32, 64), depths=(9,), ratios=RATIOS[-2:], targets="others", activation="none")
    tables |= {GD: tables[LM]} | ranks(1, 1, depth=9) | descents(1, 1) | fits(runs=1)
    tables[LABELS] = tables[LABELS][tables[LABELS]["kind"] == "none"]
    if key in ("readout-rate", "all-layers-lower"):
        tables[DESCENT] = tables[DESCENT].iloc[:0]
    assert CLAIM[key]({name: tables[name] for name in CLAIM[key].needs}).status == U
