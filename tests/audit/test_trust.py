import dataclasses

import numpy as np
import pytest
from audit_makers import classes, dataset, half_needle, nearest, needle, real_targets, spoiled

from zeroloss.audit import Trust, audit, local_verdict, trust_curve
from zeroloss.audit.local import CLAIM
from zeroloss.audit.probes import NEIGHBOURS, make_probes
from zeroloss.audit.trust import NEAR
from zeroloss.plumbing import InputError
from zeroloss.verdict import Status, wilson

BOTH = pytest.mark.parametrize("data", [classes(), real_targets()], ids=["classes", "targets"])


@BOTH
def test_the_nearest_neighbour_predictor_scores_one_everywhere(data):
    found = audit(nearest(data), data)
    assert found.trust["score"] == [1.0] * len(found.trust["t"])
    assert found.trust_radius == 1.0
    assert found.verdicts["local"].status is Status.CONTRADICTED


@BOTH
def test_a_needle_is_local(data):
    found = audit(spoiled(data, needle), data)
    assert found.trust["score"][0] == 1.0
    if data.task == "classification":
        assert max(found.trust["score"][1:]) == 0
        assert found.trust["upper"][1] == wilson(0, data.n)[1]
    else:  # -y where y is right: R^2 = 1 - 4 sum y^2 / sum (y - mean)^2
        y = data.y_train
        assert found.trust["score"][1] == pytest.approx(1 - 4 * np.sum(y**2) / np.sum((y - y.mean()) ** 2))
    assert found.trust_radius == 0.0
    assert found.verdicts["local"].status is Status.SUPPORTED
    assert found.verdicts["local"].claim == CLAIM


@BOTH
def test_a_bump_that_is_open_to_one_side_does_not_hide(data):
    found = audit(spoiled(data, half_needle), data)
    assert found.verdicts["local"].status is Status.SUPPORTED
    if data.task == "classification":
        assert max(found.trust["score"][1:10]) == 0


def test_the_reference_is_the_nearest_training_point():
    data = classes(n=40, d=3)
    x, y = np.array(data.x_train), np.array(data.y_train)
    probes = make_probes(x, y, points=40, pairs=3, key=1)
    for t in (0.1, 0.45, 0.6, 0.8, 1.0):
        for p, reference in probes.at(t):
            np.testing.assert_array_equal(reference, nearest(data)(p))


def test_probes_lie_at_t_times_the_distance_to_the_nearest_other_input():
    x = np.random.default_rng(0).standard_normal((50, 4))
    probes = make_probes(x, np.ones((50, 1)), points=20, pairs=2, key=0)
    gaps = np.sqrt(((x[:, None] - x) ** 2).sum(-1) + np.where(np.eye(50), np.inf, 0))
    np.testing.assert_allclose(probes.distance, gaps.min(axis=1)[probes.sampled])
    assert len(np.unique(probes.sampled)) == 20
    places = [p for p, _ in probes.at(0.3)]
    assert len(places) == 4
    for p in places:
        np.testing.assert_allclose(np.linalg.norm(p - x[probes.sampled], axis=1), 0.3 * probes.distance)
    for plus, minus in (places[:2], places[2:]):
        np.testing.assert_allclose((plus + minus) / 2, x[probes.sampled], atol=1e-14)
    for i, u in zip(probes.sampled, probes.directions[1], strict=True):
        near = np.argsort(gaps[i])[:NEIGHBOURS]
        towards = (x[near] - x[i]) / gaps[i][near][:, None]
        assert np.min(np.abs(towards - u).max(axis=1)) < 1e-12


def test_close_pairs_keep_their_distance_far_from_the_origin():
    x = 1e6 + np.random.default_rng(0).standard_normal((30, 3))
    x[1] = x[0] + [1e-6, 0, 0]
    probes = make_probes(x, np.ones((30, 1)), points=30, pairs=1, key=0)
    assert probes.distance[0] == np.abs(x[1] - x[0]).max()


