"""Writes motions as BVH, which Blender, Maya and most animation tools read."""

from pathlib import Path

import mujoco
import numpy as np

from pose.files import replace_file
from reconstruct.characters.character import Character
from reconstruct.motion import ReferenceMotion
from reconstruct.rotations import from_rotvec, multiply, to_scipy

# BVH is y up by custom, and z towards the viewer: our x forward, y left, z up become z, x, y.
BVH_FROM_WORLD = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
WRISTS = {"left_wrist": "left_hand", "right_wrist": "right_hand"}
"""Site of a wrist -> name of the joint that is written there."""
CENTIMETRES = 100.0
"""BVH has no unit; centimetres are the custom."""


def write_bvh(motion: ReferenceMotion, character: Character, path: Path) -> None:
    """Writes a motion as BVH: one node for each body, offsets from the model, angles in degrees (order Z, X, Y).

    Args:
      motion: of this character.
      character: gives names and lengths.
      path: file to write; replaced whole or not at all.
    """
    model = character.model
    local = body_rotations(model, motion.qpos)
    channels: list[np.ndarray] = [motion.qpos[:, :3] @ BVH_FROM_WORLD.T * CENTIMETRES]
    lines = ["HIERARCHY"]
    root = int(model.jnt_bodyid[0])
    _write_node(model, root, 0, lines, channels, local)
    table = np.concatenate(channels, axis=1)
    lines += ["MOTION", f"Frames: {len(table)}", f"Frame Time: {1.0 / motion.fps:.8f}"]
    lines += [" ".join(f"{value:.6f}" for value in row) for row in table]
    with replace_file(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="ascii")


def body_rotations(model: mujoco.MjModel, qpos: np.ndarray) -> np.ndarray:
    """Rotation of each body relative to its parent, the root's relative to the world, wxyz (T, nbody, 4)."""
    local = np.tile(model.body_quat, (len(qpos), 1, 1))
    for joint in range(model.njnt):
        body, column, kind = model.jnt_bodyid[joint], model.jnt_qposadr[joint], model.jnt_type[joint]
        if kind == mujoco.mjtJoint.mjJNT_FREE:
            local[:, body] = qpos[:, column + 3 : column + 7]
        elif kind == mujoco.mjtJoint.mjJNT_BALL:
            local[:, body] = multiply(local[:, body], qpos[:, column : column + 4])
        elif kind == mujoco.mjtJoint.mjJNT_HINGE:
            angle = (qpos[:, column] - model.qpos0[column])[:, None]
            local[:, body] = multiply(local[:, body], from_rotvec(angle * model.jnt_axis[joint]))
        else:
            raise ValueError(f"joint '{model.joint(joint).name}' slides; BVH knows rotations only")
    return local


def _write_node(
    model: mujoco.MjModel, body: int, depth: int, lines: list[str], channels: list[np.ndarray], local: np.ndarray
) -> None:
    """Appends a body and all below it, depth first, to the hierarchy and its angles to the channels."""
    indent = "  " * depth
    is_root = depth == 0
    offset = np.zeros(3) if is_root else BVH_FROM_WORLD @ model.body_pos[body] * CENTIMETRES
    position = "6 Xposition Yposition Zposition" if is_root else "3"
    lines.append(f"{indent}{'ROOT' if is_root else 'JOINT'} {model.body(body).name}")
    lines.append(f"{indent}{{")
    lines.append(f"{indent}  OFFSET {offset[0]:.6f} {offset[1]:.6f} {offset[2]:.6f}")
    lines.append(f"{indent}  CHANNELS {position} Zrotation Xrotation Yrotation")
    rotation = BVH_FROM_WORLD @ to_scipy(local[:, body]).as_matrix() @ BVH_FROM_WORLD.T
    channels.append(euler_zxy_degrees(rotation))
    children = [child for child in range(model.nbody) if model.body_parentid[child] == body and child != body]
    for child in children:
        _write_node(model, child, depth + 1, lines, channels, local)
    wrist = None if children else _wrist(model, body)
    if wrist is not None:
        _write_hand(model, body, wrist, indent, lines)
        channels.append(np.zeros((len(local), 3)))
    elif not children:
        tip = BVH_FROM_WORLD @ _tip(model, body) * CENTIMETRES
        lines.append(f"{indent}  End Site")
        lines.append(f"{indent}  {{")
        lines.append(f"{indent}    OFFSET {tip[0]:.6f} {tip[1]:.6f} {tip[2]:.6f}")
        lines.append(f"{indent}  }}")
    lines.append(f"{indent}}}")


def _wrist(model: mujoco.MjModel, body: int) -> int | None:
    """The site of the wrist on a body that ends a limb and begins elsewhere, as a forearm does."""
    for site in np.flatnonzero(model.site_bodyid == body):
        if model.site(site).name in WRISTS and np.linalg.norm(model.site_pos[site]) > 0.02:
            return int(site)
    return None


def _write_hand(model: mujoco.MjModel, body: int, wrist: int, indent: str, lines: list[str]) -> None:
    """A hand that does not turn, so that the wrist is where it is on the body, and not at its finger tips."""
    place = BVH_FROM_WORLD @ model.site_pos[wrist] * CENTIMETRES
    tip = BVH_FROM_WORLD @ _tip(model, body) * CENTIMETRES - place
    lines.append(f"{indent}  JOINT {WRISTS[model.site(wrist).name]}")
    lines.append(f"{indent}  {{")
    lines.append(f"{indent}    OFFSET {place[0]:.6f} {place[1]:.6f} {place[2]:.6f}")
    lines.append(f"{indent}    CHANNELS 3 Zrotation Xrotation Yrotation")
    lines.append(f"{indent}    End Site")
    lines.append(f"{indent}    {{")
    lines.append(f"{indent}      OFFSET {tip[0]:.6f} {tip[1]:.6f} {tip[2]:.6f}")
    lines.append(f"{indent}    }}")
    lines.append(f"{indent}  }}")


def _tip(model: mujoco.MjModel, body: int) -> np.ndarray:
    """The site of a body that is farthest from its joint, where a drawn bone should end, (3,)."""
    sites = model.site_pos[model.site_bodyid == body]
    return sites[np.linalg.norm(sites, axis=1).argmax()] if len(sites) else np.array([0.0, 0.0, 0.1])


def euler_zxy_degrees(matrix: np.ndarray) -> np.ndarray:
    """Angles with R = Rz(a) Rx(b) Ry(c) [degrees], unwrapped in time, (T, 3, 3) -> (T, 3)."""
    b = np.arcsin(np.clip(matrix[:, 2, 1], -1.0, 1.0))
    a = np.arctan2(-matrix[:, 0, 1], matrix[:, 1, 1])
    c = np.arctan2(-matrix[:, 2, 0], matrix[:, 2, 2])
    return np.degrees(np.unwrap(np.stack([a, b, c], axis=1), axis=0))
