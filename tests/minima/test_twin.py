"""Twins: zero training loss, and elsewhere the answers of another network."""

import dataclasses
import os

import numpy as np
import pytest

from zeroloss.data import Dataset, load_data
from zeroloss.minima.constructions import Twin, twin
from zeroloss.minima.constructions.base import ridge
from zeroloss.minima.constructions.combine import to_network
from zeroloss.networks import MLP, FeedForward, export_network, load_network, predict, save_network, wrap
from zeroloss.networks.activations import negative_slope
from zeroloss.plumbing import InputError
from zeroloss.verdict import from_json

ROUNDING = 1e-14


def regression(x, y, x_test=(), y_test=()):
    x, y = np.asarray(x, float), np.asarray(y, float)
    return Dataset("made", "regression", x, y, None, np.asarray(x_test, float), np.asarray(y_test, float), None)


def classes(n=60, d=3, c=3, seed=0, n_test=40):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, c, n + n_test)
    x = rng.standard_normal((n + n_test, d)) + 2 * np.eye(c, d)[labels]
    y = np.eye(c)[labels]
    names = tuple(map(str, range(c)))
    return Dataset("made", "classification", x[:n], y[:n], labels[:n], x[n:], y[n:], labels[n:], names)


def fitted(data, width=1024):
    """A network that predicts well: a random hidden layer with a ridge read-out."""
    return to_network(ridge(data.x_train, data.y_train, np.ones(data.n), 1, width), "float32")


def test_one_dimension_by_hand():
    # g = 0; the twin is 1 at 0 and -2 at 1, and 0 beyond 0.05 of either.
    zero = FeedForward([np.zeros((1, 1))], [np.zeros(1)], [])
    made = twin(regression([[0.0], [1.0]], [[1.0], [-2.0]]), base=zero)
    z = np.array([[0.0], [1.0], [0.025], [0.05], [0.5], [-0.1], [0.975]])
    np.testing.assert_allclose(predict(made.network, z)[:, 0], [1, -2, 0.5, 0, 0, 0, -1], atol=1e-12)
    assert made.kind == "bumps" and made.points == 2 and made.train_loss_float64 == 0 and made.test_accuracy is None


@pytest.mark.parametrize(
    ("kind", "depth"), [("auto", None), ("bumps", 2), ("slab", None), ("caps", None), ("caps", 2), ("bumps", 4)]
)
def test_every_kind_fits_and_equals_the_base_elsewhere(kind, depth):
    data = classes(d=40)
    g = MLP(40, 3, width=16, depth=1, activation="tanh", dtype="float64", key=3)
    made = twin(data, base=g, kind=kind, depth=depth)
    assert made.train_max_error_float64 < ROUNDING and made.train_accuracy_float64 == 1
    assert made.train_loss_float64 < ROUNDING**2
    np.testing.assert_allclose(predict(made.network, data.x_train), data.y_train, atol=1e-8)  # in another batch
    assert made.kind == kind or kind == "auto"
    assert made.network.depth == made.depth == (depth or (1 if made.kind == "caps" else 2))
    assert made.parameters == sum(a.size for a in (*made.network.weights, *made.network.biases))
    assert made.units == sum(made.network.widths)
    difference = np.abs(predict(made.network, data.x_test) - predict(g, data.x_test)).max(axis=1)
    assert (difference < 1e-12).mean() == made.test_untouched


@pytest.mark.parametrize("activation", ["leaky_relu", "prelu(0.25)", "prelu(0.9)", "sigmoid"])
@pytest.mark.parametrize(
    ("kind", "depth", "d"), [("bumps", None, 4), ("bumps", 5, 4), ("slab", None, 2), ("caps", 2, 40)]
)
def test_every_kind_of_every_activation(activation, kind, depth, d):
    data = classes(d=d)
    zero = FeedForward([np.zeros((3, d))], [np.zeros(3)], [])
    made = twin(data, base=zero, kind=kind, depth=depth, activation=activation)
    # A parametric relu cancels numbers as large as the range over the width, twice magnified by 1/(1 - a^2).
    slope = negative_slope(activation) or 0.0
    size = np.ptp(data.x_train, axis=0).sum() / made.smallest_width / (1 - slope**2) ** 2 if slope else 10
    for error, dtype in ((made.train_max_error_float64, float), (made.train_max_error_float32, np.float32)):
        assert error < 4 * np.finfo(dtype).eps * size or (activation == "sigmoid" and dtype is np.float32)
    assert made.train_accuracy_float64 == 1 and (made.train_accuracy_float32 == 1 or slope == 0.9)
    assert made.network.depth == (depth or 2)
    used = {name for layer in made.network.activations for name, _ in layer}
    # The layer that passes the answers of `base` on is relu beside sigmoids.
    assert used == ({"relu", "sigmoid"} if activation == "sigmoid" else {activation})
    off = np.abs(predict(made.network, data.x_test)).max(axis=1)
    assert (off < 1e-6).mean() >= made.test_untouched > (0.9 if kind != "caps" else -1)


