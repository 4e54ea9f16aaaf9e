"""Programs in files of others: what is no program, or would not run, is one line before anything runs."""

import dataclasses
import time

import jax.numpy as jnp
import numpy as np
import pytest

from zeroloss.networks import TorchNetwork, load_network, predict, save_network
from zeroloss.networks.pytorch.program import Dtype, Program, Ref, Step
from zeroloss.networks.pytorch.validity import MOST_STEPS
from zeroloss.networks.storage import network_bytes, network_from_bytes
from zeroloss.plumbing import InputError, double

INPUTS = (("parameter", "w"), ("parameter", "b"), ("constant", "shift"), ("input", ""))
W, B, SHIFT, X = map(Ref, range(4))
STEPS = (
    Step("aten.add.Tensor", (X, SHIFT), (), 4),
    Step("aten.permute.default", (W, (1, 0)), (), 5),
    Step("aten.addmm.default", (B, Ref(4), Ref(5)), (), 6),
    Step("aten.gelu.default", (Ref(6),), (("approximate", "tanh"),), 7),
)


def network(steps=STEPS, *, output=7, inputs=INPUTS, shape=(3,), whole=False, shift=None, dtype=np.float32):
    rng = np.random.default_rng(0)
    with double():
        parameters = {
            "w": jnp.asarray(rng.standard_normal((2, 3)), dtype),
            "b": jnp.asarray(rng.standard_normal(2), dtype),
        }
        shift = np.ones((1, 3)) if shift is None else shift
        constants = {"shift": jnp.asarray(shift, dtype if np.asarray(shift).dtype.kind == "f" else None)}
        return TorchNetwork(parameters, Program(inputs, tuple(steps), output, shape, whole), constants)


def changed(index, **fields):
    return [dataclasses.replace(step, **fields) if i == index else step for i, step in enumerate(STEPS)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_program_comes_back_as_it_was(tmp_path, dtype):
    net = network(dtype=dtype)
    again = load_network(save_network(tmp_path / "n.npz", net))
    assert again.program == net.program
    x = np.random.default_rng(1).standard_normal((4, 3))
    np.testing.assert_array_equal(predict(again, x), predict(net, x))
    w, b = (np.asarray(net.parameters[k], np.float64) for k in "wb")
    z = (x + 1) @ w.T + b
    expected = 0.5 * z * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)))
    np.testing.assert_allclose(predict(again, x), expected, rtol=1e-4 if dtype == np.float32 else 1e-12, atol=1e-6)


def test_infinite_constants_and_arguments_are_masks():
    mask = network(shift=np.array([[0.0, -np.inf, 1.0]]))
    assert np.isinf(np.asarray(network_from_bytes(network_bytes(mask), "it").constants["shift"])).any()
    steps = [*STEPS, Step("aten.clamp.default", (Ref(7), -np.inf), (), 8)]
    assert network_from_bytes(network_bytes(network(steps, output=8)), "it").out_size == 2


def more(*steps, output=None):
    return lambda: network([*STEPS, *steps], output=steps[-1].out if output is None else output)


def full(*size, name="aten.full.default"):
    return more(Step(name, (size, 1.0), (("dtype", Dtype("float32")),), 8), output=7)


