"""What a task asks to be written: how a row is put to a language model, and what is right."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, field_validator

from harness.core.noun import Noun
from harness.core.wording import BETWEEN, Part, parts

PROMPT, REFERENCE = "prompt", "reference"
TEMPLATE = "Input: {prompt}\nOutput: {reference}"
# What a recipe says of a prompt that is put to a model in its template for chats.
TURN = "a turn of a chat"
_LONGEST = 10_000
_LONGEST_STOP, _MOST_STOPS = 100, 16


Stop = Annotated[str, Field(min_length=1, max_length=_LONGEST_STOP)]
Limit = Annotated[int, Field(ge=1, le=8192)]


class Write(Noun):
    """How a language model is asked to write.

    The `instruction` stands once before everything else. The `template` names columns of the data, and last
    `{reference}`, the place of the answer. At most `limit` tokens are written, and what is written ends before the first of the
    `stop` texts; unless any are stated, before the beginning of another example. `answer` is a regular expression that finds the
    answer in what is written and in the references, by its first group if it has one.
    """

    instruction: Annotated[str, Field(max_length=_LONGEST)] = ""
    template: Annotated[str, Field(min_length=1, max_length=_LONGEST)] | None = None
    limit: Limit = 128
    stop: Annotated[tuple[Stop, ...], Field(max_length=_MOST_STOPS)] | None = None
    answer: Annotated[str, Field(min_length=1, max_length=1000)] | None = None

    @field_validator("template")
    @classmethod
    def _check_template(cls, value: str | None) -> str | None:
        try:
            fields = [field for _, field in parts(value or "{prompt}") if field]
        except ValueError as error:
            msg = f"write.template cannot be read: {error}"
            raise ValueError(msg) from error
        if not fields:
            msg = "write.template has no field, so that every row is asked the same"
            raise ValueError(msg)
        return value

    @field_validator("answer")
    @classmethod
    def _check_answer(cls, value: str | None) -> str | None:
        check_pattern(value or "", "write.answer")
        return value


class Manner(Noun):
    """How rows are put to a model that has learned to write, and what is taken of what it writes.

    The `template` is what stands before the answer: literals with the column behind each, which is empty at the end. The `opening`
    stands before it. What is written ends before any of `stop`, or with `limit` tokens; `pattern`, if there is one, finds the
    answer in it.
    """

    template: tuple[Part, ...]
    limit: Limit
    opening: str = ""
    stop: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    pattern: str = ""

    @field_validator("template")
    @classmethod
    def _check_template(cls, value: tuple[Part, ...]) -> tuple[Part, ...]:
        if not columns_of(value):
            msg = "contents.writing.template names no column"
            raise ValueError(msg)
        return value

    @field_validator("pattern")
    @classmethod
    def _check_pattern(cls, value: str) -> str:
        check_pattern(value, "contents.writing.pattern")
        return value

    def answer(self, text: str) -> str | None:
        r"""Return the answer in what was written, without the blanks around it; None where the pattern finds none.

        >>> how = Manner(template=(("Q: ", "question"),), limit=9, pattern="#(.*)")
        >>> how.answer("2 + 2 = # 4\n"), how.answer("4")
        ('4', None)
        """
        found = find_answer(self.pattern, text) if self.pattern else text
        return None if found is None else found.strip()


@dataclass(frozen=True, slots=True)
class Writing:
    """What is to be written for each row of a task, in the order of its rows.

    `prompts` are filled templates up to the answer; `references` are the right texts, one or several a row. `opening` stands before
    everything else, `space` between a prompt and its answer, `tail` behind the answer. What a model writes ends before any of
    `stop`, or with `limit` tokens. `pattern` finds the answer in a text, where the task says how. `template` is what prompts were
    made of: literals with the column behind each.
    """

    prompts: tuple[str, ...]
    references: tuple[tuple[str, ...], ...]
    opening: str = ""
    space: str = " "
    tail: str = ""
    limit: int = 128
    stop: tuple[str, ...] = (BETWEEN,)
    pattern: str = ""
    template: tuple[Part, ...] = ()

    @property
    def manner(self) -> Manner:
        """Return what must be known to put other rows in the same way."""
        return Manner(template=self.template, opening=self.opening, limit=self.limit, stop=self.stop, pattern=self.pattern)

    @property
    def span(self) -> tuple[int, int, int]:
        """Return the least and the most references of a row, and the median length of the first ones in characters."""
        numbers = [len(some) for some in self.references]
        lengths = sorted(len(some[0]) for some in self.references)
        return min(numbers), max(numbers), lengths[len(lengths) // 2]

    def example(self, row: int) -> str:
        """Return the whole template, filled, with the first reference in the place of the answer."""
        return self.prompts[row] + self.space + self.references[row][0] + self.tail + BETWEEN

    def of(self, rows: Sequence[int]) -> tuple[tuple[str, ...], ...]:
        """Return the references of some of the rows."""
        return tuple(self.references[row] for row in rows)


def columns_of(template: Sequence[Part]) -> tuple[str, ...]:
    """Return the columns that a divided template names, each once."""
    return tuple(dict.fromkeys(column for _, column in template if column))


def fill(template: Sequence[Part], cells: Mapping[str, str]) -> str:
    """Return a divided template with the cells of a row in it.

    >>> fill((("Q: ", "question"), (" A:", "")), {"question": "Who?"})
    'Q: Who? A:'
    """
    return "".join(literal + cells.get(column, "") for literal, column in template)


def check_pattern(pattern: str, name: str) -> None:
    """Accept a regular expression.

    Raises:
        ValueError: it is none; the text begins with its name.
    """
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        msg = f"{name} is no regular expression: {error}"
        raise ValueError(msg) from error


def find_answer(pattern: str, text: str) -> str | None:
    r"""Return what the pattern finds first in a text: its first group if it has one, else all of it.

    It is None where the pattern finds nothing, or the group takes no part in what it finds.

    >>> find_answer(r"#### (-?[\d,.]+)", "2 + 2 = 4\n#### 4"), find_answer("yes|no", "never")
    ('4', None)
    """
    found = re.search(pattern, text)
    if found is None:
        return None
    return found[1] if found.re.groups else found[0]


def cut(text: str, stop: Sequence[str]) -> str:
    r"""Return a text up to the first of the stop texts in it; one within the blank lines that the text opens with is none.

    >>> cut("yes.\n\nInput: more", ("\n\nInput:", "#")), cut("\n\nyes.\n\nno", ("\n\n",))
    ('yes.', '\n\nyes.')
    """
    blank = text[: len(text) - len(text.lstrip())]
    begins = len(blank) if "\n" in blank or "\r" in blank else 0
    places = [place for one in stop if one and (place := text.find(one, max(0, begins + 1 - len(one)))) >= 0]
    return text[: min(places)] if places else text
