import os
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from harness.builtin import builtin_root
from harness.core.candidate import Broken, Registered
from harness.errors import CandidateError, Faults, WorkspaceError
from harness.load import foreign_process
from harness.load.candidates import Catalogue, find_candidate, list_files, load_candidates, load_plugin, select
from harness.load.plugin import ForeignError
from harness.load.plugin_cards import read_cards
from harness.load.workspace import Workspace

CARD = (
    "- {{name: {name}, adapter: transformers, source: org/x, license: mit, revision: '" + "a" * 40 + "', modality: [{modality}]}}\n"
)
PLUGIN = """\
from harness import Candidate, Card

def load(device, dtype):
    return object()

candidates = (Candidate(Card(name="{name}", license="mit", baseline={baseline}), load),)
"""


def cards(*names: str, modality: str = "text") -> str:
    return "".join(CARD.format(name=name, modality=modality) for name in names)


def workspace(root: Path, name: str = "user", **files: str) -> Workspace:
    """Write `candidates/STEM.SUFFIX` for every `STEM_SUFFIX=text`."""
    folder = root / name / "candidates"
    folder.mkdir(parents=True)
    for key, text in files.items():
        stem, _, suffix = key.rpartition("_")
        (folder / f"{stem}.{suffix}").write_text(dedent(text))
    return Workspace(name, root / name)


def names(found: Any) -> list[str]:
    return [item.card.name if isinstance(item, Registered) else item.name for item in found]


def test_cards_and_plugins_are_found_in_order(tmp_path: Path) -> None:
    space = workspace(
        tmp_path, b_yaml=cards("two"), a_yml=cards("one"), p_py=PLUGIN.format(name="three", baseline=False), _hidden_yaml="x: ["
    )
    catalogue = load_candidates([space])
    assert names(catalogue.registered) == ["one", "two", "three"]
    one, _, three = catalogue.registered
    assert (one.is_plugin, one.workspace, Path(one.path).name, one.warnings) == (False, "user", "a.yml", ())
    assert three.is_plugin
    assert catalogue.broken == ()


def test_a_folder_without_candidates_is_fine(tmp_path: Path) -> None:
    assert load_candidates([Workspace("user", tmp_path)]).registered == ()


def test_doubtful_cards_are_warned_of(tmp_path: Path) -> None:
    text = "- {name: a, adapter: timm, source: org/x}\n- {name: b, adapter: timm, source: 'random:resnet18', license: mit}\n"
    a, b = load_candidates([workspace(tmp_path, c_yaml=text)]).registered
    assert [w.partition(": ")[2].partition(" is")[0] for w in a.warnings] == ["the revision", "the license"]
    assert b.warnings == ()


def test_a_relative_source_becomes_absolute(tmp_path: Path) -> None:
    text = "- {name: a, adapter: timm, source: ./models/x, license: mit}\n- {name: b, adapter: timm, source: ~/x, license: mit}\n"
    space = workspace(tmp_path, c_yaml=text)
    a, b = load_candidates([space]).registered
    assert a.card.source == str(space.root / "models" / "x")
    assert b.card.source == str(Path.home() / "x")


def test_an_option_that_the_adapter_would_not_read_is_a_fault(tmp_path: Path) -> None:
    card = "- {{name: {}, adapter: {}, source: x/y, modality: [{}], options: {{{}}}}}\n".format
    text = [
        card("a", "timm", "image", "pooling: mean, layers: 2"),
        card("b", "open_clip", "image", 'prompt: "a photo of "'),
        card("c", "transformers", "image", "pooling: last"),
        card("d", "transformers", "image", "pooling: cls"),
        card("e", "transformers", "text", 'pooling: last, layers: 2, prompt: "query: "'),
    ]
    with pytest.raises(Faults) as caught:
        load_candidates([workspace(tmp_path, a_yaml="".join(text))])
    assert [(one.what, one.hint) for one in caught.value.faults] == [
        ('the adapter "timm" for image does not know options.pooling: mean', "leave it out"),
        ('the adapter "timm" for image does not know options.layers: 2', "leave it out"),
        ('the adapter "open_clip" for image does not know options.prompt: a photo of ', "leave it out"),
        ('the adapter "transformers" for image does not know options.pooling: last', "use cls or mean, or leave it out"),
    ]
    assert "options.pooling" in caught.value.faults[0].where


