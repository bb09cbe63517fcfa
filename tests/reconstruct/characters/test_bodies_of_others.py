"""Kinds of bodies that people bring: each becomes a person who stands, looks ahead and has the left on the left, or is
refused by what it lacks."""

import re

import mujoco
import numpy as np
import pytest

from pose.errors import InputError
from reconstruct.characters.import_model import to_mjcf
from reconstruct.characters.infer_landmarks import InferredBody, infer_landmarks
from reconstruct.characters.model_file import ModelFile, read_model
from tests.robots import mjcf_person, mjcf_smpl, urdf_robot

QUADRUPED = "".join(
    f'<body name="{name}_thigh" pos="{x} {y} 0"><joint name="{name}_hip_x" axis="1 0 0"/><joint name="{name}_hip_y" '
    f'axis="0 1 0"/><geom size=".04"/><body name="{name}_calf" pos="0 0 -.2"><joint name="{name}_knee" axis="0 1 0"/>'
    '<geom type="capsule" fromto="0 0 0 0 0 -.2" size=".02"/></body></body>'
    for name, x, y in (("FL", 0.2, 0.1), ("FR", 0.2, -0.1), ("RL", -0.2, 0.1), ("RR", -0.2, -0.1))
)


@pytest.fixture
def bring(tmp_path):
    """A function that imports the text of a model and checks that what comes out is a standing person."""

    def bring(text: str, name: str = "body.xml", on: dict[str, str] | None = None, **options) -> InferredBody:
        (tmp_path / name).write_text(text, encoding="utf-8")
        found = read_model(tmp_path / name, **options)
        body = infer_landmarks(found.model, name, on)
        check_person(found, body, tmp_path)
        return body

    return bring


def check_person(found: ModelFile, body: InferredBody, folder) -> None:
    """Looks at the rewritten body: heights in order, left at y > 0, toes and nose ahead."""
    text = to_mjcf(body.plan.pose(found.model), "body", body.plan, folder)
    (folder / "ours.xml").write_text(text, encoding="utf-8")
    model = mujoco.MjModel.from_xml_path(str(folder / "ours.xml"))
    assert model.nu == model.nv - 6
    state = mujoco.MjData(model)
    mujoco.mj_forward(model, state)
    at = {site: state.site(site).xpos for site in body.plan.sites}
    for side, sign in (("left", 1), ("right", -1)):
        names = [f"{side}_{joint}" for joint in ("shoulder", "hip", "knee", "ankle", "heel")]
        assert (np.diff([at[name][2] for name in names]) < 0).all(), names
        assert all(sign * at[f"{side}_{joint}"][1] > 0.03 for joint in ("hip", "ankle", "shoulder"))
        assert at[f"{side}_foot_index"][0] > at[f"{side}_heel"][0] + 0.1
        assert at[f"{side}_wrist"][2] < at[f"{side}_shoulder"][2] - 0.2
        assert at[f"{side}_heel"][2] == pytest.approx(0.0, abs=1e-3)
    assert at["nose"][2] > at["left_shoulder"][2] and at["nose"][0] > at["left_ear"][0]


def test_a_body_faces_across_its_hips_whatever_its_feet_say(bring):
    body = bring(mjcf_person())
    assert body.plan.yaw == 0 and body.height == pytest.approx(1.65, abs=0.02)
    bring(mjcf_person().replace('pos="-.01 0 -.03"', 'pos=".05 0 -.03"'))
    assert bring(mjcf_person().replace('quat="1 0 0 0"', 'quat="0 0 0 1"')).plan.yaw in (np.pi, -np.pi)


def test_a_body_that_is_named_as_in_a_mirror_is_put_right(bring):
    text = mjcf_person().replace('pos="-.01 0 -.03"', 'pos=".05 0 -.03"')
    swapped = text.replace("left", "LEFT").replace("right", "left").replace("LEFT", "right")
    body = bring(swapped)
    assert body.plan.sites["left_knee"][0] == "right_shin"
    assert any("what is called left is taken for right" in note for note in body.notes)


@pytest.mark.parametrize("quat", [".7071 0 -.7071 0", ".7071 .7071 0 0", "0 1 0 0"])
def test_a_body_that_lies_is_stood_up(bring, quat):
    body = bring(mjcf_person().replace('quat="1 0 0 0"', f'quat="{quat}"'))
    assert body.height == pytest.approx(1.65, abs=0.02)
    assert any("stood up" in note for note in body.notes)


