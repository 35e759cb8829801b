"""How a row and the classes of a task are put to a language model, in words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from string import Formatter
from typing import Annotated, Literal

from pydantic import Field, field_validator

from harness.core.data import Choice, Input, Pair, place_name
from harness.core.noun import Noun

Normalize = Literal["prior", "tokens", "none"]
Part = tuple[str, str]
FIELDS = ("text", "text_pair", "options", "label", "letter")
# What a template ends with: the words for a class or the text of an option, or the letter of an option.
ANSWERS = ("label", "letter")
TEMPLATE = "Text: {text}\nCategory: {label}"
CHOICE_TEMPLATE = "Question: {text}\nAnswer: {label}"
PAIR_TEMPLATE = "Text 1: {text}\nText 2: {text_pair}\nCategory: {label}"
# What stands between the instruction, the examples and the row itself.
BETWEEN = "\n\n"
_LONGEST = 10_000


class Ask(Noun):
    """How a language model is asked for the class of a row, or for the right one of its options.

    The `instruction` stands once before everything else. The `template` holds `{text}`, of pairs `{text_pair}` too, and behind them
    `{label}`, where the words for a class stand. Of questions `{label}` is where each option's text stands; `{options}` lists them
    all, and `{letter}` in place of `{label}` asks for an option by its letter. Likelihoods are compared by what the row adds to
    them (`prior`), by token (`tokens`), or as they are (`none`); where that is not said, classes by the first, options by the
    second, letters by the third.
    """

    template: Annotated[str, Field(min_length=1, max_length=_LONGEST)] | None = None
    instruction: Annotated[str, Field(max_length=_LONGEST)] = ""
    normalize: Normalize | None = None

    @field_validator("template")
    @classmethod
    def _check_template(cls, value: str | None) -> str | None:
        if value is not None:
            _check(value)
        return value

    @property
    def fields(self) -> tuple[str, ...]:
        """Return the fields of the template in their order, none where it is not stated."""
        return tuple(field for _, field in parts(self.template or "") if field)


@dataclass(frozen=True, slots=True)
class Wording:
    """A template to be filled, and the words for each class, of which the first stand in examples; a question has its own options.

    `is_told` says that the words mean something by themselves, without examples.
    """

    template: str
    words: tuple[tuple[str, ...], ...]
    instruction: str = ""
    normalize: Normalize = "prior"
    is_told: bool = True

    @property
    def opening(self) -> str:
        """Return what stands before everything else."""
        return self.instruction + BETWEEN if self.instruction else ""

    def prompt(self, row: Input | None) -> str:
        r"""Return the template up to the label, without the spaces before it; None leaves the places of texts empty.

        >>> Wording("{text}. It is {label}!", (("good",),)).prompt("a {label}")
        'a {label}. It is'
        """
        given = _fill(row)
        return "".join(literal + given.get(field, "") for literal, field in _divide(self.template)[0])

    def phrases(self, row: Input | None) -> tuple[tuple[str, ...], ...]:
        """Return what is compared for a row: the words for each class, or each of its options, by text or by letter."""
        if not isinstance(row, Choice):
            return self.words
        by_letter = self.ends_with == "letter"
        return tuple((place_name(place) if by_letter else option,) for place, option in enumerate(row.options))

    @property
    def ends_with(self) -> str:
        """Return the field that is asked for."""
        return _divide(self.template)[3]

    def answer(self, words: str) -> str:
        """Return what goes on from a prompt: the spaces before the label, words for it, and what the template has behind.

        >>> Wording("{text}. It is {label}!", (("good",),)).answer("bad")
        ' bad!'
        """
        _, space, tail, _ = _divide(self.template)
        return space + words + tail

    def example(self, row: Input, label: int) -> str:
        """Return the whole template, filled."""
        return self.prompt(row) + self.answer(self.phrases(row)[label][0])


def _check(template: str) -> None:
    """Accept a template that can be filled.

    Raises:
        ValueError: it cannot; the text begins with `ask.template`.
    """
    try:
        fields = [field for _, field in parts(template) if field]
    except ValueError as error:
        msg = f"ask.template cannot be read: {error}"
        raise ValueError(msg) from error
    strange = next((field for field in fields if field not in FIELDS), None)
    if strange is not None:
        msg = f"ask.template has an unknown field {{{strange[:80]}}}"
        raise ValueError(msg)
    asked = [field for field in fields if field in ANSWERS]
    if "text" not in fields or len(asked) != 1:
        msg = f"ask.template has {fields.count('text')} places for the text and {len(asked)} for the label"
        raise ValueError(msg)
    if fields[-1] not in ANSWERS:
        msg = f"ask.template has {{{fields[-1]}}} behind the label"
        raise ValueError(msg)


def _fill(row: Input | None) -> dict[str, str]:
    """Return what stands in the fields of a template before what is asked for."""
    if isinstance(row, Choice):
        listed = "\n".join(f"{place_name(place)}. {option}" for place, option in enumerate(row.options))
        return {"text": row.question, "options": listed}
    if isinstance(row, Pair):
        return {"text": row.first, "text_pair": row.second}
    return {"text": "" if row is None else str(row)}


@cache
def _divide(template: str) -> tuple[tuple[Part, ...], str, str, str]:
    """Return what stands before the label, the spaces directly before it, what stands behind it, and the label's own field."""
    found = parts(template)
    place = next(i for i, (_, field) in enumerate(found) if field in ANSWERS)
    literal = found[place][0]
    bare = literal.rstrip(" ")
    return (*found[:place], (bare, "")), literal[len(bare) :], "".join(text for text, _ in found[place + 1 :]), found[place][1]


def parts(template: str) -> tuple[Part, ...]:
    """Return each literal with the field behind it, which is empty at the end.

    Raises:
        ValueError: a brace has no partner, or a field is more than a name.
    """
    found = []
    for literal, field, form, conversion in Formatter().parse(template):
        if form or conversion or field == "":
            msg = "a field is a name in braces and nothing more"
            raise ValueError(msg)
        found.append((literal, field or ""))
    return tuple(found)
