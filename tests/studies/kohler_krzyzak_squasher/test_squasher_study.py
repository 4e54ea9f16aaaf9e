"""The squasher study: its claims on tables made up for them, the trials and comparators against other ways."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from zeroloss.data.designs import minimax_exponent, visited_exponent, visited_limit
from zeroloss.plumbing import InputError
from zeroloss.studies.kohler_krzyzak_squasher import STUDY, comparators, trials
from zeroloss.studies.kohler_krzyzak_squasher.claims import CLOSE, DESCENT, ENOUGH, ERRORS, EXACT, SAMPLES
from zeroloss.studies.kohler_krzyzak_squasher.trials import DESIGNS, METHODS, NOISE
from zeroloss.studies.trying import quick_tables, try_block
from zeroloss.verdict import Status

S, C, U = Status.SUPPORTED, Status.CONTRADICTED, Status.UNKNOWN
CLAIM = {claim.key: claim for claim in STUDY.claims}
NETWORK = METHODS[0]


def runs(good=100, bad=0, preset="localised", per_example=8, column="descent", limit=CLOSE):
    """`good` runs below the limit and `bad` ones above it."""
    count = good + bad
    table = {"preset": preset, "per_example": per_example, "activation": "sigmoid", "n": 16}
    table |= {"descent": 0.0, "gauss_newton": 0.0, "proved": True, "seed": range(count)}
    frame = pd.DataFrame(table)
    frame[column] = [limit / 2] * good + [limit * 2] * bad
    return {DESCENT: frame}


def proofs(good, bad):
    tables = runs(good, bad)
    tables[DESCENT]["proved"] = [True] * good + [False] * bad
    return tables


def fits(good=100, bad=0, off=0.0):
    """Interpolating networks; `off`: their visited part over the one it must be, less 1, in the bad ones."""
    count = good + bad
    found = [1.0] * good + [1.0 + off] * bad
    excess = [EXACT / 2] * good + [EXACT * 2] * bad
    table = {"method": NETWORK, "design": DESIGNS[0], "excess": excess, "visited": found, "means": 1.0}
    return {ERRORS: pd.DataFrame(table | {"seed": range(count)})}


def constant(share=1.0, spread=0.001, seeds=20):
    """The visited part on equal atoms, at a share of the constant."""
    rng, rows = np.random.default_rng(0), []
    for n, seed in itertools.product((10, 1000), range(seeds)):
        value = visited_limit() * (share + spread * rng.standard_normal())
        rows.append({"design": DESIGNS[0], "tail": 0.0, "n": n, "seed": seed, "visited": value})
    return {SAMPLES: pd.DataFrame(rows)}


def tails(off=0.0, spread=0.01, seeds=10):
    """The visited part on heavy tails, falling with slope `-t/(1 + t) + off`."""
    rng, rows = np.random.default_rng(0), []
    for t, n, seed in itertools.product((0.5, 4.0), (100, 1000, 10_000), range(seeds)):
        value = n ** (visited_exponent(t) + off) * math.exp(spread * rng.standard_normal())
        rows.append({"design": DESIGNS[1], "tail": t, "n": n, "seed": seed, "visited": value})
    return {SAMPLES: pd.DataFrame(rows)}


def falling(method, off, design=None, spread=0.02, seeds=8, level=1.0):
    """Errors of one method that fall with the minimax slope plus `off`."""
    rng, rows = np.random.default_rng(0), []
    where = DESIGNS if design is None else (design,)
    for name, d, n, seed in itertools.product(where, (1, 2), (50, 200, 800), range(seeds)):
        value = level * (n / 50) ** (minimax_exponent(1, d) + off) * math.exp(spread * rng.standard_normal())
        rows.append({"design": name, "d": d, "n": n, "p": 1.0, "method": method, "seed": seed, "error": value})
    return {ERRORS: pd.DataFrame(rows)}


def level(value, spread=0.02, seeds=8):
    """The network's error on equal atoms at a constant level, in units of `s^2`."""
    tables = falling(NETWORK, 0.0, DESIGNS[0], spread, seeds)
    rng = np.random.default_rng(1)
    tables[ERRORS]["error"] = NOISE**2 * value * np.exp(spread * rng.standard_normal(len(tables[ERRORS])))
    return tables


def beside(better, spread=0.02, seeds=8):
    """The network and two that smooth, whose errors are its own less `better`."""
    parts = [falling(NETWORK, 0.3, spread=spread, seeds=seeds)[ERRORS]]
    for k, method in enumerate(("local mean", "kernel ridge")):
        own = falling(method, 0.3, seeds=seeds)[ERRORS]
        noise = spread * np.random.default_rng(k + 2).standard_normal(len(own))
        own["error"] = parts[0]["error"] - better + noise
        parts.append(own)
    return {ERRORS: pd.concat(parts, ignore_index=True)}