@pytest.mark.parametrize("z_up", [True, False])
def test_humanoids_of_smpl_become_characters(bring, z_up):
    body = bring(mjcf_smpl(z_up))
    assert body.plan.sites["left_elbow"][0] == "L_Elbow" and body.plan.sites["nose"][0] == "Head"
    assert len(body.plan.servos) == 69
    assert any("stood up" in note for note in body.notes) is not z_up


def test_bodies_without_names_and_with_ball_joints_are_known_by_their_joints(bring):
    """As in Bullet's humanoid, which has ball joints and lies; sides are those of the joints' names."""
    text = re.sub(r'<body name="(left|right)_[a-z_]+"', "<body", mjcf_person())
    for side in ("left", "right"):
        for joint in ("hip", "shoulder"):
            two = re.search(rf'<joint name="{side}_{joint}_x"[^>]*/>\s*<joint name="{side}_{joint}_y"[^>]*/>', text)
            assert two is not None
            text = text.replace(two.group(), f'<joint name="{side}_{joint}" type="ball"/>')
    body = bring(text.replace('quat="1 0 0 0"', 'quat=".7071 .7071 0 0"'))
    assert {"left_hip", "right_shoulder", "left_knee"} <= set(body.plan.servos)
    assert body.height == pytest.approx(1.65, abs=0.02)


def test_the_user_says_which_limb_is_a_leg(bring):
    """Names that say nothing: the longer limbs are the legs, unless the user says otherwise."""
    text = mjcf_person()
    for number, word in enumerate(("thigh", "hip", "shin", "knee", "foot", "ankle", "sole")):
        text = text.replace(f"_{word}", f"_a{number}")
    for number, word in enumerate(("upper_arm", "shoulder", "forearm", "elbow")):
        text = text.replace(f"_{word}", f"_b{number}")
    assert bring(text).plan.sites["left_elbow"][0] == "left_b2"
    body = bring(text, on={"left_knee": "left_a2", "right_knee": "right_a2"})
    assert body.plan.sites["left_knee"][0] == "left_a2"
    with pytest.raises(InputError, match=r"not a standing person|no shape"):
        bring(text, on={"left_knee": "left_b2", "right_knee": "right_b2"})


def test_what_the_user_says_of_limbs_is_refused_where_it_cannot_be(bring):
    for on, words in (
        ({"knee": "left_shin"}, r"no landmark 'knee' \(left_shin\); known ones: left_hip, left_knee"),
        ({"left_knee": "shin"}, "left_knee=shin: there is no such body"),
        ({"left_knee": "left_forearm"}, "legs found, but no arms"),
        ({"left_knee": "right_shin"}, "left_knee=right_shin is not on that limb; it has left_thigh"),
    ):
        with pytest.raises(InputError, match=words):
            bring(mjcf_person(), on=on)


def test_a_leg_without_ankle_has_a_sole_of_its_lowest_shape(bring, tmp_path):
    text = mjcf_person()
    for side in ("left", "right"):
        text = text.replace(f'<joint name="{side}_ankle" axis="0 1 0" range="-45 45"/>', "")
    body = bring(text)
    assert "no ankle has joints" in body.notes and body.foot_bodies == ("left_shin", "right_shin")
    ours = mujoco.MjModel.from_xml_path(str(tmp_path / "ours.xml"))
    sole = ours.geom("left_shin_0")
    assert sole.type[0] == mujoco.mjtGeom.mjGEOM_BOX
    np.testing.assert_allclose(sole.size[:2], [0.12, 0.05], atol=1e-3)
    assert sole.size[2] < 0.03 and ours.geom("left_shin_1").type[0] == mujoco.mjtGeom.mjGEOM_CAPSULE


@pytest.mark.parametrize(
    ("elbow", "hinges"),
    [
        ('<joint name="SIDE_turn" axis="0 0 1"/><joint name="SIDE_bend" axis="0 -1 0"/>', 2),
        (
            '<joint name="SIDE_e" axis="1 0 0"/><joint name="SIDE_f" axis="0 0 1"/><joint name="SIDE_g" axis="0 1 0"/>',
            3,
        ),
    ],
)
def test_an_elbow_may_twist_before_it_bends(bring, elbow, hinges):
    body = bring(mjcf_person(elbow=elbow))
    assert body.plan.sites["left_elbow"][0] == "left_forearm" and len(body.plan.servos) == 13 + 2 * hinges


def test_sliding_fingers_are_held_and_other_slides_refused(bring):
    finger = '<body name="SIDE_tip" pos="0 0 -.28"><joint name="SIDE_grip" type="slide"/><geom size=".02"/></body>'
    body = bring(mjcf_person(hand=finger))
    assert len(body.plan.servos) == 15 and any("left_grip" in note for note in body.notes)
    with pytest.raises(InputError, match="joint 'waist' slides; hinges and ball joints are understood"):
        bring(mjcf_person().replace('name="waist" axis="0 0 1" range="-45 45"', 'name="waist" type="slide"'))


