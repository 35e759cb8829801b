"""A language model is asked for the class of a row: which of the words for the classes is likeliest to come next."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, softmax

from harness.core.data import Input, are_choices
from harness.core.table import blocks
from harness.core.wording import Wording
from harness.errors import CandidateError
from harness.models.capabilities import Generates, KnowsContext, LogLikelihood
from harness.techniques.inputs import Inputs
from harness.techniques.technique import Recipe

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

# Rows that a model is asked about at once, times the phrases that are compared for each.
_QUESTIONS = 2**16
Phrases = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Asking:
    """Prompts before each of which the `opening` stands, and the answers to compare.

    A row that is itself an example has an opening of its `own`. What rows of `home` scored is remembered: nothing is learned there,
    and every fold asks the same.
    """

    wording: Wording
    model: LogLikelihood
    classes: int
    recipe: Recipe
    opening: str
    own: Mapping[Input, str] = field(default_factory=dict)
    home: Inputs | None = None
    known: dict[int, Floats] = field(default_factory=dict)
    priors: dict[Phrases, Floats] = field(default_factory=dict)

    def predict(self, inputs: Inputs, rows: Ints) -> Floats:
        """Return probabilities `(len(rows), classes)`."""
        return (
            recall(self.known, rows, lambda new: self._shares(inputs, new)) if inputs is self.home else self._shares(inputs, rows)
        )

    def count_cut(self, inputs: Inputs, rows: Ints) -> int | None:
        """Return how many prompts are longer than the model reads, None where it does not say."""
        if not isinstance(self.model, KnowsContext):
            return None
        given: list[Input] = [inputs.raw[row] for row in rows.tolist()]
        prompts = [self._prompt(row) for row in given]
        room = self.model.context - longest_answer(self.wording, self.model, given)
        return int((self.model.count_tokens(prompts) > room).sum())

    def _prompt(self, row: Input) -> str:
        return self.own.get(row, self.opening) + self.wording.prompt(row)

    def _shares(self, inputs: Inputs, rows: Ints) -> Floats:
        shares = np.zeros((len(rows), self.classes), np.float32)
        many = sum(map(len, self.wording.words)) or self.classes
        for part in blocks(len(rows), 1, limit=max(1, _QUESTIONS // many)):
            given: list[Input] = [inputs.raw[row] for row in rows[part].tolist()]
            phrases = [self.wording.phrases(row) for row in given]
            scores = score(self.model, self.wording, [self._prompt(row) for row in given], phrases)
            if self.wording.normalize == "prior":
                scores = [mine - prior for mine, prior in zip(scores, self._prior(phrases), strict=True)]
            for row, mine, some in zip(range(*part.indices(len(rows))), scores, phrases, strict=True):
                # Questions may have fewer options than there are places.
                shares[row, : len(some)] = weigh(mine[None], [len(one) for one in some])[0]
        return shares

    def _prior(self, phrases: Sequence[Phrases]) -> list[Floats]:
        """Return how likely phrases are after a prompt without a row.

        Source: Brown et al. 2020, section 2.4; Zhao et al. 2021, section 5.
        """
        new = list(dict.fromkeys(one for one in phrases if one not in self.priors))
        if new:
            found = score(self.model, self.wording, [self.opening + self.wording.prompt(None)] * len(new), new)
            self.priors.update(zip(new, found, strict=True))
        return [self.priors[one] for one in phrases]


def recall(known: dict[int, Floats], rows: Ints, ask: Callable[[Ints], Floats]) -> Floats:
    """Return the shares of rows `(len(rows), classes)`: those that are known, and of the others what `ask` gives, which is kept."""
    new = np.asarray([row for row in rows.tolist() if row not in known], np.int64)
    if len(new):
        known.update(zip(new.tolist(), ask(new), strict=True))
    return np.stack([known[row] for row in rows.tolist()])


def score(model: LogLikelihood, wording: Wording, prompts: Sequence[str], phrases: Sequence[Phrases]) -> list[Floats]:
    """Return how likely each of its phrases is after each prompt, `(phrases,)`, by token where the task wants it.

    Raises:
        CandidateError: the model answers with something else than it should.
    """
    answers = [_answers(wording, mine) for mine in phrases]
    asked = [prompt for prompt, mine in zip(prompts, answers, strict=True) for _ in mine]
    flat = [answer for mine in answers for answer in mine]
    found = check_likelihoods(model.log_likelihood(asked, flat), len(asked))
    lacking = np.flatnonzero(found[:, 1] < 1)
    if len(lacking):
        what = f'to the model, "{flat[lacking[0]].strip()[:80]}" is nothing: it has no token for it'
        raise CandidateError(what, hint="say it in other words: a class under `classes` in task.yaml, an option in its row")
    sums = found[:, 0].copy()
    if wording.normalize == "tokens":
        sums /= found[:, 1]
    return np.split(sums, np.cumsum([len(mine) for mine in answers])[:-1]) if answers else []


@lru_cache(maxsize=1)
def _answers(wording: Wording, phrases: Phrases) -> tuple[str, ...]:
    """Return what goes on from a prompt for each phrase; classes have the same ones every time."""
    return tuple(wording.answer(words) for some in phrases for words in some)


def weigh(scores: Floats, sizes: Sequence[int]) -> Floats:
    """Return probabilities of classes from scores of phrases, of which each class has so many: their probabilities' mean counts.

    >>> weigh(np.log(np.array([[0.2, 0.4, 0.1]], np.float32)), [2, 1]).round(2).tolist()
    [[0.75, 0.25]]
    """
    parts = np.split(scores, np.cumsum(sizes)[:-1], axis=1)
    means = np.stack([logsumexp(part, axis=1) - np.log(part.shape[1]) for part in parts], axis=1)
    found: Floats = softmax(means, axis=1).astype(np.float32)
    return found


def longest_answer(wording: Wording, model: KnowsContext, rows: Sequence[Input]) -> int:
    """Return the most tokens that any phrase for these rows has."""
    own = dict.fromkeys(wording.phrases(row) for row in rows) if are_choices(rows) else [wording.words]
    return int(model.count_tokens([answer for phrases in own for answer in _answers(wording, phrases)]).max())


def wording_of(inputs: Inputs, classes: int, technique: str) -> tuple[Wording, LogLikelihood | Generates]:
    """Return how to ask, and whom; one that tells likelihoods is asked for these, whatever else it can do.

    Raises:
        CandidateError: the model is no language model, or the task does not say what to ask.
    """
    if not isinstance(inputs.model, LogLikelihood | Generates):
        what = "the model neither tells how likely a text goes on nor writes"
        hint = "give it `log_likelihood` or `generate`, or use another technique"
        raise CandidateError(what, where=f"technique {technique}", hint=hint)
    if inputs.wording is None or (len(inputs.wording.words) != classes and not are_choices(inputs.raw)):
        what = "the task does not say how to put its rows to a language model"
        raise CandidateError(what, where=f"technique {technique}", hint="see `ask` in task.yaml; pictures cannot be put to one")
    return inputs.wording, inputs.model


def check_likelihoods(found: object, rows: int) -> Floats:
    """Return likelihoods as float32 if they are what was asked for.

    Raises:
        CandidateError: they are not finite numbers of shape `(rows, 2)`, none of them a probability above 1.
    """
    scores = np.asarray(found)
    hint = "return float32 of shape (n, 2): the summed log-probability of each continuation, and the number of its tokens"
    if scores.shape != (rows, 2) or not np.issubdtype(scores.dtype, np.number):
        what = f"likelihoods have shape {scores.shape} and type {scores.dtype} for {rows} continuations"
        raise CandidateError(what, hint=hint)
    if not np.isfinite(scores).all():
        what = f"likelihoods of {int((~np.isfinite(scores).all(1)).sum())} of {rows} continuations are NaN or infinite"
        raise CandidateError(what, hint="look for an overflow in half precision; what is impossible is only very unlikely")
    if (scores[:, 0] > 1e-3).any() or (scores[:, 1] < 0).any():
        raise CandidateError(f"a log-probability is {scores[:, 0].max():.3g}, of {scores[:, 1].min():g} tokens", hint=hint)
    return scores.astype(np.float32, copy=False)
