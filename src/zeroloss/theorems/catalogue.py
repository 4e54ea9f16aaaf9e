"""All cards: `cards`, `find_card`, and `check`, which checks them on a problem."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from zeroloss.plumbing import InputError, Progress
from zeroloss.theorems import (
    brutzkus_globerson,
    guan,
    kawaguchi_huang,
    kohler_krzyzak,
    supporting,
    terjek_gonzalez_sanchez,
)
from zeroloss.theorems.card import Card, CardResult
from zeroloss.theorems.facts import Facts

_ROOMS = (terjek_gonzalez_sanchez, kawaguchi_huang, guan, kohler_krzyzak, brutzkus_globerson, supporting)
_CARDS: tuple[Card, ...] = tuple(card for room in _ROOMS for card in room.CARDS)


def cards() -> tuple[Card, ...]:
    """Every card, paper by paper."""
    return _CARDS


def find_card(key: str) -> Card:
    """The card of that key.

    Raises:
        InputError: there is none.
    """
    for card in _CARDS:
        if card.key == key:
            return card
    close = difflib.get_close_matches(key, [card.key for card in _CARDS], n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    raise InputError(f"there is no card {key!r}; {hint}Choose one of {', '.join(card.key for card in _CARDS)}.")


def check(
    network: Any,
    data: Any = None,
    keys: Sequence[str] | None = None,
    *,
    progress: Progress | None = None,
    **options: Any,
) -> dict[str, CardResult]:
    """Check every card (or those of `keys`) on a network and its training data.

    Args:
        network: at the weights that are judged; None: only what follows from the data.
        data: a `Dataset`, or a pair `(x, y)`.
        options: what may be assumed; see `Card.options`. One that none of the chosen cards takes is refused.

    Raises:
        InputError: an unknown key or option, or a network that does not fit.
    """
    chosen = _CARDS if keys is None else tuple(find_card(key) for key in keys)
    known = {name for card in chosen for name in card.options}
    for name in options:
        if name not in known:
            raise InputError(
                f"none of these cards takes {name!r}; what may be assumed: {', '.join(sorted(known)) or 'nothing'}."
            )
    facts = Facts(network, data, options, progress)
    return {card.key: card.judge(facts) for card in chosen}
