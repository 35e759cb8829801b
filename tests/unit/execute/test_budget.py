"""What a budget allows."""

from dataclasses import replace

import pytest

from harness.execute.budget import Amounts, Entrant, affordable, alone, fit, least_seconds, race_seconds, room, shares

AMOUNTS = Amounts(trained=1000, asked=300, confirmed=300)


def entrant(name: str = "a", epochs: float = 4.0, s_per_row: float = 0.1) -> Entrant:
    return Entrant(name, "full", {"epochs": epochs}, epochs, s_per_row)


def test_a_contender_takes_its_rows_its_answers_and_its_start() -> None:
    # 4,000 rows trained on and 900 answered at a third of the price, a tenth of a second each, and 8 seconds to begin.
    assert entrant().seconds(AMOUNTS, 1.0) == pytest.approx(8 + 0.1 * (4000 + 900 / 3))
    assert entrant().seconds(AMOUNTS, 0.5, 0.25) == pytest.approx(8 + 0.1 * (1000 + 600 / 3))


def test_a_race_takes_less_than_training_everybody_to_the_end() -> None:
    many = [entrant(str(i)) for i in range(8)]
    whole = sum(one.seconds(AMOUNTS, 1.0) for one in many)
    assert race_seconds(many, AMOUNTS, shares(8)) < 0.4 * whole
    assert race_seconds(many[:1], AMOUNTS, shares(1)) == pytest.approx(
        many[0].seconds(AMOUNTS, 0.25) + many[0].seconds(AMOUNTS, 1.0, 0.25)
    )


def test_one_of_each_technique_is_planned_for_where_another_look_follows() -> None:
    three = [replace(entrant(name), technique=name) for name in ("full", "lora", "ia3")]
    same = [entrant(name) for name in ("full", "lora", "ia3")]
    early, second, last = (three[0].seconds(AMOUNTS, *part) for part in ((0.08,), (0.25, 0.08), (1.0, 0.25)))
    assert race_seconds(three, AMOUNTS, shares(3)) == pytest.approx(3 * early + 3 * second + last)
    assert race_seconds(same, AMOUNTS, shares(3)) == pytest.approx(3 * early + second + last)
    assert race_seconds(three, AMOUNTS, shares(3), last=2) == pytest.approx(3 * early + 3 * second + 2 * last)
    assert race_seconds(three[:2], AMOUNTS, shares(2)) < race_seconds(three, AMOUNTS, shares(3))


def test_as_many_enter_as_the_time_allows_the_first_ones_first() -> None:
    many = [entrant(str(i)) for i in range(8)]
    assert fit(many, AMOUNTS, 1e9) == tuple(many)
    some = fit(many, AMOUNTS, 1000)
    assert some == tuple(many[: len(some)])
    assert 1 < len(some) < 8
    assert race_seconds(some, AMOUNTS, shares(len(some))) <= 1000


def test_alone_a_contender_is_trained_for_fewer_epochs_and_never_for_less_than_one() -> None:
    (one,) = fit([entrant()], AMOUNTS, 300)
    assert one.epochs == 2
    assert one.seconds(AMOUNTS, 1.0) <= 300
    assert fit([entrant()], AMOUNTS, 100) == ()
    assert fit([], AMOUNTS, 100) == ()


def test_the_least_time_is_enough_for_one_epoch_and_a_second_less_is_not() -> None:
    many = [entrant("slow", s_per_row=1.0), entrant("fast")]
    least = least_seconds(many, AMOUNTS)
    assert fit([many[1]], AMOUNTS, least + 0.01)[0].epochs == 1
    assert fit([many[1]], AMOUNTS, least - 1) == ()


def test_without_a_budget_everything_has_room() -> None:
    many = [entrant(str(i)) for i in range(8)]
    assert fit(many, AMOUNTS, float("inf")) == tuple(many)
    assert room(many, AMOUNTS, (0.4, 1.0), since=0.15, seconds=float("inf")) == 8
    assert affordable(many[0], AMOUNTS, since=0.4, seconds=float("inf")) == 1.0


def test_who_has_no_time_for_all_of_its_training_gets_a_part_or_none() -> None:
    part = affordable(entrant(), AMOUNTS, since=0.2, seconds=300)
    assert 0.2 < part < 1
    assert entrant().seconds(AMOUNTS, part, 0.2) <= 300
    assert affordable(entrant(), AMOUNTS, since=0.2, seconds=10) == 0.2
    assert room([entrant()], AMOUNTS, (1.0,), since=0.2, seconds=300) == 0


def test_whoever_plans_more_epochs_runs_no_further_until_the_last_round() -> None:
    long = replace(entrant(epochs=8), pace=4.0)
    assert [long.reach(share) for share in (0.1, 0.25, 1.0)] == [0.4, 1.0, 8.0]
    assert long.seconds(AMOUNTS, 0.25) == entrant().seconds(AMOUNTS, 0.25)
    assert long.seconds(AMOUNTS, 1.0, 0.25) == pytest.approx(8 + 0.1 * (7000 + 900 / 3))


def test_without_rivals_a_runner_keeps_its_own_pace() -> None:
    own, until, since = alone(replace(entrant(epochs=8), pace=4.0), [0.5, 1.0], 0.25)
    assert (own.pace, until, since) == (8.0, [0.25, 1.0], 0.125)
    assert [own.reach(share) for share in (since, *until)] == [1.0, 2.0, 8.0]
    part = affordable(own, AMOUNTS, since=since, seconds=600)
    assert since < part < 1
    assert own.seconds(AMOUNTS, part, since) <= 600


def test_a_probe_is_paid_once_for_all_that_begin_as_it() -> None:
    probed, full = replace(AMOUNTS, probed=600), entrant("a")
    begins = replace(full, technique="probe-then-finetune"), Entrant("a", "lora", {"head": "probe"}, 4.0, 0.1)
    extra = [race_seconds(some, probed, (1.0,)) - race_seconds(some, AMOUNTS, (1.0,)) for some in ([full], begins[:1], begins)]
    assert extra == pytest.approx([0, 20, 20])
    assert race_seconds(begins, probed, (1.0,), 0.25) == race_seconds(begins, AMOUNTS, (1.0,), 0.25)
