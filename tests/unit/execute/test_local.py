"""Real worker processes, real plugin files, every way in which a candidate can break."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.candidate import Registered
from harness.core.card import Card
from harness.core.data import Pair
from harness.core.run import Settings
from harness.core.task import Data, Task
from harness.core.trial import Failed, Finished, Skipped, Trial
from harness.core.wording import Wording
from harness.execute.plan import Ground, plan
from harness.execute.screening import Field
from harness.execute.speakers import find_reasoners, find_speakers, leave_out_mute
from harness.execute.worker import sample_speed
from harness.store import predictions
from tests.unit.execute.plugins import GOOD, job, jobs, records

CASES = {
    "raises-in-load": ("def load(device, dtype):\n    raise ValueError('no weights')", "load", "ValueError: no weights"),
    "exits-in-load": ("def load(device, dtype):\n    sys.exit(3)", "load", "SystemExit: 3"),
    "leaves-in-load": ("def load(device, dtype):\n    os._exit(0)", "load", "the process ended without a word"),
    "killed": ("def load(device, dtype):\n    os.kill(os.getpid(), signal.SIGKILL)", "load", "the process was ended by SIGKILL"),
    "segfault": ("def load(device, dtype):\n    import ctypes; ctypes.string_at(0)", "load", "it killed its process with SIGSEGV"),
    "no-capability": ("def load(device, dtype):\n    return object()", "load", "object can neither embed nor fit these rows"),
    "raises": (GOOD.replace("return vectors(texts)", "raise RuntimeError('boom')"), "embed", "RuntimeError: boom"),
    "nan": (GOOD.replace("vectors(texts)", "vectors(texts) * np.nan"), "embed", "features of 1 of 1 rows are NaN or infinite"),
    "some-nan": (
        GOOD.replace("return vectors(texts)", "v = vectors(texts); v[0, [len(t) > 28 for t in texts]] = np.inf; return v"),
        "embed",
        "features of",
    ),
    "two-axes": (GOOD.replace("vectors(texts)", "vectors(texts)[0]"), "embed", "features have shape (1, 3)"),
    "wrong-rows": (GOOD.replace("vectors(texts)", "vectors(texts)[:, :0]"), "embed", "features have shape (1, 0, 3)"),
    "words": (
        GOOD.replace("vectors(texts)", "np.array([[['a'] for t in texts]])"),
        "embed",
        "features have shape (1, 1, 1) and type <U1",
    ),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_candidate_that_breaks_is_a_failed_record(name: str, tmp_path: Path) -> None:
    source, stage, error = CASES[name]
    quality = records(jobs(tmp_path, (name, source))[:1])
    assert quality
    for record in quality:
        assert isinstance(record.outcome, Failed)
        assert record.outcome.stage == stage
        assert record.outcome.error.startswith(error)
        assert record.outcome.hint


def test_a_good_candidate_beside_broken_ones_is_measured(tmp_path: Path) -> None:
    noisy = GOOD.replace("return vectors", "print('x' * 200_000); return vectors")
    found = records(jobs(tmp_path, ("killed", CASES["killed"][0]), ("good", noisy), ("nan", CASES["nan"][0])))
    good = [r for r in found if r.trial.candidate == "good"]
    assert [(r.trial.technique, r.outcome.state) for r in good] == [
        ("knn", "finished"),
        ("linear-probe", "finished"),
        ("fit", "inapplicable"),
        ("", "finished"),
    ]
    assert {r.outcome.state for r in found if r.trial.candidate != "good"} == {"failed"}
    probe = good[1].outcome
    assert isinstance(probe, Finished)
    speed = {"latency_p50_ms", "latency_p95_ms", "latency_p99_ms", "throughput_per_s", "load_s", "first_call_ms"}
    quality = {"score", "train_score", "test_score", "accuracy", "logme", "h_score"}
    assert speed | quality <= {m.name for m in probe.measurements}
    score = probe.find("score")
    assert score is not None
    assert score.value == 1.0
    answers = predictions.read(tmp_path / "predictions" / f"{good[1].trial.key}.parquet")
    assert (answers["test"].predictions == answers["test"].references).all()
    assert len(answers["validation"].references) == 100
    memory = good[3].outcome
    assert isinstance(memory, Finished)
    assert memory.find("memory_mb") is not None


def test_one_technique_that_breaks_leaves_the_other(tmp_path: Path) -> None:
    source = (
        GOOD
        + """
    def fit(self, inputs, labels, classes):
        raise KeyError("nothing to fit")

    def predict(self, inputs):
        return None
