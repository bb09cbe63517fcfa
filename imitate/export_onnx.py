"""A policy as ONNX: raw observation in, the mean action out, and a file that says what the numbers are.

That file is all that a program for a robot needs besides: `examples/run_onnx.py` is one.

The graph is written node by node (normalise, cut, layers with ReLU between), so nothing has to be traced.
"""

import json
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from imitate.env.observation import LIMIT
from imitate.env.reference import smooth_heading
from imitate.env.task import Task
from imitate.policy import CLIP, Normaliser, Policy, PolicyLayout
from imitate.scene.ground import MAP_POINTS
from imitate.scene.scene import CONTROL_HZ, PHYSICS_HZ
from pose.files import replace_file
from reconstruct.characters.character import Character, read_character_table

REFERENCE_SECONDS = 10.0
"""Length of the reference of a cycle on uneven ground, where no two cycles are alike [s]."""
DECIMALS = 5
"""Of the reference's coordinates."""

OPSET, IR_VERSION = 17, 8
"""Old enough for the runtimes of the last years; the graph needs nothing newer."""

FRAME = "heading frame: world axes turned about the vertical so that x points where the reference is heading"
OBSERVATION = {
    "phase": ("share", "phase p of the cycle or clip in [0, 1], sin(2 pi p), cos(2 pi p)"),
    "root_height": ("m", "z of the root's origin above the ground"),
    "positions": ("m", "origin of each body but the root less the root's, xyz, " + FRAME),
    "rotations": ("1", "x axis then, for all bodies, y axis of each body (columns of its rotation matrix), " + FRAME),
    "linear_velocities": ("m/s", "of each body's origin, xyz, " + FRAME),
    "angular_velocities": ("rad/s", "of each body, xyz, " + FRAME),
    "root_offset": ("m", "from the root to the reference's root one control step later, xyz, " + FRAME),
    "pose_offset": (
        "rad",
        "rotation that leads from the pose to the reference's one control step later, in MuJoCo's order of degrees of "
        "freedom: rotation vector of the root in its own axes, then each joint (balls: rotation vector in the child's "
        "axes, hinges: angle)",
    ),
    "ground": ("m", "height of the ground at the points below less that under the root, cut to 1 m; " + FRAME),
    "box": ("m, 1, m/s, rad/s", "box less root, first two columns of its rotation, its velocities; " + FRAME),
}
"""Parts of `ObservationLayout`: unit and meaning."""


def write_onnx(policy: Policy, task: Task, path: Path) -> None:
    """Writes a policy as ONNX and next to it `<name>.json` with its layout in words.

    Input `observation`, float32 (N, O), as `imitate.env.observation` assembles it, not normalised; output `action`,
    float32 (N, A): the mean of the Gaussian.

    Args:
      policy: to write.
      task: that it was learnt for; names bodies, joints and servos.
      path: file to write; both are replaced whole or not at all.
    """
    path = Path(path)
    words = json.dumps(describe_layout(policy.layout, task), indent=2) + "\n"
    write_files({path: onnx_model(policy).SerializeToString(), path.with_suffix(".json"): words.encode()})


def write_files(contents: dict[Path, bytes]) -> None:
    """Writes files, each whole or not at all."""
    for target, data in contents.items():
        with replace_file(target) as temporary:
            temporary.write_bytes(data)


