"""`check_same`: are these results about one data set and one network? Their hashes decide, and the error names what differs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zeroloss.plumbing import InputError

if TYPE_CHECKING:
    from zeroloss.verdict.identity import Identity

MODEL = ("model", "polished")
"""The roles of an `Identity` that are the trained model: polishing moves its weights, and a proof names both."""


def check_same(about: dict[str, Identity | None]) -> None:
    """Check that all results are about the same data and network.

    Equal must be: the training data; the test data, where there are any; the weights at the start; and, among results about the
    trained model, some network with another result (a proof is about the model as given and as polished). A certificate, which
    is about the start, must at least have the same architecture.

    Args:
        about: name of the result -> its `identity`.

    Raises:
        InputError: they differ, or one has no identity.
    """
    if len(about) < 2:
        return
    silent = [name for name, found in about.items() if found is None]
    if silent:
        raise InputError(
            f"{silent[0]} does not name its data and network, as an earlier version wrote it; make it again, or show it alone."
        )
    known: dict[str, Any] = dict(about)
    _data(known)
    _black_box(known)
    _start(known)
    _model(known)


def _data(about: dict[str, Any]) -> None:
    for key, what in (("sha256", "training"), ("test_sha256", "test")):
        have = [(name, found.data[key]) for name, found in about.items() if found.data.get(key)]
        for name, value in have[1:]:
            if value != have[0][1]:
                raise InputError(
                    f"{name} is about other {what} data than {have[0][0]} (their hashes differ); make both with the same data, scaled and "
                    "split alike."
                )


def _black_box(about: dict[str, Any]) -> None:
    closed = [n for n, found in about.items() if "model" in found.networks and "sha256" not in found.networks["model"]]
    other = [n for n, found in about.items() if n not in closed and {"start", *MODEL} & found.networks.keys()]
    if closed and (other or len(closed) > 1):
        raise InputError(
            f"{closed[0]} is about a black box, whose weights are not known, so that nothing shows it to be the model of "
            f"{(other or closed)[-1]}; show them on pages of their own."
        )


def _start(about: dict[str, Any]) -> None:
    starts = [(name, found.networks["start"]) for name, found in about.items() if "start" in found.networks]
    for name, network in starts[1:]:
        if network.get("sha256") != starts[0][1].get("sha256"):
            raise InputError(
                f"{name} is about a training that began at other weights than {starts[0][0]} (their hashes differ); make both with the "
                "same start."
            )
    for name, network in starts[:1]:
        for other, found in about.items():
            shapes = {found.networks[role].get("architecture") for role in MODEL if role in found.networks}
            if shapes and network.get("architecture") not in shapes:
                raise InputError(
                    f"{name} is about a network of another architecture than {other} (their hashes differ); make both of one network."
                )


def _model(about: dict[str, Any]) -> None:
    """Check that the results form one group, where two belong together if they share a network, directly or through others."""
    hashes = {
        name: {found.networks[role].get("sha256") for role in MODEL if role in found.networks}
        for name, found in about.items()
    }
    hashes = {name: found for name, found in hashes.items() if found}
    if not hashes:
        return
    first = next(iter(hashes))
    group, reached = {first}, set(hashes[first])
    while more := {name for name in hashes if name not in group and hashes[name] & reached}:
        group |= more
        reached |= set().union(*(hashes[name] for name in more))
    apart = [name for name in hashes if name not in group]
    if apart:
        raise InputError(
            f"{apart[0]} is about another network than {first} (their hashes differ); make both of the same model."
        )


def start_unknown(about: dict[str, Identity | None]) -> bool:
    """Whether results about a start and about a trained model are linked by the architecture alone."""
    found = [identity for identity in about.values() if identity is not None]
    starts = any("start" in identity.networks for identity in found)
    trained = any(role in identity.networks for identity in found for role in MODEL)
    linked = any("start" in identity.networks and "model" in identity.networks for identity in found)
    return starts and trained and not linked
