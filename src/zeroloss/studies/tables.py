"""From the store to tidy tables: for claims and figures, and as files for others."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zeroloss.plumbing import InputError, write_whole
from zeroloss.plumbing.files import check_free
from zeroloss.studies.plan import Overrides, cells
from zeroloss.studies.store import DONE, FAILED, Store
from zeroloss.studies.study import SCALES, Experiment, Study

FORMATS = (".csv", ".parquet")


def tables(
    study: Study,
    scale: str = "desk",
    *,
    store: Store,
    overrides: Overrides | None = None,
    only: Sequence[str] = (),
) -> dict[str, Any]:
    """The finished trials of a scale, one DataFrame per experiment: axes, `seed`, metrics; one row per trial.

    Exactly the trials of the scale (with its overrides), of the experiments' present versions, in the
    order of the grid. `attrs` of each table: `expected`, `failed` and `reasons` (of failures, with their numbers),
    `edited`: how many rows were made before the trial's source was edited (raise `version` if that changed its meaning).
    """
    import pandas as pd

    wanted = cells(study, scale, overrides, only)
    found = {}
    for experiment in {cell.experiment.name: cell.experiment for cell in wanted}.values():
        own = [cell for cell in wanted if cell.experiment.name == experiment.name]
        rows = {row["key"]: row for row in store.rows(study.name, experiment.name, experiment.version)}
        planned = [(cell, seed, key) for cell in own for seed, key in enumerate(cell.keys(study.name))]
        done = [
            {**cell.parameters, "seed": seed, **rows[key]["metrics"]}
            for cell, seed, key in planned
            if key in rows and rows[key]["status"] == DONE
        ]
        table = pd.DataFrame(done, columns=None if done else [*experiment.axes, "seed"])
        failures = [rows[key]["reason"] for _, _, key in planned if key in rows and rows[key]["status"] == FAILED]
        code = experiment.code
        edited = sum(rows[key]["code"] not in ("", code) for _, _, key in planned if key in rows) if code else 0
        table.attrs = {
            "expected": len(planned), "failed": len(failures), "reasons": _counted(failures), "edited": edited
        }  # fmt: skip
        found[experiment.name] = table
    return found


def _counted(reasons: Sequence[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for reason in reasons:
        counts[reason] = counts.get(reason, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def everything(study: Study, experiment: Experiment, store: Store) -> Any:
    """All finished and failed rows of an experiment's present version, of whatever scale: a DataFrame with
    the axes, seed, metrics, status, reason, seconds, version, software (its version), code (see `Experiment.code`), finished (UTC)."""
    import pandas as pd

    rows = store.rows(study.name, experiment.name, experiment.version)
    rows.sort(key=lambda row: ([str(type(v)) + str(v) for v in row["parameters"].values()], row["seed"]))
    kept = ("status", "reason", "seconds", "software", "code", "finished")
    return pd.DataFrame(
        [
            {**row["parameters"], "seed": row["seed"], **row["metrics"]}
            | {"version": experiment.version}
            | {name: row[name] for name in kept}
            for row in rows
        ]
    )


def left_out(study: Study, store: Store) -> dict[str, int]:
    """Rows that stay out because their experiment has another version now, or is gone: their number by name."""
    present = {(experiment.name, experiment.version) for experiment in study.experiments}
    return {
        f"{name}, version {version}": count
        for (name, version), count in sorted(store.versions(study.name).items())
        if (name, version) not in present
    }


def export(
    study: Study, path: Path, *, store: Store, only: Sequence[str] = (), scale: str | None = None, force: bool = False
) -> list[tuple[Path, int]]:
    """Write the rows as .csv or .parquet: one file for one experiment, `name-experiment.csv` for several.

    Args:
        scale: only the finished trials of this scale; by default every row there is, the failed ones too.

    Returns:
        The files and their numbers of rows.

    Raises:
        InputError: another ending, a file that exists, nothing to write.
    """
    path = Path(path)
    if path.suffix not in FORMATS:
        raise InputError(f"{path}: rows are written as {' or '.join(FORMATS)}; end the name in one of them.")
    if scale is not None and scale not in SCALES:
        raise InputError(f"there is no scale {scale!r}; choose {', '.join(SCALES)}.")
    experiments = [study.experiment(name) for name in only] or list(study.experiments)
    if scale is None:
        found = {experiment.name: everything(study, experiment, store) for experiment in experiments}
    else:
        found = tables(study, scale, store=store, only=[experiment.name for experiment in experiments])
    found = {name: table for name, table in found.items() if len(table)}
    if not found:
        raise InputError(f"the store {store.shown} has no rows of {study.name}; run the study first.")
    one = len(experiments) == 1
    files = {name: path if one else path.with_name(f"{path.stem}-{name}{path.suffix}") for name in found}
    for file in files.values():
        check_free(file, force=force)
    return [(write_table(file, found[name], force=force), len(found[name])) for name, file in files.items()]


def write_table(path: Path, table: Any, *, force: bool = False) -> Path:
    """A DataFrame as .csv (lists as JSON) or .parquet, whole or not at all."""
    import json

    table = table.copy()
    table.attrs = {}
    if path.suffix == ".parquet":
        buffer = io.BytesIO()
        table.to_parquet(buffer, index=False)
        return write_whole(path, buffer.getvalue(), force=force)
    for name in table.columns:
        if table[name].map(lambda value: isinstance(value, list)).any():
            table[name] = table[name].map(lambda value: json.dumps(value) if isinstance(value, list) else value)
    return write_whole(path, table.to_csv(index=False, lineterminator="\n"), force=force)
