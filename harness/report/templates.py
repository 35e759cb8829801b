"""The templates of reports: where they lie and how they are filled."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING

from harness.builtin import builtin_root

if TYPE_CHECKING:
    from jinja2 import Environment

_MARKS = re.compile(r"([\\`*|~]|\](?=[(\[:])|(?<![^\W_])_|_(?![^\W_]))")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_ENTITY = re.compile(r"&(?=#?\w+;)")
_LINE_START = re.compile(r"^([#>+=-]|\d+[.)])(?=\s|$)")


def environment(*, escape_html: bool) -> Environment:
    """Return an environment in which an unknown name is an error; with `escape_html` every value is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - only rendering needs it

    found = Environment(
        loader=FileSystemLoader(builtin_root() / "reports" / "templates"),
        autoescape=escape_html,  # noqa: S701 - off for markdown alone, whose filters escape
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters["md"] = escape_markdown
    found.filters["code"] = code_span
    found.filters["url"] = link_target
    return found


def read(name: str) -> str:
    """Return a template's own text."""
    return (builtin_root() / "reports" / "templates" / name).read_text(encoding="utf-8")


def content_policy(css: str) -> str:
    """Return the policy of a page that runs nothing and asks for nothing, and whose only style is the given one."""
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def escape_markdown(text: str) -> str:
    r"""Escape what markdown or HTML would take as a mark, and nothing else, so that the text still reads as text.

    A bracket matters only where a link could follow, an underscore only at a word's edge, `<` and `&` only before a name.

    >>> escape_markdown("a|b <i> macro_f1 _x_ [0.9, 1.0] [x](y) < 0.01")
    'a\\|b &lt;i> macro_f1 \\_x\\_ [0.9, 1.0] [x\\](y) < 0.01'
    """
    text = _TAG.sub("&lt;", _ENTITY.sub("&amp;", _MARKS.sub(r"\\\1", text)))
    return _LINE_START.sub(r"\\\1", text)


def link_target(address: str) -> str:
    """Percent-encode what would end a link or a table cell.

    >>> link_target("https://a.example/x|y z")
    'https://a.example/x%7Cy%20z'
    """
    return re.sub(r"[<>|\\\s`]", lambda found: f"%{ord(found[0]):02X}", address)


def code_span(text: str) -> str:
    """Write text as code on one line, with a fence longer than any run of backticks in it.

    >>> code_span("a`b")
    '``a`b``'
    """
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"
