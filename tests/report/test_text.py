"""Numbers in words, and captions: neither may say more than the numbers do."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zeroloss.report import captions, text

_LOWERED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def read(written: str) -> float:
    """The number that `text.number` wrote."""
    written = written.replace("−", "-").replace(",", "")
    mantissa, _, power = written.replace("\u202f", "").partition("×10")
    return float(f"{mantissa}e{power.translate(_LOWERED)}") if power else float(mantissa)


@given(st.floats(-1e30, 1e30, allow_nan=False))
def test_a_number_is_within_half_a_unit_of_its_last_digit(value):
    assert read(text.number(value)) == pytest.approx(value, rel=5.01e-3, abs=1e-320)


@given(st.integers(-(10**11), 10**11))
def test_whole_numbers_are_exact(value):
    assert read(text.number(value)) == value


@given(st.floats(0, 1))
def test_all_and_none_are_said_only_where_true(share):
    said = text.percent(share)
    assert (said == "100\u202f%") == (share == 1)
    assert (said == "0\u202f%") == (share == 0)


@given(st.floats(0.9, 1, exclude_max=True))
def test_a_perfect_score_is_said_only_where_true(value):
    assert text.score(value, "regression") != "1"


@given(st.floats(-1e20, 1e20), st.floats(-1e20, 1e20))
def test_an_enclosure_as_written_still_encloses(a, b):
    low, high = sorted((a, b))
    left, right = re.fullmatch(r"\[(.*), (.*)\]", text.enclosure(low, high)).groups()
    assert read(left) <= low and high <= read(right)


@pytest.mark.parametrize(
    ("value", "written"), [(math.nan, "not a number"), (math.inf, "∞"), (None, "not measured"), (True, "yes")]
)
def test_what_is_no_number_is_named(value, written):
    assert text.number(value) == written


def curve(**series):
    return [{"step": t, "loss": v, "curve": name} for name, points in series.items() for t, v in points.items()]


def test_the_loss_caption_measures_the_prediction():
    data = curve(measured={0: 8.0, 10: 4.0, 99: 0.0}, predicted={0: 8.0, 10: 1.0})
    said = captions.loss(data, {"step_size": 0.5}, "classification")
    assert "from 8 at step 0 to 0 at step 99" in said
    assert "a factor of 4 (at step 10; 2 steps compared)" in said
    assert "1 point with a loss of exactly 0 cannot be shown" in said
    assert "No prediction was made." in captions.loss(curve(measured={0: 1.0}), {}, "classification")


def test_the_spectrum_caption_does_not_exclude_zero_unless_the_enclosure_does():
    data = [{"index": 1, "eigenvalue": 2.0}, {"index": 2, "eigenvalue": -1e-9}]
    unsure = captions.spectrum(data, {"lambda_min_lower": -1e-9, "lambda_min_upper": 1e-9}, "classification")
    assert "does not exclude zero" in unsure and "above zero" not in unsure
    assert "1 eigenvalue computed as 0 or below" in unsure
    sure = captions.spectrum(data, {"lambda_min_lower": 1e-9, "lambda_min_upper": 2e-9}, "classification")
    assert "above zero" in sure


def sweep(train):
    return [
        {"width": p, "parameters": p, "seed": s, "train_error": e, "test_error": 0.1, "train_loss": e}
        for p, errors in train.items()
        for s, e in enumerate(errors)
    ]


@pytest.mark.parametrize(
    ("train", "start"),
    [
        ({10: [0.5, 0.4], 20: [0.0, 0.0], 40: [0.0, 0.0]}, "20"),
        ({10: [0.0, 0.0], 20: [0.0, 0.1], 40: [0.0, 0.0]}, "40"),
        ({10: [0.0, 0.0], 20: [0.0, 0.0], 40: [0.0, 0.1]}, None),
        ({10: [0.5, 0.5]}, None),
    ],
)
def test_the_width_caption_claims_exact_fits_only_where_every_seed_fits_from_there_on(train, start):
    said = captions.widths(sweep(train), {}, "classification")
    if start is None:
        assert "no training example is wrong" not in said
    else:
        assert f"From {start} parameters on no training example is wrong" in said


def test_the_slice_caption_measures_the_gap():
    data = [
        {"position": t, "network": n, "output": v}
        for n, points in {"fitted": {0: 1.0, 0.5: 0.5, 1: 0.0}, "twin": {0: 1.0, 0.5: -2.0, 1: 0.25}}.items()
        for t, v in points.items()
    ]
    said = captions.slice_line(data, {"slice": {"label_a": "P", "target_a": 1.0}}, "classification")
    assert "differ by up to 2.5 (at position 0.5); at the training points themselves by 0.25" in said
    assert "1 at P." in said
    assert "there is no twin" in captions.slice_line(data[:3], {}, "classification")


def test_the_answers_caption_counts():
    data = [{"image": k, "label": 1, "fitted": 1, "twin": int(k == 0)} for k in (0, 0, 1, 2)]
    assert (
        captions.answers(data, {}, "classification")
        == "Of these 3 test examples the fitted network is right on 3, its twin on 1."
    )
    none = [r | {"twin": None} for r in data]
    assert captions.answers(none, {}, "classification").endswith("There is no twin.")
    off = captions.answers([{"label": 1.0, "fitted": 3.0, "twin": None}], {}, "regression")
    assert "the fitted network is off by 2 on average" in off and "twin" not in off


def test_the_theory_caption_knows_both_directions():
    base = {"unit": "", "standing": "ours", "sentence": ""}
    data = [
        base | {"quantity": "width", "value": 10, "needed": 1000},
        base | {"quantity": "step", "value": 10, "needed": 1000, "relation": "at most"},
        base | {"quantity": "dim", "value": None, "needed": 5},
    ]
    said = captions.theory(data, {}, "classification")
    assert "Of 2 quantities that could be computed, 1 is as theory needs." in said
    assert "1 could not be computed." in said
    assert "Furthest off is width: 10 against 1,000, a factor of 100." in said


def test_the_trust_caption_finds_where_it_breaks():
    data = [{"t": t, "score": s, "network": "twin"} for t, s in ((0, 1.0), (0.1, 0.5), (0.2, 0.4), (1, 0.0))]
    assert "first below a half at 0.2" in captions.trust(data, {}, "classification")