class GraphWriter:
    """An ONNX graph, node by node."""

    def __init__(self) -> None:
        self.nodes, self.constants = list[onnx.NodeProto](), list[onnx.TensorProto]()

    def constant(self, name: str, value: np.ndarray | float) -> str:
        """Adds float32 numbers; returns their name."""
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype=np.float32), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Adds an operation; returns the name of its output."""
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def normalise(self, value: str, seen: Normaliser, output: str) -> str:
        """What a normaliser does."""
        scale = 1.0 / np.sqrt(seen.variance.numpy() + np.float32(1e-6))
        value = self.node("Sub", [value, self.constant("mean", seen.mean.numpy())], "centred")
        value = self.node("Mul", [value, self.constant("scale", scale)], "scaled")
        return self.node("Clip", [value, self.constant("low", -CLIP), self.constant("high", CLIP)], output)

    def layers(self, value: str, network: nn.Module, output: str) -> str:
        """Fully connected layers with ReLU between."""
        found = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
        for i, layer in enumerate(found):
            last = i == len(found) - 1
            weight = self.constant(f"{output}_weight_{i}", layer.weight.detach().numpy())
            bias = self.constant(f"{output}_bias_{i}", layer.bias.detach().numpy())
            value = self.node("Gemm", [value, weight, bias], output if last else f"{output}_layer_{i}", transB=1)
            if not last:
                value = self.node("Relu", [value], f"{output}_hidden_{i}")
        return value

    def finish(self, name: str, inputs: dict[str, list[Any]], outputs: dict[str, list[Any]]) -> onnx.ModelProto:
        """The checked model; inputs and outputs are float32 of these shapes."""

        def describe(values: dict[str, list[Any]]) -> list[onnx.ValueInfoProto]:
            return [helper.make_tensor_value_info(key, TensorProto.FLOAT, shape) for key, shape in values.items()]

        graph = helper.make_graph(self.nodes, name, describe(inputs), describe(outputs), self.constants)
        model = helper.make_model(
            graph, producer_name="sfv", opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
        )
        onnx.checker.check_model(model, full_check=True)
        return model


def onnx_model(policy: Policy) -> onnx.ModelProto:
    """The normaliser and the actor as an ONNX graph."""
    graph, layout = GraphWriter(), policy.layout
    value = graph.normalise("observation", policy.observations, "normalised")
    graph.layers(value, policy.actor, "action")
    size = layout.observation_size
    return graph.finish("policy", {"observation": ["N", size]}, {"action": ["N", len(layout.action)]})


def describe_layout(layout: PolicyLayout, task: Task) -> dict[str, Any]:
    """What goes into the policy and what comes out: names, sizes, units, frames, order."""
    model, character = task.body, task.character
    bodies = [model.body(b).name for b in range(1, 1 + len(character_bodies(character)))]
    begin, parts = 0, list[dict[str, Any]]()
    for name, size in layout.observation.items():
        unit, meaning = OBSERVATION[name]
        part: dict[str, Any] = {"name": name, "begin": begin, "size": size, "unit": unit, "meaning": meaning}
        if name in ("positions", "rotations", "linear_velocities", "angular_velocities"):
            part["order"] = bodies[1:] if name == "positions" else bodies
        if name == "pose_offset":
            part["order"] = name_tangents(model, layout.observation["pose_offset"] + 3)[3:]
        if name == "ground":
            part["points_m"] = MAP_POINTS.tolist()
        parts.append(part)
        begin += size
    return {
        "character": layout.character,
        "height_m": layout.height,
        "scene": task.scene.settings,
        "control_hz": CONTROL_HZ,
        "physics_hz": PHYSICS_HZ,
        "conventions": "metres, seconds, radians; world z up, ground at z = 0; quaternions wxyz (MuJoCo)",
        "observation": {
            "name": "observation",
            "size": layout.observation_size,
            "preparation": f"raw values cut to +-{LIMIT:g}; mean and variance are normalised inside the graph",
            "parts": parts,
        },
        "action": {
            "name": "action",
            "size": len(layout.action),
            "scale_rad": layout.action_scale,
            "meaning": "offset of each servo's target: target = reference's coordinate one control step later + "
            f"(kd + d) / kp * the reference's speed there + {layout.action_scale:g} rad * action, d the joint's own "
            "damping. A ball joint has three "
            "servos, on the components of its rotation vector; write their target as the present rotation vector plus "
            "the relative one that leads to the reference, so that it never jumps at half a turn. The servo's torque "
            "is kp * (target - coordinate) - kd * speed, cut to its limit; the joint's own damping, -d * speed, comes "
            "on top, which a motor without it has to add",
            "servos": [_servo(model, u) for u in range(model.nu)],
        },
        "reference": describe_reference(task),
        "body": describe_body(task),
    }


def describe_reference(task: Task) -> dict[str, Any]:
    """The motion that is followed, frame by frame: what the observation and the action are relative to."""
    frames, fps, loop = task.motion.qpos, task.motion.fps, task.motion.loop
    if not task.ground.flat:
        frames, fps, loop = task.reference(REFERENCE_SECONDS).qpos, float(CONTROL_HZ), False
    return {
        "meaning": "frames at equal times, interpolated between: joints and positions linearly, rotations the short "
        "way. Of a cycle the last frame is the first of the next pass: moved by the way on the ground from the first "
        "frame's root to the last's, turned by the turn of its heading. Speeds are means over one control step",
        "fps": float(fps),
        "loop": loop,
        "joints": list(task.character.joint_names),
        "qpos": np.round(frames, DECIMALS).tolist(),
        "heading_rad": np.round(smooth_heading(frames[:, 3:7]), DECIMALS).tolist(),
    }


def describe_body(task: Task) -> dict[str, Any]:
    """How the body is set up, for a program that has the model of others that it was imported from."""
    character, reference = task.character, task.reference(task.motion.duration)
    table = read_character_table(character.name)
    plan, package = table.get("plan", {}), table.get("package", {})
    touching = np.atleast_1d(reference.may_touch.any(axis=0))
    return {
        "meaning": "where every joint is zero, the body stands upright and faces x, and the axes of all bodies lie "
        "along the world's; a body's origin is the anchor of its first joint. A model of others stands so at the "
        "angles below, turned by yaw about the vertical; its bodies without joints belong to those that carry them",
        "package": package.get("name"),
        "model": package.get("model"),
        "yaw_rad": float(plan.get("yaw", 0.0)),
        "zero_rad": {joint: float(angle) for joint, angle in plan.get("rest", {}).items()},
        "bodies": character_bodies(character),
        "fall_bodies": [name for name, may in zip(character.fall_bodies, touching, strict=True) if not may],
    }


def character_bodies(character: Character) -> list[str]:
    """Names of a character's bodies in MuJoCo's order, the root first."""
    return [character.model.body(b).name for b in range(1, character.model.nbody)]


def name_tangents(model: mujoco.MjModel, count: int) -> list[str]:
    """A name for each of the first `count` degrees of freedom."""
    endings = {
        mujoco.mjtJoint.mjJNT_FREE.value: ["_x", "_y", "_z", "_rx", "_ry", "_rz"],
        mujoco.mjtJoint.mjJNT_BALL.value: ["_rx", "_ry", "_rz"],
    }
    joints = (model.joint(j) for j in range(model.njnt))
    return [joint.name + ending for joint in joints for ending in endings.get(int(joint.type[0]), [""])][:count]


def _servo(model: mujoco.MjModel, actuator: int) -> dict[str, Any]:
    bias, (low, high) = model.actuator_biasprm[actuator], model.actuator_forcerange[actuator]
    dof = model.jnt_dofadr[model.actuator_trnid[actuator, 0]]
    return {
        "name": model.actuator(actuator).name,
        "joint": model.joint(model.actuator_trnid[actuator, 0]).name,
        "axis": "xyz"[int(np.flatnonzero(model.actuator_gear[actuator, :3])[0])]
        if model.jnt_type[model.actuator_trnid[actuator, 0]] == mujoco.mjtJoint.mjJNT_BALL
        else "hinge",
        "kp_nm_per_rad": float(model.actuator_gainprm[actuator, 0]),
        "kd_nm_s_per_rad": float(-bias[2]),
        "joint_damping_nm_s_per_rad": float(model.dof_damping[dof]),
        "armature_kg_m2": float(model.dof_armature[dof]),
        "limit_nm": [float(low), float(high)],
    }
