"""Numbers declared to be proved bounds: for the files of this package alone (an import contract keeps the others out)."""

from __future__ import annotations

from zeroloss.verified.bound import KEY, Lower, Upper


def proved_lower(value: float) -> Lower:
    """`value` as a proved lower bound."""
    bound = Lower(value, KEY)
    assert isinstance(bound, Lower)
    return bound


def proved_upper(value: float) -> Upper:
    """`value` as a proved upper bound."""
    bound = Upper(value, KEY)
    assert isinstance(bound, Upper)
    return bound
