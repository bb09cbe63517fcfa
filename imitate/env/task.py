"""The task: what is performed, by whom and where."""

from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Protocol

import mujoco
import numpy as np

from imitate.env.reference import Reference, build_reference
from imitate.scene.ground import Ground
from imitate.scene.objects import Grip, find_grips
from imitate.scene.scene import Scene, build_model
from reconstruct.characters.character import Character
from reconstruct.motion import ReferenceMotion


class Simulated(Protocol):
    """What a reward term may read, for N environments; `ImitationEnv` has it."""

    qpos: np.ndarray
    """Positions of the body in MuJoCo's layout, (N, nq)."""
    qvel: np.ndarray
    """Velocities of the body, (N, nv)."""
    bodies_xpos: np.ndarray
    """Origins of the moving bodies, world [m], (N, B, 3)."""
    site_xpos: np.ndarray
    """Positions of the sites, world [m], (N, S, 3)."""
    com: np.ndarray
    """Centre of mass, world [m], (N, 3)."""


@dataclass(frozen=True, eq=False)
class Task:
    """A motion, the body that performs it, and the scene that it is performed in.

    What follows from the fields is made once, when it is first asked for. Only the fields are pickled: a worker process
    makes the rest again.
    """

    character: Character
    """The body."""
    motion: ReferenceMotion
    """The reference, made for a plane."""
    scene: Scene = field(default_factory=Scene)
    """The surroundings, laid out from the motion's beginning in its direction."""

    @cached_property
    def ground(self) -> Ground:
        """The surface that the motion is performed on."""
        return self.scene.ground(self.character, self.motion)

    @cached_property
    def box_half(self) -> tuple[float, float, float]:
        """Half lengths of the scene's box [m]."""
        return self.scene.box_half(self.character, self.motion)

    @cached_property
    def grips(self) -> tuple[Grip, ...]:
        """Hands of the motion that hold bars of the scene."""
        return find_grips(self.character, self.motion, self.scene.objects)

    @cached_property
    def model(self) -> mujoco.MjModel:
        """The physics of the body, the ground and, as its last body and joint, the box."""
        box_half = self.box_half if self.scene.has_box else None
        return build_model(self.character, self.scene, self.ground, box_half, self.grips)

    @cached_property
    def body(self) -> mujoco.MjModel:
        """The physics of the body and the ground, without the box."""
        return build_model(self.character, self.scene.without_box, self.ground) if self.scene.has_box else self.model

    def reference(self, seconds: float) -> Reference:
        """The motion upon the ground at the control rate.

        Args:
          seconds: longest episode of a loop [s]; a clip that does not loop is passed once.
        """
        key = seconds if self.motion.loop else None
        if key not in self._references:
            self._references[key] = build_reference(self.motion, self.character, self.body, seconds, self.ground)
        return self._references[key]

    @cached_property
    def _references(self) -> dict[float | None, Reference]:
        return {}

    def compute_own_rewards(self, state: Simulated) -> dict[str, np.ndarray]:
        """Further reward terms by name, (N,) each, which are added to the imitation reward: none here.

        A subclass at the top level of a module, so that worker processes find it, returns its own.
        """
        return {}

    @property
    def drafted(self) -> "Task":
        """The task as tracking control performs it: without wind, see `Scene.drafted`."""
        return replace(self, scene=self.scene.drafted)

    @property
    def without_box(self) -> "Task":
        """The same on the ground alone."""
        return replace(self, scene=self.scene.without_box)

    @property
    def repeated(self) -> "Task":
        """The motion again and again; its end must meet its start."""
        return self if self.motion.loop else replace(self, motion=replace(self.motion, loop=True))

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}
