"""The read-out of a program: found where its parameters reach the answer through it alone, and nowhere else."""

import numpy as np
import pytest

from zeroloss.networks import TorchNetwork
from zeroloss.networks.pytorch.layers import as_feedforward
from zeroloss.networks.pytorch.program import Program, Ref, Step
from zeroloss.verified.balls import NoBoundError, find_readout, readout_features
from zeroloss.verified.balls.readout import Readout

W, B, V, X = Ref(0), Ref(1), Ref(2), Ref(3)
INPUTS = (("parameter", "w"), ("parameter", "b"), ("parameter", "v"), ("input", ""))
SIZE = 4


def program(*steps, inputs=INPUTS):
    """Steps `(operator, *arguments)`; their results are numbered from 4 on, and the last one is the output."""
    made = [Step(f"aten.{name}", tuple(args), (), len(inputs) + i) for i, (name, *args) in enumerate(steps)]
    return Program(inputs, tuple(made), made[-1].out, (SIZE,), False)


TURN = ("permute.default", W, (1, 0))
HEAD = ("addmm.default", B, Ref(5), Ref(6))


def behind(*features, head=HEAD):
    """Features in two steps, 4 and 5, then the read-out on them."""
    return program(*features, TURN, head)


FREE = {
    "features of another weight": behind(("mm.default", X, V), ("tanh.default", Ref(4))),
    "no bias": behind(("mm.default", X, V), ("tanh.default", Ref(4)), head=("mm.default", Ref(5), Ref(6))),
    "seen in another shape": program(
        ("mm.default", X, V), ("tanh.default", Ref(4)), TURN, HEAD, ("unsqueeze.default", Ref(7), 0), ("view.default", Ref(8), (1, SIZE)),
    ),
    "the weight as it is": program(("mm.default", X, V), ("tanh.default", Ref(4)), ("addmm.default", B, Ref(5), W)),
    "a sum behind the product": program(
        ("mm.default", X, V), ("tanh.default", Ref(4)), TURN, ("mm.default", Ref(5), Ref(6)), ("add.Tensor", Ref(7), B)
    ),
    "linear": program(("mm.default", X, V), ("tanh.default", Ref(4)), ("linear.default", Ref(5), W, B)),
}  # fmt: skip
TIED = {
    "the weight itself": behind(("mm.default", X, W), ("tanh.default", Ref(4))),
    "the bias": behind(("add.Tensor", X, B), ("tanh.default", Ref(4))),
    "its transpose, taken once": program(
        TURN, ("mm.default", X, Ref(4)), ("tanh.default", Ref(5)), ("addmm.default", B, Ref(6), Ref(4))
    ),
    "its transpose, taken twice": program(
        TURN, ("mm.default", X, Ref(4)), ("tanh.default", Ref(5)), TURN, ("addmm.default", B, Ref(6), Ref(7))
    ),
    "a copy": program(
        ("clone.default", W), ("mm.default", X, Ref(4)), ("tanh.default", Ref(5)), TURN, ("addmm.default", B, Ref(6), Ref(7))
    ),
    "a part": program(
        ("select.int", W, 0, 0), ("mul.Tensor", X, Ref(4)), ("tanh.default", Ref(5)), TURN, ("addmm.default", B, Ref(6), Ref(7))
    ),
    "a norm": program(
        ("linalg_vector_norm.default", W), ("div.Tensor", X, Ref(4)), ("mm.default", Ref(5), V), TURN,
        ("addmm.default", B, Ref(6), Ref(7)),
    ),
    "joined with others": program(
        ("cat.default", (W, V)), ("mm.default", X, Ref(4)), ("tanh.default", Ref(5)), TURN, ("addmm.default", B, Ref(6), Ref(7))
    ),
    "through a detach": program(
        ("detach.default", W), ("mm.default", X, Ref(4)), ("tanh.default", Ref(5)), TURN, ("addmm.default", B, Ref(6), Ref(7))
    ),
    "as a table of rows": program(
        ("embedding.default", W, X), ("sum.dim_IntList", Ref(4), (1,)), TURN, ("addmm.default", B, Ref(5), Ref(6))
    ),
    "as a gate of the bias": program(
        ("sigmoid.default", B), ("mul.Tensor", X, Ref(4)), ("mm.default", Ref(5), V), TURN, ("addmm.default", B, Ref(6), Ref(7))
    ),
    "scaled": program(
        ("mul.Tensor", W, 2.0), ("mm.default", X, Ref(4)), ("tanh.default", Ref(5)), TURN, ("addmm.default", B, Ref(6), Ref(7))
    ),
}  # fmt: skip
OTHER = {
    "a permutation that turns nothing": program(
        ("mm.default", X, V), ("tanh.default", Ref(4)), ("permute.default", W, (0, 1)), HEAD
    ),
    "followed by an activation": program(("mm.default", X, V), ("tanh.default", Ref(4)), TURN, HEAD, ("tanh.default", Ref(7))),
    "a bias added twice": program(
        ("mm.default", X, V), ("tanh.default", Ref(4)), TURN, ("mm.default", Ref(5), Ref(6)), ("add.Tensor", Ref(7), B),
        ("add.Tensor", Ref(8), B),
    ),
    "features added to the product": program(
        ("mm.default", X, V), ("tanh.default", Ref(4)), TURN, ("mm.default", Ref(5), Ref(6)), ("add.Tensor", Ref(7), Ref(5))
    ),
    "expanded": program(("mm.default", X, V), ("tanh.default", Ref(4)), TURN, HEAD, ("expand.default", Ref(7), (1, SIZE))),
    "a residual of the weight": program(
        ("mm.default", X, V), ("tanh.default", Ref(4)), TURN, HEAD, ("add.Tensor", Ref(7), B)
    ),
    "a weight that is scaled": program(
        ("mm.default", X, V), ("mul.Tensor", W, 2.0), ("permute.default", Ref(5), (1, 0)), ("addmm.default", B, Ref(4), Ref(6))
    ),
    "a bias that is scaled": program(
        ("mm.default", X, V), ("mul.Tensor", B, 2.0), TURN, ("addmm.default", Ref(5), Ref(4), Ref(6))
    ),
    "one parameter as weight and bias": program(("mm.default", X, V), ("linear.default", Ref(4), W, W)),
    "a constant": program(
        ("mm.default", X, V), ("tanh.default", Ref(4)), TURN, HEAD, inputs=(("constant", "w"), *INPUTS[1:])
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FREE)
def test_found(name):
    found = find_readout(FREE[name])
    assert found is not None and found.weight == "w" and found.bias == (None if name == "no bias" else "b")
    assert found.features == 5 and found.turned == (name == "the weight as it is")


@pytest.mark.parametrize("name", [*TIED, *OTHER])
def test_not_found(name):
    assert find_readout((TIED | OTHER)[name]) is None


def test_one_parameter_under_two_numbers():
    """As a tied module is exported: two inputs of one name."""
    inputs = (("parameter", "w"), ("parameter", "b"), ("parameter", "w"), ("input", ""))
    assert find_readout(program(("mm.default", X, V), ("tanh.default", Ref(4)), TURN, HEAD, inputs=inputs)) is None


def test_a_value_that_is_made_twice():
    """The features are made again behind the read-out's back: nothing can be said of such a program."""
    fine = FREE["features of another weight"]
    twice = Program(fine.inputs, (*fine.steps, Step("aten.mm.default", (X, W), (), 5)), fine.output, (SIZE,), False)
    early = Program(fine.inputs, (fine.steps[1], fine.steps[0], *fine.steps[2:]), fine.output, (SIZE,), False)
    again = Program(fine.inputs, (Step("aten.mm.default", (X, W), (), 3), *fine.steps), fine.output, (SIZE,), False)
    for broken in (twice, early, again):
        assert find_readout(broken) is None
        with pytest.raises(NoBoundError, match="made twice"):
            readout_features(network(broken), Readout("w", "b", 5), np.ones((2, SIZE)))


def network(code, **parameters):
    rng = np.random.default_rng(0)
    arrays = {
        "w": rng.standard_normal((SIZE, SIZE)),
        "b": rng.standard_normal(SIZE),
        "v": rng.standard_normal((SIZE, SIZE)),
    }
    return TorchNetwork(arrays | parameters, code, {})


def test_shapes_that_are_no_readout():
    for wrong in ({"w": np.ones((SIZE, SIZE, 1))}, {"b": np.ones((1, SIZE))}, {"b": np.ones(1)}):
        code = FREE["linear"]
        found = find_readout(code)
        with pytest.raises(NoBoundError, match="the read-out's"):
            readout_features(network(code, **wrong), found, np.ones((2, SIZE)))


def test_layers_of_one_parameter_are_no_feedforward():
    inputs = (*INPUTS, ("parameter", "c"))

    def layers(first, last, bias, *, dims=(1, 0)):
        code = program(
            ("permute.default", first, dims), ("addmm.default", B, X, Ref(5)), ("tanh.default", Ref(6)),
            ("permute.default", last, (1, 0)), ("addmm.default", bias, Ref(7), Ref(8)), inputs=inputs,
        )  # fmt: skip
        return as_feedforward(network(code, c=np.ones(SIZE)))

    own = Ref(4)
    assert layers(V, W, own) is not None
    assert layers(V, W, B) is None  # one bias in two layers, beside one that is not used
    assert layers(W, W, own) is None
    assert layers(V, W, own, dims=(0, 1)) is None  # no transpose