def test_joints_that_follow_others_or_have_no_motor_are_held(bring):
    finger = '<body name="SIDE_%s" pos="0 %s -.28"><joint name="SIDE_%s"/><geom size=".01"/></body>'
    hand = finger % ("f1", ".02", "j1") + finger % ("f2", "-.02", "j2")
    tie = '<equality><joint joint1="left_j1" joint2="left_j2" polycoef="0 1 0 0 0"/></equality>'
    body = bring(mjcf_person(hand=hand, after=tie))
    assert [note for note in body.notes if note.startswith("held")] == [
        "held, as they follow others: left_j1",
        "held, as fingers are not followed: 3 joints (left_j2, right_j1, right_j2)",
    ]
    rod = '<body name="rod" pos="0 .15 .3"><joint name="rod_ball" type="ball"/><geom size=".01"/></body>'
    text = mjcf_person().replace('<geom name="head"', rod + '<geom name="head"')
    driven = list(bring(mjcf_person()).plan.servos)
    motors = "".join(f'<motor joint="{name}" gear="100"/>' for name in driven)
    body = bring(text.replace("</mujoco>", f"<actuator>{motors}</actuator></mujoco>"))
    assert set(body.plan.servos) == set(driven)
    assert "held, as they have no motor while most have: rod_ball" in body.notes


def test_a_knee_of_two_hinges_of_which_one_follows_is_held_and_reported(bring):
    """As in robots whose shin rolls on the thigh: what is lost by holding the follower is said."""
    text = mjcf_person()
    for side in ("left", "right"):
        knee = f'<joint name="{side}_knee" axis="0 1 0" range="0 150"/>'
        text = text.replace(knee, f"{knee}<joint name='{side}_roll' axis='0 1 0' pos='0 0 .04' range='0 75'/>")
    ties = "".join(f'<joint joint1="{s}_roll" joint2="{s}_knee" polycoef="0 1 0 0 0"/>' for s in ("left", "right"))
    body = bring(text.replace("</mujoco>", f"<equality>{ties}</equality></mujoco>"))
    assert "left_roll" not in body.plan.servos and "left_knee" in body.plan.servos
    assert any(note.startswith("legs, arms and trunk bend less") and "left_roll" in note for note in body.notes)


def test_a_wrist_on_one_side_only_is_kept_and_reported(bring):
    sword = '<body name="right_hand" pos="0 0 -.15"><joint name="right_hand_x" axis="1 0 0"/><geom size=".04"/></body>'
    text = mjcf_person(hand="HAND")
    first, second, third = text.split("HAND")
    body = bring(first + second + sword + third)
    assert "right_hand_x" in body.plan.servos and "only one wrist has joints" in body.notes
    assert any("from elbow to wrist" in note for note in body.notes)


def test_a_sense_of_scenery_is_not_needed(bring):
    """A height field, a table and a second body beside the robot are left out; the second body is named."""
    field = '<geom type="hfield" hfield="hills"/><body name="table" pos="3 0 0"><geom type="box" size="1 1 .4"/></body>'
    text = mjcf_person(world=field).replace(
        "<worldbody>", '<asset><hfield name="hills" nrow="2" ncol="2" size="1 1 1 .1"/></asset><worldbody>'
    )
    assert len(bring(text).plan.servos) == 15
    other = mjcf_person().split("<worldbody>")[1].split("</worldbody>")[0]
    for old in ("left", "right"):
        other = other.replace(f'name="{old}', f'name="b_{old}')
    for old in ("pelvis", "trunk", "waist", "head"):
        other = other.replace(f'name="{old}"', f'name="b_{old}"')
    text = mjcf_person(world=other)
    assert bring(text, body="b_pelvis").plan.sites["left_knee"][0] == "b_left_shin"
    assert bring(text).plan.sites["left_knee"][0] in ("left_shin", "b_left_shin")


