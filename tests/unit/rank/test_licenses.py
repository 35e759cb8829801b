"""What license expressions permit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from license_expression import get_license_index

from harness.core.constraint import LicensePolicy
from harness.rank.licenses import check_policy, commercial_use, explain_commercial_use

RANK = {"no": 0, "unknown": 1, "yes": 2}
SINGLE = [
    "MIT",
    "apache-2.0",
    "GPL-3.0-only",
    "CC-BY-NC-4.0",
    "CC-BY-NC-SA-3.0",
    "LicenseRef-Mine",
    "LicenseRef-DINOv3",
    "BUSL-1.1",
]


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ("MIT", "yes"),
        ("apache-2.0", "yes"),
        ("BSD-3-Clause", "yes"),
        ("AGPL-3.0-or-later", "yes"),
        ("GPL-3.0", "yes"),
        ("CC0-1.0", "yes"),
        ("cc-by-4.0", "yes"),
        ("CC-BY-SA-4.0", "yes"),
        ("CC-BY-ND-4.0", "yes"),
        ("cc-by-nc-4.0", "no"),
        ("CC-BY-NC-ND-4.0", "no"),
        ("CC-BY-NC-SA-3.0-IGO", "no"),
        ("PolyForm-Noncommercial-1.0.0", "no"),
        ("NCGL-UK-2.0", "no"),
        ("Aladdin", "no"),
        ("BUSL-1.1", "unknown"),
        ("Elastic-2.0", "unknown"),
        ("unknown", "unknown"),
        ("", "unknown"),
        ("LicenseRef-Mine", "unknown"),
        ("LicenseRef-DINOv3", "yes"),
        ("licenseref-dinov3", "yes"),
        ("LicenseRef-CVNets", "yes"),
        ("LicenseRef-OpenRAIL-M", "yes"),
        ("LicenseRef-creativeml-openrail-m", "yes"),
        ("LicenseRef-scancode-bigscience-open-rail-m", "yes"),
        ("LicenseRef-bigscience-bloom-rail-1.0", "yes"),
        ("LicenseRef-Llama3.1", "yes"),
        ("LicenseRef-scancode-llama-3.2-license-2024", "yes"),
        ("LicenseRef-scancode-llama-license-2023", "no"),
        ("LicenseRef-Gemma", "yes"),
        ("LicenseRef-Some-NC", "no"),
        ("LicenseRef-research-only-rail-m", "no"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "yes"),
        ("MIT OR CC-BY-NC-4.0", "yes"),
        ("MIT AND CC-BY-NC-4.0", "no"),
        ("LicenseRef-Mine OR CC-BY-NC-4.0", "unknown"),
        ("LicenseRef-Mine AND MIT", "unknown"),
        ("LicenseRef-Mine AND CC-BY-NC-4.0", "no"),
        ("(MIT AND CC-BY-NC-4.0) OR Apache-2.0", "yes"),
    ],
)
def test_commercial_use_is_decided_by_what_the_licenses_say(expression: str, answer: str) -> None:
    assert commercial_use(expression) == answer


@given(st.sampled_from(SINGLE), st.sampled_from(SINGLE))
def test_a_choice_is_as_free_as_its_freest_part_and_a_bundle_as_its_strictest(one: str, other: str) -> None:
    parts = [RANK[commercial_use(one)], RANK[commercial_use(other)]]
    assert RANK[commercial_use(f"{one} OR {other}")] == max(parts)
    assert RANK[commercial_use(f"{one} AND {other}")] == min(parts)


def test_every_open_source_license_of_spdx_permits_it_and_every_nc_one_forbids_it() -> None:
    for entry in get_license_index():
        key = entry.get("spdx_license_key") or ""
        if key.startswith("CC-BY-NC"):
            assert commercial_use(key) == "no", key
        elif (
            entry["category"] in {"Permissive", "Copyleft", "Copyleft Limited"}
            and key not in {"", "Aladdin"}
            and not entry["is_exception"]
        ):
            assert commercial_use(key) == "yes", key


def test_the_reason_names_the_license_that_decides() -> None:
    assert explain_commercial_use("MIT AND CC-BY-NC-4.0").reason == "CC-BY-NC-4.0 forbids commercial use"
    assert "not a license that bench knows" in explain_commercial_use("LicenseRef-Mine").reason
    assert "conditions" in explain_commercial_use("BUSL-1.1").reason


@pytest.mark.parametrize(
    ("expression", "policy", "answer"),
    [
        ("CC-BY-NC-4.0", {}, "yes"),
        ("unknown", {}, "unknown"),
        ("LicenseRef-Mine", {}, "yes"),
        ("CC-BY-NC-4.0", {"use": "commercial"}, "no"),
        ("MIT", {"allow": ("mit", "Apache-2.0")}, "yes"),
        ("BSD-3-Clause", {"allow": ("mit", "Apache-2.0")}, "no"),
        ("BSD-3-Clause OR MIT", {"allow": ("MIT",)}, "yes"),
        ("BSD-3-Clause AND MIT", {"allow": ("MIT",)}, "no"),
        ("GPL-3.0-only", {"deny": ("gpl-3.0",)}, "no"),
        ("GPL-3.0-only OR MIT", {"deny": ("GPL-3.0-only",)}, "yes"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", {"deny": ("GPL-2.0-only",)}, "no"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", {"allow": ("GPL-2.0-only WITH Classpath-exception-2.0",)}, "yes"),
        ("LicenseRef-Mine", {"use": "commercial", "allow": ("licenseref-mine",)}, "yes"),
        ("CC-BY-NC-4.0", {"use": "commercial", "allow": ("CC-BY-NC-4.0",)}, "no"),
        ("LicenseRef-Mine", {"use": "commercial"}, "unknown"),
        ("unknown", {"allow": ("MIT",)}, "unknown"),
    ],
)
def test_a_policy_combines_use_allow_and_deny(expression: str, policy: dict[str, object], answer: str) -> None:
    assert check_policy(expression, LicensePolicy.model_validate(policy)).answer == answer
