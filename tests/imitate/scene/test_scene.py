"""Scenes: the heights that we compute are those that MuJoCo collides with; the flat one is what it was."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest

from imitate.env.box_course import follow_box, follow_corners
from imitate.env.env import EnvConfig, ImitationEnv
from imitate.env.observation import BOX_NUMBERS
from imitate.env.task import Task
from imitate.scene.footprints import find_footprints, find_palms, hands_stay_ahead
from imitate.scene.ground import Ground
from imitate.scene.scene import BOX_FRICTION, KINDS, Scene, build_model, find_box_scene, make_pushed_scene
from pose.errors import InputError
from reconstruct.characters.character import load_character
from reconstruct.contacts import contact_points, find_contacts
from reconstruct.kinematics import point_positions
from reconstruct.motion import ReferenceMotion
from reconstruct.rotations import conjugate, from_rotvec, multiply, rotate, to_rotvec
from reconstruct.scene_objects import SceneObject
from sfv.demo.motions import load_demo_motion

CHARACTER = load_character("humanoid")


@pytest.mark.parametrize("kind", ["slope", "downhill", "gaps", "stairs", "stairs_down", "uneven"])
def test_height_is_where_a_ray_from_above_meets_the_ground(kind):
    scene = Scene(kind)
    model, ground = build_model(CHARACTER, scene), scene.ground()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    rng = np.random.default_rng(0)
    points = np.column_stack([rng.uniform(2.0, 8.0, 100), rng.uniform(-2.0, 2.0, 100)])
    hit = np.zeros(1, dtype=np.int32)
    down = np.array([0.0, 0.0, -1.0])
    seen = [9.0 - mujoco.mj_ray(model, data, np.array([*p, 9.0]), down, None, 1, -1, hit) for p in points]
    # A height field's cells are two triangles each; ours are bilinear.
    np.testing.assert_allclose(ground.height(points), seen, atol=2e-3)


def test_a_slope_of_ten_degrees_rises_by_its_tangent():
    ground = Scene("slope", angle=10.0).ground()
    assert ground.height(np.array([2.0, 5.0])) == pytest.approx(2.0 * 0.17632698)
    assert Scene("downhill").ground().height(np.array([2.0, 0.0])) == pytest.approx(-2.0 * 0.17632698)


def test_support_bridges_gaps_and_goes_up_stairs_without_a_jump():
    u = np.column_stack([np.linspace(0.0, 7.0, 2000), np.zeros(2000)])
    assert not Scene("gaps").ground().support(u).any()
    assert Scene("gaps").ground().height(u).min() == -1.0
    climb = Scene("stairs").ground().support(u)
    assert np.diff(climb).max() < 0.005
    assert climb[-1] == pytest.approx(12 * 0.12)


def test_same_seed_same_scene():
    same, other = Scene("uneven").ground(), Scene("uneven", seed=1).ground()
    again = Scene("uneven").ground()
    assert same.grid is not None and again.grid is not None and other.grid is not None
    assert np.array_equal(same.grid, again.grid) and not np.array_equal(same.grid, other.grid)


def test_flat_settings_and_surface():
    assert Scene().settings == {"kind": "flat"}
    assert Scene().ground().flat and Scene("box").ground().flat and not Scene("slope").ground().flat


def test_unknown_kind_and_senseless_options_are_named_in_one_line():
    with pytest.raises(InputError) as caught:
        Scene("moon").check()
    assert "moon" in str(caught.value) and all(kind in str(caught.value) for kind in KINDS)
    with pytest.raises(InputError, match=r"scene\.angle is 80"):
        Scene("slope", angle=80.0).check()


def gliding(yaw: float = 0.0) -> ReferenceMotion:
    """Upright, a metre a second ahead, for two seconds: too fast for feet that rest on anything."""
    qpos = np.tile(CHARACTER.model.qpos0, (61, 1))
    qpos[:, 3:7] = from_rotvec(np.array([0.0, 0.0, yaw]))
    qpos[:, 0] += np.linspace(0.0, 2.0, 61) * np.cos(yaw)
    qpos[:, 1] += np.linspace(0.0, 2.0, 61) * np.sin(yaw)
    none = np.zeros((61, 0), dtype=bool)
    return ReferenceMotion(qpos, 30.0, CHARACTER.name, CHARACTER.height, CHARACTER.joint_names, none, ())


def make_env(scene: Scene, motion: ReferenceMotion | None = None, size: int = 2) -> ImitationEnv:
    env = ImitationEnv(Task(CHARACTER, motion or gliding(), scene), EnvConfig(), size)
    env.start(np.zeros(size, dtype=np.int64))
    return env


def test_reference_rises_with_the_slope_whichever_way_it_goes():
    for yaw in (0.0, 2.0):
        reference = make_env(Scene("slope"), gliding(yaw)).reference
        np.testing.assert_allclose(np.ptp(reference.qpos[:, 2]), 2 * 0.17632698, atol=1e-6)
        np.testing.assert_allclose(reference.qvel[5:-5, 2], 0.17632698, atol=1e-4)


def test_scenes_look_the_same_in_every_direction():
    for kind in ("slope", "stairs", "box_uphill"):
        views = [make_env(Scene(kind), gliding(yaw)).observe() for yaw in (0.0, 2.0)]
        np.testing.assert_allclose(views[0], views[1], atol=1e-4)


def test_policy_sees_the_stairs_and_the_box():
    env = make_env(Scene("stairs"))
    start = env.observation_layout.column("ground")
    heights = env.observe()[0, start:].reshape(9, 5)
    np.testing.assert_allclose(heights[:, 2], [0, 0, 0, 0, 0, 0.12, 0.24, 0.24, 0.36], atol=1e-6)
    box = make_env(Scene("box"))
    seen = box.observe()[0, -BOX_NUMBERS:]
    assert box.observation_layout.sizes == make_env(Scene()).observation_layout.sizes | {"box": BOX_NUMBERS}
    np.testing.assert_allclose(seen[:3], box.box_qpos[0, :3] - box.qpos[0, :3], atol=1e-5)
    assert 0.4 < seen[0] < 1.2


def test_standing_body_is_no_higher_above_a_slope_than_above_a_plane():
    """The same fall ends the episode at the top of a climb as on the plane, though z is larger there."""
    env = make_env(Scene("slope", angle=20.0))
    env.start(np.full(2, 55))
    env.qpos[1, 2] -= 0.9 - 0.12
    env.qpos[1, 3:7] = from_rotvec(np.array([0.0, -np.radians(70), 0.0]))
    assert env.qpos[1, 2] > 0.4
    assert env.step(np.zeros((2, env.action_size))).terminated.tolist() == [False, True]


def test_task_term_is_full_with_the_box_where_the_reference_would_have_it():
    env = make_env(Scene("box"))
    env.all_qvel[:, -6] = 0.0
    outcome = env.step(np.zeros((2, env.action_size)))
    # The reference has gone 1/30 m, the box, stopped, has not yet moved.
    assert outcome.terms["task"] == pytest.approx(0.3 * np.exp(-5.0 / 900.0), abs=1e-3)
    env.start(np.full(2, 60))
    env.box_qpos[0, 0] += 1.0
    env.box_qpos[1, 1] += 3.0
    assert env.step(np.zeros((2, env.action_size))).terms["task"] == pytest.approx([0.3, 0.3], abs=2e-3)
    env.box_qpos[1, 0] -= 0.5
    # Half a metre behind, but for the 3 cm that it went on in the step.
    assert env.compare().terms["task"][1] == pytest.approx(0.3 * np.exp(-5.0 * 0.47**2), abs=5e-3)


def test_box_rests_on_its_slope():
    for kind in ("box", "box_uphill", "box_downhill"):
        env = make_env(Scene(kind))
        before = env.box_qpos.copy()
        env.all_qvel[:, -6:] = 0.0
        for _ in range(3):
            env.simulate()
        np.testing.assert_allclose(env.box_qpos[:, :3], before[:, :3], atol=0.02)


def test_wind_pushes_and_is_restored():
    calm, windy = make_env(Scene()), make_env(Scene("wind", push=400.0, push_every=0.3))
    none = np.zeros((2, calm.action_size))
    for env in (calm, windy):
        for _ in range(9):
            env.step(none)
    assert np.abs(calm.qvel[:, :2] - windy.qvel[:, :2]).max() > 0.1
    kept = windy.state()
    future = [windy.step(none).reward for _ in range(5)]
    other = make_env(Scene("wind", push=400.0, push_every=0.3))
    other.restore(kept)
    assert np.array_equal(future, [other.step(none).reward for _ in range(5)])


def test_pushes_while_learning_are_as_strong_and_as_frequent_as_asked_for():
    env = ImitationEnv(Task(CHARACTER, gliding()), EnvConfig(push_speed=0.6, push_interval=1.0), 16)
    env.start(np.zeros(16, dtype=np.int64))
    applied = []
    for _ in range(30):
        env.simulate()
        applied.append(np.linalg.norm(env._applied[:, 1, :3], axis=1))
    force = np.array(applied)
    assert ((force > 0.0).sum(axis=0) == 6).all()  # 0.2 s of every second, in all simulations
    change = force.sum(axis=0) / 30.0 / env.model.body_mass.sum()
    assert (change >= 0.3).all() and (change <= 0.6).all()  # half to all of the strongest [m/s]
    assert len(set((force > 0.0).argmax(axis=0))) > 4  # each at its own moment


def test_slippery_ground_slides_further():
    slid = []
    for scene in (Scene(), Scene("slippery", friction=0.05)):
        env = make_env(scene)
        env.qvel[:, 0] = 1.5
        for _ in range(6):
            env.step(np.zeros((2, env.action_size)))
        slid.append(env.site_xpos[0, CHARACTER.site_ids(("left_heel",))[0], 0])
    assert slid[1] > slid[0] + 0.02


def test_footholds_lie_on_one_tread_and_on_no_gap():
    stairs, gaps = Scene("stairs").ground(), Ground(edges=np.array([1.0, 1.3]), levels=np.array([0.0, -1.0, 0.0]))
    gaps = replace(gaps, bridged=np.zeros(3))
    assert stairs.foothold(0.0, 0.3) == 0.0
    # Treads from 0.60 to 0.95 m: a foot over the first edge goes up or back, whichever is nearer.
    assert stairs.foothold(0.55, 0.8) == pytest.approx(0.61 - 0.55)
    assert stairs.foothold(0.4, 0.65) == pytest.approx(0.59 - 0.65)
    assert abs(gaps.foothold(1.05, 1.25)) == pytest.approx(0.26)
    assert gaps.foothold(0.9, 1.2) == pytest.approx(0.99 - 1.2)


@pytest.mark.parametrize(("name", "kind"), [("backflip", "slope"), ("cartwheel", "gaps"), ("walk", "stairs")])
def test_what_rests_on_the_plane_rests_on_other_ground(name, kind):
    motion = load_demo_motion(name, CHARACTER)
    env = ImitationEnv(Task(CHARACTER, motion, Scene(kind)), EnvConfig(episode_seconds=3.0), 1)
    points = point_positions(CHARACTER.model, env.reference.qpos, contact_points(CHARACTER))
    above = points[..., 2] - env.ground.height(points[..., :2])
    flat = ImitationEnv(Task(CHARACTER, motion), EnvConfig(episode_seconds=3.0), 1).reference
    on_plane = find_contacts(point_positions(CHARACTER.model, flat.qpos, contact_points(CHARACTER)), 30.0)
    # The middle of each contact: at its ends the toe of one foot is already on its way.
    steady = on_plane & np.roll(on_plane, 2, axis=0) & np.roll(on_plane, -2, axis=0)
    assert np.abs(above[steady]).mean() < 0.012
    assert np.quantile(above, 0.02) > -0.01


def test_gaps_are_where_the_motion_rests_on_nothing():
    motion = load_demo_motion("cartwheel", CHARACTER)
    ground = Scene("gaps").ground(CHARACTER, motion)
    inside = ground.edges < 2.4
    assert inside.sum() >= 4  # two gaps at least are below the cartwheel
    for low, high in find_footprints(CHARACTER, motion, ground):
        assert not ((ground.edges[::2] < high) & (ground.edges[1::2] > low)).any()


def test_hands_meet_the_box_below_its_upper_edge():
    motion = load_demo_motion("push", CHARACTER)
    palms = find_palms(CHARACTER, motion)
    _, _, half = Scene("box").box_half(CHARACTER, motion)
    assert 2 * half == pytest.approx(np.median(palms[..., 2]) + 0.1)
    env = ImitationEnv(Task(CHARACTER, motion, Scene("box")), EnvConfig(), 1)
    env.start(np.zeros(1, dtype=np.int64))
    face = env.box_progress()[0] - env.model.geom("box").size[0]
    u, _ = env.ground.local(palms[0, :, :2])
    assert 0.0 < face - u.max() < 0.12


def test_hands_hold_a_box_faster_than_the_ground_does():
    """Contacts that MuJoCo finds: hand on face by `BOX_FRICTION`, box on ground by the scene's friction."""
    motion = load_demo_motion("push", CHARACTER)
    env = ImitationEnv(Task(CHARACTER, motion, Scene("box", box_friction=0.4)), EnvConfig(), 1)
    env.start(np.array([0]))
    data = mujoco.MjData(env.model)
    data.qpos[:] = env.all_qpos[0]
    data.qpos[-7] -= 0.05  # the box into the hands
    mujoco.mj_forward(env.model, data)
    frictions = dict[str, float]()
    for contact in data.contact:
        names = {env.model.geom(int(geom)).name for geom in contact.geom}
        if "box" in names:
            frictions[min(names - {"box"})] = contact.friction[0]
    assert frictions["left_hand"] == frictions["right_hand"] == BOX_FRICTION
    assert frictions["ground"] == 0.4


