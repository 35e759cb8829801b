"""What a technique is called in a sentence."""

from __future__ import annotations

# Those that use a model as it is; of these, the first learn from no label.
UNTAUGHT = ("zero-shot", "entailment", "cosine", "prompted", "dense-search")
ASKED = ("prompted", "few-shot")
# Those that need the whole model, and no features of its body.
WHOLE = (*ASKED, "entailment")

_NAMES = {
    "zero-shot": "class names alone",
    "entailment": "entailment of class names",
    "prompted": "a prompt",
    "few-shot": "a prompt with examples",
    "cosine": "cosines of its vectors",
    "dense-search": "its own vectors",
    "knn": "nearest neighbors",
    "linear-probe": "a linear probe",
    "full": "full fine-tuning",
    "lora": "LoRA",
    "ia3": "IA³",
    "prompt-tuning": "prompt tuning",
    "probe-then-finetune": "full fine-tuning from its probe",
}


def technique_name(word: str) -> str:
    """Return a technique's name as part of a sentence; an unknown one as it is.

    >>> technique_name("lora"), technique_name("my-own")
    ('LoRA', 'my-own')
    """
    return _NAMES.get(word, word)
