"""Loaders, data sets of items and iterables of batches arrive as the rows they hold, and say what they did to them."""

from typing import ClassVar

import numpy as np
import pytest

import zeroloss as zl
from zeroloss.data import from_arrays, loaders
from zeroloss.data.load import as_data, gathered
from zeroloss.networks import predict, wrap
from zeroloss.plumbing import InputError
from zeroloss.plumbing.batches import is_source, parted

RNG = np.random.default_rng(0)
X = RNG.standard_normal((10, 3)).astype(np.float32)
Y = np.arange(10) % 2
IDS = RNG.integers(0, 9, (10, 4))


class Items:
    """A map-style data set of one's own."""

    def __init__(self, form=lambda x, ids, y: (x, y), noise=0.0):
        self.form, self.noise, self.rng = form, noise, np.random.default_rng(1)

    def __len__(self):
        return 10

    def __getitem__(self, i):
        if i >= 10:
            raise IndexError(i)
        return self.form(X[i] + self.noise * self.rng.standard_normal(), IDS[i], Y[i])


class Loader:
    """An iterable of batches that starts anew each time."""

    def __init__(self, shuffle=False, size=4):
        self.shuffle, self.size, self.rng = shuffle, size, np.random.default_rng(1)

    def __iter__(self):
        order = self.rng.permutation(10) if self.shuffle else np.arange(10)
        for start in range(0, 10, self.size):
            rows = order[start : start + self.size]
            yield X[rows], Y[rows]


class Table:
    """The part of a Hugging Face data set that is used."""

    features, column_names = {"input_ids": None, "mask": None, "label": None}, ["input_ids", "mask", "label"]
    columns: ClassVar = {"input_ids": IDS.tolist(), "mask": (IDS > 2).tolist(), "label": Y.tolist()}

    def __len__(self):
        return 10

    def __getitem__(self, rows):
        return {name: column[rows] for name, column in self.columns.items()}


def same_rows(data, x=X, y=Y):
    """Whether the training rows are those of `x` with the labels `y`, in any order."""
    found = sorted((*row, label) for row, label in zip(data.x_train.tolist(), data.labels_train.tolist(), strict=True))
    return found == sorted((*row, label) for row, label in zip(np.asarray(x, float).tolist(), y.tolist(), strict=True))


SOURCES = {
    "iterable": Loader,
    "generator": lambda: (pair for pair in Loader()),
    "items": Items,
    "items with names": lambda: Items(lambda x, ids, y: {"x": x, "label": y}),
    "examples one by one": lambda: ((x, y) for x, y in zip(X, Y, strict=True)),
    "batches with names": lambda: ({"x": x, "labels": y} for x, y in Loader()),
}


@pytest.mark.parametrize("name", SOURCES)
def test_rows_arrive_bit_for_bit(name):
    source = SOURCES[name]()
    assert is_source(source)
    data = from_arrays(source)
    assert same_rows(data)
    assert "10 rows" in data.transformations[0] and len(data.transformations) == 1


def test_several_inputs_and_tables():
    data = from_arrays(Items(lambda x, ids, y: (x, ids, y)))
    assert data.layout == (("0", (3,), "float32"), ("1", (4,), "int64"))
    assert same_rows(data, np.column_stack([X, IDS]))
    table = from_arrays(Table())
    assert [name for name, _, _ in table.layout] == ["input_ids", "mask"]
    assert same_rows(table, np.column_stack([IDS, IDS > 2]))


def test_what_changes_from_pass_to_pass_is_said():
    assert any("differs when it is read again" in note for note in gathered(Items(noise=0.1)).notes)
    shuffled = gathered(Loader(shuffle=True))
    assert any("differs in a second pass" in note for note in shuffled.notes)
    assert sorted(map(tuple, shuffled.x)) == sorted(map(tuple, X))


def test_what_is_refused(monkeypatch):
    used = iter([])
    with pytest.raises(InputError, match="used up"):
        from_arrays(used)
    with pytest.raises(InputError, match="none of labels, label"):
        from_arrays({"x": x} for x, _ in Loader())
    with pytest.raises(InputError, match="give pairs"):
        from_arrays(x for x, _ in Loader())
    with pytest.raises(InputError, match="pad them to one shape"):
        from_arrays(iter([(X[:, :2], Y), (X, Y)]))
    with pytest.raises(InputError, match="3 inputs and 2 targets"):
        from_arrays((x, y) for x, y in zip(X, np.eye(2)[Y], strict=True))
    ragged = Table()
    ragged.columns = {"input_ids": [[1], [1, 2]] * 5, "mask": [0] * 10, "label": Y.tolist()}
    with pytest.raises(InputError, match="different lengths"):
        from_arrays(ragged)
    with pytest.raises(InputError, match="give arrays x and y"):
        from_arrays(X)
    monkeypatch.setattr(loaders, "_room", lambda: 100.0)
    with pytest.raises(InputError, match="100 bytes may be taken"):
        from_arrays(Loader())


def test_arrays_lists_and_data_sets_are_no_sources():
    import pandas as pd

    data = from_arrays(X, Y)
    for thing in (X, X.tolist(), (X, Y), {"x": X}, "digits", data, pd.DataFrame(X), pd.Series(Y)):
        assert not is_source(thing)
    assert as_data(data) is data
    assert parted([X, Y])[0] is X


def test_every_verb_takes_a_loader():
    network = zl.MLP(3, 2, 16, 1)
    assert zl.descend(network, Loader(), steps=1).steps == 1
    assert zl.prove(network, Loader()).status == "PROVED"
    assert zl.audit(network, Items(), points=5).numbers["train_count"] == 10
    assert zl.twin(Loader()).out_size == 2
    np.testing.assert_array_equal(predict(network, Loader()), predict(network, X))
    tokens = wrap(
        lambda p, batch: p[batch["input_ids"]].sum(1) + batch["mask"].sum(1, keepdims=True),
        np.ones((9, 2)),
        inputs=from_arrays(Table()),
    )
    expected = 4 + (IDS > 2).sum(1)
    np.testing.assert_allclose(predict(tokens, {"mask": IDS > 2, "input_ids": IDS})[:, 0], expected)


def test_loaders_of_torch():
    torch = pytest.importorskip("torch")
    utils = torch.utils.data
    whole = utils.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    assert same_rows(from_arrays(whole))
    part = utils.Subset(whole, [0, 3, 5, 6])
    assert same_rows(from_arrays(part), X[[0, 3, 5, 6]], Y[[0, 3, 5, 6]])
    plain = utils.DataLoader(whole, batch_size=4)
    assert np.array_equal(gathered(plain).x, X) and len(gathered(plain).notes) == 1
    shuffled = gathered(utils.DataLoader(whole, batch_size=4, shuffle=True))
    assert np.array_equal(shuffled.x, X) and any("shuffles" in note for note in shuffled.notes)
    dropped = gathered(utils.DataLoader(whole, batch_size=4, drop_last=True))
    assert len(dropped.x) == 8 and any("8 of the 10 rows" in note for note in dropped.notes)

    class Stream(utils.IterableDataset):
        def __iter__(self):
            yield from zip(X, np.eye(2)[Y], strict=True)

    assert same_rows(from_arrays(Stream()))
    noisy = gathered(utils.DataLoader(Items(noise=1.0), batch_size=4))
    assert any("read again" in note for note in noisy.notes)
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2)).eval()
    network = zl.from_torch(module, plain)
    np.testing.assert_allclose(predict(network, X), module(torch.from_numpy(X)).detach().numpy(), atol=1e-6)
    assert zl.audit(module, plain, points=5).numbers["train_count"] == 10
