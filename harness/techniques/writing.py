"""Ways in which a text is written for a row: by a language model after a prompt, with examples or without, or by a fitted model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from harness.core.data import Dataset
from harness.core.writing import TURN, Writing
from harness.errors import CandidateError
from harness.models.capabilities import Converses, FitsTexts, Generates, KnowsContext
from harness.techniques.technique import Recipe
from harness.techniques.tuning import DoesNotApply

# Examples at most: each is read anew for every row.
MOST = 8
# Room is left for all rows but the longest twentieth, of whose prompts the beginning is cut off.
_SHARE = 0.95
_ROWS_LOOKED_AT = 500


class Author(Protocol):
    """Writes texts for rows of a task."""

    @property
    def recipe(self) -> Recipe:
        """Return what was chosen inside the training rows."""
        ...

    def write(self, rows: Sequence[int]) -> list[str]:
        """Return a text for each of some rows, by their positions in the task."""
        ...


@dataclass(frozen=True, slots=True)
class Scribe:
    """A language model that goes on from prompts, before each of which the `opening` stands, or a prompt's `own`."""

    model: Generates
    writing: Writing
    opening: str
    recipe: Recipe = field(default_factory=dict)
    own: Mapping[str, str] = field(default_factory=dict)

    def write(self, rows: Sequence[int]) -> list[str]:
        """Return what the model writes.

        Raises:
            CandidateError: it returns something else than a text for each prompt.
        """
        return check_texts(self.model.generate(self._prompts(rows), self.writing.limit, self.writing.stop), len(rows))

    def count_cut(self, rows: Sequence[int]) -> int | None:
        """Return how many prompts are longer than the model reads, None where it does not say."""
        if not isinstance(self.model, KnowsContext):
            return None
        return int((self.model.count_tokens(self._prompts(rows)) > self.model.context - self.writing.limit).sum())

    def _prompts(self, rows: Sequence[int]) -> list[str]:
        prompts = (self.writing.prompts[row] for row in rows)
        return [self.own.get(prompt, self.opening) + prompt for prompt in prompts]


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model after its last fit; valid until it is fitted again."""

    model: FitsTexts
    contents: Sequence[str]
    recipe: Recipe = field(default_factory=dict)

    def write(self, rows: Sequence[int]) -> list[str]:
        """Ask the model itself.

        Raises:
            CandidateError: it returns something else than a text for each row.
        """
        return check_texts(self.model.write_texts([self.contents[row] for row in rows]), len(rows))


def fit_author(technique: str, model: object, data: Dataset, rows: Sequence[int]) -> Author:
    """Return who writes by a technique, having learned from the given rows of a task alone.

    Raises:
        CandidateError: the model cannot do that, or the task wants no texts.
        DoesNotApply: its context has no room for an example.
    """
    writing, contents = writing_of(data), [str(one) for one in data.rows.inputs]
    if technique == "fit" and isinstance(model, FitsTexts):
        model.fit_texts([contents[row] for row in rows], [writing.references[row][0] for row in rows])
        return Fitted(model, contents)
    if technique == "fit" or not isinstance(model, Generates):
        what = "the model cannot be fitted to texts" if technique == "fit" else "the model does not write"
        hint = "give it `fit_texts` and `write_texts`" if technique == "fit" else "give it `generate`"
        raise CandidateError(what, where=f"technique {technique}", hint=f"{hint}, or use another technique")
    recipe: dict[str, str | int | float] = {"limit": writing.limit}
    if isinstance(model, Converses) and model.is_chat:
        recipe["prompt"] = TURN
    if technique == "prompted":
        return Scribe(model, writing, writing.opening, recipe)
    shown = _choose(model, writing, rows)
    # A row is not shown its own answer, wherever else the same is asked.
    own = {
        writing.prompts[row]: _open(writing, [one for one in shown if writing.prompts[one] != writing.prompts[row]])
        for row in shown
    }
    return Scribe(model, writing, _open(writing, shown), {"k": len(shown), **recipe}, own)


def _open(writing: Writing, shown: Sequence[int]) -> str:
    return writing.opening + "".join(map(writing.example, shown))


def writing_of(data: Dataset) -> Writing:
    """Return what is to be written.

    Raises:
        CandidateError: nothing is.
    """
    if data.writing is None:
        raise CandidateError("the task does not ask for texts", hint="take the kind generation")
    return data.writing


def _choose(model: Generates, writing: Writing, rows: Sequence[int]) -> list[int]:
    """Return the first of some rows in an order that is drawn, as many as there is room for beside a row and its answer.

    Raises:
        DoesNotApply: there is room for none.
    """
    order = np.random.default_rng(0).permutation(len(rows)).tolist()
    drawn = [rows[place] for place in order[: 4 * MOST]]
    if not isinstance(model, KnowsContext):
        return drawn[:MOST]
    looked = rows[:: max(1, len(rows) // _ROWS_LOOKED_AT)]
    row = int(np.quantile(model.count_tokens([writing.prompts[one] for one in looked]), _SHARE))
    opening = int(model.count_tokens([writing.opening])[0]) if writing.opening else 0
    room = model.context - opening - row - writing.limit - 1
    chosen: list[int] = []
    # Where one is too long a shorter one may still fit.
    for one, tokens in zip(drawn, model.count_tokens(list(map(writing.example, drawn))).tolist(), strict=True):
        if tokens <= room and len(chosen) < MOST:
            chosen.append(one)
            room -= tokens
    if not chosen:
        what = f"its context of {model.context} tokens has no room for an example beside a row and {writing.limit} new tokens"
        raise DoesNotApply(what, where="technique few-shot", hint="shorten the texts or write.limit, or leave the technique out")
    return chosen


def check_texts(found: object, rows: int) -> list[str]:
    """Return texts if they are what was asked for.

    Raises:
        CandidateError: they are no list with a text for each of so many rows.
    """
    texts = list(found) if isinstance(found, list | tuple) else None
    if texts is None or len(texts) != rows or not all(isinstance(one, str) for one in texts):
        strange = (
            type(found).__name__ if texts is None else next((type(t).__name__ for t in texts if not isinstance(t, str)), "str")
        )
        number = "" if texts is None else f"{len(texts)} of "
        what = f"{rows} texts are asked for, and {number}type {strange} came"
        raise CandidateError(what, hint="return a list with one str for each prompt, in their order")
    # Half a surrogate pair can be held by no file.
    return [one.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for one in texts]
