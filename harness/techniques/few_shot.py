"""Few-shot: a language model is asked for the class of a row after rows whose class it is shown; no weight changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from harness.core.wording import BETWEEN, Wording
from harness.models.capabilities import Generates, KnowsContext, LogLikelihood
from harness.techniques.asking import Asking, longest_answer, wording_of
from harness.techniques.replies import BY, Choosing, Heard, list_classes
from harness.techniques.tuning import DoesNotApply

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.core.data import Input
    from harness.techniques.inputs import Inputs

# Examples at most, or one of each class where these are more.
MOST = 32
# Room is left for all rows but the longest twentieth, of whose prompts the beginning is cut off.
_SHARE = 0.95
_ROWS_LOOKED_AT = 500


class FewShot:
    """Shows examples of every class in turn, as many as the model's context has room for beside the row.

    A model that only writes is told the classes, too, and what it replies is matched with them.

    Source: Brown et al. 2020, section 2.4.
    """

    def __init__(self) -> None:
        """Begin without a reply."""
        self._heard = Heard()

    def fit(self, inputs: Inputs, rows: NDArray[np.int64], labels: NDArray[np.int64], classes: int) -> Asking | Choosing:
        """Draw the examples from the given rows; the same ones every time.

        Raises:
            CandidateError: the model is no language model.
            DoesNotApply: its context has no room for an example.
        """
        wording, model = wording_of(inputs, classes, "few-shot")
        order = take_turns(labels)
        given: list[Input] = [inputs.raw[rows[place]] for place in order]
        texts = [wording.example(row, int(labels[place])) + BETWEEN for row, place in zip(given, order, strict=True)]
        chosen = _choose(texts, wording, model, _look(inputs, rows))
        begins = wording.opening if isinstance(model, LogLikelihood) else list_classes(wording)
        shown = {given[place]: place for place in chosen}
        opening = begins + "".join(texts[place] for place in chosen)
        own = {row: begins + "".join(texts[other] for other in chosen if given[other] != row) for row in shown}
        if not isinstance(model, LogLikelihood):
            return Choosing(wording, model, classes, {"k": len(chosen), "answers": BY}, opening, self._heard, own=own)
        recipe = {"k": len(chosen), "normalize": wording.normalize}
        return Asking(wording, model, classes, recipe, opening, own=own)


def take_turns(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return positions of rows, drawn: one of each class in turn as long as it has any, the classes in another order each time.

    >>> import numpy as np
    >>> labels = np.array([0, 0, 0, 1, 1])
    >>> sorted(labels[take_turns(labels)[:4]].tolist())
    [0, 0, 1, 1]
    """
    draw = np.random.default_rng(0)
    shuffled = draw.permutation(len(labels))
    order = shuffled[np.argsort(labels[shuffled], kind="stable")]
    ordered = labels[order]
    turn = np.arange(len(labels)) - np.searchsorted(ordered, ordered)
    return order[np.lexsort((draw.random(len(labels)), turn))]


def _look(inputs: Inputs, rows: NDArray[np.int64]) -> list[Input]:
    """Return rows, of many only some."""
    return [inputs.raw[row] for row in rows[:: max(1, len(rows) // _ROWS_LOOKED_AT)].tolist()]


def _choose(texts: Sequence[str], wording: Wording, model: LogLikelihood | Generates, rows: Sequence[Input]) -> list[int]:
    """Return the first examples for which there is room, in their order.

    Raises:
        DoesNotApply: there is room for none.
    """
    most = min(len(texts), max(MOST, len(wording.words)))
    if not isinstance(model, KnowsContext):
        return list(range(most))
    row = int(np.quantile(model.count_tokens([wording.prompt(one) for one in rows]), _SHARE))
    begins = wording.opening if isinstance(model, LogLikelihood) else list_classes(wording)
    opening = int(model.count_tokens([begins])[0]) if begins else 0
    room = model.context - opening - row - longest_answer(wording, model, rows) - 1
    chosen: list[int] = []
    # Where one is too long a shorter one may still fit.
    for place, tokens in enumerate(model.count_tokens(texts[: 4 * most]).tolist()):
        if tokens <= room and len(chosen) < most:
            chosen.append(place)
            room -= tokens
    if not chosen:
        what = f"its context of {model.context} tokens has no room for an example beside a row"
        raise DoesNotApply(
            what, where="technique few-shot", hint="shorten the texts or the instruction, or leave the technique out"
        )
    return chosen
