import dataclasses

import numpy as np
import pytest
from audit_makers import classes, dataset, nearest, real_targets

import zeroloss.audit
from zeroloss.audit import Audit, audit, training_loss
from zeroloss.audit.bootstrap import r_squared, r_squared_interval, ratio_interval
from zeroloss.audit.rule import decide
from zeroloss.plumbing import InputError
from zeroloss.verdict import wilson


def test_errors_are_counted_and_carry_an_interval():
    rng = np.random.default_rng(1)
    base = classes(n=60)
    x_test, labels_test = rng.standard_normal((40, 5)), rng.integers(0, 3, 40)
    data = dataset(base.x_train, None, base.labels_train, x_test, None, labels_test)
    f = nearest(data)
    found = audit(f, data)
    wrong = int(np.sum(f(x_test).argmax(1) != labels_test))
    assert found.numbers["train_errors"] == 0 and found.numbers["train_loss"] == 0 == found.numbers["infimum"]
    assert found.numbers["test_errors"] == wrong and found.numbers["test_count"] == 40
    assert found.numbers["test_error_interval"] == list(wilson(wrong, 40))
    assert f"{wrong} of 40 test points wrong" in repr(found)


def test_without_a_test_set_nothing_is_reported_of_it():
    numbers = audit(nearest(classes()), classes()).numbers
    assert not [name for name in numbers if name.startswith("test")]


def test_regression_has_an_r_squared_on_the_test_set():
    base = real_targets(n=50)
    rng = np.random.default_rng(2)
    x_test = rng.standard_normal((300, 5))
    y_test = x_test[:, 0] + 0.5 * rng.standard_normal(300)
    data = dataset(base.x_train, base.y_train, None, x_test, y_test)
    found = audit(lambda p: p[:, :1], data)
    expected = 1 - np.sum((y_test - x_test[:, 0]) ** 2) / np.sum((y_test - y_test.mean()) ** 2)
    lower, upper = found.numbers["test_r2_interval"]
    assert found.numbers["test_r2"] == pytest.approx(expected)
    assert lower < 0.8 < upper  # 1 - .25/1.25
    assert "test R^2" in repr(found)


def test_a_black_box_may_answer_with_a_flat_array():
    data = real_targets(n=40)
    flat, columns = audit(lambda p: nearest(data)(p)[:, 0], data), audit(nearest(data), data)
    # The identity names the functions, which are two.
    assert dataclasses.replace(flat, identity=None).to_json() == dataclasses.replace(columns, identity=None).to_json()


def test_losses_have_their_formulas():
    f, y = np.array([[1.0, 2.0], [0.0, -1000.0]]), np.eye(2)
    assert training_loss(f, y, "squared") == (0 + 4 + 0 + 1001**2) / 4
    assert training_loss(f, y, "cross-entropy") == pytest.approx((-(1 - np.log(np.exp(1) + np.exp(2))) + 1000) / 2)
    assert training_loss(f, y, "hinge") == (1 + 2 - 1 + 1 + 0 + 1000) / 2
    with pytest.raises(InputError, match="squared, cross-entropy, binary-cross-entropy or hinge"):
        training_loss(f, y, "absolute")


def test_one_column_of_signs_is_two_classes():
    f, y = np.array([[3.0], [0.5], [2.0]]), np.array([[1.0], [1.0], [-1.0]])
    assert training_loss(f, y, "hinge") == (0 + 0.5 + 3) / 3
    assert training_loss(f, y, "cross-entropy") == pytest.approx(np.mean(np.log(1 + np.exp([-3, -0.5, 2]))))
    two = np.concatenate([f, np.zeros_like(f)], axis=1), np.concatenate([y > 0, y < 0], axis=1).astype(float)
    assert training_loss(*two, "cross-entropy") == pytest.approx(training_loss(f, y, "cross-entropy"))
    assert decide(f).tolist() == [True] * 3 and decide(y).tolist() == [True, True, False]


def test_cross_entropy_is_measured_against_its_own_infimum():
    x = np.array([[0.0], [0.0], [1.0], [2.0]])
    data = dataset(x, None, [0, 1, 1, 0])
    found = audit(lambda p: np.zeros((len(p), 2)), data, loss="cross-entropy")
    assert found.numbers["train_loss"] == pytest.approx(np.log(2))
    assert found.numbers["infimum"] == pytest.approx(np.log(2) / 2)
    assert found.numbers["gap"] == pytest.approx(np.log(2) / 2)


@pytest.mark.parametrize("data", [classes(), real_targets(n=12)], ids=["classes", "targets"])
def test_an_audit_goes_to_json_and_back(data):
    found = audit(nearest(data), data)
    assert Audit.from_json(found.to_json()) == found
    assert "trust radius" in repr(found) and found.verdicts["local"].status in repr(found)


def test_the_room_may_be_called():
    data = classes(n=40)
    assert zeroloss.audit(nearest(data), data) == audit(nearest(data), data)


def test_bootstrap_intervals_cover():
    rng = np.random.default_rng(0)
    trials, ratio_hits, r2_hits = 100, 0, 0
    for key in range(trials):
        bottom = rng.exponential(size=80)
        top = bottom * rng.uniform(0, 1, 80)
        lower, upper = ratio_interval(top, bottom, key=key, resamples=300)
        ratio_hits += lower <= 0.5 <= upper
        y = rng.standard_normal((80, 1))
        errors = 0.25 * rng.standard_normal(80) ** 2
        lower, upper = r_squared_interval(errors, y, key=key, resamples=300)
        r2_hits += lower <= 0.75 <= upper
    assert min(ratio_hits, r2_hits) >= 85


def test_r_squared_does_not_lose_digits_far_from_zero():
    y = 1e9 + np.arange(10.0)[:, None]
    errors = np.full(10, 0.825)
    assert r_squared(errors, y) == pytest.approx(0.9)
    lower, upper = r_squared_interval(errors, y, key=0)
    assert 0.5 < lower <= 0.9 <= upper < 1
