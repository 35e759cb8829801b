"""What is known of a candidate without loading it."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Literal

from license_expression import ExpressionError, Licensing, get_spdx_licensing
from pydantic import Field, HttpUrl, field_validator

from harness.core.noun import Noun

Modality = Literal["text", "image"]
Pooling = Literal["mean", "cls", "last"]
NAME = r"^[a-z0-9][a-z0-9._-]*$"
REVISION = r"^[0-9a-f]{40}$"


@cache
def _spdx() -> Licensing:
    """Return the table of SPDX licenses; building it takes longer than reading a thousand cards."""
    return get_spdx_licensing()


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


class Options(Noun):
    """What an adapter must know beyond the files of the model itself."""

    pooling: Pooling | None = None
    layers: Annotated[int, Field(ge=1)] | None = None
    prompt: str = ""


class Card(Noun):
    """A candidate as its author describes it.

    `source` is a Hub id, a local folder (`./…`, `../…`, `~/…` or absolute), `python:PACKAGE` for weights inside an
    installed package, or `random:ARCHITECTURE` for a control with seeded random weights. Python plugins leave `adapter` and
    `source` out. `parameters` counts weights; `context` is in tokens, `image_size` in pixels. `remote_code` says that the model
    cannot be loaded without running Python from its repository, which the user must allow.
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
        try:
            unknown = [key for key in _spdx().unknown_license_keys(value) if not key.startswith("LicenseRef-")]
        except ExpressionError as error:
            msg = f'"{value}" is not an SPDX license expression: {error}'
            raise ValueError(msg) from error
        if unknown:
            msg = f'"{value}" is not an SPDX license expression: unknown {", ".join(unknown)}'
            raise ValueError(msg)
        return value

    @property
    def is_hub(self) -> bool:
        """Tell whether the source is a repository on the Hub."""
        return bool(self.source) and not self.source.startswith(("./", "../", "~", "/", "python:", "random:"))
