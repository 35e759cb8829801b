"""Which contenders enter the race: chosen by several signals of frozen features, none of which decides alone. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.core.card import Card
from harness.core.kinds import UNTRAINED, Kind, Target
from harness.core.ranking import RankedContender, Ranking
from harness.core.relevance import COLUMNS as SEARCHED
from harness.core.run import Effort, Settings
from harness.core.technique_names import ASKED, UNTAUGHT
from harness.core.written import COLUMNS as WRITTEN
from harness.execute.budget import Entrant
from harness.models.adapters import can_train
from harness.techniques.catalogue import FOR_DOCUMENTS, FOR_TAGS, FOR_TEXTS, TECHNIQUES
from harness.techniques.tuning import applies
from harness.training.recipes import recipes

CANDIDATES: Mapping[Effort, int] = {"quick": 2, "standard": 2, "thorough": 6}
RECIPES: Mapping[Effort, int] = {"quick": 1, "standard": 2, "thorough": 3}
_OF_EFFORT: Mapping[Effort, tuple[str, ...]] = {"quick": (), "standard": ("full", "lora", "probe-then-finetune")}
_ABLE: Mapping[Kind, tuple[str, ...]] = {
    "token-classification": FOR_TAGS,
    "generation": FOR_TEXTS,
    "retrieval": FOR_DOCUMENTS,
}
_TURNS = ("probe-then-finetune", "lora", "full", "ia3", "prompt-tuning")
# A candidate whose probe is further behind than this, by the worse ends of both intervals, is not caught up with by training.
GAP = 0.1
# What a processor does in a second, and a text's tokens, where nothing was measured.
_OPERATIONS_PER_S, _TOKENS, _UNKNOWN_PARAMETERS = 5e10, 64, 100_000_000
_STEP = 3
_INDEXING = "index_s_per_1000_documents"
# A trained model embeds the corpus anew whenever it is judged; where that takes longer, it is not trained.
_LONGEST_S = 1800.0


def training_techniques(settings: Settings, kind: Kind = "text-classification") -> tuple[str, ...]:
    """Return the techniques that change weights and are asked for: by name, or by the effort where no technique is named.

    To find captions and to choose among options nothing is trained, to find documents and to write texts only what needs no head.
    """
    if kind in UNTRAINED:
        return ()
    able = _ABLE.get(kind, tuple(TECHNIQUES))
    every = tuple(name for name in able if TECHNIQUES[name][0] == "train")
    wanted = settings.techniques or _OF_EFFORT.get(settings.effort, every)
    return tuple(name for name in every if name in wanted)


def choose_candidates(cards: Sequence[Card], ranking: Ranking, most: int) -> tuple[list[Card], list[str]]:
    """Return the candidates to train, the most promising first, and a sentence for each of the others.

    Out are those that cannot be trained, that are controls, that a measured limit rules out, and those that every signal (probe,
    neighbors, LogME, H-score) puts behind and whose gap is beyond both intervals and a tenth besides: single signals mis-rank.
    """
    absent, able = [], []
    for card in cards:
        reason = _unable(card, ranking)
        if reason:
            absent.append(f"{card.name}: {reason}")
        else:
            able.append(card)
    places = _places([card.name for card in able], ranking)
    hopeless = {name for name in places if _is_hopeless(name, places, ranking)}
    order = sorted(able, key=lambda card: (sum(places[card.name]) / max(1, len(places[card.name])), card.name))
    absent += [f"{card.name}: every signal of its frozen features is far behind" for card in order if card.name in hopeless]
    standing = [card for card in order if card.name not in hopeless]
    absent += [f"{card.name}: the effort has room for {most} candidates, by their signals" for card in standing[most:]]
    return standing[:most], absent


def list_entrants(
    chosen: Sequence[Card], ranking: Ranking, techniques: Sequence[str], *, effort: Effort, rows: int, target: Target = "class"
) -> list[Entrant]:
    """Return every candidate × technique × recipe, those first that give way to a budget last.

    First come all defaults, then what departs from them; of techniques, what begins from the probe (Kumar et al. 2022) or changes
    little comes before what changes everything.
    """
    turns = sorted(techniques, key=_TURNS.index)
    found: list[tuple[tuple[int, int, int], Entrant]] = []
    for place, card in enumerate(chosen):
        s_per_row = seconds_per_row(card, ranking)
        for turn, technique in enumerate(name for name in turns if not applies(name, card)):
            for variant, recipe in enumerate(recipes(technique, _parameters(card, ranking), rows, target)[: RECIPES[effort]]):
                entrant = Entrant(card.name, technique, dict(recipe), float(recipe["epochs"]), s_per_row)
                found.append(((variant, place, turn), entrant))
    ordered = [entrant for _, entrant in sorted(found, key=lambda pair: pair[0])]
    return [replace(one, pace=min(other.epochs for other in ordered)) for one in ordered]


def seconds_per_row(card: Card, ranking: Ranking) -> float:
    """Return about how long training on a row takes: three forward passes as they were measured, else by the card's size."""
    mine = [row for row in ranking.rows if row.candidate == card.name]
    indexing = next((seconds for row in mine if (seconds := row.value(_INDEXING))), 0.0)
    taken = [seconds for row in mine if (seconds := row.value("embed_s_per_1000_rows"))]
    taken += [1000 / speed for row in mine if (speed := row.value("throughput_per_s"))]
    if taken:
        # A row of a search is a query and a document.
        return _STEP * (min(taken) + indexing) / 1000
    counted = next((flops for row in mine if (flops := row.value("flops"))), None)
    return _STEP * (counted or 2 * (card.parameters or _UNKNOWN_PARAMETERS) * _TOKENS) / _OPERATIONS_PER_S


