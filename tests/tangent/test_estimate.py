"""The price of a kernel, said before it is computed, and the refusal of one that does not fit."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from architectures import ARCHITECTURES

from zeroloss.networks import MLP, predict, trainable_mask
from zeroloss.networks.predict import MOST, ROOM, rows_at_once
from zeroloss.plumbing import InputError, double
from zeroloss.plumbing.memory import available_bytes
from zeroloss.plumbing.operations import count, held
from zeroloss.plumbing.precision import as_double
from zeroloss.tangent import Estimate, estimate, explained_kernel, kernel
from zeroloss.verdict import from_json

X = np.random.default_rng(0).standard_normal((40, 6))
price_module = sys.modules["zeroloss.tangent.price"]


def test_operations_of_a_plain_network_are_those_of_the_identity():
    """`n(n+1)/2` pairs, each `2 (m_in + 1) + c^2 2 m_out` operations a layer beside the entrywise ones."""
    told = estimate(MLP(6, 3, 8, 1, key=0), X)
    hidden, read_out = (p for p in told.parameters if p.contraction in ("outer", "explicit"))
    pairs = 40 * 41 / 2
    from zeroloss.tangent.jaxpr.plan import ENTRYWISE

    assert hidden.operations == pairs * (2 * 6 + 9 * (2 * 8 + ENTRYWISE))
    assert read_out.operations == pairs * (2 * 8 + 9 * (2 * 3 + ENTRYWISE))
    assert hidden.other > pairs * 2 * 9 * 6 * 8  # the gradient written out
    assert [p.contraction for p in told.parameters if p.rule == "bias"] == ["with weights[0]", "with weights[1]"]


def test_the_kernel_s_bytes_are_the_kernel_s():
    net = MLP(6, 3, 8, 1, key=0)
    for outputs in ("full", "trace", "diagonal"):
        explained = explained_kernel(net, X, X[:7], outputs)
        k, told = explained.kernel, explained.estimate
        assert np.array_equal(k, kernel(net, X, X[:7], outputs))
        assert told.kernel_bytes == k.nbytes
        assert told.bytes >= k.nbytes
        assert told.took > 0


def test_kernel_returns_an_array_only():
    with pytest.raises(InputError, match="explained_kernel"):
        kernel(MLP(6, 3, 8, 1, key=0), X, explain=True)
    with pytest.raises(InputError, match="outputs='half'"):
        explained_kernel(MLP(6, 3, 8, 1, key=0), X, outputs="half")


def test_an_estimate_goes_to_json_and_back():
    told = estimate(MLP(6, 3, 8, 1, key=0), X)
    assert from_json(told.to_json()) == told
    assert isinstance(told, Estimate)
    assert "operations" in str(told) and "about" in str(told)


def test_counted_operations_of_loops_products_and_convolutions():
    def function(w, k, x):
        y = jax.lax.scan(lambda c, _: (jnp.tanh(w @ c), None), x, None, length=5)[0]
        return jax.lax.conv(y.reshape(1, 1, 2, 3), k, (1, 1), "VALID")

    jaxpr = jax.make_jaxpr(function)(jnp.ones((6, 6)), jnp.ones((4, 1, 2, 2)), jnp.ones(6)).jaxpr
    found = count(jaxpr)
    exact = 5 * (2 * 36 + 6) + 2 * 4 * 2 * 4
    assert exact <= found <= exact + 20  # reshapes and the like count an operation an entry


def test_bytes_held_at_once_are_those_between_the_first_and_the_last_use():
    def function(w, x):
        wide = w @ x  # 8 (100 + 1) bytes: w does not belong to the example
        h = jnp.tanh(wide)  # two of 100
        return jnp.sum(h), x

    w, x = np.ones((100, 1), np.float32), np.ones(1, np.float32)
    jaxpr = jax.make_jaxpr(function)(w, x).jaxpr
    assert held(jaxpr, [False, True]) == 4 * (1 + 100 + 100)
    assert held(jaxpr, [True, True]) == 4 * (100 + 1 + 100)  # w is freed when h is made


def test_predict_takes_fewer_rows_where_one_of_them_is_large():
    small, wide = MLP(6, 3, 8, 1, key=0), MLP(6, 1, 2**20, 1, key=0)
    x = np.ones((100, 6), np.float32)
    assert rows_at_once(small, x) == MOST
    assert rows_at_once(wide, x) == ROOM // (4 * 2 * 2**20)  # before and after the activation
    np.testing.assert_allclose(predict(wide, x), predict(wide, x, block=7), rtol=1e-5)


def test_a_kernel_that_does_not_fit_is_refused_with_what_to_do(monkeypatch):
    net = MLP(6, 3, 8, 1, dtype="float64", key=0)
    full, trace = estimate(net, X), estimate(net, X, outputs="trace")
    monkeypatch.setattr(price_module, "available_bytes", lambda: int(full.bytes))  # a tenth is left to others
    with pytest.raises(InputError) as caught:
        kernel(net, X)
    text = str(caught.value)
    assert "\n" not in text
    assert f"{full.kernel_bytes / 1e3:.3g} kB" in text and "fewer examples" in text and "KernelOperator" in text
    assert 'outputs="trace"' in text and "float32" in text
    monkeypatch.setattr(price_module, "available_bytes", lambda: int(trace.bytes / 3))
    with pytest.raises(InputError) as caught:
        kernel(net, X)
    assert "outputs=" not in str(caught.value)  # which does not fit either
    monkeypatch.setattr(price_module, "available_bytes", lambda: int(full.bytes / 0.9) + 2)
    assert kernel(net, X).nbytes == full.kernel_bytes


def test_available_memory_is_what_the_machine_says():
    found = available_bytes()
    if not sys.platform.startswith("linux"):
        pytest.skip("read from /proc, which this system has not")
    assert 1e6 < found < 1e14


def test_whole_numbers_stay_whole_only_where_nothing_else_is_taken():
    make, shape, _ = ARCHITECTURES["tokens"]
    tokens = np.random.default_rng(0).integers(0, 7, (3, *shape))
    network = make(jax.random.PRNGKey(0))
    assert predict(network, tokens).shape == (3, 2)
    assert kernel(network, tokens).shape == (3, 3, 2, 2)
    with pytest.raises(InputError, match="does not take inputs"):
        kernel(network, tokens + 0.5)
    pictures = np.random.default_rng(0).integers(0, 255, (4, 6))
    net = MLP(6, 1, 8, 1, key=0)
    np.testing.assert_array_equal(kernel(net, pictures), kernel(net, pictures.astype(float)))


@pytest.mark.slow
def test_a_rule_that_loses_a_term_is_caught_by_the_probe(monkeypatch):
    """The check is of the whole: a wrong position, a lost use or a wrong sign in any rule changes it."""
    module = sys.modules["zeroloss.tangent.kernel"]
    make, shape, _ = ARCHITECTURES["encoder"]
    x = np.random.default_rng(1).standard_normal((4, *shape))
    with double():  # in float32 the check allows for a kink that rounding turns, and a small term may hide in that
        network = as_double(make(jax.random.PRNGKey(0)))
        groups = len(module.read(network, x, trainable_mask(network), 4, "full").groups)
    kernel(network, x)
    right = module.parts
    for lost in (0, groups // 2, groups - 1):
        monkeypatch.setattr(module, "parts", lambda *a, lost=lost: _without(right(*a), lost))
        with pytest.raises(ArithmeticError, match="disagrees"):
            kernel(network, x)
        monkeypatch.undo()


def _without(parts, lost):
    import dataclasses

    kept = list(parts)
    part = kept[lost]
    if part.explicit is not None:
        kept[lost] = dataclasses.replace(part, explicit=0 * part.explicit)
    else:
        kept[lost] = dataclasses.replace(part, sides=tuple((0 * a, f, s) for a, f, s in part.sides))
    return kept
