"""Characters load by name and scale as one body, taller or shorter."""

import shutil

import mujoco
import numpy as np
import pytest

from pose.errors import InputError
from reconstruct.characters.assets_folder import CHARACTERS
from reconstruct.characters.character import (
    fit_skin,
    list_character_names,
    load_character,
    load_character_folder,
)
from tests.samples import available


@pytest.mark.parametrize("name", list_character_names())
def test_scaling_keeps_the_body_similar(name):
    own = available(name)
    tall = load_character(name, own.height * 1.1)
    a, b = own.model, tall.model
    np.testing.assert_allclose(b.body_pos, a.body_pos * 1.1, atol=1e-9)
    np.testing.assert_allclose(b.geom_size, a.geom_size * 1.1, atol=1e-6)
    np.testing.assert_allclose(b.site_pos, a.site_pos * 1.1, atol=1e-9)
    np.testing.assert_allclose(b.body_mass, a.body_mass * 1.1**3, rtol=1e-6)
    np.testing.assert_allclose(b.mesh_vert, a.mesh_vert * 1.1, atol=1e-5)
    np.testing.assert_allclose(b.body_inertia, a.body_inertia * 1.1**5, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("name", list_character_names())
def test_scaled_joints_swing_alike(name):
    """Under gravity a geometrically scaled servo swings at 1/sqrt(s) of the frequency: kp / I goes with 1/s."""
    own = available(name)
    tall = load_character(name, own.height * 1.2)
    ratio = tall.model.actuator_gainprm[:, 0] / own.model.actuator_gainprm[:, 0]
    np.testing.assert_allclose(ratio / 1.2**5, 1 / 1.2, rtol=1e-6)
    np.testing.assert_allclose(tall.model.actuator_biasprm[:, 1], -tall.model.actuator_gainprm[:, 0], rtol=1e-6)
    damping = tall.model.actuator_biasprm[:, 2] / own.model.actuator_biasprm[:, 2]
    np.testing.assert_allclose(damping / np.sqrt(ratio * 1.2**5), 1.0, rtol=1e-6)  # same share of critical damping
    np.testing.assert_allclose(tall.model.dof_armature, own.model.dof_armature * 1.2**5, rtol=1e-6)


def test_scaled_body_stands_on_the_ground_at_its_height():
    child = load_character("humanoid", 1.2)
    state = mujoco.MjData(child.model)
    mujoco.mj_forward(child.model, state)
    own = load_character("humanoid")
    own_state = mujoco.MjData(own.model)
    mujoco.mj_forward(own.model, own_state)
    np.testing.assert_allclose(state.site_xpos, own_state.site_xpos * 1.2 / own.height, atol=1e-9)


def test_unknown_character_lists_the_known_ones():
    with pytest.raises(InputError, match=r"unknown character 'r2d2'; known ones: .*humanoid"):
        load_character("r2d2")


@pytest.mark.parametrize("height", [0.1, -1.0, 170.0, float("nan")])
def test_impossible_height(height):
    with pytest.raises(InputError, match="height"):
        load_character("humanoid", height)


@pytest.mark.parametrize("name", ["child", "heavy"])
def test_variants_are_the_same_body_by_parameters(name):
    own, variant = load_character("humanoid"), load_character(name)
    similar = load_character("humanoid", variant.height).model
    model = variant.model
    assert variant.joint_names == own.joint_names
    np.testing.assert_allclose(model.body_pos, similar.body_pos, atol=1e-9)
    # Of the child only the head grows, in all directions; of the heavy body all but head and feet, in two.
    of_head, of_arm = {"child": (1.25**3, 1.0), "heavy": (1.0, 1.2**2)}[name]
    for body, factor in (("head", of_head), ("left_upper_arm", of_arm), ("right_foot", 1.0)):
        b = model.body(body).id
        assert model.body_mass[b] / similar.body_mass[b] == pytest.approx(factor), body


def test_a_fitted_skin_grows_with_its_bones():
    own, heavy = load_character("humanoid"), load_character("heavy")
    thin, wide = own.spec().compile(), heavy.spec().compile()
    fit_skin(thin, own)
    fit_skin(wide, heavy)
    offset = thin.skin_vert[:, :2]
    trunk = (thin.skin_vert[:, 2] > 1.0) & (thin.skin_vert[:, 2] < 1.2) & (np.abs(offset[:, 1]) < 0.15)
    assert np.ptp(wide.skin_vert[trunk, 1]) / np.ptp(thin.skin_vert[trunk, 1]) == pytest.approx(1.2, abs=0.02)
    np.testing.assert_allclose(wide.skin_vert[:, 2], thin.skin_vert[:, 2], atol=1e-6)


def test_a_variant_knows_all_its_files():
    assert {"child/character.toml", "humanoid.xml", "humanoid.skn"} <= set(load_character("child").files)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('nose = "nose"', 'nose = "trunk"', "no site trunk, which character.toml names"),
        ('"l_foot", "r_foot"]', '"l_foot", "r_hoof"]', "no body r_hoof, which character.toml names"),
        ("height = 1.9", "height = -1", r"no entry of the form height = 0\.1 to 5"),
        ('mjcf = "atlas.xml"', 'mjcf = "../atlas.xml"', "no entry of the form mjcf"),
        ("[landmarks]", "[landmarks", "not TOML"),
    ],
)
def test_a_table_that_does_not_fit_its_model_is_reported(tmp_path, old, new, message):
    folder = tmp_path / "mine"
    shutil.copytree(CHARACTERS / "atlas", folder)
    text = (folder / "character.toml").read_text()
    assert old in text
    (folder / "character.toml").write_text(text.replace(old, new))
    with pytest.raises(InputError, match=message):
        load_character_folder(folder).model  # noqa: B018
