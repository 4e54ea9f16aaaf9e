"""Memory, time and counts as messages write them."""

import math

import pytest

from zeroloss.plumbing.format import format_bytes, format_count, format_seconds


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (999_700, "1 MB"),
        (269_400_000, "269 MB"),
        (999_900_000, "1 GB"),
        (1.55e9, "1.55 GB"),
        (1.2e12, "1,200 GB"),
        (math.inf, "unknown memory"),
    ],
)
def test_bytes(size, text):
    assert format_bytes(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (5e-6, "0 s"),
        (0.0123, "0.012 s"),
        (9.96, "10 s"),
        (45, "45 s"),
        (300, "5 min"),
        (7200, "2 h"),
        (1e6, "12 days"),
        (1e12, "3.17e+04 years"),
        (math.nan, "unknown time"),
    ],
)
def test_seconds(seconds, text):
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(("count", "text"), [(7, "7"), (12_345, "12,345"), (999_999, "999,999"), (1.24e9, "1.2e+09")])
def test_counts(count, text):
    assert format_count(count) == text


def test_no_size_is_written_with_an_exponent():
    """Where rounding carries over to the next unit, as at 999.9 MB, the next unit is taken."""
    for power in range(12):
        for digits in (1, 9.99, 9.994, 9.996, 9.9999):
            assert "e" not in format_bytes(digits * 10**power).replace("bytes", "")
