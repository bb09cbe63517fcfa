"""Where a skill is performed, and the one place in the project that sets the physics.

Tracking, training, evaluation and rendering all simulate the model that `build_model` returns, so a skill is shown in
the physics that it was learnt in.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import mujoco
import numpy as np
from scipy.ndimage import gaussian_filter

from imitate.scene.footprints import find_free_stretches, find_palms, hands_stay_ahead, stands_on
from imitate.scene.ground import AHEAD, ASIDE, BEHIND, SPACING, Ground
from imitate.scene.objects import Grip, add_grips, add_objects
from pose.errors import InputError
from reconstruct import rotations
from reconstruct.characters.character import Character
from reconstruct.characters.self_collision import add_self_collisions
from reconstruct.kinematics import GRAVITY
from reconstruct.motion import ReferenceMotion
from reconstruct.scene_objects import PUSHED_FRICTION, SceneObject, find_slope, split_pushed

PHYSICS_HZ = 120
"""Physics steps a second."""
# At 60 Hz a walk is learnt half as well for equal samples, at 240 Hz hardly better.
CONTROL_HZ = 30
"""Control steps a second: how often the policy acts (SFV)."""
SUBSTEPS = PHYSICS_HZ // CONTROL_HZ
"""Physics steps in a control step."""

CONTACT_SOLREF = (0.02, 1.0)
"""Contact as a critically damped spring that settles in 20 ms: stiff enough that penetration is invisible, soft enough
to learn in at 120 Hz."""
CONTACT_SOLIMP = (0.4, 0.98, 0.01, 0.5, 2.0)
"""Impedance 0.4 at first touch, 0.98 from 1 cm depth on: no jump of the force at touch-down."""
# A walk sinks in by some 6 to 8 mm. With MuJoCo's default (0.9 at zero depth) neither PPO nor tracking control copes.
FRICTION = (1.0, 0.005, 0.0001)
"""Sliding, torsional and rolling friction. Rubber on a gym floor slides at about 1; SFV and DeepMimic use 0.9 and 1."""
BOX_FRICTION = 2.0
"""Of a pushed box against hands: fingers reach over its edge, and heels of hands press below it. A sphere cannot."""
# With 1 the hands of somebody who leans on it slip down its face: no policy learnt SFV's push, tracking control's third
# cycle slipped. 1.5, 2 and 3 are alike.

FIRST_EDGE = 0.6
"""Distance of the first stair or gap ahead of the motion's start [m]."""
GAP_MARGIN = 0.03
"""Least distance between a gap and what the motion rests on [m]."""
GAP_DEPTH = 1.0
"""Depth of gaps [m]: to step into one is a fall."""
BOX = "box"
"""Name of the box's body, joint and geom."""
BOX_HALF = (0.8, 0.4, 0.6)
"""Half lengths of the box where no motion says how high it is [m]."""
# A box as short as it is wide tips over and turns.
ABOVE_HANDS = 0.1
"""Height of the box's upper edge above the palms that push it [m]."""
# Hands that lie upon a box press it to the ground and turn it away from under themselves.
YAW_DAMPING = 300.0
"""Damping of the box's rotation about the vertical, as if it ran on runners [N m s/rad]."""
# A box that is pushed from behind, with either hand in turn, wants to turn round.
BOX_VERSION = 2
"""Raised whenever drafts, starts or rewards before a box change: all that was made before one is made again."""
FOUND_FRICTION = 0.1
"""Friction on the ground of a box that is added without being asked for: felt pads on a smooth floor."""
HARDEST = 200.0
"""Friction [N] of a found box at most: a heavier one slides more easily than its mass says."""
# 2026-11-29: with this against the 316 N of SFV's man tracking control runs to the end of it (.97).

KINDS: dict[str, tuple[str, ...]] = {
    "flat": (),
    "slope": ("angle",),
    "downhill": ("angle",),
    "gaps": ("gap", "gap_every", "seed"),
    "stairs": ("step_height", "step_depth", "steps"),
    "stairs_down": ("step_height", "step_depth", "steps"),
    "uneven": ("roughness", "seed"),
    "slippery": ("friction",),
    "wind": ("push", "push_every", "seed"),
    "box": ("box_mass", "box_friction", "task_weight"),
    "box_uphill": ("angle", "box_mass", "box_friction", "task_weight"),
    "box_downhill": ("angle", "box_mass", "box_friction", "task_weight"),
    "objects": ("objects",),
    "found": (),
}
"""Kinds of scenes, and the options that matter in each."""


