"""Rows of a task in memory, and how they are divided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.core.corpus import Corpus
from harness.core.entities import ragged, tag_names, type_of
from harness.core.kinds import Target

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.core.wording import Wording
    from harness.core.writing import Writing

# Values fall into so many parts by their size, which are divided evenly as classes are.
_PARTS = 10


class Pair(NamedTuple):
    """Two texts that are judged together: a premise and a hypothesis, two questions."""

    first: str
    second: str


class Sentence(tuple[str, ...]):
    """Words, each of which has a tag."""

    __slots__ = ()


class Choice(NamedTuple):
    """A question with the answers that it leaves the choice among."""

    question: str
    options: tuple[str, ...]


Input = str | bytes | Pair | Sentence | Choice
# The number of a class, those of all labels in ascending order, those of the words' tags in their order, or a value.
Label = int | tuple[int, ...] | float


def size_of(row: Input) -> int:
    """Return how long a row is: characters of its text or texts, or bytes.

    >>> size_of("abc"), size_of(Pair("abc", "de")), size_of(Choice("abc", ("d", "ef")))
    (3, 5, 6)
    """
    if isinstance(row, Choice):
        return len(row.question) + sum(map(len, row.options))
    return sum(map(len, row)) if isinstance(row, Pair | Sentence) else len(row)


def are_pairs(rows: Sequence[object]) -> bool:
    """Tell whether rows are pairs of texts; a table holds rows of one kind."""
    return bool(rows) and isinstance(rows[0], Pair)


def are_sentences(rows: Sequence[object]) -> bool:
    """Tell whether rows are sentences of words; a table holds rows of one kind."""
    return bool(rows) and isinstance(rows[0], Sentence)


def count_answers(rows: Sequence[Input]) -> int:
    """Return how many answers rows have: one each, or one for each word of a sentence."""
    return sum(map(len, rows)) if are_sentences(rows) else len(rows)


def are_choices(rows: Sequence[object]) -> bool:
    """Tell whether rows are questions with their options; a table holds rows of one kind."""
    return bool(rows) and isinstance(rows[0], Choice)


def place_name(place: int) -> str:
    """Return what an option is called by its place, counted from 0.

    >>> place_name(0), place_name(3), place_name(26)
    ('A', 'D', 'A2')
    """
    return chr(ord("A") + place % 26) + (str(place // 26 + 1) if place >= 26 else "")


@dataclass(frozen=True, slots=True)
class Rows:
    """A table of `n` labelled rows.

    `inputs` are texts, pairs of texts, sentences of words, questions with options, or for images a path (str) or an encoded picture
    (bytes). `labels` index into `classes`, of questions the places that an option can have; where a number is told they are values,
    and there are no classes. Of sentences the classes are the types of entities, and labels are the numbers of tags. `ids` are
    hashes of the content, unique within the table.
    `groups` are empty, or one key a row.
    """

    ids: tuple[str, ...]
    inputs: tuple[Input, ...]
    labels: tuple[Label, ...]
    classes: tuple[str, ...]
    groups: tuple[str, ...] = ()
    target: Target = "class"

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.ids)

    def take(self, where: Sequence[int]) -> Rows:
        """Return the rows at the given positions, in that order."""
        return Rows(
            ids=tuple(self.ids[i] for i in where),
            inputs=tuple(self.inputs[i] for i in where),
            labels=tuple(self.labels[i] for i in where),
            classes=self.classes,
            groups=tuple(self.groups[i] for i in where) if self.groups else (),
            target=self.target,
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Return what each number that a model gives for a row is called: a class, a label, a word's tag, or the value."""
        if self.target == "tags":
            return tag_names(self.classes)
        return ("value",) if self.target == "number" else self.classes

    @property
    def outputs(self) -> int:
        """Return how many numbers a model gives for a row, of sentences for a word."""
        return len(self.names)

    def words(self, where: Sequence[int] | NDArray[np.int64]) -> tuple[int, ...]:
        """Return how many words each of some sentences has; nothing where rows are no sentences."""
        return tuple(len(self.inputs[i]) for i in where) if self.target == "tags" else ()

    def places(self, where: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
        """Return where the answers to some rows stand among those to all: at the row's position, or at those of its words."""
        return place_words([len(one) for one in self.inputs] if self.target == "tags" else (), where)

    def sizes(self) -> tuple[int, ...]:
        """Return how many rows each class or label has, of types of entities how many entities."""
        if self.target == "tags":
            begun = Counter(type_of(tag) for tags in self.labels for tag in tags if tag % 2)  # type: ignore[union-attr]
            return tuple(begun[i] for i in range(len(self.classes)))
        counted = Counter(one for label in self.labels if self.classes for one in (label if isinstance(label, tuple) else (label,)))
        return tuple(counted[i] for i in range(len(self.classes)))

    def values(self) -> tuple[float, float, float] | None:
        """Return the least value, the mean and the greatest where numbers are told."""
        if self.target != "number":
            return None
        found = self.truth()
        return float(found.min()), float(found.mean()), float(found.max())

    def truth(self) -> NDArray[Any]:
        """Return what is right: classes `(n,) int64`, zeros and ones of labels `(n, classes) float32`, or values `(n,) float64`.

        Of sentences it is `(n,) object`, an array of tags each.
        """
        import numpy as np  # noqa: PLC0415 - keeps the nouns light to import

        if self.target == "tags":
            return ragged(self.labels)  # type: ignore[arg-type]
        if self.target != "labels":
            return np.asarray(self.labels, np.int64 if self.target == "class" else np.float64)
        found = np.zeros((len(self), len(self.classes)), np.float32)
        for row, labels in enumerate(self.labels):
            found[row, list(labels)] = 1  # type: ignore[arg-type]
        return found

    def strata(self) -> tuple[int, ...]:
        """Return the part that each row belongs to, such that dividing every part evenly divides the rows well.

        That is its class; of several labels or types of entities the rarest, or one more where it has none; of values a tenth by
        size. Questions are all alike, wherever their right options stand.
        """
        if are_choices(self.inputs):
            return (0,) * len(self)
        if self.target == "class":
            # Without numpy, which reading texts does not need.
            return self.labels  # type: ignore[return-value]
        return tuple(stratify(self.truth()).tolist())


def target_of(truth: NDArray[Any]) -> Target:
    """Return what is told, from what is right for some rows, as `Rows.truth` gives it."""
    if truth.ndim > 1:
        return "labels"
    if truth.dtype == object:
        return "tags"
    return "number" if truth.dtype.kind == "f" else "class"


def stratify(truth: NDArray[Any]) -> NDArray[np.int64]:
    """Return the part that each row belongs to, `(n,)`, from what is right for the rows, as `Rows.truth` gives it.

    >>> import numpy as np
    >>> stratify(np.array([[1, 1], [1, 0], [0, 0]], np.float32))
    array([1, 0, 2])
    """
    import numpy as np  # noqa: PLC0415 - as above

    if truth.dtype == object:
        truth = _types_in(truth)
    if truth.ndim > 1:
        rarest = np.where(truth > 0, truth.sum(0), np.inf).argmin(1)
        labels: NDArray[np.int64] = np.where(truth.any(1), rarest, truth.shape[1]).astype(np.int64)
        return labels
    if target_of(truth) == "number":
        _, place, sizes = np.unique(truth, return_inverse=True, return_counts=True)
        below = np.cumsum(sizes) - sizes
        parts: NDArray[np.int64] = (_PARTS * below[place]) // max(1, len(truth))
        return parts
    return truth.astype(np.int64)


def _types_in(truth: NDArray[Any]) -> NDArray[np.float32]:
    """Return zeros and ones: which types of entities each sentence has, `(n, types)`."""
    import numpy as np  # noqa: PLC0415 - as above

    found = np.zeros((len(truth), max((type_of(int(tags.max(initial=0))) + 1 for tags in truth), default=0) or 1), np.float32)
    for row, tags in enumerate(truth):
        found[row, type_of(tags[tags > 0])] = 1
    return found


def place_words(words: Sequence[int], where: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the positions of some sentences' words among those of all, `words` of which each has; without words `where` itself.

    >>> place_words([2, 1, 3], [2, 0])
    array([3, 4, 5, 0, 1])
    """
    import numpy as np  # noqa: PLC0415 - as above

    rows = np.asarray(where, np.int64)
    if not len(words) or not len(rows):
        return rows
    sizes = np.asarray(words, np.int64)
    starts, chosen = np.cumsum(sizes) - sizes, sizes[rows]
    within = np.arange(chosen.sum()) - np.repeat(np.cumsum(chosen) - chosen, chosen)
    found: NDArray[np.int64] = np.repeat(starts[rows], chosen) + within
    return found


@dataclass(frozen=True, slots=True)
class Split:
    """Positions of rows: what is learned from, what chooses, what confirms.

    `folds` divides the positions that choose; a row is predicted by a model that saw all of `learn` and every fold but its own. A
    plain hold-out is one fold beside a non-empty `learn`; cross-validation is five folds and an empty `learn`.
    """

    learn: tuple[int, ...]
    folds: tuple[tuple[int, ...], ...]
    test: tuple[int, ...]

    @property
    def choosing(self) -> tuple[int, ...]:
        """Return the validation positions in ascending order."""
        return tuple(sorted(i for fold in self.folds for i in fold))

    @property
    def rest(self) -> tuple[int, ...]:
        """Return every position that is not test, in ascending order."""
        return tuple(sorted((*self.learn, *self.choosing)))

    def training(self, fold: int) -> tuple[int, ...]:
        """Return the positions that the model which predicts this fold learns from, in ascending order."""
        others = (i for k, part in enumerate(self.folds) if k != fold for i in part)
        return tuple(sorted((*self.learn, *others)))


@dataclass(frozen=True, slots=True)
class Dataset:
    """A task's rows with their division, and what was noticed while reading them.

    `phrases` are sentences that say what each class is, in the order of the classes; empty where the classes have no words.
    `wording` is how texts and classes are put to a language model, `hypotheses` are what a text may entail, some for each class.
    `columns` are those of both texts where rows are pairs, as they were named or inferred. Where documents are told, rows are
    queries, and the `corpus` is what they search. Where texts are written, `writing` says what each row asks for and what is right.
    `parted` tells that the words of sentences are what blanks part in the texts of cells.
    """

    rows: Rows
    split: Split
    digest: str
    source: str
    phrases: tuple[tuple[str, ...], ...] = ()
    wording: Wording | None = None
    hypotheses: tuple[tuple[str, ...], ...] = ()
    columns: tuple[str, ...] = ()
    drawn_test: bool = True
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    corpus: Corpus | None = None
    writing: Writing | None = None
    parted: bool = False

    @property
    def size(self) -> int:
        """Return how many rows and documents there are to be read."""
        return len(self.rows) + (len(self.corpus.documents) if self.corpus else 0)

    @property
    def searched(self) -> Corpus:
        """Return what is searched, by queries or by pictures.

        Raises:
            ValueError: nothing is.
        """
        if self.corpus is None:
            msg = "a search needs something that can be found"
            raise ValueError(msg)
        return self.corpus

    def noting(self, note: str) -> Dataset:
        """Return the same with one more note."""
        return replace(self, notes=(*self.notes, note))
