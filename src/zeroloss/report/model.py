"""The head of the page of one's own model: its headline, and the cards of the model and its twin, from the results given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zeroloss.report.cards import BADGES, Card
from zeroloss.report.text import at_most, interval, number, score, score_name
from zeroloss.verdict import Status, Verdict

if TYPE_CHECKING:
    from zeroloss.audit import Audit
    from zeroloss.report.findings import Results

Facts = list[tuple[str, str]]
_BADGES = {
    "fit_minimum": BADGES["minimum"],
    "fit_minimum_polished": f"{BADGES['minimum']}, polished",
    "fit_classified": BADGES["classified"],
    "fit_classified_polished": f"{BADGES['classified']}, polished",
    "local_fit": BADGES["local"],
}
_START_BADGES = {"exists": "zero loss exists", "reaches": "descent reaches it"}


def headline_of(results: Results) -> str:
    """One to four sentences, no more certain than the results."""
    parts = [_proof_sentence(results), _audit_sentence(results), _start_sentence(results), _twin_sentence(results)]
    return " ".join(part for part in parts if part)


def _proof_sentence(results: Results) -> str:
    proof = results.proof
    if proof is None:
        return ""
    if proof.status != Status.PROVED or proof.radius is None:  # a certificate read from a file has it as text
        return (
            "It is not proved that a global minimum of the squared training loss lies near the weights of this model."
        )
    infimum = proof.evidence.get("infimum") or 0.0
    level = "zero training loss" if infimum == 0 else f"the least possible squared training loss, about {infimum:.4g},"
    if infimum == 0 and proof.evidence.get("contradictory_groups"):  # positive, and smaller than any float64
        level = "the least possible squared training loss"
    moved = f", once polishing has moved them by {at_most(proof.moved)}" if proof.which == "polished" else ""
    return f"Provably, weights with {level} lie within {at_most(proof.radius)} of those of this model{moved}."


def _audit_sentence(results: Results) -> str:
    audit = results.audit
    if audit is None:
        return ""
    numbers, kind = audit.numbers, audit.task
    train, test = _scores(audit)
    who = _audited(results)
    if train is None and test is None:
        return f"{who} was audited, and some of its answers are not finite."
    if kind == "regression":
        found = f"has R² {score(train, kind)} on its training data"
        more = f" and {score(test, kind)} on new examples" if test is not None else ""
    else:
        found = f"is right on {score(train, kind)} of its training examples"
        more = f" and on {score(test, kind)} of new ones" if test is not None else ""
    tested = "" if test is not None or numbers.get("test_count") else "; it was not tested on new ones"
    return f"{who} {found}{more}{tested}. {_local_sentence(audit)}".strip()


def _audited(results: Results) -> str:
    """The model that the audit is about, as a subject of a sentence; a proof on the same page may be about polished weights."""
    proof, audit = results.proof, results.audit
    if proof is None:
        return "This model"
    known = [None if found is None or found.identity is None else found.identity.networks for found in (proof, audit)]
    if proof.which != "polished" or known[0] is None or known[1] is None or "polished" not in known[0]:
        return "It"
    polished = known[0]["polished"].get("sha256") == known[1].get("model", {}).get("sha256")
    return "The polished model" if polished else "The model as given"


def _local_sentence(audit: Audit) -> str:
    verdict = audit.verdicts.get("local")
    if verdict is None or audit.numbers.get("misfit"):
        return ""
    if verdict.status is Status.SUPPORTED:
        return "Its fit is local: it holds at the training points and not near them."
    if verdict.status is Status.CONTRADICTED and audit.trust_radius is not None:
        unit = str(audit.numbers.get("trust_unit") or "nearest-neighbour distances")
        return f"Its fit is not local: it holds up to {number(audit.trust_radius)} {unit} from the training points."
    return ""


def _start_sentence(results: Results) -> str:
    descent, certificate = results.descent, results.certificate
    parts = []
    if certificate is not None:
        reaches, exists = certificate.verdicts["reaches"].status, certificate.verdicts["exists"].status
        if reaches is Status.PROVED:
            parts.append("Before training it was proved that gradient descent reaches a global minimum.")
        elif exists is Status.PROVED:
            parts.append("Before training it was proved that zero loss exists, and not that descent reaches it.")
        elif exists is Status.REFUTED:
            parts.append("Before training it was proved that no weights have zero loss.")
        else:
            parts.append("Before training it was proved neither that zero loss exists nor that descent reaches it.")
    if descent is not None:
        where = f"a {descent.loss_name} loss of {number(float(descent.loss))} after {number(descent.steps)} steps"
        parts.append(f"Training ended at {where}.")
    return " ".join(parts)


def _twin_sentence(results: Results) -> str:
    twin = results.twin
    if twin is None:
        return ""
    value, kind = (twin.test_accuracy, "classification") if twin.test_r2 is None else (twin.test_r2, "regression")
    loss = "zero training loss" if twin.smallest_loss == 0 else "the least possible training loss"
    if value is None:
        return f"A network with {loss}, but for rounding, exists whose answers away from the training points were made wrong."
    which = "Another network" if results.model or results.certificate is not None else "A network"
    scored = f"is right on {score(value, kind)}" if kind != "regression" else f"has R² {score(value, kind)}"
    return f"{which} with {loss}, but for rounding, {scored} {'of' if kind != 'regression' else 'on'} new examples."


def cards_of(results: Results, verdicts: dict[str, Verdict]) -> list[Card]:
    """A card of the model (or, before training, of its start) and one of the twin, if their results are given."""
    cards = []
    if results.model:
        cards.append(_model_card(results, verdicts))
    elif results.certificate is not None:
        cards.append(_start_card(results, verdicts))
    if results.twin is not None:
        of = results.twin.identity is not None and "model" in results.twin.identity.networks
        title = "Its twin" if of and results.model else "A twin of a model" if of else "A twin of the data"
        cards.append(_twin_card(results.twin, title))
    return cards


def _model_card(results: Results, verdicts: dict[str, Verdict]) -> Card:
    audit, proof, descent = results.audit, results.proof, results.descent
    big, name, spread = "", "", ""
    if audit is not None:
        big, name, spread = _score_of(audit)
    elif proof is not None and proof.radius is not None:
        weights = "the polished weights" if proof.which == "polished" else "these weights"
        big, name = at_most(proof.radius), f"at most, from {weights} to a global minimum"
    elif descent is not None:
        big, name = number(float(descent.loss)), f"{descent.loss_name} training loss"
    facts = _audit_facts(audit) if audit is not None else []
    if proof is not None:
        facts += _proof_facts(proof, shown=audit is None)
    if descent is not None:
        facts += [("steps of training", f"{number(descent.steps)} ({descent.method})")]
    badges = [(key, str(verdicts[key].status), name) for key, name in _BADGES.items() if key in verdicts]
    return Card("fitted", "The model", big, name, spread, tuple(facts), tuple(badges))


def _scores(audit: Audit) -> tuple[float | None, float | None]:
    """Accuracy or R^2 on the training and on the test data."""

    def one(part: str) -> float | None:
        if audit.task == "regression":
            return audit.numbers.get(f"{part}_r2")
        error = audit.numbers.get(f"{part}_error")
        return None if error is None else 1 - error

    return one("train"), one("test")


def _score_of(audit: Audit) -> tuple[str, str, str]:
    """The large number of the card, its name, and its interval."""
    kind, (train, test) = audit.task, _scores(audit)
    regression = kind == "regression"
    if test is None:
        name = f"{score_name(kind)} on the training data" if regression else "of the training examples right"
        return score(train, kind), name, ""
    ends = audit.numbers.get("test_r2_interval" if regression else "test_error_interval")
    low, high = (None, None) if not ends else (ends[0], ends[1]) if regression else (1 - ends[1], 1 - ends[0])
    spread = interval(low, high, kind)
    name = f"{score_name(kind)} on new examples" if regression else "of new examples right"
    return score(test, kind), name, f"95{chr(0x202F)}% interval: {spread}" if spread else ""


def _audit_facts(audit: Audit) -> Facts:
    numbers, kind = audit.numbers, audit.task
    train, test = _scores(audit)
    what = score_name(kind)
    facts = [(f"{numbers.get('loss', '')} training loss".strip(), number(numbers.get("train_loss")))]
    facts.append((f"training {what}", score(train, kind)))
    if test is not None:
        counted = ""
        if kind != "regression" and numbers.get("test_count"):
            total = int(numbers["test_count"])
            counted = f" ({number(total - int(numbers['test_errors']))} of {number(total)})"
        facts.append((f"test {what}", score(test, kind) + counted))
    radius = "none" if audit.trust_radius is None else number(audit.trust_radius)
    unit = str(numbers.get("trust_unit") or "")
    return [*facts, ("trust radius", f"{radius} {unit}".strip() if audit.trust_radius is not None else radius)]


def _proof_facts(proof: Any, shown: bool) -> Facts:
    """The facts of a proof; `shown`: with the loss, which otherwise an audit shows."""
    facts: Facts = []
    loss = proof.evidence.get("training_loss")
    if shown and loss is not None:
        polished = ", polished" if proof.which == "polished" else ""
        facts.append((f"squared training loss{polished}", number(loss)))
    if proof.radius is not None:
        facts.append(
            (f"a global minimum within{', polished' if proof.which == 'polished' else ''}", at_most(proof.radius))
        )
    if proof.which == "polished":
        facts.append(("polishing moves the weights by", at_most(proof.moved)))
    return facts


def _start_card(results: Results, verdicts: dict[str, Verdict]) -> Card:
    certificate = results.certificate
    assert certificate is not None
    count = certificate.verdicts["generic"].evidence
    facts = [
        ("parameters", number(count.get("parameters"))),
        ("equations", number(count.get("equations"))),
        ("step of the prediction", number(certificate.step_size)),
    ]
    if certificate.curve["step"]:
        last = certificate.curve["step"][-1]
        facts.append((f"predicted loss at step {number(last)}", number(certificate.curve["loss"][-1])))
    badges = [(key, str(verdicts[key].status), name) for key, name in _START_BADGES.items() if key in verdicts]
    return Card(
        "fitted",
        "The network before training",
        number(certificate.largest_stable_step),
        "largest stable step of gradient descent, to first order",
        facts=tuple(facts),
        badges=tuple(badges),
    )


def _twin_card(twin: Any, title: str) -> Card:
    regression = twin.train_accuracy_float64 is None
    kind = "regression" if regression else "classification"
    value, base = (twin.test_r2, twin.base_test_r2) if regression else (twin.test_accuracy, twin.base_test_accuracy)
    facts = [("training loss above its least value", number(twin.train_loss_float64))]
    if not regression:
        facts.append(("training accuracy", score(twin.train_accuracy_float64, kind)))
    if base is not None:
        facts.append(("the answers it has elsewhere score", score(base, kind)))
    facts += [("hidden layers", number(twin.depth)), ("parameters", number(twin.parameters))]
    name = f"{score_name(kind)} on new examples" if regression else "of new examples right"
    known = value is not None
    return Card("twin", title, score(value, kind) if known else "", name if known else "", facts=tuple(facts))