def test_a_box_is_found_from_hands_that_are_held_ahead_and_from_no_others():
    push = load_demo_motion("push", CHARACTER)
    found = find_box_scene(CHARACTER, push)
    assert found is not None and found.kind == "box"
    assert all(
        find_box_scene(CHARACTER, load_demo_motion(name, CHARACTER)) is None for name in ("walk", "jump", "backflip")
    )
    # Standing still with the hands ahead is no pushing.
    still = replace(push, qpos=np.repeat(push.qpos[:1], 20, axis=0), contacts=np.repeat(push.contacts[:1], 20, axis=0))
    assert find_box_scene(CHARACTER, still) is None


def test_a_found_box_has_its_own_size_and_mass():
    pushed = SceneObject("box", 1.4, 0.0, 0.6, 1.2, 0.7, 0.6, mass=45.0)
    task = Task(CHARACTER, load_demo_motion("push", CHARACTER), make_pushed_scene(pushed).check())
    assert task.box_half == (0.6, 0.35, 0.3)
    assert task.model.body("box").mass[0] == pytest.approx(45.0)
    assert task.scene.settings["box_size"] == [1.2, 0.7, 0.6] and "box_size" not in Scene("box").settings
    corners, poses = follow_corners(task), follow_box(task)
    assert corners.shape == (len(task.motion), 8, 3)
    np.testing.assert_allclose(corners.mean(axis=1), poses[:, :3], atol=1e-9)
    np.testing.assert_allclose(np.ptp(corners, axis=1), np.tile([1.2, 0.7, 0.6], (len(corners), 1)), atol=0.03)
    assert poses[-1, 0] - poses[0, 0] == pytest.approx(0.95, abs=0.1)  # a stride
    with pytest.raises(InputError, match="box_size"):
        replace(task.scene, box_size=(1.0, 0.0, 1.0)).check()


