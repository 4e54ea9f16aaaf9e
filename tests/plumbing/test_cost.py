"""The one record of expected time and memory."""

import pytest

from zeroloss.plumbing.cost import Cost, expected_seconds, matrix_product_rate


def test_costs_in_sequence_add_up_but_for_memory():
    total = Cost(1.0, 8e9, 2e9) + Cost(2.5, 3e9, 1e9)
    assert total == Cost(3.5, 8e9, 3e9)
    assert sum([Cost(1.0, 5.0), Cost(2.0, 7.0)], Cost()) == Cost(3.0, 7.0)


def test_the_sentence():
    assert Cost(44.2, 603.9e6).sentence == "about 44 s and 604 MB"


def test_a_tenth_of_the_memory_is_left():
    assert Cost(bytes=0.9e9).fits(1e9) and not Cost(bytes=0.91e9).fits(1e9)
    assert Cost(bytes=1e30).fits(None)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_seconds_follow_the_measured_speed(dtype):
    rate = matrix_product_rate(dtype)
    assert 1e7 < rate < 1e15
    assert expected_seconds(3e9, dtype, slower=2.0) == pytest.approx(6e9 / rate)
