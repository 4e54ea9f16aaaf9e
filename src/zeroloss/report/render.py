"""`render`, `write_report`: an examination, or single results, as one HTML file that makes no request."""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib.resources
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zeroloss.plumbing import InputError, write_whole
from zeroloss.report import text
from zeroloss.report.cards import cards, chance, evidence, verdict_title
from zeroloss.report.findings import Findings, Results, gather
from zeroloss.report.sections import sections, sections_there

if TYPE_CHECKING:
    from zeroloss.audit import Audit
    from zeroloss.descent import Descent
    from zeroloss.minima import Twin
    from zeroloss.prove import Proof, ProofCertificate
    from zeroloss.report.findings import Shown
    from zeroloss.theorems import Certificate

_NAMES = {
    "n_train": "training examples",
    "n_test": "test examples",
    "in_size": "inputs",
    "out_size": "outputs",
    "sha256": "SHA-256",
    "test_sha256": "SHA-256 of the test data",
}


def render(examination: Shown) -> str:
    """The report of an `Examination`, or of `Findings` (`zeroloss.report.gather`), as the text of one HTML file.

    The page makes no request: scripts, styles and data are inside, and its content security policy forbids any
    request, as well as any script but the two it came with (by their hashes). Takes about 3 s the first time, for
    bundling Vega.
    """
    single = isinstance(examination, Findings)
    made = sections_there(examination) if single else sections(examination)
    called = str(examination.numbers.get("called") or "fitted network")
    return page(
        "page.html.j2",
        {section.key: section.spec for section in made if section.spec is not None},
        examination=examination,
        sections=made,
        kind="report" if single else "examination",
        sources=examination.sources if isinstance(examination, Findings) else (),
        cards=list(examination.cards) if isinstance(examination, Findings) else cards(examination),
        chance=chance(examination),
        verdicts=[(key, verdict_title(key, called), v, evidence(v)) for key, v in examination.verdicts.items()],
        settings=_facts(examination.settings),
        data=_facts(examination.data),
        network=_facts(examination.network),
        stages=[(str(k), text.seconds(v)) for k, v in (examination.numbers.get("seconds") or {}).items()],
        total=text.seconds(examination.seconds),
        text=text,
    )


def page(template: str, specs: dict[str, Any], **context: Any) -> str:
    """A template of `report/page` filled in, with the figures' specifications, styles and scripts inside."""
    import jinja2
    from markupsafe import Markup

    scripts = [bundle(), _resource("page.js")]
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("zeroloss.report", "page"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(
        **context,
        specs=Markup(script_json(specs)),
        style=Markup(_resource("page.css")),
        scripts=[Markup(text) for text in scripts],
        hashes=" ".join(f"'sha256-{_digest(text)}'" for text in scripts),
    )


def write_report(
    path: str | os.PathLike,
    examination: Shown | None = None,
    force: bool = False,
    *,
    certificate: Certificate | None = None,
    descent: Descent | None = None,
    proof: Proof | ProofCertificate | None = None,
    audit: Audit | None = None,
    twin: Twin | None = None,
    settings: dict[str, Any] | None = None,
) -> Path:
    """Writes the page of an examination, or of results on one's own model, to `path`, whole or not at all.

    Args:
        examination: everything at once, from `zeroloss.examine`; or leave it out and give any of
        certificate, descent, proof, audit, twin: the results of `zeroloss.certify`, `descend`, `prove`, `audit` and
            `zeroloss.minima.construct_twin`, live or read back (`from_json`). What is missing is left out of the page.
        settings: shown under "How to repeat this".

    Raises:
        InputError: the file exists (and `force` is off), or cannot be written; no result; results of different data or networks,
            which are named.
    """
    results = Results(certificate, descent, proof, audit, twin)
    if examination is None:
        examination = gather(results, settings)
    elif results.given or settings:
        raise InputError("give write_report an examination or single results, not both.")
    return write_whole(path, render(examination), force=force)


@functools.cache
def bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script that sets `window.vegaEmbed`, in the version for which Altair writes."""
    import vl_convert
    from altair.utils._importers import vl_version_for_vl_convert

    text = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version_for_vl_convert())
    return text.replace("</script", "<\\/script")


def script_json(value: Any) -> str:
    """JSON that may stand in a script element: no sequence in it ends or comments the element."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _facts(found: dict[str, Any]) -> list[tuple[str, str]]:
    """(name, value) pairs as text; dicts as JSON."""

    def shown(value: Any) -> str:
        if isinstance(value, list | tuple):
            return ", ".join(shown(item) for item in value[:20]) + (", …" if len(value) > 20 else "")
        return json.dumps(value, default=str) if isinstance(value, dict) else text.number(value)

    found = found | {"seed": str(found["seed"])} if found.get("seed") is not None else found
    return [(_NAMES.get(key, str(key).replace("_", " ")), shown(v)) for key, v in found.items() if v is not None]


def _resource(name: str) -> str:
    return importlib.resources.files("zeroloss.report").joinpath("page", name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
