"""What earlier versions wrote, brought to the form that this one reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

Document = dict[str, Any]


def _as_written(document: Document) -> Document:
    """Take over a form whose keys all still mean the same; what was added since has a default."""
    return document


def _with_evidence(document: Document) -> Document:
    """Name the predictions as the first form did: by a hash of the trial as it was written."""
    written = json.dumps(document.get("trial"), separators=(",", ":"), ensure_ascii=False)
    return document | {"evidence": hashlib.sha256(written.encode(errors="surrogatepass")).hexdigest()[:16]}


# form -> (the next form, what leads to it)
_STEPS: Mapping[str, tuple[str, Callable[[Document], Document]]] = {
    "bench.run/1": ("bench.run/2", _as_written),
    "bench.record/1": ("bench.record/2", _with_evidence),
}


def upgrade(document: object) -> object:
    """Return a document in the newest form, step by step; what is none, or is of no known form, is returned as it is.

    >>> upgrade({"format": "bench.run/1", "run": "a"})
    {'format': 'bench.run/2', 'run': 'a'}
    """
    while isinstance(document, dict) and isinstance(document.get("format"), str) and document["format"] in _STEPS:
        form, step = _STEPS[document["format"]]
        document = step(document) | {"format": form}
    return document


def is_newer(document: object, kind: str, version: int) -> bool:
    """Tell whether a document of a kind (`bench.run`) was written by a later version of bench.

    >>> is_newer({"format": "bench.run/9"}, "bench.run", 2)
    True
    """
    form = str(document.get("format", "")) if isinstance(document, dict) else ""
    name, _, number = form.partition("/")
    return name == kind and number.isdecimal() and int(number) > version
