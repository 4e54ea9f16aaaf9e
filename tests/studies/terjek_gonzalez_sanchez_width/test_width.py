"""The five claims on tables made up for them, and the trials against other ways to the same numbers."""

import itertools

import numpy as np
import pandas as pd
import pytest

from zeroloss.networks import predict
from zeroloss.plumbing import double
from zeroloss.studies.terjek_gonzalez_sanchez_width import STUDY, descent, problems, trials
from zeroloss.studies.terjek_gonzalez_sanchez_width.claims import CERTIFICATE, DESCENT, GAP, LAMBDA, OTHER, TRANSFER
from zeroloss.tangent import kernel_matrix
from zeroloss.verdict import Status

S, C, U = Status.SUPPORTED, Status.CONTRADICTED, Status.UNKNOWN
CLAIM = {claim.key: claim for claim in STUDY.claims}


def spectra(lower=1.0, infinite=1.0, runs=40, bad=0, noise=0.01):
    rng = np.random.default_rng(0)
    rows = []
    for kind, width in itertools.product(("sphere", "digits"), (64, 1024)):
        for seed in range(runs):
            value = 0.0 if seed < bad else lower * (1 + noise * rng.standard_normal())
            rows.append({"data": kind, "depth": 1, "width": width, "seed": seed, "lower": value, "infinite": infinite})
    return {LAMBDA: pd.DataFrame(rows)}


def runs(noise=0.05, seeds=8, **powers):
    """Descents whose columns are `level * width^power`, `powers` a pair each, with log-normal noise."""
    rng = np.random.default_rng(0)
    columns = {
        "gap": (1e-10, 0), "rate": (0.5, 0.05), "predicted": (0.5, 0.05), "path": (1.1, 0), "shortest": (1, 0),
        "distance": (3, -0.5), "linearisation": (1, -0.5), "drift": (1, -0.5), "moved": (3, 0),
    } | powers  # fmt: skip
    rows = []
    for depth, width, seed in itertools.product((1, 2), (64, 256, 1024, 2048), range(seeds)):
        row = {"data": "sphere", "depth": depth, "width": width, "seed": seed}
        for name, (level, power) in columns.items():
            row[name] = level * width**power * np.exp(noise * rng.standard_normal())
        rows.append(row)
    return {DESCENT: pd.DataFrame(rows)}


def others(noise=0.05, seeds=6, rate=1.0, power=-0.5):
    rng = np.random.default_rng(0)
    rows = []
    for problem, width, seed in itertools.product(("physics", "moments"), (64, 1024), range(seeds)):
        row = {"problem": problem, "width": width, "seed": seed, "predicted": 1.0}
        row |= {"rate": rate * np.exp(noise * rng.standard_normal())}
        rows.append(row | {"linearisation": width**power * np.exp(noise * rng.standard_normal())})
    return {OTHER: pd.DataFrame(rows)}


def steps(noise=0.02, seeds=5, **powers):
    rng = np.random.default_rng(0)
    rows = []
    for (kind, power), width, seed in itertools.product(powers.items(), (64, 256, 512), range(seeds)):
        row = {"parametrization": kind, "width": width, "seed": seed}
        rows.append(
            row | {k: width**power * np.exp(noise * rng.standard_normal()) for k in ("start", "end", "reaches")}
        )
    return {TRANSFER: pd.DataFrame(rows)}


def certificates(proved=1.0, seeds=10, over=0.5, broken=0, asked=1e8, noise=0.1):
    rng = np.random.default_rng(0)
    rows = []
    for seed in range(seeds):
        row = {
            "network": "fixed signs",
            "width": 4096,
            "seed": seed,
            "proved": float(seed < proved * seeds),
            "asked": 1.0,
        }
        row |= dict.fromkeys(("over_rate", "over_path", "over_linear", "over_nearest"), over)
        rows.append(row | ({"over_path": 1.1} if seed < broken else {}))
        rows.append(
            {"network": "depth 2", "width": 64, "seed": seed, "asked": asked * np.exp(noise * rng.standard_normal())}
        )
    return {CERTIFICATE: pd.DataFrame(rows)}


