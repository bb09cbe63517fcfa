"""A way that does not hold after a skill that came before is replaced or ruled out; one that holds is left as it is."""

from dataclasses import replace

import pytest

from imitate.transitions import company
from imitate.transitions.states import ChainableSkill, Pair
from imitate.transitions.transition import Transition
from sfv.skill import skills_named
from sfv.transitions import to_chainable

GOOD, BAD = Pair(exit=65, entry=0, pose_gap=0.04, speed_gap=0.6), Pair(65, 22, 0.04, 0.6)  # frame 22 is in the air
WAYS = {
    ("leap", "jump"): Transition("leap", "jump", GOOD, 1.0),
    ("jump", "leap"): Transition("jump", "leap", BAD, 1.0),
}


@pytest.fixture(scope="module")
def performers() -> dict[str, ChainableSkill]:
    jump = to_chainable(skills_named("jump")[0])
    return {"jump": jump, "leap": replace(jump, name="leap")}


def test_a_way_that_fails_after_another_skill_is_replaced(performers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(company, "choose_pairs", lambda *_: [BAD, GOOD])
    found = company.check_in_company(WAYS, performers)
    assert found["leap", "jump"].pair == GOOD and found["leap", "jump"].survived == 1.0
    assert found["jump", "leap"].pair == GOOD and found["jump", "leap"].possible


def test_of_ways_that_fail_the_first_by_name_is_found_whatever_the_order_of_the_set() -> None:
    ways = {(source, target) for source in "abcde" for target in "abcde"}
    shares = {way: {before: 0.0 for before in ways if before[1] == way[0]} for way in ways}
    for last in "abcde":
        held = {way for way in ways if way[0] >= last}
        found = company._find_failing(held, dict.fromkeys(ways, 1.0), shares)
        assert found is not None and found[0] == (last, "a")


def test_what_fails_for_all_counts_as_impossible(performers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(company, "choose_pairs", lambda *_: [BAD])
    found = company.check_in_company(WAYS, performers)
    assert found["leap", "jump"].possible
    way = found["jump", "leap"]
    assert not way.possible and way.when == "where leap came before"
    assert "100% fall where leap came before; nearest" in way.reason
