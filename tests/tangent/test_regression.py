"""The estimators: their formula by hand, exactness where it is known, and scikit-learn's own checks."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from zeroloss.networks import MLP, predict
from zeroloss.plumbing import InputError
from zeroloss.tangent import kernel
from zeroloss.tangent.gradient_flow import gradient_flow
from zeroloss.tangent.infinite import infinite_kernel
from zeroloss.tangent.regression import TangentKernelClassifier, TangentKernelRegressor

RNG = np.random.default_rng(0)
X, NEW = RNG.standard_normal((9, 3)), RNG.standard_normal((7, 3))
Y = np.column_stack([np.sin(X[:, 0]), X[:, 1] * X[:, 2]])
FINITE = TangentKernelRegressor("finite", width=8, depth=2, activation="tanh", random_state=3)
INFINITE = TangentKernelRegressor(activation="erf", depth=2, bias_std=0.3)


@pytest.mark.parametrize("time", [0.5, np.inf])
@pytest.mark.parametrize("center", [True, False])
def test_finite_is_the_closed_form(center, time):
    model = clone(FINITE).set_params(center=center, time=time, ridge=0.01, block=3).fit(X, Y)
    net = model.network_
    assert isinstance(net, MLP) and net.widths == (8, 8) and net.parametrization == "ntk"
    starts = {"f0_train": predict(net, X).repeat(2, 1), "f0_test": predict(net, NEW).repeat(2, 1)}
    closed = gradient_flow(
        kernel(net, X, outputs="trace"),
        Y,
        kernel(net, NEW, X, outputs="trace"),
        time=time,
        ridge=0.01,
        **({} if center else starts),
    )
    np.testing.assert_allclose(model.predict(NEW), closed.test, rtol=1e-9, atol=1e-12)
    assert model.predict(NEW).shape == (7, 2)


def test_infinite_is_the_closed_form():
    model = clone(INFINITE).set_params(time=3.0).fit(X, Y[:, 0])
    net = MLP(3, 1, 4, 2, "erf", bias_std=0.3, dtype="float64", key=0)
    closed = gradient_flow(infinite_kernel(net, X).ntk, Y[:, 0], infinite_kernel(net, NEW, X).ntk, time=3.0)
    np.testing.assert_allclose(model.predict(NEW), closed.test[:, 0], rtol=1e-10)
    assert model.predict(NEW).shape == (7,)


@pytest.mark.parametrize("model", [FINITE, INFINITE])
def test_it_interpolates_unless_it_is_stopped_or_ridged(model):
    np.testing.assert_allclose(clone(model).fit(X, Y).predict(X), Y, atol=1e-6)
    for change in ({"time": 0.1}, {"ridge": 1.0}):
        assert np.abs(clone(model).set_params(**change).fit(X, Y).predict(X) - Y).max() > 0.01


def test_no_time_is_the_start():
    model = clone(FINITE).set_params(center=False, time=0.0).fit(X, Y)
    np.testing.assert_allclose(model.predict(NEW)[:, 0], predict(model.network_, NEW)[:, 0], rtol=1e-12)
    assert not clone(FINITE).set_params(time=0.0).fit(X, Y).predict(NEW).any()


def test_the_same_seed_is_the_same_model():
    one, two = (clone(FINITE).fit(X, Y).predict(NEW) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    other = clone(FINITE).set_params(random_state=4).fit(X, Y).predict(NEW)
    assert np.abs(one - other).max() > 1e-3


def test_classes():
    labels = np.array(["in", "out"])[(np.linalg.norm(X, axis=1) > 1.5).astype(int)]
    model = TangentKernelClassifier().fit(X, labels)
    assert list(model.classes_) == ["in", "out"]
    np.testing.assert_array_equal(model.predict(X), labels)
    scores = model.decision_function(NEW)
    assert scores.shape == (7,)
    np.testing.assert_array_equal(model.predict(NEW) == "out", scores > 0)
    three = TangentKernelClassifier().fit(X, np.arange(9) % 3)
    np.testing.assert_array_equal(three.predict(X), np.arange(9) % 3)
    assert three.decision_function(NEW).shape == (7, 3)
    np.testing.assert_allclose(three.decision_function(NEW).sum(1), 0, atol=1e-9)


def test_it_learns():
    x = np.random.default_rng(1).uniform(-1, 1, (80, 2))
    y = np.sin(3 * x[:, 0]) * x[:, 1]
    assert cross_val_score(TangentKernelRegressor(depth=2), x, y, cv=4).min() > 0.8
    assert cross_val_score(TangentKernelClassifier(depth=2), x, y > 0, cv=4).min() > 0.8


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"kernel": "laplace"}, "choose one of infinite, finite"),
        ({"time": -1.0}, "0 or more"),
        ({"time": [1.0, 2.0]}, "it must be one number"),
        ({"ridge": -0.1}, "ridge=-0.1"),
        ({"block": 0}, "at least one row"),
        ({"activation": "step"}, "there is no activation"),
    ],
)
def test_bad_parameters(parameters, words):
    with pytest.raises(InputError, match=words):
        TangentKernelRegressor(**parameters).fit(X, Y)


def test_bad_data():
    for bad in (np.full((9, 3), np.nan), np.zeros((0, 3)), X[:, 0]):
        with pytest.raises(ValueError, match=r"NaN|minimum of 1|Expected 2D"):
            TangentKernelRegressor().fit(bad, Y)


ESTIMATORS = [
    TangentKernelRegressor(),
    TangentKernelClassifier(),
    TangentKernelRegressor("finite", width=16, random_state=0),
    TangentKernelClassifier("finite", width=16, random_state=0),
]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:SCIPY_ARRAY_API is not set")
@parametrize_with_checks(ESTIMATORS)
def test_scikit_learn_agrees(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS[:2])
def test_the_checks_that_need_no_fit_or_one(estimator):
    from sklearn.utils import estimator_checks

    name = type(estimator).__name__
    for check in ("check_no_attributes_set_in_init", "check_estimator_cloneable", "check_estimators_unfitted"):
        getattr(estimator_checks, check)(name, clone(estimator))
    estimator_checks.check_n_features_in(name, clone(estimator))
