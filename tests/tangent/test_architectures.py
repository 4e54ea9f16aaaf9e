"""The kernel of every kind of network against Jacobians written out, by either contraction."""

import functools
import math

import jax
import numpy as np
import pytest
from architectures import ARCHITECTURES
from tangent_references import assert_close, form, jacobian

from zeroloss.plumbing import double
from zeroloss.plumbing.precision import as_double
from zeroloss.tangent import kernel, layerwise, plan

COUNT, FIRST = 5, 3


@functools.cache
def made(name, dtype):
    """The network, five examples, and the Jacobian of all."""
    make, shape, whole = ARCHITECTURES[name]
    network = make(jax.random.PRNGKey(1))
    if dtype == "float64":
        with double():
            network = as_double(network)
    rng = np.random.default_rng(0)
    x = rng.integers(0, 7, (COUNT, *shape)) if whole else rng.standard_normal((COUNT, *shape))
    return network, x, jacobian(network, x, keep_whole=True)


@pytest.fixture
def contraction(monkeypatch, request):
    """ "outer" or "explicit" wherever there is a choice; "cheaper" as users have it."""
    cost = {"outer": -1e30, "explicit": 1e30, "cheaper": plan.ENTRYWISE}[request.param]
    monkeypatch.setattr(plan, "ENTRYWISE", cost)
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
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture(name, contraction):
    check(name, "float64", probe=False)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("contraction", ["outer", "explicit", "cheaper"], indirect=True)
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_by_every_contraction(name, contraction, dtype):
    check(name, dtype, probe=contraction == "cheaper")


@pytest.mark.parametrize("outputs", ["full", "trace", "diagonal"])
@pytest.mark.parametrize("contraction", ["outer"], indirect=True)
@pytest.mark.parametrize("name", ["autoencoder", "stacked"])
def test_one_set_of_points_and_other_forms(name, contraction, outputs):
    check(name, "float64", outputs, one_set=True)


@pytest.mark.slow
@pytest.mark.parametrize("outputs", ["full", "trace", "diagonal"])
@pytest.mark.parametrize("contraction", ["outer", "explicit"], indirect=True)
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_in_every_form(name, contraction, outputs):
    check(name, "float64", outputs, one_set=True)
