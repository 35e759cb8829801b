"""Language models of the transformers library, decoders and encoder–decoders: they embed, and tell how likely an answer is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

from harness.core.card import Card
from harness.core.trust import Trust
from harness.errors import CandidateError
from harness.models.batches import release
from harness.models.capabilities import Weights
from harness.models.headed import lacks_head, load_headed
from harness.models.likelihood import Asked, Decoder, EncoderDecoder, Ids, Scorer
from harness.models.torch_module import count_weights
from harness.models.transformers_text import TOKENS_PER_BATCH, TextEncoder
from harness.models.writer import Writer

# Prompts whose tokens are held at once.
_AT_ONCE = 512
# A token of a prompt takes less room in the long run, while an answer is written, than while it is read.
_WRITTEN_AT_ONCE = 4
# Tokens of a prompt for which there must be room.
_LEAST_ROOM = 8
# What templates of chats are told besides: who can think first, answers at once, as all others do.
_CHAT = {"tokenize": False, "add_generation_prompt": True, "enable_thinking": False}


class LanguageModel(TextEncoder):
    """An encoder of texts until it is first asked for a likelihood; then the whole model, whose body goes on embedding."""

    def __init__(self, folder: Path, card: Card, device: str, trust: Trust) -> None:
        """Load tokenizer and body from a local folder."""
        super().__init__(folder, card, device, trust)
        self._source = folder, card, trust
        self._whole: Any = None
        self._scorer: Scorer | None = None
        self._writer: Writer | None = None
        self._reserved = 0
        self._start = _find_start(self.tokenizer)
        kinds = (self.tokenizer.bos_token_id, self.tokenizer.eos_token_id, self._tokens.pad)
        self._void: int = next(one for one in kinds if one is not None)

    @property
    def context(self) -> int:
        """Return how many tokens the model reads, an answer included."""
        return self.max_length - self._reserved

    def reserve(self, tokens: int) -> None:
        """Keep room for so many tokens that will stand before each prompt, where there is any."""
        self._reserved = min(tokens, self.max_length - 1)

    def count_tokens(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return the number of tokens of each text, without special ones."""
        return np.asarray([len(ids) for ids in self._ids(texts)], np.int64)

    def load_whole(self) -> None:
        """Put the whole model in the place of its body, which is given back before; does nothing the second time.

        Raises:
            CandidateError: the folder lacks the weights that tell how likely a word is.
        """
        if self._whole is not None:
            return
        _, card, _ = self._source
        has_encoder, self.model = self.model.config.is_encoder_decoder, None
        release()
        factory = AutoModelForSeq2SeqLM if has_encoder else AutoModelForCausalLM
        whole, lacking = load_headed(factory, self._source, self.device)
        self.model = whole.get_encoder() if has_encoder else whole.base_model
        if lacking:
            raise lacks_head(card, "a language model", lacking)
        reader = EncoderDecoder(whole, self.device) if has_encoder else Decoder(whole, self.device)
        words, tokens = whole.get_output_embeddings().weight.shape[0], TOKENS_PER_BATCH[torch.device(self.device).type]
        self._whole, self._scorer = whole, Scorer(reader, words, tokens, self.device)
        self._writer = Writer(whole, self.tokenizer, self.device, self.written_at_once)

    def log_likelihood(self, prompts: Sequence[str], continuations: Sequence[str]) -> NDArray[np.float32]:
        """Return `(n, 2) float32`: the summed log-probability of each continuation after its prompt, and of how many tokens.

        A decoder's tokens are those of both texts as one, from the first that the prompt alone does not have; an encoder–decoder's
        are those of the continuation, its final mark included. What the model cannot read of a prompt is cut off at its beginning.

        Raises:
            CandidateError: a continuation alone is longer than the model reads, or a prompt does not fit in memory.
        """
        self.load_whole()
        found = np.zeros((len(prompts), 2), np.float32)
        mine: dict[str, list[int]] = defaultdict(list)
        for place, prompt in enumerate(prompts):
            mine[prompt].append(place)
        distinct = list(mine)
        for start in range(0, len(distinct), _AT_ONCE):
            groups: dict[Ids, list[tuple[int, Ids]]] = defaultdict(list)
            for prompt in distinct[start : start + _AT_ONCE]:
                divided = self._divide(prompt, [continuations[place] for place in mine[prompt]])
                for place, (asked, answer) in zip(mine[prompt], divided, strict=True):
                    if answer:
                        groups[asked].append((place, answer))
            self._score(groups, found)
        return found

    @property
    def is_chat(self) -> bool:
        """Tell whether each prompt is one turn of a user, as the tokenizer's template has it; the card can turn that off."""
        return bool(self.tokenizer.chat_template) and self._card.options.chat is not False

    def generate(self, prompts: Sequence[str], limit: int, stop: Sequence[str]) -> list[str]:
        """Return what is written after each prompt: greedily, at most `limit` tokens, and cut before the first of the stop texts.

        What the model cannot read of a prompt is cut off at its beginning, of a turn at the beginning of what the user says.

        Raises:
            CandidateError: the model's context has no room for so much text, or a prompt does not fit in memory.
        """
        self.load_whole()
        opened = [self.open(prompt, limit) for prompt in prompts]
        return [] if self._writer is None else self._writer.write(opened, limit, stop)

    @property
    def written_at_once(self) -> int:
        """Return how many tokens of prompts and answers the device is known to take at once."""
        return _WRITTEN_AT_ONCE * TOKENS_PER_BATCH[torch.device(self.device).type]

    def open(self, prompt: str, limit: int) -> Ids:
        """Return the tokens that an answer of so many is to follow.

        Raises:
            CandidateError: the model's context has no room for so much text.
        """
        room = self.context - (0 if self.whole.config.is_encoder_decoder else limit)
        if room < _LEAST_ROOM:
            what = f"its context of {self.context} tokens has no room for {limit} new ones beside a prompt"
            raise CandidateError(what, hint="set a smaller write.limit in task.yaml")
        return self._open(prompt, room)

    def teach(self, prompt: str, answer: str) -> tuple[Ids, Ids]:
        """Return the tokens of a prompt and those of an answer that it is to be followed by, an end of the text included.

        Both are at most what the model reads; a prompt loses its beginning.
        """
        self.load_whole()
        if self.is_chat:
            asked, goes_on = _open_turn(self.tokenizer, prompt, self.context), self._ids([answer.lstrip()])[0]
        else:
            [(asked, goes_on)] = self._divide_whole(prompt, [answer])
        ends = [self.tokenizer.eos_token_id, *(self._writer.ends if self._writer else ())]
        end = tuple(one for one in ends if one is not None)[:1]
        told = goes_on[: self.context - _LEAST_ROOM - 1] + end
        room = self.context - len(told)
        if len(asked) > room:
            asked = self._open(prompt, room)
        return asked, told

    @property
    def whole(self) -> Any:  # noqa: ANN401 - a model of transformers
        """Return the language model itself, loaded."""
        self.load_whole()
        return self._whole

    def weights(self) -> Weights:
        """Count what was loaded."""
        return count_weights(self.model if self._whole is None else self._whole)

    def _open(self, prompt: str, room: int) -> Ids:
        """Return the tokens that an answer is to follow, at most so many."""
        if self.is_chat:
            return _open_turn(self.tokenizer, prompt, room)
        if self._whole.config.is_encoder_decoder:
            ids: Ids = tuple(self.tokenizer(prompt, verbose=False)["input_ids"])
            return ids[-room:] or (self._void,)
        start = self._start[: room - 1]
        return start + self._ids([prompt])[0][-(room - len(start)) :] or (self._void,)

    def _score(self, groups: dict[Ids, list[tuple[int, Ids]]], found: NDArray[np.float32]) -> None:
        """Fill in the rows of what is asked."""
        if self._scorer is None or not groups:
            return
        asked = [Asked(prompt, tuple(answer for _, answer in some)) for prompt, some in groups.items()]
        for one, sums, some in zip(asked, self._scorer.score(asked), groups.values(), strict=True):
            where = [place for place, _ in some]
            found[where, 0], found[where, 1] = sums, [len(answer) for answer in one.answers]

    def _divide(self, prompt: str, continuations: Sequence[str]) -> Iterator[tuple[Ids, Ids]]:
        """Yield the tokens of the prompt, cut off at the left, and of each continuation."""
        if self._whole.config.is_encoder_decoder:
            asked: Ids = tuple(self.tokenizer(prompt, verbose=False)["input_ids"])
            targets = self.tokenizer(text_target=[one.lstrip() for one in continuations], verbose=False)["input_ids"]
            pairs = [(asked, tuple(target)) for target in targets]
            room = self.context
        else:
            pairs = list(self._divide_whole(prompt, continuations))
            room = self.context - max(len(answer) for _, answer in pairs)
        longest = max(len(answer) for _, answer in pairs)
        if room < 1 or longest > self.context:
            what = f"an answer of {longest} tokens is longer than the {self.context} that the model reads"
            raise CandidateError(what, hint="describe the classes in fewer words, under `classes` in task.yaml")
        start = self._start[: room - 1]
        for ids, answer in pairs:
            yield (ids if len(ids) <= room else start + ids[len(ids) - room + len(start) :]) or (self._void,), answer

    def _divide_whole(self, prompt: str, continuations: Sequence[str]) -> Iterator[tuple[Ids, Ids]]:
        """Yield the tokens of prompt and continuation, read as one text, divided where the prompt's own tokens end."""
        alone, *both = self._ids([prompt, *(prompt + one for one in continuations)])
        for ids in both:
            # Where the end of a prompt and its continuation are one token, that is no part of the prompt.
            least = min(len(alone), len(ids))
            border = next((i for i in range(least) if alone[i] != ids[i]), least)
            yield self._start + ids[:border], ids[border:]

    def _ids(self, texts: Sequence[str]) -> list[Ids]:
        return _ids_of(self.tokenizer, texts)


