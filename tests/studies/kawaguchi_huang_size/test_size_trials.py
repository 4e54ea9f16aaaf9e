"""The boundary's place and growth on phase diagrams whose boundary is known; networks of counted parameters; the trials."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from sklearn.isotonic import isotonic_regression

from zeroloss.networks import predict
from zeroloss.plumbing import InputError, double
from zeroloss.studies.kawaguchi_huang_size import STUDY, boundary, labels, network, place, readout, trials
from zeroloss.studies.kawaguchi_huang_size.claims import DESCENT, GD, LABELS, LM, RANK
from zeroloss.studies.trying import quick_tables, try_block
from zeroloss.verdict import Status

RATIOS = (0.5, 0.7, 0.85, 1.0, 1.1, 1.2, 1.35, 1.5, 2.0, 3.0)


def drawn(exponent=1.0, level=1.2, width=0.08, problems=20, seed=0, sizes=(32, 64, 128)):
    """Shares with a logistic step about `level (size/64)^(exponent - 1)` parameters per equation."""
    rng = np.random.default_rng(seed)
    rows = []
    for size, ratio in itertools.product(sizes, RATIOS):
        at = level * (size / 64) ** (exponent - 1)
        chance = 1 / (1 + math.exp(-math.log(ratio / at) / width))
        rows += [{"size": size, "ratio": ratio, "share": s / 3} for s in rng.binomial(3, chance, problems)]
    return pd.DataFrame(rows)


def test_monotone_shares_are_the_isotonic_regression():
    rng = np.random.default_rng(0)
    for _ in range(50):
        y, w = rng.random(9), rng.integers(1, 5, 9).astype(float)
        wanted = isotonic_regression(y, sample_weight=w)
        np.testing.assert_allclose(place.monotone(y, w), wanted, atol=1e-12)
        first = np.flatnonzero(wanted >= 0.5 - 1e-12)
        assert place.first_above(y[None], w)[0] == (first[0] if len(first) else 9)


def test_the_crossing_is_between_its_neighbours_and_nowhere_without_one():
    ratios = np.array([0.5, 1.0, 2.0])
    low, high, at = place.bracket(ratios, np.array([0.0, 0.25, 0.75]))
    assert (low, high) == (1.0, 2.0) and at == pytest.approx(math.sqrt(2))
    assert math.isnan(place.bracket(ratios, np.array([0.0, 0.1, 0.4]))[2])
    assert math.isnan(place.bracket(ratios, np.array([0.5, 0.6, 0.9]))[2])


def test_intervals_hold_the_truth_as_often_as_they_say():
    """At least: the uniform draw between grid points makes them wider than sampling alone would."""
    hits = {"place": 0, "slope": 0}
    for seed in range(20):
        rows = drawn(exponent=1.1, seed=seed)
        found = place.places(rows)[64]
        hits["place"] += found.low <= 1.2 <= found.high
        slope = place.growth(rows)
        hits["slope"] += slope.low <= 1.1 <= slope.high
    assert min(hits.values()) >= 18


def test_a_sharp_step_leaves_the_width_of_the_grid():
    rows = drawn(width=2e-3, level=1.27)
    for found in place.places(rows).values():
        assert 1.19 < found.low < 1.22 and 1.33 < found.high < 1.36
    slope = place.growth(rows)
    assert slope.low < 0.97 and slope.high > 1.03 and slope.low < 1 < slope.high


def test_the_quotient_of_two_places():
    a, b = (drawn(level=level, sizes=(64,)) for level in (1.8, 0.9))
    found = place.quotient(a, b)
    assert found.low < 2 < found.high and found.low > 1.5
    beyond = place.quotient(drawn(level=20, sizes=(64,)), b)
    assert beyond.estimate == beyond.high == math.inf and 2.5 < beyond.low < 3 / 0.85
    assert math.isnan(place.quotient(b, drawn(level=20, sizes=(64,))).estimate)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_counted_widths_are_the_nearest(depth):
    for wanted in (20, 57.5, 128, 333):
        found = network.counted_widths(wanted, depth, 4)
        options = [
            (w,) * (depth - 1) + (w + e,)
            for w in range(1, 90)
            for e in (range(network.EXTRA + 1) if depth > 1 else (0,))
        ]
        best = min(abs(network.count(4, widths) - wanted) for widths in options)
        assert abs(network.count(4, found) - wanted) == best


def test_parameters_are_counted_as_the_network_has_them():
    net = network.whole_network(np.random.default_rng(0), 4, (3, 5), 2, "softplus")
    assert network.count(4, (3, 5), 2) == sum(np.size(leaf) for leaf in jax.tree.leaves((net.weights, net.biases)))
    with pytest.raises(InputError, match="hidden layer"):
        network.whole_network(np.random.default_rng(0), 4, (), 2, "softplus")


@pytest.mark.parametrize("experiment", [LM, GD])
def test_every_cell_fits_its_bucket(experiment):
    """And the ratio is what the axis says, to rounding of n."""
    for scale in ("smoke", "desk", "paper"):
        shapes = {}
        for grid in STUDY.experiment(experiment).grids(scale):
            for cell in grid.cells():
                found = boundary.cell_of(cell["depth"], cell["size"], cell["ratio"])
                assert all(m <= most for m, most in zip(found.widths, found.padded, strict=True))
                assert abs(found.p / found.n / cell["ratio"] - 1) <= 0.51 / found.n
                assert found.n <= found.rows and abs(found.n - cell["size"]) <= 0.3 * cell["size"]
                assert found.p == network.count(boundary.INPUTS, found.widths)
                shape = STUDY.experiment(experiment).shape_of(cell)
                assert shapes.setdefault(shape, (found.padded, found.rows)) == (found.padded, found.rows), cell


@pytest.mark.parametrize("name", ["softplus", "sigmoid"])
def test_a_padded_network_is_the_network(name):
    """Outputs against the `FeedForward` of the same weights; the gradient vanishes at padding."""
    widths, padded = (3, 5), (4, 9)
    with double():
        flat = jnp.asarray(network.padded_start(np.random.default_rng(5), 4, widths, padded))
        bare = network.padded_start(np.random.default_rng(5), 4, widths, widths)
        masks = tuple(map(jnp.asarray, network.padded_masks(widths, padded)))
        residual, jacobian, loss = network.padded_network(4, padded, name)
        x = network.sphere(np.random.default_rng(6), 7, 4)
        rows = jnp.asarray([1.0, 1, 1, 1, 1, 1, 0])
        out, slopes, value = (
            np.asarray(f(flat, jnp.asarray(x), jnp.zeros(7), rows, masks)) for f in (residual, jacobian, loss)
        )
    net = network.whole_network(np.random.default_rng(0), 4, widths, 1, name)
    start, weights, biases = 0, [], []
    for a, b in itertools.pairwise((4, *widths, 1)):
        weights.append(bare[start : start + a * b].reshape(b, a))
        biases.append(bare[start + a * b : start + (a + 1) * b])
        start += (a + 1) * b
    net = type(net)(weights, biases, net.activations, net.weight_scales)
    wanted = predict(net, x)[:, 0]
    np.testing.assert_allclose(out[:6], wanted[:6], rtol=1e-12)
    assert out[6] == 0 and value == pytest.approx((wanted[:6] ** 2).mean() / 2)
    used = np.asarray(network.padded_start(np.random.default_rng(5), 4, widths, padded)) != 0
    assert used.sum() == network.count(4, widths)
    np.testing.assert_array_equal(slopes[:, ~used], 0)
    assert (slopes[:6][:, used] != 0).all()


def test_inputs_have_the_norm_that_the_start_expects():
    np.testing.assert_allclose(np.linalg.norm(network.sphere(np.random.default_rng(0), 20, 7), axis=1), math.sqrt(7))


CELL = {"activation": "softplus", "targets": "normal", "depth": 1, "size": 24}


def test_levenberg_marquardt_on_either_side_of_the_line():
    keys = np.arange(4)
    with double():
        few, many = (trials.by_levenberg_marquardt(CELL | {"ratio": r}, keys) for r in (0.7, 2.0))
    assert not few["zeros"].any() and few["best"].min() > 1e-3
    assert (many["zeros"] == boundary.STARTS).all() and many["best"].max() <= boundary.ZERO
    assert (many["p"] / many["n"] == pytest.approx(2, rel=0.03)) and (many["middle"] >= many["best"]).all()
    assert (few["zeros"] + few["stalled"] + few["open"] == few["starts"]).all()
    with pytest.raises(InputError, match="normal or signs"):
        boundary.problem(boundary.cell_of(1, 24, 1.0), "others", 0)


def test_gradient_descent_uses_its_budget_or_gets_there():
    found = trials.by_gradient_descent(CELL | {"ratio": 2.0, "budget": 400}, np.arange(6))
    assert (found["steps"] <= 400).all() and (found["starts"] == 1).all()
    assert ((found["steps"] == 400) | (found["zeros"] == 1)).all()
    longer = trials.by_gradient_descent(CELL | {"ratio": 2.0, "budget": 4000}, np.arange(6))
    assert (longer["best"] <= found["best"] * (1 + 1e-6)).all() and longer["best"].max() < found["best"].max()
    assert (longer["best"][longer["zeros"] == 1] <= boundary.NEAR * (1 + 1e-5)).all()


SHAPE = {"activation": "softplus", "depth": 2, "n": 16, "weight_std": 1.0}


def test_rank_and_its_control():
    with double():
        enough = trials.rank(SHAPE | {"missing": 0}, np.arange(3))
        short = trials.rank(SHAPE | {"missing": 2}, np.arange(3))
    assert (enough["rank"] == 16).all() and (enough["radius"] >= 0).all()
    assert (0 < enough["smallest_lower"]).all() and (enough["smallest_lower"] <= enough["smallest"] * (1 + 1e-9)).all()
    assert (short["rank"] == 15).all() and (short["smallest_lower"] == 0).all() and (short["radius"] == -1).all()


@pytest.mark.slow
def test_the_readout_keeps_below_the_bound_and_a_false_bound_is_seen(monkeypatch):
    with double():
        found = trials.descent(SHAPE, np.arange(2))
    assert found["kept"].all() and (found["readout_loss"] <= found["promised"] * (1 + 1e-9)).all()
    assert (np.diff(found["readout_loss"], axis=1) <= 0).all() and (found["all_end"] < found["readout_end"]).all()
    # A least singular value that is far too large promises more than descent keeps.
    monkeypatch.setattr(readout, "singular_value_lower", lambda matrix, error: float(np.linalg.norm(matrix, 2)) / 2)
    with double():
        assert not trials.descent(SHAPE, np.arange(1))["kept"].any()


def _file(path, natural=True):
    """Images of two kinds, as a user's file has them."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    x = rng.random((60, 5, 5)) + (y[:, None, None] * 0.8 if natural else 0)
    np.savez(path, x=x, y=y)
    return str(path)


