"""Architectures of the benchmark: they convert, and answers, gradients and kernels are torch's."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import models

QUICK = ["packed LSTM of text", "orthogonal weights"]
SLOW = [
    "ConvNeXt by hand", "U-Net", "Fourier operator", "spatial transformer", "graph convolution", "encoder and decoder",
    "super-resolution", "bag of words", "LSTM cells in a loop", "weight and spectral norm", "Swin", "BERT", "LLaMA", "T5 encoder",
]  # fmt: skip
EACH = [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]


@pytest.mark.parametrize("name", EACH)
def test_answers_gradients_and_kernel(name):
    if name not in models.registry():
        pytest.skip("needs the package transformers")
    row = dict.fromkeys(models.COLUMNS, "")
    models.examine(name, audit=False, row=row, send=lambda row: None)
    if row["conversion"].startswith("not made"):
        pytest.skip(row["conversion"])
    assert row["conversion"] == "ok"
    for column, most in (("answers", 1e-5), ("gradient", 1e-4), ("kernel", 1e-4)):
        assert float(row[column]) <= most, (column, row[column])
