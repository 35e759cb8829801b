"""What is known of a candidate without loading it."""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated, Literal

from license_expression import ExpressionError, Licensing, get_spdx_licensing
from pydantic import Field, HttpUrl, field_validator

from harness.core.noun import Noun
from harness.core.remote import Remote, host_of

Modality = Literal["text", "image"]
Pooling = Literal["mean", "cls", "last"]
NAME = r"^[a-z0-9][a-z0-9._-]*$"
_OWN_LICENSE = re.compile(r"licenseref-[a-z0-9._:-]+", re.IGNORECASE)
_LONGEST_LICENSE = 500
# Kinds of tasks for which a baseline must say that it is for them.
_OF_OWN_BASELINES = ("retrieval", "image-text-retrieval", "generation")
_LONGEST_SHOWN = 80
REVISION = r"^[0-9a-f]{40}$"
# What is no license of SPDX: terms that only whoever offers the model can change.
PROPRIETARY = "proprietary"


@cache
def _spdx() -> Licensing:
    """Return the table of SPDX licenses; building it takes longer than reading a thousand cards."""
    return get_spdx_licensing()


def check_license(expression: str) -> str:
    """Return a license expression of SPDX as it is, or `proprietary`.

    Raises:
        ValueError: it is none, or names licenses that SPDX does not list and that do not begin with `LicenseRef-`.
    """
    if expression.casefold() == PROPRIETARY:
        return PROPRIETARY
    shown = expression[:_LONGEST_SHOWN].encode("ascii", "backslashreplace").decode() + "…" * (len(expression) > _LONGEST_SHOWN)
    if len(expression) > _LONGEST_LICENSE or not expression.isascii() or not expression.isprintable():
        msg = f'"{shown}" is not an SPDX license expression: it is longer than {_LONGEST_LICENSE} characters, or not plain ASCII'
        raise ValueError(msg)
    try:
        found = _spdx().parse(expression, strict=True)
        names = [] if found is None else [symbol.key for symbol in _spdx().license_symbols(found)]
    except (ExpressionError, IndexError, AttributeError, TypeError, RecursionError) as error:  # the last are of `()` and its like
        problem = next(iter(str(error).splitlines()), "") if isinstance(error, ExpressionError) else "it cannot be read"
        msg = f'"{shown}" is not an SPDX license expression: {problem}'
        raise ValueError(msg) from error
    unknown = [name for name in names if name not in _spdx().known_symbols and not _OWN_LICENSE.fullmatch(name)]
    if unknown or not names:
        msg = f'"{shown}" is not an SPDX license expression: unknown {", ".join(unknown) or "license"}'
        raise ValueError(msg)
    return expression


class Pretraining(Noun):
    """What the model learned from before it came here."""

    data: str = ""
    domains: tuple[str, ...] = ()
    contains: tuple[str, ...] = ()


class Links(Noun):
    """Where the facts of a card can be checked."""

    card: HttpUrl | None = None
    paper: HttpUrl | None = None
    code: HttpUrl | None = None
    terms: HttpUrl | None = None


class Options(Noun):
    """What an adapter must know beyond the files of the model itself."""

    pooling: Pooling | None = None
    layers: Annotated[int, Field(ge=1)] | None = None
    prompt: str | None = None
    query_prompt: str | None = None
    document_prompt: str | None = None
    chat: bool | None = None


class Card(Noun):
    """A candidate as its author describes it.

    `source` is a Hub id, a local folder (`./…`, `../…`, `~/…` or absolute), `python:PACKAGE` for weights inside an
    installed package, `random:ARCHITECTURE` for a control with seeded random weights, or with the adapter `openai` the address
    of a server, of which `remote` tells more. Python plugins leave `adapter` and `source` out. `parameters` counts weights;
    `context` is in tokens, `image_size` in pixels. `remote_code` says that the model cannot be loaded without running Python from
    its repository, which the user must allow. `kinds` are those of the tasks that it is for; without any it is for all that have
    its modality, a baseline for all but retrieval and
    generation.
    """

    name: Annotated[str, Field(pattern=NAME, max_length=100)]
    adapter: str = ""
    source: str = ""
    revision: Annotated[str, Field(pattern=REVISION)] | None = None
    license: str = "unknown"
    parameters: Annotated[int, Field(ge=0)] | None = None
    modality: tuple[Modality, ...] = ("text",)
    languages: tuple[str, ...] = ()
    context: Annotated[int, Field(ge=1)] | None = None
    image_size: Annotated[int, Field(ge=1)] | None = None
    pretraining: Pretraining = Pretraining()
    released: Annotated[str, Field(pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$")] | None = None
    access: Literal["open", "gated"] = "open"
    links: Links = Links()
    options: Options = Options()
    remote: Remote | None = None
    kinds: tuple[str, ...] = ()
    baseline: bool = False
    control: bool = False
    remote_code: bool = False
    summary: str = ""

    @field_validator("license")
    @classmethod
    def _check_license(cls, value: str) -> str:
        if value == "unknown":
            return value
        if not value.strip():
            msg = "the license is empty; write `unknown` where none is stated"
            raise ValueError(msg)
        return check_license(value)

    def suits(self, kind: str) -> bool:
        """Tell whether the candidate is for tasks of a kind; an empty one stands for any."""
        return not kind or kind in self.kinds or not (self.kinds or (self.baseline and kind in _OF_OWN_BASELINES))

    def reading(self, *, is_image: bool) -> Card:
        """Return the card of the model as it reads rows of one kind, where it can read several."""
        wanted: Modality = "image" if is_image else "text"
        return self.model_copy(update={"modality": (wanted,)}) if wanted in self.modality else self

    @property
    def is_hub(self) -> bool:
        """Tell whether the source is a repository on the Hub."""
        return bool(self.source) and not self.source.startswith(
            ("./", "../", "~", "/", "python:", "random:", "http://", "https://")
        )

    @property
    def host(self) -> str:
        """Return where the model runs if that is another process than bench's own: a host, with its port if one is named."""
        return host_of(self.source) if self.remote is not None else ""
