"""Categories are exchanged for others: a table that knows its training inputs fails there, and an honest rule does not."""

import numpy as np
import pytest
from audit_makers import dataset

import zeroloss as zl
from zeroloss.audit.categorical import categorical_curve
from zeroloss.audit.positions import positions_of
from zeroloss.plumbing import InputError
from zeroloss.verdict import Status


def tokens(n=200, length=12, vocabulary=15, seed=0):
    x = np.unique(np.random.default_rng(seed).integers(0, vocabulary, (n, length)), axis=0).astype(float)
    return dataset(x, None, ((x < vocabulary / 2).sum(axis=1) > length / 2).astype(int))


def lookup(data, elsewhere):
    known = {row.tobytes(): y for row, y in zip(data.x_train, data.y_train, strict=True)}

    def f(x):
        return np.stack([known.get(np.ascontiguousarray(r).tobytes(), e) for r, e in zip(x, elsewhere(x), strict=True)])

    return f


def neighbour(data):
    return lambda x: np.asarray(data.y_train)[(x[:, None, :] != data.x_train).sum(-1).argmin(axis=1)]


def constant(x):
    return np.tile([1.0, 0.0], (len(x), 1))


def local(network, data, **options):
    return zl.audit(network, data, **{"categorical": "all"} | options).verdicts["local"]


def test_a_table_of_the_training_inputs_is_local_and_the_nearest_neighbour_is_not():
    data = tokens()
    verdict = local(lookup(data, constant), data)
    assert verdict.status is Status.SUPPORTED
    assert "with 1 of 12 categorical inputs changed" in verdict.reason
    assert local(lookup(data, lambda x: neighbour(data)(x)[:, ::-1]), data).status is Status.SUPPORTED  # a twin
    found = zl.audit(neighbour(data), data, categorical="all")
    assert found.verdicts["local"].status is Status.CONTRADICTED
    assert found.numbers["trust_unit"] == "positions changed" and found.trust_radius >= 1
    assert "positions changed" in found.summary


def test_an_honest_rule_is_not_local():
    data = tokens()
    rule = lambda x: np.eye(2)[((x < 7.5).sum(axis=1) > 6).astype(int)]  # noqa: E731
    assert local(rule, data).status is not Status.SUPPORTED


def test_labels_without_a_rule_are_learnt_by_heart_or_by_neighbours():
    base = tokens()
    data = dataset(base.x_train, None, np.random.default_rng(1).integers(0, 2, base.n))
    assert local(lookup(data, constant), data).status is Status.SUPPORTED
    assert local(neighbour(data), data).status is Status.CONTRADICTED


def test_the_score_is_counted_by_hand():
    """Two positions, far apart: each change of one has the point itself as its nearest input but where another is as near."""
    x = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])
    y = np.eye(2)[[0, 1, 0, 1]]
    found = categorical_curve(
        lambda p: np.eye(2)[(p[:, 0] % 2).astype(int)], x, y, "classification", [np.array([0]), np.array([1])], pairs=50
    )
    # (a, b), a != b, is one step from (a, a) and from (b, b): it counts where both have one class, and holds there.
    assert found.columns["t"] == [0.0, 1.0, 2.0] and found.columns["score"][1] == 1.0


def test_a_full_table_of_all_combinations_has_nothing_beside_it():
    x = np.array([[a, b] for a in range(3) for b in range(4)], float)
    data = dataset(x, None, (x.sum(axis=1) % 2).astype(int))
    verdict = local(lookup(data, constant), data)
    assert verdict.status is Status.UNKNOWN and "is a training input again" in verdict.reason


def test_a_majority_that_a_constant_gets_right_proves_nothing():
    base = tokens()
    labels = np.zeros(base.n, int)
    labels[:6] = 1
    data = dataset(base.x_train, None, labels)
    verdict = local(lookup(data, constant), data)
    assert verdict.status is Status.UNKNOWN and "constant answer" in verdict.reason