def test_all_faults_of_all_files_come_at_once(tmp_path: Path) -> None:
    space = workspace(
        tmp_path,
        a_yaml="- {name: a, adapter: transfomers, source: x/y}\n- {name: b}\n- {name: C, adapter: timm, source: x/y}\n",
        b_yaml="name: x\n",
        c_yaml="- [\n",
    )
    with pytest.raises(Faults) as caught:
        load_candidates([space])
    found = caught.value.faults
    assert [f.what.partition(":")[0] for f in found] == [
        'unknown adapter "transfomers"',
        'the card "b" names no adapter',
        'the card "b" names no source',
        '"C" is not a valid name',
        "expected a list of cards",
        "not valid YAML",
    ]
    assert 'use "transformers"' in found[0].hint
    assert found[0].where.endswith("a.yaml, line 1, key 0.adapter")


@pytest.mark.parametrize(
    ("text", "error", "hint"),
    [
        (
            "import no_such_module_here\n",
            "ModuleNotFoundError: No module named 'no_such_module_here' (line 1)",
            "pip install no_such_module_here",
        ),
        ("x = 1\ndef f(:\n", "SyntaxError: invalid syntax (line 2)", "syntax"),
        ("x = 1\n\nx / 0\n", "ZeroDivisionError: division by zero (line 3)", "correct"),
        ("raise SystemExit(4)\n", "SystemExit: 4 (line 1)", "correct"),
        ("x = 1\n", "the file exports no `candidates`", "candidates = "),
        ("candidates = 3\n", "`candidates` is int, not a tuple of candidates", "candidates = "),
        ("candidates = ()\n", "`candidates` is tuple, not a tuple of candidates", "candidates = "),
        ("candidates = (3,)\n", "`candidates` holds int, which is not a Candidate(card, load)", "candidates = "),
    ],
)
def test_a_broken_plugin_is_kept_and_the_others_load(tmp_path: Path, text: str, error: str, hint: str) -> None:
    catalogue = load_candidates([workspace(tmp_path, bad_py=text, ok_py=PLUGIN.format(name="ok", baseline=False))])
    assert names(catalogue.registered) == ["ok"]
    [broken] = catalogue.broken
    assert (broken.name, broken.error) == ("bad", error)
    assert hint in broken.hint


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("import os; os._exit(0)\n", "importing the file ends its process, with exit status 0"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)\n", "importing the file kills its process with SIGSEGV"),
        ("import os; os.closerange(3, 100); import time; time.sleep(60)\n", "importing the file closes the files of its process"),
    ],
)
def test_a_plugin_that_ends_its_process_ends_nothing_else(tmp_path: Path, text: str, error: str) -> None:
    good = {f"{name}_py": PLUGIN.format(name=name, baseline=False) for name in ("aa", "zz")}
    catalogue = load_candidates([workspace(tmp_path, bad_py=text, **good)])
    assert names(catalogue.registered) == ["aa", "zz"]
    [broken] = catalogue.broken
    assert (broken.name, broken.error) == ("bad", error)
    assert "inside `load`" in broken.hint


