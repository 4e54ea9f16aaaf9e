"""Deeper networks: the same function, by all four ways, and refusal where there is none."""

import equinox as eqx
import jax
import numpy as np
import pytest

from zeroloss.data import from_arrays
from zeroloss.descent import descend
from zeroloss.minima import Extension, extend, extend_convolutional
from zeroloss.minima.chain import Chain, _features
from zeroloss.minima.convolutional import identity_convolution
from zeroloss.networks import MLP, FeedForward, predict
from zeroloss.plumbing import InputError
from zeroloss.verdict import from_json

X = np.random.default_rng(0).standard_normal((40, 3))
SAME = 1e-6


def net(activation="tanh", c=1, width=64, dtype="float32", **options):
    return MLP(3, c, width=width, depth=2, activation=activation, dtype=dtype, key=1, **options)


def difference(made, given, x=X):
    wanted = predict(given, x).astype(np.float64)
    return np.abs(predict(made.network, x) - wanted).max() / np.abs(wanted).max()


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "prelu(0.25)", "prelu(0.9)"])
@pytest.mark.parametrize(("layers", "width"), [(1, 1), (1, 64), (3, 2), (11, 17), (50, 1), (50, 64)])
def test_relu_layers_keep_the_function(activation, layers, width):
    given = net("relu")
    made = extend(given, layers, width, activation, x=X)
    assert made.network.widths == (64, 64, *(width,) * layers)
    assert {name for segments in made.network.activations[2:] for name, _ in segments} == {activation}
    assert difference(made, given) < SAME and made.max_error == difference(made, given)
    assert made.way == ("shift" if width == 1 else "pairs" if width < 64 else "identity")
    if made.way == "identity":
        assert (predict(made.network, X) == predict(given, X)).all()
    if made.way == "pairs":  # on every input
        assert difference(made, given, 100 * X) < SAME


@pytest.mark.parametrize("way", ["pairs", "shift"])
def test_the_error_does_not_grow_with_the_layers(way):
    given = net("tanh", 3, dtype="float64")
    made = [extend(given, layers, {"pairs": 6, "shift": 3}[way], "prelu(0.3)", x=X) for layers in (1, 50)]
    assert [m.way for m in made] == [way, way]
    assert all(m.max_error <= m.tolerance < 2e-15 for m in made)


def test_a_single_relu_shift_by_hand():
    line = FeedForward([np.array([[2.0]])], [np.array([1.0])], [])
    made = extend(line, 2, 1, "relu", bound=5.0)
    x = np.array([[-4.0], [-3.0], [0.0], [2.0]])  # f = -7, -5, 1, 5; the relu cuts at -5
    np.testing.assert_array_equal(predict(made.network, x)[:, 0], [-5, -5, 1, 5])
    assert made.bound == (5.0,) and "bound given" in made.holds and made.max_error is None


def test_a_bounded_last_layer_needs_no_rows():
    given = net("tanh", 2)
    made = extend(given, 4, 2, "relu")
    far = 1e4 * X
    assert "everywhere" in made.holds and difference(made, given, far) < SAME


