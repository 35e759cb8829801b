"""Baselines without a foundation model. One of them always takes part: a model must be worth more than it."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from harness import Candidate, Card

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
_SIGNS = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_STEM = 5
_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n")
_LETTER, _CAPITAL, _DIGIT = re.compile(r"[^\W\d_A]"), re.compile(r"[A-Z\u00c0-\u00de]"), re.compile(r"\d")


class Majority:
    """Answers with the share of each class or label among the training rows, or with their mean value, whatever the row."""

    def fit(self, inputs: Sequence[object], labels: Ints, classes: int) -> None:
        """Count the classes."""
        del inputs
        self._shares = np.bincount(labels, minlength=classes).astype(np.float32) / len(labels)

    def predict(self, inputs: Sequence[object]) -> Floats:
        """Return the same shares for every row."""
        return np.tile(self._shares, (len(inputs), 1))

    def fit_labels(self, inputs: Sequence[object], labels: Floats) -> None:
        """Count the labels."""
        del inputs
        self._shares = labels.mean(0)

    predict_labels = predict

    def fit_numbers(self, inputs: Sequence[object], values: NDArray[np.float64]) -> None:
        """Take the mean."""
        del inputs
        self._mean = float(values.mean())

    def predict_numbers(self, inputs: Sequence[object]) -> Floats:
        """Return the same value for every row."""
        return np.full(len(inputs), self._mean, np.float32)

    def fit_tags(self, sentences: Sequence[Sequence[str]], tags: Sequence[Sequence[str]]) -> None:
        """Count the tags of each word."""
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for words, some in zip(sentences, tags, strict=True):
            for word, tag in zip(words, some, strict=True):
                counts[word][tag] += 1
        self._tags = {word: min(mine, key=lambda tag: (-mine[tag], tag)) for word, mine in counts.items()}

    def predict_tags(self, sentences: Sequence[Sequence[str]]) -> list[list[str]]:
        """Return each word's commonest tag; a word that was never seen has none."""
        return [[self._tags.get(word, "O") for word in words] for words in sentences]

    def fit_options(self, inputs: Sequence[tuple[str, tuple[str, ...]]], right: Ints) -> None:
        """Count at which place the right option stands."""
        self.fit(inputs, right, max(len(options) for _, options in inputs))

    def predict_options(self, inputs: Sequence[tuple[str, tuple[str, ...]]]) -> Floats:
        """Return the share of each place, whatever the question."""
        shares = self.predict(inputs)
        for row, (_, options) in zip(shares, inputs, strict=True):
            row[len(options) :] = 0
        return shares


class Overlap:
    """Answers a question with the option that shares the most of its words, rare words counting more."""

    def fit_options(self, inputs: Sequence[tuple[str, tuple[str, ...]]], right: Ints) -> None:
        """Count the words; which option is right is not looked at."""
        from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
        from sklearn.pipeline import make_pipeline

        del right
        # A word that no training row has is the rarest of all.
        counted = HashingVectorizer(tokenizer=_words, token_pattern=None, lowercase=False, alternate_sign=False, norm=None)
        self._words = make_pipeline(counted, TfidfTransformer(sublinear_tf=True))
        self._words.fit([text for question, options in inputs for text in (question, *options)])

    def predict_options(self, inputs: Sequence[tuple[str, tuple[str, ...]]]) -> Floats:
        """Return shares by the cosine of question and option."""
        found = np.zeros((len(inputs), max(len(options) for _, options in inputs)), np.float32)
        for row, (question, options) in enumerate(inputs):
            near = np.exp(4 * (self._words.transform(options) @ self._words.transform([question]).T).toarray()[:, 0])
            found[row, : len(options)] = near / near.sum()
        return found


