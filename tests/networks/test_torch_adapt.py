"""Modules whose answer is a dict, tuple or object, and modules of several inputs; torch is the reference."""

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import pytest

import zeroloss as zl
from zeroloss.networks import FeedForward, TorchNetwork, load_network, predict, save_network
from zeroloss.plumbing import InputError

torch = pytest.importorskip("torch")
nn = torch.nn
torch.manual_seed(0)
X = torch.randn(6, 3)
LABELS = [0, 1, 0, 1, 1, 0]


@dataclasses.dataclass
class Answer:
    logits: Any
    extra: Any = None
    steps: int = 3


class Named(NamedTuple):
    first: Any
    second: Any


FORMS = {
    "dict": lambda z, x: {"logits": z},
    "dict of more": lambda z, x: {"loss": None, "logits": z, "kind": "body"},
    "tuple": lambda z, x: (z,),
    "list": lambda z, x: [z],
    "nested": lambda z, x: {"heads": [z]},
    "dataclass": lambda z, x: Answer(z),
    "named tuple": lambda z, x: Named(z, None),
}
SEVERAL = {
    "pair": (lambda z, x: (z, x), 0, "0 (1, 2), 1 (1, 3)"),
    "dict": (lambda z, x: {"logits": z, "hidden": x}, "logits", "logits (1, 2), hidden (1, 3)"),
    "dataclass": (lambda z, x: Answer(z, x), "logits", "logits (1, 2), extra (1, 3)"),
    "nested": (lambda z, x: {"heads": [x, z]}, "heads.1", "heads.0 (1, 3), heads.1 (1, 2)"),
}


class Body(nn.Module):
    def __init__(self, form):
        super().__init__()
        self.lin, self.form = nn.Linear(3, 2), form

    def forward(self, x):
        return self.form(self.lin(x), x)


class Towers(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.out = nn.Linear(3, 4), nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, left, right):
        return self.out(torch.tanh(self.a(left) + self.b(right.flatten(1))))


