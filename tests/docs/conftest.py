"""The pages of the documentation, and the examples in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs" / "guide").glob("*.md"))]
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Example:
    """A fenced block: its language, its text and where it stands."""

    language: str
    text: str
    place: str


def find_examples() -> list[Example]:
    return [
        Example(found[1], found[2], f"{page.name}:{page.read_text().count(chr(10), 0, found.start()) + 1}")
        for page in PAGES
        for found in _FENCE.finditer(page.read_text())
    ]


def pytest_generate_tests(metafunc) -> None:  # noqa: ANN001 - pytest's own hook
    """Give a test with the argument `python`, `yaml`, `toml` or `console` each example in that language."""
    for language in {"python", "yaml", "toml", "console"} & set(metafunc.fixturenames):
        examples = [example for example in find_examples() if example.language == language]
        metafunc.parametrize(language, examples, ids=[example.place for example in examples])
