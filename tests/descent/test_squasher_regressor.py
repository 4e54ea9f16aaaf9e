"""The estimator: to the infimum, with repeats; the ridge solution by hand; scikit-learn's own checks."""

import itertools
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.utils.estimator_checks import parametrize_with_checks

import zeroloss as zl
from zeroloss.descent import readout
from zeroloss.descent.squasher import SquasherRegressor
from zeroloss.networks import SquasherNetwork, predict
from zeroloss.plumbing import InputError

RNG = np.random.default_rng(0)
X = RNG.uniform(size=(20, 2))
Y = np.column_stack([np.sin(6 * X[:, 0]), X[:, 1]]) + 0.3 * RNG.standard_normal((20, 2))
NEW = RNG.uniform(size=(9, 2))
FIT = SquasherRegressor(steps=10, width=3, random_state=0)
SMOOTH = SquasherRegressor("regularised", networks=30, steps=5, width=3, random_state=0)


def test_the_name_is_public():
    assert zl.SquasherRegressor is SquasherRegressor


@pytest.mark.parametrize("steps", [0, 10])
@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
def test_it_interpolates_distinct_inputs(steps, activation):
    model = clone(FIT).set_params(steps=steps, activation=activation).fit(X, Y)
    np.testing.assert_allclose(model.predict(X), Y, atol=1e-8)
    assert model.excess_ < 1e-16 and model.penalty_ == 0


def test_repeated_inputs_get_their_mean():
    x, y = np.vstack([X, X[:3], X[:1]]), np.concatenate([Y[:, 0], Y[:3, 0] + 2, Y[:1, 0] + 4])
    model = clone(FIT).fit(x, y)
    found = model.predict(X)
    np.testing.assert_allclose(found[:3], Y[:3, 0] + [2, 1, 1], atol=1e-8)
    np.testing.assert_allclose(found[3:], Y[3:, 0], atol=1e-8)
    assert model.excess_ < 1e-16


def test_without_steps_it_is_the_solution_of_least_norm():
    model = clone(FIT).set_params(steps=0).fit(X, Y[:, 0])
    h = readout.features(model.network_, (X - X.min(0)) / np.ptp(X, axis=0))
    np.testing.assert_allclose(np.asarray(model.network_.readout)[0], np.linalg.pinv(h) @ Y[:, 0], rtol=1e-6)


def test_too_few_networks_reach_the_least_they_can():
    model = clone(FIT).set_params(networks=5, steps=0).fit(X, Y[:, 0])
    h = readout.features(model.network_, (X - X.min(0)) / np.ptp(X, axis=0))
    best = h @ np.linalg.lstsq(h, Y[:, 0])[0]
    np.testing.assert_allclose(model.predict(X), best, atol=1e-8)
    assert model.excess_ == pytest.approx(np.sum((best - Y[:, 0]) ** 2) / np.sum(Y[:, 0] ** 2))


def test_the_ridge_and_its_leave_one_out_are_scikit_learns():
    h = RNG.standard_normal((20, 6))
    found, used = readout.ridge_readout(h, Y, 0.7)
    np.testing.assert_allclose(found.T, Ridge(0.7, fit_intercept=False).fit(h, Y).coef_, rtol=1e-9)
    assert used == 0.7
    top = np.linalg.norm(h, 2) ** 2
    errors = [
        np.mean((cross_val_predict(Ridge(p * top, fit_intercept=False), h, Y, cv=LeaveOneOut()) - Y) ** 2)
        for p in readout.PENALTIES
    ]
    chosen = readout.ridge_readout(h, Y, None)[1]
    assert chosen == pytest.approx(readout.PENALTIES[np.argmin(errors)] * top)


def test_the_regularised_one_smooths():
    model = clone(SMOOTH).fit(X, Y)
    assert 1e-3 < model.excess_ < 1 and model.penalty_ > 0
    stiff = clone(SMOOTH).set_params(penalty=1e9).fit(X, Y)
    assert np.abs(stiff.predict(NEW)).max() < 1e-3


def test_steps_move_the_inner_weights_downhill():
    moved, stayed = clone(FIT).fit(X, Y), clone(FIT).set_params(steps=0).fit(X, Y)
    assert not np.array_equal(moved.network_.weights[0], stayed.network_.weights[0])
    start = SquasherNetwork(2, 1, 40, 2, 3, dtype="float64", key=1)
    risk = [
        np.mean((predict(readout.descended(start, X, Y[:, :1], 0.0, steps), X) - Y[:, :1]) ** 2)
        for steps in (0, 1, 5, 20)
    ]
    assert all(a > b for a, b in itertools.pairwise(risk))


def test_a_descent_that_rises_is_thrown_away(monkeypatch):
    start = SquasherNetwork(2, 1, 40, 2, 3, dtype="float64", key=1)
    stepped = readout._stepped
    monkeypatch.setattr(readout, "_stepped", lambda w, x, y, r, size, count: stepped(w, x, y, r, 1e3 * size, count))
    with pytest.warns(ConvergenceWarning, match="diverged"):
        assert readout.descended(start, X, Y[:, :1], 0.0, 20) is start


def test_predictions_are_cut_at_c_log_n():
    model = clone(FIT).set_params(truncate=0.1).fit(X, Y)
    assert np.abs(model.predict(X)).max() == pytest.approx(0.1 * np.log(20))


def test_relative_excess_by_hand():
    x, y = np.array([[0.0], [0.0], [1.0]]), np.array([[1.0], [3.0], [1.0]])
    assert readout.relative_excess(np.array([[2.0], [2.0], [1.0]]), x, y) == 0
    assert readout.relative_excess(np.zeros((3, 1)), x, y) == 1
    assert readout.relative_excess(np.array([[2.0], [2.0], [0.0]]), x, y) == pytest.approx(1 / 9)


def test_same_seed_same_answers_and_through_a_pickle():
    model = clone(FIT).fit(X, Y)
    np.testing.assert_array_equal(model.predict(NEW), clone(FIT).fit(X, Y).predict(NEW))
    assert not np.array_equal(model.predict(NEW), clone(FIT).set_params(random_state=1).fit(X, Y).predict(NEW))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(NEW), model.predict(NEW))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"regime": "best"}, "choose one of interpolate, regularised"),
        ({"steps": -1}, "steps=-1"),
        ({"penalty": -1.0}, "penalty=-1"),
        ({"truncate": float("nan")}, "truncate=nan"),
    ],
)
def test_bad_arguments_are_named(options, words):
    with pytest.raises(InputError, match=words):
        clone(FIT).set_params(**options).fit(X, Y)


CHECKED = [
    SquasherRegressor(networks=100, width=2, steps=2, random_state=0),
    SquasherRegressor("regularised", networks=30, width=2, steps=2, random_state=0),
]


@pytest.mark.slow
@parametrize_with_checks(CHECKED)
def test_scikit_learns_checks(estimator, check):
    check(estimator)
