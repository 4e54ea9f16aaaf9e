"""The papers' studies from end to end at smoke scale, by the command that makes what is committed."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from zeroloss.studies import PAPERS, SCALES, Interval, cells, find_study, price
from zeroloss.verdict import from_json

RESULTS = Path(__file__).resolve().parents[2] / "results"


@pytest.mark.parametrize("name", PAPERS)
def test_a_study_is_complete(name):
    study, _ = find_study(name)
    assert study.name == name and study.after and study.notes and study.claims and study.figures and study.tables
    for claim in study.claims:
        assert claim.standing in ("paper", "recalled", "ours") and claim.sentence.endswith(".")
    for scale in SCALES:
        wanted = cells(study, scale)
        assert {cell.experiment.name for cell in wanted} == {experiment.name for experiment in study.experiments}
        assert price(study, scale).seconds > 0
    assert price(study, "smoke").seconds < 60
    assert price(study, "desk").seconds < 15 * 60


@pytest.mark.parametrize("name", PAPERS)
def test_the_committed_claims_are_those_of_the_study(name):
    study, _ = find_study(name)
    found = from_json((RESULTS / "studies" / name / "claims.json").read_text())
    assert {key: verdict.claim for key, verdict in found.verdicts.items()} == {c.key: c.sentence for c in study.claims}
    versions = {
        experiment.name: f"version {experiment.version}, {experiment.precision}" for experiment in study.experiments
    }
    assert found.settings["experiments"] == versions, "run it again: python results/studies.py"


@pytest.mark.slow
@pytest.mark.parametrize("name", PAPERS)
def test_the_command_that_makes_the_results_runs(name, tmp_path):
    command = [sys.executable, str(RESULTS / "studies.py"), name, "--scale", "smoke", "--out", str(tmp_path / "out")]
    subprocess.run([*command, "--store", str(tmp_path / "store.sqlite")], check=True, timeout=300)
    folder = tmp_path / "out" / name
    result = json.loads((folder / "claims.json").read_text())
    study, _ = find_study(name)
    assert result["verdicts"].keys() == {claim.key for claim in study.claims}
    assert all(found["finished"] == found["expected"] for found in result["trials"].values()), result["trials"]
    for figure in study.figures:
        assert (folder / f"{figure.key}.png").stat().st_size > 5000
    for table in study.tables:
        assert (folder / f"{table.key}.csv").read_text().count("\n") > 1


@pytest.mark.parametrize("name", PAPERS)
def test_the_committed_rows_give_the_committed_verdicts(name):
    """Status and estimates are those of claims.json; intervals may be wider (repeats in the bootstrap are placed carefully), never
    narrower."""
    import pandas as pd

    study, _ = find_study(name)
    folder = RESULTS / "studies" / name
    known = from_json((folder / "claims.json").read_text())
    tables = {}
    for experiment in study.experiments:
        path = folder / f"rows-{experiment.name}.parquet"
        if path.is_file():
            tables[experiment.name] = pd.read_parquet(path)
            tables[experiment.name].attrs = {k: known.trials[experiment.name][k] for k in ("expected", "failed")}
    for claim in study.claims:
        found, told = claim(tables), known.verdicts[claim.key]
        assert found.status == told.status, claim.key
        pairs = list(zip(intervals(found.evidence), intervals(told.evidence), strict=True))
        assert pairs, claim.key
        for new, old in pairs:
            assert new.estimate == pytest.approx(old.estimate, rel=1e-6, nan_ok=True)
            width = old.high - old.low
            if not math.isfinite(width):
                assert (new.low, new.high) == pytest.approx((old.low, old.high), rel=1e-6)
                continue
            assert old.low - 0.05 * width <= new.low <= old.low + 1e-6 * width, claim.key
            assert old.high - 1e-6 * width <= new.high <= old.high + 0.05 * width, claim.key


def intervals(evidence) -> list[Interval]:
    """The intervals in a verdict's evidence, in the order of its keys."""
    if isinstance(evidence, Interval):
        return [evidence]
    if isinstance(evidence, Mapping):
        return [found for key in sorted(evidence) for found in intervals(evidence[key])]
    return []