class Masked(nn.Module):
    """Tokens, a mask that may be missing, and weights that may be missing; answers with a dict."""

    def __init__(self):
        super().__init__()
        self.e, self.out = nn.Embedding(9, 8), nn.Linear(8, 2)

    def forward(self, ids, mask=None, weights=None):
        h = self.e(ids)
        h = h.mean(1) if mask is None else (h * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return {"logits": self.out(torch.tanh(h if weights is None else h * weights))}


RIGHT = torch.randn(6, 2, 2)
IDS, MASK = torch.randint(0, 9, (6, 4)), torch.tensor([[1, 1, 0, 0]] * 3 + [[1, 1, 1, 1]] * 3)


def own(answer):
    return answer.detach().numpy()


@pytest.mark.parametrize("name", FORMS)
def test_the_only_tensor_is_taken(name):
    module = Body(FORMS[name]).eval()
    for given in (X, zl.from_arrays(X.numpy(), LABELS))[: 2 if name == "dict" else 1]:
        network = zl.from_torch(module, given)
        assert isinstance(network, FeedForward)
        np.testing.assert_allclose(predict(network, X.numpy()), own(module.lin(X)), atol=1e-6)


@pytest.mark.parametrize("name", SEVERAL)
def test_of_several_one_is_named(name):
    form, output, listed = SEVERAL[name]
    module = Body(form).eval()
    with pytest.raises(InputError, match="several arrays") as error:
        zl.from_torch(module, X)
    assert listed in str(error.value) and "output=" in str(error.value)
    network = zl.from_torch(module, X, output=output)
    np.testing.assert_allclose(predict(network, X.numpy()), own(module.lin(X)), atol=1e-6)
    with pytest.raises(InputError, match="no output 'other'; it has"):
        zl.from_torch(module, X, output="other")


def test_the_weights_go_back_under_their_own_names():
    module = Body(FORMS["dict"]).eval()
    network = zl.from_torch(module, X, layers=False)
    assert isinstance(network, TorchNetwork) and set(network.parameters) == {"lin.weight", "lin.bias"}
    for converted in (network, zl.from_torch(module, X)):
        fit = zl.descend(converted, (X.numpy(), np.eye(2)[LABELS]), steps=3)
        zl.to_torch(fit.network, module, X)
        np.testing.assert_allclose(own(module(X)["logits"]), predict(fit.network, X.numpy()), atol=1e-6)


def test_answers_of_more_axes_are_flattened():
    module = nn.Conv2d(1, 2, 3, padding=1).eval()
    images = torch.randn(4, 1, 5, 5)
    network = zl.from_torch(module, images)
    np.testing.assert_allclose(predict(network, images.numpy()), own(module(images)).reshape(4, -1), atol=1e-6)


def test_a_logit_a_pixel_against_masks():
    module = nn.Conv2d(1, 1, 3, padding=1).eval()
    images = torch.randn(6, 5, 5)
    masks = (images > 0).numpy()
    data = zl.from_arrays(images.numpy(), masks)
    found = zl.audit(module, data, loss="binary-cross-entropy", points=5).numbers
    logits = own(module(torch.from_numpy(data.x_train.astype(np.float32)).reshape(6, 1, 5, 5))).reshape(6, 25)
    assert found["train_label_errors"] == int(((logits > 0) != (data.y_train > 0.5)).sum())
    criterion = nn.BCEWithLogitsLoss(reduction="sum")
    expected = float(criterion(torch.from_numpy(logits), torch.tensor(data.y_train).float())) / 6
    assert found["train_loss"] == pytest.approx(expected, rel=1e-5)


def test_two_towers_by_position(tmp_path):
    module = Towers().eval()
    data = zl.from_arrays((X, RIGHT), LABELS)
    assert data.layout == (("0", (3,), "float32"), ("1", (2, 2), "float32")) and data.in_size == 7
    network = zl.from_torch(module, data)
    assert network.layout == data.layout == zl.from_torch(module, (X, RIGHT)).layout
    expected = own(module(X, RIGHT))
    for rows in ((X, RIGHT), (X.numpy(), RIGHT.numpy()), np.column_stack([X.numpy(), RIGHT.numpy().reshape(6, 4)])):
        np.testing.assert_allclose(predict(network, rows), expected, atol=1e-6)
    kernel = zl.tangent.kernel_matrix(network, (X, RIGHT))
    gradients = []
    for left, right in zip(X, RIGHT, strict=True):
        for out in module(left[None], right[None])[0]:
            parts = torch.autograd.grad(out, list(module.parameters()), retain_graph=True)
            gradients.append(torch.cat([part.reshape(-1) for part in parts]))
    jacobian = torch.stack(gradients).numpy()
    np.testing.assert_allclose(kernel, jacobian @ jacobian.T, rtol=1e-4, atol=1e-5)
    found = zl.audit(module, data, points=5)
    right = own(
        module(
            *(
                torch.from_numpy(p.astype(np.float32))
                for p in (data.x_train[:, :3], data.x_train[:, 3:].reshape(6, 2, 2))
            )
        )
    )
    assert found.numbers["train_errors"] == int((right.argmax(1) != data.labels_train).sum())
    save_network(tmp_path / "towers.npz", network)
    again = load_network(tmp_path / "towers.npz")
    assert again.layout == network.layout
    np.testing.assert_array_equal(predict(again, (X, RIGHT)), predict(network, (X, RIGHT)))


@pytest.mark.parametrize(
    ("inputs", "whole"),
    [
        ({"ids": IDS, "mask": MASK}, True),
        ({"mask": MASK.bool(), "ids": IDS}, True),
        ((IDS, MASK), True),
        ({"ids": IDS, "mask": MASK, "weights": torch.randn(6, 8)}, False),
    ],
    ids=["named", "other order", "by position", "mixed"],
)
def test_tokens_and_masks(inputs, whole):
    module = Masked().eval()
    network = zl.from_torch(module, inputs=inputs)
    answer = module(**inputs) if isinstance(inputs, dict) else module(*inputs)
    np.testing.assert_allclose(predict(network, inputs), own(answer["logits"]), atol=1e-6)
    assert network.takes_tokens and network.program.whole is whole
    if isinstance(inputs, dict):  # names, not order
        turned = dict(reversed(list(inputs.items())))
        np.testing.assert_array_equal(predict(network, turned), predict(network, inputs))


def test_a_proof_with_a_mask():
    rows = np.unique(np.column_stack([IDS.numpy(), MASK.numpy()]), axis=0)
    data = zl.from_arrays({"ids": rows[:, :4], "mask": rows[:, 4:]}, np.arange(len(rows)) % 2)
    module = Masked().eval()
    network = zl.from_torch(module, data)
    proof = zl.prove(network, data)
    assert proof.status == "PROVED" and proof.classified_polished.status == "PROVED"
    zl.to_torch(proof.network, module)
    answer = own(
        module(*(torch.from_numpy(p.astype(np.int64)) for p in (data.x_train[:, :4], data.x_train[:, 4:])))["logits"]
    )
    assert np.abs(answer - data.y_train).max() < 1e-12
    assert zl.audit(proof.network, data, points=5).numbers["train_errors"] == 0
    with pytest.raises(InputError, match="a twin is one fully connected network"):
        zl.twin(data, of=network)


def test_what_is_refused():
    network = zl.from_torch(Towers().eval(), (X, RIGHT))
    with pytest.raises(InputError, match="rows; give one example per row"):
        zl.from_arrays((X, RIGHT[:4]), LABELS[:4], task="classification")
    with pytest.raises(InputError, match="give 0, 1"):
        predict(network, {"left": X, "right": RIGHT})
    with pytest.raises(InputError, match=r"shape \(2,\); give \(3,\)"):
        predict(network, (X[:, :2], RIGHT))
    with pytest.raises(InputError, match="does not take these inputs"):
        zl.from_torch(Towers().eval(), {"left": X, "other": RIGHT})
    with pytest.raises(InputError, match="takes one array"):
        predict(zl.MLP(3, 2, 4, 1), {"x": X.numpy()})
    with pytest.raises(InputError, match="leave scaling out"):
        zl.from_arrays((X, RIGHT), LABELS, scaling="auto")
    with pytest.raises(InputError, match="beyond 2"):
        zl.from_arrays({"ids": np.array([[2**53 + 1], [3]]), "x": X[:2]}, [0, 1])
    mixed = zl.from_torch(Masked().eval(), {"ids": IDS, "mask": MASK, "weights": torch.randn(6, 8)})
    large = {"ids": IDS, "mask": MASK.numpy() + 2**24, "weights": np.zeros((6, 8))}
    with pytest.raises(InputError, match="float32 does not keep"):
        predict(mixed, large)


def test_an_output_object_of_transformers():
    transformers = pytest.importorskip("transformers")

    class Head(nn.Module):
        def __init__(self):
            super().__init__()
            self.lin = nn.Linear(3, 2)

        def forward(self, x):
            return transformers.modeling_outputs.SequenceClassifierOutput(logits=self.lin(x))

    module = Head().eval()
    np.testing.assert_allclose(predict(zl.from_torch(module, X), X.numpy()), own(module(X).logits), atol=1e-6)


@pytest.mark.slow
def test_bert_with_its_mask():
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=30, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, num_labels=2
    )
    module = transformers.BertForSequenceClassification(config).eval()
    inputs = {
        "input_ids": torch.randint(1, 30, (4, 5)),
        "attention_mask": torch.tensor([[1, 1, 1, 0, 0]] * 2 + [[1] * 5] * 2),
    }
    network = zl.from_torch(module, inputs)
    np.testing.assert_allclose(predict(network, inputs), own(module(**inputs).logits), atol=1e-5)
    body = transformers.BertModel(config).eval()
    with pytest.raises(InputError, match="last_hidden_state"):
        zl.from_torch(body, inputs)
    pooled = zl.from_torch(body, inputs, output="pooler_output")
    np.testing.assert_allclose(predict(pooled, inputs), own(body(**inputs).pooler_output), atol=1e-5)