def test_rows_outside_the_bound_may_change_and_rows_inside_do_not():
    given = net("relu")
    made = extend(given, 1, 1, "relu", x=X)
    far = 50 * X
    inside = (predict(given, far) >= -made.bound[0])[:, 0]
    assert inside.any() and not inside.all()
    np.testing.assert_allclose(predict(made.network, far)[inside], predict(given, far)[inside], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(predict(made.network, far)[~inside], -made.bound[0], rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
@pytest.mark.parametrize("layers", [1, 50])
def test_a_chain_keeps_the_function_to_its_tolerance(activation, layers, dtype):
    given = net(activation, 3, dtype=dtype)
    limit = np.abs(predict(given, X)).max(axis=0)
    made = extend(given, layers, 5, bound=limit)  # no rows: nothing is fitted again
    assert made.way == "chain" and made.activation == activation and made.width == 5
    off = np.abs(predict(made.network, X) - predict(given, X).astype(float)) / limit
    assert off.max() <= made.tolerance
    assert made.tolerance < {"sigmoid": 4e-3, "tanh": 3e-5}[activation] * (1 if dtype == "float32" else 1e-5)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_the_curvature_bound_of_a_chain_is_sharp(activation):
    # f = x on [0, 1]; with a large e the curvature outweighs the rounding, and one layer reaches the bound.
    line = FeedForward([np.eye(1)], [np.zeros(1)], [])
    made = extend(line, 1, 1, activation, bound=1.0, sharpness=0.125)
    e, x = 0.125, np.linspace(0, 1, 11)[:, None]
    off = x - predict(made.network, x)
    bound = e**2 * x**3 / (12 if activation == "sigmoid" else 3)
    assert (off <= bound + 1e-14).all()
    assert off[-1] > 0.98 * bound[-1]


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_the_training_points_are_fitted_again(activation):
    given = net(activation, 2, dtype="float64")
    blunt = {"activation": activation, "sharpness": 0.25, "width": 2}  # curvature of 10 layers: about 2 %
    loose = extend(given, 10, bound=np.abs(predict(given, X)).max(axis=0), **blunt)
    fitted = extend(given, 10, x=X, **blunt)
    assert difference(loose, given) > 1e-3 and fitted.max_error < 1e-11
    assert "fitted again" in fitted.holds
    y = np.random.default_rng(2).uniform(-1, 1, (40, 2))
    given_targets = extend(given, 10, x=X, y=y, bound=2.0, **blunt)
    assert given_targets.max_error < 1e-11
    np.testing.assert_allclose(predict(given_targets.network, X), y, atol=1e-11)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_what_fitting_again_changes_elsewhere_is_said(activation):
    given = net(activation, 1, dtype="float64")
    limit = np.abs(predict(given, X)).max()
    made = extend(given, 10, 1, x=X, sharpness=0.1)
    plain = extend(given, 10, 1, bound=limit, sharpness=0.1)
    said = float(made.holds.split("at most ")[-1].split(" |(h, 1)|")[0])
    z = np.random.default_rng(3).standard_normal((500, 3))
    h = _features(given, z)[0]
    moved = np.abs(predict(made.network, z) - predict(plain.network, z))[:, 0]
    # The chain has slopes of at most 1, and `said` has two digits.
    assert (moved <= 1.05 * said * np.sqrt((h**2).sum(axis=1) + 1) + 1e-12).all() and moved.max() > 1e-6


def test_more_rows_than_weights_are_said_and_left():
    given = net("sigmoid", 1, width=8, dtype="float64")
    made = extend(given, 5, 1, x=X, sharpness=0.25)
    assert "not fitted again: the read-out has 9 weights" in made.holds
    assert 1e-9 < made.max_error <= made.tolerance


def test_the_inverse_of_a_chain():
    for name in ("sigmoid", "tanh"):
        chain = Chain.fitting(name, 7, np.array([3.0]), "float64", 0.5)
        line = FeedForward([np.eye(1)], [np.zeros(1)], [])
        y = np.linspace(-2, 2, 9)[:, None]
        np.testing.assert_allclose(predict(chain.network(line, 1), chain.inverse(y)), y, atol=1e-12)


def test_a_trained_network_stays_fitted():
    y = np.sin(X[:, :1])
    data = from_arrays(X, y)
    fit = descend(MLP(3, 1, width=128, depth=1, activation="tanh", dtype="float64", key=0), data, method="gauss-newton")
    x, wanted = data.x_train, predict(fit.network, data.x_train)
    for options in ({"width": 1, "activation": "relu"}, {"width": 3, "activation": "tanh"}, {}):
        made = extend(fit.network, 20, x=x, **options)
        np.testing.assert_allclose(predict(made.network, x), wanted, atol=1e-12)


@pytest.mark.parametrize("parametrization", ["standard", "ntk", "mup"])
@pytest.mark.parametrize("width", [2, 4, 64])
def test_parametrizations_are_kept(parametrization, width):
    given = net("relu", 2, parametrization=parametrization, bias_std=0.5)
    made = extend(given, 3, width, "prelu(0.5)", x=X)
    assert difference(made, given) < SAME
    assert made.network.weight_scales[:2] == given.weight_scales[:2]


def test_no_hidden_layer_and_no_bias():
    line = FeedForward([np.array([[1.0, -2.0, 0.5]])], [None], [])
    for options in ({}, {"width": 1, "x": X}, {"width": 1, "activation": "tanh", "x": X}):
        made = extend(line, 3, **options)
        assert made.network.depth == 3 and difference(made, line) < 1e-12


def test_the_record_goes_to_json_and_back():
    made = extend(net("sigmoid"), 2, x=X)
    assert isinstance(made, Extension) and from_json(made.to_json()) == made and made.holds.endswith(".")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"layers": 0}, "1 or more"),
        ({"layers": 2.5}, "whole number"),
        ({"layers": 1, "width": 0}, "width=0"),
        ({"layers": 1, "width": 2}, "width 2 cannot carry 3 outputs"),
        ({"layers": 1, "activation": "gelu"}, "gelu"),
        ({"layers": 1, "activation": "prelu(1.5)"}, "0 < a < 1"),
        ({"layers": 1, "width": 3}, "bounded"),
        ({"layers": 1, "x": X[:, :2]}, "network takes rows"),
        ({"layers": 1, "y": np.zeros((40, 3))}, "without x="),
        ({"layers": 1, "x": X, "y": np.zeros((40, 2))}, "40 rows need"),
        ({"layers": 1, "width": 3, "bound": [1.0, 2.0]}, "bound="),
        ({"layers": 1, "activation": "tanh", "bound": 1.0, "sharpness": 2.0}, "sharpness"),
    ],
)
def test_bad_input_is_one_line(options, words):
    with pytest.raises(InputError) as error:
        extend(net("relu", 3), **options)
    assert words in str(error.value) and "\n" not in str(error.value)


