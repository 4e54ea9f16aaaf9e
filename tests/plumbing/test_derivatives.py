"""Forward derivatives: of ordinary functions, and of those whose own rule is for the reverse direction only."""

import jax
import jax.numpy as jnp
import numpy as np

import zeroloss as zl
from zeroloss.audit.curvature import GaussNewton
from zeroloss.plumbing import double
from zeroloss.plumbing.derivatives import pushforward
from zeroloss.plumbing.operations import lowest_precision
from zeroloss.tangent import as_matrix

RNG = np.random.default_rng(0)
PARAMS = {"w": RNG.standard_normal((3, 4)), "v": RNG.standard_normal((4, 2))}
X = RNG.standard_normal((5, 3))


@jax.custom_vjp
def soft(z):
    return jnp.tanh(z)


soft.defvjp(lambda z: (jnp.tanh(z), jnp.tanh(z)), lambda t, g: (g * (1 - t**2),))


@jax.custom_vjp
def halved_back(z):
    return z


halved_back.defvjp(lambda z: (z, None), lambda _, g: (-0.5 * g,))


def with_rule(p, x):
    return soft(x @ p["w"]) @ p["v"]


def without(p, x):
    return jnp.tanh(x @ p["w"]) @ p["v"]


def reversing(p, x):
    return halved_back(x @ p["w"]) @ p["v"]


def test_both_ways_give_the_same_directional_derivative():
    with double():
        at = jax.tree.map(jnp.asarray, PARAMS)
        direction = jax.tree.map(lambda a: jnp.asarray(RNG.standard_normal(a.shape)), at)
        value, change = pushforward(lambda p: with_rule(p, X), at, direction)
        expected = jax.jvp(lambda p: without(p, X), (at,), (direction,))
    np.testing.assert_allclose(value, expected[0], rtol=1e-13)
    np.testing.assert_allclose(change, expected[1], rtol=1e-12)


def test_a_function_with_a_rule_of_its_own_works_in_operator_linearisation_curvature_and_descent():
    own, plain = zl.wrap(with_rule, PARAMS), zl.wrap(without, PARAMS)
    v = RNG.standard_normal(10)
    np.testing.assert_allclose(
        zl.tangent.KernelOperator(own, X) @ v, zl.tangent.KernelOperator(plain, X) @ v, rtol=1e-11
    )
    y = RNG.standard_normal((5, 2))
    data = zl.from_arrays(X, y)
    for build in (lambda net: GaussNewton(net, X, y, "squared").multiply(v),):
        np.testing.assert_allclose(build(own), build(plain), rtol=1e-11)
    moved = [zl.descend(net, data, method="gauss-newton", steps=2).network for net in (own, plain)]
    np.testing.assert_allclose(moved[0].params["w"], moved[1].params["w"], rtol=1e-8)
    np.testing.assert_allclose(zl.predict(zl.tangent.linearized(own), X), zl.predict(own, X), rtol=1e-12)
    sharp = [zl.audit(net, data, measures="sharpness").measure("sharpness").value for net in (own, plain)]
    np.testing.assert_allclose(sharp[0], sharp[1], rtol=1e-6)


def test_a_rule_that_is_no_derivative_is_kept_in_every_product():
    net = zl.wrap(reversing, PARAMS)
    matrix = as_matrix(zl.tangent.kernel(net, X))
    v = RNG.standard_normal(10)
    h = X @ PARAMS["w"]
    by_hand = 0.25 * np.kron(X @ X.T, PARAMS["v"].T @ PARAMS["v"]) + np.kron(h @ h.T, np.eye(2))
    np.testing.assert_allclose(matrix, by_hand, rtol=1e-11)
    np.testing.assert_allclose(zl.tangent.KernelOperator(net, X) @ v, by_hand @ v, rtol=1e-11)


def test_the_lowest_precision_is_found_in_loops_and_sub_programs():
    def inside(x):
        low = jax.jit(lambda a: (a.astype(jnp.bfloat16) * 2).astype(a.dtype))
        return jax.lax.scan(lambda c, _: (low(c), None), x, None, length=2)[0]

    row = jax.ShapeDtypeStruct((3,), np.float32)
    assert lowest_precision(jax.make_jaxpr(inside)(row).jaxpr).name == "bfloat16"
    assert lowest_precision(jax.make_jaxpr(jnp.sin)(row).jaxpr).name == "float32"
    whole = jax.ShapeDtypeStruct((3,), np.int32)
    assert lowest_precision(jax.make_jaxpr(lambda a: a + 1)(whole).jaxpr).name == "float64"
