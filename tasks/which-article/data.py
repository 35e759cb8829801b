"""Questions of the task help-center, each with the title of the article that answers it among three others."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

_CENTER = Path(__file__).parents[1] / "help-center"
_WRONG = 3


def load() -> dict[str, list[object]]:
    """Return questions, their options, and the right one's text; a hash draws the wrong ones and puts all in order."""
    titles = {one["_id"]: one["title"] for one in _lines("corpus.jsonl")}
    texts = {one["_id"]: one["text"] for one in _lines("queries.jsonl")}
    right: dict[str, set[str]] = {}
    for path in sorted((_CENTER / "qrels").glob("*.tsv")):
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                right.setdefault(row["query-id"], set()).add(row["corpus-id"])
    found: dict[str, list[object]] = {"question": [], "options": [], "answer": []}
    for query, articles in sorted(right.items()):
        answer = min(articles, key=lambda article: _draw(query, article))
        wrong = sorted(titles.keys() - articles, key=lambda article: _draw(query, article))[:_WRONG]
        options = sorted([answer, *wrong], key=lambda article: _draw(article, query))
        found["question"].append(texts[query])
        found["options"].append([titles[article] for article in options])
        found["answer"].append(titles[answer])
    return found


def _lines(name: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (_CENTER / name).read_text(encoding="utf-8").splitlines()]


def _draw(one: str, other: str) -> str:
    return hashlib.sha256(f"{one} {other}".encode()).hexdigest()