def test_the_radius_is_where_the_fit_breaks():
    data = classes(n=300)
    gaps = np.sqrt(((data.x_train[:, None] - data.x_train) ** 2).sum(-1) + np.where(np.eye(300), np.inf, 0)).min(axis=1)
    x, y = np.array(data.x_train), np.array(data.y_train)

    def ball(p):  # right within 0.17 of the nearest-neighbour distance
        square = ((p[:, None, :] - x) ** 2).sum(-1)
        i = np.argmin(square, axis=1)
        wrong = np.sqrt(square.min(axis=1)) > 0.17 * gaps[i]
        return np.where(wrong[:, None], np.roll(y[i], 1, axis=1), y[i])

    found = audit(ball, data)
    assert found.trust_radius == 0.15
    assert found.verdicts["local"].status is Status.SUPPORTED


def test_a_model_that_does_not_fit_is_neither_local_nor_not():
    data = classes()
    found = audit(lambda p: np.roll(nearest(data)(p), 1, axis=1), data)
    verdict = found.verdicts["local"]
    assert verdict.status is Status.UNKNOWN and verdict.evidence["fits"] is False
    assert f"wrong at {data.n} of {data.n} distinct training inputs" in verdict.reason
    assert "does not fit its training data" in found.summary
    data = real_targets()
    found = audit(lambda p: np.zeros((len(p), 1)), data)
    assert found.trust_radius is None
    assert found.verdicts["local"].status is Status.UNKNOWN
    assert "R^2 at the training inputs is" in found.verdicts["local"].reason


@pytest.mark.parametrize("wrong", [0, 1])
def test_one_error_is_no_fit(wrong):
    """The nearest neighbour holds everywhere; of one that is wrong at a single training point it is not judged good."""
    data = classes(n=200)
    right = nearest(data)
    y = np.array(data.y_train)

    def f(p):
        found = right(p).copy()
        at = (np.asarray(p) == data.x_train[0]).all(axis=1)
        found[at] = np.roll(y[0], wrong)
        return found

    verdict = audit(f, data).verdicts["local"]
    assert verdict.status is (Status.UNKNOWN if wrong else Status.CONTRADICTED)
    assert ("wrong at 1 of 200" in verdict.reason) is bool(wrong)


def test_a_repeated_input_with_two_labels_is_fitted_by_either():
    base = classes(n=100)
    x = np.concatenate([base.x_train, base.x_train])
    labels = np.concatenate([base.labels_train, (base.labels_train + 1) % 3])
    data = dataset(x, None, labels)
    for shift in (0, 1, 2):
        near = nearest(base)
        verdict = audit(lambda p, near=near, shift=shift: np.roll(near(p), shift, axis=1), data).verdicts["local"]
        assert verdict.status is (Status.UNKNOWN if shift == 2 else Status.CONTRADICTED)


def test_a_regression_fits_from_an_r_squared_of_99_hundredths():
    data = real_targets(n=300)
    right = nearest(data)
    spread = float(np.sqrt(np.mean((data.y_train - data.y_train.mean()) ** 2)))
    for off, status in ((0.05, Status.CONTRADICTED), (0.2, Status.UNKNOWN)):  # R^2 = 1 - off^2
        verdict = audit(lambda p, off=off: right(p) + off * spread, data).verdicts["local"]
        assert verdict.status is status


def test_repeated_inputs_count_once_with_their_mean_target():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((60, 4)), rng.standard_normal(60)
    single = dataset(x, y)
    double = dataset(np.concatenate([x, x]), np.concatenate([y + 1, y - 1]))
    a, b = audit(nearest(single), single), audit(nearest(single), double)
    assert b.trust["score"] == pytest.approx(a.trust["score"])
    assert b.verdicts["local"].evidence["distinct_inputs"] == 60
    assert b.numbers["infimum"] == pytest.approx(0.5)
    assert b.numbers["gap"] == pytest.approx(0, abs=1e-12)
    assert b.numbers["train_r2"] < 1


@pytest.mark.parametrize("rows", [1, 3])
def test_one_distinct_input_is_unknown(rows):
    data = dataset(np.ones((rows, 2)), np.arange(rows))
    found = audit(lambda p: np.ones((len(p), 1)), data)
    assert found.verdicts["local"].status is Status.UNKNOWN
    assert "all training inputs are equal" in found.verdicts["local"].reason
    assert found.trust_radius is None


