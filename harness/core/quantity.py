"""Durations and sizes as people write them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from harness.errors import WorkspaceError

_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_BYTES = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12, "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}
_FORM = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s*([a-zA-Z]*)", re.ASCII)
_DURATION_HINT = "write a number with s, m, h or d, such as 90s, 10m or 1.5h"
_SIZE_HINT = "write a number with MB, GB, MiB or GiB, such as 800MB or 4GB"


def parse_duration(text: str, where: str = "") -> float:
    """Return seconds; a bare number is seconds.

    >>> parse_duration("10m"), parse_duration("1.5h"), parse_duration("90")
    (600.0, 5400.0, 90.0)

    Raises:
        WorkspaceError: the text is not a positive duration.
    """
    return _parse(text, _SECONDS, "s", where=where, hint=_DURATION_HINT)


def parse_size(text: str, where: str = "") -> int:
    """Return bytes; a bare number is megabytes.

    >>> parse_size("4GB"), parse_size("1.5 MiB"), parse_size("800")
    (4000000000, 1572864, 800000000)

    Raises:
        WorkspaceError: the text is not a positive size.
    """
    return max(1, round(_parse(text, _BYTES, "mb", where=where, hint=_SIZE_HINT)))


def _parse(text: str, units: Mapping[str, int], default: str, *, where: str, hint: str) -> float:
    found = _FORM.fullmatch(text.strip())
    factor = units.get(found[2].lower() or default) if found else None
    if found is None or factor is None or float(found[1]) == 0:
        raise WorkspaceError(f'"{text[:40]}" is not a positive quantity', where=where, hint=hint)
    return float(found[1]) * factor