"""
    )
    found = {r.trial.technique: r.outcome for r in records(jobs(tmp_path, ("both", source), measures=("quality",)))}
    assert found["linear-probe"].state == "finished"
    assert found["knn"].state == "finished"
    assert isinstance(found["fit"], Failed)
    assert found["fit"].stage == "fit"
    assert "nothing to fit" in found["fit"].error


def test_a_model_that_fits_is_asked_nothing_else(tmp_path: Path) -> None:
    source = """
class Model:
    def fit(self, inputs, labels, classes):
        self.classes = classes

    def predict(self, inputs):
        first = np.array([float("refund" in text) for text in inputs])
        return np.stack([first, 1 - first], axis=1)
"""
    found = records(jobs(tmp_path, ("fits", source), measures=("quality", "memory")))
    assert [(r.trial.technique, r.outcome.state) for r in found] == [
        ("knn", "inapplicable"),
        ("linear-probe", "inapplicable"),
        ("fit", "finished"),
        ("", "finished"),
    ]


def test_two_runs_agree_to_the_last_digit(tmp_path: Path) -> None:
    noisy = GOOD.replace("vectors(texts)", "vectors(texts)[..., :1]")
    found = []
    for run in ("first", "second"):
        (tmp_path / run).mkdir()
        scores = [
            (m.name, m.value)
            for r in records(jobs(tmp_path / run, ("same", noisy), measures=("quality",)))
            if isinstance(r.outcome, Finished)
            for m in r.outcome.measurements
            if m.unit == "" and m.name != "flops"
        ]
        found.append(scores)
    assert found[0] == found[1]
    assert len(found[0]) > 20


def test_memory_is_what_the_candidate_allocates(tmp_path: Path) -> None:
    source = (
        GOOD
        + "\ndef load(device, dtype):\n    model = Model()\n    model.block = np.ones(300 * 2**20, np.uint8)\n    return model\n"
    )
    record = records(jobs(tmp_path, ("large", source))[1:])[0]
    assert isinstance(record.outcome, Finished)
    assert record.outcome.measurements[0].value == pytest.approx(300, rel=0.05)


def test_a_sleeping_candidate_has_the_latency_of_its_sleep(tmp_path: Path) -> None:
    source = GOOD.replace("return vectors(texts)", "time.sleep(0.02) if len(texts) == 1 else None; return vectors(texts)")
    whole = jobs(tmp_path, ("sleepy", source))[0]
    only = job(whole.candidate, whole.trials[1:2], tmp_path)
    outcome = records([only])[0].outcome
    assert isinstance(outcome, Finished)
    p50 = outcome.find("latency_p50_ms")
    assert p50 is not None
    assert p50.value == pytest.approx(20, rel=0.05)


def test_plan_is_ordered_and_complete(tmp_path: Path) -> None:
    task = Task(name="t", kind="text-classification", data=Data(train="x"))
    base = Registered(Card(name="base", baseline=True), "p", "builtin", is_plugin=True)
    yaml = Registered(Card(name="card", adapter="transformers", source="a/b"), "p", "builtin", is_plugin=False)
    ground = Ground("cpu", "d", "v", {"base": "1", "card": "2"})
    trials = plan(task, [base, yaml], Settings(techniques=("knn",), seed=3), ground)
    assert [(t.candidate, t.technique, t.measures) for t in trials] == [
        ("base", "fit", "quality"),
        ("base", "", "memory"),
        ("card", "knn", "quality"),
        ("card", "", "memory"),
    ]
    assert {t.seed for t in trials} == {3}
    assert len({t.key for t in trials}) == 4
    assert isinstance(trials[0], Trial)
    quick = plan(task, [base, yaml], Settings(techniques=("knn",), seed=3, measures=("quality",)), ground)
    assert [(t.candidate, t.technique, t.timed) for t in quick] == [("base", "fit", False), ("card", "knn", False)]


def test_only_language_models_are_planned_to_be_asked_each_way_with_a_memory_of_its_own(tmp_path: Path) -> None:
    folders = {name: tmp_path / name for name in ("encoder", "decoder")}
    for name, folder in folders.items():
        folder.mkdir()
        (folder / "config.json").write_text(f'{{"architectures": ["{"BertModel" if name == "encoder" else "GPT2LMHeadModel"}"]}}')
    (tmp_path / "plugin.py").write_text("def log_likelihood(): ...")
    cards = [
        (Registered(Card(name=n, adapter="transformers", source="a/b"), "p", "user", is_plugin=False), folders[n]) for n in folders
    ]
    plugin = Registered(Card(name="plugin"), str(tmp_path / "plugin.py"), "user", is_plugin=True)
    wording = Wording("{text} {label}", (("a",), ("b",)))
    speakers = find_speakers([*cards, (plugin, None)], wording)
    assert speakers == dict.fromkeys(("decoder", "plugin"), ("prompted", "few-shot"))
    assert find_speakers(cards, replace(wording, is_told=False)) == {"decoder": ("few-shot",)}
    assert find_speakers(cards, None) == {}
    task = Task(name="t", kind="text-classification", data=Data(train="x"))
    ground = Ground("cpu", "d", "v", dict.fromkeys(("encoder", "decoder", "plugin"), "1"))
    asked = Settings(techniques=("knn", "prompted"))
    trials = plan(task, [one for one, _ in cards], asked, ground, speakers=speakers)
    assert [(t.candidate, t.technique, t.measures) for t in trials] == [
        ("encoder", "knn", "quality"),
        ("encoder", "", "memory"),
        ("decoder", "knn", "quality"),
        ("decoder", "prompted", "quality"),
        ("decoder", "", "memory"),
        ("decoder", "prompted", "memory"),
    ]
    field = Field(ready=tuple(cards), excluded=(), failed=(), skipped=())
    assert leave_out_mute(field, ("knn", "prompted"), speakers) == field
    left = leave_out_mute(field, ("prompted", "lora"), speakers)
    assert [one.card.name for one, _ in left.ready] == ["decoder"]
    assert [(one.candidate, one.reason) for one in left.skipped] == [("encoder", "it is no language model, and prompted asks one")]


def test_only_models_of_inference_are_planned_to_be_asked_what_follows(tmp_path: Path) -> None:
    labels = {"encoder": {}, "mood": {"good": 0, "poor": 1}, "nli": {"entailment": 0, "not_entailment": 1}}
    cards = []
    for name, known in labels.items():
        (tmp_path / name).mkdir()
        config = {"architectures": ["BertForSequenceClassification" if known else "BertModel"], "label2id": known}
        (tmp_path / name / "config.json").write_text(json.dumps(config))
        card = Card(name=name, adapter="transformers", source="a/b")
        cards.append((Registered(card, "p", "user", is_plugin=False), tmp_path / name))
    (tmp_path / "plugin.py").write_text("def entails(): ...")
    plugin = Registered(Card(name="plugin"), str(tmp_path / "plugin.py"), "user", is_plugin=True)
    assert find_reasoners([*cards, (plugin, None)], (("It is a.",), ("It is b.",))) == ["nli", "plugin"]
    assert find_reasoners(cards, ()) == []
    task = Task(name="t", kind="text-classification", data=Data(train="x"))
    ground = Ground("cpu", "d", "v", dict.fromkeys(labels, "1"))
    speakers = {"nli": ("entailment",)}
    trials = plan(task, [one for one, _ in cards], Settings(techniques=("knn", "entailment")), ground, speakers=speakers)
    assert [(t.candidate, t.technique, t.measures) for t in trials if t.candidate != "mood"] == [
        ("encoder", "knn", "quality"),
        ("encoder", "", "memory"),
        ("nli", "entailment", "quality"),
        ("nli", "knn", "quality"),
        ("nli", "", "memory"),
        ("nli", "entailment", "memory"),
    ]
    field = Field(ready=tuple(cards), excluded=(), failed=(), skipped=())
    assert leave_out_mute(field, ("knn", "entailment"), speakers) == field
    left = leave_out_mute(field, ("entailment",), speakers | {"encoder": ("prompted",)})
    assert [one.card.name for one, _ in left.ready] == ["nli"]
    assert {one.candidate: one.reason for one in left.skipped} == {
        "encoder": "it is no classifier that was trained for inference, and entailment asks one",
        "mood": "none of its labels (good, poor) means entailment",
    }


def test_a_plugin_that_judges_is_asked_and_nothing_else(tmp_path: Path) -> None:
    source = """
