"""A language model is asked for the class of a row: which of the words for the classes is likeliest to come next."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, softmax

from harness.core.data import Input
from harness.core.table import blocks
from harness.core.wording import Wording
from harness.errors import CandidateError
from harness.models.capabilities import Generates, KnowsContext, LogLikelihood
from harness.techniques.inputs import Inputs
from harness.techniques.technique import Recipe

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

# Rows that a model is asked about at once, times the phrases of the classes.
_QUESTIONS = 2**16


@dataclass(frozen=True, slots=True)
class Asking:
    """Prompts before each of which the `opening` stands, and the answers to compare.

    A row that is itself an example has an opening of its `own`. `priors` are scores of the answers without any row, which are taken
    off. What rows of `home` scored is remembered: nothing is learned there, and every fold asks the same.
    """

    wording: Wording
    model: LogLikelihood
    recipe: Recipe
    opening: str
    own: Mapping[Input, str] = field(default_factory=dict)
    priors: Floats | None = None
    home: Inputs | None = None
    known: dict[int, Floats] = field(default_factory=dict)

    def predict(self, inputs: Inputs, rows: Ints) -> Floats:
        """Return probabilities `(len(rows), classes)`."""
        return (
            recall(self.known, rows, lambda new: self._shares(inputs, new)) if inputs is self.home else self._shares(inputs, rows)
        )

    def count_cut(self, inputs: Inputs, rows: Ints) -> int | None:
        """Return how many prompts are longer than the model reads, None where it does not say."""
        if not isinstance(self.model, KnowsContext):
            return None
        prompts = [self._prompt(inputs.raw[row]) for row in rows.tolist()]
        room = self.model.context - longest_answer(self.wording, self.model)
        return int((self.model.count_tokens(prompts) > room).sum())

    def _prompt(self, row: object) -> str:
        given: Input = row  # type: ignore[assignment]
        return self.own.get(given, self.opening) + self.wording.prompt(given)

    def _shares(self, inputs: Inputs, rows: Ints) -> Floats:
        sizes = [len(some) for some in self.wording.words]
        shares = np.empty((len(rows), len(sizes)), np.float32)
        for part in blocks(len(rows), 1, limit=max(1, _QUESTIONS // sum(sizes))):
            scores = score(self.model, self.wording, [self._prompt(inputs.raw[row]) for row in rows[part].tolist()])
            shares[part] = weigh(scores if self.priors is None else scores - self.priors, sizes)
        return shares


def recall(known: dict[int, Floats], rows: Ints, ask: Callable[[Ints], Floats]) -> Floats:
    """Return the shares of rows `(len(rows), classes)`: those that are known, and of the others what `ask` gives, which is kept."""
    new = np.asarray([row for row in rows.tolist() if row not in known], np.int64)
    known.update(zip(new.tolist(), ask(new), strict=True))
    return np.stack([known[row] for row in rows.tolist()])


def score(model: LogLikelihood, wording: Wording, prompts: Sequence[str]) -> Floats:
    """Return `(prompts, phrases)`: how likely each phrase for a class is, by token where the task wants it.

    Raises:
        CandidateError: the model answers with something else than it should.
    """
    answers = [wording.answer(words) for some in wording.words for words in some]
    asked = [prompt for prompt in prompts for _ in answers]
    found = check_likelihoods(model.log_likelihood(asked, answers * len(prompts)), len(asked))
    lacking = np.flatnonzero(found[:, 1] < 1)
    if len(lacking):
        what = f'to the model, "{answers[lacking[0] % len(answers)].strip()[:80]}" is nothing: it has no token for it'
        raise CandidateError(what, hint="describe the class in other words, under `classes` in task.yaml")
    sums = found[:, 0].copy()
    if wording.normalize == "tokens":
        sums /= found[:, 1]
    return sums.reshape(len(prompts), len(answers))


def weigh(scores: Floats, sizes: Sequence[int]) -> Floats:
    """Return probabilities of classes from scores of phrases, of which each class has so many: their probabilities' mean counts.

    >>> weigh(np.log(np.array([[0.2, 0.4, 0.1]], np.float32)), [2, 1]).round(2).tolist()
    [[0.75, 0.25]]
    """
    parts = np.split(scores, np.cumsum(sizes)[:-1], axis=1)
    means = np.stack([logsumexp(part, axis=1) - np.log(part.shape[1]) for part in parts], axis=1)
    found: Floats = softmax(means, axis=1).astype(np.float32)
    return found


def prior(model: LogLikelihood, wording: Wording, opening: str) -> Floats | None:
    """Return `(1, phrases)` scores after a prompt without a row, where the task wants them taken off.

    Source: Brown et al. 2020, section 2.4; Zhao et al. 2021, section 5.
    """
    return score(model, wording, [opening + wording.prompt(None)]) if wording.normalize == "prior" else None


def longest_answer(wording: Wording, model: KnowsContext) -> int:
    """Return the most tokens that words for a class have."""
    return int(model.count_tokens([wording.answer(words) for some in wording.words for words in some]).max())


def wording_of(inputs: Inputs, classes: int, technique: str) -> tuple[Wording, LogLikelihood | Generates]:
    """Return how to ask, and whom; one that tells likelihoods is asked for these, whatever else it can do.

    Raises:
        CandidateError: the model is no language model, or the task does not say what to ask.
    """
    if not isinstance(inputs.model, LogLikelihood | Generates):
        what = "the model neither tells how likely a text goes on nor writes"
        hint = "give it `log_likelihood` or `generate`, or use another technique"
        raise CandidateError(what, where=f"technique {technique}", hint=hint)
    if inputs.wording is None or len(inputs.wording.words) != classes:
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