@dataclass(frozen=True)
class Scene:
    """The surroundings that a skill is performed in. Forward is where the motion goes, or faces if it stays."""

    kind: str = "flat"
    """Form of the ground: flat, slope, downhill, gaps, stairs, stairs_down, uneven, slippery, wind, box, box_uphill or
    box_downhill; found: what the motion shows."""
    angle: float = 10.0
    """Angle of slopes [deg]."""
    gap: float = 0.3
    """Greatest width of gaps [m]; each is between half and all of it."""
    gap_every: float = 1.2
    """Mean distance from the beginning of a gap to that of the next [m]."""
    step_height: float = 0.12
    """Height of a stair [m]."""
    step_depth: float = 0.35
    """Depth of a stair [m]."""
    steps: int = 12
    """Number of stairs; the ground is level before and after them."""
    roughness: float = 0.03
    """Standard deviation of an uneven field's height [m]."""
    friction: float = 0.35
    """Sliding friction of slippery ground; elsewhere it is 1."""
    push: float = 150.0
    """Strongest push of the wind against the trunk, for 0.2 s [N]."""
    push_every: float = 1.5
    """Time between pushes of the wind [s]."""
    box_mass: float = 20.0
    """Mass of the box [kg]."""
    box_friction: float = 0.3
    """Sliding friction between the box and the ground."""
    box_size: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Length, width and height of the box [m]; zeros for one as high as the hands that push it."""
    task_weight: float = 0.3
    """Fraction of the reward that is given for the box being where the reference would have pushed it."""
    seed: int = 0
    """Seed of gaps, uneven ground and wind."""
    objects: tuple[SceneObject, ...] = ()
    """What stands on the plane or is the ground, of the kind `objects`."""

    def __post_init__(self) -> None:
        objects = tuple(one if isinstance(one, SceneObject) else SceneObject(**one) for one in self.objects)
        object.__setattr__(self, "objects", objects)

    def check(self) -> "Scene":
        """Returns the scene itself.

        Raises:
          InputError: the kind is unknown, or an option is out of range.
        """
        if self.kind not in KINDS:
            raise InputError(f"unknown scene '{self.kind}'; known ones: {', '.join(KINDS)}")
        limits = {
            "angle": (0.0, 35.0),
            "gap": (0.05, 1.0),
            "gap_every": (0.3, 20.0),
            "step_height": (0.02, 0.4),
            "step_depth": (0.15, 2.0),
            "steps": (1, 100),
            "roughness": (0.001, 0.2),
            "friction": (0.01, 2.0),
            "push": (0.0, 2000.0),
            "push_every": (0.3, 60.0),
            "box_mass": (0.5, 500.0),
            "box_friction": (0.01, 2.0),
            "task_weight": (0.0, 1.0),
            "seed": (0, 2**31 - 1),
        }
        if self.kind == "objects" and not self.objects:
            raise InputError("scene objects: no object is known; use --scene found, which finds them in a video")
        for name in KINDS[self.kind] if self.kind != "objects" else ():
            low, high = limits[name]
            if not low <= getattr(self, name) <= high:
                raise InputError(f"scene.{name} is {getattr(self, name)}; give {low:g} to {high:g}")
        if self.has_box and self.box_is_known and not all(0.1 <= size <= 10.0 for size in self.box_size):
            raise InputError(f"scene.box_size is {self.box_size}; give three lengths of 0.1 to 10 m, or zeros")
        if self.kind == "gaps" and self.gap_every < self.gap + 0.2:
            raise InputError(f"gaps of {self.gap} m every {self.gap_every} m leave no ground; raise scene.gap_every")
        return self

    @property
    def settings(self) -> dict[str, Any]:
        """What decides the scene: options of other kinds are left out, so that they redo nothing."""
        options = {name: getattr(self, name) for name in KINDS[self.kind]}
        if self.kind == "objects":
            options["objects"] = [asdict(one) for one in self.objects]
        if self.has_box and self.box_is_known:
            options["box_size"] = list(self.box_size)
        return {"kind": self.kind, **options}

    @property
    def identity(self) -> dict[str, Any]:
        """The settings, and what a box's physics depends on besides: what was made with another box is made again."""
        return self.settings | ({"box": [*BOX_HALF, ABOVE_HANDS, YAW_DAMPING, BOX_VERSION]} if self.has_box else {})

    @property
    def has_box(self) -> bool:
        """There is a box to push."""
        return self.kind.startswith("box")

    @property
    def box_is_known(self) -> bool:
        """The box's size is given, found or asked for: the motion leans on it, and it begins at the hands."""
        return any(self.box_size)

    @property
    def without_box(self) -> "Scene":
        """The same ground alone."""
        if not self.has_box:
            return self
        return replace(self, kind={"box": "flat", "box_uphill": "slope", "box_downhill": "downhill"}[self.kind])

    @property
    def drafted(self) -> "Scene":
        """Where tracking control performs a motion: without wind, which no plan can foresee."""
        return replace(self, kind="flat") if self.kind == "wind" else self

    def ground(self, character: Character | None = None, motion: ReferenceMotion | None = None) -> Ground:
        """The ground's surface, laid out from a motion's beginning in its direction, gaps where `character` rests on
        nothing; without a motion, from the origin along x."""
        kind = self.check().without_box.kind
        slope = find_slope(self.objects) if kind == "objects" else None
        if slope is not None:
            plane = Ground((slope.x, slope.y), np.radians(slope.yaw), slope.incline)
            made_for_it = character is None or motion is None or stands_on(character, motion, plane)
            return replace(plane, own=made_for_it)
        if kind in ("flat", "slippery", "wind", "objects", "found") and not self.has_box:
            return Ground()
        origin, yaw = find_course(motion) if motion is not None else ((0.0, 0.0), 0.0)
        if kind == "flat":
            return Ground(origin, yaw)  # a box goes along it
        rng = np.random.default_rng(self.seed)
        if kind in ("slope", "downhill"):
            return Ground(origin, yaw, np.radians(self.angle) * (1.0 if kind == "slope" else -1.0))
        if kind == "uneven":
            return Ground(origin, yaw, grid=make_uneven_field(self.roughness, rng))
        if kind == "gaps":
            edges = self._gaps(character, motion, Ground(origin, yaw), rng)
            levels = np.zeros(len(edges) + 1)
            levels[1::2] = -GAP_DEPTH
            return Ground(origin, yaw, edges=edges, levels=levels, bridged=np.zeros(len(levels)))
        rise = self.step_height * (1.0 if kind == "stairs" else -1.0)
        edges = FIRST_EDGE + self.step_depth * np.arange(self.steps)
        levels = rise * np.arange(self.steps + 1)
        return Ground(origin, yaw, edges=edges, levels=levels, bridged=levels)

    def _gaps(
        self, character: Character | None, motion: ReferenceMotion | None, plane: Ground, rng: np.random.Generator
    ) -> np.ndarray:
        """Where gaps begin and end, in turn [m]: where the motion rests on nothing, about `gap_every` apart."""
        free = np.array([[FIRST_EDGE, AHEAD - 2.0]])
        if character is not None and motion is not None:
            free = find_free_stretches(character, motion, plane, GAP_MARGIN, AHEAD - 2.0)
        edges, begin = list[float](), 0.0
        for low, high in free + [GAP_MARGIN, -GAP_MARGIN]:
            while high - max(low, begin) >= 0.5 * self.gap:
                width = min(self.gap * rng.uniform(0.5, 1.0), high - max(low, begin))
                at = max(low, begin) + min(rng.uniform(0.0, 0.2) * self.gap_every, high - max(low, begin) - width)
                edges += [at, at + width]
                begin = at + 0.9 * self.gap_every
        if not edges or (motion is not None and motion.loop and edges[0] > 10.0):
            raise InputError(f"the motion's steps leave no room for gaps of {self.gap} m; lower scene.gap")
        return np.array(edges)

    def box_half(self, character: Character, motion: ReferenceMotion) -> tuple[float, float, float]:
        """Half lengths of the box [m]: the given ones, or so high that the motion's hands meet it below its edge."""
        if self.box_is_known:
            length, width, height = self.box_size
            return 0.5 * length, 0.5 * width, 0.5 * height
        top = float(np.median(find_palms(character, motion)[..., 2])) + ABOVE_HANDS
        return BOX_HALF[0], BOX_HALF[1], 0.5 * float(np.clip(top, 0.3, 1.4))


