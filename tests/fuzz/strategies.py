"""What is fed to the parsers: noise, real files with parts exchanged, and real content with values exchanged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml
from hypothesis import strategies as st

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)  # halves of surrogate pairs too
NASTY = (
    b"",
    b"\0",
    b"\n",
    b"\r",
    b"\r\n",
    b"\t",
    b",",
    b";",
    b'"',
    b"'",
    b"[",
    b"{",
    b"}",
    b"]",
    b"- ",
    b"? ",
    b": ",
    b"&a ",
    b"*a",
    b"!!python/object:os.system ",
    b"!!binary ",
    b"<<: ",
    b"%YAML 9.9\n",
    b"---\n",
    b"...\n",
    b"|\n",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\xf0\x9f\x99\x82",
    b"\\ud800",
    b"\x1b[2J",
    b"\xe2\x80\xa8",
    b"9",
    b"1e400",
    b"-",
    b"0x_",
    b"0b_",
    b"1_0",
    b".inf",
    b"NaN",
    b"-Infinity",
    b"null",
    b"~",
    b"true",
    b"no",
    b"2020-99-99",
    b"12:30",
    b"a" * 300,
    b"../",
    b"~nobody/",
    b"/dev/zero",
    b"%s%n",
    b"PAR1",
    b"name",
    b"license",
    b"format",
)
_TIMES = (1, 1, 1, 1, 2, 60, 5000)


def noise() -> st.SearchStrategy[bytes]:
    """Bytes of no meaning, or text of none."""
    return st.binary(max_size=200) | ANY_TEXT.map(lambda text: text.encode("utf-8", "surrogatepass"))


@st.composite
def mutated(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """Return a real file in which up to five stretches were cut out, doubled, overwritten, or written in from the list above."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 5))):
        at = draw(st.integers(0, len(data)))
        end = min(len(data), at + draw(st.integers(0, 30)))
        piece = draw(st.sampled_from(NASTY) | st.binary(max_size=6) | st.just(data[at:end]))
        data = data[:at] + piece * draw(st.sampled_from(_TIMES)) + data[end:]
    return data[: draw(st.just(len(data)) | st.integers(0, len(data)))]


def files(seeds: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Noise now and then, and otherwise real files with faults."""
    return noise() | mutated(seeds) | mutated(seeds)


def values() -> st.SearchStrategy[Any]:
    """Return whatever a document can hold."""
    plain = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.integers(10**300, 10**310)
        | st.floats()
        | st.text(max_size=20)
        | st.sampled_from(
            ["MIT OR", "()", "1e400", "9" * 5000, "a" * 2000, "~nobody/x", "../..", "\0", "500M", "9" * 400 + "B", ""]
        )
    )
    return st.recursive(
        plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=6
    )


@st.composite
def exchanged(draw: st.DrawFn, documents: Sequence[Any]) -> Any:
    """Return a real document in which up to three values were replaced or removed, or a key was renamed."""
    document = draw(st.sampled_from(documents))
    for _ in range(draw(st.integers(1, 3))):
        document = _exchange(draw, document)
    return document


def _exchange(draw: st.DrawFn, node: Any) -> Any:
    """Go down a random way and change what is at its end."""
    if isinstance(node, dict) and node and draw(st.integers(0, 4)):
        key = draw(st.sampled_from(sorted(node, key=str)))
        match draw(st.integers(0, 5)):
            case 0:
                return {name: value for name, value in node.items() if name != key}
            case 1:
                return {(draw(st.text(max_size=8)) if name == key else name): value for name, value in node.items()}
            case _:
                return node | {key: _exchange(draw, node[key])}
    if isinstance(node, list) and node and draw(st.integers(0, 4)):
        place = draw(st.integers(0, len(node) - 1))
        return [*node[:place], _exchange(draw, node[place]), *node[place + 1 :]]
    return draw(values())


def as_yaml(documents: Sequence[Any]) -> st.SearchStrategy[bytes]:
    """Write such a document as YAML."""
    return exchanged(documents).map(lambda document: yaml.safe_dump(document, allow_unicode=True).encode("utf-8", "surrogatepass"))
