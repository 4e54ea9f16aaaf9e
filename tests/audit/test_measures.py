"""Margins, norms and filters where they are known by construction; what is missing; prices."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from audit_makers import classes, dataset, nearest, real_targets

import zeroloss as zl
from zeroloss.audit import CATALOGUE, Audit, Measure, audit, priced
from zeroloss.audit import price as pricing
from zeroloss.audit.catalogue import GROUPS, chosen
from zeroloss.audit.filters import directions, effective_number, first_filters, nearest_cosine, occupancy
from zeroloss.audit.margins import output_margins
from zeroloss.audit.norms import layers, path_norm, spectral_norm
from zeroloss.networks import MLP, FeedForward, wrap
from zeroloss.networks.small_cnn import SmallCNN
from zeroloss.networks.xor import XorNetwork
from zeroloss.plumbing import InputError


def dense(*shapes, key=0, activation="relu"):
    rng = np.random.default_rng(key)
    weights = [jnp.asarray(rng.standard_normal(s), jnp.float32) for s in shapes]
    return FeedForward(weights, [None] * len(shapes), [activation] * (len(shapes) - 1))


def test_margins_by_hand():
    f = np.array([[1.0, 3.0, 2.5], [0.0, -1.0, 4.0]])
    np.testing.assert_array_equal(output_margins(f, f, np.eye(3)[[1, 0]]), [0.5, -4.0])
    np.testing.assert_array_equal(output_margins(f[:, :1] - 0.5, f[:, :1] - 0.5, np.array([[1.0], [-1.0]])), [0.5, 0.5])


def test_certified_margins_enclose_those_in_exact_rationals():
    from fractions import Fraction

    data = classes(n=12, d=3)
    network = dense((4, 3), (3, 4))
    found = audit(network, data, measures="smallest_margin").measure("smallest_margin")
    a, b = (np.vectorize(Fraction)(np.asarray(w, float)) for w in network.weights)
    hidden = np.maximum(np.vectorize(Fraction)(data.x_train) @ a.T, 0)
    outputs = hidden @ b.T
    exact = min(outputs[i, y] - max(outputs[i, k] for k in range(3) if k != y) for i, y in enumerate(data.labels_train))
    low, high = (Fraction(end) for end in found.interval)
    assert low <= exact <= high and 0 < float(high - low) < 1e-12
    assert found.details["certified"]


def test_margins_of_a_black_box_and_of_a_regression():
    data = classes(n=30)
    found = audit(nearest(data), data, measures="all")
    assert found.measure("smallest_margin").value == 1 == found.measure("median_margin").value
    assert not found.measure("smallest_margin").details["certified"]
    others = [m for m in found.measures if m.group != "margins"]
    assert all(m.value is None and "black box" in m.reason for m in others)
    assert len(found.measures) == len(CATALOGUE)
    real = real_targets(n=30)
    assert "only classes" in audit(nearest(real), real, measures="margins").measure("median_margin").reason


def test_norms_are_those_of_the_matrices():
    data = classes(n=20)
    start, end = dense((6, 5), (4, 6), (3, 4), key=0), dense((6, 5), (4, 6), (3, 4), key=1)
    found = audit(end, data, start, measures="norms")
    a, m = ([np.asarray(w, float) for w in net.weights] for net in (end, start))
    two = [np.linalg.norm(w, 2) for w in a]
    assert found.measure("spectral_product").value == pytest.approx(np.prod(two))
    assert found.measure("frobenius_product").value == pytest.approx(np.prod([np.linalg.norm(w) for w in a]))
    assert found.measure("parameter_norm").value == pytest.approx(np.sqrt(sum(np.sum(w**2) for w in a)))
    assert found.measure("distance").value == pytest.approx(
        np.sqrt(sum(np.sum((v - w) ** 2) for v, w in zip(a, m, strict=True)))
    )
    terms = [np.sum(np.linalg.norm(v - w, axis=1)) / s for v, w, s in zip(a, m, two, strict=True)]
    complexity = np.prod(two) * np.sum(np.array(terms) ** (2 / 3)) ** 1.5
    assert found.measure("spectral_complexity").value == pytest.approx(complexity)
    assert found.measure("spectral_complexity").details["reference"] == "start"
    f = np.asarray(zl.predict(end, data.x_train), float)
    margins = output_margins(f, f, data.y_train)
    decile = np.sort(margins)[1]  # the second of twenty: a tenth lie at or below it
    size = np.linalg.norm(data.x_train)
    assert found.measure("normalised_margin").value == pytest.approx(decile * 20 / complexity / size, rel=1e-4)
    assert found.measure("margin_radius").value == pytest.approx(margins.min() / np.sqrt(2) / np.prod(two), rel=1e-4)


def test_the_path_norm_is_a_sum_over_paths():
    network = dense((3, 2), (4, 3), (2, 4))
    a, b, c = (np.asarray(w, float) for w in network.weights)
    total = sum(
        (a[j, i] * b[k, j] * c[o, k]) ** 2 for i, j, k, o in itertools.product(range(2), range(3), range(4), range(2))
    )
    assert path_norm(layers(network)) == pytest.approx(np.sqrt(total))


def test_moving_scale_between_relu_layers_changes_sharpness_and_not_the_path_norm():
    data, network = classes(n=20), dense((6, 5), (3, 6))
    scaled = eqx.tree_at(lambda n: n.weights, network, (10 * network.weights[0], network.weights[1] / 10))
    np.testing.assert_allclose(
        zl.predict(network, data.x_train), zl.predict(scaled, data.x_train), rtol=1e-4, atol=1e-5
    )
    first, second = (audit(n, data, measures=["path_norm", "spectral_product", "sharpness"]) for n in (network, scaled))
    for name in ("path_norm", "spectral_product"):
        assert first.measure(name).value == pytest.approx(second.measure(name).value, rel=1e-5)
    assert second.measure("sharpness").value > 5 * first.measure("sharpness").value


def test_no_input_within_the_radius_changes_the_class():
    rng = np.random.default_rng(0)
    data = classes(n=20)
    network = dense((6, 5), (3, 6), activation="tanh")
    labels = np.asarray(zl.predict(network, data.x_train)).argmax(1)
    own = dataset(data.x_train, None, labels) if len(set(labels)) == 3 else data
    radius = audit(network, own, measures="margin_radius").measure("margin_radius").value
    assert radius > 0
    for _ in range(50):
        step = rng.standard_normal(own.x_train.shape)
        moved = own.x_train + 0.999 * radius * step / np.linalg.norm(step, axis=1, keepdims=True)
        assert (np.asarray(zl.predict(network, moved)).argmax(1) == own.labels_train).all()


def test_the_parametrisation_is_counted_in_the_effective_matrices():
    ntk = MLP(5, 3, width=6, depth=1, activation="relu", key=0)
    plain = FeedForward(
        [a * w for a, w in zip(ntk.weight_scales, ntk.weights, strict=True)],
        [c * b for c, b in zip(ntk.bias_scales, ntk.biases, strict=True)],
        ["relu"],
    )
    data = classes(n=20)
    first, second = (audit(n, data, measures="norms") for n in (ntk, plain))
    for name in ("spectral_product", "path_norm", "frobenius_product", "spectral_complexity", "normalised_margin"):
        assert first.measure(name).value == pytest.approx(second.measure(name).value, rel=1e-4), name


def test_a_large_spectral_norm_has_an_interval_that_holds_it():
    a = np.random.default_rng(0).standard_normal((620, 700))
    value, low, high = spectral_norm(a, key=0)
    true = np.linalg.norm(a, 2)
    assert low * (1 - 1e-9) <= true <= high and value == pytest.approx(true, rel=0.02) and high < 1.02 * true


def test_other_networks_say_that_their_norms_are_not_known():
    data = classes(n=20, d=4)
    net = wrap(lambda p, x: jnp.tanh(x @ p) @ p[:3].T, jnp.ones((4, 4)))
    found = audit(net, data, measures="norms")
    assert found.measure("parameter_norm").value == 4
    assert "dense layers" in found.measure("path_norm").reason


def test_filters_of_prescribed_clusters():
    rng = np.random.default_rng(0)
    centres = np.linalg.qr(rng.standard_normal((8, 8)))[0][:3]
    groups = np.repeat([0, 1, 2], [10, 6, 4])
    weights = rng.uniform(0.5, 2, (20, 1)) * (centres[groups] + 0.02 * rng.standard_normal((20, 8)))
    weights = np.concatenate([weights, np.zeros((2, 8))])
    unit, dead = directions(weights, key=0)
    assert dead == 2 and occupancy(unit) == [10, 6, 4]
    share = np.array([0.5, 0.3, 0.2])
    assert effective_number(unit) == pytest.approx(np.exp(-np.sum(share * np.log(share))))
    assert nearest_cosine(unit) > 0.99
    network = FeedForward([jnp.asarray(weights, jnp.float32), jnp.ones((3, 22))], [None, None], ["relu"])
    found = audit(network, classes(n=20, d=8), measures="filters")
    assert found.measure("effective_filters").details["occupancy"] == [10, 6, 4]
    assert found.measure("filter_alignment").value > found.measure("filter_alignment").details["random_range"][1]


def test_random_filters_look_random():
    found = audit(MLP(20, 3, width=60, depth=1, key=3), classes(n=20, d=20), measures="filters")
    for m in found.measures:
        low, high = m.details["random_range"]
        assert low - 0.02 <= m.value <= high + 0.02


@pytest.mark.parametrize(
    ("network", "filters"),
    [
        (SmallCNN((6, 6), 2, filters=5, size=3, key=0), lambda n: n.filters),
        (XorNetwork(4, 0.1, key=0), lambda n: n.w),
        (MLP(36, 2, width=7, depth=2, key=0), lambda n: n.weights[0]),
    ],
    ids=["convolution by patches", "xor", "dense"],
)
def test_filters_are_read_off_the_function(network, filters):
    found, _ = first_filters(network, np.ones((1, 36)))
    np.testing.assert_allclose(found, filters(network), rtol=1e-6)


def test_filters_of_a_convolution():
    w = np.random.default_rng(0).standard_normal((5, 2, 3, 3)).astype(np.float32)

    def f(p, x):
        h = jax.lax.conv_general_dilated(x.reshape(len(x), 2, 4, 4), p["w"], (1, 1), "SAME")
        return jax.nn.relu(h).mean((2, 3)) @ p["v"]

    found, kind = first_filters(wrap(f, {"v": np.ones((5, 2), np.float32), "w": w}), np.ones((1, 32)))
    assert kind == "convolution" and found.shape == (5, 18)
    np.testing.assert_allclose(np.sort(found, axis=1), np.sort(w.reshape(5, -1), axis=1), rtol=1e-6)


def test_names_and_groups():
    assert chosen(None) == [] == chosen("none")
    assert chosen("all") == list(CATALOGUE)
    assert chosen(["norms", "sharpness"])[:2] == ["parameter_norm", "distance"]
    assert {what.group for what in CATALOGUE.values()} == set(GROUPS)
    with pytest.raises(InputError, match="no measure 'sharp'"):
        audit(nearest(classes(n=20)), classes(n=20), measures="sharp")
    with pytest.raises(InputError, match="was not requested"):
        audit(nearest(classes(n=20)), classes(n=20)).measure("sharpness")


def test_every_measure_has_its_description():
    for name, what in CATALOGUE.items():
        assert what.formula and what.meaning.endswith(".") and what.caveat.endswith("."), name
        assert what.standing in ("paper", "recalled", "ours") and what.expects in (-1, 0, 1)
        assert what.source or what.standing != "paper", name


def test_all_measures_go_to_json_and_back():
    data = classes(n=30, d=4)
    start = MLP(4, 3, width=6, depth=1, key=0)
    end = jax.tree.map(lambda w: w + 0.05, start)
    found = audit(end, data, start, measures="all", loss="cross-entropy", step_size=0.1)
    again = Audit.from_json(found.to_json())
    assert again == found and isinstance(again.measures[0], Measure)
    missing = [m.name for m in found.measures if m.value is None]
    assert missing == ["linearisation_test"]
    for m in found.measures:
        if m.interval is not None:
            assert m.interval[0] <= m.value * (1 + 1e-6 * np.sign(m.value)) and m.about, m
            assert m.value * (1 - 1e-6 * np.sign(m.value)) <= m.interval[1], m
    assert "sharpness" in repr(found) and repr(found.price).startswith("measures: about")
    again = audit(end, data, start, measures="all", loss="cross-entropy", step_size=0.1)
    assert again.measures == found.measures and again.verdicts == found.verdicts


def test_answers_that_overflow_leave_reasons_and_no_error_and_nan_weights_are_refused():
    net = MLP(5, 3, width=4, activation="relu", key=0)
    nan = eqx.tree_at(lambda n: n.biases[0], net, jnp.full(4, jnp.nan))
    with pytest.raises(InputError, match="NaN or infinity"):
        audit(nan, classes(n=20), measures="all")
    broken = eqx.tree_at(lambda n: n.weights, net, tuple(3e37 * jnp.sign(w) for w in net.weights))
    found = audit(broken, classes(n=20), measures="all")
    assert all(m.value is None or np.isfinite(m.value) for m in found.measures)
    assert (
        found.measure("sharpness").reason and found.measure("smallest_margin").value < -1e70
    )  # margins are of float64


def test_the_price_grows_with_the_network_and_is_known_before():
    data = classes(n=300, d=20)
    small, large = (priced(MLP(20, 3, width=w, depth=2, key=0), data) for w in (16, 1024))
    assert small.seconds < large.seconds and small.bytes < large.bytes
    assert [c.group for c in small.costs] == ["fit, trust", *GROUPS]
    by = {c.group: c for c in large.costs}
    assert by["kernel"].examples == 128 and by["sharpness"].examples == 300
    one = {c.group: c for c in priced(MLP(20, 3, width=1024, depth=2, key=0), data, examples=50).costs}
    assert one["kernel"].examples == 50 == one["sharpness"].examples
    assert one["sharpness"].operations == pytest.approx(by["sharpness"].operations / 6, rel=0.3)


def test_a_large_network_takes_fewer_examples(monkeypatch):
    monkeypatch.setattr(pricing, "BUDGET", 1e8)
    data = classes(n=300, d=20)
    costs = {c.group: c for c in priced(MLP(20, 3, width=64, depth=2, key=0), data).costs}
    assert costs["sharpness"].examples == 128


def test_what_does_not_fit_is_refused_with_a_way_out(monkeypatch):
    monkeypatch.setattr(pricing, "available_bytes", lambda: 1_000_000)
    data = classes(n=300, d=20)
    with pytest.raises(InputError, match=r"are free; (take fewer examples|leave the group)"):
        audit(MLP(20, 3, width=64, depth=2, key=0), data, measures="all")


def test_the_default_audit_measures_nothing_more():
    data = classes(n=30)
    found = audit(nearest(data), data)
    assert found.measures == [] and found.price is None


def test_the_page_names_every_measure_as_the_catalogue_does():
    from pathlib import Path

    page = (Path(__file__).resolve().parents[2] / "docs" / "audit.md").read_text(encoding="utf-8")
    for name, what in CATALOGUE.items():
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{name}`")]
        for words in (what.title, what.formula.replace("|", "\\|"), what.meaning, what.caveat, what.standing):
            assert words in row, name