def gaps(gap=0.1, bound=0.8, power=-0.1, noise=0.05, seeds=6):
    rng = np.random.default_rng(0)
    rows = []
    for kind, width, seed in itertools.product(("linear", "random"), (512, 8192), range(seeds)):
        row = {"targets": kind, "width": width, "seed": seed, "gap": gap * np.exp(noise * rng.standard_normal())}
        rows.append(row | {"bound": bound * (width / 8192) ** power * np.exp(noise * rng.standard_normal())})
    return {GAP: pd.DataFrame(rows)}


CASES = [
    ("assumption", spectra(), S), ("assumption", spectra(bad=20), C), ("assumption", spectra(runs=10), U),
    ("assumption-limit", spectra(0.95), S), ("assumption-limit", spectra(0.6), C), ("assumption-limit", spectra(0.8, noise=0.3), U),
    ("zero-loss", runs(), S), ("zero-loss", runs(gap=(1e-3, 0)), C), ("zero-loss", runs(seeds=2), U),
    ("rate", runs(), S), ("rate", runs(rate=(0.3, 0.05)), C), ("rate", runs(rate=(0.45, 0.05), noise=0.3), U),
    ("rate-improves", runs(), S), ("rate-improves", runs(rate=(0.5, -0.1)), C), ("rate-improves", runs(rate=(0.5, 0.0), noise=0.3), U),
    ("path", runs(), S), ("path", runs(path=(2, 0)), C), ("path", runs(path=(1.5, 0), noise=0.3), U),
    ("implicit-regularisation", runs(), S), ("implicit-regularisation", runs(distance=(3, -1)), C),
    ("implicit-regularisation", runs(distance=(3, -0.64), noise=0.4), U),
    ("lazy", runs(linearisation=(1, -1)), S), ("lazy", runs(drift=(1, 0)), C), ("lazy", runs(drift=(1, -0.41), noise=0.5), U),
    ("lazy-exactly", runs(), S), ("lazy-exactly", runs(drift=(1, -1)), C), ("lazy-exactly", runs(drift=(1, -0.64), noise=0.5), U),
    ("movement", runs(), S), ("movement", runs(moved=(3, 0.5)), C), ("movement", runs(moved=(3, 0.14), noise=0.5), U),
    ("generalisation-gap", gaps(), S), ("generalisation-gap", gaps(gap=2), C), ("generalisation-gap", gaps(gap=0.8, noise=0.2, seeds=3), U),
    ("generalisation-bound", gaps(), S), ("generalisation-bound", gaps(bound=3), C), ("generalisation-bound", gaps(bound=1, noise=0.3), U),
    ("generalisation-width", gaps(), S), ("generalisation-width", gaps(power=0.3), C),
    ("generalisation-width", gaps(power=-0.02, noise=0.2), U),
    ("transfer-ntk", steps(ntk=0), S), ("transfer-ntk", steps(ntk=-1), C), ("transfer-ntk", steps(ntk=0.15, noise=0.2), U),
    ("transfer-mup", steps(mup=0), S), ("transfer-mup", steps(mup=0.5), C), ("transfer-mup", steps(mup=-0.15, noise=0.2), U),
    ("transfer-standard", steps(standard=-1), S), ("transfer-standard", steps(standard=0), C),
    ("transfer-standard", steps(standard=-0.5, noise=0.2), U),
    ("certificate", certificates(seeds=20), S), ("certificate", certificates(0.1, seeds=20), C), ("certificate", certificates(seeds=5), U),
    ("certificate-kept", certificates(seeds=20), S), ("certificate-kept", certificates(seeds=20, broken=15), C),
    ("certificate-kept", certificates(seeds=5), U),
    ("certificate-all-layers", certificates(), S), ("certificate-all-layers", certificates(asked=1e3), C),
    ("certificate-all-layers", certificates(asked=1e5, noise=2), U),
    ("other-rate", others(), S), ("other-rate", others(rate=0.5), C), ("other-rate", others(rate=0.9, noise=0.3), U),
    ("other-lazy", others(), S), ("other-lazy", others(power=0), C), ("other-lazy", others(power=-0.45, noise=0.3), U),
]  # fmt: skip


@pytest.mark.parametrize(("key", "tables", "status"), CASES, ids=[f"{key}-{status}" for key, _, status in CASES])
def test_claims(key, tables, status):
    verdict = CLAIM[key](tables)
    assert verdict.status == status, verdict.reason


