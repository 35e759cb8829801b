"""How a model behind an HTTP interface is reached, what it offers, and what it costs. Nothing is called here."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from harness.core.noun import Noun
from harness.core.secrets import is_secret_name

Offer = Literal["chat", "completions", "embeddings"]
NAMED = "remote.key_variable is not the name of a variable that bench keeps from all others"


class Price(Noun):
    """What a million tokens cost, those that are sent and those that are written."""

    input: Annotated[float, Field(ge=0)]
    output: Annotated[float, Field(ge=0)] = 0.0
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"


class Remote(Noun):
    """A model of a server: its name there, and how it is asked.

    `offers` are `embeddings`, `chat`, and `completions` with the log-probabilities of what was sent (`echo`). `key_variable` is the
    variable of the environment that holds the key, never the key itself. `timeout_s` is for one call as a whole, with the times
    that it is tried again. `batch` is how many texts are sent in one call for embeddings. `body` is added to what each call says.
    """

    model: Annotated[str, Field(min_length=1, max_length=200)]
    offers: Annotated[tuple[Offer, ...], Field(min_length=1)]
    key_variable: Annotated[str, Field(max_length=100)] = ""
    price: Price | None = None
    timeout_s: Annotated[float, Field(gt=0, le=3600)] = 60.0
    concurrency: Annotated[int, Field(ge=1, le=128)] = 8
    requests_per_minute: Annotated[float, Field(gt=0)] | None = None
    batch: Annotated[int, Field(ge=1, le=2048)] = 32
    body: dict[str, bool | int | float | str] = Field(default_factory=dict)

    @property
    def pace(self) -> str:
        """Return how much is asked of the server at once and in a minute, in words.

        >>> Remote(model="m", offers=("chat",), concurrency=2, requests_per_minute=60).pace
        'up to 2 calls at once, up to 60 calls a minute'
        """
        limit = f", up to {self.requests_per_minute:g} calls a minute" if self.requests_per_minute else ""
        return f"up to {self.concurrency} calls at once{limit}"

    @field_validator("key_variable")
    @classmethod
    def _check_name(cls, value: str) -> str:
        """Accept only names that are hidden from every other process; who writes the key itself is not shown it again."""
        if value and not (value.isidentifier() and value.isascii() and value.isupper() and is_secret_name(value)):
            raise ValueError(NAMED)
        return value


def host_of(address: str) -> str:
    """Return the host of a web address with its port if it names one; empty where it is none, or holds a login or a question.

    >>> host_of("http://localhost:8000/v1"), host_of("https://me:open@api.example.org/v1"), host_of("org/model")
    ('localhost:8000', '', '')
    """
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment:
        return ""
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{name}:{port}" if port else name
