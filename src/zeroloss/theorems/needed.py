"""What theory requires before training, against what there is: a tidy table made from a certificate."""

from __future__ import annotations

from zeroloss.theorems.certify import Certificate

COLUMNS = ("quantity", "value", "needed", "unit", "standing", "sentence", "relation")


def needed_table(certificate: Certificate, widths: list[int] | tuple[int, ...] = ()) -> dict[str, list]:
    """One row per quantity: `value` (what there is), `needed`, and on which side of it (`relation`) it has to be.

    `widths`: of the hidden layers, where they are known; without them there is no row for the width.
    """
    rows = []
    exists, generic = certificate.verdicts["exists"].evidence, certificate.verdicts["generic"].evidence
    if "readout_weights_per_output" in exists:
        sentence = "The proof by the read-out needs as many read-out weights per output as distinct inputs."
        rows.append(
            (
                "read-out weights per output",
                exists["readout_weights_per_output"],
                exists["distinct_inputs"],
                "weights",
                "ours",
                sentence,
                "at least",
            )
        )
    sentence = "With fewer parameters than equations almost every target is missed (nothing follows for these)."
    rows.append(("parameters", generic["parameters"], generic["equations"], "numbers", "paper", sentence, "at least"))
    theorem = certificate.theorem
    needed = certificate.verdicts["reaches"].evidence.get("width_asked_for")
    if theorem is not None and needed is not None and len(widths):
        sentence = "For gradient descent on all weights to be PROVED to converge (composite theorem); an extrapolation, not a proof."
        rows.append(("width", max(widths), float(needed), "units", "ours", sentence, "at least"))
    sentence = "Gradient descent on the linearised model is stable below 2 n/lambda_max."
    rows.append(("step size", certificate.step_size, certificate.largest_stable_step, "", "ours", sentence, "at most"))
    return {name: [row[i] for row in rows] for i, name in enumerate(COLUMNS)}
