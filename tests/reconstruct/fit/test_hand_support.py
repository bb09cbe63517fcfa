"""Hands on something that is not there: found in a body that leans and does not fall, and only there."""

import numpy as np
import pytest

from reconstruct.characters.character import load_character
from reconstruct.contacts import contact_points, find_contacts
from reconstruct.fit.hand_support import find_hand_support
from reconstruct.kinematics import point_positions
from reconstruct.solver.tangent import TangentSpace
from sfv.demo.motions import load_demo_motion

CHARACTER = load_character("humanoid")
MODEL = CHARACTER.model
FPS = 30.0
HANDS = [name.endswith("palm") for sites in CHARACTER.contacts.values() for name in sites]


def leaning(pitch, frames=30, speed=1.0):
    """A body that goes on with its trunk pitched about the ankles and its arms stretched out ahead, (T, nq)."""
    step = np.zeros((frames, MODEL.nv))
    step[:, 4] = pitch
    for side in ("left", "right"):
        step[:, MODEL.joint(f"{side}_shoulder").dofadr[0] + 1] = -1.2
        step[:, MODEL.joint(f"{side}_ankle").dofadr[0] + 1] = -pitch
    qpos = TangentSpace.of(MODEL).integrate(np.tile(np.array(MODEL.qpos0), (frames, 1)), step)
    qpos[:, 0] += speed * np.arange(frames) / FPS
    qpos[:, 2] -= point_positions(MODEL, qpos, contact_points(CHARACTER))[..., 2].min(axis=1)
    return qpos


def found(qpos):
    contact = np.tile(np.logical_not(HANDS), (len(qpos), 1))
    return find_hand_support(CHARACTER, qpos, contact, FPS)


def test_who_leans_with_stretched_arms_is_held_by_the_hands():
    hands = found(leaning(0.45))
    assert hands[:, HANDS].all()
    assert not hands[:, np.logical_not(HANDS)].any()


def test_who_stands_upright_is_not():
    assert not found(leaning(0.0)).any()


def test_hands_that_wave_hold_nothing():
    qpos = leaning(0.45)
    swing = np.zeros((len(qpos), MODEL.nv))
    for side in ("left", "right"):
        swing[:, MODEL.joint(f"{side}_shoulder").dofadr[0] + 1] = 0.6 * np.sin(2 * np.pi * 2.0 * np.arange(30) / FPS)
    assert not found(TangentSpace.of(MODEL).integrate(qpos, swing)).any()


@pytest.mark.parametrize("name", ["backflip", "cartwheel", "walk", "jump"])
def test_acrobatics_need_nothing_to_hold_on_to(name):
    motion = load_demo_motion(name, CHARACTER)
    contact = find_contacts(point_positions(MODEL, motion.qpos, contact_points(CHARACTER)), motion.fps)
    assert not find_hand_support(CHARACTER, motion.qpos, contact, motion.fps).any()