def find_burden(card: Card, ranking: Ranking, documents: int) -> str:
    """Return why a candidate is not trained though it could be: so many documents take too long to be embedded each time."""
    speed = next((value for row in ranking.rows if row.candidate == card.name and (value := row.value(_INDEXING))), 0.0)
    seconds = speed * documents / 1000
    if seconds <= _LONGEST_S:
        return ""
    what = f"{documents:,} documents take {seconds / 60:,.0f} min to be embedded anew at each judgement, and"
    return f"{what} {_LONGEST_S / 60:.0f} min are the most: give a smaller corpus with --data, or a faster device"


def _parameters(card: Card, ranking: Ranking) -> int | None:
    """Return how many parameters were counted, else what the card states."""
    counted = next((value for row in ranking.rows if row.candidate == card.name and (value := row.value("parameters"))), None)
    return card.parameters if counted is None else int(counted)


def _unable(card: Card, ranking: Ranking) -> str:
    if card.control:
        return "a control with random weights is not trained"
    reason = can_train(card)
    if reason:
        return reason
    limits = {e.constraint: e.reason for e in ranking.excluded if e.candidate == card.name and e.constraint != "min_quality"}
    return next(iter(limits.values()), "")


def _signals(row: RankedContender) -> dict[str, float]:
    """Return what foretells training; how well a model does as it is does not, unless that is all there is."""
    if row.metric in {*WRITTEN, *SEARCHED}:
        return {row.technique: row.validation.score}
    if row.technique in {*UNTAUGHT, *ASKED}:
        return {}
    found = {name: value for name in ("logme", "h_score") if (value := row.value(name)) is not None}
    return found | {row.technique: row.validation.score}


def _places(names: Sequence[str], ranking: Ranking) -> dict[str, list[int]]:
    """Return each candidate's place by every signal that there is, 0 the best."""
    sign = 1 if ranking.higher_is_better else -1
    values: dict[str, dict[str, float]] = {}
    for row in ranking.rows:
        if row.candidate in names:
            for signal, value in _signals(row).items():
                values.setdefault(signal, {})[row.candidate] = value if signal in {"logme", "h_score"} else sign * value
    places: dict[str, list[int]] = {name: [] for name in names}
    for found in values.values():
        for place, name in enumerate(sorted(found, key=lambda n, found=found: (-found[n], n))):  # type: ignore[misc]
            places[name].append(place)
    return places


def _is_hopeless(name: str, places: Mapping[str, Sequence[int]], ranking: Ranking) -> bool:
    rows = [row for row in ranking.rows if row.candidate in places]
    mine = [row for row in rows if row.candidate == name]
    if not mine or not ranking.higher_is_better or not all(places[name]):
        return False
    best = max(row.validation.low for row in rows)
    return max(row.validation.high for row in mine) < best - GAP
