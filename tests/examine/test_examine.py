"""One small examination, whole: what it finds, in which order, and what it leaves when interrupted."""

import dataclasses

import numpy as np
import pytest

from zeroloss.data import from_arrays
from zeroloss.examine import Examination, examine, make_plan
from zeroloss.examine.plan import default_network
from zeroloss.plumbing import InputError
from zeroloss.report import render
from zeroloss.verdict import Status


def _data(task="classification"):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 4))
    y = (x[:, 0] + x[:, 1] > 0).astype(int) if task == "classification" else x[:, 0] + 0.1 * rng.standard_normal(60)
    return from_arrays(x, y, task=task, test_fraction=0.3, name="toy")


def _quick(data, network):
    plan = make_plan(data, network)
    return dataclasses.replace(plan, curve_steps=30, sweep_widths=(2, 8), sweep_seeds=(0,), sweep_steps=20)


@pytest.fixture(scope="module", params=["classification", "regression"])
def examined(request):
    data = _data(request.param)
    network = default_network(data)
    announced = []
    result = examine(data, network, plan=_quick(data, network), announce=lambda name, verdict: announced.append(name))
    return data, result, announced


def test_both_networks_are_proved_and_distinguished(examined):
    data, result, _ = examined
    verdicts = result.examination.verdicts
    assert verdicts["fit_minimum"].status is Status.PROVED
    assert verdicts["twin_minimum"].status is Status.PROVED
    assert verdicts["local_twin"].status is Status.SUPPORTED
    assert verdicts["local_fit"].status is not Status.SUPPORTED
    numbers = result.examination.numbers
    assert numbers["fitted"]["test_score"] > numbers["twin"]["test_score"]
    assert result.examination.headline.startswith("Provably, weights with ")
    if data.task == "classification":
        assert numbers["twin"]["test_score"] < 0.5


def test_first_verdicts_come_before_descent(examined):
    _, _, announced = examined
    assert announced[:3] == ["exists", "generic", "reaches"]
    assert set(announced) >= {"curve", "fit_minimum", "twin_minimum", "local_fit", "local_twin", "lazy"}


def test_enclosure_holds_the_smallest_eigenvalue(examined):
    from zeroloss.plumbing import double
    from zeroloss.plumbing.precision import as_double
    from zeroloss.tangent import kernel_matrix

    data, result, _ = examined
    with double():
        start = as_double(default_network(data))
    value = np.linalg.eigvalsh(kernel_matrix(start, data.x_train))[0]
    assert result.examination.numbers["lambda_min_lower"] <= value * (1 + 1e-9)
    assert value <= result.examination.numbers["lambda_min_upper"] * (1 + 1e-9)


def test_tables_are_tidy_and_the_page_is_made(examined):
    _, result, _ = examined
    for table in result.examination.tables.values():
        assert len({len(column) for column in table.values()}) == 1
    back = Examination.from_json(result.examination.to_json())
    assert back == result.examination
    page = render(back)
    assert result.examination.headline.split(";")[0] in page


def test_interrupted_examination_keeps_what_it_has(monkeypatch):
    import zeroloss.examine.stages as room

    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    data = _data()
    network = default_network(data)
    monkeypatch.setattr(room, "construct_twin", stop)
    result = examine(data, network, plan=_quick(data, network))
    assert result.interrupted
    assert result.examination.verdicts["fit_minimum"].status is Status.PROVED
    assert "interrupted" in result.examination.numbers["absent"]["trust"]
    assert render(result.examination)


@pytest.mark.slow
def test_contradictory_labels_are_examined_honestly():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((40, 3))
    x[1], x[3] = x[0], x[2]
    y = (x[:, 0] > 0).astype(int)
    y[1] = 1 - y[0]
    data = from_arrays(x, y, task="classification", test_fraction=0.2, name="toy")
    network = default_network(data)
    result = examine(data, network, plan=_quick(data, network)).examination
    if result.data["repeated_inputs"] and result.verdicts["exists"].status is Status.REFUTED:
        assert "zero training loss" not in result.headline
        assert result.verdicts["fit_classified"].status is not Status.PROVED
    assert result.verdicts["fit_minimum"].status is Status.PROVED


def test_only_an_mlp_at_its_start_is_examined():
    from zeroloss.networks import wrap

    with pytest.raises(InputError, match="MLP"):
        examine(_data(), wrap(lambda p, v: v @ p, np.ones((4, 2))))


def test_memory_is_refused_before_it_is_spent(monkeypatch):
    from zeroloss.plumbing import memory

    data = _data()
    monkeypatch.setattr(memory, "_group", lambda: 10**7)  # the limit of a container
    with pytest.raises(InputError, match=r"10 MB are free; give --n-train"):
        make_plan(data, default_network(data))


def test_measures_of_both_networks_are_reported(examined):
    _, result, _ = examined
    table = result.examination.tables["measures"]
    assert len({len(column) for column in table.values()}) == 1
    row = table["measure"].index("largest Gauss-Newton eigenvalue")
    assert 0 < table["fitted_lower"][row] <= table["fitted_upper"][row]
    assert table["twin"][row] > table["fitted"][row]
    drift = table["measure"].index("drift of the tangent kernel")
    assert table["fitted"][drift] > 0 and table["twin"][drift] is None  # a twin has no start
    assert "Measures of the fit" in render(result.examination)
