"""What a license expression permits.

The facts come from the SPDX category of each license, and for licenses of models that SPDX does not list from the table below. This
orders candidates for a reader; it is not legal advice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

from harness.core.card import PROPRIETARY
from harness.core.constraint import LicensePolicy

if TYPE_CHECKING:
    from collections.abc import Callable

    from license_expression import Licensing

Answer = Literal["yes", "no", "unknown"]

_FREE = {"Permissive", "Public Domain", "Copyleft", "Copyleft Limited"}

# By the text of each license. Aladdin is filed under copyleft, yet forbids distribution for money. `CC-BY-ND` forbids sharing
# changed versions, not use.
_NONCOMMERCIAL = re.compile(r"non-?commercial|non-?comm\b|(^|[-_])nc([-_]|$)|^ncgl-|research-(only|use)|academic|^aladdin$")
_OF_MODELS: tuple[tuple[str, Answer, str], ...] = (
    (
        r"open-?rail|^(scancode-)?bigscience-(bloom-)?rail",
        "yes",
        "permits commercial use outside the uses that its attachment forbids",
    ),
    (r"^dinov3", "yes", "permits commercial use, with trade controls and without military use"),
    (r"^(scancode-)?llama-license-2023|^llama-?1$", "no", "is for research that is not commercial"),
    (r"^(scancode-)?(meta-)?llama-?[2-9]", "yes", "permits commercial use up to 700 million monthly users"),
    (r"^(scancode-)?gemma", "yes", "permits commercial use outside the uses that its policy forbids"),
    (r"^(apple-)?cvnets", "yes", "permits use, change and redistribution without naming a purpose"),
    (r"^cc-by-nd-", "yes", "permits commercial use, but not the sharing of changed versions"),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """An answer and the sentence part that explains it."""

    answer: Answer
    reason: str


def commercial_use(expression: str) -> Answer:
    """Tell whether a license expression permits commercial use.

    Of alternatives (`OR`) one that permits suffices; of licenses that bind together (`AND`) all must permit. An exception
    (`WITH`) only adds permissions, so the license before it decides.

    >>> commercial_use("MIT OR CC-BY-NC-4.0"), commercial_use("MIT AND CC-BY-NC-4.0"), commercial_use("LicenseRef-Mine")
    ('yes', 'no', 'unknown')
    """
    return explain_commercial_use(expression).answer


def explain_commercial_use(expression: str) -> Finding:
    """Tell whether an expression permits commercial use, and by which of its licenses."""
    return _evaluate(expression, lambda keys: _commercial(keys[-1]))


def check_policy(expression: str, policy: LicensePolicy) -> Finding:
    """Tell whether an expression meets a policy, before the policy's word on unknown licenses is applied.

    Each license of the expression must not be denied, must be allowed where anything is listed as allowed, and must permit the
    use. A license that is allowed by name needs no known permission, for whoever allowed it has read it.
    """
    allowed, denied = _keys(policy.allow), _keys(policy.deny)

    def judge(keys: tuple[str, ...]) -> Finding:
        names = {key.casefold() for key in keys}
        if names & denied:
            return Finding("no", f"{keys[0]} is denied")
        if allowed and not names & allowed:
            return Finding("no", f"{keys[0]} is not among the allowed licenses")
        if policy.use == "any":
            return Finding("yes", f"{keys[0]} is acceptable")
        found = _commercial(keys[-1])
        return Finding("yes", f"{keys[0]} is allowed by name") if allowed and found.answer == "unknown" else found

    return _evaluate(expression, judge)


def _evaluate(expression: str, judge: Callable[[tuple[str, ...]], Finding]) -> Finding:
    """Combine the findings on single licenses; `judge` gets a license's key, and before it the key with its exception if any."""
    if expression.strip() in {"", "unknown"}:
        return Finding("unknown", "the license is unknown")
    return _combine(_licensing().parse(expression), judge)


def _combine(node: object, judge: Callable[[tuple[str, ...]], Finding]) -> Finding:
    from license_expression import LicenseWithExceptionSymbol  # noqa: PLC0415 - slow, and most tasks have no license policy

    operator = getattr(node, "operator", "").strip()
    if not operator:
        if isinstance(node, LicenseWithExceptionSymbol):
            return judge((node.render(), node.license_symbol.key))
        return judge((node.key,))  # type: ignore[attr-defined]
    found = [_combine(part, judge) for part in node.args]  # type: ignore[attr-defined]
    order: tuple[Answer, ...] = ("yes", "unknown", "no") if operator == "OR" else ("no", "unknown", "yes")
    answer = next(a for a in order if any(f.answer == a for f in found))
    return Finding(answer, "; ".join(dict.fromkeys(f.reason for f in found if f.answer == answer)))


def _commercial(key: str) -> Finding:
    if key.casefold() == PROPRIETARY:
        return Finding("unknown", "the license is proprietary: its terms decide, which bench cannot read")
    name = key.casefold().removeprefix("licenseref-")
    if _NONCOMMERCIAL.search(name):
        return Finding("no", f"{key} forbids commercial use")
    for pattern, answer, reason in _OF_MODELS:
        if re.search(pattern, name):
            return Finding(answer, f"{key} {reason}")
    category = categories().get(key.casefold())
    if category in _FREE:
        return Finding("yes", f"{key} permits commercial use")
    reason = (
        "is not a license that bench knows" if category is None else "binds commercial use to conditions that bench cannot check"
    )
    return Finding("unknown", f"{key} {reason}")


def _keys(names: tuple[str, ...]) -> set[str]:
    """Return the names as SPDX writes them, without regard to case; `GPL-3.0` and `GPL-3.0-only` are one license."""
    return {_licensing().parse(name).render().casefold() for name in names}


def keys_of(expression: str) -> tuple[str, ...]:
    """Return the key of every license in an expression, in its order.

    >>> keys_of("MIT OR (Apache-2.0 AND LicenseRef-Mine)")
    ('MIT', 'Apache-2.0', 'LicenseRef-Mine')
    """
    licensing = _licensing()
    return tuple(dict.fromkeys(symbol.key for symbol in licensing.license_symbols(licensing.parse(expression))))


@cache
def _licensing() -> Licensing:
    from license_expression import get_spdx_licensing  # noqa: PLC0415 - slow, and most tasks have no license policy

    return get_spdx_licensing()


@cache
def categories() -> dict[str, str]:
    """Return the category of each license that SPDX lists, by its key in lower case."""
    from license_expression import get_license_index  # noqa: PLC0415 - as above

    return {
        entry["spdx_license_key"].casefold(): entry["category"] for entry in get_license_index() if entry.get("spdx_license_key")
    }
