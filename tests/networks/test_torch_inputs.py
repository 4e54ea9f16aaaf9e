"""What a converted module is given: tokens within its tables, images in its order, modules in the forms they come in."""

import copy
import warnings

import numpy as np
import pytest

import zeroloss as zl
from zeroloss.networks import ConversionWarning, FeedForward, TorchNetwork, load_network, save_network
from zeroloss.plumbing import InputError

torch = pytest.importorskip("torch")
nn, functional = torch.nn, torch.nn.functional


class Bag(nn.Module):
    """Tokens 0 to 9, and their places by a second table that is indexed by a sum."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.e, self.shifted, self.out = nn.Embedding(10, 4), nn.Embedding(13, 4), nn.Linear(4, 2)

    def forward(self, t):
        return self.out((self.e(t) + self.shifted(t + torch.arange(3))).mean(1))


GOOD = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9], [0, 1, 2]])


@pytest.fixture(scope="module")
def bag():
    return zl.from_torch(Bag().eval(), torch.tensor(GOOD))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([[10, 1, 2]], "row 1 of the inputs looks up entry 10 of a table that has the entries 0 to 9"),
        ([[-1, 1, 2]], "looks up entry -1 of a table"),
        ([[2**40, 1, 2]], "2\\^31 or more"),
        ([[2**32 + 1, 1, 2]], "2\\^31 or more"),
        ([[0.5, 1, 2]], "row 1 of the inputs holds fractions"),
    ],
)
def test_tokens_that_the_module_does_not_know_are_refused_everywhere(bag, rows, words):
    x = np.concatenate([GOOD[:1], rows])
    y = np.eye(2)
    for question in (
        lambda: zl.predict(bag, x),
        lambda: zl.tangent.kernel(bag, x),
        lambda: zl.descend(bag, (x, y), steps=1, step_size=1e-3),
        lambda: zl.prove(bag, (x, y)),
        lambda: zl.certify(bag, (x, y)),
    ):
        with pytest.raises(InputError, match=words):
            question()


def test_known_tokens_are_answered_as_whole_numbers_and_as_floats(bag):
    with torch.no_grad():
        expected = Bag().eval()(torch.tensor(GOOD)).numpy()
    for x in (GOOD, GOOD.astype(np.float64), GOOD.astype(np.uint8), GOOD.astype(np.float32)):
        assert np.allclose(zl.predict(bag, x), expected, rtol=1e-5, atol=1e-6)


def test_scaled_tokens_are_refused_at_conversion():
    with pytest.raises(InputError, match="fractions"):
        zl.from_torch(Bag().eval(), zl.from_arrays(GOOD, [0, 1, 0, 1], scaling="auto"))
    with pytest.raises(InputError, match="entry 99 of a table"):
        zl.from_torch(Bag().eval(), torch.tensor([[1, 2, 99]]))


def test_a_table_that_is_indexed_by_a_column_of_numbers():
    class Mixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.e, self.out = nn.Embedding(4, 3), nn.Linear(5, 2)

        def forward(self, x):
            return self.out(torch.cat([self.e(x[:, 0].long()), x[:, 1:]], 1))

    x = np.array([[0.0, 0.5, 1.0], [3.0, -0.5, 2.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConversionWarning)
        network = zl.from_torch(Mixed().double().eval(), x)
    assert zl.predict(network, x).shape == (2, 2)
    with pytest.raises(InputError, match="entry 4 of a table that has the entries 0 to 3"):
        zl.predict(network, np.array([[4.0, 0.5, 1.0]]))


def colours(channels=3):
    """The mean of each channel: right whatever the size, and only for channels first."""
    module = nn.Sequential(nn.Conv2d(channels, channels, 1, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    with torch.no_grad():
        module[0].weight.copy_(torch.eye(channels).reshape(channels, channels, 1, 1))
    return module


def data_of(x):
    return zl.from_arrays(x, np.arange(len(x)) % 2, scaling="none", test_fraction=0)


@pytest.mark.parametrize("shape", [(5, 4), (5, 4, 1), (1, 5, 4), (5, 4, 3), (3, 5, 4), (4, 5, 2)])
def test_images_reach_the_module_with_their_channels_first(shape):
    x = np.random.default_rng(0).standard_normal((4, *shape))
    last = len(shape) == 3 and shape[-1] in (1, 2, 3)
    first = x[:, None] if len(shape) == 2 else np.moveaxis(x, -1, 1) if last else x
    data = data_of(x)
    network = zl.from_torch(colours(first.shape[1]).double(), data)
    expected = first.mean((2, 3))
    assert np.allclose(zl.predict(network, x.reshape(4, -1)), expected, atol=1e-12)
    assert np.allclose(zl.predict(network, x), expected, atol=1e-12)


def test_an_order_that_cannot_be_seen_is_refused():
    x = np.random.default_rng(0).standard_normal((4, 3, 3, 3))
    with pytest.raises(InputError, match="channels first or last"):
        zl.from_torch(colours(), data_of(x))
    network = zl.from_torch(colours().double(), x)
    assert np.allclose(zl.predict(network, x.reshape(4, -1)), x.mean((2, 3)), atol=1e-12)


def test_images_in_another_order_than_the_network_takes_are_refused(tmp_path):
    x = np.random.default_rng(0).standard_normal((4, 5, 4, 3))
    first = np.ascontiguousarray(np.moveaxis(x, -1, 1))
    network, data = zl.from_torch(colours().double(), first), data_of(x)
    with pytest.raises(InputError, match="pixels in another order"):
        zl.audit(network, data)
    with pytest.raises(InputError, match="pixels in another order"):
        zl.descend(network, data, steps=1, step_size=1e-3)
    with pytest.raises(InputError, match="an example of shape"):
        zl.predict(network, x)
    converted = zl.from_torch(colours().double(), data)  # the order is part of the program, and of its file
    read = load_network(save_network(tmp_path / "n.npz", converted))
    assert np.allclose(zl.predict(read, x), first.mean((2, 3)), atol=1e-12)


def plain():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2)).eval()


@pytest.mark.slow
def test_compiled_exported_and_bound_modules_are_the_module():
    module, x = plain(), torch.randn(5, 3)
    expected = module(x).detach().numpy()
    forms = [torch.compile(module, backend="eager"), nn.DataParallel(module), module.forward]
    for given in [*forms, torch.fx.symbolic_trace(module)]:
        network = zl.from_torch(given, x.clone().requires_grad_())
        assert isinstance(network, FeedForward)
        assert np.allclose(zl.predict(network, x.numpy()), expected, atol=1e-6)
        zl.to_torch(network, given, x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own
        exported = torch.export.export(module, (x[:1],))
        assert np.allclose(zl.predict(zl.from_torch(exported, x[:1]), x.numpy()), expected, atol=1e-6)


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "mixed"])
def test_half_precision_is_taken_at_its_exact_values(kind):
    module, x = plain(), torch.randn(5, 3)
    half = copy.deepcopy(module)
    half = half.to(getattr(torch, kind)) if kind != "mixed" else half
    if kind == "mixed":
        half[0].to(torch.float16)
    exact = copy.deepcopy(half).float()
    with pytest.warns(ConversionWarning, match="exact value in float32"):
        network = zl.from_torch(half, x)
    assert np.allclose(zl.predict(network, x.numpy()), exact(x).detach().numpy(), atol=1e-6)
    assert np.array_equal(np.asarray(network.weights[0]), exact[0].weight.detach().numpy())
    written = zl.to_torch(network, half)
    assert written[0].weight.dtype == torch.float32 and torch.equal(written[0].weight, exact[0].weight)


class Noisy(nn.Module):
    def __init__(self, noise):
        super().__init__()
        self.a, self.noise = nn.Linear(3, 2), noise

    def forward(self, x):
        return self.a(self.noise(x))


def test_what_cannot_be_converted_is_named_with_what_to_do():
    x = torch.randn(4, 3)
    refused = [
        (plain().state_dict(), "a state dict"),
        (nn.Sequential(nn.LazyLinear(2)), "lazy layer"),
        (nn.Sequential(nn.Linear(3, 2, dtype=torch.complex64)), "torch.complex"),
        (nn.Linear, "create it"),
        (len, "is a function"),
        (Noisy(lambda h: functional.dropout(h, 0.3)).eval(), "without training=self.training"),
        (Noisy(lambda h: h + torch.randn_like(h)).eval(), r"torch\.randn_like"),
        (Noisy(lambda h: functional.gumbel_softmax(h, hard=True)).eval(), "draws random numbers"),
    ]
    for given, words in refused:
        with pytest.raises(InputError, match=words):
            zl.from_torch(given, x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own
        traced = torch.jit.trace(plain(), x)
    with pytest.raises(InputError, match=r"torch\.jit module"):
        zl.from_torch(traced, x)
    with pytest.raises(InputError, match="complex"):
        zl.from_torch(plain(), x.to(torch.complex64))


def test_autocast_is_refused_and_named():
    class Cast(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.a, self.b = nn.Linear(3, 8), nn.Linear(8, 2)

        def forward(self, x):
            with torch.autocast("cpu", torch.bfloat16):
                h = torch.tanh(self.a(x))
            return self.b(h.to(x.dtype))

    with pytest.raises(InputError, match="partly in bfloat16"):
        zl.from_torch(Cast().eval(), torch.randn(4, 3))


def test_a_module_is_audited_with_its_start_as_a_module_and_proved():
    start, module = plain(), plain()
    with torch.no_grad():
        module[2].weight += 0.1
    x = np.random.default_rng(0).standard_normal((6, 3))
    data = zl.from_arrays(x, np.arange(6) % 2, scaling="none", test_fraction=0)
    found = zl.audit(module, data, initial=start, points=2)
    expected = zl.audit(zl.from_torch(module, data), data, initial=zl.from_torch(start, data), points=2)
    assert found.numbers["movement"] == expected.numbers["movement"] > 0
    assert zl.prove(module, data).status == zl.prove(zl.from_torch(module, data), data).status
    with pytest.raises(InputError, match="once it is converted"):
        save_network("model.npz", module)
    with pytest.raises(InputError, match="path comes first"):
        save_network(module, "model.npz")


def test_the_example_of_a_lightning_module():
    module = nn.Sequential(nn.Conv1d(1, 2, 2), nn.Flatten(), nn.Linear(4, 2)).eval()
    module.example_input_array = torch.randn(2, 1, 3)
    network = zl.from_torch(module)
    assert isinstance(network, TorchNetwork) and network.program.input_shape == (1, 3)
