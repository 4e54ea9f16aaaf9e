"""A converted torch module answers as the module does, has its gradients, and what cannot be converted says why."""

import math

import equinox as eqx
import jax
import numpy as np
import pytest

import zeroloss as zl
from zeroloss.networks import FeedForward, TorchNetwork, load_network, predict, save_network
from zeroloss.plumbing import InputError
from zeroloss.plumbing.precision import as_double

torch = pytest.importorskip("torch")
nn = torch.nn

from torch_modules import MODULES, OwnForward, made  # noqa: E402

SLOW = {"gru", "padded", "encoder-first", "resnet", "activations", "norms", "series", "volume", "rnn"}
EACH = [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in MODULES]


def answers(module, x):
    with torch.no_grad():
        return module(x).numpy()


@pytest.mark.parametrize("name", EACH)
def test_answers_and_gradients(name):
    module, x = made(name)
    network = zl.from_torch(module, x, layers=False)
    expected = answers(module, x)
    flat = x.numpy().reshape(len(x), -1)
    found = predict(network, flat)
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()
    v = torch.randn(expected.shape, generator=torch.Generator().manual_seed(1))
    own = dict(module.named_parameters())
    wanted = torch.autograd.grad((module(x) * v).sum(), list(own.values()))

    def paired(network, x, v):
        return (jax.vmap(network)(x) * v).sum()

    gradient = eqx.filter_jit(eqx.filter_grad(paired))(network, flat, v.numpy()).parameters
    assert set(gradient) == set(own)
    scale = max(float(g.abs().max()) for g in wanted)
    for key, g in zip(own, wanted, strict=True):
        assert np.abs(g.numpy() - np.asarray(gradient[key])).max() <= 4e-6 * scale, key


def test_flat_examples_and_examples_in_their_shape_are_one():
    module, x = made("images")
    network = zl.from_torch(module, x)
    assert isinstance(network, TorchNetwork)
    assert np.array_equal(predict(network, x.numpy()), predict(network, x.numpy().reshape(len(x), -1)))
    assert (network.in_size, network.out_size) == (64, 3)


def test_a_module_exported_before_and_after_training_is_one_program():
    module, x = made("images")
    start = zl.from_torch(module, x)
    with torch.no_grad():
        for p in module.parameters():
            p.add_(0.01 * torch.sign(p))
    end = zl.from_torch(module, x)
    assert start.program == end.program and hash(start.program) == hash(end.program)
    assert start.program != zl.from_torch(*made("norms")).program
    data = zl.from_arrays(x.numpy().reshape(len(x), -1), np.arange(len(x)) % 3, test_fraction=0, scaling="none")
    moved = zl.audit(end, data, initial=start, points=2).numbers["movement"]
    expected = math.sqrt(
        sum(0.01**2 * (p != 0).sum().item() for p in module.parameters())
        / sum(np.sum(np.square(p)) for p in start.parameters.values())
    )
    assert moved == pytest.approx(expected, rel=1e-3)


def test_tokens_may_come_as_whole_floats():
    module, x = made("tokens")
    network = zl.from_torch(module, x)
    assert network.takes_tokens
    assert np.array_equal(predict(network, x.numpy()), predict(network, x.numpy().astype(np.float64)))


def test_a_chain_of_linear_layers_is_a_feedforward():
    for name, activations in (("perceptron", ["tanh", "gelu"]), ("own-forward", ["prelu(0.2)", "silu"])):
        module, x = made(name, torch.float64)
        network = zl.from_torch(module, x)
        assert type(network) is FeedForward
        assert [layer[0][0] for layer in network.activations] == activations
        np.testing.assert_allclose(predict(network, x.numpy()), answers(module, x), rtol=0, atol=1e-14)


class Twice(nn.Module):
    """One matrix used by two layers."""

    def __init__(self):
        super().__init__()
        self.one, self.out = nn.Linear(6, 6), nn.Linear(6, 2)

    def forward(self, x):
        return self.out(torch.tanh(self.one(torch.tanh(self.one(x)))))


