"""What a technique learns from: features of every row, or the rows themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.core.data import Input, are_sentences, place_words
from harness.core.table import Mean, Table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.core.wording import Wording
    from harness.models.capabilities import Entails, Fits, FitsLabels, FitsNumbers, FitsTags, Generates, LogLikelihood


@dataclass(frozen=True, slots=True)
class Inputs:
    """All rows of a task as one model sees them.

    For a model that embeds, `features` holds a table `(n, d) float32` a view: its layers, then their mean where there are several.
    For a model that fits or is asked, `raw` holds the rows and `model` is the model itself. `prompts` are vectors `(phrases, d)` of
    what each class is in words, `sides` those of the first and of the second text of every pair, `(n, d)` each. `wording` is how
    rows are put to a language model, `hypotheses` are what a row may entail, some for each class. Where rows are sentences,
    `features` are those of all words, `words` says how many each sentence has, and `names` what their tags are called.
    """

    features: NDArray[np.float32] | tuple[Table, ...]
    raw: Sequence[object] = ()
    model: Fits | FitsLabels | FitsNumbers | FitsTags | Generates | LogLikelihood | Entails | None = None
    prompts: tuple[NDArray[np.float32], ...] = ()
    wording: Wording | None = None
    hypotheses: tuple[tuple[str, ...], ...] = ()
    sides: tuple[NDArray[np.float32], ...] = ()
    words: tuple[int, ...] = ()
    names: tuple[str, ...] = ()

    @classmethod
    def of_layers(cls, layers: NDArray[np.float32], rows: Sequence[Input] = ()) -> Inputs:
        """Take `(layers, n, d)` and add the mean over layers as one more view; nothing is copied.

        Features of words need the sentences that these stand in.
        """
        words = tuple(map(len, rows)) if are_sentences(rows) else ()
        return cls((*layers, Mean(layers)) if len(layers) > 1 else layers, words=words)

    def places(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return where the features of some rows stand: at the row's position, or at those of its words."""
        return place_words(self.words, rows)

    @property
    def output(self) -> Table:
        """Return the features that the model itself gives, those of its last layer."""
        return self.features[self.views - 2 if self.views > 1 else 0]

    @property
    def views(self) -> int:
        """Return how many views of each row there are."""
        return len(self.features)

    def view_name(self, view: int) -> str:
        """Say which layer a view is, counted from 1; of words not every layer is kept."""
        layers = self.views - 1 if self.views > 1 else 1
        kept = f"{layers} kept" if self.words else f"{layers}"
        return f"{view + 1} of {kept}" if view < layers else f"mean of {kept}"


class Chosen(Sequence[Any]):
    """A view of some rows of a sequence, in the given order; nothing is copied, and lazy rows stay lazy."""

    def __init__(self, rows: Sequence[object], where: Sequence[int]) -> None:
        """Keep the sequence and the positions."""
        self._rows = rows
        self._where = where

    def __len__(self) -> int:
        """Return the number of chosen rows."""
        return len(self._where)

    def __getitem__(self, position: Any) -> Any:  # noqa: ANN401 - slices are not asked for, so their type is not told apart
        """Return one of them."""
        return self._rows[self._where[position]]

    def __iter__(self) -> Iterator[Any]:
        """Go through them."""
        return (self._rows[i] for i in self._where)
