"""Every character of `assets/characters` is what its folder claims, and the humanoid is a person."""

import mujoco
import numpy as np
import pytest

from assets import bake_atlas
from assets.humanoid_mjcf import MASS_SHARE, PAIRED
from imitate.scene.scene import Scene, build_model
from pose.landmarks import LANDMARKS
from reconstruct.characters.assets_folder import CHARACTERS
from reconstruct.characters.character import list_character_names, load_character, read_character_table
from reconstruct.kinematics import BodyPoints, point_positions
from sfv.drawing.character_views import draw_landmarks
from tests.samples import available

HUMANOID_JOINTS = [
    "root", "chest", "neck", "right_shoulder", "right_elbow", "left_shoulder", "left_elbow",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
]  # fmt: skip


@pytest.fixture(params=list_character_names())
def character(request):
    return available(request.param)


def at_rest(model: mujoco.MjModel) -> mujoco.MjData:
    state = mujoco.MjData(model)
    mujoco.mj_forward(model, state)
    return state


def test_names_in_the_toml_are_in_the_model(character):
    model = character.model
    sites = [*character.landmarks.values(), *character.end_effectors]
    sites += [site for group in character.contacts.values() for site in group]
    for site in sites:
        assert mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_SITE, site) >= 0, site
    for body in (*character.foot_bodies, *character.fall_bodies, *character.key_bodies):
        assert mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, body) >= 0, body
    assert set(character.landmarks) <= set(LANDMARKS)
    assert (CHARACTERS / character.name / "LICENSE").is_file()


def test_stands_on_its_soles(character):
    state = at_rest(character.model)
    soles = [site for part, group in character.contacts.items() if "foot" in part for site in group]
    heights = [state.site(site).xpos[2] for site in soles]
    np.testing.assert_allclose(heights, 0.0, atol=1e-3)


def test_keeps_standing_under_its_servos(character):
    model = build_model(character, Scene())
    state = mujoco.MjData(model)
    for _ in range(round(2.0 / model.opt.timestep)):
        mujoco.mj_step(model, state)
    assert state.qpos[2] > 0.97 * model.qpos0[2]
    # The root's z axis is still within 5 degrees of the vertical.
    x, y = state.qpos[4:6]
    assert 1 - 2 * (x * x + y * y) > np.cos(np.radians(5))


def test_every_degree_of_freedom_has_one_limited_servo(character):
    model = character.model
    assert model.nu == model.nv - 6
    assert (model.actuator_forcelimited == 1).all()
    assert (model.actuator_gainprm[:, 0] > 0).all()
    np.testing.assert_allclose(model.actuator_biasprm[:, 1], -model.actuator_gainprm[:, 0])


def test_the_toml_says_what_the_model_is(character):
    table, model = read_character_table(character.name), character.model
    if "base" not in table:
        assert model.body_mass.sum() == pytest.approx(table["mass"], abs=0.1)
    shapes = BodyPoints.of_geoms(model)
    height = point_positions(model, np.array(model.qpos0)[None], shapes)[0, :, 2] + shapes.radius
    assert height.max() == pytest.approx(character.height, rel=0.06)


def test_faces_x_with_its_left_on_the_left(character):
    state = at_rest(character.model)
    for side, sign in (("left", 1), ("right", -1)):
        place = {part: state.site(character.landmarks[f"{side}_{part}"]).xpos for part in ("hip", "shoulder", "wrist")}
        assert all(sign * point[1] > 0.03 for point in place.values())
        heel, toe = (state.site(character.landmarks[f"{side}_{part}"]).xpos for part in ("heel", "foot_index"))
        assert toe[0] - heel[0] > 0.1
        assert place["wrist"][2] < place["shoulder"][2] - 0.15  # hanging arms


def test_is_drawn(character):
    picture = draw_landmarks(character)
    assert picture.dtype == np.uint8
    assert np.ptp(picture.astype(int), axis=(0, 1)).min() > 100
    # The body covers the middle of either view: it differs there from the empty ground and sky beside it.
    half = picture.shape[1] // 2
    middle = picture[380:420, half // 2 - 15 : half // 2 + 15].astype(int).mean(axis=(0, 1))
    beside = picture[380:420, 20:50].astype(int).mean(axis=(0, 1))
    assert np.abs(middle - beside).max() > 10


# -- the humanoid ------------------------------------------------------------------------------------------------------


def test_humanoid_has_the_joints_of_deepmimic():
    model = load_character("humanoid").model
    assert [model.joint(j).name for j in range(model.njnt)] == HUMANOID_JOINTS
    assert (model.nq, model.nv, model.nu) == (43, 34, 28)


def test_humanoid_has_a_site_for_every_landmark_of_blazepose():
    model = load_character("humanoid").model
    for landmark in LANDMARKS:
        assert mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_SITE, landmark) >= 0, landmark