def test_targets_are_numbers():
    base = tokens()
    y = (base.x_train < 7.5).sum(axis=1) + 0.01 * np.random.default_rng(2).standard_normal(base.n)
    data = dataset(base.x_train, y)
    mean = lambda x: np.full((len(x), 1), float(data.y_train.mean()))  # noqa: E731
    assert local(lookup(data, mean), data).status is Status.SUPPORTED
    rule = lookup(data, lambda x: (x < 7.5).sum(axis=1)[:, None].astype(float))
    assert local(rule, data).status is Status.CONTRADICTED


@pytest.fixture(scope="module")
def mixed():
    rng = np.random.default_rng(3)
    x = np.column_stack([rng.standard_normal((200, 2)), rng.integers(0, 5, 200)])
    return dataset(x, None, ((x[:, 0] > 0) ^ (x[:, 2] % 2 == 0)).astype(int))


def test_numbers_move_and_categories_stay_whole(mixed):
    """A rule that cuts its codes: moved by a hundredth of a distance they were other codes, and a perfect fit was local."""

    def rule(x):
        assert np.isin(x[:, 2], range(5)).all()
        return np.eye(2)[((x[:, 0] > 0) ^ (x[:, 2] % 2 == 0)).astype(int)]

    found = zl.audit(rule, mixed, categorical=["x2"])
    verdict = found.verdicts["local"]
    assert verdict.status is Status.UNKNOWN  # a category may decide a class: these data do not say that it does not
    assert "Numbers moved (not local)" in verdict.reason and "Categories changed (open)" in verdict.reason
    assert found.numbers["trust_categorical"]["t"][:2] == [0.0, 1.0]
    assert max(found.trust["t"]) < 0.5
    table = lookup(mixed, constant)
    assert zl.audit(table, mixed, categorical=[2]).verdicts["local"].status is Status.SUPPORTED


def test_which_inputs_are_categories(mixed):
    net = zl.MLP(3, 2, 4, 1)
    assert positions_of(net, mixed) == []
    assert [p.tolist() for p in positions_of(net, mixed, [False, False, True])] == [[2]]
    assert [p.tolist() for p in positions_of(net, mixed, "all")] == [[0], [1], [2]]
    assert positions_of(net, mixed, []) == []
    with pytest.raises(InputError, match="'nope', which is no column"):
        zl.audit(net, mixed, categorical=["nope"])


def test_one_hot_columns_are_one_input():
    x = np.column_stack([np.linspace(0, 1, 12), np.eye(3)[np.arange(12) % 3]])
    data = zl.from_arrays(x, np.arange(12) % 2, features=("size", "hue=a", "hue=b", "hue=c"), scaling="auto")
    assert [p.tolist() for p in positions_of(None, data, None)] == [[1, 2, 3]]
    assert [p.tolist() for p in positions_of(None, data, ["hue"])] == [[1, 2, 3]]
    assert [p.tolist() for p in positions_of(None, data, [2])] == [[1, 2, 3]]
    seen = []

    def f(p):
        seen.append(p)
        return np.zeros((len(p), 2))

    zl.audit(f, data)
    rows = np.concatenate(seen)[:, 1:]
    assert set(map(tuple, rows.round(9))) == set(map(tuple, np.asarray(data.x_train)[:, 1:].round(9)))


@pytest.mark.slow
def test_tokens_and_codes_of_a_module_are_found():
    torch = pytest.importorskip("torch")

    class Bag(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.out = torch.nn.Embedding(15, 4), torch.nn.Linear(4, 2)

        def forward(self, t):
            return self.out(self.table(t).mean(1))

    class Codes(Bag):
        def forward(self, x):
            return self.out(x[:, :4] + self.table(x[:, 4].long()))

    torch.manual_seed(0)
    words = zl.from_arrays(np.random.default_rng(0).integers(0, 15, (20, 6)), np.arange(20) % 2)
    network = zl.from_torch(Bag().eval(), words)
    assert len(positions_of(network, words)) == 6
    verdict = zl.audit(network, words).verdicts["local"]
    assert "does not fit" in verdict.reason or "categorical inputs changed" in verdict.reason
    x = np.column_stack([np.random.default_rng(0).standard_normal((20, 4)), np.arange(20) % 5])
    table = zl.from_arrays(x, np.arange(20) % 2)
    assert [p.tolist() for p in positions_of(zl.from_torch(Codes().eval(), table), table)] == [[4]]
