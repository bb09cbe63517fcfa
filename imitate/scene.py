"""Where a skill is performed, and the one place in the project that sets the physics.

Tracking, training, evaluation and rendering all simulate the model that `build_model` returns, so a skill is shown in
the physics that it was learnt in.
"""

from dataclasses import dataclass
from typing import Literal

import mujoco

from pose.errors import InputError
from reconstruct.character import Character

PHYSICS_HZ = 120
"""Physics steps a second. At 60 Hz a walk is learnt half as well for equal samples, at 240 Hz hardly better."""
CONTROL_HZ = 30
"""Decisions of the policy a second (SFV)."""
SUBSTEPS = PHYSICS_HZ // CONTROL_HZ

CONTACT_SOLREF = (0.02, 1.0)
"""Contact as a critically damped spring that settles in 20 ms: the softest that hides its give, the hardest that is
smooth enough to learn in at 120 Hz."""
CONTACT_SOLIMP = (0.4, 0.98, 0.01, 0.5, 2.0)
"""Impedance .4 at first touch, .98 from 1 cm depth on: no jump at touch-down. Sinks some 6-8 mm under a walk. MuJoCo's
own default (.9 at zero depth) makes jumps that neither PPO nor tracking control copes with."""
FRICTION = (1.0, 0.005, 0.0001)
"""Sliding, torsional, rolling. Rubber on a gym floor slides at about 1; SFV and DeepMimic use .9 and 1."""


@dataclass(frozen=True)
class Scene:
    """The surroundings that a skill is performed in."""

    kind: Literal["flat"] = "flat"
    """Form of the ground; flat is a plane at z = 0."""


def named_scene(kind: str) -> Scene:
    """The scene of a kind that the user names; raises `InputError` for one that does not exist."""
    if kind != "flat":
        raise InputError(f"unknown scene '{kind}'; known ones: flat")
    return Scene(kind)


def set_physics(spec: mujoco.MjSpec) -> None:
    """Sets time step, integrator, solver and contacts on a model about to be compiled.

    - `implicitfast` takes damping and servo gains implicitly, so stiff servos stay stable at 120 Hz.
    - Newton with 6 iterations and 10 line-search steps reaches what 100 iterations reach here; fewer go unstable.
    - The pyramidal cone costs a third less than the elliptic one and learns alike.
    """
    spec.option.timestep = 1.0 / PHYSICS_HZ
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.solver = mujoco.mjtSolver.mjSOL_NEWTON
    spec.option.iterations = 6
    spec.option.ls_iterations = 10
    spec.option.cone = mujoco.mjtCone.mjCONE_PYRAMIDAL
    spec.option.gravity = [0.0, 0.0, -9.81]
    for geom in spec.geoms:
        geom.solref = CONTACT_SOLREF
        geom.solimp = CONTACT_SOLIMP
        geom.friction = FRICTION


def build_model(character: Character, scene: Scene) -> mujoco.MjModel:
    """Compiles a character into a scene.

    The ground's geom is named "ground". It collides with every geom of the character that collides at all.
    """
    spec = character.spec()
    assert scene.kind == "flat", "the one scene there is so far"
    spec.worldbody.add_geom(
        name="ground",
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[0.0, 0.0, 1.0],
        contype=1,
        conaffinity=0xFF,
        condim=3,
    )
    set_physics(spec)
    model = spec.compile()
    # Visual geoms (group 2 and above, no contact bits) stay out of the way of everything, the ground included.
    colliding = (model.geom_contype != 0) | (model.geom_conaffinity != 0)
    assert colliding.sum() >= 2, f"{character.name}: no geom of the character can touch the ground"
    return model