class Model:
    def entails(self, premises, hypotheses):
        return np.array([(h[:-1].split()[-1] in p, 0) for p, h in zip(premises, hypotheses)], np.float32).reshape(-1, 2)
"""
    [quality, memory] = jobs(tmp_path, ("judges", source))
    hypotheses = (("This example is refund.",), ("This example is parcel.",))
    asked = [
        replace(
            one,
            trials=tuple(one.trials[0].model_copy(update={"technique": name, "timed": False}) for name in names),
            data=replace(one.data, hypotheses=hypotheses),
        )
        for one, names in ((quality, ("knn", "entailment")), (memory, ("entailment",)))
    ]
    found = records(asked)
    assert [(r.trial.technique, r.outcome.state) for r in found] == [
        ("knn", "inapplicable"),
        ("entailment", "finished"),
        ("entailment", "finished"),
    ]
    assert isinstance(found[1].outcome, Finished)
    values = {one.name: one.value for one in found[1].outcome.measurements}
    assert values["score"] == 1.0
    assert "load_s" in values
    assert isinstance(found[2].outcome, Finished)
    assert found[2].outcome.find("memory_mb") is not None


def test_a_plugin_that_speaks_is_asked_and_nothing_else(tmp_path: Path) -> None:
    source = """
class Model:
    def log_likelihood(self, prompts, continuations):
        pairs = list(zip(prompts, continuations))
        return np.array([[-1.0 if c.strip() in p.rsplit("Text", 1)[-1] else -9.0, 1] for p, c in pairs], np.float32)
