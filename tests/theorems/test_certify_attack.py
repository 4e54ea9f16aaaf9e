"""Problems at the edge of the hypotheses (results/certify_attack.py): no PROVED run breaks its promise."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "results" / "certify_attack.py"


@pytest.fixture(scope="module")
def attack():
    spec = importlib.util.spec_from_file_location("certify_attack", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_no_proved_run_breaks_its_promise(attack):
    rows = [attack.attempt(seed) for seed in range(5000, 5060)]
    proved = [row for row in rows if row["status"] == "PROVED"]
    assert len(proved) >= 10 and all(row["kept"] for row in proved)


def test_the_checker_sees_a_broken_promise(attack):
    """A rate that is too good, or a radius too small, is found out."""
    import dataclasses

    from zeroloss.theorems import certify

    case = attack.draw(43)
    y, step = attack.question(case)
    theorem = certify(case["network"], (case["x"], y), step_size=step, trainable=case["trainable"], steps=10).theorem
    assert theorem.holds and attack.descend(case, y, theorem, 0.0)["kept"]
    assert not attack.descend(case, y, dataclasses.replace(theorem, rate=theorem.rate**80), 0.0)["kept"]
    assert not attack.descend(case, y, dataclasses.replace(theorem, radius=theorem.radius / 10), 0.0)["kept"]


def test_its_own_gradient_is_that_of_differences(attack):
    case = attack.draw(43)
    plain = attack.Plain(case["network"], np.longdouble)
    x, y = case["x"].astype(np.longdouble), np.ones((len(case["x"]), case["c"]), np.longdouble)
    _, dw, _ = plain.gradient(x, y)
    plain.weights[0][0, 0] += 1e-7
    above = plain.gradient(x, y)[0]
    plain.weights[0][0, 0] -= 2e-7
    assert (above - plain.gradient(x, y)[0]) / 2e-7 == pytest.approx(float(dw[0][0, 0]), rel=1e-5)
