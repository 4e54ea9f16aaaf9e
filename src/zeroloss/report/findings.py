"""`gather`: the content of the page of one's own model, from any of a certificate, a descent, a proof, an audit and a twin."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from zeroloss.plumbing import InputError
from zeroloss.report.match import check_same, start_unknown
from zeroloss.verdict import Verdict

if TYPE_CHECKING:
    from zeroloss.audit import Audit
    from zeroloss.descent import Descent
    from zeroloss.minima import Twin
    from zeroloss.prove import Proof, ProofCertificate
    from zeroloss.report.cards import Card
    from zeroloss.theorems import Certificate

START = (
    "Whether the model was trained from the weights that the certificate is about: their architecture is the same, and no result "
    "here names both (an audit with initial= does, and a descent)."
)


class Shown(Protocol):
    """The attributes that the page needs: those of an `Examination`, or of `Findings`."""

    @property
    def title(self) -> str: ...
    @property
    def data(self) -> dict[str, Any]: ...
    @property
    def network(self) -> dict[str, Any]: ...
    @property
    def verdicts(self) -> dict[str, Verdict]: ...
    @property
    def headline(self) -> str: ...
    @property
    def tables(self) -> dict[str, dict[str, list]]: ...
    @property
    def numbers(self) -> dict[str, Any]: ...
    @property
    def settings(self) -> dict[str, Any]: ...
    @property
    def seconds(self) -> float: ...


@dataclasses.dataclass(frozen=True)
class Results:
    """The results from which a page is made; any may be missing. `names`: the name of each in errors and on the page."""

    certificate: Certificate | None = None
    descent: Descent | None = None
    proof: Proof | ProofCertificate | None = None
    audit: Audit | None = None
    twin: Twin | None = None
    names: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def given(self) -> dict[str, Any]:
        """The results that are given, by name."""
        order = ("certificate", "descent", "proof", "audit", "twin")
        found = {name: getattr(self, name) for name in order}
        return {self.names.get(name, f"the {name}"): result for name, result in found.items() if result is not None}

    @property
    def model(self) -> bool:
        """Whether some result is about the trained model itself."""
        return any(result is not None for result in (self.descent, self.proof, self.audit))

    @property
    def task(self) -> str:
        """The task of the data; "" where no result has it."""
        return str(self.data.get("task") or "")

    @property
    def data(self) -> dict[str, Any]:
        """The facts known about the data."""
        found: dict[str, Any] = {} if self.audit is None else {"name": self.audit.name, "task": self.audit.task}
        for result in self.given.values():
            if result.identity is not None:
                found = result.identity.data | found
        return found

    @property
    def network(self) -> dict[str, Any]:
        """The facts known about the model, or (without one) about the network at its start, or the twin."""
        roles = ("model", "polished", "start", "twin") if self.model or self.certificate is not None else ("twin",)
        known = [result.identity.networks for result in self.given.values() if result.identity is not None]
        for role in roles:
            for networks in known:
                if role in networks:
                    return {key: value for key, value in networks[role].items() if key != "architecture"}
        return {}


@dataclasses.dataclass(frozen=True)
class Findings:
    """The content of the page of one's own model: the fields of an `Examination`, with `cards` and `sources` (names of results)."""

    title: str
    data: dict[str, Any]
    network: dict[str, Any]
    verdicts: dict[str, Verdict]
    headline: str
    tables: dict[str, dict[str, list]]
    numbers: dict[str, Any]
    settings: dict[str, Any]
    cards: tuple[Card, ...]
    sources: tuple[str, ...]
    seconds: float = 0.0


def gather(results: Results, settings: dict[str, Any] | None = None) -> Findings:
    """The content of one page from the given results.

    Raises:
        InputError: no result; results about different data or networks (`zeroloss.report.match`); a descent of several seeds.
    """
    from zeroloss.report.model import cards_of, headline_of

    given = results.given
    if not given:
        raise InputError("a report needs a result; give it at least one of certificate, descent, proof, audit, twin.")
    about = {name: result.identity for name, result in given.items()}
    check_same(about)
    if results.descent is not None and results.descent.seeds is not None:
        raise InputError(
            "the descent is of several seeds, and a report shows one network; descend without seeds=, or with that of one."
        )
    verdicts, data = _verdicts(results), results.data
    name = f"{data['name']}: " if data.get("name") else ""
    what = (
        "the model" if results.model else "the network before training" if results.certificate is not None else "a twin"
    )
    numbers = _numbers(results)
    if start_unknown(about):
        numbers["not_known"]["start"] = START
    title = f"{name}what is known of {what}"
    return Findings(
        title=title if name else title[:1].upper() + title[1:],
        data=data,
        network=results.network,
        verdicts=verdicts,
        headline=headline_of(results),
        tables=_tables(results),
        numbers=numbers,
        settings=(settings or {}) | ({} if results.audit is None else {"seed of the audit": results.audit.key}),
        cards=tuple(cards_of(results, verdicts)),
        sources=tuple(given),
    )


def _verdicts(results: Results) -> dict[str, Verdict]:
    """The verdicts in reading order: proof, audit, certificate; the predicted curve only where descent has run."""
    found: dict[str, Verdict] = {}
    proof, audit, certificate = results.proof, results.audit, results.certificate
    if proof is not None:
        key = "fit_minimum_polished" if proof.which == "polished" else "fit_minimum"
        found[key] = Verdict(proof.claim, proof.status, proof.reason, proof.evidence)
        for name, verdict in classifications(proof).items():
            found[f"fit_{name}"] = verdict
    if audit is not None:
        found |= {{"local": "local_fit"}.get(name, name): v for name, v in audit.verdicts.items() if name != "lazy"}
    if certificate is not None:
        found |= {name: v for name, v in certificate.verdicts.items() if name != "curve"}
        curve = _curve_verdict(results)
        if curve is not None:
            found["curve"] = curve
    if audit is not None and "lazy" in audit.verdicts:
        found["lazy"] = audit.verdicts["lazy"]
    return found