class Skipping(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.out = nn.Linear(6, 6), nn.Linear(6, 2)

    def forward(self, x):
        return self.out(x + torch.tanh(self.one(x)))


class TanhAtTheEnd(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(6, 2)

    def forward(self, x):
        return torch.tanh(self.out(x))


class PerRow(nn.Module):
    """A linear layer at three places."""

    def __init__(self):
        super().__init__()
        self.out = nn.Linear(2, 1)

    def forward(self, x):
        return self.out(x.reshape(-1, 3, 2)).squeeze(-1)


@pytest.mark.parametrize("kind", [Twice, Skipping, TanhAtTheEnd, PerRow])
def test_what_is_no_chain_is_not_taken_for_one(kind):
    module, x = kind().eval(), torch.randn(3, 6)
    network = zl.from_torch(module, x)
    assert isinstance(network, TorchNetwork)
    np.testing.assert_allclose(predict(network, x.numpy()), answers(module, x), rtol=0, atol=1e-6)


def test_softplus_and_tanh_gelu_are_not_the_exact_activations():
    """torch's softplus is the identity beyond 20, its tanh form of gelu another function: neither is ours."""
    for activation in (nn.Softplus(), nn.GELU("tanh")):
        network = zl.from_torch(nn.Sequential(nn.Linear(6, 5), activation, nn.Linear(5, 2)).eval())
        assert isinstance(network, TorchNetwork)


def test_frozen_parameters_are_constants_unless_all_are():
    module, x = made("images")
    module[0].requires_grad_(False)
    network = zl.from_torch(module, x)
    assert "0.weight" in network.constants and "0.weight" not in network.parameters
    module.requires_grad_(False)
    assert "0.weight" in zl.from_torch(module, x).parameters
    chain = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 2)).eval()
    chain[0].requires_grad_(False)
    assert isinstance(zl.from_torch(chain), TorchNetwork)  # a FeedForward would train the frozen layer


def test_trainable_by_torch_names():
    module, x = made("images")
    network = zl.from_torch(module, x)
    mask = zl.networks.trainable_mask(network, ["8", "0.bias"]).parameters
    assert {name for name, yes in mask.items() if yes} == {"8.weight", "8.bias", "0.bias"}
    assert not any(jax.tree.leaves(zl.networks.trainable_mask(network).constants))
    with pytest.raises(InputError, match=r"'9' is not a parameter or part of this network"):
        zl.networks.trainable_mask(network, "9")


def test_descent_moves_what_is_trainable_and_no_statistics():
    module, x = made("images")
    network = zl.from_torch(module, x)
    y = np.eye(3)[[0, 1, 2, 0]]
    fit = zl.descend(network, (x.numpy().reshape(4, -1), y), "adam", step_size=1e-2, steps=50, trainable=["8", "0"])
    assert fit.loss < 0.5 * fit.history["loss"][0]
    moved = {k for k, v in fit.network.parameters.items() if not np.array_equal(v, network.parameters[k])}
    assert moved == {"8.weight", "8.bias", "0.weight", "0.bias"}
    assert all(np.array_equal(v, fit.network.constants[k]) for k, v in network.constants.items())


@pytest.mark.parametrize("name", ["perceptron", "own-forward", "images", "tokens"])
def test_weights_go_back(name):
    module, x = made(name)
    network = zl.from_torch(module, x)
    other = made(name)[0]
    with torch.no_grad():
        for p in other.parameters():
            p.zero_()
    assert zl.to_torch(network, other) is other
    assert np.array_equal(answers(module, x), answers(other, x))


def test_float64_weights_go_back_to_the_bit():
    module, x = made("images")
    network = zl.from_torch(module, x)
    with zl.double():
        wide = as_double(network)
        wide = eqx.tree_at(lambda n: n.parameters["8.bias"], wide, wide.parameters["8.bias"] + 1e-12)
    zl.to_torch(wide, module)
    assert module[8].bias.dtype == torch.float64
    assert np.array_equal(module[8].bias.detach().numpy(), np.asarray(wide.parameters["8.bias"]))


