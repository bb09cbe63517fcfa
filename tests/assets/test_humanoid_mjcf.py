"""The humanoid's MJCF from measures that are easy to check; the measures of a body made of known capsules."""

import mujoco
import numpy as np
import pytest

from assets.humanoid_mjcf import GAINS, Build, Capsule, mjcf, share_mass
from reconstruct.characters.assets_folder import CHARACTERS

BUILD = Build(
    height=1.7, mass=80.0, mid_hip_height=0.9, waist=(0.01, 0.0, 0.12), neck=(-0.03, 0.0, 0.35), head_top=0.26,
    shoulder=(-0.02, 0.18, 0.3), upper_arm=0.29, forearm=0.25, hand=0.1, fist=(0.01, 0.005, 0.043),
    hip=(0.0, 0.09, 0.0), thigh=0.41, shin=0.4, ankle_height=0.09, heel_back=0.06, toe_front=0.19, foot_width=0.09,
    foot_offset=0.011, radius={"neck": 0.05, "upper_arm": 0.045, "forearm": 0.04, "thigh": 0.07, "shin": 0.05},
    torso={name: Capsule((0.01, 0.0, 0.05), 0.06, 0.1) for name in ("pelvis", "waist", "belly", "chest")},
    skull=(0.02, 0.0, 0.15), skull_radius=0.09,
    sites={"nose": ("head", (0.11, 0.0, 0.12)), "left_ear": ("head", (0.01, 0.07, 0.13)),
           "left_index": ("forearm", (0.02, 0.03, -0.31))},
)  # fmt: skip


@pytest.fixture(scope="module")
def model():
    folder = CHARACTERS / "humanoid"
    return mujoco.MjModel.from_xml_string(mjcf(BUILD, str(folder / "humanoid.skn"), str(folder / "humanoid.png")))


def test_the_model_has_the_measures(model):
    assert model.body_mass.sum() == pytest.approx(80.0, abs=0.01)
    assert sum(share_mass(80.0).values()) < 80.0  # paired segments stand once in the table
    state = mujoco.MjData(model)
    mujoco.mj_forward(model, state)
    at = {model.site(i).name: state.site_xpos[i] for i in range(model.nsite)}
    np.testing.assert_allclose(at["left_hip"] - at["left_knee"], [0, 0, 0.41], atol=1e-9)
    np.testing.assert_allclose(at["right_shoulder"] - at["right_elbow"], [0, 0, 0.29], atol=1e-9)
    np.testing.assert_allclose(at["left_foot_index"] - at["left_heel"], [0.25, 0, 0], atol=1e-9)
    assert at["left_heel"][2] == pytest.approx(0.9 - 0.41 - 0.4 - 0.09)
    for name in ("ear", "index", "palm", "hip"):
        np.testing.assert_allclose(at[f"left_{name}"] * [1, -1, 1], at[f"right_{name}"], atol=1e-9)


def test_the_shipped_humanoid_has_the_same_parts_and_gains(model):
    shipped = mujoco.MjModel.from_xml_path(str(CHARACTERS / "humanoid" / "humanoid.xml"))
    for kind, count in (("body", "nbody"), ("joint", "njnt"), ("actuator", "nu"), ("geom", "ngeom")):
        names = [[getattr(m, kind)(i).name for i in range(getattr(m, count))] for m in (model, shipped)]
        assert names[0] == names[1]
    for field in ("actuator_gainprm", "actuator_biasprm", "actuator_forcerange", "dof_armature", "jnt_range"):
        np.testing.assert_array_equal(getattr(model, field), getattr(shipped, field), err_msg=field)
    kp, _, limit, _, _, _ = GAINS["knee"]
    knee = model.actuator("left_knee").id
    assert model.actuator_gainprm[knee, 0] == kp and model.actuator_forcerange[knee, 1] == limit
