"""Looks for the weights of cards as bench does, in a process of its own, and prints what came of it as JSON.

Its argument is a JSON list of wishes: keys of a card under `card`, and `offline`, `pickle`, `remote_code`, `silence_s`,
`head_s`.
"""

from __future__ import annotations

import json
import sys
import time

from harness.core.card import Card
from harness.core.trust import Trust
from harness.errors import BenchError
from harness.models import hub, weights
from harness.models.connection import Patience


def main() -> None:
    wishes = json.loads(sys.argv[1])
    json.dump([look(wish) for wish in wishes], sys.stdout)


def look(wish: dict[str, object]) -> dict[str, object]:
    card = Card.model_validate({"name": "m", "adapter": "transformers"} | wish["card"])  # type: ignore[operator]
    trust = Trust(pickle=bool(wish.get("pickle")), remote_code=bool(wish.get("remote_code")))
    silence_s, head_s = (float(str(wish.get(key, default))) for key, default in (("silence_s", 5), ("head_s", 10)))
    patience = Patience(first_wait_s=0.02, longest_wait_s=0.1, silence_s=silence_s, head_s=head_s, trickle_s=0.5)
    lines: list[str] = []
    start = time.monotonic()
    try:
        if wish.get("plain"):
            folder = weights.locate(card, offline=bool(wish.get("offline")), trust=trust, tell=lines.append)
        else:
            folder = hub.find(hub.Wanted(card, trust, patience), lines.append, offline=bool(wish.get("offline")))
        found: dict[str, object] = {"folder": str(folder), "digest": weights.digest(folder, card)}
        found["files"] = (
            sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()) if folder else []
        )
    except BenchError as error:
        found = {"kind": type(error).__name__, "what": error.what, "where": error.where, "hint": error.hint}
    return found | {"lines": lines, "seconds": time.monotonic() - start}


if __name__ == "__main__":
    main()
