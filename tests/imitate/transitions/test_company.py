"""A way that does not hold after a skill that came before is found out, and one that does is left as it is."""

from dataclasses import replace

from imitate.transitions.company import check_in_company
from imitate.transitions.states import Pair
from imitate.transitions.transition import Transition
from sfv.skill import skills_named
from sfv.transitions import to_chainable


def test_a_way_counts_as_what_it_is_after_another_skill():
    jump = to_chainable(skills_named("jump")[0])
    performers = {"jump": jump, "leap": replace(jump, name="leap")}
    good = Transition("leap", "jump", Pair(exit=65, entry=0, pose_gap=0.04, speed_gap=0.6), 1.0)
    for entry, possible in ((0, True), (22, False)):  # frame 22 is in the air
        way = Transition("jump", "leap", Pair(exit=65, entry=entry, pose_gap=0.04, speed_gap=0.6), 1.0)
        found = check_in_company({("leap", "jump"): good, ("jump", "leap"): way}, performers)
        assert found["leap", "jump"].survived == 1.0 and found["leap", "jump"].when is None
        way = found["jump", "leap"]
        assert way.possible is possible
        assert way.when == (None if possible else "where leap came before")
