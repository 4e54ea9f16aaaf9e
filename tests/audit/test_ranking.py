import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from audit_makers import dataset

from zeroloss.audit import Ranking, rank
from zeroloss.audit.ranking import _bootstrap, correlations
from zeroloss.figures import rank_correlations
from zeroloss.networks import FeedForward
from zeroloss.plumbing import InputError


def made(n=60, d=4, seed=0):
    rng = np.random.default_rng(seed)
    x, x_test = rng.standard_normal((n, d)), rng.standard_normal((200, d))
    w = rng.standard_normal((d, 1))
    return dataset(x, x @ w, None, x_test, x_test @ w), w


def off(w, size):
    """The right linear model with `size` added to its first weight: errors grow with it, and so does the norm."""
    return FeedForward([jnp.asarray(w.T + size * np.sign(w.T[:, :1]) * np.eye(1, len(w)), jnp.float32)], [None], ())


@pytest.mark.parametrize("seed", range(5))
def test_rank_correlations_are_scipys_ties_included(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 5, 12).astype(float), rng.integers(0, 4, 12).astype(float)
    tau, rho = correlations(x, y)
    assert tau == pytest.approx(scipy.stats.kendalltau(x, y).statistic)
    assert rho == pytest.approx(scipy.stats.spearmanr(x, y).statistic)


def test_nothing_correlates_with_a_constant():
    assert np.isnan(correlations(np.ones(4), np.arange(4.0))).all()


def test_a_measure_that_orders_the_models_is_found_to():
    data, w = made()
    models = {f"off by {s}": off(w, s) for s in (0.1, 0.3, 0.5, 0.8, 1.2, 1.7)}
    found = rank(models, data, measures=["parameter_norm", "sharpness"])
    norm = next(c for c in found.correlations if c.measure == "parameter_norm")
    assert norm.kendall == pytest.approx(1) and norm.spearman == pytest.approx(1) and norm.models == 6
    assert norm.kendall_interval[0] > 0
    # Every linear model has the same curvature, but for rounding of its float32 products.
    assert found.errors["test"] == sorted(found.errors["test"])
    assert Ranking.from_json(found.to_json()) == found
    assert "off by 0.1" in repr(found)


def test_an_unrelated_measure_has_an_interval_around_zero():
    rng = np.random.default_rng(3)
    misses, inside = 0, 0
    for trial in range(40):
        x = rng.standard_normal(12)
        each = (rng.uniform(size=(12, 150)) < rng.uniform(0.1, 0.6, (12, 1))).astype(float)
        (low, high), _ = _bootstrap(x, each, trial)
        inside += low <= 0 <= high
        misses += high - low > 0.4
    assert inside >= 34 and misses == 40


def test_few_models_have_no_interval_and_a_caution():
    data, w = made()
    found = rank({"a": off(w, 0.1), "b": off(w, 0.5)}, data, measures="parameter_norm")
    (only,) = found.correlations
    assert only.kendall == 1 and only.kendall_interval == [-1, 1]
    assert "2 models are too few" in found.caution


def test_black_boxes_are_ranked_by_what_is_known_of_them():
    rng = np.random.default_rng(0)
    x, x_test = rng.standard_normal((40, 2)), rng.standard_normal((100, 2))
    data = dataset(x, None, (x[:, 0] > 0).astype(int), x_test, None, (x_test[:, 0] > 0).astype(int))

    def box(turn):
        def f(p):
            side = np.cos(turn) * p[:, :1] + np.sin(turn) * p[:, 1:]
            return np.concatenate([-side, side], axis=1)

        return f

    found = rank({str(t): box(t) for t in (0.0, 0.4, 0.8, 1.2, 1.5)}, data, measures="all")
    by = {c.measure: c for c in found.correlations}
    assert by["median_margin"].kendall is not None and by["median_margin"].kendall < 0
    assert by["sharpness"].kendall is None and "black box" in by["sharpness"].reason
    assert found.correlations[-1].kendall is None


def test_the_figure_has_a_row_a_measure():
    data, w = made()
    found = rank({str(s): off(w, s) for s in (0.1, 0.3, 0.5, 0.8, 1.2)}, data, measures=["norms"])
    spec = rank_correlations(found.table()).to_dict()
    assert len(spec["layer"][1]["data"]["values"]) == len(found.table()["measure"]) > 3


def test_bad_input_is_one_line():
    data, w = made()
    with pytest.raises(InputError, match="at least two"):
        rank({"a": off(w, 0.1)}, data)
    with pytest.raises(InputError, match="none of the models"):
        rank({"a": off(w, 0.1), "b": off(w, 1)}, data, initial={"c": off(w, 0)})
    bare = dataset(data.x_train, data.y_train)
    with pytest.raises(InputError, match="no test examples"):
        rank({"a": off(w, 0.1), "b": off(w, 1)}, bare)