class Pipeline:
    """A scikit-learn pipeline that gives probabilities or margins, and one of the same features that gives numbers."""

    def __init__(self, pipeline: Any, regression: Any) -> None:  # noqa: ANN401 - scikit-learn ships no types
        """Take unfitted pipelines."""
        self._pipeline, self._regression = pipeline, regression

    def fit(self, inputs: Sequence[object], labels: Ints, classes: int) -> None:
        """Fit the pipeline afresh."""
        self._classes = classes
        self._pipeline.fit(inputs, labels)

    def predict(self, inputs: Sequence[object]) -> Floats:
        """Return `(n, classes)`; a margin becomes a share by a softmax."""
        pipeline = self._pipeline
        if hasattr(pipeline, "predict_proba"):
            shares = pipeline.predict_proba(inputs)
        else:
            margins = pipeline.decision_function(inputs)
            margins = np.stack([-margins, margins], axis=1) if margins.ndim == 1 else margins
            shares = np.exp(margins - margins.max(1, keepdims=True))
            shares /= shares.sum(1, keepdims=True)
        full = np.zeros((len(shares), self._classes), np.float32)
        full[:, pipeline.classes_] = shares
        return full

    def fit_labels(self, inputs: Sequence[object], labels: Floats) -> None:
        """Fit zeros and ones as numbers."""
        self._regression.fit(inputs, labels)

    def predict_labels(self, inputs: Sequence[object]) -> Floats:
        """Return what was fitted, held between 0 and 1."""
        found: Floats = np.clip(self._regression.predict(inputs), 0, 1).astype(np.float32)
        return found.reshape(len(found), -1)

    def fit_numbers(self, inputs: Sequence[object], values: NDArray[np.float64]) -> None:
        """Fit the values."""
        self._regression.fit(inputs, values)

    def predict_numbers(self, inputs: Sequence[object]) -> Floats:
        """Return what was fitted."""
        return np.asarray(self._regression.predict(inputs), np.float32)


class PairOrText:
    """Features of texts; of pairs, what their texts share and where they differ, beside each text's own."""

    def __init__(self, features: Any) -> None:  # noqa: ANN401 - scikit-learn ships no types
        """Take an unfitted vectorizer, or a union of some."""
        self._features = features

    def fit(self, inputs: Sequence[Any], labels: object = None) -> PairOrText:
        """Learn the words of all texts."""
        del labels
        inputs = list(inputs)
        self._features.fit([text for row in inputs for text in (row if isinstance(row, tuple) else (row,))])
        return self

    def transform(self, inputs: Sequence[Any]) -> Any:  # noqa: ANN401 - a sparse matrix
        """Return a row of features for each input."""
        from scipy.sparse import hstack

        inputs = list(inputs)
        if not isinstance(inputs[0], tuple):
            return self._features.transform(inputs)
        first, second = (self._features.transform([row[side] for row in inputs]) for side in (0, 1))
        return hstack([first, second, abs(first - second), first.multiply(second)], format="csr")


def _tfidf() -> Pipeline:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import Ridge, RidgeClassifier
    from sklearn.pipeline import make_pipeline, make_union

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, dtype=np.float32, token_pattern=rf"\w[\w{_marks()}]+")
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, max_features=200_000, dtype=np.float32)
    features = PairOrText(make_union(words, characters))
    # One solution for all classes together: the cost hardly grows with their number.
    ways = (RidgeClassifier(alpha=1.0, solver="sparse_cg"), Ridge(alpha=1.0, solver="sparse_cg"))
    return Pipeline(*(make_pipeline(features, way) for way in ways))


class Tagger:
    """Tags each word by its form, its beginnings and ends, and the two words on each side, with a linear classifier."""

    def __init__(self) -> None:
        """Load the library."""
        from sklearn.feature_extraction import FeatureHasher
        from sklearn.linear_model import SGDClassifier

        self._hasher = FeatureHasher(2**18, input_type="string", dtype=np.float32, alternate_sign=False)
        self._make = SGDClassifier

    def fit_tags(self, sentences: Sequence[Sequence[str]], tags: Sequence[Sequence[str]]) -> None:
        """Fit the classifier afresh."""
        right = [tag for some in tags for tag in some]
        self._only = right[0] if len(set(right)) == 1 else ""
        if not self._only:
            self._model = self._make(loss="modified_huber", alpha=1e-6, average=True, max_iter=20, tol=None, random_state=0)
            self._model.fit(self._features(sentences), right)

    def predict_tags(self, sentences: Sequence[Sequence[str]]) -> list[list[str]]:
        """Return the likeliest tag of each word."""
        if self._only or not any(sentences):
            return [[self._only] * len(words) for words in sentences]
        found = iter(self._model.predict(self._features(sentences)).tolist())
        return [[next(found) for _ in words] for words in sentences]

    def _features(self, sentences: Sequence[Sequence[str]]) -> Any:  # noqa: ANN401 - a sparse matrix
        return self._hasher.transform(one for words in sentences for one in _forms(words))


