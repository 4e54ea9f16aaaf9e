"""Scaling keeps different rows and targets different, or says what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from zeroloss.data import from_arrays, groups, infimum
from zeroloss.plumbing import InputError

Y = [0.0, 1.0, 0.5, 3.5]
MERGING = {
    "an outlier": [1e20, 1.0, 2.0, 3.0],
    "a deviation beyond float64": [1e200, -1e200, 2.0, 1.0],
    "differences beyond float64": [1.7e308, -1.7e308, 2.0, 1.0],
    "a deviation below float64": [1e-200, -1e-200, 2e-200, 0.0],
    "dust beside large numbers": [5e-324, 1e300, 2e-323, 0.0],
    "sums that are not what they should be": [0.1 + 0.2 - 0.3, 0.0, 1.0, 2.0],
}


@pytest.mark.parametrize("case", MERGING)
def test_a_column_whose_values_would_merge_is_scaled_exactly(case):
    column = np.array(MERGING[case])
    x = np.stack([column, Y], axis=1)
    data = from_arrays(x, [7.0, 8.0, 9.0, 7.5], scaling="auto")
    scale = data.scaling["scale"]
    assert np.array_equal(data.x_train[:, 0] * scale[0] + data.scaling["shift"][0], column)
    assert np.frexp(scale[0])[0] == 0.5 and data.scaling["shift"][0] == 0
    assert any("power of two" in note and "x0" in note for note in data.transformations)
    assert groups(data.x_train).count == 4
    assert infimum(data).value == 0
    assert np.array_equal(data.scale(x), data.x_train)
    assert data.x_train[:, 1] == pytest.approx((np.array(Y) - np.mean(Y)) / np.std(Y))


def test_pixels_whose_values_would_merge_are_all_divided_by_one_power_of_two():
    x = np.array([[1e20, 1.0], [2.0, -1e18], [4.0, 5.0]])[:, :, None]
    data = from_arrays(x, [7.0, 8.0, 9.0], scaling="auto")
    assert np.array_equal(data.x_train, x[:, :, 0] / 2.0**67)
    assert "unit interval different values would become equal: x0, x1" in data.transformations[0]
    wide = from_arrays(
        np.array([[1.7e308, 1.0], [-1.7e308, 2.0], [4.0, 5.0]])[:, :, None], [7.0, 8.0, 9.0], scaling="auto"
    )
    assert np.isfinite(wide.x_train).all() and wide.x_train.max() <= 2


@pytest.mark.parametrize("case", MERGING)
def test_targets_that_would_merge_stay_apart(case):
    y = np.array(MERGING[case])
    data = from_arrays([[1.0], [2.0], [3.0], [3.0]], y, scaling="auto", task="regression")
    assert np.array_equal(data.unscale_targets(data.y_train)[:, 0], y)
    assert any("targets only divided" in note for note in data.transformations)
    assert len(set(data.y_train[:, 0].tolist())) == 4


def test_a_test_row_counts_as_well():
    data = from_arrays([[1.0], [2.0]], [0, 1], x_test=[[1e20], [3.0]], y_test=[0, 1], scaling="auto")
    assert "transformations" not in data.scaling and not data.transformations
    data = from_arrays([[1.0], [1e20]], [0, 1], x_test=[[2.0], [3.0]], y_test=[0, 1], scaling="auto")
    assert len(np.unique(np.vstack([data.x_train, data.x_test]))) == 4


def test_what_scaling_does_to_common_columns_is_as_ever():
    x = np.random.default_rng(0).standard_normal((50, 3)) * [1.0, 1e-9, 1e12] + [0.0, 1.0, 1e15]
    data = from_arrays(x, np.arange(50) % 2, scaling="auto")
    assert np.array_equal(data.x_train, (x - x.mean(axis=0)) / x.std(axis=0))
    assert data.transformations == ()


def test_rows_that_meet_on_the_sphere_with_other_targets_are_refused():
    x = np.array([[1.0, 2.0], [2.0, 4.0], [-4.0, 5.0], [1.0, -11.0]])  # their mean is 0
    with pytest.raises(InputError, match="rows 0 and 1 differ and become equal on the sphere"):
        from_arrays(x, [0, 1, 0, 1], scaling="sphere")
    data = from_arrays(x, [0, 0, 0, 1], scaling="sphere")
    assert "4 different training inputs became 3" in data.transformations[0]
    assert groups(data.x_train).count == 3


def test_the_row_without_a_direction_is_the_users_row():
    x = np.array([[1.0, 2.0], [-1.0, -2.0], [0.0, 0.0], [3.0, 1.0], [-3.0, -1.0]])
    with pytest.raises(InputError, match="row 2 is 0"):
        from_arrays(x, [0, 1, 0, 1, 0], scaling="sphere")


ENTRIES = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, -0.0, 1.0, 1 + 2**-52, 1e16, 5e-324, 0.1 + 0.2, 0.3]),
)


@given(hnp.arrays(np.float64, (6, 2), elements=ENTRIES), st.sampled_from(["auto", "none"]), st.booleans())
def test_distinct_rows_stay_distinct(x, scaling, image):
    y = np.arange(6.0) / 4
    try:
        data = from_arrays(x[:, :, None] if image else x, y, scaling=scaling)
    except InputError as error:
        said = str(error)
        data = None
    if data is None:
        assert "no feature varies" in said
        return
    assert np.array_equal(groups(data.x_train).index, groups(x).index)


@given(hnp.arrays(np.float64, 6, elements=ENTRIES))
def test_distinct_targets_stay_distinct(y):
    try:
        data = from_arrays(np.arange(6.0)[:, None], y, scaling="auto", task="regression")
    except InputError as error:
        said = str(error)
        data = None
    if data is None:
        assert "constant" in said
        return
    assert np.array_equal(groups(data.y_train).index, groups(y[:, None]).index)
