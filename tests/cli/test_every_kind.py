"""Every command that takes a model works on each kind of network: on its file, or says in one line why a question is not about it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cli_checks import refused

from zeroloss.networks import (
    MLP,
    AntisymmetricMLP,
    FeedForward,
    ResidualMLP,
    SquasherNetwork,
    TorchNetwork,
    load_network,
    save_network,
    wrap,
)
from zeroloss.networks.pytorch.program import Program, Ref, Step
from zeroloss.networks.small_cnn import SmallCNN
from zeroloss.networks.storage import as_saved
from zeroloss.networks.xor import XorNetwork
from zeroloss.plumbing import double
from zeroloss.verdict import from_json

pytestmark = pytest.mark.slow
D, N = 16, 12


def converted(dtype):
    """A gelu network as a program, as a torch module is converted to."""
    rng = np.random.default_rng(4)
    arrays = {
        "in.w": rng.standard_normal((20, D)) / 4,
        "in.b": rng.standard_normal(20),
        "out.w": rng.standard_normal((1, 20)) / 5,
    }
    names = [("parameter", name) for name in arrays] + [("input", "")]
    steps = (
        Step("aten.permute.default", (Ref(0), (1, 0)), (), 4),
        Step("aten.addmm.default", (Ref(1), Ref(3), Ref(4)), (), 5),
        Step("aten.gelu.default", (Ref(5),), (), 6),
        Step("aten.permute.default", (Ref(2), (1, 0)), (), 7),
        Step("aten.mm.default", (Ref(6), Ref(7)), (), 8),
    )
    with double():
        parameters = {name: jnp.asarray(a, dtype) for name, a in arrays.items()}
        return TorchNetwork(parameters, Program(tuple(names), steps, 8, (D,), False), {})


def in_groups():
    net = MLP(D, 1, 20, 1, key=0)
    return FeedForward(net.weights, net.biases, [[("relu", 10), ("tanh", 10)]], net.weight_scales, net.bias_scales)


def wrapped64():
    rng = np.random.default_rng(4)
    params = {"w": rng.standard_normal((D, 20)) / 4, "out": {"w": rng.standard_normal((20, 1)) / 5, "b": np.zeros(1)}}
    network = wrap(lambda p, x: jax.nn.relu(x @ p["w"]) @ p["out"]["w"] + p["out"]["b"], params)
    return as_saved(network, np.zeros((1, D)))


KINDS = {
    "mlp": lambda: MLP(D, 1, 20, 1, key=0),
    "mlp64": lambda: MLP(D, 1, 20, 1, dtype="float64", key=0),
    "feedforward": in_groups,
    "residual": lambda: ResidualMLP(D, 1, 12, 1, key=0),
    "residual64": lambda: ResidualMLP(D, 1, 12, 1, dtype="float64", key=0),
    "squasher": lambda: SquasherNetwork(D, 1, 16, 1, key=0),
    "antisymmetric": lambda: AntisymmetricMLP(D, 1, 20, 1, key=0),
    "cnn": lambda: SmallCNN((4, 4), 1, 16, 3, 2, key=0),
    "xor": lambda: XorNetwork(10, 1.0, 0),
    "converted32": lambda: converted("float32"),
    "converted64": lambda: converted("float64"),
    "equinox": lambda: eqx.nn.MLP(D, 1, 20, 1, activation=jax.nn.tanh, key=jax.random.PRNGKey(0)),
    "wrapped64": wrapped64,
}
LAYERS = {"mlp", "mlp64", "feedforward", "antisymmetric"}
"""What a twin is made of, and what the atlas counts."""
COMMANDS = {
    "certify": ("certify", "d.npz", "--model"),
    "descend": ("descend", "d.npz", "--method", "adam", "--steps", "2", "--out", "fit.npz", "--model"),
    "gauss-newton": ("descend", "d.npz", "--method", "gauss-newton", "--steps", "2", "--out", "fit.npz", "--model"),
    "prove": ("prove", "d.npz", "--json", "--model"),
    "audit": ("audit", "d.npz", "--measures", "margins", "--json", "--model"),
    "kernel": ("kernel", "d.npz", "--json", "--model"),
    "check": ("theorems", "check", "d.npz", "--only", "readout", "--model"),
    "twin": ("twin", "d.npz", "--of"),
    "atlas": ("theorems", "atlas", "d.npz", "--model"),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_command_works_on_what_is_saved(zeroloss, kind, command):
    rng = np.random.default_rng(0)
    np.savez("d.npz", x=rng.standard_normal((N, D)), y=rng.standard_normal(N))
    save_network("m.npz", KINDS[kind]())
    result = zeroloss(*COMMANDS[command], "m.npz")
    if command in ("twin", "atlas") and kind not in LAYERS:
        refused(result, "MLP", "FeedForward")
        return
    code, out, err = result
    assert code == 0, err
    if command == "descend":
        assert type(load_network("fit.npz")) is type(load_network("m.npz"))
    if command in ("prove", "audit"):
        assert from_json(out) is not None
    if command == "kernel":
        assert "smallest" in out


@pytest.mark.parametrize("kind", ["residual", "converted64", "xor"])
def test_rank_and_examine(zeroloss, kind):
    rng = np.random.default_rng(0)
    np.savez("d.npz", x=rng.standard_normal((N, D)), y=rng.standard_normal(N))
    save_network("m.npz", KINDS[kind]())
    save_network("other.npz", KINDS["mlp"]())
    code, _, err = zeroloss("rank", "d.npz", "--measures", "margins", "--model", "m.npz", "--model", "other.npz")
    assert code == 0, err
    code, _, err = zeroloss("examine", "d.npz", "--as-is", "--model", "m.npz", "--out", "report")
    assert code == 0, err


@pytest.mark.parametrize("kind", ["equinox", "wrapped64"])
def test_a_certificate_of_a_network_of_jax_is_checked_on_its_own(zeroloss, kind):
    rng = np.random.default_rng(0)
    np.savez("d.npz", x=rng.standard_normal((N, D)), y=rng.standard_normal(N))
    save_network("m.npz", KINDS[kind]())
    code, out, err = zeroloss("prove", "d.npz", "--model", "m.npz", "--out", "c.json")
    assert code == 0 and "PROVED" in out, err
    code, out, err = zeroloss("prove", "d.npz", "--check", "c.json")
    assert code == 0 and "PROVED" in out, err
    np.savez("other.npz", x=rng.standard_normal((N, D)), y=rng.standard_normal(N))
    assert zeroloss("prove", "other.npz", "--check", "c.json")[0] == 1