def find_box_scene(character: Character, motion: ReferenceMotion) -> Scene | None:
    """The plane with the box that a motion pushes, or None if its hands push nothing."""
    found = hands_stay_ahead(character, motion, Ground(*find_course(motion)))
    return Scene("box", box_friction=FOUND_FRICTION) if found else None


def make_pushed_scene(pushed: SceneObject) -> Scene:
    """The plane with a found box that is pushed: it slides as its mass was found to, against `HARDEST` at most."""
    friction = min(PUSHED_FRICTION, HARDEST / (pushed.mass * GRAVITY))
    size = (pushed.length, pushed.width, pushed.height)
    return Scene("box", box_mass=pushed.mass, box_friction=friction, box_size=size)


def make_found_scene(objects: Sequence[SceneObject]) -> Scene:
    """What was found: a slope, or the plane with things that stand, else a box that is pushed, else nothing."""
    standing, pushed = split_pushed(objects)
    if standing:
        return Scene("objects", objects=standing)
    return Scene() if pushed is None else make_pushed_scene(pushed)


def find_course(motion: ReferenceMotion) -> tuple[tuple[float, float], float]:
    """Where a motion begins [m] and the direction it goes in, or faces if it stays within half a metre [rad]."""
    first, way = motion.qpos[0], motion.qpos[-1, :2] - motion.qpos[0, :2]
    direction = np.arctan2(way[1], way[0]) if np.hypot(*way) > 0.5 else rotations.yaw(first[3:7])
    return (float(first[0]), float(first[1])), float(direction)


