"""Collect examinations into `results/examinations.csv`, and write README's table from it and from `results/studies/`.

python results/collect.py REPORT_FOLDER [REPORT_FOLDER ...]   # folders that `zeroloss examine DATA --out FOLDER` wrote
python results/collect.py                                     # only rewrite README's table
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
TABLE = HERE / "examinations.csv"
README = HERE.parent / "README.md"
HEADLINES = {
    "terjek_gonzalez_sanchez_width": (
        "Terjek & Gonzalez-Sanchez, 2205.13507",
        (
            "assumption",
            "rate-improves",
            "implicit-regularisation",
            "lazy",
            "generalisation-gap",
            "transfer-ntk",
            "certificate-kept",
        ),
    ),
    "guan_failing_optima": ("Guan, 2407.16872", ("zero-loss", "any-depth", "box-bound")),
    "kohler_krzyzak_squasher": (
        "Kohler & Krzyzak, 1912.03925",
        ("descent-reaches", "visited-tends", "flatter-on-equal-atoms", "smoothing-wins"),
    ),
    "kawaguchi_huang_size": (
        "Kawaguchi & Huang, 1908.02419",
        ("slope-1", "none-below", "all-fit", "natural-generalise", "random-do-not"),
    ),
    "brutzkus_globerson_xor": (
        "Brutzkus & Globerson, 1810.03037",
        ("small-net-errs", "large-net-right", "steps-within-bound", "gap", "many-beat-few", "centres-close-half"),
    ),
    "double_descent": (
        "Belkin et al., 1812.11118",
        ("peak-at-threshold", "second-descent", "twins-stay-useless"),
    ),
}
"""Of each study, who it is after and the claims that README shows; `results/studies/NAME/claims.md` has all."""
SHOWN = ("digits", "mnist")
"""Of the examinations, those that README shows; `examinations.csv` has all."""
FIELDS = (
    "data", "task", "n_train", "network", "fit_minimum", "fit_radius", "fit_test", "fit_low", "fit_high", "twin_minimum",
    "twin_radius", "twin_test", "twin_low", "twin_high", "fit_local", "twin_local", "reaches_ratio", "curve", "curve_reason",
    "command", "version", "date",
)  # fmt: skip


def row(folder: Path) -> dict[str, object]:
    """One examination as one row, read from its report.json."""
    found = json.loads((folder / "report.json").read_text())
    verdicts, numbers = found["verdicts"], found["numbers"]

    def status(name: str) -> str:
        return verdicts.get(name, {}).get("status", "")

    def radius(name: str) -> object:
        return verdicts.get(name, {}).get("evidence", {}).get("radius", "")

    values: dict[str, object] = {
        "data": found["data"]["name"],
        "task": found["data"]["task"],
        "n_train": found["data"]["n_train"],
        "network": found["network"]["description"],
        "fit_minimum": status("fit_minimum"),
        "twin_minimum": status("twin_minimum"),
        "fit_radius": radius("fit_minimum"),
        "twin_radius": radius("twin_minimum"),
        "fit_local": status("local_fit"),
        "twin_local": status("local_twin"),
        "reaches_ratio": verdicts["reaches"]["evidence"].get("ratio", ""),
        "curve": status("curve"),
        "curve_reason": verdicts.get("curve", {}).get("reason", ""),
        **{key: found["settings"].get(key, "") for key in ("command", "version", "date")},
    }
    for who, name in (("fit", "fitted"), ("twin", "twin")):
        scores = numbers.get(name, {})
        values |= {
            f"{who}_{end}": scores.get(key, "")
            for end, key in (("test", "test_score"), ("low", "test_lower"), ("high", "test_upper"))
        }
    return values


def merge(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """The rows of the csv with these put in, one a data set, in alphabetical order."""
    known = {}
    if TABLE.exists():
        with TABLE.open(newline="") as stream:
            known = {line["data"]: line for line in csv.DictReader(stream)}
    known |= {str(r["data"]): r for r in rows}
    merged = [known[name] for name in sorted(known)]
    with TABLE.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(merged)
    return merged


def score(task: object, value: object, low: object, high: object) -> str:
    """A test score with its 95 % interval."""
    if value == "":
        return "no test set"
    v, a, b = float(str(value)), float(str(low)), float(str(high))
    if task == "classification":
        return f"{100 * v:.1f} % [{100 * a:.1f}, {100 * b:.1f}]"
    return f"R² {v:.2f} [{a:.2f}, {b:.2f}]"


def table(rows: list[dict[str, object]]) -> str:
    """README's table of claims."""
    lines = [
        "| after | claim | command | verdict | figure | standing |",
        "|---|---|---|---|---|---|",
    ]
    for r in rows:
        if r["data"] not in SHOWN:
            continue
        fit = score(r["task"], r["fit_test"], r["fit_low"], r["fit_high"])
        twin = score(r["task"], r["twin_test"], r["twin_low"], r["twin_high"])
        name, command = r["data"], f"`{r['command']}`"
        if r["fit_radius"] != "":
            lines.append(
                f"| Kawaguchi & Huang, 1908.02419 | {name}: a global minimum lies within {_up(r['fit_radius'])} "
                f"of the fitted weights | {command} | "
                f"{r['fit_minimum']} | test {fit}; called local: {r['fit_local']} | ours |"
            )
        if r["twin_radius"] != "":
            lines.append(
                f"| Guan, 2407.16872 | {name}: one lies within {_up(r['twin_radius'])} "
                f"of its twin's weights | {command} | "
                f"{r['twin_minimum']} | test {twin}; called local: {r['twin_local']} | ours |"
            )
        if r["reaches_ratio"] not in ("", None):
            lines.append(
                f"| Terjek & Gonzalez-Sanchez, 2205.13507 | {name}: "
                f"descent on all weights reaches a global minimum | {command} | UNKNOWN | "
                f"short by a factor of {float(str(r['reaches_ratio'])):.1g} | ours (constants) |"
            )
    return "\n".join([*lines, *study_rows()])


