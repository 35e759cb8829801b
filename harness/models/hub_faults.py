"""What goes wrong at the Hub, in words a user can act on."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator

from harness.core.card import Card
from harness.core.secrets import redact
from harness.errors import BenchError, CandidateError, Unavailable

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_LIE = "the Hub's answer cannot be understood"


@contextlib.contextmanager
def understood(where: str) -> Iterator[None]:
    """Turn an answer of a shape that no Hub gives into an error that says so."""
    from huggingface_hub import errors  # noqa: PLC0415 - only where a card names the Hub

    try:
        yield
    except errors.HFValidationError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, AssertionError) as error:
        raise CandidateError(_LIE, where=where, hint="check HF_ENDPOINT, or the proxy between") from error


@contextlib.contextmanager
def explained(card: Card, where: str) -> Iterator[None]:
    """Turn what a download may raise into what a user can act on."""
    from harness.models.connection import httpx  # noqa: PLC0415 - as above

    try:
        yield
    except (OSError, ValueError, httpx.HTTPError, httpx.InvalidURL) as error:
        raise _explain(card, where, error) from error


def _explain(card: Card, where: str, error: Exception) -> BenchError:
    from huggingface_hub import errors  # noqa: PLC0415 - as above

    if isinstance(error, errors.GatedRepoError):
        what = "its repository is gated: the license must be accepted on the Hub first"
        return Unavailable(what, where=where, hint=f"accept it on https://huggingface.co/{card.source}, then `hf auth login`")
    if isinstance(error, errors.RepositoryNotFoundError | errors.RevisionNotFoundError):
        what = "the Hub has no such repository or revision, or shows it to its members only"
        return Unavailable(what, where=where, hint="mend source or revision in the card; for a private one, `hf auth login`")
    if isinstance(error, errors.HfHubHTTPError):
        return _explain_status(where, error.response.status_code)
    if isinstance(error, OSError):
        return _explain_disk(where, error)
    what = f"{_LIE}: {type(error).__name__}"
    return CandidateError(what, where=where, hint="try again; check HF_ENDPOINT, or the proxy between")


def _explain_status(where: str, status: int) -> BenchError:
    if status in {401, 403}:
        what = f"the Hub does not let this account read its repository (HTTP {status})"
        return Unavailable(what, where=where, hint="`hf auth login`, with a token that may read it")
    return Unavailable(
        f"the Hub refuses to give its weights (HTTP {status})", where=where, hint="check source and revision in the card"
    )


def _explain_disk(where: str, error: OSError) -> BenchError:
    reason = os.strerror(error.errno).lower() if error.errno else ""
    elsewhere = "let HF_HOME name a folder on another disk"
    if error.errno in _FULL:
        what = f"its weights cannot be written: {reason}; what was half fetched is removed"
        return Unavailable(what, where=where, hint=f"make room, or {elsewhere}; then fetch again")
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        what = f"its weights cannot be written: {reason}"
        return Unavailable(what, where=str(error.filename or where), hint=f"{elsewhere}, one that you may write to")
    first = next(iter(str(error).splitlines()), "")
    what = f"its weights could not be fetched: {redact(first)[:200] or type(error).__name__}"
    return CandidateError(what, where=where, hint="try again; check HF_ENDPOINT, or the proxy between")
