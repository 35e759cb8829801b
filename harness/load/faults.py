"""From what pydantic found wrong to lines a user can act on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from harness.core.card import NAME, REVISION
from harness.core.task import UnknownMetricError
from harness.errors import BenchError, Faults, suggest
from harness.load.yaml_file import Key, YamlFile

_SHOWN = 100
Model = TypeVar("Model", bound=BaseModel)

_EXPECTED = {
    "bool": ("true or false", ""),
    "dict": ("keys and values", "write one `key: value` a line, indented"),
    "float": ("a number", ""),
    "int": ("a whole number", "give a whole number, without a unit"),
    "model": ("keys and values", "write one `key: value` a line, indented"),
    "string": ("text", "put it in quotes"),
    "tuple": ("a list", "write it in brackets: [a, b]"),
    "url": ("a web address", "begin it with https://"),
}
_SHAPES = {
    NAME: 'use lower-case letters, digits, ".", "_" and "-", beginning with a letter or digit',
    REVISION: "give the full commit hash, 40 hexadecimal digits, in quotes",
}


def each_fault(error: BenchError) -> tuple[BenchError, ...]:
    """Return the faults that an error holds, so that those of several files can be shown as one list."""
    return error.faults if isinstance(error, Faults) else (error,)


def validate(
    model: type[Model], content: object, file: YamlFile, kind: type[BenchError], *, at: Key = ()
) -> Model | list[BenchError]:
    """Return the noun that part of a file states, or every fault in it; `at` is the key path of that part."""
    if not isinstance(content, Mapping):
        return [
            kind(f"expected keys and values, found {_name(content)}", where=file.locate(at), hint="write one `key: value` a line")
        ]
    try:
        return model.model_validate(content)
    except ValidationError as error:
        found = [(item["loc"], *explain(item, model)) for item in error.errors(include_url=False)[:_SHOWN]]
        found.sort(key=lambda fault: file.find_line((*at, *fault[0])))
        return [kind(what, where=file.locate((*at, *loc)), hint=hint) for loc, what, hint in found]


def explain(item: ErrorDetails, model: type[BaseModel]) -> tuple[str, str]:
    """Return what is wrong with a value that pydantic refused, and what to do."""
    last = str(item["loc"][-1]) if item["loc"] else ""
    match item["type"]:
        case "extra_forbidden":
            message = f'unknown key "{last}"', suggest(last, _fields(model, item["loc"][:-1]))
        case "missing":
            message = f'the key "{last}" is missing', f"add `{last}: …`"
        case "literal_error":
            options = re.findall(r"'([^']*)'", item["ctx"]["expected"]) or [item["ctx"]["expected"]]
            message = f'unknown {last} "{item["input"]}"', suggest(str(item["input"]), options)
        case "value_error":
            message = _own_message(item)
        case "string_pattern_mismatch":
            hint = _SHAPES.get(item["ctx"]["pattern"], "write YYYY, YYYY-MM or YYYY-MM-DD")
            message = f'"{item["input"]}" is not a valid {last}', hint
        case other:
            message = _type_message(item, other, last)
    return message


def _type_message(item: ErrorDetails, code: str, last: str) -> tuple[str, str]:
    """Say what type was expected, or what pydantic says of a value out of range."""
    name = code.partition("_")[0]
    if name in _EXPECTED and code.endswith(("_type", "_parsing", "_from_float", "_scheme")):
        expected, hint = _EXPECTED[name]
        return f"expected {expected}, found {_name(item['input'])}", hint or f"give {expected}"
    return item["msg"].replace("Input should", f'"{last}" should'), f"change {_name(item['input'])}"


_HINTS = {
    "remote.key_variable is not": "name it in capitals with KEY or TOKEN in it, such as EXAMPLE_API_KEY, and export the key by it",
    "is listed twice": "list it once; `weight` says how much it counts",
    "not for sentences of words": "leave it out; name the words or texts with data.text, the tags or spans with data.label",
    "here every word has a tag": "choose one of bench's own: micro_f1, macro_f1, weighted_f1, precision, recall",
    "classes and prompts are for": "leave them out: no word is compared with words for types of entities",
    "for retrieval, the kind": "leave it out; retrieval has data.query and data.document, other kinds data.text and data.label",
    "is not for pictures with captions": "leave it out; data.image names the picture, data.text its caption or captions",
    "and a search finds captions": "choose one of bench's own: mean_recall, i2t_recall@1 to @10, t2i_recall@1 to @10",
    "and a search finds documents": "choose one of bench's own: ndcg@10, recall@1, recall@5, recall@10, recall@100, mrr",
    "data.query and data.document": "name the column of the queries and that of the documents that are right for them",
    "classes, prompts and ask are": "leave them out",
    "are for generation, the kind": "leave them out; other kinds have data.text and data.label, and ask for classes with `ask`",
    "for the kind generation": "leave it out; generation has data.prompt and data.reference, and columns that write.template names",
    "data.prompt and data.reference": "name the column of what is asked and that of the right text",
    "and texts are judged by": "choose one of bench's own: exact_match, token_f1, rouge_l, chrf",
    "write.template cannot": "write a column as {name} and the answer's place as {reference}, and a brace that is none as {{ or }}",
    "write.template has no": "name at least one column, such as {prompt}, and last the place of the answer, {reference}",
    "write.answer is no": "mend it, or leave it out: then the whole text is the answer",
    "places for the class": "write {} once, where the words for the class are to stand",
    "ask.template cannot": "write a field as {text} or {label}, and a brace that is none as {{ or }}",
    "ask.template has an unknown": "the fields are {text}, of pairs {text_pair}, of questions {options}, and {label} or {letter}; "
    "a brace that is none is {{ or }}",
    "for the label": "write {text} where the row is to stand, and {label} once, where the words for its class are",
    "behind the label": "put {label} behind all other fields: what a model is asked for comes last",
    "ask.template has": "write {text_pair} where rows are pairs (data.text_pair), and there alone",
    "ask is for texts": "leave ask out: language models are asked for one class of a text alone",
    "data.options is": "leave it out, or choose the kind multiple-choice",
    "multiple-choice has options": "leave them out; data.text is the question, data.options what it can be answered with",
    "and the rows are no questions": "leave it out; {options} and {letter} are for the kind multiple-choice",
    "multi_label is": "leave multi_label out, or choose text-classification or image-classification",
    "data.text_pair": "let data.text and data.text_pair name the columns of the two texts, or leave text_pair out",
}


def _own_message(item: ErrorDetails) -> tuple[str, str]:
    """Read a message that a noun wrote itself."""
    error = item["ctx"]["error"]
    what = str(error)
    if isinstance(error, UnknownMetricError):
        return what, suggest(str(item["input"]), error.names)
    if "SPDX" in what:
        return what, "use an identifier from spdx.org/licenses such as apache-2.0, LicenseRef-NAME for others, or unknown"
    hint = next((hint for sign, hint in _HINTS.items() if sign in what), "correct it")
    return what, hint


def _fields(model: type[BaseModel], loc: tuple[str | int, ...]) -> list[str]:
    """Name the keys that are known at a place inside a model."""
    for part in loc:
        field = model.model_fields.get(str(part))
        inner = _model_in(field.annotation) if field else None
        model = inner or model
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - an annotation can be anything
    """Find the model in an annotation such as `LicensePolicy | None` or `tuple[Member, ...]`."""
    if get_args(annotation):
        return next((model for part in get_args(annotation) if (model := _model_in(part))), None)
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _name(value: object) -> str:
    """Name a value as the file's author would."""
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "keys and values"
    if isinstance(value, list | tuple):
        return "a list"
    shown = str(value)
    shown = shown if len(shown) <= 60 else shown[:57] + "…"
    return shown.lower() if isinstance(value, bool) else shown if isinstance(value, int | float) else f'"{shown}"'
