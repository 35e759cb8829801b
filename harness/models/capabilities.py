"""What a loaded model can do. A model has one or more of these; nothing else is asked of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, runtime_checkable

from harness.core.kinds import Target

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image


@runtime_checkable
class EmbedsText(Protocol):
    """Turns texts into features."""

    def embed_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return `(layers, n, d) float32`, row i for text i, whatever the batch it came in; the last layer is the output."""
        ...


@runtime_checkable
class EmbedsPairs(Protocol):
    """Turns pairs of texts into features."""

    def embed_pairs(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """Return `(layers, n, d) float32`, row i for pair i, which is read as a whole; its order counts."""
        ...


@runtime_checkable
class EmbedsTokens(Protocol):
    """Turns the words of sentences into features."""

    def embed_words(self, sentences: Sequence[Sequence[str]]) -> NDArray[np.float32]:
        """Return `(layers, words, d) float32`: those of each sentence's words, one sentence after the other.

        A word is read in its sentence, whatever the batch it came in; one that the model does not read has zeros.
        """
        ...


@runtime_checkable
class EmbedsRoles(Protocol):
    """Turns texts that search and texts that are searched into vectors of one space, each in its own way.

    What embeds text need not offer it: then both are embedded alike.
    """

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return `(n, d) float32`, row i for text i, whatever the batch it came in."""
        ...

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return `(n, d) float32`, row i for text i, whatever the batch it came in."""
        ...


Role = Literal["query", "document"]


@runtime_checkable
class HasRolePrompts(Protocol):
    """Says what it puts before texts; only bench's own adapters are asked."""

    def role_prompt(self, role: Role) -> str:
        """Return what stands before each text in its role."""
        ...


@runtime_checkable
class Searches(Protocol):
    """Finds documents for a query by itself; what a baseline does."""

    def index(self, documents: Sequence[str]) -> None:
        """Take the documents that are to be searched; forgets those that it took before."""
        ...

    def search(self, queries: Sequence[str], count: int) -> NDArray[np.int64]:
        """Return positions of documents `(n, count)`, the best first; -1 stands at the end where fewer were found."""
        ...


@runtime_checkable
class EmbedsImage(Protocol):
    """Turns pictures into features."""

    def embed_image(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """Return `(layers, n, d) float32` for RGB pictures of any size; the model does its own preprocessing."""
        ...


@runtime_checkable
class EmbedsPrompts(Protocol):
    """Turns sentences into vectors that its features of rows can be compared with; what embeds text need not offer it."""

    def embed_prompts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return `(n, d) float32` in the space of the last layer of the rows' features."""
        ...


@runtime_checkable
class LogLikelihood(Protocol):
    """Tells how likely a text goes on in some way; what a language model does."""

    def log_likelihood(self, prompts: Sequence[str], continuations: Sequence[str]) -> NDArray[np.float32]:
        """Return `(n, 2) float32`: the log-probability of continuation i after prompt i, summed over its tokens, and their number.

        Those of one prompt come one after the other, so that it need be read only once.
        """
        ...


@runtime_checkable
class Entails(Protocol):
    """Tells whether one text follows from another; what a model does that was trained for inference between sentences."""

    def entails(self, premises: Sequence[str], hypotheses: Sequence[str]) -> NDArray[np.float32]:
        """Return logits `(n, 2) float32`: that hypothesis i follows from premise i, and that it contradicts or does not follow.

        Row i is that of pair i, whatever the batch it came in.
        """
        ...


@runtime_checkable
class Generates(Protocol):
    """Writes what goes on from a text; what a language model does."""

    def generate(self, prompts: Sequence[str], limit: int, stop: Sequence[str]) -> list[str]:
        """Return what is written after each prompt: greedily, at most `limit` tokens, and cut before the first of the stop texts.

        Text i is that of prompt i, whatever the batch it came in.
        """
        ...


@runtime_checkable
class Converses(Protocol):
    """Says how it puts prompts to its model; only bench's own adapters are asked."""

    @property
    def is_chat(self) -> bool:
        """Tell whether each prompt is one turn of a user."""
        ...


@runtime_checkable
class FitsTexts(Protocol):
    """Learns from scratch what to write; what a baseline does."""

    def fit_texts(self, prompts: Sequence[str], references: Sequence[str]) -> None:
        """Learn from rows, the first reference of each; forgets what was learned before."""
        ...

    def write_texts(self, prompts: Sequence[str]) -> list[str]:
        """Return a text for each prompt."""
        ...


@runtime_checkable
class LoadsLater(Protocol):
    """Loads what embedding does not need when it is told to, so that the time can be measured."""

    def load_whole(self) -> None:
        """Load it, unless it is there already."""
        ...


@runtime_checkable
class KnowsContext(Protocol):
    """Knows how much of a prompt it reads."""

    @property
    def context(self) -> int:
        """Return how many tokens it reads, an answer included."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return the number of tokens of each text, without special ones."""
        ...


@runtime_checkable
class Fits(Protocol):
    """Learns the task from scratch; what a baseline does."""

    def fit(self, inputs: Sequence[Any], labels: NDArray[np.int64], classes: int) -> None:
        """Learn from rows; forgets what was learned before. The same rows give the same model."""
        ...

    def predict(self, inputs: Sequence[Any]) -> NDArray[np.float32]:
        """Return probabilities `(n, classes)`; texts come as str, pairs as tuples of two, pictures as RGB images."""
        ...


@runtime_checkable
class FitsOptions(Protocol):
    """Learns from scratch which of its options answers a question; what a baseline does."""

    def fit_options(self, inputs: Sequence[tuple[str, tuple[str, ...]]], right: NDArray[np.int64]) -> None:
        """Learn from questions with their options, and the places of the right ones, from 0; forgets what was learned before."""
        ...

    def predict_options(self, inputs: Sequence[tuple[str, tuple[str, ...]]]) -> NDArray[np.float32]:
        """Return `(n, places)`: how likely each option is right, 0 where a question has fewer."""
        ...


@runtime_checkable
class FitsLabels(Protocol):
    """Learns from scratch which labels a row has, where it can have several; what a baseline does."""

    def fit_labels(self, inputs: Sequence[Any], labels: NDArray[np.float32]) -> None:
        """Learn from rows and zeros and ones `(n, labels)`; forgets what was learned before."""
        ...

    def predict_labels(self, inputs: Sequence[Any]) -> NDArray[np.float32]:
        """Return the probability of each label, `(n, labels)`."""
        ...


@runtime_checkable
class FitsNumbers(Protocol):
    """Learns from scratch a number for each row; what a baseline does."""

    def fit_numbers(self, inputs: Sequence[Any], values: NDArray[np.float64]) -> None:
        """Learn from rows and their values `(n,)`; forgets what was learned before."""
        ...

    def predict_numbers(self, inputs: Sequence[Any]) -> NDArray[np.float32]:
        """Return the values `(n,)`."""
        ...


@runtime_checkable
class FitsTags(Protocol):
    """Learns from scratch a tag for each word of a sentence; what a baseline does."""

    def fit_tags(self, sentences: Sequence[Sequence[str]], tags: Sequence[Sequence[str]]) -> None:
        """Learn from words and their tags in IOB2 (`B-place`, `I-place`, `O`); forgets what was learned before."""
        ...

    def predict_tags(self, sentences: Sequence[Sequence[str]]) -> Sequence[Sequence[str]]:
        """Return a tag for each word of each sentence."""
        ...


class Learning(NamedTuple):
    """What a model must be to learn from scratch what is told of a row, and the methods by which it is fitted and asked."""

    kind: type
    fit: str
    predict: str


# What a model can learn from scratch: what is told of a row, and of questions which option is right.
Lesson = Target | Literal["option"]
LEARNING: dict[Lesson, Learning] = {
    "class": Learning(Fits, "fit", "predict"),
    "option": Learning(FitsOptions, "fit_options", "predict_options"),
    "labels": Learning(FitsLabels, "fit_labels", "predict_labels"),
    "number": Learning(FitsNumbers, "fit_numbers", "predict_numbers"),
    "tags": Learning(FitsTags, "fit_tags", "predict_tags"),
}


@runtime_checkable
class CountsTokens(Protocol):
    """Knows how long a text is to it."""

    def count_truncated(self, texts: Sequence[Any]) -> int:
        """Return how many of the texts are longer than the model reads."""
        ...


@runtime_checkable
class Identified(Protocol):
    """Says what its features depend on, so that they can be kept and found again; only bench's own adapters are asked."""

    def identity(self) -> dict[str, str | int | float]:
        """Return every setting that can change features, as the loaded model resolved it; batch sizes are none."""
        ...


@dataclass(frozen=True, slots=True)
class Weights:
    """Exact size of a model: parameters, and bytes of parameters and buffers."""

    parameters: int
    nbytes: int


@runtime_checkable
class HasWeights(Protocol):
    """Knows its exact size."""

    def weights(self) -> Weights:
        """Count the parameters, and the bytes of parameters and buffers."""
        ...


@dataclass(frozen=True, slots=True)
class Spent:
    """What calls of a server took: their number, and the tokens that were sent and written, as the server counts them.

    `silent` is how many ended at the limit of tokens before any text.
    """

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    silent: int = 0


@runtime_checkable
class CountsSpending(Protocol):
    """Runs on somebody else's machine, and knows what its calls took."""

    def spent(self) -> Spent:
        """Return what all calls so far took."""
        ...