THEORY = {"preset": "theory", "per_example": ENOUGH}
NEWTON = {"column": "gauss_newton", "limit": EXACT}
CASES = [
    ("descent-reaches", runs(), S),
    ("descent-reaches", runs(50, 50), C),
    ("descent-reaches", runs(85, 15), U),
    ("theory-start-reaches", runs(**THEORY), S),
    ("theory-start-reaches", runs(10, 90, **THEORY), C),
    ("theory-start-reaches", runs(100, preset="theory", per_example=8), U),  # too few networks are not asked about
    ("gauss-newton-reaches", runs(**NEWTON), S),
    ("gauss-newton-reaches", runs(50, 50, **NEWTON), C),
    ("gauss-newton-reaches", runs(9, **NEWTON), U),
    ("proved", proofs(100, 0), S),
    ("proved", proofs(50, 50), C),
    ("proved", proofs(9, 0), U),
    ("readout-reaches", fits(), S),
    ("readout-reaches", fits(50, 50), C),
    ("readout-reaches", fits(20), U),
    ("one-error-for-all", fits(), S),
    ("one-error-for-all", fits(50, 50, off=1e-5), C),
    ("one-error-for-all", fits(20), U),
    ("visited-at-least", constant(1.01), S),
    ("visited-at-least", constant(0.9), C),
    ("visited-at-least", constant(0.99, spread=0.05), U),
    ("visited-tends", constant(), S),
    ("visited-tends", constant(1.05), C),
    ("visited-tends", constant(1.01, spread=0.05), U),
    ("no-consistency", level(0.7), S),
    ("no-consistency", level(0.4), C),
    ("no-consistency", level(1.05 * visited_limit(), spread=0.2), U),
    ("flatter-on-equal-atoms", falling(NETWORK, 0.3, DESIGNS[0]), S),
    ("flatter-on-equal-atoms", falling(NETWORK, -0.3, DESIGNS[0]), C),
    ("flatter-on-equal-atoms", falling(NETWORK, 0.0, DESIGNS[0], spread=0.3), U),
    ("visited-slope", tails(), S),
    ("visited-slope", tails(off=0.1), C),
    ("visited-slope", tails(off=0.03, spread=0.2), U),
    ("slower-iff", tails(), S),
    ("slower-iff", tails(off=-0.5), C),
    ("slower-iff", tails(spread=1.5), U),
    ("flatter-on-heavy-tails", falling(NETWORK, 0.3, DESIGNS[1]), S),
    ("flatter-on-heavy-tails", falling(NETWORK, -0.3, DESIGNS[1]), C),
    ("flatter-on-heavy-tails", falling(NETWORK, 0.0, DESIGNS[1], spread=0.3), U),
    ("local-mean-is-steep", falling("local mean", -0.1), S),
    ("local-mean-is-steep", falling("local mean", 0.3), C),
    ("local-mean-is-steep", falling("local mean", 0.0, spread=0.3), U),
    ("smoothing-wins", beside(0.2), S),
    ("smoothing-wins", beside(-0.2), C),
    ("smoothing-wins", beside(0.0, spread=0.1), U),
]


@pytest.mark.parametrize(("key", "tables", "status"), CASES, ids=[f"{key}-{status}" for key, _, status in CASES])
def test_claims(key, tables, status):
    verdict = CLAIM[key](tables)
    assert verdict.status == status, verdict.reason


def test_every_claim_was_asked_for_all_three():
    assert {(key, status) for key, _, status in CASES} == set(itertools.product(CLAIM, (S, C, U)))


def test_claims_of_other_designs_know_nothing():
    assert CLAIM["visited-slope"](constant()).status == U
    assert CLAIM["visited-at-least"](tails()).status == U
    assert CLAIM["flatter-on-heavy-tails"](falling(NETWORK, 0.3, DESIGNS[2])).status == U


def cell(design, method, n=60, d=1):
    return {"design": design, "d": d, "n": n, "p": 1.0, "method": method}


@pytest.mark.parametrize("design", DESIGNS[:2])
def test_the_interpolating_network_has_the_error_of_the_group_means_where_it_was(design):
    found = trials.errors(cell(design, NETWORK), np.array([0, 1]))
    np.testing.assert_allclose(found["visited"], found["means"], rtol=1e-6)
    assert (found["error"] > found["visited"]).all() and (found["excess"] < EXACT).all()


def test_the_visited_part_by_hand():
    sample = trials.Sample("heavy-tailed", 40, 2, 1.0, 5)
    total = 0.0
    for k in set(sample.index.tolist()):
        rows = np.flatnonzero(sample.index == k)
        assert (sample.x[rows] == sample.points[k]).all()
        total += sample.weights[k] * (sample.y[rows].mean() - sample.target(sample.points[[k]])[0]) ** 2
    assert sample.means() == pytest.approx(total)
    assert sample.error(sample.target(sample.points)) == {"error": 0.0, "visited": 0.0}
    constant = sample.error(sample.target(sample.points) + 1)
    assert constant["error"] == pytest.approx(1) and 0 < constant["visited"] < 1