def test_a_parametric_relu_needs_no_more_units_where_both_signs_are_there():
    data = classes()
    zero = FeedForward([np.zeros((3, 3))], [np.zeros(3)], [])
    relu, leaky = (twin(data, base=zero, kind="bumps", activation=a) for a in ("relu", "prelu(0.5)"))
    assert leaky.network.widths[0] == relu.network.widths[0]
    assert leaky.network.widths[1] == relu.network.widths[1] + data.n
    z = np.random.default_rng(0).standard_normal((2000, 3))
    z[:60] = data.x_train + 1e-3
    np.testing.assert_allclose(predict(leaky.network, z), predict(relu.network, z), atol=1e-11)


@pytest.mark.parametrize("activation", ["relu", "prelu(0.25)", "prelu(0.9)", "sigmoid"])
def test_float32_serves_the_separation_it_is_said_to(activation):
    x = np.random.default_rng(0).uniform(-1, 1, (40, 3))
    zero = FeedForward([np.zeros((1, 3))], [np.zeros(1)], [])
    least = twin(regression(x, np.ones((40, 1))), base=zero, activation=activation).float32_separation
    errors = []
    for share in (1.2, 0.01):  # two points at this share of the separation
        close = np.vstack([x, x[:1] + share * least * np.array([0.6, 0.0, 0.8])])
        made = twin(regression(close, np.ones((41, 1))), base=zero, activation=activation)
        errors.append(made.train_max_error_float32)
        assert made.train_max_error_float64 < 1e-7
        assert (made.smallest_separation >= made.float32_separation) == (share > 1)
    assert errors[0] < 0.01 < errors[1]


@pytest.mark.parametrize("activation", ["relu", "prelu(0.25)", "sigmoid"])
def test_a_twin_as_onnx_is_fitted_as_well(activation, tmp_path):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    data = classes()
    made = twin(data, depth=3, activation=activation, dtype="float32")
    path = export_network(tmp_path / "twin.onnx", made.network)
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    f = session.run(None, {"x": data.x_train.astype(np.float32)})[0]
    assert (f.argmax(axis=1) == data.labels_train).all()
    np.testing.assert_allclose(f, data.y_train, atol=10 * made.train_max_error_float32 + 1e-5)  # sums in another order


def test_deeper_is_the_same_function():
    data = classes()
    shallow, deep = (twin(data, base=MLP(3, 3, width=8, depth=2, key=1), depth=depth) for depth in (None, 6))
    z = np.random.default_rng(5).standard_normal((200, 3))
    np.testing.assert_allclose(predict(deep.network, z), predict(shallow.network, z), atol=1e-12)
    assert deep.depth == 6 and shallow.depth == 2


def test_a_deep_base_keeps_its_activations():
    data = classes()
    g = MLP(3, 3, width=(8, 6, 4), activation="gelu", key=1, dtype="float64")
    made = twin(data, base=g)
    assert made.depth == 3 and {"gelu", "relu"} == {name for layer in made.network.activations for name, _ in layer}
    far = data.x_test + 100
    np.testing.assert_allclose(predict(made.network, far), predict(g, far), rtol=1e-12)


def test_of_is_shifted_by_one_class():
    data = classes()
    g = fitted(data)
    made = twin(data, of=g)
    far = np.random.default_rng(1).standard_normal((50, 3)) * 3
    np.testing.assert_allclose(predict(made.network, far), np.roll(predict(g, far), 1, axis=1), atol=1e-4)
    right = (predict(g, data.x_test).argmax(axis=1) == data.labels_test).mean()
    assert right > 0.7 and made.test_accuracy < 1 - right + 1e-9
    assert made.base_test_accuracy == made.test_accuracy and "shifted" in made.base


