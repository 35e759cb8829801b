"""What a language model of transformers writes after prompts: greedily, by the library's own `generate`, many at once."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import GenerationConfig
from transformers.generation import StoppingCriteriaList

from harness.core.writing import cut
from harness.errors import CandidateError
from harness.models.batches import Batches

Ids = tuple[int, ...]

# Of the settings that a folder has for generation those that say what its tokens mean. How to decode is bench's to say.
_TOKENS = ("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id", "forced_bos_token_id")
# Tokens whose text is made at once, to see which can end a stop text.
_AT_ONCE = 10_000
_BROKEN = "\ufffd"


class Writer:
    """A language model that writes; prompts of about the same length stand in a batch, padded where it does not count."""

    def __init__(
        self,
        model: Any,  # noqa: ANN401 - of transformers
        tokenizer: Any,  # noqa: ANN401 - as above
        device: str,
        tokens: int,
        *,
        before: torch.Tensor | None = None,
    ) -> None:
        """Take a model in evaluation mode, its tokenizer, and how many tokens the device is known to take at once.

        `before` are embeddings `(tokens, d)` that stand before each prompt of a decoder.
        """
        self._model, self._tokenizer, self._device, self._before = model, tokenizer, device, before
        self._batches = Batches(tokens)
        self._settings = _settings(model, tokenizer)
        # What is not set here would come from the folder: beams, sampling, penalties.
        model.generation_config = self._settings
        self._ends: dict[tuple[str, ...], torch.Tensor] = {}

    @property
    def ends(self) -> tuple[int, ...]:
        """Return the tokens that end a text."""
        return tuple(self._settings.eos_token_id or ())

    def write(self, prompts: Sequence[Ids], limit: int, stop: Sequence[str]) -> list[str]:
        """Return what is written after each prompt, at most `limit` tokens, up to the first of the stop texts.

        Raises:
            CandidateError: a single prompt does not fit in memory.
        """
        texts = [""] * len(prompts)
        rule = _Ending(self._tokenizer, tuple(stop), self._ending_tokens(tuple(stop))) if stop else None

        def forward(rows: list[int]) -> NDArray[np.float32]:
            for row, text in zip(rows, self._generate([prompts[row] for row in rows], limit, rule), strict=True):
                texts[row] = cut(text, stop)
            # Texts are kept beside; numbers are what batches give back.
            return np.zeros((1, len(rows), 1), np.float32)

        more = limit + (0 if self._before is None else len(self._before))
        self._batches.run([len(one) + more for one in prompts], forward, lambda row: self._too_long(prompts[row]))
        return texts

    @torch.inference_mode()
    def _generate(self, prompts: Sequence[Ids], limit: int, rule: _Ending | None) -> list[str]:
        width, has_encoder = max(map(len, prompts)), self._model.config.is_encoder_decoder
        ids = torch.full((len(prompts), width), self._settings.pad_token_id, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, one in enumerate(prompts):
            # A decoder goes on from the right end; an encoder counts places from the left one.
            place = slice(len(one)) if has_encoder else slice(width - len(one), width)
            ids[row, place], mask[row, place] = torch.tensor(one), 1
        given = {"input_ids": ids.to(self._device), "attention_mask": mask.to(self._device)}
        begins = 1 if has_encoder else width
        if self._before is not None:
            given, begins = self._put_before(self._before, given, prompts), 0
        if rule is not None:
            rule.begin(begins)
        found = self._model.generate(
            **given,
            generation_config=self._limited(limit),
            stopping_criteria=StoppingCriteriaList([rule] if rule is not None else []),
        )
        written = found[:, begins:].cpu().tolist()
        texts: list[str] = self._tokenizer.batch_decode(written, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return texts

    def _put_before(self, before: torch.Tensor, given: dict[str, torch.Tensor], prompts: Sequence[Ids]) -> dict[str, torch.Tensor]:
        """Return embeddings in place of tokens, with what stands before each prompt between it and its padding.

        peft itself puts it before the padding, where places are counted otherwise than without any.
        """
        size, (rows, width) = len(before), given["input_ids"].shape
        room = torch.full((rows, size), self._settings.pad_token_id, dtype=torch.long, device=self._device)
        found = self._model.get_input_embeddings()(torch.cat([room, given["input_ids"]], 1))
        mask = torch.cat([torch.zeros_like(room), given["attention_mask"]], 1)
        for row, one in enumerate(prompts):
            place = slice(width - len(one), width - len(one) + size)
            found[row, place], mask[row, place] = before.to(found.dtype), 1
        return {"inputs_embeds": found, "attention_mask": mask}

    def _limited(self, limit: int) -> GenerationConfig:
        found = copy.copy(self._settings)
        found.max_new_tokens = limit
        return found

    def _ending_tokens(self, stop: tuple[str, ...]) -> torch.Tensor:
        """Return of each token whether a stop text can end in it: `(words,) bool`."""
        if stop not in self._ends:
            words = self._model.get_output_embeddings().weight.shape[0]
            last = {one[-1] for one in stop} | {_BROKEN}
            found = torch.ones(words, dtype=torch.bool)
            known = min(words, len(self._tokenizer))
            for start in range(0, known, _AT_ONCE):
                part = range(start, min(start + _AT_ONCE, known))
                pieces = self._tokenizer.batch_decode([[token] for token in part], clean_up_tokenization_spaces=False)
                found[part.start : part.stop] = torch.tensor([not last.isdisjoint(piece) for piece in pieces])
            self._ends[stop] = found.to(self._device)
        return self._ends[stop]

    def _too_long(self, prompt: Ids) -> CandidateError:
        what = f"a single prompt of {len(prompt)} tokens does not fit into the memory of device {self._device}"
        return CandidateError(what, hint="set a smaller context in the card, use a smaller model, or a device with more memory")


class _Ending:
    """Ends a row that holds a stop text. A row's text is made only where its last token can end one."""

    def __init__(self, tokenizer: Any, stop: tuple[str, ...], ends: torch.Tensor) -> None:  # noqa: ANN401 - of transformers
        self._tokenizer, self._stop, self._ends = tokenizer, stop, ends
        self._begins = 0

    def begin(self, at: int) -> None:
        """Say where what is written begins."""
        self._begins = at

    def __call__(self, input_ids: torch.Tensor, scores: Any) -> Any:  # noqa: ANN401 - the library's form
        """Return of each row whether it is done, `(n,) bool`."""
        done = torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)
        rows = torch.nonzero(self._ends[input_ids[:, -1]])[:, 0].tolist()
        if rows:
            texts = self._tokenizer.batch_decode(
                input_ids[rows, self._begins :].tolist(), skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
            done[rows] = torch.tensor([cut(text, self._stop) != text for text in texts], device=done.device)
        return done


def _settings(model: Any, tokenizer: Any) -> GenerationConfig:  # noqa: ANN401 - of transformers
    """Return greedy decoding with the folder's special tokens, and nothing else that its own settings say."""
    stated = model.generation_config
    known = {name: found for name in _TOKENS if (found := getattr(stated, name, None)) is not None}
    ends = known.get("eos_token_id", [])
    every = {*(ends if isinstance(ends, list) else [ends]), tokenizer.eos_token_id, getattr(model.config, "eos_token_id", None)}
    flat = {one for some in every - {None} for one in (some if isinstance(some, tuple | list) else (some,))}
    pad = next((one for one in (known.get("pad_token_id"), tokenizer.pad_token_id) if one is not None), min(flat, default=0))
    known |= {"eos_token_id": sorted(flat) or None, "pad_token_id": pad}
    return GenerationConfig(do_sample=False, num_beams=1, use_cache=True, **known)
