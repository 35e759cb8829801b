"""Tokens and keys: kept out of logs, records, reports, and processes that have no need of them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

_NAMES = re.compile(r"(TOKEN|KEY|SECRET|PASSWORD|PASSWD|CREDENTIAL)", re.IGNORECASE)
_FORMS = re.compile(
    r"hf_[A-Za-z0-9]{16,}|sk-[A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|AKIA[A-Z0-9]{16}"
    r"|(?<=[Bb]earer )[A-Za-z0-9._~+/=-]{8,}|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"
)
_SHORTEST = 8
_BLOT = "[secret]"


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables whose names do not look like those of tokens, keys or passwords."""
    return {name: value for name, value in environ.items() if not _NAMES.search(name)}


def redact(text: str, environ: Mapping[str, str] | None = None) -> str:
    """Blot out what has the form of a token, and the values of variables that hold one.

    >>> redact("Authorization: Bearer abcdefghij", {})
    'Authorization: Bearer [secret]'
    """
    environ = os.environ if environ is None else environ
    for name, value in environ.items():
        if len(value) >= _SHORTEST and _NAMES.search(name):
            text = text.replace(value, _BLOT)
    return _FORMS.sub(_BLOT, text)
