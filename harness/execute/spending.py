"""What answering costs where a server is paid by the token, and what its replies lack."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.core.card import Card
from harness.core.measurement import Measurement
from harness.models.capabilities import CountsSpending, Spent

NAME = "cost_per_1000_rows"
# Answered once more, and read off what the server counts meanwhile.
ROWS = 32
_PER = 1000
_MILLION = 1_000_000


def spent_by(model: object) -> Spent:
    """Return what all calls of a model's server took so far, nothing where it has none."""
    return model.spent() if isinstance(model, CountsSpending) else Spent()


def note_silent(model: object, before: Spent) -> tuple[str, ...]:
    """Say how many replies since then ended at the limit of tokens before any text, and what gives them room."""
    after = spent_by(model)
    silent, calls = after.silent - before.silent, after.calls - before.calls
    what = f"{silent:,} of {calls:,} replies ended at the limit before any text"
    room = "a model that thinks first needs `body: {max_completion_tokens: 2000}` or more under `remote` in its card"
    return (f"{what}; {room}",) if silent else ()


def measure_cost(card: Card, model: object, answer: Callable[[Sequence[int]], object], rows: int) -> list[Measurement]:
    """Return what 1,000 rows of the task cost, in the currency of the card's prices; nothing where none are stated.

    `answer` takes positions below `rows`, of which the first few are answered. A server that counts no tokens has no such figure.
    """
    price = card.remote.price if card.remote else None
    if price is None or not isinstance(model, CountsSpending) or not rows:
        return []
    asked, before = range(min(rows, ROWS)), model.spent()
    answer(asked)
    after = model.spent()
    sent, written = after.input_tokens - before.input_tokens, after.output_tokens - before.output_tokens
    if not sent + written:
        return []
    value = _PER * (sent * price.input + written * price.output) / _MILLION / len(asked)
    each = f"{sent / len(asked):.4g} tokens sent and {written / len(asked):.4g} written a row"
    conditions = f"{price.currency}, {each}, at the prices of its card"
    return [Measurement(name=NAME, value=value, unit=price.currency, better="lower", n=len(asked), conditions=conditions)]
