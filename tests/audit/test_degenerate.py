"""Measures on data and networks at the edge: a value with a meaning or a reason, never a traceback or NaN."""

import jax
import numpy as np
import pytest
from audit_makers import dataset

import zeroloss as zl
from zeroloss.audit.answers import unit_of
from zeroloss.plumbing import InputError
from zeroloss.verdict import Status

RNG = np.random.default_rng(0)
X = RNG.standard_normal((12, 3))
LABELS = np.arange(12) % 3


def net(columns=3, factor=1.0):
    return jax.tree.map(lambda v: v * factor, zl.MLP(3, columns, width=4, depth=1, key=0))


CASES = {
    "plain": (net(), dataset(X, None, LABELS)),
    "all weights 0": (net(factor=0.0), dataset(X, None, LABELS)),
    "weights of 1e15": (net(factor=1e15), dataset(X, None, LABELS)),
    "weights of 1e-30": (net(factor=1e-30), dataset(X, None, LABELS)),
    "equal inputs": (net(), dataset(np.ones((9, 3)), None, np.arange(9) % 3)),
    "one row": (net(1), dataset(X[:1], X[:1, 0])),
    "equal targets": (net(1), dataset(X, np.ones(12))),
    "targets of 1e-30": (net(1), dataset(X, 1e-30 * X[:, 0])),
    "targets of 1e30": (net(1), dataset(X, 1e30 * X[:, 0])),
    "inputs of 1e-200": (net(1), dataset(1e-200 * X, X[:, 0])),
    "inputs far from 0": (net(), dataset(1e-3 * X + 1e6, None, LABELS)),
}


@pytest.mark.parametrize(
    "name",
    [k if k in ("plain", "equal inputs", "one row") else pytest.param(k, marks=pytest.mark.slow) for k in CASES],
)
def test_a_number_with_a_meaning_or_a_reason(name):
    network, data = CASES[name]
    found = zl.audit(network, data, initial=net(data.out_size), measures="all", points=6, probes=1)
    for m in found.measures:
        if m.value is None:
            assert m.reason, m.name
            continue
        assert np.isfinite(m.value), m.name
        if m.interval is not None:
            slack = 1e-9 * abs(m.value)
            assert m.interval[0] - slack <= m.value <= m.interval[1] + slack, m.name
    assert found.verdicts["local"].status is Status.UNKNOWN  # none of these networks fits
    assert '"nan"' not in found.to_json().lower()


@pytest.mark.parametrize("size", [1e-200, 1e-30, 1.0, 1e30, 1e150])
def test_errors_and_radius_do_not_depend_on_the_units(size):
    """A nearest neighbour, in any unit of inputs and targets."""
    x, y = RNG.standard_normal((60, 2)), RNG.standard_normal(60)
    data = dataset(size * x, size * y)

    def nearest(p):
        return size * y[((p[:, None, :] / size - x) ** 2).sum(-1).argmin(axis=1)][:, None]

    found = zl.audit(nearest, data)
    assert found.numbers["train_r2"] == 1.0 and found.trust_radius == 1.0
    assert found.verdicts["local"].status is Status.CONTRADICTED


def test_the_unit_is_a_power_of_two():
    for size in (1e-300, 0.3, 1.0, 7e200):
        unit = unit_of(size * X)
        assert np.log2(unit) == np.round(np.log2(unit)) and 0.4 < size * np.abs(X).max() / unit < 8
    assert unit_of(np.ones((3, 1))) == 1.0


def test_points_that_float32_cannot_tell_from_the_training_points():
    """Inputs at 1e6 that differ by thousandths are one input in float32: what is near them is not probed."""
    from zeroloss.audit import trust_curve

    inputs = 1e6 + 1e-2 * np.arange(8.0)[:, None]
    linear = zl.wrap(lambda p, z: z * p, np.ones((), np.float32))
    targets = np.asarray(zl.predict(linear, inputs), np.float64)
    found = trust_curve(linear, inputs, targets, "regression")
    assert "float32" in found.reason and found.columns["t"] == []


def test_a_ranking_without_models():
    data = dataset(X, None, LABELS, X[:3], None, LABELS[:3])
    with pytest.raises(InputError, match="0 models have no rank"):
        zl.audit.rank({}, data)
    with pytest.raises(InputError, match="1 model has no rank"):
        zl.audit.rank({"a": net()}, data)


def test_a_ranking_of_estimators():
    from sklearn.neighbors import KNeighborsClassifier

    data = dataset(X, None, LABELS, X[:6] + 0.3, None, LABELS[:6])
    models = {str(k): KNeighborsClassifier(k).fit(X, LABELS) for k in (1, 3)}
    found = zl.audit.rank(models, data, measures="margins")
    for k, error in zip(models, found.errors["test"], strict=True):
        assert error == pytest.approx(np.mean(models[k].predict(data.x_test) != data.labels_test))
