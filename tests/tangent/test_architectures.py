"""The kernel of every kind of network against Jacobians written out, by either contraction."""

import functools
import math

import equinox as eqx
import jax
import numpy as np
import pytest
from architectures import ARCHITECTURES
from tangent_references import assert_close, form, jacobian

from zeroloss.networks import wrap
from zeroloss.plumbing import double
from zeroloss.plumbing.precision import as_double
from zeroloss.tangent import estimate, explained_kernel, kernel
from zeroloss.tangent.jaxpr import layerwise, plan

COUNT, FIRST = 5, 3
LARGE = {"encoder", "residual", "odd"}
EACH = [pytest.param(name, marks=[pytest.mark.slow] if name in LARGE else []) for name in ARCHITECTURES]


@functools.cache
def inputs(name, dtype):
    """The network and five examples."""
    make, shape, whole = ARCHITECTURES[name]
    network = make(jax.random.PRNGKey(1))
    if dtype == "float64":
        with double():
            network = as_double(network)
    rng = np.random.default_rng(0)
    x = rng.integers(0, 7, (COUNT, *shape)) if whole else rng.standard_normal((COUNT, *shape))
    return network, x


@functools.cache
def made(name, dtype):
    """The network, five examples, and the Jacobian of all."""
    network, x = inputs(name, dtype)
    return network, x, jacobian(network, x, keep_whole=True)


@pytest.fixture
def contraction(monkeypatch, request):
    """The contraction asked for wherever there is a choice: outer, explicit, late; cheaper: as users have it."""
    if request.param != "cheaper":
        monkeypatch.setattr(plan, "ENTRYWISE", -1e30 if request.param == "outer" else 1e30)
        monkeypatch.setattr(plan, "LATE", 0.0 if request.param == "late" else 1e30)
        monkeypatch.setattr(plan, "LATE_FROM", 0)
    layerwise._plan_cached.cache_clear()
    yield request.param
    layerwise._plan_cached.cache_clear()


def check(name, dtype, outputs="full", one_set=False, probe=True):
    network, x, jacobians = made(name, dtype)
    first, second = (jacobians, jacobians) if one_set else (jacobians[:FIRST], jacobians[FIRST:])
    expected = form(np.einsum("iap,jbp->ijab", first, second), outputs)
    points = (x, None) if one_set else (x[:FIRST], x[FIRST:])
    norms = math.sqrt((first**2).sum(-1).max() * (second**2).sum(-1).max())
    assert_close(kernel(network, *points, outputs, check=probe), expected, np.dtype(dtype), norms)


@pytest.mark.parametrize("contraction", ["outer"], indirect=True)
@pytest.mark.parametrize("name", EACH)
def test_every_architecture(name, contraction):
    check(name, "float64", probe=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("contraction", "dtype"), [("explicit", "float64"), ("cheaper", "float32")], indirect=["contraction"]
)
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_by_the_other_contraction(name, contraction, dtype):
    check(name, dtype, probe=contraction == "cheaper")


@pytest.mark.parametrize("outputs", ["full", "trace", "diagonal"])
@pytest.mark.parametrize("contraction", ["outer", "late"], indirect=True)
@pytest.mark.parametrize("name", ["autoencoder", "stacked"])
def test_one_set_of_points_and_other_forms(name, contraction, outputs):
    check(name, "float64", outputs, one_set=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("contraction", "outputs"),
    [("outer", "trace"), ("explicit", "diagonal"), ("late", "full")],
    indirect=["contraction"],
)
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_in_other_forms(name, contraction, outputs):
    check(name, "float64", outputs, one_set=True)


@pytest.mark.parametrize("name", EACH)
def test_as_a_function_of_parameters_and_a_batch(name):
    """The batch is followed through every operation, and the kernel is that of the network."""
    network, x, jacobians = made(name, "float64")
    weights, rest = eqx.partition(network, eqx.is_inexact_array)
    function = wrap(lambda p, batch: jax.vmap(eqx.combine(p, rest))(batch), weights)
    expected = np.einsum("iap,jbp->ijab", jacobians, jacobians)
    assert_close(kernel(function, x, check=False), expected, np.float64)


@pytest.mark.slow
def test_part_of_the_parameters():
    network, x, _ = made("encoder", "float64")
    names = jax.tree.map(lambda _: False, network)
    mask = eqx.tree_at(lambda n: [n.attention[1].key_proj.weight, n.norms[0].bias, n.up[0].weight], names, [True] * 3)
    jacobians = jacobian(network, x, mask)
    assert_close(kernel(network, x, trainable=mask), np.einsum("iap,jbp->ijab", jacobians, jacobians), np.float64)


def test_which_rule_serves_which_parameter():
    """Nothing of these but what is named falls back on whole gradients."""
    for name in ARCHITECTURES:
        network, x = inputs(name, "float64")
        told = estimate(network, x)
        fallen = {p.name for p in told.parameters if p.rule == "gradient"}
        assert fallen == ({"branch"} if name == "odd" else set())
        assert told.operations > 0
        assert len(told.parameters) == len(jax.tree.leaves(eqx.filter(network, eqx.is_inexact_array)))
    told = explained_kernel(*inputs("tied tokens", "float64")).estimate
    assert told.took > 0
    rules = {p.name: p for p in told.parameters}
    assert rules["table.weight"].rule == "lookup+dense"
    assert rules["place"].rule == "bias"
    assert str(told).count("\n") == len(told.parameters) + 1
