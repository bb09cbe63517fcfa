"""Films of skills that adapt: what happens is drawn in from its moment on; what cannot be filmed is one line."""

import numpy as np
import pytest

from imitate.adapt.evaluation import EVENTS, EventRecord
from pose.errors import InputError
from sfv.commands.event_film import TITLES, draw_body
from sfv.commands.play import play
from sfv.skill import skills_named


def test_what_happens_is_seen_from_its_moment_on():
    skill = next(skill for skill in skills_named("walk") if skill.body == "humanoid")
    pose = np.repeat(skill.reference.qpos[:1], 3, axis=0)
    record = EventRecord(pose, np.zeros((3, 8)), at=2, fell=False)
    assert set(TITLES) == set(EVENTS)
    for event in EVENTS:
        before, still, after = (image.astype(int) for image in draw_body(skill.task, record, event, (64, 64)))
        assert np.abs(still - before).max() <= 8 < np.abs(after - before).max()
        if event == "ice":
            assert after[-1, 5, 2] - after[-1, 5, 0] > 40  # blue ground


def test_what_cannot_be_filmed_is_one_line():
    with pytest.raises(InputError, match="does not adapt"):
        play(("walk",), character="humanoid", event="ice")
    with pytest.raises(InputError, match="one skill on the plane"):
        play(("walk", "jump"), event="ice")
    with pytest.raises(InputError, match="leave go1"):
        play(("go1",), event="ice")
