"""`--assume NAME=VALUE`: assumptions for a theorem, read and checked."""

from __future__ import annotations

from typing import Any

from zeroloss.plumbing import InputError


def parse_assumptions(given: list[str]) -> dict[str, Any]:
    """`["atoms=100", "design=random"]` as names and checked values.

    Raises:
        InputError: a text of another form, a name given twice, or a value out of its range.
    """
    from zeroloss.theorems.assumptions import check_assumptions

    assumed: dict[str, Any] = {}
    for text in given:
        name, sign, value = (part.strip() for part in text.partition("="))
        if not sign or not name or not value:
            raise InputError(f"--assume {text}: write it as NAME=VALUE, such as atoms=100.")
        if name in assumed:
            raise InputError(f"--assume {name} is given twice; leave one of them out.")
        assumed[name] = _value(value)
    return check_assumptions(assumed)


def _value(text: str) -> Any:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float) if text.isascii() and "_" not in text else ():
        try:
            return kind(text)
        except ValueError:
            continue
    return text