def leaning(motion: ReferenceMotion, degrees: float) -> ReferenceMotion:
    """The same, pitched forward, and a little lower."""
    qpos = motion.qpos.copy()
    qpos[:, 2] -= 0.1
    qpos[:, 3:7] = multiply(from_rotvec(np.array([0.0, np.radians(degrees), 0.0])), qpos[:, 3:7])
    return replace(motion, qpos=qpos)


def test_hands_that_lean_push_the_box_before_them():
    low = leaning(load_demo_motion("push", CHARACTER), 40.0)
    assert hands_stay_ahead(CHARACTER, low, Ground())
    assert not hands_stay_ahead(CHARACTER, load_demo_motion("walk", CHARACTER), Ground())  # hands beside the hips
    env = ImitationEnv(Task(CHARACTER, low, Scene("box")), EnvConfig(), 1)
    face = env.goal_qpos[0, -7] - env.model.geom("box").size[0]
    assert 0.0 < face - find_palms(CHARACTER, low)[0, :, 0].max() < 0.12


def test_a_cycle_that_turns_takes_its_box_along():
    motion = gliding()
    turn = from_rotvec(np.outer(np.linspace(0.0, 1.0, 61), [0.0, 0.0, 0.5]))
    motion = replace(motion, qpos=motion.qpos.copy(), loop=True)
    motion.qpos[:, 3:7] = multiply(turn, motion.qpos[:, 3:7])
    env = ImitationEnv(Task(CHARACTER, motion, Scene("box")), EnvConfig(), 2)
    reference, rows = env.reference, np.array([10, 10 + 3 * env.reference.starts])
    back = conjugate(from_rotvec(np.outer(reference.heading[rows], [0.0, 0.0, 1.0])))
    assert np.ptp(reference.heading[rows]) == pytest.approx(1.5, abs=1e-6)
    ahead = rotate(back, env.goal_qpos[rows, -7:-4] - reference.qpos[rows, :3])
    np.testing.assert_allclose(ahead[0], ahead[1], atol=1e-6)
    env.start(rows)
    np.testing.assert_allclose(env.step(np.zeros((2, env.action_size))).terms["task"], 0.3, atol=2e-3)