def _forms(words: Sequence[str]) -> Iterator[list[str]]:
    """Yield what is to be seen of each word and around it."""
    padded = ["<<", "<", *words, ">", ">>"]
    lower = [word.lower() for word in padded]
    shapes = [_LETTER.sub("a", _CAPITAL.sub("A", _DIGIT.sub("0", word))) for word in padded]
    brief = [re.sub(r"(.)\1+", r"\1", shape) for shape in shapes]
    for i in range(2, len(padded) - 2):
        word = lower[i]
        affixes = [part for n in range(1, 5) for part in (f"^{word[:n]}", f"{word[-n:]}$")]
        around = [f"{at} {lower[i + at]}" for at in (-2, -1, 1, 2)] + [f"{at} {brief[i + at]}" for at in (-2, -1, 1, 2)]
        yield ["", word, f"s {shapes[i]}", f"b {brief[i]}", f"{lower[i - 1]} {word}", f"{word} {lower[i + 1]}", *affixes, *around]


class Bm25:
    """Okapi BM25 over the words of documents: how search was done before there were models. What shares no word is not found."""

    def __init__(self) -> None:
        """Load the library."""
        import bm25s

        self._make = bm25s.BM25

    def index(self, documents: Sequence[str]) -> None:
        """Count the words."""
        self._index = self._make(k1=1.2, b=0.75, method="lucene")
        self._index.index([_words(text) for text in documents], show_progress=False)

    def search(self, queries: Sequence[str], count: int) -> Ints:
        """Return positions `(n, count)`, equal scores in the order of the documents."""
        found = np.full((len(queries), count), -1, np.int64)
        for row, query in enumerate(queries):
            known = [word for word in _words(query) if word in self._index.vocab_dict]
            scores = self._index.get_scores(known) if known else np.empty(0, np.float32)
            near = np.flatnonzero(scores > 0)
            if len(near) > count:
                near = near[scores[near] >= np.partition(scores[near], len(near) - count)[len(near) - count]]
            near = near[np.argsort(-scores[near], kind="stable")[:count]]
            found[row, : len(near)] = near
        return found


class Nearest(Bm25):
    """Writes the reference of the training row whose prompt is nearest, by BM25; where no word is shared, the commonest one."""

    def fit_texts(self, prompts: Sequence[str], references: Sequence[str]) -> None:
        """Keep the rows."""
        self.index(prompts)
        self._references = [*references, _commonest(references)]

    def write_texts(self, prompts: Sequence[str]) -> list[str]:
        """Search."""
        return [self._references[place] for place in self.search(prompts, 1)[:, 0].tolist()]


class Commonest:
    """Writes the commonest reference, whatever is asked."""

    def fit_texts(self, prompts: Sequence[str], references: Sequence[str]) -> None:
        """Count."""
        del prompts
        self._text = _commonest(references)

    def write_texts(self, prompts: Sequence[str]) -> list[str]:
        """Repeat it."""
        return [self._text] * len(prompts)


class Lead:
    """Writes the first sentence of what is asked; of articles that is a fair summary."""

    def fit_texts(self, prompts: Sequence[str], references: Sequence[str]) -> None:
        """Learn nothing."""

    def write_texts(self, prompts: Sequence[str]) -> list[str]:
        """Copy up to the first end of a sentence."""
        return [_SENTENCE.split(text.strip(), maxsplit=1)[0] for text in prompts]


def _commonest(references: Sequence[str]) -> str:
    """Return the reference that most rows have, of equals the first in order."""
    counts = Counter(references)
    return min(counts, key=lambda text: (-counts[text], text))


