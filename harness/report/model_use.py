"""How a fine-tuned model is used without bench: the library that reads its folder, and the lines that do it."""

from __future__ import annotations

import json

from harness.core.finetuned import Contents, Finetuned
from harness.core.kinds import Target
from harness.core.writing import TURN

_LIBRARIES = {"transformers": "transformers", "timm": "timm", "open_clip": "open_clip"}


def library(head: Finetuned) -> str:
    """Return the library that reads the folder, as the Hub spells it."""
    if head.contents.target == "documents" or (_reads_vectors(head.contents) and head.contents.form == "whole"):
        return "sentence-transformers"
    if head.contents.form == "adapter":
        return "peft"
    return "bench" if head.contents.form == "probe" else _LIBRARIES.get(head.contents.card.adapter, "transformers")


def pipeline_kind(contents: Contents) -> str:
    """Return what transformers calls the kind: to it a number for a text is a class without a choice."""
    if contents.target == "tags":
        return "token-classification"
    if contents.target in {"text", "documents"}:
        return "text-generation" if contents.target == "text" else "sentence-similarity"
    return "image-classification" if contents.is_image else "text-classification"


def snippet(head: Finetuned) -> str:
    """Return lines of Python, empty for a probe, which bench alone reads. `FOLDER` stands for this folder."""
    contents = head.contents
    card = contents.card
    if contents.target in {"text", "documents"}:
        return _writing(contents) if contents.target == "text" else _SEARCH
    base = json.dumps(card.source) + (f",\n    revision={json.dumps(card.revision)}" if card.is_hub and card.revision else "")
    if _reads_vectors(contents):
        return _vectors(contents, base)
    count = len(contents.names)
    given = '"PICTURE.png"' if contents.is_image else '{"text": "TEXT", "text_pair": "OTHER"}' if contents.pair else '"TEXT"'
    texts = '["TEXT"], ["OTHER"]' if contents.pair else '["TEXT"]'
    known = {
        ("transformers", "whole"): _PIPELINE.format(
            kind=pipeline_kind(contents),
            given=given + {"labels": ", top_k=None", "tags": ', aggregation_strategy="first"'}.get(contents.target, ""),
        ),
        ("transformers", "adapter"): _adapter(contents).format(base=base, texts=texts),
        ("timm", "whole"): _TIMM,
        ("timm", "adapter"): _TIMM_ADAPTER.format(base=_timm_name(head), count=count),
        ("open_clip", "whole"): _OPEN_CLIP.format(count=count),
    }
    return known.get((card.adapter, contents.form), "")


def _reads_vectors(contents: Contents) -> bool:
    """Tell whether the head reads the vector that an encoder of sentences gives for a text."""
    return contents.form != "probe" and "pooling" in contents.recipe


def _vectors(contents: Contents, base: str) -> str:
    choose = _CHOOSE[contents.target]
    if contents.form == "whole":
        return _VECTORS.format(choose=choose)
    layers = contents.card.options.layers
    pooled = "[:, 0]" if contents.recipe["pooling"] == "cls" else ".mean(1)"
    return _ADAPTED_VECTORS.format(
        base=base + (f",\n    num_hidden_layers={layers}" if layers else ""), choose=choose, pooled=pooled
    )


def _adapter(contents: Contents) -> str:
    if contents.target == "tags":
        choose = "[config.id2label[int(tag)] for tag in logits[0].argmax(1)]"
        text = _TEXT_ADAPTER.replace("AutoModelForSequenceClassification", "AutoModelForTokenClassification")
        return text.replace("config.id2label[int(logits.argmax())]", choose)
    return _IMAGE_ADAPTER if contents.is_image else _TEXT_ADAPTER


def _writing(contents: Contents) -> str:
    """Return lines that let a language model write; the prompt is the task's own."""
    card = contents.card
    base = json.dumps(card.source) + (f", revision={json.dumps(card.revision)}" if card.is_hub and card.revision else "")
    limit = int(contents.recipe.get("limit", 128))
    given = _TURN if contents.recipe.get("prompt") == TURN else _PROMPT
    return (_WRITE_ADAPTER if contents.form == "adapter" else _WRITE).format(base=base, limit=limit, given=given)


def _timm_name(head: Finetuned) -> str:
    card = head.contents.card
    if card.source.startswith("random:"):
        return json.dumps(card.source.removeprefix("random:"))
    return json.dumps(f"{'hf-hub' if card.is_hub else 'local-dir'}:{card.source}")