def test_a_draft_has_all_but_the_wind():
    assert Scene("wind").drafted == Scene()
    for kind in ("box_uphill", "stairs"):
        assert Scene(kind).drafted == Scene(kind)


def test_another_box_is_another_task(monkeypatch):
    before = Scene("box").identity, Scene("slope").identity
    monkeypatch.setattr("imitate.scene.scene.YAW_DAMPING", 1.0)
    assert Scene("box").identity != before[0] and Scene("slope").identity == before[1]


def test_a_box_hardly_turns():
    """A quarter of a second of 60 N, 0.2 m beside its middle, turn it by no more than 60 * 0.2 / 300 * 0.25 rad."""
    env = make_env(Scene("box"))
    env.start(np.zeros(2, dtype=np.int64))
    model, data = env.model, mujoco.MjData(env.model)
    data.qpos[:], data.qvel[-6:] = env.all_qpos[0], 0.0
    mujoco.mj_forward(model, data)
    body = model.body("box").id
    for _ in range(30):
        data.xfrc_applied[body, 0], data.xfrc_applied[body, 5] = 60.0, 60.0 * 0.2
        mujoco.mj_step(model, data)
    assert 2.0 * np.arctan2(abs(data.qpos[-1]), data.qpos[-4]) < 0.011


def test_a_box_goes_as_fast_as_the_body_from_the_first_frame_on():
    env = make_env(Scene("box"))
    env.start(np.array([0, 30]))
    before = env.box_progress().copy()
    env.simulate()
    # Gliding at 1 m/s, a little friction.
    np.testing.assert_allclose(env.box_progress() - before, 1.0 / 30.0, atol=0.006)
    standing = replace(gliding(), qpos=np.repeat(gliding().qpos[:1], 61, axis=0))
    env = make_env(Scene("box"), standing)
    assert np.abs(env.all_qvel[:, -6:]).max() < 1e-9