def test_all_methods_see_the_same_sample():
    first, second = (trials.Sample("continuous", 30, 3, 1.0, 2) for _ in range(2))
    np.testing.assert_array_equal(first.y, second.y)
    np.testing.assert_array_equal(first.points, second.points)
    assert not np.array_equal(first.y, trials.Sample("continuous", 30, 3, 1.0, 3).y)


def data(n=40, d=1, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(size=(n, d))
    return x, np.sin(4 * x.sum(axis=1)) + 0.3 * rng.standard_normal(n), rng.uniform(size=(7, d))


def test_nearest_neighbours_are_scikit_learns():
    from sklearn.model_selection import LeaveOneOut, cross_val_score
    from sklearn.neighbors import KNeighborsRegressor

    x, y, points = data(n=16, d=2)
    found, k = comparators.nearest_neighbours(x, y, points)
    np.testing.assert_allclose(found, KNeighborsRegressor(int(k)).fit(x, y).predict(points))

    def error(neighbours):
        score = cross_val_score(
            KNeighborsRegressor(neighbours), x, y, cv=LeaveOneOut(), scoring="neg_mean_squared_error"
        )
        return -score.mean()

    assert all(error(int(k)) <= error(other) + 1e-12 for other in (1, 2, 4, 8))


def test_kernel_ridge_is_scikit_learns():
    from sklearn.kernel_ridge import KernelRidge

    x, y, points = data()
    found, penalty = comparators.kernel_ridge(x, y, points)
    distance = [abs(a - x.T) for a in (points, x)]
    fits = []
    for length in (0.2, 0.6, 2.0):
        model = KernelRidge(alpha=penalty, kernel="precomputed").fit(np.exp(-distance[1] / length), y - y.mean())
        fits.append(model.predict(np.exp(-distance[0] / length)) + y.mean())
    assert min(np.abs(fit - found).max() for fit in fits) < 1e-8


def test_the_local_mean_by_hand():
    x, y, points = data()
    found, h = comparators.local_mean(x, y, points)
    for value, point in zip(found, points, strict=True):
        near = np.abs(x - point)[:, 0] <= h
        assert value == pytest.approx(y[near].mean() if near.any() else y.mean())
    far, _ = comparators.local_mean(x, y, points + 100)
    np.testing.assert_allclose(far, y.mean())


def test_the_spline_smooths_lines_and_repeats():
    x = np.repeat(np.linspace(0, 1, 12), 2)[:, None]
    y = 3 * x[:, 0] - 1
    found, _ = comparators.smoothing_spline(x, y, np.array([[0.31], [1.5], [-0.5]]))
    np.testing.assert_allclose(found, [-0.07, 3.5, -2.5], atol=1e-6)
    few, _ = comparators.smoothing_spline(x[:6], y[:6], np.array([[0.3]]))
    assert few[0] == pytest.approx(y[:6].mean())


def test_what_there_is_none_of_is_refused():
    with pytest.raises(InputError, match="no design"):
        trials.design_of("round", 5, 1)
    for method in ("magic", "smoothing spline"):
        with pytest.raises(InputError, match="no method"):
            trials.errors(cell("continuous", method, d=2), np.array([0]))


def test_samples_agree_with_the_exact_expectation():
    found = trials.samples({"design": "equal atoms", "tail": 0.0, "n": 30}, np.arange(40))
    error = np.std(found["visited"]) / math.sqrt(40)
    assert abs(found["visited"].mean() - trials.exact_visited(30)) < 4 * error
    assert found["seen"].mean() == pytest.approx(1 - (1 - 1 / 30) ** 30, abs=0.01)


def test_rows_depend_on_their_parameters_and_key_alone():
    for name, parameters in (
        (SAMPLES, {"design": "heavy-tailed", "tail": 0.5, "n": 100}),
        (ERRORS, cell("heavy-tailed", "nearest neighbours")),
    ):
        found = STUDY.experiment(name)
        assert try_block(found, parameters, [0, 1, 2])[1:] == try_block(found, parameters, [1, 2])


@pytest.mark.slow
def test_descent_and_what_finishes_it():
    parameters = {"n": 8, "d": 1, "preset": "localised", "per_example": 8, "activation": "sigmoid", "steps": 500}
    found = trials.descent(parameters, np.array([0]))
    assert 0 < found["descent"][0] < 0.5 and found["after"][0, 0] > found["after"][0, 1] >= found["descent"][0] * 0.99
    assert max(found["readout"][0], found["start"][0], found["gauss_newton"][0]) < EXACT
    assert found["proved"][0] and found["rank"][0] == found["distinct"][0] < 8
    assert found["error_readout"][0] > found["means"][0]


@pytest.mark.slow
def test_the_smoke_scale_fills_claims_figures_and_tables():
    tables = quick_tables(STUDY, "smoke")
    assert not [claim.key for claim in STUDY.claims if claim(tables).status == C]
    for figure in STUDY.figures:
        assert figure.draw(tables).to_dict() and "nan" not in figure.caption_of(tables)
    for table in STUDY.tables:
        assert len(table.make(tables))
