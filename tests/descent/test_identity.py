"""Every result says which data and networks it is about, and comes back equal from JSON, whatever kind of model it is of."""

from __future__ import annotations

import numpy as np
import pytest

import zeroloss as zl
from zeroloss.identity import identity
from zeroloss.minima import construct_twin
from zeroloss.networks import SquasherNetwork, black_box, load_network, save_network
from zeroloss.networks.fingerprint import fingerprint
from zeroloss.plumbing import double
from zeroloss.plumbing.digest import data_hash
from zeroloss.plumbing.precision import as_double

RNG = np.random.default_rng(0)
X, LABELS = RNG.standard_normal((20, 4)), np.arange(20) % 2
DATA = zl.from_arrays(X[:14], LABELS[:14], x_test=X[14:], y_test=LABELS[14:], name="small")
NUMBERS = zl.from_arrays(X[:14], X[:14, 0], x_test=X[14:], y_test=X[14:, 0], task="regression")


def torch_module(tmp_path):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 30), torch.nn.GELU(), torch.nn.LayerNorm(30), torch.nn.Linear(30, 2))


def npz(tmp_path):
    path = save_network(tmp_path / "m.npz", zl.MLP(4, 2, width=30, depth=1, key=0))
    return load_network(path)


def onnx(tmp_path):
    pytest.importorskip("onnxruntime")
    from zeroloss.networks import export_network

    export_network(tmp_path / "m.onnx", zl.MLP(4, 2, width=30, depth=1, key=0))
    return str(tmp_path / "m.onnx")


def estimator(tmp_path):
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(5, random_state=0).fit(DATA.x_train, DATA.labels_train)


def wrapped(tmp_path):
    import jax.numpy as jnp

    params = {"w": RNG.standard_normal((4, 30)), "v": RNG.standard_normal((30, 2))}
    return zl.wrap(
        lambda p, x: jnp.tanh(x @ p["w"]) @ p["v"], {k: jnp.asarray(v, "float32") for k, v in params.items()}
    )


MODELS = {
    "mlp": lambda tmp_path: zl.MLP(4, 2, width=30, depth=1, key=0),
    "npz": npz,
    "torch": torch_module,
    "wrapped": wrapped,
    "onnx": onnx,
    "estimator": estimator,
}
CLOSED = ("onnx", "estimator")


@pytest.mark.parametrize("kind", MODELS)
def test_every_result_of_every_kind_of_model_comes_back_equal(kind, tmp_path):
    model = MODELS[kind](tmp_path)
    found = {
        "audit": zl.audit(model, DATA, measures=None if kind in CLOSED else "margins"),
        "twin": construct_twin(DATA),
    }
    if kind not in CLOSED:
        found |= {"proof": zl.prove(model, DATA), "certificate": zl.certify(model, DATA, steps=10)}
        found |= {"descent": zl.descend(model, DATA, method="adam", steps=2)}
    for result in found.values():
        back = type(result).from_json(result.to_json())
        assert back == result and back.to_json() == result.to_json()
        assert repr(back) == repr(result) or not type(result).__repr__.__module__.startswith("zeroloss")
        assert back.identity.data["sha256"] == data_hash(DATA.x_train, DATA.y_train)
        assert back.identity.data["n_train"] == 14 and back.identity.data["n_test"] == 6
    about = {name: result.identity.networks for name, result in found.items()}
    assert ("sha256" in about["audit"]["model"]) == (kind not in CLOSED)
    assert about["audit"]["model"]["description"]
    if kind not in CLOSED:
        same = [
            about["audit"]["model"],
            about["proof"]["model"],
            about["certificate"]["start"],
            about["descent"]["start"],
        ]
        assert len({network["sha256"] for network in same}) == 1
        assert about["descent"]["model"]["sha256"] != same[0]["sha256"]
        assert about["descent"]["model"]["architecture"] == same[0]["architecture"]


def test_a_squasher_network_and_its_layers():
    network = SquasherNetwork(4, 1, 16, 1, key=0)
    proof = zl.prove(network, NUMBERS)
    assert type(proof).from_json(proof.to_json()) == proof
    assert proof.identity.networks["model"]["sha256"] == fingerprint(network)["sha256"]


def test_the_polished_network_is_named_by_its_own_hash():
    proof = zl.prove(zl.MLP(4, 2, width=30, depth=1, key=0), DATA)
    assert proof.which == "polished"
    assert proof.identity.networks["polished"]["sha256"] == fingerprint(proof.network)["sha256"]
    assert "polished" not in zl.prove(proof.network, DATA, polish=False).identity.networks


def test_one_bit_makes_another_network_and_precision_does_not():
    net = zl.MLP(4, 2, width=30, depth=1, key=0)
    with double():
        wide = as_double(net)
        moved = _moved(wide)
    assert fingerprint(net) == fingerprint(wide)
    assert fingerprint(moved)["sha256"] != fingerprint(wide)["sha256"]
    assert fingerprint(moved)["architecture"] == fingerprint(wide)["architecture"]
    relu = zl.MLP(4, 2, width=30, depth=1, activation="relu", key=0)
    assert fingerprint(relu)["architecture"] != fingerprint(net)["architecture"]


def _moved(network):
    import equinox as eqx

    return eqx.tree_at(lambda n: n.weights[0], network, network.weights[0].at[0, 0].add(2.0**-40))


def test_the_order_of_parameters_is_no_difference():
    """JAX sorts them by name whenever it maps a converted network."""
    import jax

    network = zl.from_torch(torch_module(None), DATA)
    again = jax.tree.map(lambda leaf: leaf, network)
    assert list(again.parameters) != list(network.parameters)
    assert fingerprint(again) == fingerprint(network)


def test_containers_and_precision_of_data_are_no_difference():
    x, y = DATA.x_train, DATA.y_train
    one = identity(DATA).data["sha256"]
    assert identity((x, y)).data["sha256"] == one == identity((x.tolist(), y.tolist())).data["sha256"]
    assert identity((x.astype(np.float32).astype(np.float64), y)).data["sha256"] != one
    other = x.copy()
    other[3, 1] = np.nextafter(other[3, 1], np.inf)
    assert identity((other, y)).data["sha256"] != one
    assert identity((x[::-1], y[::-1])).data["sha256"] != one


def test_many_rows_are_hashed_as_one_array():
    x, y = RNG.standard_normal((10_000, 2)), RNG.standard_normal((10_000, 1))
    import hashlib

    assert data_hash(x, y) == hashlib.sha256(x.tobytes() + y.tobytes()).hexdigest()


def test_a_black_box_has_a_name_and_no_hash():
    about = identity(DATA, model=black_box(lambda x: x[:, :2])).networks["model"]
    assert about["kind"] == "black box" and "sha256" not in about


def test_several_seeds_are_about_the_data_alone():
    fit = zl.descend(zl.MLP(4, 2, width=8, depth=1, key=0), DATA, steps=2, seeds=2)
    assert fit.identity.networks == {} and fit.identity.data["name"] == "small"
    assert type(fit).from_json(fit.to_json()) == fit
