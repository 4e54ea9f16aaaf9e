"""--model: a torch module and an estimator made by the user's own factory, an ONNX file."""

import sys

import pytest

from zeroloss.networks import MLP, export_network
from zeroloss.verdict import Status, from_json

pytestmark = pytest.mark.slow

FACTORIES = """
import torch
from torch import nn
from sklearn.neighbors import KNeighborsClassifier
import zeroloss as zl


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.out = nn.Conv1d(1, 12, 3), nn.Linear(132, 3)

    def forward(self, x):
        return self.out(torch.tanh(self.one(x.unsqueeze(1))).flatten(1))


def net():
    torch.manual_seed(0)
    return Net().eval()


def neighbour():
    data = zl.load_data("wine")
    return KNeighborsClassifier(1).fit(data.x_train, data.labels_train)


def nothing():
    return 3
"""


@pytest.fixture
def models(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    (tmp_path / "own_models.py").write_text(FACTORIES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    sys.modules.pop("own_models", None)
    yield tmp_path
    sys.modules.pop("own_models", None)


@pytest.fixture
def run(models, zeroloss):
    """`run("prove", "wine")` -> (exit code, standard output, standard error), beside the user's module."""
    return zeroloss


def test_a_torch_module_is_proved(run):
    code, out, _ = run("prove", "wine", "--model", "own_models:net", "--out", "c.json")
    assert code == 0 and out.startswith("PROVED")
    assert run("prove", "wine", "--check", "c.json")[0] == 0


def test_black_boxes_are_audited_and_not_proved(run):
    pytest.importorskip("onnxruntime")
    code, out, _ = run("audit", "wine", "--model", "own_models:neighbour", "--json")
    assert code == 0
    found = from_json(out)
    assert found.verdicts["local"].status is Status.CONTRADICTED and "minimum" in found.numbers["open"]
    export_network("m.onnx", MLP(13, 3, 8, 1))
    assert run("audit", "wine", "--model", "m.onnx")[0] == 0
    for model in ("m.onnx", "own_models:neighbour"):
        code, _, err = run("prove", "wine", "--model", model)
        assert code == 2 and "black box" in err
    code, _, err = run("audit", "wine", "--model", "own_models:nothing")
    assert code == 2 and "returned" in err


@pytest.mark.parametrize("model", ["own_models:net", "own_models:neighbour"])
def test_a_trained_model_is_examined_as_it_is(run, models, model):
    code, out, _ = run("examine", "wine", "--model", model, "--out", "report")
    assert code == 0 and "Not known:" in out
    page = (models / "report" / "report.html").read_text()
    assert "What is not known, and why" in page and "the training was not observed" in page
    found = from_json((models / "report" / "report.json").read_text())
    assert ("fit_minimum" in found.verdicts) == (model == "own_models:net")
    assert found.numbers["fitted"]["test_total"] == 54
    assert (models / "report" / "fitted.npz").exists() == (model == "own_models:net")
