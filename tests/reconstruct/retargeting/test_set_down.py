"""What neither stands nor falls is set down on the ground; leaps and whoever stands high are left alone."""

from dataclasses import replace

import numpy as np
import pytest

from reconstruct.contacts import contact_points
from reconstruct.kinematics import BodyPoints
from reconstruct.motion import ReferenceMotion
from reconstruct.retargeting.grounding import are_ends
from reconstruct.retargeting.set_down import HIGHEST, are_legs, find_carried, set_down
from reconstruct.terms.rolling import find_other_parts
from tests.samples import CHARACTER, standing

FPS, STANDS, FLIES, STAYS = 30.0, 12, 12, 18


def leaping(height: float) -> ReferenceMotion:
    """The humanoid leaps onto something of a height [m], stays, and leaps down again."""
    t = np.arange(1, FLIES + 1) / FPS
    whole = (FLIES + 1) / FPS
    arc = 4.905 * t * (whole - t)
    up = arc + height * t / whole
    z = np.concatenate([np.zeros(STANDS), up, np.full(STAYS, height), up[::-1], np.zeros(STANDS)])
    motion = standing(len(z))
    qpos = motion.qpos.copy()
    qpos[:, 2] += z
    contacts = np.repeat((z == 0.0)[:, None], len(CHARACTER.contacts), axis=1)
    contacts[:, [not name.endswith("foot") for name in CHARACTER.contacts]] = False
    return replace(motion, qpos=qpos, contacts=contacts, contact_names=tuple(CHARACTER.contacts))


def test_a_leap_falls_and_what_floats_does_not():
    t = np.arange(30) / FPS
    flight = np.ones(30, dtype=bool)
    assert not find_carried(1.0 + 2.0 * t - 4.905 * t**2, flight, FPS).any()
    assert find_carried(1.0 + 0.1 * t, flight, FPS).all()
    assert find_carried(1.0 - 0.25 * 9.81 * t**2, flight, FPS).all()  # half of gravity
    assert not find_carried(1.0 + 0.1 * t, ~flight, FPS).any()
    assert not find_carried(np.ones(3), np.ones(3, dtype=bool), FPS).any()


def test_a_leap_stays_the_very_same():
    motion = leaping(0.0)
    assert set_down(motion, CHARACTER)[0] is motion


def test_who_is_carried_low_is_set_down_and_stands_there():
    motion = leaping(0.2)
    found, is_sure = set_down(motion, CHARACTER)
    assert not is_sure  # it may be a step as well as a mat
    inner = slice(STANDS + FLIES + 3, STANDS + FLIES + STAYS - 3)
    rest = CHARACTER.model.qpos0[2]
    np.testing.assert_allclose(found.qpos[inner, 2], rest, atol=0.02)
    np.testing.assert_allclose(found.qpos[:8, 2], rest, atol=1e-3)
    np.testing.assert_array_equal(np.delete(found.qpos, 2, axis=1), np.delete(motion.qpos, 2, axis=1))
    feet = [name.endswith("foot") for name in found.contact_names]
    assert found.contacts[inner][:, feet].all() and not motion.contacts[inner].any()


@pytest.mark.parametrize("height", [HIGHEST + 0.1, 1.0])
def test_who_is_carried_high_stays_there(height):
    motion = leaping(height)
    assert set_down(motion, CHARACTER)[0] is motion


def rising(z: np.ndarray) -> ReferenceMotion:
    """The humanoid as it stands, its feet at heights [m] (T,)."""
    motion = standing(len(z))
    qpos = motion.qpos.copy()
    qpos[:, 2] += z
    return replace(motion, qpos=qpos)


@pytest.mark.parametrize(
    "z",
    [
        np.repeat([0.0, 0.17, 0.34, 0.51, 0.68, 0.85], 24),
        np.concatenate([np.zeros(12), np.full(12, 0.2), 0.45 - 0.25 * np.cos(np.arange(120) * 2.0 * np.pi / 60)]),
    ],
    ids=["stairs", "pull-up"],
)
def test_stairs_and_pull_ups_keep_their_heights(z):
    motion = rising(z)
    assert set_down(motion, CHARACTER)[0] is motion


def test_legs_are_feet_and_knees():
    names = [CHARACTER.model.body(body).name for body in contact_points(CHARACTER).bodies]
    names += [
        CHARACTER.model.body(b).name
        for b in BodyPoints.of_geoms(CHARACTER.model).bodies[find_other_parts(CHARACTER)[~are_ends(CHARACTER)]]
    ]
    legs = {name for name, is_leg in zip(names, are_legs(CHARACTER), strict=True) if is_leg}
    rest = set(names) - legs
    assert legs and all(any(part in name for part in ("foot", "ankle", "shin", "thigh", "knee")) for name in legs)
    assert not any(any(part in name for part in ("foot", "shin", "thigh", "knee")) for name in rest)
