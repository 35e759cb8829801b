"""What a model must satisfy to be recommended, and whether it does."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from harness.core.card import check_license
from harness.core.noun import Noun

_SCALE = {"": 1, "K": 1_000, "M": 1_000_000, "B": 1_000_000_000, "G": 1_000_000_000}


def parse_count(value: object) -> object:
    """Read `500M` as 500 000 000; anything else passes through to be validated.

    >>> parse_count("1.5B")
    1500000000
    """
    match = re.fullmatch(r"\s*(\d{1,18}(?:\.\d{1,18})?)\s*([KMBG]?)\s*", value, re.IGNORECASE) if isinstance(value, str) else None
    return round(float(match[1]) * _SCALE[match[2].upper()]) if match else value


Count = Annotated[int, BeforeValidator(parse_count), Field(gt=0, lt=10**18)]
Positive = Annotated[float, Field(gt=0)]


class LicensePolicy(Noun):
    """Which licenses are acceptable; identifiers are SPDX, compared without regard to case."""

    use: Literal["commercial", "any"] = "any"
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    unknown: Literal["reject", "accept"] = "reject"

    @field_validator("allow", "deny")
    @classmethod
    def _check_names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse what names no license: a misspelled one would forbid nothing, without a word."""
        for name in names:
            check_license(name)
            if re.search(r"\b(and|or)\b|[()]", name, re.IGNORECASE):
                msg = f'"{name}" is not one SPDX license; list each by itself'
                raise ValueError(msg)
        return names


class LatencyLimit(Noun):
    """Upper bounds on the time one call takes, in milliseconds."""

    p50: Positive | None = None
    p95: Positive | None = None
    p99: Positive | None = None
    batch_size: Literal[1] = 1


class Constraints(Noun):
    """Every limit of a task; a limit that is left out does not bind."""

    license: LicensePolicy | None = None
    latency_ms: LatencyLimit | None = None
    memory_mb: Positive | None = None
    weights_mb: Positive | None = None
    parameters: Count | None = None
    context: Count | None = None
    throughput_per_s: Positive | None = None
    cost_per_1000_rows: Positive | None = None
    training_memory_mb: Positive | None = None
    training_minutes: Positive | None = None
    min_quality: float | None = None

    @model_validator(mode="before")
    @classmethod
    def _expand_short_forms(cls, value: Any) -> Any:  # noqa: ANN401 - pydantic hands over what the file holds
        """Read `latency_ms: 50` as a bound on p95, and `license: commercial` as a bound on use."""
        if not isinstance(value, dict):
            return value
        value = dict(value)
        if isinstance(value.get("latency_ms"), int | float):
            value["latency_ms"] = {"p95": value["latency_ms"]}
        if isinstance(value.get("license"), str):
            value["license"] = {"use": value["license"]}
        return value


class Verdict(Noun):
    """Whether a candidate or contender meets one constraint; `unknown` never passes silently."""

    constraint: str
    verdict: Literal["pass", "fail", "unknown"]
    reason: str
