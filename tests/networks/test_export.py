"""Networks as files of other programs, run by those programs."""

import json
import struct

import numpy as np
import pytest

from zeroloss.networks import ACTIVATIONS, MLP, FeedForward, load_network, predict
from zeroloss.networks.export import check_export, export_network, safetensors_bytes
from zeroloss.plumbing import InputError

X = np.random.default_rng(0).standard_normal((20, 4))


def net(activation="relu", dtype="float32", **options):
    return MLP(4, 3, width=(6, 5), activation=activation, dtype=dtype, key=1, bias_std=0.5, **options)


def mixed(dtype="float32"):
    rng = np.random.default_rng(2)
    w = [rng.standard_normal(s).astype(dtype) for s in ((5, 4), (2, 5))]
    return FeedForward(w, [rng.standard_normal(5).astype(dtype), None], [(("tanh", 2), ("relu", 2), ("prelu(0.3)", 1))])


def run_onnx(path, x, dtype):
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x.astype(dtype)})[0]


@pytest.mark.parametrize("name", [*ACTIVATIONS, "prelu(0.25)"])
def test_onnx_gives_the_same(name, tmp_path):
    pytest.importorskip("onnx")
    given = net(name)
    path = export_network(tmp_path / "net.onnx", given)
    np.testing.assert_allclose(run_onnx(path, X, np.float32), predict(given, X), rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("name", ["relu", "prelu(0.25)", "prelu(1.5)", "sigmoid", "tanh"])
def test_onnx_in_double_precision(name, tmp_path):
    pytest.importorskip("onnx")
    given = net(name, "float64")
    path = export_network(tmp_path / "net.onnx", given)
    np.testing.assert_allclose(run_onnx(path, X, np.float64), predict(given, X), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("given", [mixed(), FeedForward([np.ones((2, 4), np.float32)], [None], [])])
def test_onnx_of_mixed_layers_and_of_none(given, tmp_path):
    pytest.importorskip("onnx")
    path = export_network(tmp_path / "net.onnx", given)
    for rows in (X, X[:1]):
        np.testing.assert_allclose(run_onnx(path, rows, np.float32), predict(given, rows), rtol=1e-5, atol=2e-6)


def test_the_layout_of_safetensors():
    given = net(parametrization="ntk")
    content = safetensors_bytes(given)
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    assert header.pop("__metadata__")["torch"] == "Sequential(Linear(4, 6), ReLU(), Linear(6, 5), ReLU(), Linear(5, 3))"
    assert length % 8 == 0 and list(header) == [f"{i}.{p}" for i in (0, 2, 4) for p in ("weight", "bias")]
    h, data = X.astype(np.float32), content[8 + length :]
    for index in (0, 2, 4):
        w, b = (
            np.frombuffer(data[slice(*entry["data_offsets"])], "<f4").reshape(entry["shape"])
            for entry in (header[f"{index}.weight"], header[f"{index}.bias"])
        )
        h = h @ w.T + b
        h = np.maximum(h, 0) if index < 4 else h
    np.testing.assert_allclose(h, predict(given, X), rtol=1e-5, atol=1e-6)
    assert sum(e["data_offsets"][1] - e["data_offsets"][0] for e in header.values()) == len(data)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["relu", "prelu(0.25)", "sigmoid", "gelu"])
def test_torch_loads_safetensors(name, dtype, tmp_path):
    library = pytest.importorskip("safetensors")
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file

    given = net(name, dtype)
    path = export_network(tmp_path / "net.safetensors", given)
    with library.safe_open(str(path), "pt") as file:
        spelled = file.metadata()["torch"]
    model = eval(spelled, {n: getattr(torch.nn, n) for n in dir(torch.nn)}).to(getattr(torch, dtype))
    model.load_state_dict(load_file(path))
    with torch.no_grad():
        found = model(torch.tensor(X, dtype=getattr(torch, dtype))).numpy()
    tolerance = 2e-6 if dtype == "float32" else 1e-13
    np.testing.assert_allclose(found, predict(given, X), rtol=tolerance * 5, atol=tolerance)


def test_npz_by_its_ending(tmp_path):
    path = export_network(tmp_path / "net.npz", net())
    np.testing.assert_array_equal(predict(load_network(path), X), predict(net(), X))


def test_what_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"\.npz, \.onnx, \.safetensors"):
        check_export("net.h5")
    with pytest.raises(InputError, match="layer 1 has the activations tanh, relu"):
        export_network(tmp_path / "net.safetensors", mixed())
    with pytest.raises(InputError, match="a function alone has no parameters"):
        export_network(tmp_path / "net.npz", lambda x: x)
    path = export_network(tmp_path / "net.safetensors", net())
    with pytest.raises(InputError, match="exists"):
        export_network(path, net())
    export_network(path, net(), force=True)


def test_onnx_without_the_package(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(InputError, match=r"zeroloss\[onnx\]"):
        check_export("net.onnx")
