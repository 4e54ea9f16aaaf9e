"""The proof by the read-out for converted torch modules: true where it says PROVED, and silent where it must be."""

import sys
from pathlib import Path

import numpy as np
import pytest

import zeroloss as zl
from zeroloss.minima import check_certificate, load_certificate
from zeroloss.plumbing import InputError
from zeroloss.plumbing.precision import as_double
from zeroloss.tangent.balls import find_readout, readout_features
from zeroloss.verdict import Status

torch = pytest.importorskip("torch")
sys.path.insert(0, str(Path(__file__).parents[1] / "networks"))
nn = torch.nn

from torch_modules import made  # noqa: E402

N = 12


def problem(shape, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((N, *shape)).astype(np.float32)
    return x, np.eye(classes)[rng.integers(0, classes, N)]


def convolutional(width=20):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, width), nn.Tanh(),
        nn.Linear(width, 3),
    ).eval()  # fmt: skip


class Attention(nn.Module):
    """An encoder layer whose tokens are all read out."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.head = nn.Linear(32, 3)

    def forward(self, x):
        return self.head(self.layer(x).flatten(1))


class Memory(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.rnn, self.head = nn.LSTM(8, 16, batch_first=True), nn.Linear(16, 3)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])


@pytest.mark.parametrize(
    ("make", "shape"),
    [(convolutional, (1, 8, 8)), (Attention, (4, 8)), pytest.param(Memory, (4, 8), marks=pytest.mark.slow)],
)
def test_proved_and_the_minimum_is_there(make, shape, tmp_path):
    module = make().eval()
    x, y = problem(shape)
    network = zl.from_torch(module, x)
    proof = zl.prove(network, (x.reshape(N, -1), y))
    assert proof.status is Status.PROVED and proof.radius < 1e-9
    assert proof.which == "polished" and 0 < proof.moved
    zl.to_torch(proof.network, module)  # torch's own float64 answers at the proved weights
    with torch.no_grad():
        answers = module(torch.from_numpy(x).double()).numpy()
    assert np.abs(answers - y).max() <= 1e-10
    proof.certificate().save(tmp_path / "c.json")
    again = check_certificate(load_certificate(tmp_path / "c.json"), (x.reshape(N, -1), y))
    assert again.status is Status.PROVED
    other = check_certificate(load_certificate(tmp_path / "c.json"), (x.reshape(N, -1), y[::-1]))
    assert other.status is Status.UNKNOWN


@pytest.mark.parametrize("name", ["convolutional", "encoder", pytest.param("resnet", marks=pytest.mark.slow)])
def test_features_are_within_their_bounds(name):
    """Blocks of examples and one at a time give one enclosure; torch's float64 features are in it."""
    if name == "convolutional":
        module, x = convolutional().double(), torch.from_numpy(problem((1, 8, 8))[0]).double()
    else:
        module, x = made(name, torch.float64)
    network = zl.from_torch(module, x)
    readout = find_readout(network.program)
    assert readout is not None
    flat = x.numpy().reshape(len(x), -1)
    h, error = readout_features(network, readout, flat)
    single = [readout_features(network, readout, row[None]) for row in flat]
    for i, (mid, err) in enumerate(single):
        assert np.all(np.abs(mid[0] - h[i]) <= err[0] + error[i])
    caught = []
    last = dict(module.named_modules())[readout.weight.removesuffix(".weight")]
    last.register_forward_hook(lambda _, given, __: caught.append(given[0].detach().numpy()))
    module(x)
    assert np.all(np.abs(caught[0] - h) <= 2 * error)  # torch's own rounding is bounded by as much
    assert 0 < error.max() < {"convolutional": 1e-11, "encoder": 1e-7, "resnet": 1e-3}[name]


def test_classified_with_a_certified_margin():
    data = zl.load_data("digits", n_train=30)
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(144, 10)
    ).eval()
    proof = zl.prove(zl.from_torch(module, data), data)
    assert proof.status is Status.PROVED
    assert proof.classified is not None and proof.classified.status is Status.REFUTED  # at the weights given
    assert proof.classified_polished is not None and proof.classified_polished.status is Status.PROVED
    given = zl.prove(zl.from_torch(module, data), data, polish=False)
    assert given.which == "given" and given.moved == 0 and given.radius > 1e-3
    assert given.classified.status is Status.REFUTED


