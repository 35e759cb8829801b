"""Classifiers of the transformers library that were trained for inference between sentences: they embed, and tell what follows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForSequenceClassification

from harness.core.card import Card
from harness.core.data import Pair
from harness.core.trust import Trust
from harness.errors import CandidateError
from harness.models.batches import release
from harness.models.capabilities import Weights
from harness.models.headed import lacks_head, load_headed
from harness.models.inference import find_verdicts
from harness.models.tokens import Tokenization, Tokens, length
from harness.models.torch_module import count_weights
from harness.models.transformers_text import TextEncoder


class InferenceModel(TextEncoder):
    """An encoder of texts until it is first asked what follows; then the whole classifier, whose body goes on embedding."""

    def __init__(self, folder: Path, card: Card, device: str, trust: Trust) -> None:
        """Load tokenizer and body from a local folder."""
        super().__init__(folder, card, device, trust)
        self._source = folder, card, trust
        self._columns: list[int] = []
        self._whole: Any = None

    def load_whole(self) -> None:
        """Put the classifier in the place of its body, which is given back before; does nothing the second time.

        Raises:
            CandidateError: the folder lacks the weights of the classifier.
        """
        if self._whole is not None:
            return
        folder, card, _ = self._source
        has_encoder, self.model = self.model.config.is_encoder_decoder, None
        release()
        whole, lacking = load_headed(AutoModelForSequenceClassification, self._source, self.device)
        self.model = whole.get_encoder() if has_encoder else whole.base_model
        if lacking:
            raise lacks_head(card, "a classifier", lacking)
        verdicts = find_verdicts(card, folder)
        if verdicts is None:
            hint = "see label2id in its config.json"
            raise CandidateError("no output of it means entailment", where=f"card {card.name}", hint=hint)
        self._columns = [verdicts.entailed, verdicts.against]
        # Decoders look for the last token by it.
        if whole.config.pad_token_id is None:
            whole.config.pad_token_id = self._tokens.pad
        self._whole = whole

    def entails(self, premises: Sequence[str], hypotheses: Sequence[str]) -> NDArray[np.float32]:
        """Return `(n, 2) float32`: the logits that hypothesis i follows from premise i, and that it contradicts or does not follow.

        What the model cannot read of a premise is cut off at its end; a hypothesis is always read whole.

        Raises:
            CandidateError: a hypothesis leaves no room for a premise, or a single row does not fit in memory.
        """
        self.load_whole()
        if not premises:
            return np.zeros((0, 2), np.float32)
        self._check_room(hypotheses)
        reader = Tokenization(self.tokenizer, "", self._whole)
        pairs = [Pair(premise, hypothesis) for premise, hypothesis in zip(premises, hypotheses, strict=True)]
        rows = list(reader.encode(pairs, self.max_length, cut="only_first"))
        found: NDArray[np.float32] = self.batches.run(
            [length(row) for row in rows],
            lambda where: self._judge(reader, [rows[i] for i in where]),
            lambda row: self._too_long(rows[row]),
        )[0]
        return found

    def weights(self) -> Weights:
        """Count what was loaded."""
        return count_weights(self.model if self._whole is None else self._whole)

    @torch.inference_mode()
    def _judge(self, reader: Tokenization, rows: list[Tokens]) -> NDArray[np.float32]:
        logits = self._whole(**reader.batch(rows, self.device)).logits
        found: NDArray[np.float32] = logits[None, :, self._columns].float().cpu().numpy()
        return found

    def _check_room(self, hypotheses: Sequence[str]) -> None:
        """Accept hypotheses that leave room for a token of a premise.

        Raises:
            CandidateError: one does not.
        """
        spare = self.tokenizer.num_special_tokens_to_add(pair=True)
        distinct = list(dict.fromkeys(hypotheses))
        sizes = [len(ids) for ids in self.tokenizer(distinct, add_special_tokens=False, verbose=False)["input_ids"]]
        longest = max(sizes)
        if longest + spare >= self.max_length:
            said = distinct[sizes.index(longest)][:80]
            what = f'the hypothesis "{said}" has {longest} tokens, and the model reads {self.max_length}'
            raise CandidateError(what, hint="describe the classes in fewer words, under `classes` and `prompts` in task.yaml")
