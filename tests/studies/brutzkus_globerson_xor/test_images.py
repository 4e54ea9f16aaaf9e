"""Few filters against many: the claims on tables made up for them, the parts of the trial, and the smoke scale."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from zeroloss.networks import predict
from zeroloss.networks.small_cnn import SmallCNN
from zeroloss.plumbing import InputError
from zeroloss.studies import Study
from zeroloss.studies.brutzkus_globerson_xor import STUDY as PAPER
from zeroloss.studies.brutzkus_globerson_xor import images
from zeroloss.studies.brutzkus_globerson_xor.claims import IMAGES as NAME
from zeroloss.studies.judging import ratio_of_means
from zeroloss.studies.trying import quick_tables, try_block
from zeroloss.verdict import Status

EXPERIMENT = PAPER.experiment(NAME)
CLAIMS, FIGURES, TABLES = (
    [thing for thing in things if thing.needs == (NAME,)] for things in (PAPER.claims, PAPER.figures, PAPER.tables)
)
STUDY = Study("images", "?", [EXPERIMENT], CLAIMS, FIGURES, TABLES)
CLAIM = {claim.key: claim for claim in CLAIMS}
S, C, U = Status.SUPPORTED, Status.CONTRADICTED, Status.UNKNOWN
TINY = {"data": "digits", "images": 60, "many": 8, "few": 2, "start": 0.1, "steps": 60}


def made_up(noise=0.002, runs=12, **levels):
    """A table whose nets have these mean test errors, and rises of clustering."""
    rng = np.random.default_rng(0)
    base = {"large": 0.05, "small": 0.10, "kmeans": 0.06, "random": 0.10, "picked": 0.08, "rise": 0.2} | levels
    table = pd.DataFrame({"data": "digits", "images": 100, "many": 120, "few": 4, "start": 0.1, "seed": range(runs)})
    for arm in images.ARMS:
        table[f"{arm}_test_error"] = base[arm] + noise * rng.standard_normal(runs)
        table[f"{arm}_train_error"] = 0.0
    table["clustered_start"] = 0.1 + noise * rng.standard_normal(runs)
    table["clustered_end"] = table["clustered_start"] + base["rise"] + noise * rng.standard_normal(runs)
    return table


@pytest.mark.parametrize(
    ("key", "table", "status"),
    [
        ("many-beat-few", made_up(), S),
        ("many-beat-few", made_up(large=0.15), C),
        ("many-beat-few", made_up(noise=0.3), U),
        ("centres-close-half", made_up(), S),
        ("centres-close-half", made_up(kmeans=0.09), C),
        ("centres-close-half", made_up(kmeans=0.075, noise=0.01), U),
        ("centres-close-half", made_up(large=0.1), U),  # no gap, so no share of it
        ("random-start-does-not", made_up(), S),
        ("random-start-does-not", made_up(random=0.055), C),
        ("random-start-does-not", made_up(random=0.075, noise=0.05), U),
        ("centres-beat-random", made_up(), S),
        ("centres-beat-random", made_up(random=0.05), C),
        ("centres-beat-random", made_up(random=0.06), U),
        ("centres-beat-picked", made_up(), S),
        ("centres-beat-picked", made_up(picked=0.05), C),
        ("centres-beat-picked", made_up(picked=0.06), U),
        ("filters-cluster", made_up(), S),
        ("filters-cluster", made_up(rise=0.0), C),
        ("filters-cluster", made_up(rise=0.05), U),
        ("reach-zero", made_up(), S),
        ("reach-zero", made_up().assign(small_train_error=0.01), C),
        ("reach-zero", made_up(runs=3), U),
    ],
)
def test_claims(key, table, status):
    verdict = CLAIM[key]({NAME: table})
    assert verdict.status == status, verdict.reason


def test_every_claim_was_asked_for_all_three_and_rows_of_the_usual_start_do_not_count():
    asked = {(m.args[1][i][0], m.args[1][i][2]) for m in test_claims.pytestmark for i in range(len(m.args[1]))}
    assert asked == set(itertools.product(CLAIM, (S, C, U)))
    both = pd.concat([made_up(), made_up(large=0.3, runs=50).assign(start=1.0)])
    assert CLAIM["many-beat-few"]({NAME: both}).status == S


def test_the_ratio_is_where_no_t_test_rejects():
    rng = np.random.default_rng(1)
    whole = 1 + 0.3 * rng.standard_normal(9)
    part = 0.6 * whole + 0.2 * rng.standard_normal(9)
    found = ratio_of_means(part, whole)
    assert found.estimate == pytest.approx(part.mean() / whole.mean())
    for end in (found.low, found.high):  # the ends are where the test is exactly at its level
        assert stats.ttest_1samp(part - end * whole, 0).pvalue == pytest.approx(1 - found.confidence)
    inside = [stats.ttest_1samp(part - r * whole, 0).pvalue > 0.05 for r in np.linspace(found.low, found.high, 9)[1:-1]]
    assert all(inside)


def test_no_share_of_nothing():
    for whole in ([0.1, -0.1, 0.05], [-1.0, -1.1, -0.9], [1.0]):
        found = ratio_of_means(np.ones(len(whole)), whole)
        assert np.isnan(found.estimate) and np.isinf([found.low, found.high]).all()


def test_filter_starts():
    rng = np.random.default_rng(0)
    places = np.array([[3.0, 0, 0, 0], [0, -2.0, 0, 0]])
    filters = np.repeat(places, 10, axis=0) + 0.01 * rng.standard_normal((20, 4))
    biases = np.repeat([0.5, -0.5], 10)
    starts = images.filter_starts(filters, biases, 2, seed=3)
    centres, own = starts["kmeans"]
    order = np.argsort(-own)
    np.testing.assert_allclose(centres[order], places, atol=0.02)
    np.testing.assert_allclose(own[order], [0.5, -0.5], atol=1e-6)
    directions, same = starts["random"]
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), np.linalg.norm(centres, axis=1))
    np.testing.assert_array_equal(same, own)
    assert np.abs(directions / np.linalg.norm(directions, axis=1)[:, None] @ places.T).max() < 2.99
    picked, _ = starts["picked"]
    assert all((row == filters).all(axis=1).any() for row in picked)
    assert images.clustered(filters, 2, 0) > 0.99 > 0.9 > images.clustered(rng.standard_normal((20, 4)), 2, 0)


def test_errors_are_counted_over_the_rows_given_and_no_others():
    pool = images.images("digits")
    nets = [SmallCNN(pool.shape, 10, 2, size=3, key=k) for k in (0, 1)]
    rows = np.arange(30, 150)  # not a multiple of the block: the rest is filled up and must not count
    errors, losses = images.measured(images.stacked(nets), pool.x, pool.labels, rows)
    for net, error, loss in zip(nets, errors, losses, strict=True):
        f, labels = predict(net, np.asarray(pool.x)[rows]), np.asarray(pool.labels)[rows]
        assert error == pytest.approx((f.argmax(axis=1) != labels).mean())
        wanted = (np.log(np.exp(f).sum(axis=1)) - f[np.arange(len(f)), labels]).mean()
        assert loss == pytest.approx(wanted, rel=1e-4)


def test_nets_that_are_trained_together_do_not_touch_one_another():
    pool = images.images("digits")
    nets = [SmallCNN(pool.shape, 10, 2, size=3, key=k) for k in (0, 1)]
    batches = jnp.asarray(np.random.default_rng(0).integers(0, 60, (images.CHUNK, images.BATCH)), jnp.int32)

    def after(nets):
        state = images.optimiser().init(nets)
        return images._steps(nets, state, pool.x, pool.labels, batches)

    together, alone = after(images.stacked(nets)), after(images.stacked(nets[1:]))
    for a, b in zip(jax.tree.leaves(together[0]), jax.tree.leaves(alone[0]), strict=True):
        np.testing.assert_allclose(a[1], b[0], rtol=2e-3, atol=2e-5)
    ours, own = float(together[2][1]), float(alone[2][0])
    assert ours == pytest.approx(own, rel=1e-4) and ours < np.log(10)


@pytest.mark.slow
def test_rows_depend_on_their_parameters_and_key_alone():
    experiment = EXPERIMENT
    alone = try_block(experiment, TINY, [1])[0]
    again = images.few_against_many(TINY, np.array([0, 1]))
    assert {name: again[name][1].tolist() for name in again} == alone
    assert alone["large_test_error"] != again["large_test_error"][0]
    assert alone["small_steps"] == TINY["steps"] and np.shape(alone["centres"]) == (2, 9)


def test_a_net_that_fits_stops_and_says_when():
    pool = images.images("digits")
    two = np.array([np.flatnonzero(np.asarray(pool.labels) == digit)[0] for digit in (0, 1)])
    (answer,), _ = images.train(images.stacked([SmallCNN(pool.shape, 10, 4, size=3)]), pool, two, steps=3000, seed=0)
    assert answer["train_error"] == 0 and answer["train_loss"] <= images.TOLERANCE
    assert answer["steps"] < 3000 and answer["steps"] % images.CHUNK == 0


def test_too_many_images_and_unknown_ones_are_refused():
    with pytest.raises(InputError, match="too many"):
        images.few_against_many(TINY | {"images": 10**6}, np.array([0]))
    with pytest.raises(InputError, match="no images 'cats'"):
        images.images("cats")


def test_the_grid_asks_for_mnist_where_it_is(tmp_path, monkeypatch):
    from zeroloss.data import idx

    monkeypatch.setattr(idx, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.delenv("ZEROLOSS_DATA", raising=False)

    def asked(scale):
        cells = [cell for grid in EXPERIMENT.grids(scale) for cell in grid.cells()]
        assert cells
        return {cell["data"] for cell in cells}

    assert asked("desk") == asked("paper") == asked("smoke") == {"digits"}
    monkeypatch.setenv("ZEROLOSS_DATA", str(tmp_path))
    assert asked("desk") == {"digits"}
    (tmp_path / "mnist10k.npz").write_bytes(b"")
    assert asked("desk") == asked("paper") == {"mnist"} and asked("smoke") == {"digits"}


@pytest.mark.slow
def test_the_smoke_scale_fills_claims_figures_and_tables():
    tables = quick_tables(STUDY, "smoke")
    row = tables[NAME].iloc[0]
    assert all(row[f"{arm}_train_error"] <= 0.05 and row[f"{arm}_test_error"] < 0.5 for arm in images.ARMS)
    for claim in STUDY.claims:
        assert claim(tables).reason
    for figure in STUDY.figures:
        assert figure.draw(tables).to_dict()["width"] == "container" and "nan" not in figure.caption_of(tables)
    summary, shares = (table.make(tables) for table in STUDY.tables)
    assert len(summary) == 2 * len(images.ARMS) and list(shares["start of the few"]) == list(images.ARMS[2:])
