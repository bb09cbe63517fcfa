"""Trunks on the ground: made-up rolls with known answers."""

import numpy as np
import pytest

from reconstruct.camera import View
from reconstruct.characters.character import load_character
from reconstruct.contacts import contact_points
from reconstruct.fit.problem import FitSigmas, Problem
from reconstruct.fit.repair import repair_motion
from reconstruct.kinematics import BodyPoints, PointSet, compute_kinematics, point_positions
from reconstruct.motion import ReferenceMotion
from reconstruct.retargeting.grounding import find_ground_contacts
from reconstruct.rotations import from_rotvec
from reconstruct.support import find_support
from reconstruct.terms import rolling

FPS = 30.0
FRAMES = 24
TURN = 0.15
"""Of the rolling body, a frame [rad]."""


@pytest.fixture(scope="module")
def body():
    """The humanoid, and its ball that will carry it: the right end of its pelvis."""
    character = load_character("humanoid")
    solid, parts = BodyPoints.of_geoms(character.model), rolling.find_other_parts(character)
    names = [character.model.body(b).name for b in solid.bodies[parts]]
    return character, solid, parts, names.index("pelvis")


def rolled(body, turn, way, height=0.0, leans=1.6):
    """The tucked body, leant back and turning about y by `turn` [rad] a frame; its ball goes on by `way` [m]."""
    character, solid, parts, ball = body
    model = character.model
    qpos = np.tile(np.array(model.qpos0), (FRAMES, 1))
    for side in ("left", "right"):
        hip, knee, shoulder = (model.joint(f"{side}_{part}").qposadr[0] for part in ("hip", "knee", "shoulder"))
        qpos[:, hip : hip + 4] = from_rotvec(np.array([0.0, -2.4, 0.0]))
        qpos[:, knee] = 2.3
        qpos[:, shoulder : shoulder + 4] = from_rotvec(np.array([0.0, -1.8, 0.0]))
    lies = -leans + turn * (np.arange(FRAMES) - 0.5 * FRAMES)
    qpos[:, 3:7] = from_rotvec(lies[:, None] * np.array([0.0, 1.0, 0.0]))
    middle = point_positions(model, qpos, solid[parts[[ball]]])[:, 0]
    radius = solid.radius[parts[ball]]
    target = np.column_stack([way * np.arange(FRAMES), np.zeros(FRAMES), np.full(FRAMES, radius + height)])
    qpos[:, :3] += target - middle
    return qpos, radius


def slip_of(body, qpos):
    """Way of the lowest point of the ball in each frame [m], (T - 1, 2)."""
    character, solid, parts, ball = body
    points = PointSet.of(solid=solid, masses=BodyPoints.of_masses(character.model))
    kin = compute_kinematics(character.model, qpos, points)
    held = np.ones((FRAMES, 1), dtype=bool)
    return rolling.no_slip(kin["solid"][parts[[ball]]], kin["masses"], held, 1.0).residual


def test_feet_and_hands_are_not_among_the_other_parts(body):
    character, solid, parts, _ = body
    names = {character.model.body(b).name for b in solid.bodies[parts]}
    assert {"pelvis", "chest", "head", "left_thigh", "right_shin", "left_forearm"} <= names
    assert not {"left_foot", "right_foot"} & names
    standing = np.array(character.model.qpos0)[None]
    assert rolling.other_heights(character, standing).min() > 0.3  # the knees


def test_a_ball_that_rolls_does_not_slip(body):
    # To roll forward by an angle its middle has to go on by angle times radius.
    qpos, radius = rolled(body, TURN, 0.0)
    qpos, _ = rolled(body, TURN, TURN * radius)
    np.testing.assert_allclose(slip_of(body, qpos), 0.0, atol=radius * TURN**3 / 6 + 1e-6)


def test_what_slides_or_spins_on_the_spot_slips_by_as_much(body):
    slides, radius = rolled(body, 0.0, 0.02)
    np.testing.assert_allclose(slip_of(body, slides), np.tile([0.02, 0.0], (FRAMES - 1, 1)), atol=1e-9)
    spins, _ = rolled(body, TURN, 0.0)
    np.testing.assert_allclose(slip_of(body, spins)[:, 0], -radius * np.sin(TURN), atol=1e-6)


def test_a_rolling_body_does_not_fly(body):
    character, _, _, ball = body
    qpos, radius = rolled(body, TURN, 0.0)
    qpos, _ = rolled(body, TURN, TURN * radius)
    heights = rolling.other_heights(character, qpos)
    parts = rolling.find_resting_parts(heights, FPS)
    assert parts[:, ball].all()
    points_w = point_positions(character.model, qpos, contact_points(character))
    support = find_support(points_w, View(0.0, 0.0, 1.2, 7.0), FPS, others=heights.min(axis=1), rolling=parts)
    assert not support.flight.any()
    raised = qpos + np.array([0.0, 0.0, 2.0, *np.zeros(qpos.shape[1] - 3)])
    assert not rolling.find_resting_parts(rolling.other_heights(character, raised), FPS).any()


def test_a_body_that_floats_and_slides_a_little_is_laid_down_and_rolls(body):
    character, solid, parts, ball = body
    qpos, radius = rolled(body, 0.2 * TURN, 0.0, leans=0.4)
    qpos, _ = rolled(body, 0.2 * TURN, 0.2 * TURN * radius + 0.01, height=0.02, leans=0.4)
    support = Problem(character, FPS, FitSigmas()).find_support(qpos, View(0.0, 0.0, 1.2, 7.0))
    assert support.rolls[:, ball].all() and not support.flight.any()
    mended = repair_motion(character, qpos, support, FPS, FitSigmas())
    height = point_positions(character.model, mended, solid[parts[[ball]]])[:, 0, 2] - radius
    assert np.abs(height).mean() < 0.3 * 0.02
    before, after = (np.abs(slip_of(body, q)[:, 0]).mean() for q in (qpos, mended))
    assert after < 0.5 * before


def test_a_rolling_body_does_not_fly_either_when_it_is_carried_over(body):
    character = body[0]
    qpos, radius = rolled(body, TURN, 0.0)
    qpos, _ = rolled(body, TURN, TURN * radius)
    contacts = np.zeros((FRAMES, len(character.contacts)), dtype=bool)
    motion = ReferenceMotion(
        qpos=qpos,
        fps=FPS,
        character=character.name,
        height=character.height,
        joint_names=character.joint_names,
        contacts=contacts,
        contact_names=tuple(character.contacts),
        loop=False,
    )
    assert not find_ground_contacts(motion, character, character).flight.any()
