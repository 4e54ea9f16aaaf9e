"""Failing optima: the claims on tables made up for them, the trials against other ways to the same numbers."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from zeroloss.minima.constructions import box_bound, bump_norm, coverage, grid
from zeroloss.networks import predict
from zeroloss.plumbing import InputError
from zeroloss.studies.guan_failing_optima import STUDY, trials
from zeroloss.studies.guan_failing_optima.claims import ACCURACY, EXACT, REGRESSION, SCALED, SINGLE, TWINS, ZERO_LOSS
from zeroloss.studies.guan_failing_optima.study import ACTIVATIONS
from zeroloss.studies.trying import quick_tables, try_block
from zeroloss.verdict import Status

S, C, U = Status.SUPPORTED, Status.CONTRADICTED, Status.UNKNOWN
CLAIM = {claim.key: claim for claim in STUDY.claims}


def fits(residual=0.0, runs=100, bad=0, layers=0, dtype="float64", train_error=0.0):
    found = [residual * 10] * bad + [residual] * (runs - bad)
    return {
        ZERO_LOSS: pd.DataFrame(
            {"dtype": dtype, "layers": layers, "residual": found, "train_error": train_error, "seed": range(runs)}
        )
    }


def right(share_of_bound=None, draws=100_000, off=0.0, seeds=5, noise=0.0):
    """Accuracies at a share of the box bound (cells of 2 and 5 dimensions), or at the coverage plus `off`."""
    rows = []
    rng = np.random.default_rng(0)
    for (d, n, gap), seed in itertools.product([(2, 50, 0.5), (2, 4, 1.0), (3, 10, 0.5)], range(seeds)):
        bound, covered = min(1.0, float(box_bound(n, d, d - gap))), float(coverage(d, d - gap))
        accuracy = covered + off + noise * rng.standard_normal() if share_of_bound is None else share_of_bound * bound
        row = {"d": d, "per_axis": n, "gap": gap, "seed": seed, "draws": draws, "right": round(accuracy * draws)}
        rows.append(row | {"accuracy": accuracy, "covered": covered, "bound": bound})
    return {ACCURACY: pd.DataFrame(rows)}


def errors(power=0.0, size=0.2, noise=1e-4, seeds=10, low=0.5, high=1.5, sharp=0.0):
    """Relative errors `1 - size gap^(d + power) - sharp`."""
    rows = []
    rng = np.random.default_rng(0)
    for name, d, gap, seed in itertools.product(("relu", "sigmoid"), (1, 2), (0.4, 0.2, 0.1), range(seeds)):
        gain = size * gap ** (d + power) * math.exp(noise * rng.standard_normal())
        row = {"activation": name, "d": d, "per_axis": 4, "gap": gap, "seed": seed, "low": low, "high": high}
        rows.append(row | {"relative_error": 1 - gain - sharp})
    return {REGRESSION: pd.DataFrame(rows)}


def scaled(runs=100, bad=0, value=None):
    predicted = math.log1p(math.exp(-5))
    found = [predicted * 1.1] * bad + [predicted if value is None else value] * (runs - bad)
    return {SCALED: pd.DataFrame({"scale": 5.0, "cross_entropy": found, "predicted": predicted})}


def fitted(train=100, test=0.02, runs=30, spread=0.001, bad=0):
    rng = np.random.default_rng(0)
    trained = [90] * bad + [train] * (runs - bad)
    tested = 1000 * np.clip(test + spread * rng.standard_normal(runs), 0, 1)
    return {TWINS: pd.DataFrame({"train_right": trained, "train_rows": 100, "test_right": tested, "test_rows": 1000})}


CASES = [
    ("zero-loss", fits(EXACT / 2), S),
    ("zero-loss", fits(EXACT * 2), C),
    ("zero-loss", fits(EXACT / 2, train_error=0.1), C),
    ("zero-loss", fits(EXACT / 2, runs=20), U),
    ("any-depth", fits(EXACT / 2, layers=3), S),
    ("any-depth", fits(EXACT / 2, bad=30, layers=3), C),
    ("any-depth", fits(EXACT / 2), U),  # no layers were added, so nothing is known
    ("zero-loss-float32", fits(SINGLE / 2, dtype="float32"), S),
    ("zero-loss-float32", fits(SINGLE * 2, dtype="float32"), C),
    ("zero-loss-float32", fits(SINGLE / 2, runs=10, dtype="float32"), U),
    ("box-bound", right(0.9), S),
    ("box-bound", right(1.1), C),
    ("box-bound", right(0.9, draws=50, seeds=1), U),
    ("coverage", right(noise=0.001), S),
    ("coverage", right(off=0.01, noise=0.001), C),
    ("coverage", right(off=0.002, noise=0.001), U),
    ("regression-tends-to-zero-predictor", errors(), S),
    ("regression-tends-to-zero-predictor", errors(sharp=0.3), C),
    ("regression-tends-to-zero-predictor", errors(seeds=1), U),
    ("regression-rate", errors(), S),
    ("regression-rate", errors(power=0.5), C),
    ("regression-rate", errors(power=0.2, noise=0.2), U),
    ("regression-bounds", errors(seeds=20), S),
    ("regression-bounds", errors(low=0.999, high=1.001), C),
    ("regression-bounds", errors(seeds=2), U),
    ("cross-entropy", scaled(), S),
    ("cross-entropy", scaled(value=0.0), C),
    ("cross-entropy", scaled(bad=5), U),
    ("twins-fit", fitted(), S),
    ("twins-fit", fitted(bad=15), C),
    ("twins-fit", fitted(bad=6), U),
    ("twins-fail", fitted(), S),
    ("twins-fail", fitted(test=0.3), C),
    ("twins-fail", fitted(test=0.1, spread=0.05), U),
]


@pytest.mark.parametrize(("key", "tables", "status"), CASES, ids=[f"{key}-{status}" for key, _, status in CASES])
def test_claims(key, tables, status):
    verdict = CLAIM[key](tables)
    assert verdict.status == status, verdict.reason


def test_every_claim_was_asked_for_all_three():
    assert {(key, status) for key, _, status in CASES} == set(itertools.product(CLAIM, (S, C, U)))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_labels_are_fitted_and_counted(activation):
    cell = {"activation": activation, "d": 2, "per_axis": 3, "layers": 2, "width": 1, "dtype": "float64"}
    found = trials.zero_loss(cell, np.array([0, 1]))
    assert found["residual"].max() <= EXACT and not found["train_error"].any() and (found["depth"] == 4).all()
    assert (found["loss"] <= found["residual"] ** 2 / 2).all()


def test_the_network_and_the_distance_count_the_same_points(monkeypatch):
    cell = {"d": 2, "per_axis": 5, "gap": 0.6}
    by_network = trials.accuracy(cell, np.array([3, 4]))
    monkeypatch.setattr(trials, "MOST_NODES", 0)
    by_distance = trials.accuracy(cell, np.array([3, 4]))
    assert set(by_network["evaluated"]) == {"network"} and set(by_distance["evaluated"]) == {"distance"}
    np.testing.assert_array_equal(by_network["right"], by_distance["right"])
    assert by_network["right"][0] != by_network["right"][1]
    error = 5 * np.sqrt(by_network["covered"] / trials.DRAWS)
    assert (abs(by_network["accuracy"] - by_network["covered"]) < error).all()


def test_sharp_bumps_are_not_missed_by_the_rule():
    points, weights = trials.axis_rule(4, 1e-4, 40)
    assert weights.sum() == pytest.approx(1) and (np.diff(points) > 0).all()
    assert weights @ points**2 == pytest.approx(1 / 3, abs=1e-4)
    hat = np.maximum(0, 1 - abs(points - 1 / 3) / 1e-4)
    assert weights @ hat == pytest.approx(1e-4, rel=1e-3)


def test_the_regression_error_of_a_line_is_that_of_the_formula():
    gap, per_axis = 0.1, 6
    found = trials.regression({"activation": "relu", "d": 1, "per_axis": per_axis, "gap": gap}, np.array([0]))
    # 1 + sin(2 pi x): |m|^2 = 3/2; bumps of radius r about the nodes, halves of them at 0 and 1, where m = 1.
    radius, nodes = gap / (2 * (per_axis - 1)), np.linspace(0, 1, per_axis)
    y = 1 + np.sin(2 * np.pi * nodes)
    part = np.r_[0.5, np.ones(per_axis - 2), 0.5]
    own = (part * y**2).sum() * bump_norm(1, radius) ** 2
    # int (1 - |t|/r) sin(2 pi (x + t)) dt = sin(2 pi x) r sinc(r)^2, and at the ends the odd parts of both cancel.
    inner = (part * y * (1 + np.sin(2 * np.pi * nodes) * np.sinc(radius) ** 2)).sum() * radius
    wanted = math.sqrt((1.5 - 2 * inner + own) / 1.5)
    assert found["relative_error"][0] == pytest.approx(wanted, abs=1e-5)
    assert found["low"][0] <= wanted <= found["high"][0] and found["residual"][0] < EXACT


def test_targets_and_dimensions():
    x = np.random.default_rng(0).random((50, 2))
    np.testing.assert_allclose(trials.target(x, 0), 1 + np.prod(np.sin(2 * np.pi * x), axis=1))
    assert not np.allclose(trials.target(x, 1), trials.target(x, 2))
    with pytest.raises(InputError, match="not in 3"):
        trials.regression({"activation": "relu", "d": 3, "per_axis": 3, "gap": 0.5}, np.array([0]))


def test_losses_of_scaled_labels():
    cells = [{"d": 1, "per_axis": 6, "gap": 0.1, "scale": c} for c in (1.0, 5.0)]
    one, five = (trials.scaled_labels(cell, np.array([0, 1])) for cell in cells)
    np.testing.assert_allclose(one["squared"], 0, atol=EXACT)
    np.testing.assert_allclose(five["squared"], 8)
    np.testing.assert_allclose([one["hinge"], five["hinge"]], 0, atol=EXACT)
    np.testing.assert_allclose(five["cross_entropy"], math.log1p(math.exp(-5)))
    np.testing.assert_array_equal(one["accuracy"], five["accuracy"])  # a larger scale is right at the same points


def test_a_twin_fits_and_fails():
    found = trials.twins({"data": "wine", "activation": "sigmoid"}, np.array([0]))
    assert found["train_right"] == found["train_rows"] == 124 and found["test_right"] <= 0.1 * found["test_rows"]


def test_rows_depend_on_their_parameters_and_key_alone():
    for experiment, cell in (
        (ACCURACY, {"d": 2, "per_axis": 4, "gap": 0.5}),
        (REGRESSION, {"activation": "relu", "d": 1, "per_axis": 6, "gap": 0.2}),
        (ZERO_LOSS, {"activation": "relu", "d": 1, "per_axis": 6, "layers": 0, "width": 1, "dtype": "float32"}),
    ):
        found = STUDY.experiment(experiment)
        assert try_block(found, cell, [0, 1, 2])[1:] == try_block(found, cell, [1, 2])


def test_bumps_of_a_network_are_where_the_distance_says():
    y = np.array([1.0, -1, 1, -1])
    nodes, network = trials.Bumps(2, 2).network(y)
    np.testing.assert_array_equal(nodes, grid(2, 2))
    x = np.random.default_rng(0).random((500, 2))
    distance = np.abs(x[:, None] - nodes).sum(axis=2)
    wanted = (y * np.maximum(0, 1 - distance / (0.5 * 0.5))).sum(axis=1)
    np.testing.assert_allclose(predict(network, x)[:, 0], wanted, atol=EXACT)


@pytest.mark.slow
def test_the_smoke_scale_fills_claims_figures_and_tables():
    tables = quick_tables(STUDY, "smoke")
    assert not [claim.key for claim in STUDY.claims if claim(tables).status == C]
    for figure in STUDY.figures:
        assert figure.draw(tables).to_dict()["width"] == "container" and "nan" not in figure.caption_of(tables)
    for table in STUDY.tables:
        assert len(table.make(tables))
    for scale in ("desk", "paper"):
        assert all(experiment.grids(scale)[0].seeds for experiment in STUDY.experiments)
