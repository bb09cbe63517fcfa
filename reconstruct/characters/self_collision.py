"""Parts of one body that collide with each other, as those of a robot do.

A policy learnt without them swings a robot's forearms through its thighs, which the robot itself cannot. Characters say
by `self_collision` in their `character.toml` whether their parts collide; those of people pass through each other.
"""

from itertools import combinations

import mujoco
import numpy as np

from reconstruct.characters.character import Character

NEAR = 2
"""Bodies with so few joints between them never collide: at a joint, shapes lie inside of one another."""


def add_self_collisions(spec: mujoco.MjSpec, character: Character) -> None:
    """Adds contact pairs to the model of a body that is made from `character.spec()`, if its parts collide.

    Shapes are those of the file: a part's meshes, or what touches the ground where it has none. Pairs whose shapes
    overlap while the body stands at rest are left out, and parts with at most `NEAR` joints between them.
    """
    if not character.self_collision:
        return
    model = character.model
    state, names, shapes = mujoco.MjData(model), _name_geoms(spec, model), find_shapes(model)
    mujoco.mj_kinematics(model, state)
    for first, second in combinations(shapes, 2):
        bodies = int(model.geom_bodyid[first]), int(model.geom_bodyid[second])
        if count_joints_between(model, *bodies) <= NEAR:
            continue
        if mujoco.mj_geomDistance(model, state, first, second, 0.01, None) > 0.0:
            spec.add_pair(geomname1=names[first], geomname2=names[second], condim=3)


def collides_with_itself(model: mujoco.MjModel) -> bool:
    """Whether bodies with more than `NEAR` joints between them collide with each other in a model that others made."""
    kinds, partners = np.zeros((2, model.nbody), dtype=np.int64)
    np.bitwise_or.at(kinds, model.geom_bodyid, model.geom_contype)
    np.bitwise_or.at(partners, model.geom_bodyid, model.geom_conaffinity)
    return any(
        (kinds[first] & partners[second] or kinds[second] & partners[first])
        and count_joints_between(model, first, second) > NEAR
        for first, second in combinations(range(1, model.nbody), 2)
    )


def find_shapes(model: mujoco.MjModel) -> list[int]:
    """Geoms of a body that stand for its surface: of each part its meshes, or where it has none what can collide."""
    mesh = model.geom_type == mujoco.mjtGeom.mjGEOM_MESH
    solid = (model.geom_contype != 0) | (model.geom_conaffinity != 0)
    meshed = np.isin(model.geom_bodyid, model.geom_bodyid[mesh])
    return np.flatnonzero(np.where(meshed, mesh, solid) & (model.geom_bodyid > 0)).tolist()


def count_joints_between(model: mujoco.MjModel, first: int, second: int) -> int:
    """Joints on the way from one body of a tree to another."""
    count = 0
    while first != second:
        # A child's number is greater than its parent's: the greater of two cannot carry the other.
        if first < second:
            first, second = second, first
        count += int(model.body_jntnum[first])
        first = int(model.body_parentid[first])
    return count


def _name_geoms(spec: mujoco.MjSpec, model: mujoco.MjModel) -> dict[int, str]:
    """Gives names to geoms of the body in a spec that have none; returns them by the geom's number in its model."""
    names = dict[int, str]()
    for body in range(1, model.nbody):
        own = range(model.body_geomadr[body], model.body_geomadr[body] + model.body_geomnum[body])
        for geom, number in zip(spec.body(model.body(body).name).geoms, own, strict=True):
            geom.name = geom.name or f"{model.body(body).name}_shape_{number}"
            names[number] = geom.name
    return names