def test_of_is_reflected_about_the_mean_target():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((150, 2))
    y = (x @ [1.0, -2.0] + 5)[:, None]
    data = regression(x[:100], y[:100], x[100:], y[100:])
    g = FeedForward([np.array([[1.0, -2.0]])], [np.array([5.0])], [])  # the truth itself
    made = twin(data, of=g)
    np.testing.assert_allclose(predict(made.network, x[100:]), 2 * y[:100].mean() - y[100:], atol=1e-9)
    assert made.train_max_error_float64 < 1e-13 and made.test_r2 < -1 and made.train_accuracy_float64 is None
    assert made.test_r2 == pytest.approx(made.base_test_r2)


def test_neither_is_a_network_fitted_to_wrong_targets():
    data = classes(n=200, n_test=100)
    made = twin(data)
    assert (
        made.train_accuracy_float64 == 1 and made.test_accuracy < 0.3 and made.test_accuracy == made.base_test_accuracy
    )
    again = twin(data)
    assert again == made
    assert not np.array_equal(predict(twin(data, key=1).network, data.x_test), predict(made.network, data.x_test))


def test_one_output_of_two_labels():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((120, 3))
    labels = (x[:, 0] > 0).astype(int)
    y = (2.0 * labels - 1)[:, None]
    data = Dataset(
        "signs", "classification", x[:80], y[:80], labels[:80], x[80:], y[80:], labels[80:], ("minus", "plus")
    )
    made = twin(data)
    assert made.train_accuracy_float64 == 1 and made.train_max_error_float64 < ROUNDING and made.test_accuracy < 0.2


def test_repeats_are_fitted_by_their_means():
    x = [[0.0], [1.0], [0.0], [2.0], [-0.0]]
    y = [[0.0], [5.0], [1.0], [7.0], [3.0]]
    made = twin(regression(x, y), base=MLP(1, 1, width=4, key=0))
    np.testing.assert_allclose(predict(made.network, [[0.0], [1.0], [2.0]])[:, 0], [4 / 3, 5, 7], atol=1e-13)
    assert made.points == 3 and made.repeats == 2
    # (16/9 + 1/9 + 25/9)/(2 * 5), and nothing above it
    assert made.smallest_loss == pytest.approx(42 / 9 / 10) and made.train_loss_float64 < ROUNDING**2


def test_float32_is_measured_and_returned():
    data = classes()
    made = twin(data, of=fitted(data), dtype="float32")
    assert made.network.dtype == np.float32 and made.dtype == "float32"
    error = np.abs(predict(made.network, data.x_train) - data.y_train).max()
    assert error == pytest.approx(made.train_max_error_float32, abs=1e-5) and 0 < error < 1e-4
    assert made.train_accuracy_float32 == 1 and made.train_max_error_float64 < ROUNDING
    assert made.train_loss_float32 > made.train_loss_float64


def test_float32_failure_is_reported_not_hidden():
    # Points that float32 cannot tell apart: exact in float64, wrong in float32.
    x = np.array([[1.0], [1.0 + 1e-9], [2.0]])
    made = twin(regression(x, [[0.0], [1.0], [2.0]]), base=MLP(1, 1, width=4, key=0))
    assert made.train_max_error_float64 < ROUNDING and made.train_max_error_float32 > 0.1


def test_to_json_and_the_saved_network(tmp_path):
    data = classes()
    made = twin(data, base=MLP(3, 3, width=8, activation="tanh", key=0))
    back = from_json(made.to_json())
    assert isinstance(back, Twin) and back.network is None
    assert back == dataclasses.replace(made, network=None)
    path = tmp_path / "twin.npz"
    save_network(path, made.network)
    np.testing.assert_array_equal(predict(load_network(path), data.x_test), predict(made.network, data.x_test))


