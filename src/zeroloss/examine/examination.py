"""`Examination`: the result of an examination, from which the report is made."""

from __future__ import annotations

import dataclasses
from typing import Any

from zeroloss.verdict import Record, Verdict


@dataclasses.dataclass(frozen=True)
class Examination(Record):
    """The results of `zeroloss examine` on one data set and one network, for JSON and for the page.

    Only plain values: numbers, strings, lists, dicts and verdicts. What is missing is left out, and `report` names it.

    Attributes:
        title: of the page, such as "digits: what zero training loss means here".
        data: `name`, `task` ("classification" or "regression"), `n_train`, `n_test`, `in_size`, `out_size`, and where
            they apply `classes`, `source`, `repeated_inputs`, ...
        network: `description` (one line), and `width`, `depth`, `activation`, `parametrization`, `parameters`, ...
        verdicts: in reading order. Names the page knows: "fit_minimum", "fit_classified", "twin_minimum",
            "twin_classified", "local_fit", "local_twin", "exists", "generic", "reaches", "curve", "lazy"; others are
            shown under their own name.
        headline: one or two sentences: the most striking of what is certain.
        tables: column name -> values, one dict per table, all columns of one length:

            - "loss": step, loss, curve ("measured" | "predicted")
            - "spectrum": index (from 1), eigenvalue, kind
            - "widths": width, parameters, seed, train_error, test_error, train_loss; an error is the share of wrong
              answers, in regression 1 - R^2
            - "slice": position (0 at training point A, 1 at B), network ("fitted" | "twin"), output
            - "digits": image, row, column, value (grey level), label, fitted, twin; one row per pixel
            - "examples" (data without pictures): label, fitted, twin; one row per test example
            - "trust": t (in nearest-neighbour distances), score (accuracy or R^2), lower, upper,
              network ("fitted" | "twin" | "reference")
            - "measures": measure, unit, formula, meaning, caveat, fitted, fitted_lower, fitted_upper, twin, twin_lower,
              twin_upper; None where a number is not known
            - "theory": quantity, value, needed, unit, standing ("paper" | "recalled" | "ours"), sentence, and
              optionally relation ("at least", the default, or "at most")
        numbers: scalars and small dicts of them:

            - "fitted" and "twin": dicts with any of train_loss, train_score, test_score, test_lower, test_upper
              (the 95 % interval), test_correct, test_total; a score is accuracy in [0, 1] or R^2; no "twin" if none
              was made
            - "chance": the score of a guess that ignores the input, where it is known
            - "lambda_min_lower", "lambda_min_upper": enclosure of the full kernel's smallest eigenvalue
            - "step_size", "equations", "infimum"
            - "slice": {label_a, label_b, output_name, target_a, target_b}
            - "seconds": {stage: seconds}
            - "absent": {table name or "twin": why it was not made}
            - "not_known": {question: what stays open and why, in a sentence}, for a model that was given trained
        settings: `command`, `version`, `seed`, `date`, and what else is needed to repeat this; nothing about the machine.
        seconds: of the whole examination.
    """

    title: str
    data: dict[str, Any]
    network: dict[str, Any]
    verdicts: dict[str, Verdict]
    headline: str
    tables: dict[str, dict[str, list]] = dataclasses.field(default_factory=dict)
    numbers: dict[str, Any] = dataclasses.field(default_factory=dict)
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    seconds: float = 0.0
