"""The start of a network with batch normalisation, whose first statistics training never saw."""

import copy

import numpy as np
import pytest

import zeroloss as zl
from zeroloss.verdict import Status

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    x = (rng.standard_normal((40, 4)) * [10, 1, 0.1, 5] + 3).astype(np.float32)
    data = zl.from_arrays(x, np.arange(40) % 2)
    start = torch.nn.Sequential(
        torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.ReLU(), torch.nn.Linear(8, 6), torch.nn.BatchNorm1d(6),
        torch.nn.Linear(6, 2),
    )  # fmt: skip
    module = copy.deepcopy(start)
    rows, labels = torch.tensor(np.array(data.x_train), dtype=torch.float32), torch.tensor(np.array(data.labels_train))
    optimiser = torch.optim.Adam(module.parameters(), 1e-3)
    for _ in range(60):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(module(rows), labels).backward()
        optimiser.step()
    return data, start.eval(), module.eval(), rows


@pytest.mark.slow
def test_the_statistics_of_the_start_are_taken_on_the_training_data(trained):
    data, start, module, rows = trained
    found = zl.audit(module, data, initial=start, measures=["laziness"], points=5)
    seen = copy.deepcopy(start)
    norms = [m for m in seen.modules() if isinstance(m, torch.nn.BatchNorm1d)]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        seen.train()(rows)
    for norm in norms:
        norm.momentum = 0.1
    expected = zl.audit(module, data, initial=seen.eval(), measures=["laziness"], points=5)
    for name in ("kernel_drift", "linearisation_train", "movement"):
        assert found.measure(name).value == pytest.approx(expected.measure(name).value, rel=1e-4), name
    assert "statistics were taken on the 40 training examples" in found.verdicts["lazy"].reason
    assert "taken on the 40" in found.measure("kernel_drift").details["start"]
    assert "start" not in expected.measure("kernel_drift").details


def test_another_frameworks_start_is_refused():
    import jax.numpy as jnp

    def f(p, x):
        return (x @ p["w"] - p["running_mean"]) / jnp.sqrt(p["running_var"])

    x = np.random.default_rng(0).standard_normal((10, 3))
    data = zl.from_arrays(x, np.arange(10) % 2)
    start = {
        "w": np.ones((3, 2), np.float32),
        "running_mean": np.zeros(2, np.float32),
        "running_var": np.ones(2, np.float32),
    }
    end = {**start, "w": 2 * start["w"], "running_var": np.full(2, 3.0, np.float32)}
    found = zl.audit(zl.wrap(f, end), data, initial=zl.wrap(f, start), measures=["laziness"], points=5)
    assert found.verdicts["lazy"].status is Status.UNKNOWN
    assert "training never saw" in found.verdicts["lazy"].reason
    assert found.measure("kernel_drift").value is None and "never saw" in found.measure("kernel_drift").reason
    assert found.measure("movement").value is not None