_PROMPT = 'given = tokenizer("PROMPT", return_tensors="pt", return_token_type_ids=False)'
_TURN = """turn = [{"role": "user", "content": "PROMPT"}]
options = {"add_generation_prompt": True, "enable_thinking": False, "return_tensors": "pt", "return_dict": True}
given = tokenizer.apply_chat_template(turn, **options)"""
_WRITE = """from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained("FOLDER").eval()
tokenizer = AutoTokenizer.from_pretrained("FOLDER")
{given}
written = model.generate(**given, max_new_tokens={limit}, do_sample=False)
tokenizer.decode(written[0, given["input_ids"].shape[1] :], skip_special_tokens=True)"""
_WRITE_ADAPTER = """from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

base = AutoModelForCausalLM.from_pretrained({base})
model = PeftModel.from_pretrained(base, "FOLDER").eval()
tokenizer = AutoTokenizer.from_pretrained("FOLDER")
{given}
written = model.generate(**given, max_new_tokens={limit}, do_sample=False)
tokenizer.decode(written[0, given["input_ids"].shape[1] :], skip_special_tokens=True)"""
_SEARCH = """from sentence_transformers import SentenceTransformer

model = SentenceTransformer("FOLDER")
documents = model.encode_document(["DOCUMENT", "OTHER"])
model.similarity(model.encode_query(["QUERY"]), documents)"""
_CHOOSE: dict[Target, str] = {
    "class": "labels[int(outputs[0].argmax())]",
    "labels": "dict(zip(labels, outputs[0].sigmoid().tolist()))",
    "number": "float(outputs[0, 0])",
}
_VECTORS = """import json
from pathlib import Path

from sentence_transformers import SentenceTransformer

model = SentenceTransformer("FOLDER")
labels = json.loads(Path("FOLDER/bench.json").read_text())["contents"]["labels"]
outputs = model.encode(["TEXT"], convert_to_tensor=True)
{choose}"""
_ADAPTED_VECTORS = """import json
from pathlib import Path

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

base = AutoModel.from_pretrained(
    {base},
)
model = PeftModel.from_pretrained(base, "FOLDER").eval()
tokenizer = AutoTokenizer.from_pretrained("FOLDER")
labels = json.loads(Path("FOLDER/bench.json").read_text())["contents"]["labels"]
head = load_file("FOLDER/2_Dense/model.safetensors")
given = tokenizer(["TEXT"], return_tensors="pt", truncation=True, return_token_type_ids=False)
with torch.inference_mode():
    vector = model(**given).last_hidden_state{pooled}  # of one text, without padding
outputs = vector @ head["linear.weight"].T + head["linear.bias"]
{choose}"""
_PIPELINE = """from transformers import pipeline

classify = pipeline("{kind}", model="FOLDER")
classify({given})"""
_TEXT_ADAPTER = """from peft import PeftModel
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

config = AutoConfig.from_pretrained("FOLDER")
base = AutoModelForSequenceClassification.from_pretrained(
    {base},
    config=config,
)
model = PeftModel.from_pretrained(base, "FOLDER").eval()
tokenizer = AutoTokenizer.from_pretrained("FOLDER")
logits = model(**tokenizer({texts}, return_tensors="pt", truncation=True)).logits
config.id2label[int(logits.argmax())]"""
_IMAGE_ADAPTER = """from peft import PeftModel
from transformers import AutoConfig, AutoImageProcessor, AutoModelForImageClassification

config = AutoConfig.from_pretrained("FOLDER")
base = AutoModelForImageClassification.from_pretrained(
    {base},
    config=config,
    ignore_mismatched_sizes=True,
)
model = PeftModel.from_pretrained(base, "FOLDER").eval()
processor = AutoImageProcessor.from_pretrained("FOLDER")"""
_TIMM = """import timm

model = timm.create_model("local-dir:FOLDER", pretrained=True).eval()
transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
labels = model.pretrained_cfg["label_names"]"""
_TIMM_ADAPTER = """import timm
from peft import PeftModel

base = timm.create_model({base}, pretrained=True, num_classes={count})
model = PeftModel.from_pretrained(base, "FOLDER").eval()"""
_OPEN_CLIP = """import open_clip
import torch
from safetensors.torch import load_file

model, transform = open_clip.create_model_from_pretrained("local-dir:FOLDER")
weights = load_file("FOLDER/head.safetensors")
head = torch.nn.Linear(weights["weight"].shape[1], {count})
head.load_state_dict(weights)
# For pixels = transform(picture)[None]: logits = head(model.visual(pixels))"""
