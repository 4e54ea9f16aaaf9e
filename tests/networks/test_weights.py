"""Numbers that are none: complex, NaN and infinite weights are refused at every door, in one line."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

import zeroloss as zl
from zeroloss.networks import AntisymmetricMLP, ResidualMLP, SquasherNetwork, wrap
from zeroloss.networks.small_cnn import SmallCNN
from zeroloss.networks.weights import check_weights
from zeroloss.networks.xor import XorNetwork
from zeroloss.plumbing import InputError, double
from zeroloss.tangent import KernelOperator

X, Y = np.random.default_rng(0).standard_normal((6, 3)), np.random.default_rng(1).standard_normal((6, 1))
DATA = zl.from_arrays(X, Y[:, 0], task="regression")


def mlp(value):
    net = zl.MLP(3, 1, 8, 1)
    return eqx.tree_at(lambda n: n.weights[0], net, net.weights[0].at[2, 1].set(value))


def wrapped(value):
    return wrap(lambda p, x: jnp.tanh(x @ p["w"]) @ p["v"], {"w": jnp.full((3, 8), value), "v": jnp.ones((8, 1))})


def of_complex():
    def function(p, x):
        return jnp.real(x @ p)

    with double():
        return wrap(function, jnp.ones((3, 1), complex))


DOORS = {
    "kernel": lambda net: zl.tangent.kernel(net, X),
    "operator": lambda net: KernelOperator(net, X),
    "descend": lambda net: zl.descend(net, DATA, steps=1),
    "gauss-newton": lambda net: zl.descend(net, DATA, method="gauss-newton", steps=1),
    "certify": lambda net: zl.certify(net, DATA),
    "prove": lambda net: zl.prove(net, DATA),
    "audit": lambda net: zl.audit(net, DATA),
    "audit from a start": lambda net: zl.audit(zl.MLP(3, 1, 8, 1), DATA, initial=net),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("make", [lambda: mlp(np.nan), lambda: mlp(-np.inf), lambda: wrapped(np.nan)])
def test_nan_and_infinity_are_refused_at_every_door(door, make):
    with pytest.raises(InputError, match=r"holds NaN or infinity \(\d+ of \d+ numbers\)") as caught:
        DOORS[door](make())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("door", DOORS)
def test_complex_weights_are_refused_at_every_door(door):
    with pytest.raises(InputError, match="complex"):
        DOORS[door](of_complex())


def test_a_twin_of_nan():
    with pytest.raises(InputError, match="of= holds NaN"):
        zl.twin(DATA, of=mlp(np.nan))


def test_finite_weights_and_infinite_masks_pass():
    check_weights(zl.MLP(3, 1, 8, 1))

    class Masked(eqx.Module):
        w: object
        mask: object = zl.networks.constant()

    check_weights(Masked(jnp.ones(2), jnp.array([0.0, -jnp.inf])))
    with pytest.raises(InputError, match="mask of the network holds NaN"):
        check_weights(Masked(jnp.ones(2), jnp.array([0.0, jnp.nan])))
    with pytest.raises(InputError, match="w of the network holds NaN or infinity"):
        check_weights(Masked(jnp.array([jnp.inf]), jnp.ones(2)))


NONSENSE = (-1, 0, 1.5, float("nan"), float("inf"), 2**70, "3", True, None, 1j)
NETWORKS = {
    "MLP": (zl.MLP, {"in_size": 3, "out_size": 1, "width": 4, "depth": 1}, {"weight_std", "bias_std"}),
    "AntisymmetricMLP": (AntisymmetricMLP, {"in_size": 3, "out_size": 1, "width": 4, "depth": 1}, {"weight_std"}),
    "ResidualMLP": (ResidualMLP, {"in_size": 3, "out_size": 1, "width": 4, "blocks": 1}, {"weight_std", "bias_std"}),
    "SquasherNetwork": (
        SquasherNetwork,
        {"in_size": 3, "out_size": 1, "networks": 4, "depth": 1, "width": 2, "examples": 5},
        {"tau"},
    ),
    "SmallCNN": (SmallCNN, {"image_shape": (4, 4), "out_size": 1, "filters": 2, "size": 3, "pool": 1}, {"scale"}),
    "XorNetwork": (XorNetwork, {"k": 2}, {"weight_std"}),
}
MEANS_SOMETHING = {
    ("MLP", "depth", None),  # one hidden layer
    ("MLP", "depth", 0),  # a linear model
    ("AntisymmetricMLP", "depth", None),
    ("ResidualMLP", "blocks", 0),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_sizes_that_mean_nothing_are_refused(name):
    make, sizes, scales = NETWORKS[name]
    more = {"weight_std": 1.0} if name == "XorNetwork" else {}
    make(**sizes | more)
    for size in sizes:
        for value in NONSENSE:
            if (name, size, value) in MEANS_SOMETHING:
                continue
            with pytest.raises(InputError, match=f"{size}|sizes|widths"):
                make(**sizes | more | {size: value})
    for scale in scales:
        for value in (-1.0, float("nan"), float("inf"), "3", True, 1j):
            with pytest.raises(InputError, match=scale):
                make(**sizes | {scale: value})


def test_a_network_that_does_not_fit_into_memory_is_refused_before_it_is_made():
    with pytest.raises(InputError, match="GB are left; take a narrower one"):
        zl.MLP(3, 1, 10**6, 4)


@pytest.mark.parametrize(
    ("call", "name", "values"),
    [
        (
            lambda v: zl.descend(zl.MLP(3, 1, 4, 1), DATA, steps=v),
            "steps",
            (-1, 1.5, float("nan"), float("inf"), "3", True),
        ),
        (
            lambda v: zl.descend(zl.MLP(3, 1, 4, 1), DATA, tolerance=v),
            "tolerance",
            (-1, float("nan"), float("inf"), "3"),
        ),
        (lambda v: zl.descend(zl.MLP(3, 1, 4, 1), DATA, seconds=v), "seconds", (-1, float("nan"), float("inf"), "3")),
        (
            lambda v: zl.descend(zl.MLP(3, 1, 4, 1), DATA, step_size=v),
            "step_size",
            (-1, 0, float("nan"), float("inf"), "3", True),
        ),
        (
            lambda v: zl.descend(zl.MLP(3, 1, 4, 1), DATA, "sgd", batch_size=v),
            "batch_size",
            (-1, 0, 1.5, float("nan"), "3", True),
        ),
        (lambda v: zl.descend(zl.MLP(3, 1, 4, 1), DATA, key=v), "key", (-1, 1.5, float("nan"), 2**70, "3", None)),
        (lambda v: zl.descend(zl.MLP(3, 1, 4, 1), DATA, seeds=v), "seeds", (-1, 0, 1.5, float("nan"), [1, -1], [0.5])),
        (
            lambda v: zl.certify(zl.MLP(3, 1, 4, 1), DATA, step_size=v),
            "step_size",
            (-1, 0, float("nan"), float("inf"), "3", True),
        ),
        (lambda v: zl.certify(zl.MLP(3, 1, 4, 1), DATA, steps=v), "steps", (-1, 0, 1.5, float("nan"), "3")),
        (lambda v: zl.audit(zl.MLP(3, 1, 4, 1), DATA, points=v), "points", (-1, 0, 1.5, float("nan"), "3")),
        (lambda v: zl.audit(zl.MLP(3, 1, 4, 1), DATA, probes=v), "probes", (-1, 0, 1.5, float("nan"), "3")),
        (lambda v: zl.audit(zl.MLP(3, 1, 4, 1), DATA, examples=v), "examples", (-1, 0, 1.5, float("nan"), "3")),
        (
            lambda v: zl.audit(zl.MLP(3, 1, 4, 1), DATA, step_size=v),
            "step_size",
            (-1, 0, float("nan"), float("inf"), "3"),
        ),
        (lambda v: zl.audit(zl.MLP(3, 1, 4, 1), DATA, ridge=v), "ridge", (-1, 0, float("nan"), float("inf"), "3")),
        (lambda v: zl.audit(zl.MLP(3, 1, 4, 1), DATA, key=v), "key", (-1, 1.5, float("nan"), 2**70, "3")),
        (lambda v: zl.twin(DATA, depth=v), "depth", (-1, 0, 1.5, float("nan"), "3")),
        (lambda v: zl.twin(DATA, key=v), "key", (-1, 1.5, float("nan"), 2**70, "3")),
    ],
)
def test_settings_that_mean_nothing_are_refused(call, name, values):
    for value in values:
        with pytest.raises(InputError, match=name):
            call(value)
