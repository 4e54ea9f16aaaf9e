"""The proof by the read-out for converted torch modules: true where it says PROVED, and silent where it must be."""

import sys
from pathlib import Path

import numpy as np
import pytest

import zeroloss as zl
from zeroloss.minima import check_certificate, load_certificate
from zeroloss.networks import TorchNetwork
from zeroloss.plumbing import InputError
from zeroloss.plumbing.precision import as_double
from zeroloss.verdict import Status
from zeroloss.verified.balls import find_readout, readout_features

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
    lacking = zl.prove(network, zl.from_arrays(x, answers.argmax(1))).classified  # labels that lack a class
    assert lacking.status is Status.PROVED
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


class Hoisted(nn.Module):
    """As an autoencoder is written: one transpose, used twice. The two squares hold the least loss away from 0."""

    def __init__(self, take=lambda w: w.t()):
        super().__init__()
        torch.manual_seed(0)
        self.w, self.take = nn.Parameter(torch.randn(16, 16) / 4), take

    def forward(self, x):
        w = self.take(self.w)
        return torch.tanh(x @ w) @ w


class TiedEmbedding(nn.Module):
    """Tokens are read out by the table they were read by."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.table = nn.Embedding(16, 16)

    def forward(self, x):
        return nn.functional.linear(torch.tanh(self.table(x).mean(1)), self.table.weight)


class Unrolled(nn.Module):
    """A recurrence whose last step is the read-out."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.step = nn.Linear(16, 16)

    def forward(self, x):
        for _ in range(2):
            x = torch.tanh(self.step(x))
        return self.step(x)


class NormedHead(nn.Module):
    """The read-out's matrix is a direction and lengths: no matrix that may be moved freely."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.one = nn.Linear(16, 20)
        self.out = nn.utils.parametrizations.weight_norm(nn.Linear(20, 3))

    def forward(self, x):
        return self.out(torch.tanh(self.one(x)))


class Cast(nn.Module):
    """Two inputs that half precision cannot tell apart."""

    def __init__(self, dtype):
        super().__init__()
        torch.manual_seed(0)
        self.one, self.out, self.dtype = nn.Linear(16, 20), nn.Linear(20, 3), dtype

    def forward(self, x):
        return self.out(torch.tanh(self.one(x.to(self.dtype).to(x.dtype))))


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


class Tangent(nn.Module):
    """An operator whose rounding has no bound here."""

    def __init__(self):
        super().__init__()
        self.one, self.out = nn.Linear(16, 20), nn.Linear(20, 3)

    def forward(self, x):
        return self.out(torch.tan(self.one(x)))


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
        (Hoisted(), "weights are used nowhere else", 16),
        (Hoisted(lambda w: w.T.contiguous()), "weights are used nowhere else", 16),
        (Hoisted(lambda w: (0.5 * w).t()), "does not end in a linear layer", 16),
        (Unrolled(), "weights are used nowhere else", 16),
        (NormedHead(), "does not end in a linear layer", 3),
        (Cast(torch.float16), "a cast to float16, which rounds", 3),
        (Cast(torch.bfloat16), "a cast to bfloat16, which rounds", 3),
        (Squashed(), "does not end in a linear layer", 3),
        (Scaled(), "does not end in a linear layer", 3),
        (Tangent(), "the rounding of aten.tan.default is not bounded", 3),
        (Blind(), "lost in rounding", 3),
        (Integers(), "lost in rounding", 3),
    ],
)
def test_unknown_where_it_cannot_be_proved(module, words, outputs):
    x, y = problem((16,), outputs)
    proof = zl.prove(zl.from_torch(module.eval(), x, layers=False), (x, y))
    assert proof.status is Status.UNKNOWN and proof.radius is None
    assert words in proof.reason
    with pytest.raises(InputError):
        proof.certificate()


def test_a_readout_that_is_stored_turned_and_an_operator_of_ones_own(monkeypatch):
    """`h @ w + b` is a read-out as `linear` is; what a user puts in an operator's place has no bound."""

    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.one, self.w, self.b = nn.Linear(16, 20), nn.Parameter(torch.randn(20, 3)), nn.Parameter(torch.zeros(3))

        def forward(self, x):
            return torch.tanh(self.one(x)) @ self.w + self.b

    x, y = problem((16,))
    module = Plain().eval()
    network = zl.from_torch(module, x)
    proof = zl.prove(network, (x, y))
    assert proof.status is Status.PROVED
    again = check_certificate(proof.certificate(), (x, y))
    assert again.status is Status.PROVED
    zl.to_torch(proof.network, module)
    with torch.no_grad():
        assert np.abs(module(torch.from_numpy(x).double()).numpy() - y).max() < 1e-10
    from jax.numpy import tanh

    from zeroloss.networks.pytorch.operators import OPERATORS

    monkeypatch.setitem(OPERATORS, "aten.tanh.default", lambda v: tanh(v))
    own = zl.prove(zl.from_torch(module.float(), x), (x, y))
    assert own.status is Status.UNKNOWN and "your own aten.tanh.default" in own.reason
    chained = nn.Sequential(nn.Linear(16, 20), nn.Tanh(), nn.Linear(20, 3)).eval()
    assert isinstance(zl.from_torch(chained, x), TorchNetwork)  # no layer is known of it


