"""What both hands push: by how much a leaning body needs it, by hand; never where the feet can carry the body."""

import numpy as np
import pytest

from reconstruct.characters.character import load_character
from reconstruct.contacts import contact_points
from reconstruct.kinematics import GRAVITY, com_positions, point_positions
from reconstruct.rotations import from_rotvec
from reconstruct.scene.find_pushed import LENGTH, OVER_HANDS, find_pushed
from reconstruct.scene.surfaces import carried_points, foot_columns, hand_columns
from reconstruct.scene_objects import PUSHED_FRICTION
from sfv.demo.motions import load_demo_take, place_things

CHARACTER = load_character("humanoid")
MODEL = CHARACTER.model
FPS = 30.0
FRAMES = 41


def glide(lean: float, speed: float = 1.0, arms: float = 90.0) -> tuple[np.ndarray, np.ndarray]:
    """A rigid body that leans forward from its ankles [deg] and glides along x with its arms up to `arms` [deg], on
    both feet: qpos and contacts."""
    qpos = np.tile(MODEL.qpos0, (FRAMES, 1))
    for side in ("left", "right"):
        shoulder = int(MODEL.joint(f"{side}_shoulder").qposadr[0])
        qpos[:, shoulder : shoulder + 4] = from_rotvec(np.radians([0.0, -arms, 0.0]))
        ankle = int(MODEL.joint(f"{side}_ankle").qposadr[0])
        qpos[:, ankle : ankle + 4] = from_rotvec(np.radians([0.0, -lean, 0.0]))
    qpos[:, 3:7] = from_rotvec(np.radians([0.0, lean, 0.0]))
    points = carried_points(CHARACTER)
    feet = point_positions(MODEL, qpos[:1], points)[0, foot_columns(CHARACTER)]
    qpos[:, 2] -= feet[:, 2].min()
    qpos[:, 0] += speed * np.arange(FRAMES) / FPS
    on_feet = foot_columns(CHARACTER)[: len(contact_points(CHARACTER))]
    return qpos, np.tile(on_feet, (FRAMES, 1))


def spread(contacts: np.ndarray) -> np.ndarray:
    """Contacts of hands and feet as those of all of their points."""
    return np.repeat(contacts, [len(sites) for sites in CHARACTER.contacts.values()], axis=1)


def test_a_body_that_leans_pushes_as_hard_as_the_lever_asks_for():
    qpos, contact = glide(lean=30.0)
    found = find_pushed(CHARACTER, qpos, contact, FPS)
    assert found is not None
    places = point_positions(MODEL, qpos[:1], carried_points(CHARACTER))[0]
    hands, toes = places[hand_columns(CHARACTER)].mean(axis=0), places[foot_columns(CHARACTER), 0].max()
    centre, mass = com_positions(MODEL, qpos[:1])[0], float(MODEL.body_subtreemass[1])
    # Moments about the toes: the weight against a push at the hands, from level to as steep as friction lets it be.
    level = mass * GRAVITY * (centre[0] - toes) / hands[2]
    steep = mass * GRAVITY * (centre[0] - toes) / (hands[2] + hands[0] - toes)
    assert 0.7 * steep < found.force < level
    slides = PUSHED_FRICTION * GRAVITY * found.box.mass
    assert 0.3 * found.force < slides <= found.force * 1.01  # the hands' weight upon it slides as well
    assert found.speed == pytest.approx(1.0, abs=1e-6)
    box = found.box
    assert box.height == pytest.approx(hands[2] + OVER_HANDS, abs=0.01)
    assert 0.0 < box.x - 0.5 * LENGTH - hands[0] < 0.12 and abs(box.y) < 0.01 and abs(box.yaw) < 0.1
    assert "N" in found.why


def test_the_box_of_a_demonstration_is_found_where_it_is():
    qpos, contacts = load_demo_take("push_box", CHARACTER)
    (true,) = place_things("push_box", CHARACTER, qpos)
    found = find_pushed(CHARACTER, qpos, spread(contacts), FPS)
    assert found is not None
    assert found.box.height == pytest.approx(true.height, abs=0.03) and found.box.x == pytest.approx(true.x, abs=0.02)
    assert found.box.mass == pytest.approx(true.mass, rel=0.2) and abs(found.box.yaw) < 1.0
    assert found.speed == pytest.approx(0.95 / 1.1, abs=0.01)


@pytest.mark.parametrize(
    "options",
    [{"lean": 0.0}, {"lean": 30.0, "speed": 0.0}, {"lean": 30.0, "speed": -1.0}, {"lean": 30.0, "arms": 0.0}],
    ids=["upright", "still", "backwards", "arms hang"],
)
def test_nothing_is_pushed_without_need_way_or_hands(options):
    qpos, contact = glide(**options)
    assert find_pushed(CHARACTER, qpos, contact, FPS) is None


@pytest.mark.parametrize("name", ["walk", "jump", "push"])
def test_who_keeps_their_balance_pushes_nothing(name):
    """`push` walks with its hands ahead, as if: its feet alone carry it."""
    qpos, contacts = load_demo_take(name, CHARACTER)
    assert find_pushed(CHARACTER, qpos, spread(contacts), FPS) is None
