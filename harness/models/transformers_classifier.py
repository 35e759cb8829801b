"""Classifiers of the transformers library: texts through `AutoModelForSequenceClassification`, pictures likewise.

A folder that `save` wrote loads with `from_pretrained(folder)` of the same class. After an adapter technique it loads with
`PeftModel.from_pretrained(base, folder)`, over the base model as that class loads it with the folder's configuration.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import (
    MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING,
    AutoConfig,
    AutoModelForImageClassification,
    AutoModelForSequenceClassification,
    AutoTokenizer,
)

from harness.core.card import Card
from harness.core.data import Input
from harness.core.kinds import Target
from harness.core.trust import Trust
from harness.models.adapter_folder import is_adapter, save_adapter
from harness.models.formats import readable_form
from harness.models.picture_classifier import PictureClassifier, Pixels
from harness.models.pooling import choose_prompt
from harness.models.tokens import Tokenization, Tokens, length
from harness.models.trainable import Aim, Trainable, new_modules, no_head
from harness.models.transformers_text import TOKENS_PER_BATCH, max_length, shorten

Source = tuple[Card, Path, Trust]
# What transformers calls what is told of a row, where that is not one class.
_PROBLEMS: dict[Target, str] = {"labels": "multi_label_classification", "number": "regression"}


class TextClassifier:
    """A text encoder with a new head; rows are padded on the right to the longest beside them."""

    def __init__(self, loaded: tuple[Any, Any, tuple[str, ...]], folder: Path, card: Card, device: str) -> None:
        """Take a module, its tokenizer and the names of its new modules."""
        module, self.tokenizer, self.head = loaded
        self.module: Any = module.to(device)
        self.device = device
        self.cells = TOKENS_PER_BATCH[torch.device(device).type]
        self.max_length = max_length(folder, module.config, self.tokenizer, card)
        self._card, self._folder, self._config = card, folder, module.config
        self.prompt = choose_prompt(folder, card)
        self._tokens = Tokenization(self.tokenizer, self.prompt, module)

    def reserve(self, tokens: int) -> None:
        """Shorten texts where the model has no positions for what is put before them."""
        positions = getattr(self._config, "max_position_embeddings", None)
        if isinstance(positions, int) and positions > 0:
            # The RoBERTa family counts positions from behind the padding index.
            self.max_length = max(2, min(self.max_length, positions - self._tokens.pad - 1 - tokens))

    def encode(self, inputs: Sequence[Input]) -> Sequence[Tokens]:
        """Return the tokens of each text or pair, special ones included, cut off at what the model reads."""
        return list(self._tokens.encode(inputs, self.max_length))

    def length(self, one: Tokens) -> int:
        """Return the number of tokens."""
        return length(one)

    def logits(self, batch: Sequence[Tokens]) -> torch.Tensor:
        """Return `(n, classes)`."""
        found: torch.Tensor = self.module(**self._tokens.batch(batch, self.device)).logits
        return found

    def save(self, folder: Path, labels: Sequence[str]) -> None:
        """Write weights or adapter, configuration with labels, and tokenizer."""
        name_labels(self._config, labels)
        self.tokenizer.model_max_length = self.max_length
        if is_adapter(self.module):
            save_adapter(self.module, folder, self._card, self._folder)
            self._config.save_pretrained(folder)
        else:
            self.module.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)


def load_text(card: Card, folder: Path, device: str, trust: Trust, *, aim: Aim) -> Trainable:
    """Load a text encoder with a new head, as float32; of a pickle only the tensors are read.

    Raises:
        CandidateError: transformers has no classification head for it.
    """
    runs_code = card.remote_code and trust.remote_code
    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=runs_code)
    if card.options.layers:
        shorten(config, card)
    if config.is_encoder_decoder or (not runs_code and type(config) not in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING):
        raise no_head(f"card {card.name}, {config.model_type}")
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=runs_code)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    config.pad_token_id = tokenizer.pad_token_id
    module, head = load_module(AutoModelForSequenceClassification, config, aim, (card, folder, trust))
    return TextClassifier((module, tokenizer, head), folder, card, device)


def load_image(card: Card, folder: Path, device: str, trust: Trust, *, aim: Aim) -> Trainable:
    """Load an image encoder with a new head, as float32; of a pickle only the tensors are read.

    Raises:
        CandidateError: transformers has no classification head for it.
    """
    from transformers import AutoImageProcessor  # noqa: PLC0415 - brings torchvision, which texts do without

    runs_code = card.remote_code and trust.remote_code
    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=runs_code)
    if not runs_code and type(config) not in MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING:
        raise no_head(f"card {card.name}, {config.model_type}")
    processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=runs_code)
    module, head = load_module(AutoModelForImageClassification, config, aim, (card, folder, trust))

    def to_pixels(pictures: Pixels) -> torch.Tensor:
        found: torch.Tensor = processor(list(pictures), return_tensors="pt")["pixel_values"]
        return found

    def save(trained: torch.nn.Module, where: Path, labels: Sequence[str]) -> None:
        name_labels(config, labels)
        if is_adapter(trained):
            save_adapter(trained, where, card, folder)
            config.save_pretrained(where)
        else:
            trained.save_pretrained(where)  # type: ignore[operator]
        processor.save_pretrained(where)

    return PictureClassifier(module, head, device, (to_pixels, save))


def load_module(
    kind: Any,  # noqa: ANN401 - of transformers
    config: Any,  # noqa: ANN401 - as above
    aim: Aim,
    source: Source,
) -> tuple[Any, tuple[str, ...]]:
    """Return a module with the configuration and outputs that are wanted, and the names of its new modules."""
    card, folder, trust = source
    name_labels(config, aim.names)
    if aim.target in _PROBLEMS:
        config.problem_type = _PROBLEMS[aim.target]
    module, report = kind.from_pretrained(
        folder,
        config=config,
        local_files_only=True,
        trust_remote_code=card.remote_code and trust.remote_code,
        use_safetensors=readable_form(folder, card, trust) == "safetensors",
        weights_only=True,
        dtype=torch.float32,
        ignore_mismatched_sizes=True,
        output_loading_info=True,
    )
    mismatched = (one[0] for one in report["mismatched_keys"])
    head = new_modules((*report["missing_keys"], *mismatched))
    return module, head or _forget_head(kind, module, config)


def _forget_head(kind: Any, module: Any, config: Any) -> tuple[str, ...]:  # noqa: ANN401 - a factory, a module and a configuration of transformers
    """Draw a new head where the checkpoint is a classifier of as many classes itself; return the names of its modules.

    The head is what has another shape for another number of classes.
    """
    larger = copy.deepcopy(config)
    name_labels(larger, [*config.id2label.values(), ""])
    with torch.device("meta"):
        other = dict(kind.from_config(larger).named_parameters())
    head = new_modules(name for name, one in module.named_parameters() if other[name].shape != one.shape)
    for name in head:
        module.get_submodule(name).reset_parameters()
    return head


def name_labels(config: Any, labels: Sequence[str]) -> None:  # noqa: ANN401 - a configuration of transformers
    """Write what each output means into a configuration."""
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: i for i, label in enumerate(labels)}
