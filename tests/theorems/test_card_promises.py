"""Every theorem's conclusion, tried: descent, constructions and draws do what the card promised."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from card_cases import HOLDS, X, Y, antisymmetric, mlp, near_by

import zeroloss as zl
from zeroloss.data import infimum
from zeroloss.data.designs import visited_exponent
from zeroloss.data.xord import ALL_FOUR, BOTH_NEGATIVE, SETS, is_positive
from zeroloss.descent import descend
from zeroloss.descent.xor import outputs, start, xor_descent
from zeroloss.minima import construct_twin, extend
from zeroloss.minima.constructions import grid_coverage
from zeroloss.networks import predict
from zeroloss.prove.polish import polish_readout, with_layers
from zeroloss.theorems import cards, find_card, xor_formulas
from zeroloss.theorems.kohler_krzyzak import FLOOR, visited_error
from zeroloss.theorems.terjek_gonzalez_sanchez import to_linearised

TRIED = {}


def tries(key):
    def register(function):
        TRIED[key] = function
        return function

    return register


def promised(key):
    network, data, options = HOLDS[key]
    result = find_card(key).check(network, data, **options)
    constants = {name: value for p in result.promises for name, value in p.constants.items()}
    return network, data, constants


@tries("composite")
def test_descent_keeps_rate_path_and_both_distances_to_the_linearised_model():
    """`f = m^-1/2 sum v_k tanh(w_k . x)`, descended by hand."""
    net, (x, y), promise = promised("composite")
    w0, v = np.asarray(net.weights[0]), np.asarray(net.weights[1])[0]
    m, n = len(v), len(x)

    def at(w):
        h = np.tanh(x @ w.T)
        return h @ v / np.sqrt(m), (((1 - h**2) * v)[:, :, None] * x[:, None, :]).reshape(n, -1) / np.sqrt(m)

    f0, j0 = at(w0)
    w, path, losses = w0, 0.0, []
    for _ in range(400):
        f, j = at(w)
        losses.append(np.sum((f - y[:, 0]) ** 2) / (2 * n))
        step = -promise["step_size"] / n * (j.T @ (f - y[:, 0])).reshape(w.shape)
        linear = f0 + j0 @ (w - w0).ravel()
        assert np.linalg.norm(f - linear) <= promise["linearisation"]
        w, path = w + step, path + np.linalg.norm(step)
    assert (np.array(losses) <= losses[0] * promise["rate"] ** np.arange(400) * (1 + 1e-9) + 1e-28).all()
    assert losses[-1] < 1e-20
    assert path <= promise["radius"]
    nearest = w0.ravel() + np.linalg.lstsq(j0, y[:, 0] - f0, rcond=None)[0]
    distance = np.linalg.norm(w.ravel() - nearest)
    assert 0 < distance <= promise["to_linearised"]


def test_the_distance_to_the_linearised_model_where_the_path_uses_up_the_kernel():
    """At most sqrt(1.25) beta R^2/s0 where beta R <= s0/2; beyond .68 s0 the steps out of the row space may sum to more than that."""
    assert to_linearised(1.0, 0.5, 1.0) <= np.sqrt(1.25) * 0.5 * (1 + 1e-6)
    assert to_linearised(1.0, 0.95, 1.0) > np.sqrt(1.25) * 0.95
    assert to_linearised(1.0, 1.0, 1.0) == np.inf
    assert to_linearised(1.0, 0.0, 1.0) == pytest.approx(0.0, abs=1e-12)
    exact = [to_linearised(4.0, b, 0.5) for b in (1e-4, 3.9e-3, 4.1e-3, 0.1)]  # across the change of formula
    assert exact == sorted(exact)
    for b, value in zip((1e-4, 3.9e-3, 4.1e-3, 0.1), exact, strict=True):
        x = b * 0.5 / 2
        leading = np.hypot(b * 0.25 / 4, 0.5 * (x / 2 + x**2 / 3))
        assert leading * (1 - 1e-3) <= value <= leading * (1 + x)


@pytest.mark.slow
@tries("terjek-gonzalez-sanchez")
def test_wider_networks_move_less_and_stay_nearer_to_their_linearisation():
    errors = []
    for width in (32, 2048):
        net = mlp(width=width)
        fit = descend(net, (X, Y), steps=60)
        model = descend(zl.tangent.linearized(net), (X, Y), step_size=fit.step_size, steps=60).network
        errors.append(np.linalg.norm(predict(fit.network, X) - predict(model, X)))
    assert errors[1] < errors[0] / 3  # m^-1/2 would be 1/8


@tries("rademacher")
def test_no_search_in_the_ball_beats_the_complexity():
    net, (x, _), promise = promised("rademacher")
    signs = np.sign(np.random.default_rng(0).standard_normal((200, len(x))))
    with zl.double():
        leaves, tree = jax.tree.flatten((net.weights, net.biases))

        def total(parameters, e):
            moved = zl.FeedForward(
                *jax.tree.unflatten(tree, parameters), net.activations, net.weight_scales, net.bias_scales
            )
            return jnp.mean(e * jax.vmap(moved)(jnp.asarray(x))[:, 0])

        @jax.jit
        def best(e):
            gradient = jax.grad(total)(leaves, e)
            length = jnp.sqrt(sum(jnp.sum(g**2) for g in gradient))
            return total(
                [p + promise["radius"] / length * g for p, g in zip(leaves, gradient, strict=True)], e
            ) - total(leaves, e)

        found = np.array([float(best(jnp.asarray(e))) for e in signs])
    assert found.mean() <= promise["complexity"]
    assert found.mean() > promise["complexity"] / 4  # the bound is not idle


@tries("kawaguchi-huang")
def test_the_read_out_of_a_wide_last_layer_fits_random_targets():
    net, (x, _), _ = promised("kawaguchi-huang")
    for key in range(3):
        targets = np.random.default_rng(key).standard_normal((len(x), 1))
        fit = descend(net.restarted(key), (x, targets), "gauss-newton", trainable="readout", steps=50)
        assert fit.loss < 1e-20


@tries("readout")
def test_a_minimum_lies_within_the_radius_in_the_read_out():
    net, (x, y), promise = promised("readout")
    fitted = with_layers(net, polish_readout(net, x, y))
    moved = [
        np.asarray(a) - np.asarray(b)
        for a, b in ((fitted.weights[-1], net.weights[-1]), (fitted.biases[-1], net.biases[-1]))
    ]
    assert np.sqrt(sum(np.sum(v**2) for v in moved)) <= promise["radius"]
    assert np.abs(predict(fitted, x) - y).max() < 1e-10
    assert np.array_equal(fitted.weights[0], net.weights[0])


@tries("counting")
def test_random_targets_are_missed_and_a_teachers_are_not():
    net, (x, _), promise = promised("counting")
    assert promise["parameters"] < promise["equations"]
    teacher = net.restarted(7)
    reached, missed = [], []
    for key in range(3):
        targets = np.random.default_rng(key).standard_normal((len(x), 1))
        missed.append(descend(net.restarted(key), (x, targets), "gauss-newton", steps=100).loss)
        reached.append(descend(net.restarted(key), (x, predict(teacher, x)), "gauss-newton", steps=100).loss)
    assert min(missed) > 1e-2
    assert min(reached) < 1e-20  # the targets given may be among the few that can be reached


@tries("depth-extension")
def test_the_deeper_network_is_the_same_function():
    net, (x, _), promise = promised("depth-extension")
    deeper = extend(net, promise["layers"], promise["width"], "relu").network
    anywhere = 10 * np.random.default_rng(0).standard_normal((200, x.shape[1]))
    assert deeper.depth == net.depth + 3
    assert np.abs(predict(deeper, anywhere) - predict(net, anywhere)).max() < 1e-12


@tries("twin")
def test_a_twin_fits_and_answers_as_the_other_network_elsewhere():
    base = mlp(key=5)
    made = construct_twin(zl.from_arrays(X, Y[:, 0], task="regression"), base=base)
    assert made.train_loss_float64 < 1e-20
    elsewhere = 3 * np.random.default_rng(1).standard_normal((200, 4))
    same = np.abs(predict(made.network, elsewhere) - predict(base, elsewhere)) < 1e-9
    assert same.mean() > 0.9


@tries("coverage")
def test_the_bumps_cover_that_share():
    _, _, promise = promised("coverage")
    share, error = grid_coverage(promise["nodes_an_axis"], 2, promise["b"])
    assert abs(share - promise["coverage"]) < 4 * error
    assert promise["coverage"] < promise["box_bound"]


def interpolation_error(n, rng, draws=400):
    """Error on the visited ones of n equally likely atoms, noise of variance 1, true function 0."""
    visits = rng.multinomial(n, np.full(n, 1 / n), size=draws)
    means = rng.standard_normal(visits.shape) / np.sqrt(np.maximum(visits, 1))
    return (means**2 * (visits > 0)).mean(axis=1)


@tries("kohler-krzyzak")
def test_the_error_of_interpolators_does_not_fall_on_designs_that_grow():
    rng = np.random.default_rng(0)
    few, many = interpolation_error(50, rng), interpolation_error(800, rng)
    rate = promised("kohler-krzyzak")[2]["minimax_exponent"]
    assert many.mean() > 0.9 * few.mean()  # the minimax rate would divide it
    assert 16**-rate < 0.9


@tries("atoms")
def test_interpolation_costs_that_share_of_the_noise():
    _, _, promise = promised("atoms")
    assert promise["expected_error"] == pytest.approx(2.0 * promise["share_of_variance"])
    rng = np.random.default_rng(1)
    for n in (1, 2, 10, 50):
        found = interpolation_error(n, rng, 4000)
        assert abs(found.mean() - visited_error(n)) < 4 * found.std() / np.sqrt(len(found))
    known = {1: 1.0, 2: 0.625, 10: 0.5065, 50: 0.4890, 1000: 0.48503}
    for n, value in known.items():
        assert visited_error(n) == pytest.approx(value, abs=6e-5)
    assert all(visited_error(n) > FLOOR for n in (1, 3, 100, 10**4, 10**6, 10**9))


@tries("heavy-tail")
def test_the_mass_seen_once_falls_with_that_slope():
    _, _, promise = promised("heavy-tail")
    assert promise["exponent"] == pytest.approx(0.2 / 1.2) and promise["exponent"] < promise["minimax_exponent"]
    for t in (0.5, 1.0):
        p = np.arange(1, 2_000_001.0) ** -(1 + t)
        p /= p.sum()
        mass = [float(np.sum(n * p**2 * np.exp((n - 1) * np.log1p(-p)))) for n in (300, 3000)]
        assert np.log10(mass[1] / mass[0]) == pytest.approx(visited_exponent(t), abs=0.03)


def xor_fate(k, gamma, seeds):
    """Zero loss, its steps, and whether each set of patterns is answered right, from diverse points alone."""
    c, sets = 1 / 410, (BOTH_NEGATIVE, ALL_FOUR)
    first = start(jax.random.split(jax.random.key(0), seeds), k, xor_formulas.weight_std(k, c))
    counts = np.ones((2, seeds), np.int32)
    done = xor_descent(first, counts, sets=sets, gamma=gamma, step_size=xor_formulas.step_size(k, c), steps=90_000)
    signs = np.sign(np.asarray(outputs(done.filters)))
    right = (signs == np.where(is_positive(np.array(SETS)), 1, -1)[:, None]).all(0)
    return np.asarray(done.zero), np.asarray(done.steps), right


@tries("xord-large")
def test_many_filters_reach_zero_and_are_right_everywhere_in_time():
    _, _, promise = promised("xord-large")
    zero, steps, right = xor_fate(120, 8.0, 12)
    assert zero.all() and steps.max() <= promise["steps"]
    assert right.mean() >= promise["probability"] - 0.05


@tries("xord-small")
def test_two_filters_reach_a_minimum_that_errs_in_two_thirds():
    _, _, promise = promised("xord-small")
    zero, _, right = xor_fate(2, 8.0, 2000)
    share = float((zero & ~right).mean())
    assert abs(share - 33 / 48) < 4 * np.sqrt(share * (1 - share) / 2000)
    assert promise["derived"] == 33 / 48


@tries("rump")
def test_the_eigenvalues_lie_in_the_interval():
    net, (x, _), promise = promised("rump")
    values = np.linalg.eigvalsh(zl.tangent.as_matrix(zl.tangent.kernel(net, x)))
    assert promise["lambda_min_lower"] <= values[0] and values[-1] <= promise["lambda_max_upper"]
    assert promise["lambda_min_lower"] > 0.9 * values[0]


@tries("newton-kantorovich")
def test_an_exact_zero_is_found_within_the_radius():
    net, (x, y), promise = promised("newton-kantorovich")
    fit = descend(net, (x, y), "gauss-newton", steps=20, tolerance=1e-28)
    moved = sum(
        float(np.sum((np.asarray(a) - np.asarray(b)) ** 2))
        for a, b in zip(jax.tree.leaves(fit.network), jax.tree.leaves(net), strict=True)
    )
    assert fit.loss < 1e-25
    assert 0 < np.sqrt(moved) <= promise["radius"]


@tries("repeated-inputs")
def test_descent_stops_at_the_infimum_and_not_below():
    _, (x, y), promise = promised("repeated-inputs")
    assert promise["infimum"] == infimum(zl.from_arrays(x, y[:, 0], task="regression")).value
    fit = descend(mlp(), (x, y), "gauss-newton", steps=100)
    assert promise["infimum"] <= fit.loss <= promise["infimum"] * (1 + 1e-9)


def test_every_card_was_tried():
    assert set(TRIED) == {card.key for card in cards()}
    assert near_by(mlp())[1].shape == Y.shape and antisymmetric().depth == 1
