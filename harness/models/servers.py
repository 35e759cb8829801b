"""Whether a server may be called, and with which key; light, so that a run can be planned by it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping

from harness.core.candidate import Registered
from harness.core.card import Card
from harness.core.trust import Trust
from harness.errors import CandidateError, Unavailable

# What a header can hold of a key: signs of ASCII that are seen.
_KEY = re.compile(r"[!-~]+")


def check_leave(card: Card, trust: Trust, *, offline: bool, is_own: bool, environ: Mapping[str, str] | None = None) -> None:
    """Accept a server only if the user lets rows leave this machine, and its key is here.

    A card that is not the user's own may name no key: it would be sent wherever that card says.

    Raises:
        Unavailable: it may not be called now.
        CandidateError: the card asks for what it may not have.
    """
    environ = os.environ if environ is None else environ
    variable = card.remote.key_variable if card.remote else ""
    where = f"card {card.name}, key remote"
    if variable and not is_own:
        what = f"a card of an add-on asks for the key in {variable}, to send it to {card.host}"
        raise CandidateError(what, where=where, hint="copy the card into your own workspace if you trust it")
    if offline:
        what = f"it runs at {card.host}, and --offline calls no server"
        raise Unavailable(what, where=where, hint="leave --offline out")
    if not trust.remote:
        what = f"it runs at {card.host}, and rows would leave this machine"
        raise Unavailable(what, where=where, hint="if they may, give --allow-remote")
    if variable and not environ.get(variable):
        what = f"the variable {variable}, which is to hold its key, is not set"
        raise Unavailable(what, where=f"{where}.key_variable", hint=f"set it: export {variable}=…")
    if variable and not _KEY.fullmatch(environ[variable]):
        what = f"the variable {variable} holds no key: there are blanks, line ends or signs beyond ASCII in it"
        raise Unavailable(what, where=f"{where}.key_variable", hint=f"set it to the key alone: export {variable}=…")


def key_of(candidate: Registered, environ: Mapping[str, str] | None = None) -> str:
    """Return the key that a candidate's server asks for, empty where it asks for none; no plugin is handed one."""
    environ, remote = os.environ if environ is None else environ, candidate.card.remote
    return environ.get(remote.key_variable, "") if remote and remote.key_variable and not candidate.is_plugin else ""


def tell_sent(cards: Iterable[Card], trust: Trust) -> str:
    """Return the sentence for the report that says whose rows were sent where, empty if none were."""
    names = [f"{card.name} ({card.host})" for card in cards if card.host and trust.remote]
    return f"Rows left this machine, as --allow-remote permits, for: {', '.join(names)}" if names else ""