def test_a_user_s_images_are_fitted_with_natural_and_random_labels(tmp_path):
    cell = {"data": _file(tmp_path / "images.npz"), "rows": 30, "activation": "softplus"}
    found = {kind: trials.fitted(cell | {"kind": kind}, np.arange(3)) for kind in labels.KINDS}
    for kind, row in found.items():
        assert not row["train_error"].any() and (row["n"] == 30).all() and (row["classes"] == 2).all(), kind
        widths = network.theory_widths(30, 2)
        assert (row["p"] == network.count(25, widths, 2)).all()
        assert (row["test_accuracy"] == row["test_right"] / row["test_rows"]).all()
    assert found["natural"]["test_accuracy"].mean() > 0.8 > 0.7 > found["random-labels"]["test_accuracy"].mean()
    assert (found["random-labels"]["chance"] == 0.5).all()


def test_random_labels_and_inputs_are_random():
    data = labels._loaded("wine", 60, 0)
    x, y, x_test, y_test = labels._arrays(data, "natural", np.random.default_rng(0))
    np.testing.assert_array_equal(y, data.labels_train)
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(x.std(axis=0), 1)
    same_x, other_y, same_test, same_y_test = labels._arrays(data, "random-labels", np.random.default_rng(0))
    np.testing.assert_array_equal(same_x, x)
    np.testing.assert_array_equal(same_y_test, y_test)
    np.testing.assert_array_equal(same_test, x_test)
    assert 0.1 < (other_y == y).mean() < 0.6
    noise, _, noise_test, drawn_test = labels._arrays(data, "random-inputs", np.random.default_rng(0))
    assert abs(np.corrcoef(noise[:, 0], x[:, 0])[0, 1]) < 0.5 and noise_test.shape == x_test.shape
    assert (drawn_test != y_test).any()


