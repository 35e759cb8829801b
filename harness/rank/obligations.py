"""What a license obliges to, for who passes a fine-tuned model on. It orders facts for a reader; it is no legal advice."""

from __future__ import annotations

import re

from harness.rank.licenses import categories, explain_commercial_use, keys_of

_KEEP = "keep its copyright notice and license text with every copy that you pass on"
# By a license's key; the first that matches a pattern adds its sentence, and all patterns are tried.
_CLAUSES: tuple[tuple[str, str], ...] = (
    (r"^apache-", "say what you changed, and pass its NOTICE file on where it has one"),
    (r"^cc-by", "name its authors, link to the license, and say what you changed"),
    (r"^cc-by-(nc-)?sa", "pass changed versions on under the same license only"),
    (r"^cc-by-(nc-)?nd", "do not pass changed versions on; a fine-tuned model is one"),
    (r"-nc(-|$)|noncommercial|research", "use it for nothing commercial"),
    (r"rail|llama|gemma|dinov3", "pass its restrictions of use on to whoever gets the model"),
    (r"llama", "name the model family in the name of yours, as the license words it"),
)
_CATEGORY = {
    "Permissive": _KEEP,
    "Copyleft": "pass it and what is made of it on under the same license only",
    "Copyleft Limited": "pass changed versions of it on under the same license only",
}


def permission(expression: str) -> str:
    """Return in a sentence whether commercial use is permitted, and why.

    >>> permission("MIT")
    'Commercial use: yes (MIT permits commercial use).'
    """
    found = explain_commercial_use(expression)
    return f"Commercial use: {found.answer} ({found.reason})."


def obligations(expression: str) -> tuple[str, ...]:
    """Return what the licenses of an expression oblige to, each once; of alternatives those of all are listed.

    >>> obligations("Apache-2.0")[1]
    'say what you changed, and pass its NOTICE file on where it has one'
    """
    if expression.strip() in {"", "unknown"}:
        return ("ask the authors before you use or pass on the model: no license is stated",)
    found: list[str] = []
    for key in keys_of(expression):
        name = key.casefold().removeprefix("licenseref-")
        mine = [sentence for pattern, sentence in _CLAUSES if re.search(pattern, name)]
        general = _CATEGORY.get(categories().get(key.casefold(), ""), "") if not name.startswith("cc-by") else ""
        found += [*([general] if general else []), *mine] or [f"read {key}: bench does not know what it obliges to"]
    return tuple(dict.fromkeys(found))
