"""The study of double descent: closed forms against independent ones, trials on known cases, claims on made-up tables."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from zeroloss.plumbing import InputError
from zeroloss.studies import find_study, quick_tables
from zeroloss.studies.double_descent import networks, ridgeless, samples, trials
from zeroloss.studies.double_descent.claims import ADAM, DRAWN, FEATURES, MINIMA, NEWTON
from zeroloss.studies.double_descent.places import at
from zeroloss.studies.trying import try_block
from zeroloss.verdict import Status

S, C, U = Status.SUPPORTED, Status.CONTRADICTED, Status.UNKNOWN
STUDY, _ = find_study("double_descent")
CLAIM = {claim.key: claim for claim in STUDY.claims}
RATIOS, LOADS = (0.25, 0.5, 1.0, 2.0, 4.0, 16.0), (0.3, 1.0, 8.0)


# Closed forms


@pytest.fixture(params=[(12, 5), (12, 12), (12, 40)], ids=["p<n", "p=n", "p>n"])
def problem(request):
    n, p = request.param
    rng = np.random.default_rng(n + p)
    features, others, y = rng.normal(size=(n, p)), rng.normal(size=(7, p)), rng.normal(size=(n, 3))
    return features, others, y, ridgeless.factorise(features, others)


def test_the_minimum_norm_is_the_pseudo_inverse(problem):
    features, others, y, factor = problem
    w = np.linalg.pinv(features) @ y
    g = ridgeless.minimum_norm(factor.s)
    np.testing.assert_allclose(ridgeless.answers(factor, g, y), others @ w, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(ridgeless.fitted(factor, g, y), features @ w, rtol=1e-7, atol=1e-9)
    assert ridgeless.norm(factor, g, y) == pytest.approx(np.linalg.norm(w))
    assert factor.condition == pytest.approx(np.linalg.cond(features))


def test_ridge_is_scikit_learns(problem):
    features, others, y, factor = problem
    penalty = 1e-3
    wanted = Ridge(alpha=penalty * factor.s[0] ** 2, fit_intercept=False, solver="svd").fit(features, y)
    found = ridgeless.answers(factor, ridgeless.ridge(factor.s, penalty), y)
    np.testing.assert_allclose(found, wanted.predict(others), rtol=1e-8, atol=1e-10)


def test_descent_is_gradient_descent_step_by_step(problem):
    features, others, y, factor = problem
    step, w = ridgeless.STEP / factor.s[0] ** 2, np.zeros((features.shape[1], 3))
    for _ in range(40):
        w -= step * features.T @ (features @ w - y)
    found = ridgeless.answers(factor, ridgeless.descent(factor.s, 40), y)
    np.testing.assert_allclose(found, others @ w, rtol=1e-9, atol=1e-11)
    limit = ridgeless.descent(factor.s, 1e12)
    np.testing.assert_allclose(limit, ridgeless.minimum_norm(factor.s), rtol=1e-9)


def test_directions_at_rounding_are_left_out():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(9, 4)) @ rng.normal(size=(4, 20))
    factor = ridgeless.factorise(features, features)
    assert len(factor.s) == 4
    y = features[:, :2]
    np.testing.assert_allclose(ridgeless.answers(factor, ridgeless.minimum_norm(factor.s), y), y, atol=1e-12)


def test_the_solution_is_accurate_at_the_threshold():
    drawn = samples.sample("digits", 200, 0.2, 0)
    features = samples.random_features(drawn.x, 200, (0, 1))
    factor, y = ridgeless.factorise(features, features), drawn.targets(drawn.labels)
    assert factor.condition > 1000 and len(factor.s) == 200
    np.testing.assert_allclose(ridgeless.answers(factor, ridgeless.minimum_norm(factor.s), y), y, atol=1e-9)


# Samples


def test_noise_is_nested_counted_and_never_the_right_class():
    clean, ten, twenty = (samples.sample("digits", 100, noise, 3) for noise in (0.0, 0.1, 0.2))
    np.testing.assert_array_equal(clean.labels, clean.clean)
    changed = [one.labels != one.clean for one in (ten, twenty)]
    assert [c.sum() for c in changed] == [10, 20] and not (changed[0] & ~changed[1]).any()
    np.testing.assert_array_equal(ten.x, twenty.x)
    np.testing.assert_array_equal(ten.labels[changed[0]], twenty.labels[changed[0]])
    assert (samples.sample("digits", 100, 0.2, 4).x != twenty.x).any()
    np.testing.assert_allclose((clean.x**2).mean(), 1)
    np.testing.assert_allclose(clean.targets(clean.labels).sum(axis=1), 0, atol=1e-12)


def test_rows_of_a_sample_are_disjoint():
    found = samples.sample("digits", 60, 0.0, 0)
    parts = [found.x, found.x_choosing, found.x_more]
    assert sum(map(len, parts)) == len(samples.rows("digits")[0])
    assert len(np.unique(np.concatenate(parts), axis=0)) == len(np.unique(samples.rows("digits")[0], axis=0))
    with pytest.raises(InputError, match="too many"):
        samples.sample("digits", 1200, 0.0, 0)
    with pytest.raises(InputError, match="no classes"):
        samples.sample("diabetes", 50, 0.0, 0)


def test_features_of_a_seed_are_nested():
    x = np.random.default_rng(0).normal(size=(5, 3))
    few, many = (samples.random_features(x, width, (1, 2)) * np.sqrt(width) for width in (4, 9))
    np.testing.assert_allclose(few, many[:, :4])
    assert (samples.random_features(x, 4, (2, 2)) != few / 2).any()


# Trials


def cell(**more):
    return {"data": "digits", "n": 60, "noise": 0.2, "ratio": 1.0} | more


def test_random_features_fit_from_p_equal_to_n_on():
    below, at_n, beyond = (trials.features(cell(ratio=r), np.array([0, 1])) for r in (0.5, 1.0, 4.0))
    assert (below["residual"] > 0.01).all() and (at_n["residual"] < 1e-8).all() and (beyond["residual"] < 1e-10).all()
    assert not at_n["train_error"].any() and (at_n["distinct"] == 60).all()
    assert (at_n["condition"] > 10 * beyond["condition"]).all() and (at_n["norm"] > 3 * beyond["norm"]).all()
    assert (at_n["squared"] > 3 * beyond["squared"]).all()
    for found in (below, at_n, beyond):
        assert (found["ridge_norm"] <= found["norm"] * (1 + 1e-9)).all()


def test_the_split_adds_up_and_averaging_helps_at_the_threshold():
    found = trials.draws(cell(n=40), np.array([0]))
    variance, rest, count = found["variance"], found["rest"], trials.DRAWS
    np.testing.assert_allclose(found["squared"], rest + variance, rtol=1e-9)  # exact, not only on average
    assert (variance > 0).all() and count > 1
    wide = trials.draws(cell(n=40, ratio=8.0), np.array([0]))
    assert wide["variance"] < variance / 10


def test_other_minima_fit_and_fail():
    found = trials.interpolators(cell(ratio=4.0), np.array([0]))
    assert found["twin_train_right"] == 1 and found["twin_residual"] < 1e-8 and found["twin_error"] > 0.8
    assert found["bad_exists"] and found["bad_train_right"] == 1 and found["bad_residual"] < 1e-8
    assert found["bad_error"] > found["error"] + 0.2 and found["norm_ratio"] > 1
    narrow = trials.interpolators(cell(ratio=0.5), np.array([0]))
    assert not narrow["bad_exists"] and narrow["bad_error"] == narrow["error"] and narrow["norm_ratio"] == 1
    assert narrow["twin_train_right"] == 1


def test_the_network_of_the_twin_is_the_minimum_norm_solution():
    one, other = trials.features(cell(), np.array([2])), trials.interpolators(cell(), np.array([2]))
    np.testing.assert_allclose(one["error"], other["error"], atol=0.005)


def test_wide_networks_reach_the_minimum_and_seeds_do_not_mix():
    wide = {"data": "digits", "n": 30, "noise": 0.2, "width": 60}
    found = networks.adam(wide, np.arange(3))
    assert found["minimum"].all() and not found["train_error"].any() and (found["loss"] <= networks.GOAL).all()
    assert (found["equations"] == 300).all() and (found["parameters"] == 65 * 60 + 61 * 10).all()
    assert len(set(found["norm"].tolist())) == 3
    alone = networks.adam(wide, np.array([1, 1, 1]))
    np.testing.assert_allclose(alone["error"][1], found["error"][1])
    assert (found["stopped_steps"] <= found["steps"]).all()


@pytest.mark.slow
def test_gauss_newton_reaches_the_minimum_of_a_wide_network():
    found = networks.newton({"data": "digits", "n": 20, "noise": 0.2, "width": 20}, np.array([0, 0]))
    assert found["zero"].all() and not found["train_error"].any() and (found["loss"] <= networks.NEWTON_GOAL).all()
    assert found["error"][0] == found["error"][1]


def test_rows_depend_on_their_parameters_and_key_alone():
    found = STUDY.experiment(FEATURES)
    assert try_block(found, cell(), [0, 1, 2])[1:] == try_block(found, cell(), [1, 2])


# Claims on tables made up so that the answer is known


def grid(axis, places, fill, *, noises=(0.0, 0.1, 0.2), seeds=20, jitter=0.002, datas=("digits",)):
    """A row a data set, place, noise and seed; `fill(place, noise)` gives the columns, each with a little noise."""
    rng = np.random.default_rng(0)
    found = []
    for data, place, noise, seed in itertools.product(datas, places, noises, range(seeds)):
        values = {k: v * (1 + jitter * rng.standard_normal()) for k, v in fill(place, noise).items()}
        found.append({"data": data, axis: place, "noise": noise, "seed": seed} | values)
    return pd.DataFrame(found)


def feature_rows(
    top=1.0, height=0.5, clean_height=0.2, wide=0.2, narrow=0.3, ridge=0.1, clean_wide=0.05, rise=0.0, **more
):
    """Curves with their largest errors at `top`; `wide`: the error of the widest with noise."""

    def fill(ratio, noise):
        base = (wide if noise else clean_wide) if ratio >= 4 else narrow
        lift = (height if noise else clean_height) if ratio == top else 0.0
        estimate = ridge if noise else clean_wide
        at_top = {"ridge_error": estimate + rise * (ratio == 1), "stopped_error": estimate + rise * (ratio == 1)}
        return {
            "error": base + lift,
            "squared": base + 20 * lift,
            "ridge_squared": base,
            "norm": 1 + 20 * lift,
        } | at_top

    return {FEATURES: grid("ratio", RATIOS, fill, **more)}


def draw_rows(share=0.9, power=-1.0, **more):
    def fill(ratio, noise):
        return {"width": 100 * ratio, "variance": share * ratio**power, "squared": 1.0 if ratio == 1 else 2.0}

    frame = grid("ratio", RATIOS, fill, **more)
    return {DRAWN: frame.assign(width=100 * frame["ratio"])}


def minima_rows(twin=0.95, bad=0.9, ratio=4.0, right=1.0, seeds=30, jitter=0.002):
    frame = grid(
        "ratio",
        (1.0, 4.0),
        lambda place, noise: {"twin_error": twin, "bad_error": bad, "norm_ratio": ratio},
        noises=(0.2,),
        seeds=seeds,
        jitter=jitter,
    )
    fits = np.where(np.arange(len(frame)) % 10 < 10 * right, 1.0, 0.9)
    return {
        MINIMA: frame.assign(
            bad_exists=frame["ratio"] > 1, twin_train_right=fits, bad_train_right=fits, twin_residual=0.0, bad_residual=0.0
        )
    }  # fmt: skip


def network_rows(narrow=0.4, middle=0.5, wide=0.3, stopped=(0.3, 0.3, 0.25), clean=(0.3, 0.2, 0.1), **more):
    by_load = dict(zip(LOADS, zip((narrow, middle, wide), stopped, clean, strict=True), strict=True))

    def fill(load, noise):
        error, early, without = by_load[load]
        return {"error": error if noise else without, "stopped_error": early}

    frame = grid("load", LOADS, fill, **more)
    return {ADAM: frame.assign(parameters=1000 * frame["load"], equations=1000).drop(columns="load")}


def milder_rows(features=0.5, nets=0.1, **more):
    curves = feature_rows(height=features, wide=0.2, narrow=0.2, **more)
    return curves | network_rows(middle=0.3 + nets, wide=0.3, **more)


def newton_rows(zeros=20, difference=0.0, runs=20, jitter=0.002):
    rng = np.random.default_rng(0)
    return {
        NEWTON: pd.DataFrame(
            {
                "width": 54,
                "parameters": 4060,
                "equations": 1000,
                "zero": np.arange(runs) < zeros,
                "error": 0.4 + difference + jitter * rng.standard_normal(runs),
                "adam_error": 0.4,
            }
        )
    }


LOUD = {"jitter": 0.8, "seeds": 4}
CASES = [
    ("peak-at-threshold", feature_rows(), S),
    ("peak-at-threshold", feature_rows(top=16.0), C),
    ("peak-at-threshold", feature_rows(seeds=4), U),
    ("norm-peaks", feature_rows(), S),
    ("norm-peaks", feature_rows(top=0.25), C),
    ("norm-peaks", feature_rows(seeds=4), U),
    ("second-descent", feature_rows(), S),
    ("second-descent", feature_rows(height=0.0, narrow=0.2), C),
    ("second-descent", feature_rows(**LOUD), U),
    ("noise-raises-the-peak", feature_rows(), S),
    ("noise-raises-the-peak", feature_rows(height=0.2, clean_height=0.6), C),
    ("noise-raises-the-peak", feature_rows(height=0.35, **LOUD), U),
    ("larger-is-no-worse", feature_rows(), S),
    ("larger-is-no-worse", feature_rows(clean_wide=0.4), C),
    ("larger-is-no-worse", feature_rows(clean_wide=0.3, jitter=0.1), U),
    ("noise-widest-beats-narrow", feature_rows(), S),
    ("noise-widest-beats-narrow", feature_rows(wide=0.4), C),
    ("noise-widest-beats-narrow", feature_rows(wide=0.28, **LOUD), U),
    ("noise-ridge-beats-widest", feature_rows(), S),
    ("noise-ridge-beats-widest", feature_rows(ridge=0.2), C),
    ("noise-ridge-beats-widest", feature_rows(ridge=0.19, jitter=0.1), U),
    ("clean-interpolation-is-free", feature_rows(), S),
    ("clean-interpolation-is-free", feature_rows() | {FEATURES: feature_rows()[FEATURES].assign(ridge_error=0.01)}, C),
    ("clean-interpolation-is-free", feature_rows(clean_wide=0.5, jitter=0.1), U),
    ("ridge-removes-the-peak", feature_rows(), S),
    ("ridge-removes-the-peak", feature_rows(rise=0.1), C),
    ("ridge-removes-the-peak", feature_rows(rise=0.01, jitter=0.1), U),
    ("stopping-removes-the-peak", feature_rows(), S),
    ("stopping-removes-the-peak", feature_rows(rise=0.1), C),
    ("stopping-removes-the-peak", feature_rows(rise=0.01, jitter=0.1), U),
    ("peak-is-variance", draw_rows(), S),
    ("peak-is-variance", draw_rows(share=0.1), C),
    ("peak-is-variance", draw_rows(share=0.5, jitter=0.3), U),
    ("variance-falls-with-width", draw_rows(), S),
    ("variance-falls-with-width", draw_rows(power=-0.2), C),
    ("variance-falls-with-width", draw_rows(power=-1.5, jitter=0.1), U),
    ("other-minima-fit", minima_rows(), S),
    ("other-minima-fit", minima_rows(right=0.3), C),
    ("other-minima-fit", minima_rows(right=0.7), U),
    ("twins-stay-useless", minima_rows(), S),
    ("twins-stay-useless", minima_rows(twin=0.5), C),
    ("twins-stay-useless", minima_rows(twin=0.85, jitter=0.1), U),
    ("bad-solutions-stay-useless", minima_rows(), S),
    ("bad-solutions-stay-useless", minima_rows(bad=0.4), C),
    ("bad-solutions-stay-useless", minima_rows(bad=0.75, jitter=0.1), U),
    ("bad-solutions-are-longer", minima_rows(), S),
    ("bad-solutions-are-longer", minima_rows(ratio=1.1), C),
    ("bad-solutions-are-longer", minima_rows(ratio=1.25, jitter=0.1), U),
    ("networks-rise", network_rows(), S),
    ("networks-rise", network_rows(narrow=0.6), C),
    ("networks-rise", network_rows(narrow=0.48, jitter=0.1), U),
    ("networks-fall", network_rows(), S),
    ("networks-fall", network_rows(wide=0.5), C),
    ("networks-fall", network_rows(wide=0.48, **LOUD), U),
    ("networks-are-milder", milder_rows(), S),
    ("networks-are-milder", milder_rows(features=0.1, nets=0.4), C),
    ("networks-are-milder", milder_rows(features=0.1, **LOUD), U),
    ("networks-stopped-early", network_rows(), S),
    ("networks-stopped-early", network_rows(stopped=(0.2, 0.4, 0.3)), C),
    ("networks-stopped-early", network_rows(stopped=(0.3, 0.32, 0.3), jitter=0.1), U),
    ("networks-noise-costs", network_rows(), S),
    ("networks-noise-costs", network_rows(stopped=(0.3, 0.3, 0.4)), C),
    ("networks-noise-costs", network_rows(stopped=(0.3, 0.3, 0.29), jitter=0.1), U),
    ("networks-larger-is-no-worse", network_rows(), S),
    ("networks-larger-is-no-worse", network_rows(clean=(0.3, 0.1, 0.3)), C),
    ("networks-larger-is-no-worse", network_rows(clean=(0.3, 0.2, 0.21), jitter=0.1), U),
    ("gauss-newton-reaches-zero", newton_rows(), S),
    ("gauss-newton-reaches-zero", newton_rows(zeros=3), C),
    ("gauss-newton-reaches-zero", newton_rows(zeros=14), U),
    ("gauss-newton-is-no-different", newton_rows(), S),
    ("gauss-newton-is-no-different", newton_rows(difference=0.2), C),
    ("gauss-newton-is-no-different", newton_rows(difference=0.05, jitter=0.05), U),
]  # fmt: skip


@pytest.mark.parametrize(("key", "tables", "status"), CASES, ids=[f"{key}-{status}" for key, _, status in CASES])
def test_claims(key, tables, status):
    verdict = CLAIM[key](tables)
    assert verdict.status == status, verdict.reason


def test_every_claim_was_asked_for_all_three():
    assert {(key, status) for key, _, status in CASES} == set(itertools.product(CLAIM, (S, C, U)))


def test_one_data_set_on_which_a_claim_fails_contradicts_it():
    good, bad = feature_rows()[FEATURES], feature_rows(top=16.0)[FEATURES].assign(data="mnist1d")
    verdict = CLAIM["peak-at-threshold"]({FEATURES: pd.concat([good, bad])})
    assert verdict.status == C and "mnist1d" in verdict.reason


def test_a_width_that_was_not_tried_is_not_taken_for_another():
    rows = feature_rows()[FEATURES]
    assert len(at("ratio", 1.1, "error")(rows)) and not len(at("ratio", 1.4, "error")(rows))
    without = {FEATURES: rows[rows["ratio"] != 1]}
    assert CLAIM["ridge-removes-the-peak"](without).status == U and CLAIM["second-descent"](without).status == U
    wide = {FEATURES: rows[rows["ratio"] >= 1]}
    assert CLAIM["noise-widest-beats-narrow"](wide).status == U


def test_widths_of_the_desk_scale_meet_the_threshold():
    from zeroloss.studies.double_descent.study import HIDDEN, ROWS

    for data, widths in HIDDEN.items():
        drawn = SimpleNamespace(x=samples.rows(data)[0], classes=10)
        loads = [networks.parameter_count(drawn.x.shape[1], w, 10) / (10 * ROWS[data]) for w in widths]
        assert min(abs(np.log(loads))) < 0.05 and min(loads) < 0.3 and max(loads) > 3.5


@pytest.mark.slow
def test_the_smoke_scale_fills_claims_figures_and_tables():
    tables = quick_tables(STUDY, "smoke")
    assert CLAIM["second-descent"](tables).status == S
    for figure in STUDY.figures:
        assert figure.draw(tables).to_dict()["width"] == "container" and "nan" not in figure.caption_of(tables)
    for table in STUDY.tables:
        assert len(table.make(tables))