LIES = {
    "a number set twice": (lambda: network([*STEPS, dataclasses.replace(STEPS[3], args=(Ref(4),))]), "sets %7 a second time"),
    "an input set again": (lambda: network(changed(0, out=2)), "sets %2 a second time"),
    "a number before it is set": (lambda: network(changed(0, args=(X, Ref(5)))), "uses %5, which no earlier step sets"),
    "a step that uses itself": (lambda: network(changed(0, args=(X, Ref(4)))), "uses %4, which no earlier step"),
    "a cycle": (lambda: network(changed(1, args=(Ref(7), (1, 0)))), "uses %7, which no earlier step sets"),
    "a reference in a list": (lambda: network(changed(1, args=(W, (1, Ref(9))))), "uses %9"),
    "a negative reference": (lambda: network(changed(0, args=(X, Ref(-1)))), "uses %-1"),
    "no such output": (lambda: network(output=99), "answers with %99, which no step sets"),
    "a negative output": (lambda: network(output=-1), "which no step sets"),
    "an input that is not there": (
        lambda: network(inputs=(("parameter", "v"), *INPUTS[1:])),
        "takes the parameter 'v', which the file does not hold",
    ),
    "an input of another kind": (lambda: network(inputs=(("secret", "w"), *INPUTS[1:])), "takes the secret 'w'"),
    "two examples": (lambda: network(inputs=(*INPUTS[:3], ("input", ""), ("input", ""))), "the example once|second time"),
    "an unknown operator": (lambda: network(changed(3, operator="aten.gelv.default", kwargs=())), "aten.gelv.default: no translation"),
    "an unknown keyword": (lambda: network(changed(3, kwargs=(("approximately", "tanh"),))), "unexpected keyword argument 'approx"),
    "an unknown keyword of an open operator": (
        more(Step("aten.full.default", ((1, 2), 1.0), (("colour", 3),), 8), output=7),
        "unexpected keyword argument 'colour'",
    ),
    "an argument less": (lambda: network(changed(2, args=(B, Ref(4)))), "missing a required argument"),
    "arguments more": (lambda: network(changed(3, args=(Ref(6), 1, 2, 3))), "too many positional|multiple values"),
    "shapes that do not fit": (lambda: network(changed(2, args=(B, Ref(4), W))), r"step 2 .* cannot be computed"),
    "an axis that is not there": (lambda: network(changed(1, args=(W, (7, 5, 1)))), "step 1 .* cannot be computed"),
    "a text for a number": (lambda: network(changed(1, args=(W, ("a", "b")))), "step 1 .* cannot be computed"),
    "an unknown type": (
        more(Step("aten.full.default", ((1, 2), 1.0), (("dtype", Dtype("quaternion")),), 8), output=7),
        "step 4 .* names 'quaternion', which is no type of numbers",
    ),
    "an answer of whole numbers": (more(Step("aten.argmax.default", (Ref(7), 1), (), 8)), "does not answer with an array of float32"),
    "an answer of several arrays": (more(Step("aten.topk.default", (Ref(7), 1), (), 8)), "does not answer with an array"),
    "an answer of nothing": (more(Step("aten.slice.Tensor", (Ref(7), 1, 0, 0), (), 8)), "does not answer with an array"),
    "an example of no numbers": (lambda: network(shape=(3, 0)), "each side must be at least 1"),
    "an example of 10^12 numbers": (lambda: network(shape=(3, 10**12)), "takes examples of"),
    "NaN for a number": (more(Step("aten.mul.Tensor", (Ref(7), float("nan")), (), 8)), "has NaN as an argument"),
    "a full of 1e11 entries": (full(10**11), "step 4 .* over 268,435,456"),
    "a full of 2^70 entries": (full(2**70), "step 4 "),
    "a full by two sides": (full(10**6, 10**6), "step 4 .* over 268,435,456"),
    "a range of 1e11": (more(Step("aten.arange.start_step", (0, 10**11, 1), (), 8), output=7), "step 4 .* over"),
    "a range in small steps": (more(Step("aten.arange.start_step", (0, 1.0, 1e-11), (), 8), output=7), "step 4 .* over"),
    "a range without end": (more(Step("aten.arange.start_step", (0, float("inf"), 1), (), 8), output=7), "step 4 .* over"),
    "an expansion": (more(Step("aten.expand.default", (SHIFT, (10**11, 3)), (), 8), output=7), "step 4 .* over"),
    "repeats": (more(Step("aten.repeat.default", (SHIFT, (10**6, 10**6)), (), 8), output=7), "step 4 .* over"),
    "an identity": (more(Step("aten.eye.default", (10**6,), (), 8), output=7), "step 4 .* over"),
    "padding": (more(Step("aten.constant_pad_nd.default", (X, (0, 10**11)), (), 8), output=7), "step 4 .* over"),
    "a pool of 1e12 places": (
        more(
            Step("aten.reshape.default", (X, (1, 1, 1, 3)), (), 8),
            Step("aten.max_pool2d.default", (Ref(8), (10**6, 10**6), (1, 1), (10**6, 10**6)), (), 9),
            output=7,
        ),
        "step 5 .* over 65,536",
    ),
    "a resize to 1e12": (
        more(
            Step("aten.reshape.default", (X, (1, 1, 1, 3)), (), 8),
            Step("aten.upsample_bilinear2d.vec", (Ref(8), (10**6, 10**6), False), (), 9),
            output=7,
        ),
        "step 5 .* over",
    ),
    "a million parts": (
        more(
            Step("aten.expand.default", (SHIFT, (10**6, 3)), (), 8),
            Step("aten.unbind.int", (Ref(8), 0), (), 9),
            output=7,
        ),
        "step 5 .* over 65,536",
    ),
    "strides over 1e11": (more(Step("aten.as_strided.default", (SHIFT, (10**11,), (0,), 0), (), 8), output=7), "step 4 .* over"),
    "half a square": (more(Step("aten.tril_indices.default", (10**6, 10**6), (), 8), output=7), "step 4 .* over"),
    "an image folded from nothing": (
        more(Step("aten.col2im.default", (X, (10**6, 10**6), (1, 1), (1, 1), (0, 0), (1, 1)), (), 8), output=7), "step 4 .* over"
    ),
    "20,000 steps": (
        more(*[Step("aten.relu.default", (Ref(7 + i),), (), 8 + i) for i in range(20_000)]),
        f"over {MOST_STEPS:,}; if you trust it",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", LIES)
def test_what_is_no_program_is_one_line_at_once(kind):
    make, words = LIES[kind]
    content = network_bytes(make())
    started = time.process_time()
    with pytest.raises(InputError, match=words) as caught:
        network_from_bytes(content, "it")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    assert time.process_time() - started < 10


def test_trust_lifts_the_budget(monkeypatch):
    monkeypatch.setattr("zeroloss.networks.pytorch.validity.MOST_STEPS", 3)
    monkeypatch.setattr("zeroloss.networks.pytorch.validity.MOST_ENTRIES", 2)
    content = network_bytes(network())
    with pytest.raises(InputError, match="--trust"):
        network_from_bytes(content, "it")
    assert network_from_bytes(content, "it", trust=True).out_size == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"constants": {"shift": np.full((1, 3), np.nan, np.float32)}}, "NaN"),
        ({"constants": {"shift": np.ones((1, 3))}}, "precisions"),
        ({"parameters": {"w": np.ones((2, 3), np.float32), "b": np.full(2, np.inf, np.float32)}}, "NaN or infinity"),
        ({"parameters": {"w": np.ones((2, 3), np.complex64), "b": np.ones(2, np.complex64)}}, "complex"),
        ({"parameters": {"w": np.ones((2, 3), int), "b": np.ones(2, int)}}, "float32 or float64"),
        ({"parameters": {"w": np.ones((2, 4), np.float32), "b": np.ones(2, np.float32)}}, "cannot be computed"),
    ],
)
def test_arrays_that_do_not_fit_the_program(change, words):
    net = network()
    for name, arrays in change.items():
        object.__setattr__(net, name, {k: jnp.asarray(a) if a.dtype != np.float64 else a for k, a in arrays.items()})
    with pytest.raises(InputError, match=words):
        network_from_bytes(network_bytes(net), "it")


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["LSTM", "GRU"])
def test_recurrent_layers_are_valid_programs(layer):
    torch = pytest.importorskip("torch")
    from torch import nn

    from zeroloss.networks import from_torch

    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.cells, self.out = getattr(nn, layer)(3, 5, 2, batch_first=True, bidirectional=True), nn.Linear(10, 2)

        def forward(self, x):
            return self.out(self.cells(x.reshape(len(x), 4, 3))[0][:, -1])

    net = from_torch(Recurrent().eval(), torch.randn(3, 12))
    again = network_from_bytes(network_bytes(net), "it")
    assert again.program == net.program
    assert again.out_size == 2