@pytest.mark.parametrize("kind", ["box", "box_uphill"])
def test_a_box_starts_a_little_out_of_place_but_never_in_the_hands(kind):
    motion, config = load_demo_motion("push", CHARACTER), EnvConfig(pose_noise=0.0, velocity_noise=0.0)
    env = ImitationEnv(Task(CHARACTER, motion, Scene(kind)), config, 200)
    rows, goal = np.zeros(200, dtype=np.int64), env.goal_qpos[0, -7:]
    env.start(rows)
    np.testing.assert_array_equal(env.box_qpos, np.tile(goal, (200, 1)))
    env.start(rows, rng=np.random.default_rng(0))
    away = rotate(conjugate(goal[3:]), env.box_qpos[:, :3] - goal[:3])
    assert away[:, 0].min() >= 0.0
    np.testing.assert_allclose(away[:, :2].std(axis=0), config.box_noise * np.array([0.603, 1.0]), rtol=0.15)
    np.testing.assert_allclose(away[:, 2], 0.0, atol=1e-9)
    turned = to_rotvec(multiply(conjugate(goal[3:]), env.box_qpos[:, 3:]))
    np.testing.assert_allclose(turned[:, :2], 0.0, atol=1e-9)
    assert turned[:, 2].std() == pytest.approx(config.box_noise, rel=0.15)