def test_bad_data_and_kinds_are_named():
    cell = {"rows": 50, "activation": "softplus"}
    with pytest.raises(InputError, match="random-labels"):
        trials.fitted(cell | {"data": "wine", "kind": "others"}, np.arange(1))
    with pytest.raises(InputError, match="no classification"):
        trials.fitted(cell | {"data": "diabetes", "kind": "natural"}, np.arange(1))


def test_rows_depend_on_their_parameters_and_key_alone():
    for experiment, cell in ((LM, CELL | {"ratio": 1.0}), (GD, CELL | {"ratio": 2.0, "budget": 50})):
        found = STUDY.experiment(experiment)
        size = found.block_of(cell)
        assert try_block(found, cell, list(range(size)))[1:] == try_block(found, cell, list(range(1, size)))


@pytest.mark.slow
def test_the_smoke_scale_fills_claims_figures_and_tables():
    tables = quick_tables(STUDY, "smoke")
    assert set(tables) == {LM, GD, RANK, DESCENT, LABELS}
    verdicts = {claim.key: claim(tables).status for claim in STUDY.claims}
    assert verdicts["residual-below"] == Status.SUPPORTED and verdicts["place"] == Status.SUPPORTED
    for figure in STUDY.figures:
        assert figure.draw(tables).to_dict() and "nan" not in figure.caption_of(tables)
    for table in STUDY.tables:
        assert len(table.make(tables))
