"""Claims as data against the same claims written out, and report tables against pandas."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

from zeroloss.studies import (
    Judged,
    Measured,
    all_of,
    claim,
    judge,
    mean,
    paired_difference,
    pairs,
    share,
    slope,
    summary,
)
from zeroloss.studies.measured import all_parts, evaluate, listed
from zeroloss.verdict import Status


def runs():
    rng = np.random.default_rng(0)
    rows = [
        {
            "width": w,
            "depth": d,
            "seed": s,
            "rate": 1 + 0.1 * rng.standard_normal(),
            "error": w**-0.5 * np.exp(0.1 * rng.normal()),
        }
        for d in (1, 2)
        for w in (16, 64, 256)
        for s in range(12)
    ]
    return {"runs": pd.DataFrame(rows)}


def same(a, b):
    assert (a.status, a.reason, a.evidence) == (b.status, b.reason, b.evidence)


def test_a_mean_of_some_rows():
    tables = runs()
    rows = tables["runs"].query("width >= 64")
    found = Measured("runs", "2 * rate", "the rate", at_least=1.5, at_most=2.5, where="width >= 64")(tables)
    same(found, judge(mean(2 * rows["rate"]), "the rate", at_least=1.5, at_most=2.5))
    assert found.status == Status.SUPPORTED
    assert Measured("runs", "rate", "the rate", at_most=0.5)(tables).status == Status.CONTRADICTED


def test_each_combination_by_its_name_and_a_range_of_its_own():
    tables = runs()
    found = Measured(
        "runs", ("width", "error"), "the slope", slope, lambda cell: -0.5 - 0.1 * cell["depth"], -0.4, each="depth",
        named="depth {depth}",
    )(tables)  # fmt: skip
    parts = {
        f"depth {d}": judge(slope(r["width"], r["error"]), "the slope", at_least=-0.5 - 0.1 * d, at_most=-0.4)
        for d, r in tables["runs"].groupby("depth")
    }
    same(found, all_of(parts))
    both = Measured(
        "runs", {"rate": "rate > 0.9", "error": "error > 9"}, "the share", share, 0.5, each=("depth", "width")
    )
    assert set(both(tables).evidence) == {
        f"{what}, {d}, {w}" for what in ("rate", "error") for d in (1, 2) for w in (16, 64, 256)
    }
    assert both(tables).status == Status.CONTRADICTED


def test_pairs_are_matched_by_seed_and_missing_partners_are_left_out():
    rows = runs()["runs"].query("depth == 1").sample(frac=1, random_state=0)
    rows = rows[~((rows["width"] == 16) & (rows["seed"] == 3))]
    a, b = pairs("rate", "width", 16, 64)(rows)
    assert len(a) == len(b) == 11 and 3 not in a.index
    by_seed = rows.set_index(["width", "seed"])["rate"]
    np.testing.assert_array_equal(a - b, [by_seed[16, s] - by_seed[64, s] for s in a.index])
    assert pairs("rate", "width", 16, 99)(rows) == ([], [])
    found = Measured("runs", pairs("rate", "width", 16, 64), "it", paired_difference, -1, 1, where="depth == 1")(runs())
    assert found.status == Status.SUPPORTED


def test_no_row_of_the_kind_is_unknown_and_said_so():
    for measured in (
        Measured("runs", "rate", "the rate", at_least=lambda cell: cell["depth"], where="depth == 9"),
        Measured("runs", "rate", "the rate", at_least=0, where="depth == 9", each="width"),
    ):
        found = measured(runs())
        assert found.status == Status.UNKNOWN and found.reason


def test_words_are_added_once_or_to_each_case():
    tables = runs()
    plain = Measured("runs", "rate", "the rate", at_least=0, each="depth", together=listed)
    noted = dataclasses.replace(plain, closing=lambda rows: f" {len(rows)} rows.")
    assert noted(tables).reason == plain(tables).reason + " 72 rows."
    assert noted(tables).reason.startswith("the rate, estimate and 95 % interval: 1: ")
    each = dataclasses.replace(plain, together=all_of, note=lambda rows: f" {len(rows)} rows.")
    assert each(tables).reason.count(" 36 rows.") == 2


def test_parts_with_ranges_of_their_own():
    low, high = (Measured("runs", "rate", "the rate", at_least=end) for end in (0, 2))
    whole = all_parts(a=low, b=high)
    same(whole(runs()), all_of({"a": low(runs()), "b": high(runs())}))
    assert isinstance(whole, Judged) and whole.needs == ("runs",)
    verdict = claim("key", "A sentence.", whole, "paper", "someone")(runs())
    assert verdict.status == Status.CONTRADICTED and verdict.evidence["standing"] == "paper"


@pytest.mark.parametrize("value", ["rate + 1", lambda rows: rows["rate"] + 1, ("rate + 1",)])
def test_a_value_is_an_expression_or_a_function(value):
    rows = runs()["runs"]
    np.testing.assert_array_equal(evaluate(rows, value)[0], rows["rate"] + 1)


def test_a_summary_is_one_row_per_combination():
    tables = runs()
    made = summary(
        "key", "Title", "runs", ("depth", "width"), {"worst": ("load", "max"), "runs": ("seed", "size")}, "",
        {"load": "rate / error"},
    ).make(tables)  # fmt: skip
    assert list(made) == ["depth", "width", "worst", "runs"] and len(made) == 6 and (made["runs"] == 12).all()
    rows = tables["runs"]
    first = rows[(rows["depth"] == 1) & (rows["width"] == 16)]
    assert made["worst"][0] == (first["rate"] / first["error"]).max()
    means = summary("key", "Title", "runs", ("depth",), ("rate",)).make(tables)
    assert list(means) == ["depth", "rate", "runs"] and means["rate"][1] == pytest.approx(
        rows.query("depth == 2").rate.mean()
    )
    assert math.isfinite(means["rate"][0])