def test_a_box_that_is_leant_on_starts_at_the_hands():
    motion, scene = load_demo_motion("push", CHARACTER), Scene("box", box_size=(1.6, 0.8, 0.9))
    env = ImitationEnv(Task(CHARACTER, motion, scene), EnvConfig(), 20)
    env.start(np.zeros(20, dtype=np.int64), rng=np.random.default_rng(0))
    goal = env.goal_qpos[0, -7:]
    away = rotate(conjugate(goal[3:]), env.box_qpos[:, :3] - goal[:3])
    np.testing.assert_allclose(away[:, 0], 0.0, atol=1e-9)
    assert away[:, 1].std() > 0.02


@pytest.mark.parametrize("kind", ["box", "box_uphill"])
def test_a_box_lies_before_the_hands_whichever_way_the_motion_goes(kind):
    ahead = []
    for yaw in (0.0, 1.0):
        push = load_demo_motion("push", CHARACTER)
        turn = from_rotvec(np.array([0.0, 0.0, yaw]))
        qpos = push.qpos.copy()
        qpos[:, :3] = rotate(turn, qpos[:, :3])
        qpos[:, 3:7] = multiply(turn, qpos[:, 3:7])
        env = ImitationEnv(Task(CHARACTER, replace(push, qpos=qpos), Scene(kind)), EnvConfig(), 1)
        row = len(env.reference) - 1
        way = env.goal_qpos[row, -7:-4] - env.reference.qpos[row, :3]
        ahead.append(rotate(conjugate(turn), way))
    np.testing.assert_allclose(ahead[0], ahead[1], atol=1e-6)
    assert abs(ahead[1][1]) < 0.1


def test_a_motion_is_set_on_a_slope_unless_it_is_made_for_it():
    slope = Scene("objects", objects=(SceneObject("slope", 0.0, 0.0, 0.7, 4.0, 2.0),))
    assert slope.ground(CHARACTER, load_demo_motion("walk_up", CHARACTER)).own
    assert not slope.ground(CHARACTER, load_demo_motion("walk", CHARACTER)).own