def test_every_claim_was_asked_for_all_three():
    assert {(key, status) for key, _, status in CASES} == set(itertools.product(CLAIM, (S, C, U)))


def test_a_run_without_a_measurement_has_not_kept_its_promise():
    tables = certificates(seeds=20)
    tables[CERTIFICATE].loc[tables[CERTIFICATE]["network"] == "fixed signs", "over_rate"] = np.nan
    assert CLAIM["certificate-kept"](tables).status == C


def test_the_kernel_of_the_study_is_the_kernel():
    net, x = problems.mlp(12, 3, 5, d=4), problems.inputs("gaussian", 6, 1, 4).astype(np.float32)
    found = problems.regression_gram(net, (x, np.zeros((6, 1))), (True,) * 4)
    np.testing.assert_allclose(found, kernel_matrix(net, x), rtol=1e-4, atol=1e-5)


def test_descent_of_a_block_is_descent_one_by_one():
    keys, n = (3, 4), problems.N
    nets = [problems.mlp(8, 1, key) for key in keys]
    data = [(problems.inputs("sphere", n, key), problems.labels(n, key)) for key in keys]
    found = descent.block("regression", nets, data, 5, 1.0)
    from zeroloss.descent import descend

    for place, (net, (x, y)) in enumerate(zip(nets, data, strict=True)):
        fit = descend(net, (x, y), step_size=float(found["eta"][place]), steps=5)
        np.testing.assert_allclose(found["squares"][place] / (2 * n), fit.history["loss"], rtol=1e-3)
        r0 = predict(net, x) - y
        assert found["residual"][place] == pytest.approx(np.linalg.norm(r0), rel=1e-5)


def test_rates_of_a_made_up_run():
    squares = np.exp(-0.3 * np.arange(6.0))
    squares[3] = np.exp(-0.2 * 3)  # the slowest stretch decides
    found = {"squares": np.array([[*squares, np.nan]]), "eta": [1.0], "low": [1.6], "path": [1.0]}
    columns = descent.columns(found, 16)
    assert columns["rate"][0] == pytest.approx(0.2) and columns["steps"][0] == 5
    assert columns["gap"][0] == pytest.approx(np.exp(-1.5)) and columns["predicted"][0] == pytest.approx(
        -2 * np.log(0.9)
    )


def test_inputs_have_unit_variance_and_rows_depend_on_the_key_alone():
    for kind in problems.KINDS:
        x = problems.inputs(kind, 800, 3)
        assert x.shape == (800, problems.D) and 0.8 < (x**2).mean() < 1.2
        np.testing.assert_array_equal(x, problems.inputs(kind, 800, 3))
        assert not np.array_equal(x, problems.inputs(kind, 800, 4))
    np.testing.assert_allclose(np.linalg.norm(problems.inputs("sphere", 9, 1), axis=1), 8)
    assert problems.labels(16, 0).sum() == 0 and set(problems.labels(16, 0).ravel()) == {-1.0, 1.0}


def test_the_lower_end_is_below_the_eigenvalue_and_the_bound_pays_more_for_larger_radii():
    with double():
        found = trials.lambda_min({"data": "gaussian", "width": 32, "depth": 2}, np.array([1]))
        net = problems.mlp(32, 2, 1, dtype="float64")
        matrix = kernel_matrix(net, problems.inputs("gaussian", problems.N, 1))
    lowest = np.linalg.eigvalsh(matrix)[0]
    assert 0.98 * lowest <= found["lower"][0] <= lowest
    terms = [trials.bound_terms(place, 1.0, 0.1, 100) for place in (0, 4, 8)]
    assert all(np.all(np.diff(column) > 0) for column in zip(*terms, strict=True))
    assert terms[0][0] == pytest.approx(0.1) and terms[1][1] == pytest.approx(0.1 * 4 / 20)
    assert trials.bound_terms(len(trials.GRID), 1.0, 0.1, 100)[0] == np.inf


def test_a_certified_run_is_measured_against_its_promise():
    with double():
        found = trials.certificates({"network": "fixed signs", "width": 2048}, np.array([0]))
    assert found["proved"][0] and found["ratio"][0] < 1
    assert all(0 < found[name][0] <= 1 for name in ("over_rate", "over_path", "over_linear", "over_nearest"))