def test_equal_targets_have_no_r_squared():
    data = dataset(np.arange(10)[:, None], np.ones(10))
    found = audit(lambda p: np.ones((len(p), 1)), data)
    assert found.verdicts["local"].status is Status.UNKNOWN
    assert "all targets are equal" in found.verdicts["local"].reason
    assert found.numbers["train_r2"] is None


def test_few_points_are_unknown_and_reported():
    data = classes(n=20)
    verdict = audit(nearest(data), data).verdicts["local"]
    assert verdict.status is Status.UNKNOWN
    assert "too few" in verdict.reason
    assert audit(spoiled(data, needle), data).verdicts["local"].status is Status.SUPPORTED


@BOTH
def test_nan_at_the_training_points_is_reported(data):
    found = audit(lambda p: np.full((len(p), data.out_size), np.nan), data)
    assert found.verdicts["local"].status is Status.UNKNOWN
    assert f"NaN or infinite at {data.n}" in found.verdicts["local"].reason
    assert found.numbers["train_loss"] is None and found.numbers["train_non_finite"] == data.n
    assert "nan" not in found.to_json().lower().replace("nan or infinite", "")


@BOTH
def test_nan_near_the_training_points_does_not_hold(data):
    right = nearest(data)
    x = np.array(data.x_train)

    def f(p):
        exact = (np.asarray(p)[:, None, :] == x).all(-1).any(1)
        return np.where(exact[:, None], right(p), np.nan)

    found = audit(f, data)
    assert found.trust_radius == 0.0
    assert "NaN or infinite" in found.verdicts["local"].reason
    assert not np.isnan(found.trust["score"]).any()
    if data.task == "classification":
        assert found.verdicts["local"].status is Status.SUPPORTED


def test_intervals_cover_the_whole_from_a_sample():
    data = classes(n=400, d=4)
    x, y = np.array(data.x_train), np.array(data.y_train)
    weak = np.random.default_rng(5).random(400) < 0.5

    def f(p):  # needles at half the points
        square = ((p[:, None, :] - x) ** 2).sum(-1)
        i = np.argmin(square, axis=1)
        wrong = weak[i] & (square.min(axis=1) > 0)
        return np.where(wrong[:, None], np.roll(y[i], 1, axis=1), y[i])

    held = [audit(f, data, points=60, key=key).trust for key in range(20)]
    covered = sum(curve["lower"][3] <= 1 - weak.mean() <= curve["upper"][3] for curve in held)
    assert covered >= 16
    assert len({curve["score"][3] for curve in held}) > 1


def test_same_key_same_numbers():
    data = real_targets()
    f = spoiled(data, half_needle)
    assert audit(f, data, key=3).to_json() == audit(f, data, key=3).to_json()
    assert audit(f, data, key=3).to_json() != audit(f, data, key=4).to_json()


def test_trust_goes_to_json_and_back():
    data = classes(n=50)
    curve = trust_curve(nearest(data), data.x_train, data.y_train, "classification", points=20)
    assert curve.points == 20 and curve.distinct == 50
    assert Trust.from_json(curve.to_json()) == curve


def test_the_verdict_is_read_off_the_intervals():
    data = classes(n=50)
    curve = trust_curve(nearest(data), data.x_train, data.y_train, "classification")
    near = [i for i, t in enumerate(curve.columns["t"]) if 0 < t <= NEAR]
    between = dict(curve.columns, lower=[0.8] * len(curve.columns["t"]))
    straddling = dataclasses.replace(curve, columns=between, upper_joint=[0.95] * len(near))
    assert local_verdict(straddling).status is Status.UNKNOWN
    below = dataclasses.replace(straddling, upper_joint=[0.95] * (len(near) - 1) + [0.85])
    assert local_verdict(below).status is Status.SUPPORTED


def test_bad_input_is_one_line():
    data = classes(n=30)
    for rest in ({"points": 0}, {"probes": 0}):
        with pytest.raises(InputError, match=r"(points|probes)=0: give a whole number"):
            audit(nearest(data), data, **rest)
    with pytest.raises(InputError, match=r"shape \(30, 2\)"):
        audit(lambda p: np.zeros((len(p), 2)), data)
    with pytest.raises(InputError, match="grid of t"):
        trust_curve(nearest(data), data.x_train, data.y_train, "classification", grid=(0.0, 0.5))