def test_a_plugin_that_never_ends_is_ended_with_all_it_started(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    child = (
        f"import subprocess, pathlib; p = subprocess.Popen(['sleep', '100']); pathlib.Path({str(mark)!r}).write_text(str(p.pid))"
    )
    space = workspace(tmp_path, bad_py=f"{child}\nwhile True: pass\n", ok_py=PLUGIN.format(name="ok", baseline=False))
    bad, good = read_cards(list_files(space.root / "candidates", (".py",)), seconds=3)
    assert isinstance(bad, Broken)
    assert bad.error == "importing the file takes longer than 3 s"
    assert isinstance(good, tuple)
    assert good[0].name == "ok"
    state = Path(f"/proc/{mark.read_text()}/stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"


def test_a_plugin_file_is_imported_without_secrets_and_not_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_abcdefghijklmnopqrstuvwx")
    text = "import os\nprint('hello')\nos.system('echo hello')\n" + PLUGIN.replace(
        '"{name}"', "'t' if 'HF_TOKEN' in os.environ else 'f'"
    )
    before = set(sys.modules)
    catalogue = load_candidates([workspace(tmp_path, a_py=text.format(baseline=False))])
    assert names(catalogue.registered) == ["f"]
    assert capfd.readouterr().out == ""
    assert not [name for name in set(sys.modules) - before if name.startswith("bench_file_")]


def test_one_process_reads_all_plugins_and_none_is_started_without_any(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []
    real = foreign_process.subprocess.Popen

    def count(*arguments: Any, **options: Any) -> Any:
        started.append(1)
        return real(*arguments, **options)

    monkeypatch.setattr(foreign_process.subprocess, "Popen", count)
    load_candidates([workspace(tmp_path, "none", a_yaml=cards("a")), Workspace("builtin", builtin_root())])
    assert not started
    files = {f"{name}_py": PLUGIN.format(name=name, baseline=False) for name in ("aa", "bb", "cc")}
    load_candidates([workspace(tmp_path, "some", **files, bad_py="1/0\n")])
    assert len(started) == 1


def test_a_card_that_was_changed_after_it_was_built_breaks_its_file_alone(tmp_path: Path) -> None:
    text = PLUGIN.format(name="a", baseline=False) + "object.__setattr__(candidates[0].card, 'name', 'NOT VALID')\n"
    catalogue = load_candidates([workspace(tmp_path, bad_py=text, ok_py=PLUGIN.format(name="ok", baseline=False))])
    assert names(catalogue.registered) == ["ok"]
    assert catalogue.broken[0].error.startswith("its cards cannot be read")


def test_a_plugin_may_define_dataclasses_and_hides_no_module(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (
        "from __future__ import annotations\nimport dataclasses\n@dataclasses.dataclass\nclass A:\n    x: int = 1\nprint('hello')\n"
    )
    space = workspace(tmp_path, json_py=text + PLUGIN.format(name="a", baseline=False))
    before = sys.modules.get("json")
    [candidate] = load_plugin(space.root / "candidates" / "json.py")
    assert candidate.card.name == "a"
    assert sys.modules.get("json") is before
    assert capsys.readouterr().out == "", "stdout belongs to the result"
    assert not list(space.root.rglob("__pycache__"))


def test_a_folder_whose_name_is_no_text_is_a_place_like_any_other(tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/w\xff"))
    catalogue = load_candidates([workspace(odd, a_py=PLUGIN.format(name="a", baseline=False), b_py="1/0\n")])
    assert names(catalogue.registered) == ["a"]
    assert [item.error for item in catalogue.broken] == ["ZeroDivisionError: division by zero (line 1)"]
    assert load_plugin(odd / "user" / "candidates" / "a.py")


def test_an_edited_plugin_is_read_afresh(tmp_path: Path) -> None:
    space = workspace(tmp_path, p_py=PLUGIN.format(name="aa", baseline=False))
    path = space.root / "candidates" / "p.py"
    load_plugin(path)
    path.write_text(PLUGIN.format(name="bb", baseline=False))
    assert load_plugin(path)[0].card.name == "bb"


def test_a_failed_import_leaves_nothing_behind(tmp_path: Path) -> None:
    space = workspace(tmp_path, p_py="raise ValueError('no')\n")
    before = set(sys.modules)
    with pytest.raises(ForeignError):
        load_plugin(space.root / "candidates" / "p.py")
    assert set(sys.modules) <= before | {"harness.load.plugin"}


def test_a_name_twice_in_one_workspace_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match='"a" is defined 2 times') as caught:
        load_candidates([workspace(tmp_path, x_yaml=cards("a"), y_yaml=cards("a"))])
    assert "x.yaml" in caught.value.where
    assert "y.yaml" in caught.value.where
    assert caught.value.hint == "rename one"


@pytest.fixture
def both(tmp_path: Path) -> Catalogue:
    base = PLUGIN.format(name="base", baseline=True)
    return load_candidates(
        [
            workspace(tmp_path, "user", c_yaml=cards("a", "b", "own-1")),
            workspace(tmp_path, "builtin", c_yaml=cards("a", "c"), i_yaml=cards("pic", modality="image"), base_py=base),
        ]
    )


@pytest.mark.parametrize("patterns", [[], ["a"], ["?"], ["user:a", "builtin:a"]])
def test_a_name_in_two_workspaces_is_an_error_once_it_is_meant(both: Catalogue, patterns: list[str]) -> None:
    with pytest.raises(WorkspaceError, match='"a" is defined 2 times') as caught:
        select(both, patterns, "text")
    assert caught.value.where.count("c.yaml") == 2
    assert "user:a or builtin:a" in caught.value.hint


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["builtin:a"], ["a", "base"]),
        (["user:*"], ["a", "b", "own-1", "base"]),
        (["c", "b"], ["b", "c", "base"]),
        (["own-*", "own-1"], ["own-1", "base"]),
        (["pic"], ["pic", "base"]),
        (["base"], ["base"]),
    ],
)
def test_selection_by_name_pattern_and_workspace(both: Catalogue, patterns: list[str], expected: Any) -> None:
    assert names(select(both, patterns, "text")) == expected


def test_a_selected_workspace_is_the_one_named(both: Catalogue) -> None:
    chosen = select(both, ["builtin:a"], "text")[0]
    assert isinstance(chosen, Registered)
    assert chosen.workspace == "builtin"


def test_without_patterns_the_modality_decides(tmp_path: Path) -> None:
    catalogue = load_candidates([workspace(tmp_path, t_yaml=cards("t"), i_yaml=cards("i", modality="image"), bad_py="x")])
    assert names(select(catalogue, [], "image")) == ["i", "bad"]
    assert names(select(catalogue, [], "text")) == ["t", "bad"]
    assert names(select(catalogue, ["t"], "text")) == ["t"]
    assert names(select(catalogue, ["bad"], "text")) == ["bad"]


def test_baselines_of_another_modality_do_not_take_part(both: Catalogue) -> None:
    assert names(select(both, ["pic"], "image")) == ["pic"]


def test_unknown_names_are_all_told_with_the_nearest(both: Catalogue) -> None:
    with pytest.raises(Faults) as caught:
        select(both, ["owm-1", "zzzzz*", "addon:a"], "text")
    first, second, third = caught.value.faults
    assert first.what == 'unknown candidate "owm-1"'
    assert 'use "own-1"' in first.hint
    assert second.hint.startswith("known: ")
    assert third.what == 'unknown candidate "addon:a"'


def test_an_unknown_name_may_be_in_a_file_that_cannot_be_imported(tmp_path: Path) -> None:
    catalogue = load_candidates([workspace(tmp_path, t_yaml=cards("t"), mine_py="1/0")])
    with pytest.raises(CandidateError, match="unknown") as caught:
        select(catalogue, ["my-model"], "text")
    assert "mine.py (ZeroDivisionError: division by zero (line 1))" in caught.value.hint


def test_one_candidate_is_found_by_its_exact_name(both: Catalogue) -> None:
    found = find_candidate(both, "builtin:a")
    assert isinstance(found, Registered)
    assert found.workspace == "builtin"
    with pytest.raises(WorkspaceError, match="defined 2 times"):
        find_candidate(both, "a")
    with pytest.raises(CandidateError, match="unknown"):
        find_candidate(both, "own-*")


def test_a_broken_file_is_found_by_its_name(tmp_path: Path) -> None:
    assert isinstance(find_candidate(load_candidates([workspace(tmp_path, mine_py="1/0")]), "mine"), Broken)


def test_every_built_in_card_is_sound() -> None:
    catalogue = load_candidates([Workspace("builtin", builtin_root())])
    assert len(catalogue.registered) >= 30
    assert catalogue.broken == ()
