"""Collects examinations into `results/examinations.csv`, and writes the tables of claims from it and from `results/studies/`.

python results/collect.py REPORT_FOLDER [REPORT_FOLDER ...]   # folders that `zeroloss examine DATA --out FOLDER` wrote
python results/collect.py                                     # only the tables; `make results` does this

There are two tables, each between `<!-- claims -->` and `<!-- /claims -->`: eight claims in README.md, and the headlines of every
study and examination in results/README.md.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
TABLE = HERE / "examinations.csv"
ROOT = HERE.parent
HEADLINES = {
    "terjek_gonzalez_sanchez_width": (
        "Terjek & Gonzalez-Sanchez, 2205.13507",
        (
            "assumption",
            "rate-improves",
            "implicit-regularisation",
            "lazy",
            "lazy-exactly",
            "generalisation-gap",
            "transfer-ntk",
            "certificate-kept",
        ),
    ),
    "guan_failing_optima": (
        "Guan, 2407.16872",
        ("zero-loss", "any-depth", "box-bound", "regression-tends-to-zero-predictor"),
    ),
    "kohler_krzyzak_squasher": (
        "Kohler & Krzyzak, 1912.03925",
        ("descent-reaches", "visited-tends", "flatter-on-equal-atoms", "smoothing-wins"),
    ),
    "kawaguchi_huang_size": (
        "Kawaguchi & Huang, 1908.02419",
        ("slope-1", "none-below", "enough-at-two", "all-fit", "natural-generalise", "random-do-not"),
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
"""Of each study, the paper it is after and the claims in results/README.md; `results/studies/NAME/claims.md` has all."""
SHOWN = ("digits", "mnist")
"""The examinations in results/README.md; `examinations.csv` has all."""
FEATURED = (
    (
        "[Terjék & González-Sánchez](docs/papers/terjek.md)",
        "terjek_gonzalez_sanchez_width",
        "lazy-exactly",
        "Linearisation error and kernel drift fall like width^-1/2 and not faster (log-log slope)",
    ),
    (
        "[Guan](docs/papers/guan.md)",
        "guan_failing_optima",
        "regression-tends-to-zero-predictor",
        "A network of sharp bumps fits a smooth function at every node; its L2 error is within 10 % of that of predicting 0 (ratio)",
    ),
    (
        "[Kohler & Krzyżak](docs/papers/kohler.md)",
        "kohler_krzyzak_squasher",
        "flatter-on-equal-atoms",
        "On equally likely atoms the interpolating network's error falls more slowly than the minimax rate (log-log slope)",
    ),
    (
        "[Kawaguchi & Huang](docs/papers/kawaguchi.md)",
        "kawaguchi_huang_size",
        "enough-at-two",
        "With two parameters per equation some start reaches zero loss in at least nine of ten problems (share)",
    ),
    (
        "[Brutzkus & Globerson](docs/papers/brutzkus.md)",
        "brutzkus_globerson_xor",
        "small-net-errs",
        "With two filters, descent reaches zero loss and errs on other patterns with probability 33/48, to 0.01 (share)",
    ),
    (
        "[Belkin et al.](docs/papers/double_descent.md)",
        "double_descent",
        "second-descent",
        "With 10 and 20 % of the labels wrong, the test error falls again beyond the interpolation threshold (fall)",
    ),
)
"""The rows of README.md after the two of the digits: paper, study, claim, and the claim in short. One claim per paper."""
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


def stored() -> list[dict[str, object]]:
    """The rows of the csv."""
    if not TABLE.exists():
        return []
    with TABLE.open(newline="") as stream:
        return list(csv.DictReader(stream))


def merge(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """The rows of the csv with these put in, one per data set, in alphabetical order."""
    known = {r["data"]: r for r in stored()} | {str(r["data"]): r for r in rows}
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


def featured(rows: list[dict[str, object]]) -> str:
    """README's table: the digits and their twin, and the most surprising claim of each paper."""
    lines = ["| after | claim | verdict | figure [95 %] | standing |", "|---|---|---|---|---|"]
    (digits,) = (r for r in rows if r["data"] == "digits")
    for who, of in (("fit", "a fitted network"), ("twin", "its twin")):
        right = score(digits["task"], *(digits[f"{who}_{part}"] for part in ("test", "low", "high")))
        lines.append(
            f"| `examine digits` | A global minimum lies within {_up(digits[f'{who}_radius'])} of the weights of {of} | "
            f"{digits[f'{who}_minimum']} | test {right} | ours |"
        )
    for paper, study, key, claim in FEATURED:
        found = _claims(study)
        verdict = found["verdicts"][key]
        figure = widest(intervals(verdict["evidence"]), form="#.3g")
        lines.append(f"| {paper} | {claim} | {verdict['status']} | {figure} | {found['standing'][key]} |")
    return "\n".join(lines)


def table(rows: list[dict[str, object]]) -> str:
    """The table of results/README.md: the headlines of every examination shown and of every study that has been run."""
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
    """One line for each headline of each study that has been run."""
    lines = []
    for name, (after, keys) in HEADLINES.items():
        if not _path(name).exists():
            continue
        found = _claims(name)
        for key in keys:
            verdict = found["verdicts"][key]
            claim = verdict["claim"].replace("|", "\\|").rstrip(".")
            lines.append(
                f"| {after} | {claim} | `zeroloss study run {name}` | {verdict['status']} | "
                f"{measured(verdict['evidence'])} | {found['standing'][key]} |"
            )
    return lines


def _path(study: str) -> Path:
    return HERE / "studies" / study / "claims.json"


def _claims(study: str) -> dict:
    return json.loads(_path(study).read_text())


def measured(evidence: dict) -> str:
    """The estimate and its interval; of several, the one with the widest interval and how many there are."""
    found = intervals(evidence)
    if not found:
        return "see the report"
    text = widest(found)
    return text if len(found) == 1 else f"{text}, the widest of {len(found)} intervals"


def widest(found: list[dict], form: str = ".4g") -> str:
    """The estimate with the widest interval."""
    shown = max(found, key=lambda i: float(i["high"]) - float(i["low"]))
    return "{estimate:{form}} [{low:{form}}, {high:{form}}]".format(**shown, form=form)


def intervals(evidence: object) -> list[dict]:
    """Every finite interval in the evidence that was judged: the `interval` beside the `range` it must lie in.

    Others are there for information, such as the places between which a slope was estimated.
    """
    if not isinstance(evidence, dict):
        return []
    if "range" in evidence and "interval" in evidence:
        found = evidence["interval"]
        ends = (found["estimate"], found["low"], found["high"])
        return [found] if all(isinstance(end, int | float) for end in ends) else []
    return [interval for value in evidence.values() for interval in intervals(value)]


def _up(value: object) -> str:
    """Two digits, rounded up."""
    from decimal import ROUND_CEILING, Context, Decimal

    return f"{float(Context(prec=2, rounding=ROUND_CEILING).create_decimal(Decimal(float(str(value))))):.1e}"


def tables(rows: list[dict[str, object]]) -> dict[Path, str]:
    """Each page that has a table of claims, with the text it should have."""
    found = {}
    for path, made in ((ROOT / "README.md", featured(rows)), (HERE / "README.md", table(rows))):
        text = path.read_text(encoding="utf-8")
        start, end = text.index("<!-- claims -->"), text.index("<!-- /claims -->")
        found[path] = f"{text[:start]}<!-- claims -->\n\n{made}\n\n{text[end:]}"
    return found


def main() -> None:
    """Collect and rewrite."""
    rows = merge([row(Path(folder)) for folder in sys.argv[1:]])
    for path, text in tables(rows).items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