def test_humanoid_weighs_and_measures_what_it_says():
    model = load_character("humanoid").model
    assert model.body_mass.sum() == pytest.approx(75.0, abs=0.01)
    # Shares of the body's mass, to the left and right together, are de Leva's (they add up to 1 within rounding).
    assert sum(share * (2 if name in PAIRED else 1) for name, share in MASS_SHARE.items()) == pytest.approx(1, abs=0.01)
    highest = (model.skin_vert[:, 2]).max() - model.skin_vert[:, 2].min()
    assert highest == pytest.approx(1.75, abs=0.03)  # in the rest pose of the mesh, legs a little apart
    state = at_rest(model)
    # A standing person's centre of mass is at 0.55 of the height (Winter 1990: 0.53-0.57).
    assert state.subtree_com[0][2] / 1.75 == pytest.approx(0.55, abs=0.02)


def test_humanoid_frames_are_upright_at_rest():
    state = at_rest(load_character("humanoid").model)
    np.testing.assert_allclose(state.xmat[1:], np.tile(np.eye(3).ravel(), (len(state.xmat) - 1, 1)), atol=1e-9)


def test_humanoid_is_symmetric():
    model = load_character("humanoid").model
    state = at_rest(model)
    mirror = np.array([1.0, -1.0, 1.0])
    for i in range(model.nsite):
        name = model.site(i).name
        other = name.replace("left", "\0").replace("right", "left").replace("\0", "right")
        np.testing.assert_allclose(state.site_xpos[i] * mirror, state.site(other).xpos, atol=2e-4, err_msg=name)
    for i in range(model.nbody):
        other = model.body(i).name.replace("left", "right")
        assert model.body(i).mass == pytest.approx(model.body(other).mass)


@pytest.mark.parametrize(("joint", "part", "ahead"), [("left_elbow", "left_wrist", 1), ("left_knee", "left_ankle", -1)])
def test_humanoid_hinges_bend_the_human_way(joint, part, ahead):
    model = load_character("humanoid").model
    state = mujoco.MjData(model)
    state.qpos[model.joint(joint).qposadr[0]] = 1.0
    mujoco.mj_forward(model, state)
    moved = state.site(part).xpos - at_rest(model).site(part).xpos
    assert ahead * moved[0] > 0.1
    assert moved[2] > 0.05


def test_humanoid_skin_follows_its_bodies():
    model = load_character("humanoid").model
    assert model.nskin == 1
    names = [model.body(body).name for body in model.skin_bonebodyid]
    assert sorted(names) == sorted(model.body(b).name for b in range(1, model.nbody))
    total = np.zeros(model.nskinvert)
    for bone in range(model.nskinbone):
        first, count = model.skin_bonevertadr[bone], model.skin_bonevertnum[bone]
        vertices = model.skin_bonevertid[first : first + count]
        np.add.at(total, vertices, model.skin_bonevertweight[first : first + count])
    np.testing.assert_allclose(total, 1.0, atol=1e-4)
    assert sum(file.stat().st_size for file in (CHARACTERS / "humanoid").iterdir()) < 1_000_000


# -- Atlas -------------------------------------------------------------------------------------------------------------


def test_atlas_is_the_published_robot():
    model = load_character("atlas").model
    assert (model.njnt - 1, model.nu) == (30, 30)
    assert model.body_mass.sum() == pytest.approx(174.05, abs=0.01)
    state = at_rest(model)
    left, right = (state.site(f"{side}_hip").xpos for side in ("left", "right"))
    np.testing.assert_allclose(left - right, [0, 2 * (0.089 + 0.0225), 0], atol=1e-6)
    # Thigh and shin between the pitch joints of hip, knee and ankle, as published.
    knee, ankle = state.site("left_knee").xpos, state.site("left_ankle").xpos
    np.testing.assert_allclose(left - knee, [0.05, 0, 0.374], atol=1e-6)
    np.testing.assert_allclose(knee - ankle, [0, 0, 0.422], atol=1e-6)
    np.testing.assert_allclose(state.xmat[1:], np.tile(np.eye(3).ravel(), (model.nbody - 1, 1)), atol=1e-9)


def test_atlas_is_the_one_that_its_script_writes():
    assert (CHARACTERS / "atlas" / "atlas.xml").read_text(encoding="utf-8") == bake_atlas.mjcf()


@pytest.mark.parametrize("angle", [0.0, 0.5])
def test_atlas_is_symmetric(angle):
    model = load_character("atlas").model
    state = mujoco.MjData(model)
    for j in range(1, model.njnt):
        name = model.joint(j).name
        # Rotations about x and z turn round in a mirror, those about y do not.
        mirrored = abs(model.jnt_axis[j][1]) < 0.5 and name.startswith("r_")
        state.qpos[model.jnt_qposadr[j]] = angle * (-1 if mirrored else 1) * (name[:2] in ("r_", "l_"))
    mujoco.mj_forward(model, state)
    for i in range(model.nsite):
        name = model.site(i).name
        if "arm" in model.body(model.site_bodyid[i]).name or "hand" in model.body(model.site_bodyid[i]).name:
            continue  # their axes are oblique at rest: the arms hang a little away from the body
        other = name.replace("left", "\0").replace("right", "left").replace("\0", "right")
        np.testing.assert_allclose(state.site_xpos[i] * [1, -1, 1], state.site(other).xpos, atol=2e-4, err_msg=name)
