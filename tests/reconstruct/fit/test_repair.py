"""Repairs: the mirror image of contacts, and a cycle that can go on for ever."""

import numpy as np

from reconstruct.contacts import contact_points, find_contacts
from reconstruct.cycle import Cycle, seam_gap
from reconstruct.fit.problem import FitSigmas
from reconstruct.fit.repair import cut_cycle, mirror_contacts, repair_motion
from reconstruct.kinematics import point_positions
from reconstruct.support import Support
from sfv.demo.motions import FPS, load_demo_take
from tests.samples import CHARACTER, standing

MODEL, POINTS = CHARACTER.model, contact_points(CHARACTER)
NAMES = [site for sites in CHARACTER.contacts.values() for site in sites]


def support_of(qpos: np.ndarray) -> Support:
    contact = find_contacts(point_positions(MODEL, qpos, POINTS), FPS)
    return Support(contact, np.logical_not(contact.any(axis=1)))


def test_mirrored_contacts_are_those_of_the_other_side():
    contact = np.random.default_rng(0).random((20, len(NAMES))) < 0.5
    image = mirror_contacts(CHARACTER, contact)
    for column, name in enumerate(NAMES):
        swap = {"left": "right", "right": "left"}
        twin = "_".join(swap.get(word, word) for word in name.split("_"))
        np.testing.assert_array_equal(image[:, column], contact[:, NAMES.index(twin)])
    np.testing.assert_array_equal(mirror_contacts(CHARACTER, image), contact)


def test_a_jittering_foot_is_held_and_the_rest_stays():
    """A body that stands, its root shaken by a centimetre: the soles are to rest."""
    rng, qpos = np.random.default_rng(0), standing(16).qpos.copy()
    contact = np.zeros((16, len(NAMES)), dtype=bool)
    contact[:, :4] = True
    shaken = qpos.copy()
    shaken[:, :2] += 0.01 * rng.normal(size=(16, 2))
    mended = repair_motion(
        CHARACTER, shaken, Support(contact, np.zeros(16, dtype=bool)), FPS, FitSigmas(), iterations=12
    )
    before, after = (np.diff(point_positions(MODEL, q, POINTS)[:, :4, :2], axis=0) for q in (shaken, mended))
    assert np.linalg.norm(after, axis=-1).mean() < 0.1 * np.linalg.norm(before, axis=-1).mean()
    assert np.abs(mended[:, :3] - qpos[:, :3]).max() < 0.05


def test_a_cycle_that_is_cut_out_closes_and_keeps_its_stride():
    qpos, _ = load_demo_take("walk", CHARACTER)
    steps = round(1.1 * FPS)
    cycle = Cycle(first=20, last=20 + steps, mirrored=False, distance=0.0)
    closed, contact = cut_cycle(CHARACTER, qpos, support_of(qpos), cycle, FPS, FitSigmas(), straight=True)
    assert len(closed) == len(contact) == steps + 1
    np.testing.assert_allclose(seam_gap(MODEL, closed), 0.0, atol=1e-9)
    np.testing.assert_array_equal(contact[0], contact[-1])
    stride = closed[-1, :2] - closed[0, :2]
    np.testing.assert_allclose(stride, [1.3, 0.0], atol=0.05)
    middle = qpos[20 : 20 + steps + 1]
    assert np.sqrt(np.mean((closed[:, 7:] - middle[:, 7:]) ** 2)) < 0.05