"""
    whole = jobs(tmp_path, ("speaks", source))
    wording = Wording("Text: {text}\nTopic: {label}", (("refund",), ("parcel",)))
    asked = [
        replace(
            one,
            trials=tuple(t.model_copy(update={"technique": name}) for t in one.trials[:1] for name in names),
            data=replace(one.data, wording=wording),
        )
        for one, names in zip(whole, (("knn", "prompted", "few-shot"), ("few-shot",)), strict=True)
    ]
    found = records(asked)
    assert [(r.trial.technique, r.outcome.state) for r in found] == [
        ("knn", "inapplicable"),
        ("prompted", "finished"),
        ("few-shot", "finished"),
        ("few-shot", "finished"),
    ]
    for record in found[1:3]:
        assert isinstance(record.outcome, Finished)
        score = record.outcome.find("score")
        assert score is not None
        assert score.value == 1.0
        assert record.outcome.find("latency_p95_ms") is not None
        assert record.outcome.find("load_s") is not None
    assert isinstance(found[3].outcome, Finished)
    assert found[3].outcome.find("memory_mb") is not None


def test_a_sample_grows_to_all_rows_where_embedding_is_quick_and_its_last_turn_counts() -> None:
    asked: list[int] = []
    found = sample_speed(lambda rows: asked.append(len(rows)), [f"row {i}" for i in range(300)], "2 threads")
    assert asked == [64, 128, 256, 300]
    assert (found.name, found.conditions) == ("embed_s_per_1000_rows", "300 rows, 2 threads")


def test_prompts_that_fail_cost_zero_shot_alone(tmp_path: Path) -> None:
    source = GOOD + "    def embed_prompts(self, texts):\n        raise ValueError('no text tower')\n"
    [quality] = jobs(tmp_path, ("towers", source), measures=("quality",))
    trials = [trial for trial in quality.trials if trial.technique != "fit"]
    trials.append(trials[0].model_copy(update={"technique": "zero-shot"}))
    data = replace(quality.data, phrases=(("a refund",), ("a parcel",)))
    found = records([replace(quality, trials=tuple(trials), data=data)])
    assert {r.trial.technique: r.outcome.state for r in found} == {
        "knn": "finished", "linear-probe": "finished", "zero-shot": "failed",
    }  # fmt: skip


def test_a_model_of_single_texts_is_skipped_where_rows_are_pairs(tmp_path: Path) -> None:
    [quality] = jobs(tmp_path, ("single", GOOD), measures=("quality",))
    rows = replace(quality.data.rows, inputs=tuple(Pair(str(text), "reply") for text in quality.data.rows.inputs))
    found = records([replace(quality, data=replace(quality.data, rows=rows))])
    assert {r.outcome.state for r in found} == {"skipped"}
    assert {r.outcome.reason for r in found if isinstance(r.outcome, Skipped)} == {
        "Model has embed_text, and these rows need embed_pairs"
    }
