"""How likely a language model of transformers finds answers to prompts: each prompt is read once for all its answers."""

from __future__ import annotations

import copy
import inspect
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from transformers.cache_utils import Cache
from transformers.modeling_outputs import BaseModelOutput

from harness.errors import CandidateError
from harness.models.batches import Batches, attempt

Ids = tuple[int, ...]
Floats = NDArray[np.float32]

# What prompts have in common is read once where it has at least so many tokens.
_WORTH = 16
# Keys and values that are kept of a token take less room than the token takes while it is read.
_KEPT = 4
# Logits of so many words of a vocabulary take about the room of a token.
_WORDS = 8192


@dataclass(frozen=True, slots=True)
class Asked:
    """A prompt and its answers as token ids; none is without any."""

    prompt: Ids
    answers: tuple[Ids, ...]


class Reader(Protocol):
    """Reads prompts of one length, and tells how likely answers are after them."""

    def prepare(self, prompts: Sequence[Ids]) -> None:
        """Look at what is to come."""
        ...

    def kept(self, prompt: Ids) -> int:
        """Return how many tokens of a prompt have been read already."""
        ...

    def read(self, prompts: Sequence[Ids]) -> Any:  # noqa: ANN401 - what a reader remembers is its own affair
        """Read prompts of one length, of which as many tokens are kept."""
        ...

    def follow(self, state: Any, owners: torch.Tensor, answers: torch.Tensor) -> torch.Tensor:  # noqa: ANN401 - as above
        """Return `(n, tokens)` log-probabilities of each answer's tokens after the prompt that owns it; padding is at the end."""
        ...