def _ids_of(tokenizer: Any, texts: Sequence[str]) -> list[Ids]:  # noqa: ANN401 - a tokenizer of transformers
    """Return the tokens of each text, without special ones."""
    found = tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"] if texts else []
    return [tuple(ids) for ids in found]


def _open_turn(tokenizer: Any, prompt: str, room: int) -> Ids:  # noqa: ANN401 - as above
    """Return the tokens of a turn of a user, of which the beginning of what is said is left out where it is too long."""

    def turn(text: str) -> Ids:
        wrapped: str = tokenizer.apply_chat_template([{"role": "user", "content": text}], **_CHAT)
        return _ids_of(tokenizer, [wrapped])[0]

    found = turn(prompt)
    if len(found) <= room:
        return found
    said = _ids_of(tokenizer, [prompt])[0]
    left = max(1, len(said) - (len(found) - room))
    return turn(tokenizer.decode(said[-left:], skip_special_tokens=True))[-room:]


def _find_start(tokenizer: Any) -> Ids:  # noqa: ANN401 - a tokenizer of transformers
    """Return the special tokens that a tokenizer puts before a text."""
    bare, whole = (tuple(tokenizer("a", add_special_tokens=adds)["input_ids"]) for adds in (False, True))
    spare = len(whole) - len(bare)
    return next((whole[:size] for size in range(spare + 1) if whole[size : size + len(bare)] == bare), ())