def study_rows() -> list[str]:
    """A line for each headline of each study that has been run."""
    lines = []
    for name, (after, keys) in HEADLINES.items():
        path = HERE / "studies" / name / "claims.json"
        if not path.exists():
            continue
        found = json.loads(path.read_text())
        for key in keys:
            verdict = found["verdicts"][key]
            claim = verdict["claim"].replace("|", "\\|").rstrip(".")
            lines.append(
                f"| {after} | {claim} | `zeroloss study run {name}` | {verdict['status']} | "
                f"{measured(verdict['evidence'])} | {found['standing'][key]} |"
            )
    return lines


def measured(evidence: dict) -> str:
    """The estimate and its interval; of several, the one with the widest interval and how many there are."""
    found = intervals(evidence)
    if not found:
        return "see the report"
    shown = max(found, key=lambda i: float(i["high"]) - float(i["low"]))
    text = f"{shown['estimate']:.4g} [{shown['low']:.4g}, {shown['high']:.4g}]"
    return text if len(found) == 1 else f"{text}, the widest of {len(found)} intervals"


def intervals(evidence: object) -> list[dict]:
    """Every finite interval in the evidence."""
    if not isinstance(evidence, dict):
        return []
    if evidence.get("type") == "Interval":
        ends = (evidence["estimate"], evidence["low"], evidence["high"])
        return [evidence] if all(isinstance(end, int | float) for end in ends) else []
    return [interval for value in evidence.values() for interval in intervals(value)]


def _up(value: object) -> str:
    """Two digits, rounded up."""
    from decimal import ROUND_CEILING, Context, Decimal

    return f"{float(Context(prec=2, rounding=ROUND_CEILING).create_decimal(Decimal(float(str(value))))):.1e}"


def main() -> None:
    """Collect and rewrite."""
    rows = merge([row(Path(folder)) for folder in sys.argv[1:]])
    text = README.read_text()
    start, end = text.index("<!-- claims -->"), text.index("<!-- /claims -->")
    README.write_text(f"{text[:start]}<!-- claims -->\n\n{table(rows)}\n\n{text[end:]}")


if __name__ == "__main__":
    main()
