"""The page in headless Chromium: no request, no complaint; a push moves the body, a skill switch works, a fall heals.

Time in the page is stopped, and each control step is taken by the test: a slow machine changes nothing.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from imitate.env.config import EnvConfig
from imitate.env.env import ImitationEnv
from imitate.env.task import Task
from imitate.policy import Policy
from imitate.scene.scene import Scene
from imitate.transitions.blend import enter_skill
from pose.errors import InputError
from reconstruct.characters.character import load_character
from sfv.bench.live import compare_skills, observe_start
from sfv.commands.live import choose_all
from sfv.demo.motions import load_demo_motion, place_things
from sfv.live.browser import find_chromium, open_page
from sfv.live.libraries import load_libraries
from sfv.live.page_file import write_page
from sfv.skill import Skill
from sfv.transitions import to_chainable

SIZE = (640, 400)


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    if find_chromium() is None:
        pytest.skip("no Chromium on this machine")
    pytest.importorskip("playwright")
    try:
        libraries = load_libraries()
    except InputError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("live")
    skills = [*choose_all(("walk", "backflip"), None), make_skill("pull_up", folder), make_skill("step_up", folder)]
    path = write_page(skills, folder / "live.html", libraries)
    with open_page(path, SIZE, touch=True) as page:
        page.evaluate("sfvLive.live.paused = true")
        yield page
        assert page.requests == []
        assert [text for text in page.complaints if "GL Driver" not in text and "WebGL" not in text] == []


def make_skill(name: str, folder: Path) -> Skill:
    """A demo motion on its things, by a policy that has learnt nothing."""
    character = load_character("humanoid")
    motion = load_demo_motion(name, character)
    task = Task(character, motion, Scene("objects", objects=place_things(name, character, motion.qpos)))
    torch.manual_seed(0)
    policy = Policy(ImitationEnv(task, EnvConfig(), 1).policy_layout((8,)))
    policy.save(folder / f"{name}.pt")
    return Skill(name, "humanoid", motion, folder / f"{name}.pt", task.scene, {}, None)


def advance(opened, steps: int) -> None:
    opened.evaluate(f"for (let k = 0; k < {steps}; k++) sfvLive.live.advance(); sfvLive.live.draw(0.03)")


def advance_while(opened, mode: str) -> None:
    opened.evaluate(f"for (let k = 0; k < 120 && sfvLive.live.player.mode === '{mode}'; k++) sfvLive.live.advance()")


def root(opened) -> np.ndarray:
    return np.array(opened.evaluate("Array.from(sfvLive.live.player.simulation.data.qpos.subarray(0, 7))"))


@pytest.mark.slow  # 32 rollouts, twice
def test_physics_is_that_of_python(opened):
    found = {row.name: row.value or 0.0 for row in compare_skills(opened, choose_all(("backflip",), None), skip=1)}
    assert found["live_return_difference"] < 1e-3
    assert found["live_completed_difference"] == 0
    assert found["live_observation_difference"] < 1e-4


def take_hold(opened) -> tuple[float, float]:
    """Presses the mouse upon the trunk and returns where. The camera glides after the body, so a try may miss it."""
    for _ in range(10):
        x, y = opened.evaluate(
            "(() => { const { player, stage } = sfvLive.live, p = player.simulation.data.xpos;"
            "return stage.project([p[6], p[7], p[8] + 0.15]); })()"
        )
        opened.page.mouse.move(x, y)
        opened.page.mouse.down()
        if opened.evaluate("sfvLive.live.pointer.grip !== null"):
            return x, y
        opened.page.mouse.up()
    raise AssertionError("the pointer never took hold of the body")


def test_a_pull_by_the_pointer_moves_the_body(opened):
    opened.evaluate("sfvLive.live.player.begin(0, 0)")
    advance(opened, 30)
    path = root(opened)
    opened.evaluate("sfvLive.live.player.begin(0, 0)")
    advance(opened, 10)
    x, y = take_hold(opened)
    mouse = opened.page.mouse
    mouse.move(x + 60, y, steps=4)
    advance(opened, 12)
    assert opened.evaluate("Math.hypot(...sfvLive.live.player.simulation.force.slice(0, 3))") > 30.0
    assert "N" in opened.evaluate("document.getElementById('newtons').textContent")
    mouse.up()
    advance(opened, 8)
    assert np.linalg.norm(root(opened)[:2] - path[:2]) > 0.03
    assert opened.evaluate("Math.hypot(...sfvLive.live.player.simulation.force)") == 0.0


def test_a_fall_is_shown_and_the_body_gets_back(opened):
    opened.evaluate("sfvLive.live.player.begin(0, 0); sfvLive.live.player.push(1, null, [900, 0, -300], 15)")
    advance_while(opened, "perform")
    assert opened.evaluate("sfvLive.live.player.mode") == "lie"
    assert "touched the ground" in opened.evaluate("document.getElementById('toast').textContent")
    advance_while(opened, "lie")
    lying = root(opened)
    advance_while(opened, "lift")
    assert opened.evaluate("sfvLive.live.player.mode") == "perform"
    assert np.linalg.norm(root(opened)[:2] - lying[:2]) < 0.1  # where it lay, not where it began
    assert root(opened)[2] > 0.7


def test_a_skill_is_switched_by_key_and_button(opened):
    opened.evaluate("sfvLive.live.player.begin(0, 0)")
    opened.page.keyboard.press("2")
    opened.page.locator("#skills button").nth(0).click()
    opened.page.locator("#skills button").nth(1).click()
    places = []
    for _ in range(160):
        advance(opened, 1)
        places.append(root(opened)[:3])
        if opened.evaluate("sfvLive.live.player.index") == 1:
            break
    assert opened.evaluate("sfvLive.live.player.index") == 1
    assert np.linalg.norm(np.diff(places, axis=0), axis=1).max() < 0.25  # nothing jumps


def test_a_blend_into_a_skill_is_that_of_python(opened):
    """References and first observations; steps are not compared, for pyramids of friction know the world's axes."""
    walk, backflip = choose_all(("walk", "backflip"), None)
    exit, entry, blend = 30, 2, 16
    qpos, qvel, seen, led = opened.evaluate(
        "(() => { const { player } = sfvLive.live; player.begin(0, 0);"
        f"player.waysTo = () => [{{exit: {exit}, entry: {entry}, blend: {blend}, bridge: null}}];"
        f"for (let k = 0; k < {exit}; k++) sfvLive.live.advance();"
        "const { data } = player.simulation, state = [Array.from(data.qpos), Array.from(data.qvel)];"
        "player.wanted = 1; player.switchSkill(); delete player.waysTo; const { reference } = player.simulation;"
        f"const rows = [...Array({blend + 4}).keys()].map((k) => k + {entry}).map((frame) =>"
        "[...reference.pose(frame).slice(7), ...reference.velocity(frame).slice(3)]);"
        "return [...state, Array.from(player.simulation.observe()), rows]; })()"
    )
    assert opened.evaluate("sfvLive.live.player.index") == 1
    assert opened.evaluate("sfvLive.live.player.crosses") is True
    nq, nv = walk.reference.qpos.shape[1], walk.task.body.nv  # the page's ball comes after them
    leg = enter_skill(to_chainable(backflip), entry, np.array([qpos[:nq]]), np.array([qvel[:nv]]), 60, blend)
    np.testing.assert_allclose(seen, leg.env.observe()[0], atol=1e-5)
    rows = slice(entry, entry + blend + 4)
    expected = np.concatenate([leg.env.reference.qpos[rows, 7:], leg.env.reference.qvel[rows, 3:]], axis=1)
    np.testing.assert_allclose(led, expected, atol=1e-9)