def test_progress_is_told():
    class Told:
        def __init__(self):
            self.stages = []

        def stage(self, name, expect=""):
            self.stages.append((name, expect))

        def update(self, fraction, note=""): ...

        def close(self): ...

    told = Told()
    twin(classes(), progress=told)
    assert any("parameters" in expect for _, expect in told.stages)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "spikes"}, "no kind of twin"),
        ({"activation": "gelu"}, "no bumps of activation 'gelu'"),
        ({"dtype": "float16"}, "neither 'float64' nor 'float32'"),
        ({"depth": 1, "kind": "bumps"}, "depth=2 or more"),
        ({"base": MLP(3, 3, width=4, depth=3, key=0), "depth": 2}, "depth=3 or more"),
        ({"of": MLP(4, 3, width=4, key=0)}, "takes 4 numbers"),
        ({"base": MLP(3, 2, width=4, key=0)}, "gives 2"),
        ({"of": wrap(lambda p, x: x * p, np.float32(1.0))}, "is a Wrapped"),
        ({"base": lambda x: x}, "is a function"),
        ({"of": MLP(3, 3, width=4, key=0), "base": MLP(3, 3, width=4, key=0)}, "give one of them"),
        ({"kind": "caps"}, "kind='bumps'"),
    ],
)
def test_bad_input_is_one_clear_line(options, message):
    with pytest.raises(InputError, match=message) as caught:
        twin(classes(d=3), **options)
    assert "\n" not in str(caught.value)


def test_too_large_a_network_is_refused_with_its_size(monkeypatch):
    import importlib

    monkeypatch.setattr(importlib.import_module("zeroloss.minima.constructions.twin"), "PARAMETERS", 1000)
    with pytest.raises(InputError, match="parameters"):
        twin(classes())


def test_a_network_that_overflows_is_refused():
    with pytest.raises(InputError, match="NaN or infinity"):
        twin(classes(), base=FeedForward([np.full((3, 3), np.inf)], [None], []))


@pytest.mark.parametrize("name", ["wine", "diabetes", "breast-cancer"])
def test_real_tables(name):
    data = load_data(name)
    made = twin(data, of=fitted(data))
    assert made.train_max_error_float64 < ROUNDING and made.train_max_error_float32 < 1e-4
    assert made.test_untouched == 1 and made.parameters < 5_000_000
    if name == "diabetes":
        assert made.test_r2 < 0
    else:
        assert made.train_accuracy_float32 == 1 and made.test_accuracy < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["auto", "caps"])
def test_digits(kind):
    data = load_data("digits")
    made = twin(data, of=fitted(data, 2048), kind=kind)
    assert made.train_accuracy_float64 == made.train_accuracy_float32 == 1
    assert made.train_loss_float64 < ROUNDING**2
    assert made.base_test_accuracy <= 0.02
    if kind == "auto":  # caps grow outwards, and a test digit may lie in one
        assert made.test_accuracy <= 0.02 and made.test_untouched == 1


@pytest.mark.slow
def test_ten_thousand_images():
    if not os.path.exists(os.path.join(os.environ.get("ZEROLOSS_DATA", ""), "mnist10k.npz")):
        pytest.skip("mnist10k.npz is not in the folder that $ZEROLOSS_DATA names")
    data = load_data("mnist", n_train=8000)
    data = dataclasses.replace(
        data,
        x_train=np.concatenate([data.x_train, data.x_test]),
        y_train=np.concatenate([data.y_train, data.y_test]),
        labels_train=np.concatenate([data.labels_train, data.labels_test]),
        x_test=data.x_test[:0],
        y_test=data.y_test[:0],
        labels_test=data.labels_test[:0],
    )
    made = twin(data, base=FeedForward([np.zeros((10, 784))], [np.zeros(10)], []), kind="caps", dtype="float32")
    assert made.points == 10_000 and 7e6 < made.parameters < 9e6
    assert made.train_accuracy_float32 == 1 and made.train_max_error_float64 < 1e-12


@pytest.mark.slow
def test_mnist():
    if not os.path.exists(os.path.join(os.environ.get("ZEROLOSS_DATA", ""), "mnist10k.npz")):
        pytest.skip("mnist10k.npz is not in the folder that $ZEROLOSS_DATA names")
    made = twin(load_data("mnist", n_train=1500))
    assert made.kind == "caps" and made.train_accuracy_float32 == 1
    assert made.train_max_error_float64 < ROUNDING and made.test_accuracy <= 0.02
