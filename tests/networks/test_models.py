"""Architectures of the benchmark: they convert, and answers, gradients and kernels are torch's."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import models

QUICK = {"packed LSTM of text", "orthogonal weights"}
EACH = [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in models.registry()]


@pytest.mark.parametrize("name", EACH)
def test_answers_gradients_and_kernel(name):
    row = dict.fromkeys(models.COLUMNS, "")
    models.examine(name, audit=False, row=row, send=lambda row: None)
    if row["conversion"].startswith("not made"):
        pytest.skip(row["conversion"])
    assert row["conversion"] == "ok"
    for column, most in (("answers", 1e-5), ("gradient", 1e-4), ("kernel", 1e-4)):
        assert float(row[column]) <= most, (column, row[column])
