"""The nearest read-out without residual."""

import numpy as np

from zeroloss.descent.least_move import least_move

RNG = np.random.default_rng(0)


def test_it_is_the_nearest_solution():
    a, b, start = RNG.standard_normal((5, 9)), RNG.standard_normal((5, 2)), RNG.standard_normal((9, 2))
    moved = least_move(a, start, lambda c: b - a @ c, 3)
    np.testing.assert_allclose(moved, start + np.linalg.pinv(a) @ (b - a @ start), rtol=1e-9, atol=1e-12)


def test_refinement_takes_away_what_rounding_leaves():
    u, _, v = np.linalg.svd(RNG.standard_normal((6, 12)), full_matrices=False)
    a = u * np.geomspace(1, 1e-6, 6) @ v  # rows that are nearly dependent: the Gram matrix has condition 1e12
    b = RNG.standard_normal((6, 1))

    def left(rounds):
        return np.abs(b - a @ least_move(a, np.zeros((12, 1)), lambda c: b - a @ c, rounds)).max()

    assert left(4) < 1e-2 * left(1)


def test_start_is_returned_where_no_step_helps():
    b = np.ones((4, 1))
    for a in (np.ones((4, 3)), np.zeros((4, 6)), np.full((4, 6), 1e200)):
        start = np.zeros((a.shape[1], 1))
        with np.errstate(over="ignore"):
            assert least_move(a, start, lambda c, a=a: b - a @ c, 3) is start
