"""`Problem`: checked once, and taken by every question in place of network and data."""

import numpy as np
import pytest

import zeroloss as zl
from zeroloss.plumbing import InputError
from zeroloss.problem import Problem, as_problem
from zeroloss.theorems import check

RNG = np.random.default_rng(3)
X = RNG.standard_normal((14, 3))
X[13] = X[0]  # one input twice
DATA = zl.from_arrays(X, np.where(X[:, 0] > 0, "a", "b"))
NET = zl.MLP(3, DATA.out_size, width=40, depth=1, activation="tanh", key=1)


@pytest.fixture
def problem():
    return Problem(NET, DATA)


def test_what_is_asked_first_is_done_once(problem):
    assert problem.n == 14 and len(problem.distinct.x) == 13 and problem.clashes == 0
    assert problem.forward is problem.forward and problem.constants is problem.constants
    assert problem.x.dtype == problem.y.dtype == np.float64
    np.testing.assert_array_equal(problem.x, X)
    assert problem.layers.in_size == 3 and problem.equations == 13 * DATA.out_size


@pytest.mark.parametrize(
    "question",
    [
        lambda *given: zl.prove(*given, method="readout"),
        lambda *given: zl.certify(*given).verdicts["exists"],
        lambda *given: zl.descend(*given, steps=3).loss,
        lambda *given: zl.descend(*given, method="gauss-newton", steps=3).loss,
        lambda *given: zl.audit(*given, points=20).verdicts["local"],
        lambda *given: check(*given, keys=["readout"])["readout"],
    ],
)
def test_a_problem_is_taken_for_network_and_data(problem, question):
    assert question(problem) == question(NET, DATA)


def test_data_beside_a_problem_or_none_at_all_are_refused(problem):
    with pytest.raises(InputError, match="has its data"):
        as_problem(problem, DATA)
    with pytest.raises(InputError, match="the data are missing"):
        zl.prove(NET)
    with pytest.raises(InputError, match="the data are missing"):
        zl.audit(NET)


def test_a_network_that_does_not_fit_is_refused_by_every_question_alike():
    other = zl.MLP(4, DATA.out_size, width=8, depth=1, key=0)
    reasons = set()
    for question in (zl.prove, zl.certify, zl.descend):
        with pytest.raises(InputError, match="maps 4 numbers to") as refused:
            question(other, DATA)
        reasons.add(str(refused.value))
    assert len(reasons) == 1


def test_other_weights_share_what_does_not_depend_on_them(problem):
    problem.distinct, problem.forward  # noqa: B018  (computed)
    other = problem.at(zl.MLP(3, DATA.out_size, width=40, depth=1, activation="tanh", key=2))
    assert other.distinct is problem.distinct
    assert not np.array_equal(other.forward[-1].z, problem.forward[-1].z)


def test_what_the_caller_does_with_his_arrays_afterwards_changes_nothing():
    x, y = X[:13].copy(), RNG.standard_normal((13, 1))
    net = zl.FeedForward([RNG.standard_normal((40, 3)), RNG.standard_normal((1, 40))], [None, None], ["tanh"])
    problem = Problem(net, (x, y))
    before = zl.prove(problem)
    x[:], y[:], net.weights[0][:] = 0.0, 7.0, 0.0
    again = zl.prove(problem)
    assert again == before and again.evidence["data_sha256"] == before.identity.data["sha256"]
    assert len(problem.distinct.x) == 13
    with pytest.raises(ValueError, match="read-only"):
        problem.x[:] = 0
