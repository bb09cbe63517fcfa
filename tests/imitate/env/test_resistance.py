"""What stands in for a box in a draft: a force on both palms, as large as the motion leans on it."""

from dataclasses import replace

import numpy as np
import pytest

from imitate.env.env import EnvConfig, ImitationEnv
from imitate.env.task import Task
from imitate.scene.footprints import name_palms
from imitate.scene.scene import HARDEST, PHYSICS_HZ, SUBSTEPS, Scene, make_found_scene
from reconstruct.motion import ReferenceMotion
from reconstruct.scene_objects import SceneObject
from sfv.demo.motions import FPS, load_demo_motion, load_demo_take, place_things
from tests.samples import CHARACTER, standing

FORCE = (-60.0, 20.0, 30.0)


def test_the_centre_of_mass_goes_as_newton_says():
    """In the air, where nothing else differs; MuJoCo steps velocities first: h^2 n (n + 1) / 2 of the acceleration."""
    high = standing()
    qpos = high.qpos.copy()
    qpos[:, 2] += 2.0
    task = Task(CHARACTER, replace(high, qpos=qpos))
    places = []
    for one in (task, replace(task, resistance=FORCE)):
        env = ImitationEnv(one, EnvConfig(), 1)
        env.start(np.zeros(1, dtype=np.int64))
        env.step(np.zeros((1, env.action_size)))
        places.append(env.com[0].copy())
    mass = CHARACTER.model.body_subtreemass[1]
    expected = 2.0 * np.array(FORCE) / mass * SUBSTEPS * (SUBSTEPS + 1) / (2.0 * PHYSICS_HZ**2)
    np.testing.assert_allclose(places[1] - places[0], expected, rtol=0.02, atol=2e-6)


def test_it_acts_at_the_palms():
    env = ImitationEnv(Task(CHARACTER, standing(), resistance=FORCE), EnvConfig(), 1)
    env.start(np.zeros(1, dtype=np.int64))
    env._resistance.act()
    applied, centres = env._batch.bind("xfrc_applied")[0], env._batch.bind("xipos")[0]
    for name in name_palms(CHARACTER):
        site = env.model.site(name)
        body = int(env.model.site_bodyid[site.id])
        np.testing.assert_allclose(applied[body, :3], FORCE)
        np.testing.assert_allclose(applied[body, 3:], np.cross(env.site_xpos[0, site.id] - centres[body], FORCE))
    assert np.count_nonzero(np.abs(applied).sum(axis=1)) == 2


def test_a_draft_has_it_in_place_of_a_box_that_was_found():
    qpos, contacts = load_demo_take("push_box", CHARACTER)
    names = tuple(CHARACTER.contacts)
    motion = ReferenceMotion(qpos, FPS, CHARACTER.name, CHARACTER.height, CHARACTER.joint_names, contacts, names)
    (box,) = place_things("push_box", CHARACTER, qpos)
    draft = Task(CHARACTER, motion, make_found_scene((box,))).drafted
    assert draft.scene.kind == "flat" and -90.0 < draft.resistance[0] < -50.0 and abs(draft.resistance[1]) < 5.0
    assert draft.drafted.resistance == draft.resistance
    heavier = Task(CHARACTER, motion, make_found_scene((replace(box, mass=1.2 * box.mass),))).drafted
    assert heavier.resistance[0] == pytest.approx(1.2 * draft.resistance[0])
    # One that is too heavy slides more easily: against 200 N, as one that is just not.
    scenes = [make_found_scene((replace(box, mass=mass),)) for mass in (HARDEST / (0.5 * 9.81), 100.0)]
    assert scenes[0].box_friction == pytest.approx(0.5) and scenes[1].box_friction == pytest.approx(0.2, rel=0.02)
    forces = [Task(CHARACTER, motion, scene).drafted.resistance[0] for scene in scenes]
    assert forces[1] == pytest.approx(forces[0]) and forces[0] < -90.0
    # Who does not lean on a box that a scene file puts there meets what slides.
    walk = load_demo_motion("walk", CHARACTER)
    slides = Task(CHARACTER, walk, make_found_scene((SceneObject("box", 2.0, 0.0, 1.0, 1.0, 1.0, mass=20.0),))).drafted
    assert slides.resistance[0] == pytest.approx(-0.5 * 0.5 * 20.0 * 9.81, rel=1e-3)
    assert not any(Task(CHARACTER, walk, Scene("box")).drafted.resistance)