def test_other_models_are_refused():
    with pytest.raises(InputError, match="cannot be extended"):
        extend(lambda x: x, 1)


def convolutional():
    keys = jax.random.split(jax.random.PRNGKey(0), 3)
    return eqx.nn.Sequential(
        [
            eqx.nn.Conv2d(1, 4, 3, key=keys[0]),
            eqx.nn.Lambda(jax.nn.relu),
            eqx.nn.Conv2d(4, 6, 3, key=keys[1]),
            eqx.nn.Lambda(jax.nn.relu),
            eqx.nn.Lambda(lambda h: h.reshape(-1)),
            eqx.nn.Linear(6 * 4 * 4, 2, key=keys[2]),
        ]
    )


@pytest.mark.parametrize(("layers", "after", "kernel"), [(1, None, 1), (20, 1, 1), (3, 3, 3)])
def test_convolutions_keep_the_function_exactly(layers, after, kernel):
    given = convolutional()
    made = extend_convolutional(given, layers, after, kernel)
    x = np.random.default_rng(0).standard_normal((5, 1, 8, 8))
    assert len(made.layers) == len(given.layers) + 2 * layers
    np.testing.assert_array_equal(predict(made, x), predict(given, x))


def test_convolutions_fit_only_behind_a_relu():
    given = convolutional()
    with pytest.raises(InputError, match=r"\[1, 3\]"):
        extend_convolutional(given, 1, after=2)
    with pytest.raises(InputError, match="nowhere"):
        extend_convolutional(eqx.nn.Sequential(given.layers[-1:]), 1)
    with pytest.raises(InputError, match=r"eqx\.nn\.Sequential"):
        extend_convolutional(net(), 1)
    with pytest.raises(InputError, match="1 or more"):
        extend_convolutional(given, 0)
    with pytest.raises(InputError, match="odd kernel"):
        identity_convolution(2, 2)
