"""Encoders of sentences that learn to classify: a linear layer on the vector that the model was trained to give for a text.

The heads of the transformers library read the first token, whatever a model was trained to be read by. A folder that `save` wrote
loads with `SentenceTransformer(folder)`, whose vectors are then what the head gives, and its body with
`AutoModel.from_pretrained(folder)`. After an adapter technique it holds the head, and an adapter for the body of the base model.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModel, AutoTokenizer
from transformers.modeling_outputs import SequenceClassifierOutput

from harness.core.card import Card
from harness.core.trust import Trust
from harness.models.adapter_folder import is_adapter, save_adapter
from harness.models.formats import readable_form
from harness.models.pooling import sentence_pooling
from harness.models.sentence_layout import DENSE, Layout, read_pooling, write_layout
from harness.models.torch_module import pool
from harness.models.trainable import Aim, Trainable
from harness.models.transformers_classifier import TextClassifier, load_text, name_labels
from harness.models.transformers_text import shorten

_BODY, _HEAD = "body", "classifier"
_DROPOUT = 0.1
_WEIGHTS = "model.safetensors"


class EncoderForSequenceClassification(torch.nn.Module):
    """The pooled states of an encoder, dropout, and a linear layer; called as the classifiers of transformers are."""

    main_input_name = "input_ids"
    base_model_prefix = _BODY

    def __init__(self, body: Any, pooling: str, outputs: int) -> None:  # noqa: ANN401 - a model of transformers
        """Take an encoder; its own pooler, where it has one, is not read."""
        super().__init__()
        self.body, self.pooling, self.config = body, pooling, body.config
        self.dropout = torch.nn.Dropout(_DROPOUT)
        self.classifier = torch.nn.Linear(body.config.hidden_size, outputs)
        torch.nn.init.normal_(self.classifier.weight, std=getattr(body.config, "initializer_range", 0.02))
        torch.nn.init.zeros_(self.classifier.bias)

    @property
    def device(self) -> torch.device:
        """Return where its weights are; peft asks."""
        return self.classifier.weight.device

    def get_input_embeddings(self) -> torch.nn.Module:
        """Return the table of tokens."""
        found: torch.nn.Module = self.body.get_input_embeddings()
        return found

    def forward(self, attention_mask: torch.Tensor, **given: Any) -> SequenceClassifierOutput:  # noqa: ANN401 - tensors and switches
        """Return `(n, outputs)` as `logits`; tokens that an adapter of the body puts in front are read like the others."""
        told = {name: one for name, one in given.items() if one is not None}
        states = self.body(attention_mask=attention_mask, **told).last_hidden_state
        added = states.shape[1] - attention_mask.shape[1]
        mask = torch.nn.functional.pad(attention_mask, (added, 0), value=1)
        return SequenceClassifierOutput(logits=self.classifier(self.dropout(pool(states, mask, self.pooling))))


class SentenceClassifier(TextClassifier):
    """A text encoder whose own vector of a text a new linear layer reads; rows are padded as in `TextClassifier`."""

    def __init__(self, loaded: tuple[Any, Any], folder: Path, card: Card, device: str) -> None:
        """Take a module and its tokenizer; a pooler that its body has but does not need is kept aside until it is saved."""
        module, tokenizer = loaded
        body = module.body
        # What is not read cannot learn; models that can do without one have a switch for it.
        is_spare = "add_pooling_layer" in inspect.signature(type(body).__init__).parameters
        self._pooler: torch.nn.Module | None = getattr(body, "pooler", None) if is_spare else None
        if self._pooler is not None:
            body.pooler = None
        self.pooling: str = module.pooling
        super().__init__((module, tokenizer, (_HEAD,)), folder, card, device)

    def save(self, folder: Path, labels: Sequence[str]) -> None:
        """Write body or adapter, head and tokenizer, and what sentence-transformers reads beside them."""
        name_labels(self._config, labels)
        self.tokenizer.model_max_length = self.max_length
        self.tokenizer.save_pretrained(folder)
        if is_adapter(self.module):
            save_adapter(self.module, folder, self._card, self._folder, part=_BODY)
            head = head_of(self.module.get_base_model())
            (folder / DENSE).mkdir()
        else:
            head = head_of(self.module)
            _save_body(self.module.body, self._pooler, folder)
            prompts = {"classification": self.prompt} if self.prompt else {}
            layout = Layout(self.pooling, head.in_features, self.max_length, prompts, head.out_features)
            write_layout(layout, folder, self._folder)
        tensors = {f"linear.{name}": one.detach().cpu().contiguous() for name, one in head.named_parameters()}
        save_file(tensors, folder / DENSE / _WEIGHTS)


def _save_body(body: Any, pooler: torch.nn.Module | None, folder: Path) -> None:  # noqa: ANN401 - a model of transformers
    """Write an encoder, with the pooler that stood aside."""
    if pooler is not None:
        body.pooler = pooler
    body.save_pretrained(folder)
    if pooler is not None:
        body.pooler = None


def head_of(module: Any) -> torch.nn.Linear:  # noqa: ANN401 - with a wrapper of peft inside or not
    """Return the last layer, out of the wrapper that peft puts around what it trains whole."""
    kept = getattr(module.classifier, "modules_to_save", None)
    found: torch.nn.Linear = module.classifier if kept is None else kept["default"]
    return found


def load(card: Card, folder: Path, device: str, trust: Trust, *, aim: Aim) -> Trainable:
    """Load a text encoder with a new head, as float32: on its own vector where it was trained to give one, else its library's.

    Where rows are pairs it is the library's: both texts are read as one, which no encoder of sentences was trained for.

    Raises:
        CandidateError: transformers has no classification head for it.
    """
    runs_code = card.remote_code and trust.remote_code
    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=runs_code)
    pooling = "" if aim.by_library or config.is_encoder_decoder else sentence_pooling(folder, config, card)
    if not pooling or not isinstance(getattr(config, "hidden_size", None), int):
        return load_text(card, folder, device, trust, aim=aim)
    if card.options.layers:
        shorten(config, card)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=runs_code)
    body = AutoModel.from_pretrained(
        folder,
        config=config,
        local_files_only=True,
        trust_remote_code=runs_code,
        use_safetensors=readable_form(folder, card, trust) == "safetensors",
        weights_only=True,
        dtype=torch.float32,
    )
    module = EncoderForSequenceClassification(body, pooling, len(aim.names))
    return SentenceClassifier((module, tokenizer), folder, card, device)


def is_saved(folder: Path) -> bool:
    """Tell whether a folder was written by `SentenceClassifier`."""
    return (folder / DENSE / _WEIGHTS).is_file()


def read(card: Card, folder: Path, device: str, *, runs_code: bool, outputs: int) -> Trainable:
    """Load a classifier that was saved with all its weights."""
    given = {"local_files_only": True, "trust_remote_code": runs_code}
    body = AutoModel.from_pretrained(folder, use_safetensors=True, dtype=torch.float32, **given)
    tokenizer = AutoTokenizer.from_pretrained(folder, **given)
    module = EncoderForSequenceClassification(body, read_pooling(folder), outputs)
    _read_head(module, folder)
    return SentenceClassifier((module, tokenizer), folder, card, device)


def read_adapter(base: Trainable, folder: Path) -> Any:  # noqa: ANN401 - a model of peft
    """Put an adapter and a head that were saved into a classifier over its base model; return the adapted body."""
    from peft import PeftModel  # noqa: PLC0415 - seconds of imports, which whole models do without

    module: Any = base.module
    with warnings.catch_warnings():
        # It asks transformers in a way that will change; nothing that a user could mend.
        warnings.filterwarnings("ignore", category=FutureWarning)
        module.body = PeftModel.from_pretrained(module.body, str(folder))
    _read_head(module, folder)
    return module.body


def _read_head(module: EncoderForSequenceClassification, folder: Path) -> None:
    tensors = load_file(folder / DENSE / _WEIGHTS)
    module.classifier.load_state_dict({name.removeprefix("linear."): one for name, one in tensors.items()})