def test_weights_of_another_module_are_refused():
    module, x = made("images")
    with pytest.raises(InputError, match="give the module converted"):
        zl.to_torch(zl.from_torch(module, x), made("perceptron")[0])
    with pytest.raises(InputError, match="no chain"):
        zl.to_torch(zl.from_torch(OwnForward().eval(), torch.zeros(1, 6)), Skipping())


@pytest.mark.parametrize("name", ["images", "lstm", "tokens"])
def test_saved_and_read_again(name, tmp_path):
    module, x = made(name)
    network = zl.from_torch(module, x)
    save_network(tmp_path / "n.npz", network)
    again = load_network(tmp_path / "n.npz")
    flat = x.numpy().reshape(len(x), -1)
    assert np.array_equal(predict(network, flat), predict(again, flat))
    assert list(again.parameters) == list(network.parameters)


class Branching(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(6, 2)

    def forward(self, x):
        return self.out(x) if x.sum() > 0 else self.out(-x)


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(6, 2)

    def forward(self, x):
        return self.out(x), x


class BatchStatistics(nn.Sequential):
    def __init__(self):
        norm = nn.BatchNorm1d(1, track_running_stats=False)
        super().__init__(nn.Unflatten(1, (1, 6)), norm, nn.Flatten(), nn.Linear(6, 2))


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(6, 2)
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x):
        self.calls += 1
        return self.out(x)


class Special(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(6, 2)

    def forward(self, x):
        return torch.special.i0e(self.out(x))


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (nn.Sequential(nn.Linear(6, 4), nn.Dropout(0.1), nn.Linear(4, 2)), r"call module.eval\(\) first"),
        (nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)), r"training mode, where 1 \(BatchNorm1d\)"),
        (Branching().eval(), "control flow depends on the data"),
        (Pair().eval(), r"several arrays \(0 \(1, 2\), 1 \(1, 6\)\)"),
        (Counting().eval(), "changes calls each time it is called"),
        (Special().eval(), r"i0e.*register_operator"),
        (BatchStatistics().eval(), "answers a batch otherwise"),
        (nn.ReLU(), "no parameters"),
    ],
)
def test_refused_with_one_line(module, words):
    kind = next((p.dtype for p in module.parameters()), torch.float32)
    with pytest.raises(InputError, match=words) as caught:
        zl.from_torch(module, torch.randn(3, 6).to(kind))
    assert "\n" not in str(caught.value)


def test_a_missing_operator_can_be_added():
    from zeroloss.networks.pytorch import OPERATORS, register_operator

    name = "aten.special_i0e.default"
    assert name not in OPERATORS
    try:
        register_operator(name, jax.scipy.special.i0e)
        module, x = Special().eval(), torch.randn(3, 6)
        found = predict(zl.from_torch(module, x), x.numpy())
        np.testing.assert_allclose(found, answers(module, x), rtol=1e-5, atol=1e-6)
    finally:
        OPERATORS.pop(name, None)


def test_a_wrong_translation_is_found_out(monkeypatch):
    from zeroloss.networks.pytorch import OPERATORS

    monkeypatch.setitem(OPERATORS, "aten.tanh.default", jax.numpy.sin)
    with pytest.raises(InputError, match="answers otherwise than the module"):
        zl.from_torch(made("perceptron")[0])


def test_the_shape_of_an_example_comes_from_a_dataset():
    data = zl.load_data("digits", n_train=20)
    network = zl.from_torch(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 10)).eval(), data)
    assert network.program.input_shape == (1, 8, 8)
    with pytest.raises(InputError, match="neither flat nor as an image"):
        zl.from_torch(nn.Linear(63, 10), data)
    with pytest.raises(InputError, match="give example="):
        zl.from_torch(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 10)))