def test_an_attached_body_with_a_solver_of_its_own_is_read_without_noise(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    person = mjcf_person().replace("<worldbody>", '<option timestep="0.003"/><worldbody>', 1)
    (tmp_path / "person.xml").write_text(person)
    scene = '<mujoco><asset><model name="p" file="person.xml"/></asset><worldbody><geom type="plane" size="5 5 .1"/>'
    scene += '<replicate count="2" offset="1 0 0"><geom type="box" size=".1 .1 .1" pos="3 0 .1"/></replicate>'
    scene += '<frame pos="0 0 .1"><attach model="p" body="pelvis" prefix="one_"/></frame></worldbody></mujoco>'
    (tmp_path / "scene.xml").write_text(scene)
    found = read_model(tmp_path / "scene.xml")
    check_person(found, infer_landmarks(found.model, "scene.xml"), tmp_path)
    assert capfd.readouterr() == ("", "") and not (tmp_path / "MUJOCO_LOG.TXT").exists()


def test_several_bodies_of_a_file_are_listed(tmp_path):
    two = '<body name="{0}"><geom size=".1"/><body name="{0}1"><joint name="{0}j"/><geom size=".1"/></body></body>'
    (tmp_path / "two.xml").write_text(f"<mujoco><worldbody>{two.format('a')}{two.format('b')}</worldbody></mujoco>")
    (note,) = read_model(tmp_path / "two.xml").notes
    assert note == "the file holds 2 bodies: a (1 joints), b (1 joints); a is taken, --body NAME takes another"
    assert read_model(tmp_path / "two.xml", body="b").model.body(1).name == "b"
    with pytest.raises(InputError, match="no body c on top; there are a, b"):
        read_model(tmp_path / "two.xml", body="c")


def without(text: str, part: str) -> str:
    """A person's model without a part of both sides, and all that it carries."""
    from xml.etree import ElementTree

    tree = ElementTree.fromstring(text)
    for above in list(tree.iter()):
        for child in [c for c in above if c.tag == "body" and str(c.get("name")).endswith(part)]:
            above.remove(child)
    return ElementTree.tostring(tree, encoding="unicode")


FOUR_LEGS = (
    '<mujoco><worldbody><body name="trunk" pos="0 0 .5"><freejoint/><geom type="box" size=".25 .1 .05"/>'
    f"{QUADRUPED}</body></worldbody></mujoco>"
)
SOLE = '<geom name="left_sole" type="box" pos="-.01 0 -.03" size=".12 .05 .02"/>'
NO_SHAPE = '<inertial pos="0 0 0" mass="1" diaginertia=".01 .01 .01"/>'
NO_KNEES = re.sub(r'<joint name="(left|right)_knee"[^>]*/>', "", mjcf_person())
LOW_ARMS = mjcf_person().replace('pos="0 .2 .4"', 'pos="0 .2 .1"').replace('pos="0 -.2 .4"', 'pos="0 -.2 .1"')


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (FOUR_LEGS, r"four legs, no arms \(on the left: FL_thigh, RL_thigh\)"),
        (without(mjcf_person(), "upper_arm"), "legs found, but no arms"),
        (without(mjcf_person(), "thigh"), "arms found, but no legs"),
        (mjcf_person().replace(SOLE, NO_SHAPE), "the foot left_foot has no shape; give it a geom or a mesh"),
        (NO_KNEES, r"a shin of 0\.\d+ m below a thigh of 0\.8\d m: has the knee a joint\?"),
        (LOW_ARMS, r"this is not a standing person: shoulders 0\.\d+ m above the hips"),
    ],
)
def test_what_is_no_person_is_refused_by_what_it_lacks(bring, text, message):
    with pytest.raises(InputError, match=message):
        bring(text)


def test_a_body_without_a_head_has_its_nose_above_the_shoulders(bring):
    text = mjcf_person().replace('<geom name="head" pos="0 0 .55" size=".1"/>', "")
    text = text.replace('pos="0 0 .22" size=".08 .14 .18"', 'pos="0 0 .12" size=".08 .14 .1"')
    assert any("no head found" in note for note in bring(text).notes)


def test_a_body_in_millimetres_is_refused(bring):
    with pytest.raises(InputError, match=r"is 15\.6 m tall.*millimetres or inches"):
        bring(urdf_robot().replace('xyz="0 0 .48"', 'xyz="0 0 14.6"'), "tall.urdf")


def test_a_limb_whose_only_knee_follows_is_refused_with_the_joint_that_was_held(bring):
    tie = '<equality><joint joint1="right_knee" joint2="left_knee" polycoef="0 1 0 0 0"/></equality>'
    with pytest.raises(
        InputError, match=r"no hinge for left_knee .*; joints that are held, as they follow others .*: right_knee"
    ):
        bring(mjcf_person(after=tie))


def test_ranges_in_degrees_where_the_file_has_radians_are_said(bring):
    assert not any("rad" in note for note in bring(mjcf_person()).notes)
    body = bring(mjcf_person().replace("<mujoco>", '<mujoco><compiler angle="radian"/>'))
    assert any("ranges of 15 joints go up to 170 rad" in note and "degrees?" in note for note in body.notes)