class Chance:
    """Puts every picture and every text anywhere: what is found by this is found by chance."""

    def embed_image(self, images: Sequence[Image]) -> Floats:
        """Draw a direction for each picture by its pixels."""
        return np.array([_draw(image.tobytes()) for image in images], np.float32).reshape(1, -1, 64)

    def embed_prompts(self, texts: Sequence[str]) -> Floats:
        """Draw a direction for each text by its letters."""
        return np.array([_draw(text.encode(errors="surrogatepass")) for text in texts], np.float32).reshape(-1, 64)


def _draw(content: bytes) -> Floats:
    """Return a direction, `(64,)`, the same one for the same content."""
    seed = int.from_bytes(hashlib.sha256(content).digest()[:8], "big")
    return np.random.default_rng(seed).standard_normal(64, np.float32)


def _words(text: str) -> list[str]:
    """Return words in lower case, and the beginnings of long ones, which a stem shares with its forms in most languages.

    Of scripts that do not part words, single signs. Source: McNamee and Mayfield 2004, for stems of fixed length.
    """
    words: list[str] = re.findall(rf"[{_SIGNS}][{_marks()}]*|[^\W{_SIGNS}]+(?:[{_marks()}]+[^\W{_SIGNS}]*)*", text.lower())
    return words + [f"{word[:_STEM]}*" for word in words if len(word) > _STEM]


@cache
def _marks() -> str:
    # Vowel signs and accents, which go on with a word.
    return "".join(sign for sign in map(chr, range(0x300, 0x10000)) if unicodedata.category(sign)[0] == "M")


def _pixels(images: Sequence[Image]) -> Floats:
    return np.stack([np.asarray(image.convert("L").resize((16, 16)), np.float32).ravel() / 255 for image in images])


def _raw_pixels() -> Pipeline:
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    ways = (LogisticRegression(C=0.1, max_iter=300), Ridge(alpha=100.0))
    return Pipeline(*(make_pipeline(FunctionTransformer(_pixels), StandardScaler(), way) for way in ways))


def _card(name: str, summary: str, *modality: str) -> Card:
    return Card(name=name, license="Apache-2.0", modality=modality, baseline=True, summary=summary)


candidates = (
    Candidate(
        _card("baseline-majority", "The commonest class, the mean, or each word's commonest tag.", "text", "image"),
        lambda _device, _dtype: Majority(),
    ),
    Candidate(
        _card("baseline-tfidf", "Word and character TF-IDF with a linear classifier.", "text").model_copy(
            update={"kinds": ("text-classification", "text-regression", "text-similarity")}
        ),
        lambda _device, _dtype: _tfidf(),
    ),
    Candidate(
        _card("baseline-tagger", "Words, their forms and neighbors, with a linear classifier.", "text").model_copy(
            update={"kinds": ("token-classification",)}
        ),
        lambda _device, _dtype: Tagger(),
    ),
    Candidate(
        _card("baseline-overlap", "The option that shares most words with its question.", "text").model_copy(
            update={"kinds": ("multiple-choice",)}
        ),
        lambda _device, _dtype: Overlap(),
    ),
    Candidate(
        _card("baseline-bm25", "BM25 over words and their beginnings.", "text").model_copy(update={"kinds": ("retrieval",)}),
        lambda _device, _dtype: Bm25(),
    ),
    Candidate(
        _card("baseline-commonest", "The commonest reference, always.", "text").model_copy(update={"kinds": ("generation",)}),
        lambda _device, _dtype: Commonest(),
    ),
    Candidate(
        _card("baseline-lead", "The first sentence of what is asked.", "text").model_copy(update={"kinds": ("generation",)}),
        lambda _device, _dtype: Lead(),
    ),
    Candidate(
        _card("baseline-nearest", "The reference of the most similar training row, by BM25.", "text").model_copy(
            update={"kinds": ("generation",)}
        ),
        lambda _device, _dtype: Nearest(),
    ),
    Candidate(
        _card("baseline-chance", "A direction drawn by lot for each picture and caption.", "image").model_copy(
            update={"kinds": ("image-text-retrieval",), "control": True}
        ),
        lambda _device, _dtype: Chance(),
    ),
    Candidate(
        _card("baseline-pixels", "Raw pixels, 16 × 16 grey, with logistic regression.", "image"),
        lambda _device, _dtype: _raw_pixels(),
    ),
)