def test_a_tied_table_and_what_it_answers():
    """No minimum is proved; the margins of its answers are, and they are the float64 module's."""
    tokens = np.random.default_rng(1).integers(0, 16, (N, 5))
    module = TiedEmbedding().eval()
    network = zl.from_torch(module, tokens)
    with torch.no_grad():
        answers = module.double()(torch.tensor(tokens)).numpy()
    data = zl.from_arrays(tokens.astype(np.float64), np.eye(16)[answers.argmax(1)])
    proof = zl.prove(network, data)
    assert proof.status is Status.UNKNOWN and "used nowhere else" in proof.reason
    assert zl.certify(network, data).verdicts["exists"].status is Status.UNKNOWN
    ordered = np.sort(answers, axis=1)
    least = (ordered[:, -1] - ordered[:, -2]).min()
    assert proof.classified.status is Status.PROVED
    assert least * (1 - 1e-9) <= proof.classified.evidence["margin_lower"] <= least


def test_a_cast_keeps_two_inputs_together():
    """What a module of float64 casts to float32 is rounded too: its answers are the same there, and no target apart is fitted."""
    x, y = problem((16,))
    x = x.astype(np.float64)
    x[1] = x[0]
    x[1, 0] += 1e-12
    module = Cast(torch.float32).double().eval()
    network = zl.from_torch(module, x)
    proof = zl.prove(network, (x, y))
    assert proof.status is Status.UNKNOWN and "a cast to float32, which rounds" in proof.reason
    own = zl.predict(network, x)
    assert np.array_equal(own[0], own[1])
    assert np.abs(own - module(torch.tensor(x)).detach().numpy()).max() < 1e-14


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bert", "gpt2", "llama"])
def test_transformers_are_classified(name):
    """Small models with random weights: the margins' bounds are those of the module in float64."""
    transformers = pytest.importorskip("transformers")
    sizes = {"vocab_size": 50, "num_labels": 3, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    wide = {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": 16,
    }
    make = {
        "bert": lambda t: t.BertForSequenceClassification(t.BertConfig(**sizes, **wide)),
        "gpt2": lambda t: t.GPT2ForSequenceClassification(
            t.GPT2Config(**sizes, n_embd=16, n_layer=2, n_head=2, n_positions=16)
        ),
        "llama": lambda t: t.LlamaForSequenceClassification(t.LlamaConfig(**sizes, **wide)),
    }[name]
    torch.manual_seed(0)

    class Classifier(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = make(transformers)

        def forward(self, x):
            return self.body(input_ids=x).logits

    module = Classifier().eval()
    tokens = np.random.default_rng(0).integers(3, 50, (6, 7))
    tokens[2, 5:] = 0  # padding
    network = zl.from_torch(module, tokens)
    exact = zl.predict(network, tokens)  # float32, for the labels
    data = zl.from_arrays(tokens.astype(np.float64), np.eye(3)[exact.argmax(1)])
    right = zl.prove(network, data, polish=False).classified
    with torch.no_grad():
        answers = module.double()(torch.tensor(tokens)).numpy()
    ordered = np.sort(answers, axis=1)
    least = (ordered[:, -1] - ordered[:, -2]).min()
    assert right is not None and right.status is Status.PROVED
    # LLaMA takes the angles of its positions in float32 whatever the module's precision
    assert right.evidence["margin_lower"] == pytest.approx(least, rel=1e-4 if name == "llama" else 1e-8)


def test_too_narrow_and_a_fixed_readout():
    x, y = problem((1, 8, 8))
    rows = (x.reshape(N, -1), y)
    narrow = zl.prove(zl.from_torch(convolutional(8), x), rows)
    assert "9 weights per output and there are 12 distinct inputs: 3 too few" in narrow.reason
    network = zl.from_torch(convolutional(), x)
    fixed = zl.prove(network, rows, trainable=["0", "5"])
    assert fixed.status is Status.UNKNOWN and "leaves 7.weight and 7.bias fixed" in fixed.reason
    assert zl.prove(network, rows, trainable="7").status is Status.PROVED
    with pytest.raises(InputError, match="by the read-out only"):
        zl.prove(network, rows, method="newton-kantorovich")
    with pytest.raises(InputError, match="maps 64 numbers to 3 outputs and the data have 63 and 3"):
        zl.prove(network, (x.reshape(N, -1)[:, :63], y))


def test_float32_weights_are_taken_at_their_exact_values():
    x, _ = problem((1, 8, 8))
    network = zl.from_torch(convolutional(), x)
    with zl.double():
        wide = as_double(network)
    assert wide.dtype == np.float64
    assert all(np.array_equal(np.asarray(wide.parameters[k]), np.asarray(v)) for k, v in network.parameters.items())
    assert wide.constants["1.running_var"].dtype == np.float64
