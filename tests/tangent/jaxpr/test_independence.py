"""Which wrapped functions keep their examples apart: programs with loops, linear algebra and transforms, and the ones that mix."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zeroloss as zl
from zeroloss.networks import wrap
from zeroloss.plumbing import InputError, double
from zeroloss.tangent import kernel_matrix
from zeroloss.tangent.jaxpr.independence import check_independent

RNG = np.random.default_rng(0)
V = RNG.standard_normal(6)
X = RNG.standard_normal((4, 6))
EYE = np.eye(6)

APART = {
    "fft": lambda p, x: jnp.fft.irfft(jnp.fft.rfft(x) * jnp.fft.rfft(p), 6),
    "fft of two axes": lambda p, x: jnp.abs(jnp.fft.fft2((x * p).reshape(-1, 2, 3))).reshape(-1, 6),
    "complex parts": lambda p, x: jnp.real(jnp.exp(1j * x * p)) + jnp.imag(jnp.conj(jnp.exp(1j * x * p))),
    "solve": lambda p, x: jnp.linalg.solve(EYE + jnp.einsum("ni,nj->nij", x, x) * p[0], x[..., None])[..., 0],
    "one matrix for all": lambda p, x: jnp.linalg.solve(jnp.diag(1 + p**2), x.T).T,
    "inverse": lambda p, x: jnp.linalg.inv(EYE + jnp.einsum("ni,nj->nij", x, x) * p[0] ** 2)[:, 0],
    "cholesky": lambda p, x: jnp.linalg.cholesky(EYE + jnp.einsum("ni,nj->nij", x, x) * p[0] ** 2)[:, -1],
    "singular values": lambda p, x: jnp.linalg.svd(x.reshape(-1, 2, 3) * p[0], compute_uv=False),
    "determinant": lambda p, x: jnp.linalg.det((x * p).reshape(-1, 2, 3)[:, :, :2])[:, None],
    "scan over the examples": lambda p, x: jax.lax.scan(lambda c, r: (c, jnp.tanh(r * p)), 0.0, x)[1],
    "a counter over the examples": lambda p, x: jax.lax.scan(lambda c, r: (c + 1, jnp.tanh(r * p)), 0, x)[1],
    "map": lambda p, x: jax.lax.map(lambda r: jnp.tanh(r * p), x),
    "branch by a parameter": lambda p, x: jax.lax.cond(p[0] > 0, lambda: x * p, lambda: -x * p),
    "branch by all parameters": lambda p, x: jax.lax.cond(jnp.sum(p) > 0, lambda: x * p, lambda: -x * p),
    "a column set": lambda p, x: (x * p).at[:, 0].set(p[1]),
    "a column added": lambda p, x: (x * p).at[:, 2].add(x[:, 0] * p[0]),
    "stack": lambda p, x: jnp.stack([x[:, 0] * p[0], jnp.sin(x[:, 1] * p[1])], 1),
    "unstack": lambda p, x: jnp.stack([a * b for a, b in zip(jnp.unstack(x, axis=1), p, strict=True)], 1),
}
MIXED = {
    "scan that sums up": lambda p, x: jax.lax.scan(lambda c, r: (c + r.sum(), c * r * p), 0.0, x)[1],
    "scan with all at each turn": lambda p, x: jax.lax.map(lambda r: r * p + x.sum(), x),
    "fft across": lambda p, x: jnp.real(jnp.fft.fft(x * p, axis=0)),
    "solve across": lambda p, x: jnp.linalg.solve(jnp.eye(len(x)) + x @ x.T, x * p),
    "svd across": lambda p, x: jnp.linalg.svd(x * p, full_matrices=False)[0] @ jnp.ones((min(x.shape), 1)),
    "stops by the batch": lambda p, x: jax.lax.while_loop(
        lambda s: jnp.max(jnp.abs(s)) > 0.1, lambda s: 0.5 * s, x * p
    ),
    "branches by the batch": lambda p, x: jax.lax.cond(x[0, 0] > 0, lambda: x * p, lambda: -x * p),
    "first row set": lambda p, x: (x * p).at[0].set(p),
    "rows added up": lambda p, x: (x * p) + jnp.zeros((2, 6)).at[jnp.zeros(len(x), int)].add(x)[0],
    "writes where an example says": lambda p, x: (x * p).at[:, jnp.argmax(x[0])].set(0.0),
    "reversed": lambda p, x: (x * p)[::-1],
}
SIZED = {
    "divides by n": lambda p, x: x * p / len(x),
    "numbers the rows": lambda p, x: x * p * jnp.arange(1, len(x) + 1)[:, None],
    "only where the weights are not 0": lambda p, x: 1e-9 * (x * p) * len(x),
}


def jacobian(function):
    with double():
        rows = [jax.jacrev(lambda p, r=r: jnp.ravel(function(p, jnp.asarray(r[None]))))(jnp.asarray(V)) for r in X]
    return np.concatenate(rows)


@pytest.mark.parametrize("name", APART)
def test_the_kernel_of_a_program_that_keeps_examples_apart(name):
    j = jacobian(APART[name])
    np.testing.assert_allclose(kernel_matrix(wrap(APART[name], V), X), j @ j.T, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", MIXED)
def test_a_program_in_which_examples_meet_is_refused(name):
    with pytest.raises(InputError, match=r"depends on another's|does not keep the batch"):
        check_independent(wrap(MIXED[name], V), X)


@pytest.mark.parametrize("name", SIZED)
@pytest.mark.parametrize("weights", [V, 1e-6 * V, 0 * V], ids=["ordinary", "small", "zero"])
def test_an_answer_that_depends_on_the_number_of_examples_is_refused_at_any_size(name, weights):
    with pytest.raises(InputError, match="batch's size"):
        check_independent(wrap(SIZED[name], weights), X)


def test_a_loop_with_a_condition_keeps_examples_apart_but_has_no_derivative():
    def loop(p, x):
        return jax.lax.while_loop(lambda s: s[0] < 3, lambda s: (s[0] + 1, jnp.tanh(s[1] * p)), (0, x))[1]

    net = wrap(loop, V)
    check_independent(net, X)
    data = zl.from_arrays(X, X)
    for call in (
        lambda: kernel_matrix(net, X),
        lambda: zl.tangent.KernelOperator(net, X) @ np.ones(24),
        lambda: zl.descend(net, data, steps=1, step_size=0.1),
        lambda: zl.audit(net, data, measures="sharpness"),
    ):
        with pytest.raises(InputError, match="while loop"):
            call()


def test_a_float32_function_whose_answers_cancel_is_not_refused():
    cancelling = wrap(lambda p, x: (1e4 + x * p) - 1e4, V.astype(np.float32))
    check_independent(cancelling, X.astype(np.float32))
