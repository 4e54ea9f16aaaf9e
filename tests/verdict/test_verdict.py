"""Verdicts, and the interval of a proportion."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from zeroloss.verdict import Status, Verdict, wilson


def test_status_values_are_the_words_a_user_reads():
    assert [s.value for s in Status] == ["PROVED", "REFUTED", "SUPPORTED", "CONTRADICTED", "UNKNOWN"]
    assert all(str(s) == s.value == s.name for s in Status)


@pytest.mark.parametrize("status", list(Status))
def test_verdict_round_trip(status):
    one = Verdict(
        "every x is fitted", status, "because", {"bound": np.inf, "rows": np.arange(3), "nested": {"a": (1, 2)}}
    )
    again = Verdict.from_json(one.to_json())
    assert again == one
    assert again.status is status
    assert hash(again) == hash(one)
    assert again != Verdict(one.claim, status, one.reason, one.evidence | {"bound": 1.0})


def test_a_status_may_be_given_by_its_word_and_no_other():
    assert Verdict("c", "PROVED", "r").status is Status.PROVED
    with pytest.raises(ValueError, match="proved"):
        Verdict("c", "proved", "r")


def test_what_a_person_reads():
    one = Verdict("the loss is zero", Status.UNKNOWN, "a constant is short by 2")
    for text in (str(one), repr(one)):
        assert all(part in text for part in ("UNKNOWN", one.claim, one.reason))


def test_evidence_is_not_shared():
    Verdict("c", Status.UNKNOWN, "r").evidence["x"] = 1
    assert Verdict("c", Status.UNKNOWN, "r").evidence == {}


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_wilson_against_scipy(counts, confidence):
    successes, trials = counts
    lower, upper = wilson(successes, trials, confidence)
    expected = scipy.stats.binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    assert (lower, upper) == pytest.approx((expected.low, expected.high), rel=1e-9, abs=1e-12)
    assert 0 <= lower <= successes / trials <= upper <= 1


def test_wilson_without_trials_and_with_impossible_counts():
    assert wilson(0, 0) == (0.0, 1.0)
    for successes, trials in ((3, 2), (-1, 5)):
        with pytest.raises(ValueError, match="successes of"):
            wilson(successes, trials)