def make_uneven_field(roughness: float, rng: np.random.Generator) -> np.ndarray:
    """Smooth random hills of about half a metre, level at the start, as high as the surroundings at the border."""
    rows, columns = round(2 * ASIDE / SPACING) + 1, round((AHEAD + BEHIND) / SPACING) + 1
    hills = gaussian_filter(rng.standard_normal((rows, columns)), 0.25 / SPACING)
    hills *= roughness / hills.std()
    v, u = np.mgrid[0:rows, 0:columns] * SPACING
    from_start = np.hypot(u - BEHIND, v - ASIDE)
    hills *= np.clip((from_start - 0.3) / 0.7, 0.0, 1.0)
    low = hills.min() - 0.02
    from_border = np.minimum.reduce([u, u[:, ::-1], v, v[::-1]])
    return low + (hills - low) * np.clip(from_border / 1.0, 0.0, 1.0)


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
    spec.option.gravity = [0.0, 0.0, -GRAVITY]
    for geom in spec.geoms:
        geom.solref = CONTACT_SOLREF
        geom.solimp = CONTACT_SOLIMP
        geom.friction = FRICTION
    for pair in spec.pairs:
        pair.solref, pair.solimp = CONTACT_SOLREF, CONTACT_SOLIMP


def build_model(
    character: Character,
    scene: Scene,
    ground: Ground | None = None,
    box_half: tuple[float, float, float] | None = None,
    grips: tuple[Grip, ...] = (),
) -> mujoco.MjModel:
    """Compiles a character into a scene.

    The ground's geoms have names that begin with "ground". They collide with every geom of the character that collides
    at all. A box is the last body, and its free joint the last of `qpos` and `qvel`.

    Args:
      character: the body.
      scene: its surroundings.
      ground: the scene's, laid out along a motion; None from the origin along x.
      box_half: half lengths of the scene's box [m], (3,); None where no motion says how high it is.
      grips: of hands on bars; they are the last of the model's equality constraints.
    """
    spec = character.spec()
    add_self_collisions(spec, character)
    (ground or scene.ground()).add_to(spec)
    if scene.has_box:
        add_box(spec, scene, box_half or BOX_HALF)
    add_objects(spec, scene.objects if scene.kind == "objects" else ())
    add_grips(spec, character, grips)
    set_physics(spec)
    for geom in spec.geoms:
        if geom.name == "ground" and scene.kind == "slippery":
            # MuJoCo takes the greater friction of two geoms, unless one has priority.
            geom.priority = 1
            geom.friction = [scene.friction, *FRICTION[1:]]
        if geom.name == BOX:
            geom.friction = [BOX_FRICTION, *FRICTION[1:]]
    if scene.has_box:
        slide = [scene.box_friction, scene.box_friction, *FRICTION[1:], FRICTION[2]]
        spec.add_pair(
            geomname1="ground", geomname2=BOX, friction=slide, condim=3, solref=CONTACT_SOLREF, solimp=CONTACT_SOLIMP
        )
    model = spec.compile()
    if scene.has_box:
        model.dof_damping[-1] = YAW_DAMPING
    # Visual geoms (group 2 and above, no contact bits) stay out of the way of everything, the ground included.
    colliding = (model.geom_contype != 0) | (model.geom_conaffinity != 0)
    assert colliding.sum() >= 2, f"{character.name}: no geom of the character can touch the ground"
    return model


def add_box(spec: mujoco.MjSpec, scene: Scene, half: tuple[float, float, float], **look: Any) -> None:
    """Adds the box that is pushed, of these half lengths [m]; `look` goes to its geom."""
    body = spec.worldbody.add_body(name=BOX, pos=[0.0, 0.0, half[2]])
    body.add_freejoint(name=BOX)
    body.add_geom(
        name=BOX,
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=half,
        mass=scene.box_mass,
        **({"contype": 1, "conaffinity": 0xFF, "condim": 3} | look),
    )