def test_the_answers_are_judged_where_the_readout_is_too_narrow_for_a_minimum():
    """As of most networks that were trained on cross-entropy: the labels are those it gives, then others."""
    x, _ = problem((1, 8, 8))
    module = convolutional(8)
    with torch.no_grad():
        answers = module.double()(torch.tensor(x, dtype=torch.float64)).numpy()
    given = np.sort(answers, axis=1)
    network = zl.from_torch(module, torch.tensor(x, dtype=torch.float64))
    with pytest.raises(
        InputError, match=r"only 2 of its 3 classes occur, give one-hot rows: from_arrays\(x, np.eye\(3\)"
    ):
        zl.prove(network, zl.from_arrays(x, answers.argmax(1)))
    data = zl.from_arrays(x, np.eye(3)[answers.argmax(1)])
    proof = zl.prove(network, data)
    assert proof.status is Status.UNKNOWN and "3 too few" in proof.reason
    right = proof.classified
    assert right.status is Status.PROVED
    assert right.evidence["margin_lower"] == pytest.approx((given[:, -1] - given[:, -2]).min(), rel=1e-6)
    assert right.evidence["margin_lower"] <= (given[:, -1] - given[:, -2]).min()
    labels = answers.argmax(1)
    labels[[0, 5]] = answers.argmin(1)[[0, 5]]
    wrong = zl.prove(network, zl.from_arrays(x, np.eye(3)[labels])).classified
    assert wrong.status is Status.REFUTED and wrong.reason.startswith("2 of 12")


class Tied(nn.Module):
    """The read-out's matrix is also a layer: moving it would move the features."""

    def __init__(self):
        super().__init__()
        self.square = nn.Linear(16, 16)

    def forward(self, x):
        return self.square(torch.tanh(self.square(x)))


class Squashed(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(16, 3)

    def forward(self, x):
        return torch.tanh(self.out(x))


class Scaled(nn.Module):
    """The answer is divided by a number behind the linear layer: no linear read-out as it stands."""

    def __init__(self):
        super().__init__()
        self.out = nn.Linear(16, 3)

    def forward(self, x):
        return self.out(x) / x.abs().sum(-1, keepdim=True)


class Cosine(nn.Module):
    """An operator whose rounding has no bound here."""

    def __init__(self):
        super().__init__()
        self.one, self.out = nn.Linear(16, 20), nn.Linear(20, 3)

    def forward(self, x):
        return self.out(torch.cos(self.one(x)))


class Blind(nn.Module):
    """All inputs have the same features."""

    def __init__(self):
        super().__init__()
        self.one, self.out = nn.Linear(16, 20), nn.Linear(20, 3)

    def forward(self, x):
        return self.out(torch.sigmoid(self.one(0 * x)) + 0 * self.one(x))


class Integers(nn.Module):
    """Inputs cut to whole numbers: features repeat, and the cast must not be taken for the number itself."""

    def __init__(self):
        super().__init__()
        self.out = nn.Linear(16, 3)

    def forward(self, x):
        return self.out((1e-6 * x).long().to(x.dtype))


@pytest.mark.parametrize(
    ("module", "words", "outputs"),
    [
        (Tied(), "weights are used nowhere else", 16),
        (Squashed(), "does not end in a linear layer", 3),
        (Scaled(), "does not end in a linear layer", 3),
        (Cosine(), "the rounding of aten.cos.default is not bounded", 3),
        (Blind(), "lost in rounding", 3),
        (Integers(), "no bound: a cast", 3),
    ],
)
def test_unknown_where_it_cannot_be_proved(module, words, outputs):
    x, y = problem((16,), outputs)
    proof = zl.prove(zl.from_torch(module.eval(), x, layers=False), (x, y))
    assert proof.status is Status.UNKNOWN and proof.radius is None
    assert words in proof.reason
    with pytest.raises(InputError):
        proof.certificate()


def test_too_narrow_and_a_fixed_readout():
    x, y = problem((1, 8, 8))
    rows = (x.reshape(N, -1), y)
    narrow = zl.prove(zl.from_torch(convolutional(8), x), rows)
    assert "9 weights an output and there are 12 distinct inputs: 3 too few" in narrow.reason
    network = zl.from_torch(convolutional(), x)
    fixed = zl.prove(network, rows, trainable=["0", "5"])
    assert fixed.status is Status.UNKNOWN and "leaves 7.weight and 7.bias fixed" in fixed.reason
    assert zl.prove(network, rows, trainable="7").status is Status.PROVED
    with pytest.raises(InputError, match="by the read-out only"):
        zl.prove(network, rows, method="newton-kantorovich")
    with pytest.raises(InputError, match="prove it on the data it was made for"):
        zl.prove(network, (x.reshape(N, -1)[:, :63], y))


def test_float32_weights_are_taken_at_their_exact_values():
    x, _ = problem((1, 8, 8))
    network = zl.from_torch(convolutional(), x)
    with zl.double():
        wide = as_double(network)
    assert wide.dtype == np.float64
    assert all(np.array_equal(np.asarray(wide.parameters[k]), np.asarray(v)) for k, v in network.parameters.items())
    assert wide.constants["1.running_var"].dtype == np.float64