def test_ball_ground_and_load_change_the_physics(opened):
    opened.evaluate("sfvLive.live.player.begin(0, 0)")
    advance(opened, 20)
    path = root(opened)
    opened.evaluate("sfvLive.live.player.begin(0, 0)")
    opened.page.keyboard.press("b")
    assert opened.evaluate("sfvLive.live.player.ballThrown")
    advance(opened, 20)
    assert np.linalg.norm(root(opened)[:2] - path[:2]) > 0.01  # 3 kg at 9 m/s move 75 kg
    opened.evaluate("sfvLive.live.player.setLoad(20); sfvLive.live.player.setGround('uphill')")
    mass, gravity = opened.evaluate(
        "(() => { const { model } = sfvLive.live.player.simulation;"
        "return [Array.from(model.body_mass).reduce((a, b) => a + b), Array.from(model.opt.gravity)]; })()"
    )
    assert mass == pytest.approx(75.0 + 20.0 + 3.0, abs=0.5)
    assert np.linalg.norm(gravity) == pytest.approx(9.81) and abs(gravity[2]) < 9.8
    opened.evaluate("sfvLive.live.player.setLoad(0); sfvLive.live.player.setGround('flat')")


@pytest.mark.parametrize(("number", "name"), [(2, "pull_up"), (3, "step_up")])
def test_things_of_a_scene_carry_and_are_held_as_in_python(number, name, opened, tmp_path):
    seen = np.array(opened.evaluate(f"sfvLive.measureObservations({number}, 0, 60)"))
    closed = f"sfvLive.live.player.simulations[{number}].grips.closed"
    assert sum(opened.evaluate(f"Array.from({closed})")) == (2 if name == "pull_up" else 0)
    skill = make_skill(name, tmp_path)
    np.testing.assert_allclose(seen, observe_start(skill, 60), atol=1e-3)
    opened.evaluate(f"sfvLive.live.player.request({number})")
    advance(opened, 1)
    shown = opened.evaluate("sfvLive.live.stage.ground.children.map((mesh) => mesh.position.toArray())")
    for thing in skill.scene.objects:
        assert np.linalg.norm(np.array(shown) - thing.centre, axis=1).min() < 1e-9


def test_the_ball_lies_on_a_box_and_a_body_that_is_pushed_off_gets_back_to_where_things_stand(opened, tmp_path):
    top = make_skill("step_up", tmp_path).scene.objects[0]
    opened.evaluate(
        "(() => { const { player } = sfvLive.live; player.begin(3, 0); player.setBall(true); player.ballSteps = 999;"
        f"player.simulation.data.qpos.set([{top.x}, {top.y}, {top.height + 0.4}], player.ballAddress().qpos); }})()"
    )
    path = root(opened)
    advance(opened, 45)
    ball = opened.evaluate("Array.from(sfvLive.live.player.simulation.data.qpos.slice(-7, -4))")
    assert ball[2] == pytest.approx(top.height + 0.11, abs=0.02)
    opened.evaluate("sfvLive.live.player.push(1, null, [-700, 500, 0], 12)")
    opened.evaluate("for (let k = 0; k < 200 && sfvLive.live.player.mode !== 'lift'; k++) sfvLive.live.advance()")
    assert opened.evaluate("sfvLive.live.player.mode") == "lift"
    advance_while(opened, "lift")
    np.testing.assert_allclose(root(opened)[:3], path[:3], atol=1e-6)
