"""Run the papers' studies and write what is committed of them.

python results/studies.py                          # all studies at desk scale into results/studies/
python results/studies.py guan_failing_optima      # one of them
python results/studies.py --scale smoke --out DIR  # seconds a study, as continuous integration does

A folder a study: `claims.json` (the verdicts with their evidence), `claims.md` (the same as a table to read), the report's
tables as .csv, its figures as .png, and `rows-EXPERIMENT.parquet`, a row a trial, but for curves and paths and for what would
be over a megabyte. Trials are kept in a store (`--store`), so that an interrupted call goes on where it was. MNIST is looked
for in $ZEROLOSS_DATA. `python results/collect.py` then writes the tables of claims.
"""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LARGEST = 1_000_000
"""Bytes of a table of rows that is committed."""


def write(study: Any, result: Any, folder: Path, command: str) -> None:
    """The study's folder, anew."""
    from zeroloss.figures.files import write_figure

    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    said = json.loads(result.to_json())
    said["settings"] = {k: v for k, v in said["settings"].items() if k not in ("store", "rows left out")} | {
        "command": command
    }
    (folder / "claims.json").write_text(json.dumps(said, indent=1) + "\n")
    (folder / "claims.md").write_text(claims_page(study, result, command))
    for table in study.tables:
        if all(len(result.tables[name]) for name in table.needs):
            table.make(result.tables).to_csv(folder / f"{table.key}.csv", index=False, float_format="%.6g")
    for figure in study.figures:
        if all(len(result.tables[name]) for name in figure.needs):
            chart = figure.draw(result.tables)
            wide = chart.to_dict().get("width") == "container"
            if wide:
                write_figure(folder / f"{figure.key}.png", chart)
            else:
                import vl_convert

                (folder / f"{figure.key}.png").write_bytes(vl_convert.vegalite_to_png(chart.to_dict(), scale=2))
    for experiment in study.experiments:
        rows = result.tables[experiment.name].drop(columns=list(experiment.hidden), errors="ignore")
        rows.attrs = {}
        buffer = io.BytesIO()
        rows.to_parquet(buffer, index=False, compression="zstd")
        if len(buffer.getvalue()) <= LARGEST:
            (folder / f"rows-{experiment.name}.parquet").write_bytes(buffer.getvalue())


def claims_page(study: Any, result: Any, command: str) -> str:
    """The verdicts as a page."""
    trials = ", ".join(f"{name} {found['finished']:,}" for name, found in result.trials.items())
    lines = [
        f"# {study.title}",
        "",
        f"`{study.name}`, {result.scale} scale" + (f", after {study.after}." if study.after else "."),
        f"Made by `{command}` with zeroloss {result.settings['version']} on {result.settings['date']}; trials: {trials}.",
        "",
        "| claim | verdict | why | standing |",
        "|---|---|---|---|",
    ]
    for key, verdict in result.verdicts.items():
        cells = (verdict.claim, str(verdict.status), verdict.reason, result.standing[key])
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    lines += ["", *(f"- {note}" for note in study.notes), ""]
    for figure in study.figures:
        if all(len(result.tables[name]) for name in figure.needs):
            lines += [f"![{figure.title}]({figure.key}.png)", "", figure.caption_of(result.tables), ""]
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    """Run, judge, write."""
    from zeroloss.plumbing.progress import Bar
    from zeroloss.studies import PAPERS, Store, conclude, find_study, price, run

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(PAPERS))
    parser.add_argument("--scale", default="desk")
    parser.add_argument("--out", type=Path, default=HERE / "studies")
    parser.add_argument("--store", default="zeroloss-studies.sqlite")
    asked = parser.parse_args()
    store = Store(asked.store)
    for name in asked.names:
        study, _ = find_study(name)
        print(f"{name}: {price(study, asked.scale, store=store)}", flush=True)
        bar = Bar()
        try:
            done = run(study, asked.scale, store=store, progress=bar)
        finally:
            bar.close()
        print(done, flush=True)
        if done.interrupted:
            break
        result = conclude(study, asked.scale, store=store)
        write(study, result, asked.out / name, f"python results/studies.py {name} --scale {asked.scale}")
        for verdict in result.verdicts.values():
            print(f"  {verdict.status:<12} {verdict.claim}")
    store.close()


if __name__ == "__main__":
    main()