class Decoder:
    """A causal language model; what the last prompts had in common is remembered until others come."""

    def __init__(self, model: Any, device: str) -> None:  # noqa: ANN401 - a model of transformers
        """Take a model in evaluation mode."""
        self._model, self._device = model, device
        self._trims = "logits_to_keep" in inspect.signature(model.forward).parameters
        self._common: Ids = ()
        self._cache: Any = None

    def prepare(self, prompts: Sequence[Ids]) -> None:
        """Read what most of the prompts begin with, unless that was done for the last ones."""
        if self._common and any(self.kept(prompt) for prompt in prompts):
            return
        ordered = sorted(set(prompts))
        # Prompts that begin alike stand together; the middle half is of one kind where most are.
        few = (ordered[len(ordered) // 4], ordered[-1 - len(ordered) // 4])
        common = few[0][: _count_common(*few)] if len(ordered) > 1 else ()
        if len(common) < _WORTH:
            return
        self._common, self._cache = (), None
        found = attempt(partial(self._call, torch.tensor([common], device=self._device), None))  # type: ignore[arg-type]
        if found is not None and isinstance(found[1], Cache):
            self._common, self._cache = common, found[1]

    def kept(self, prompt: Ids) -> int:
        """Return how many tokens of a prompt have been read already."""
        size = len(self._common)
        return size if len(prompt) > size and prompt[:size] == self._common else 0

    def read(self, prompts: Sequence[Ids]) -> Any:  # noqa: ANN401 - what a reader remembers is its own affair
        """Return the log-probabilities of the next token, what is kept of the prompts (None where nothing can be), and these."""
        kept = self.kept(prompts[0])
        ids = torch.tensor(prompts, device=self._device)
        past = _select(self._cache, torch.zeros(len(prompts), dtype=torch.long, device=self._device)) if kept else None
        logits, cache = self._call(ids[:, kept:], past)
        return torch.log_softmax(logits[:, -1].float(), -1), cache if isinstance(cache, Cache) else None, ids

    def follow(self, state: Any, owners: torch.Tensor, answers: torch.Tensor) -> torch.Tensor:  # noqa: ANN401 - as above
        """Return `(n, tokens)` log-probabilities; padding at the end changes nothing before it."""
        first, cache, ids = state
        found: torch.Tensor
        if cache is None:
            whole = torch.cat([ids[owners], answers[:, :-1]], 1)
            return _pick(self._call(whole, None, last=answers.shape[1], keeps=False)[0], answers)
        found = first[owners].gather(1, answers[:, :1])
        if answers.shape[1] == 1:
            return found
        logits, _ = self._call(answers[:, :-1], _select(cache, owners), last=answers.shape[1] - 1)
        return torch.cat([found, _pick(logits, answers[:, 1:])], 1)

    def _call(self, ids: torch.Tensor, past: Any, *, last: int = 1, keeps: bool = True) -> tuple[torch.Tensor, Any]:  # noqa: ANN401 - a cache
        """Return the logits of the last positions, and what the model keeps."""
        more: dict[str, Any] = {"logits_to_keep": last} if self._trims else {}
        more |= {"past_key_values": past} if past is not None else {}
        output = self._model(input_ids=ids, use_cache=keeps, **more)
        return output.logits[:, -last:], getattr(output, "past_key_values", None)


class EncoderDecoder:
    """A model whose encoder reads the prompt, and whose decoder goes on from nothing but that."""

    def __init__(self, model: Any, device: str) -> None:  # noqa: ANN401 - a model of transformers
        """Take a model in evaluation mode."""
        self._model, self._device = model, device

    def prepare(self, prompts: Sequence[Ids]) -> None:
        """Do nothing: an encoder reads a prompt as a whole."""

    def kept(self, prompt: Ids) -> int:
        """Return 0."""
        del prompt
        return 0

    def read(self, prompts: Sequence[Ids]) -> Any:  # noqa: ANN401 - what a reader remembers is its own affair
        """Return what the encoder makes of the prompts."""
        encoder = self._model.get_encoder()
        return encoder(input_ids=torch.tensor(prompts, device=self._device)).last_hidden_state

    def follow(self, state: Any, owners: torch.Tensor, answers: torch.Tensor) -> torch.Tensor:  # noqa: ANN401 - as above
        """Return `(n, tokens)` log-probabilities, the first token's after the decoder's own first one."""
        start = torch.full_like(answers[:, :1], self._model.config.decoder_start_token_id)
        given = torch.cat([start, answers[:, :-1]], 1)
        encoded = BaseModelOutput(last_hidden_state=state[owners])
        return _pick(self._model(encoder_outputs=encoded, decoder_input_ids=given, use_cache=False).logits, answers)


class Scorer:
    """Sums log-probabilities of answers, as many at once as memory takes; what is computed does not depend on it.

    Prompts of one length are read together, so that none is padded.
    """

    def __init__(self, reader: Reader, words: int, tokens: int, device: str) -> None:
        """Take the size of the vocabulary, and how many tokens the device is known to take at once."""
        self._reader, self._device = reader, device
        self._width = words / _WORDS
        self.prompts, self.answers = Batches(tokens), Batches(_KEPT * tokens)

    @torch.inference_mode()
    def score(self, asked: Sequence[Asked]) -> list[Floats]:
        """Return the summed log-probabilities of the answers of each prompt.

        Raises:
            CandidateError: a single prompt does not fit in memory.
        """
        self._reader.prepare([one.prompt for one in asked])
        found: list[Floats] = [np.empty(0, np.float32)] * len(asked)
        for places in self._alike(asked):
            for place, sums in zip(places, self._score_alike([asked[place] for place in places]), strict=True):
                found[place] = sums
        return found

    def _alike(self, asked: Sequence[Asked]) -> Iterator[list[int]]:
        """Yield positions of prompts of one length of which as much is kept, the longest first."""
        groups: dict[tuple[int, int], list[int]] = defaultdict(list)
        for place, one in enumerate(asked):
            groups[len(one.prompt), -self._reader.kept(one.prompt)].append(place)
        yield from (groups[key] for key in sorted(groups, reverse=True))

    def _score_alike(self, asked: Sequence[Asked]) -> list[Floats]:
        kept, widest = self._reader.kept(asked[0].prompt), max(len(one.answers) for one in asked)
        cells = round(len(asked[0].prompt) - kept + kept / _KEPT + self._width) or 1

        def forward(rows: list[int]) -> Floats:
            group = [asked[row] for row in rows]
            sums = self._follow(group, self._reader.read([one.prompt for one in group]))
            padded = np.zeros((1, len(group), widest), np.float32)
            for row, mine in enumerate(sums):
                padded[0, row, : len(mine)] = mine
            return padded

        found = self.prompts.run([cells] * len(asked), forward, lambda row: self._too_long(asked[row]))
        return [found[0, row, : len(one.answers)] for row, one in enumerate(asked)]

    def _follow(self, group: Sequence[Asked], state: Any) -> list[Floats]:  # noqa: ANN401 - what a reader remembers
        owners = [row for row, one in enumerate(group) for _ in one.answers]
        answers = [answer for one in group for answer in one.answers]
        cells = [round(len(group[0].prompt) + len(answer) * (1 + self._width)) for answer in answers]

        def forward(rows: list[int]) -> Floats:
            sizes = torch.tensor([len(answers[row]) for row in rows], device=self._device)
            ids = torch.zeros((len(rows), int(sizes.max())), dtype=torch.long, device=self._device)
            for place, row in enumerate(rows):
                ids[place, : len(answers[row])] = torch.tensor(answers[row], device=self._device)
            mine = torch.tensor([owners[row] for row in rows], device=self._device)
            found = self._reader.follow(state, mine, ids)
            counted = torch.arange(ids.shape[1], device=self._device) < sizes[:, None]
            return found.where(counted, 0).sum(1).float().cpu().numpy()[None, :, None]

        sums = self.answers.run(cells, forward, lambda row: self._too_long(group[owners[row]]))[0, :, 0]
        return np.split(sums, np.cumsum([len(one.answers) for one in group])[:-1])

    def _too_long(self, one: Asked) -> CandidateError:
        what = f"a single prompt of {len(one.prompt)} tokens does not fit into the memory of device {self._device}"
        return CandidateError(what, hint="set a smaller context in the card, use a smaller model, or a device with more memory")


def _count_common(one: Ids, other: Ids) -> int:
    """Return how many tokens two prompts begin with alike, with at least one left of both."""
    most = min(len(one), len(other)) - 1
    return next((i for i in range(most) if one[i] != other[i]), most)


def _pick(logits: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """Return `(n, tokens)` log-probabilities of tokens by the logits `(n, tokens, words)` before them."""
    logits = logits.float()
    return logits.gather(2, tokens[:, :, None])[:, :, 0] - logits.logsumexp(2)


def _select(cache: Any, owners: torch.Tensor) -> Any:  # noqa: ANN401 - a cache of transformers
    """Return a cache whose row i is a copy of row `owners[i]`; the one that is given stays as it is."""
    found = copy.copy(cache)
    found.layers = [copy.copy(layer) for layer in cache.layers]
    for layer in found.layers:
        # Of states of other kinds the layer holds lists, in which it replaces what they hold.
        for name, value in list(vars(layer).items()):
            if isinstance(value, list | dict):
                setattr(layer, name, copy.copy(value))
    found.reorder_cache(owners)
    return found
