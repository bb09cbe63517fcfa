"""A policy as ONNX: another runtime acts the same, and the file beside it says what the numbers are."""

import json

import numpy as np
import onnxruntime
import pytest
import torch

from imitate.env.env import EnvConfig, ImitationEnv
from imitate.env.task import Task
from imitate.export_onnx import name_tangents, write_onnx
from imitate.policy import Policy, PolicyLayout
from imitate.scene.scene import Scene, build_model
from reconstruct.characters.character import load_character
from sfv.demo.motions import load_demo_motion


def trained(env: ImitationEnv, character) -> Policy:
    """Weights at random, and a normaliser that has seen something: nothing is left out by being zero or one."""
    torch.manual_seed(0)
    actuators = tuple(env.model.actuator(u).name for u in range(env.model.nu))
    layout = PolicyLayout(
        character.name, character.height, env.observation_layout.sizes, actuators, EnvConfig().action_scale, (64, 32)
    )
    policy = Policy(layout)
    for parameter in policy.actor.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    seen = torch.from_numpy(np.random.default_rng(1).normal(1.0, 3.0, (512, layout.observation_size)))
    policy.observations.update(policy.observations.moments(seen))
    return policy


@pytest.fixture(scope="module", params=["flat", "uneven"])
def written(request, tmp_path_factory):
    character, scene = load_character("humanoid"), Scene(request.param)
    env = ImitationEnv(Task(character, load_demo_motion("walk", character), scene), EnvConfig(), 4)
    policy = trained(env, character)
    path = tmp_path_factory.mktemp("onnx") / "policy.onnx"
    write_onnx(policy, env.task, path)
    return policy, env, path


def test_onnxruntime_acts_as_torch_does(written):
    policy, env, path = written
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    env.start(np.arange(4))
    rng = np.random.default_rng(0)
    wild = rng.normal(0, 30, (100, policy.layout.observation_size)).astype(np.float32)  # the cut must hold, too
    for observation in (env.observe(), wild, wild[:1]):
        (action,) = session.run(["action"], {"observation": observation})
        np.testing.assert_allclose(np.asarray(action), policy.act(observation), rtol=1e-4, atol=1e-4)
    assert list(path.parent.glob(".*")) == []


def test_words_fit_the_numbers(written):
    policy, env, path = written
    words = json.loads(path.with_suffix(".json").read_text())
    observation, action = words["observation"], words["action"]
    begin = 0
    for part in observation["parts"]:
        assert part["begin"] == begin and part["unit"] and part["meaning"]
        begin += part["size"]
    assert begin == observation["size"] == env.observation_layout.size
    assert {part["name"]: part["size"] for part in observation["parts"]} == env.observation_layout.sizes
    order = {part["name"]: part.get("order", part.get("points_m")) for part in observation["parts"]}
    # Numbers a body: 3 of place and velocities, 6 of rotation; 1 a degree of freedom; 1 a point of the height map.
    for name, numbers in (("positions", 3), ("rotations", 6), ("angular_velocities", 3), ("pose_offset", 1)):
        assert len(order[name]) * numbers == env.observation_layout.sizes[name], name
    assert ("ground" in order) == (words["scene"]["kind"] == "uneven")
    assert [servo["name"] for servo in action["servos"]] == list(policy.layout.action)
    assert all(servo["kp_nm_per_rad"] > 0 and servo["limit_nm"][1] > 0 for servo in action["servos"])
    assert words["control_hz"] == 30 and words["height_m"] == 1.75


def test_names_of_degrees_of_freedom():
    character = load_character("humanoid")
    model = build_model(character, Scene())
    names = name_tangents(model, model.nv)
    assert len(names) == model.nv and names[:6] == ["root_x", "root_y", "root_z", "root_rx", "root_ry", "root_rz"]
    assert names[model.joint("left_knee").dofadr[0]] == "left_knee"
    assert names[model.joint("neck").dofadr[0] + 2] == "neck_rz"