def classifications(proof: Proof | ProofCertificate) -> dict[str, Verdict]:
    """The verdicts on classification of a proof, or of its certificate, by name."""
    if hasattr(proof, "verdicts"):
        return dict(proof.verdicts)
    both = {"classified": proof.classified, "classified_polished": proof.classified_polished}
    return {name: verdict for name, verdict in both.items() if verdict is not None}


class _Table:
    """The prediction of a certificate that was read from a file: its table, at the steps that are in it."""

    def __init__(self, curve: dict[str, list]):
        self.known = dict(zip(curve["step"], curve["loss"], strict=True))

    def loss(self, steps: np.ndarray, step_size: float) -> np.ndarray:
        return np.array([self.known[int(step)] for step in steps])


def _predicted(results: Results) -> tuple[Any, Any]:
    """The certificate with its prediction, and the descent at the steps that have one; None where they do not compare."""
    certificate, descent = results.certificate, results.descent
    if certificate is None or descent is None or descent.method != "gradient" or descent.loss_name != "squared":
        return None, None
    size = descent.step_size
    if not isinstance(size, int | float):
        return None, None
    if not math.isclose(size, certificate.step_size, rel_tol=1e-12):  # the table is for that step size
        return (None, None) if certificate.prediction is None else (certificate, descent)
    table = _Table(certificate.curve)
    keep = [i for i, step in enumerate(descent.history["step"]) if step in table.known]
    history = {name: [column[i] for i in keep] for name, column in descent.history.items()}
    return (
        dataclasses.replace(certificate, prediction=table),
        dataclasses.replace(descent, history=history),
    )


def _curve_verdict(results: Results) -> Verdict | None:
    from zeroloss.theorems import judge_curve

    certificate, descent = _predicted(results)
    if certificate is None or len(descent.history["step"]) < 3:
        return None
    return judge_curve(certificate, descent)


def _tables(results: Results) -> dict[str, dict[str, list]]:
    from zeroloss.theorems.needed import needed_table

    tables: dict[str, dict[str, list]] = {}
    audit, certificate = results.audit, results.certificate
    if certificate is not None or results.descent is not None:
        tables["loss"] = _loss(results)
    if audit is not None:
        curve = _drawable(audit)
        names = ["fitted"] * len(curve.get("t", []))
        tables["trust"] = {name: list(curve.get(name, [])) for name in ("t", "score", "lower", "upper")} | {
            "network": names
        }
        tables["measures"] = _measures(audit)
    if certificate is not None:
        networks = {} if certificate.identity is None else certificate.identity.networks
        tables["theory"] = needed_table(certificate, networks.get("start", {}).get("widths", []))
    return {name: table for name, table in tables.items() if any(map(len, table.values()))}


def _drawable(audit: Audit) -> dict[str, list]:
    """The trust curve; empty for a regression whose whole curve is below the floor of the figure (R^2 of -1)."""
    low = audit.task == "regression" and all(score is None or score <= -1 for score in audit.trust.get("score", []))
    return {} if low else audit.trust


def _loss(results: Results) -> dict[str, list]:
    """Measured and predicted loss; the prediction alone where descent has not run."""
    certificate, descent = results.certificate, results.descent
    table: dict[str, list] = {"step": [], "loss": [], "curve": []}

    def add(steps: Any, losses: Any, name: str) -> None:
        for step, loss in zip(steps, losses, strict=True):
            if math.isfinite(loss):
                table["step"].append(int(step))
                table["loss"].append(float(loss))
                table["curve"].append(name)

    if descent is None:
        assert certificate is not None
        add(certificate.curve["step"], certificate.curve["loss"], "predicted")
        return table
    add(descent.history["step"], descent.history["loss"], "measured")
    with_prediction, compared = _predicted(results)
    if with_prediction is not None:
        steps = np.array(compared.history["step"])
        add(steps, with_prediction.prediction.loss(steps, compared.step_size), "predicted")
    return table


def _measures(audit: Audit) -> dict[str, list]:
    from zeroloss.audit.catalogue import CATALOGUE

    names = ("measure", "unit", "formula", "meaning", "caveat", "fitted", "fitted_lower", "fitted_upper")
    table: dict[str, list] = {name: [] for name in names}
    for m in audit.measures:
        if m.value is None:
            continue
        title = CATALOGUE[m.name].title if m.name in CATALOGUE else m.name
        ends = (None, None) if m.interval is None else m.interval
        for name, value in zip(names, (title, m.unit, m.formula, m.meaning, m.caveat, m.value, *ends), strict=True):
            table[name].append(value)
    return table


def _numbers(results: Results) -> dict[str, Any]:
    audit, certificate, descent = results.audit, results.certificate, results.descent
    numbers: dict[str, Any] = {"called": "model", "not_known": {}}
    if descent is not None and isinstance(descent.step_size, int | float):
        numbers["step_size"] = descent.step_size
    elif certificate is not None and descent is None:
        numbers["step_size"] = certificate.step_size
    if audit is not None:
        numbers["trust_unit"] = audit.numbers.get("trust_unit")
        numbers["not_known"] |= {k: f"{why[:1].upper()}{why[1:]}." for k, why in audit.numbers.get("open", {}).items()}
    return numbers
