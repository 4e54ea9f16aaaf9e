"""`read_results`: results that the commands wrote with `--out` or `--json`, read back by type."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from zeroloss.plumbing import InputError
from zeroloss.plumbing.plain import read_text
from zeroloss.report.findings import Results
from zeroloss.verdict import from_json

ROLES = {
    "Certificate": "certificate",
    "Descent": "descent",
    "Proof": "proof",
    "ProofCertificate": "proof",
    "Audit": "audit",
    "Twin": "twin",
}
WRITES = (
    "zeroloss certify, prove and audit write such a file with --out, descend and twin print one with --json, and examine writes "
    "report.json"
)


def read_results(paths: list[str | os.PathLike]) -> Results | Any:
    """The results in these files, at most one of each kind; or the `Examination` in a single file.

    A proof's certificate is refused if it was changed after it was written; nothing else is verified.

    Raises:
        InputError: a file that is missing or holds something else; two results of one kind; an examination beside other results.
    """
    found: dict[str, Any] = {}
    names: dict[str, str] = {}
    for path in paths:
        result = _read(Path(path))
        name = type(result).__name__
        if name == "Examination":
            if len(paths) > 1:
                raise InputError(f"{path} is a whole examination; make its report from it alone.")
            return result
        role = ROLES[name]
        if role in found:
            what = {"audit": "an audit"}.get(role, f"a {role}")
            raise InputError(f"{names[role]} and {path} each hold {what}; a page shows one: leave one out.")
        found[role], names[role] = result, str(path)
    return Results(**found, names=names)


def _read(path: Path) -> Any:
    try:
        text = read_text(path)
    except FileNotFoundError as error:
        raise InputError(f"there is no file {path}; {WRITES}.") from error
    except InputError as error:
        raise InputError(f"{str(error).rstrip('.')}; {WRITES}.") from error
    try:
        result = from_json(text)
    except InputError as error:
        raise InputError(f"{path} holds no result ({str(error).rstrip('.')}); {WRITES}.") from error
    name = type(result).__name__
    if name == "ProofCertificate":
        return _unchanged(path)
    if name not in (*ROLES, "Examination"):
        raise InputError(f"{path} holds a {name}, of which there is no page; {WRITES}.")
    return result


def _unchanged(path: Path) -> Any:
    from zeroloss.prove import load_certificate
    from zeroloss.verified.certificate import text_mismatch

    certificate = load_certificate(path)
    mismatch = text_mismatch(certificate)
    if mismatch:
        raise InputError(f"{path} is refused: {mismatch}")
    return certificate
