"""What answering costs where a server is paid by the token."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.core.card import Card
from harness.core.measurement import Measurement
from harness.models.capabilities import CountsSpending

NAME = "cost_per_1000_rows"
# Answered once more, and read off what the server counts meanwhile.
ROWS = 32
_PER = 1000
_MILLION = 1_000_000


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
