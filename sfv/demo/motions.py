"""Turns the plans of `sfv.demo.plans` into motions that obey physics.

A plan's key poses, joined smoothly, are a sketch: the soft part of a least-squares problem over the whole trajectory.
The hard part is physics: what touches the ground stays where it is, in flight the centre of mass falls with g and the
angular momentum is that of the take-off, on the ground the force that the motion needs passes through the support.
"""

import hashlib
from dataclasses import replace

import mujoco
import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter1d

from pose.errors import InputError
from reconstruct.camera import View
from reconstruct.characters.assets_folder import ASSETS
from reconstruct.characters.character import Character, load_character
from reconstruct.cycle import close_loop
from reconstruct.kinematics import BodyPoints, PointPaths, PointSet, compute_kinematics, point_positions
from reconstruct.motion import ReferenceMotion
from reconstruct.rotations import from_rotvec, multiply
from reconstruct.scene import object_terms
from reconstruct.scene_objects import SceneObject, find_slope
from reconstruct.solver.blocks import Block
from reconstruct.solver.solve import Residuals, minimise
from reconstruct.solver.tangent import TangentSpace
from reconstruct.terms import dynamics, residuals
from reconstruct.terms.contact_wrench import GRIPS, NONE, PUSHES, Contacts, contact_wrench
from reconstruct.terms.slope import Slope, tilt_gravity, turn_world
from sfv.demo.plans import PLANS, PLANS_WITH_OBJECTS, Plan
from sfv.demo.scene_plans import SCENE_PLANS

TAKES = ASSETS / "demo"
"""Folder of the solved takes."""

SOLVE_FPS = 60.0
"""Frames a second of the least-squares problem."""
FPS = 30.0
"""Frames a second of takes and films."""
PLAN_HEIGHT = 1.75
"""Height of the body that plans are made for [m]."""

ALL_PLANS = PLANS | PLANS_WITH_OBJECTS | SCENE_PLANS

POSE_STD = {"root_turn": 0.12, "root_place": 0.08, "trunk": 0.15, "arms": 0.25, "legs": 0.12}
"""Standard deviation of the motion from its sketch by part: [rad], and [m] for the root's place."""
ACCELERATION_STD = {"root": 10.0, "root_turn": 60.0, "joints": 80.0}
"""Standard deviation of accelerations from zero: root [m/s2], its rotation and joints [rad/s2]."""
ITERATIONS = 30
"""Steps of the solver in each of the rounds that tighten the constraints tenfold."""
REST_S = 0.12
"""How long a single pass stands still at either end [s]."""
STILL = View(0.0, 0.0, 0.0, 0.0)
"""A view that looks nowhere: points slide against the ground itself."""


def list_demos() -> tuple[str, ...]:
    """Lists the motions that can be filmed."""
    return tuple(PLANS)


def load_demo_motion(name: str, character: Character) -> ReferenceMotion:
    """Loads a demonstration on a character, 30 frames a second; gaits on level ground are one cycle, others one pass.

    Raises:
      InputError: no such motion.
    """
    if name in ALL_PLANS and ALL_PLANS[name].cycles > 1 and find_slope(ALL_PLANS[name].things) is None:
        qpos, contacts = load_demo_take(name, character)
        frames = round(ALL_PLANS[name].times[-1] * FPS)
        # A cycle from the middle of the take, where neither end is felt.
        first = frames * (ALL_PLANS[name].cycles // 2)
        qpos, contacts = qpos[first : first + frames + 1].copy(), contacts[first : first + frames + 1]
        qpos[:, 0] -= qpos[0, 0]
        return _motion(character, close_loop(character.model, qpos, blend=frames // 2), contacts, loop=True)
    return _motion(character, *load_demo_take(name, character), loop=False)


def load_demo_take(name: str, character: Character) -> tuple[np.ndarray, np.ndarray]:
    """Loads what the demo's camera films: qpos (T, nq) and contacts (T, C) at `FPS`; gaits go on for several cycles.

    Solved takes of the humanoid at its own height lie in `assets/demo`, the same on every machine; others are solved
    when they are asked for, which takes 10-20 s of one core.

    Raises:
      InputError: no such motion.
    """
    if name not in ALL_PLANS:
        raise InputError(f"no demonstration motion '{name}'; there are {', '.join(ALL_PLANS)}")
    file = TAKES / f"{name}.npz"
    if file.is_file():
        with np.load(file, allow_pickle=False) as take:
            if str(take["fingerprint"]) == compute_fingerprint(name, character):
                return take["qpos"], take["contacts"]
    return solve_plan(ALL_PLANS[name], character)


def compute_fingerprint(name: str, character: Character) -> str:
    """Hash of all that a solved take depends on: the plan, and the body's lengths and masses."""
    model, plan = character.model, ALL_PLANS[name]
    digest = hashlib.sha256(repr(plan).encode() + (repr(plan.things).encode() if plan.things else b""))
    for measures in (model.body_pos, model.body_mass, model.geom_pos, model.geom_size):
        digest.update(np.round(measures, 5).astype("<f4").tobytes())
    return digest.hexdigest()


def bake_takes() -> None:
    """Solves all takes anew and stores them in `assets/demo`: `python -m sfv.demo.motions`."""
    character = load_character("humanoid")
    TAKES.mkdir(exist_ok=True)
    for name in ALL_PLANS:
        qpos, contacts = solve_plan(ALL_PLANS[name], character)
        stamp = np.array(compute_fingerprint(name, character))
        np.savez_compressed(TAKES / f"{name}.npz", qpos=qpos, contacts=contacts, fingerprint=stamp)


def _motion(character: Character, qpos: np.ndarray, contacts: np.ndarray, loop: bool) -> ReferenceMotion:
    names = tuple(character.contacts)
    return ReferenceMotion(qpos, FPS, character.name, character.height, character.joint_names, contacts, names, loop)


def solve_plan(plan: Plan, character: Character) -> tuple[np.ndarray, np.ndarray]:
    """Finds the motion nearest to a plan's sketch that obeys physics.

    Args:
      plan: key poses and contacts.
      character: whose legs are scaled to the plan by its height.

    Returns:
      qpos (T, nq) and contacts bool (T, C) at `FPS`.
    """
    thing = find_slope(plan.things)
    if thing is None:
        return _solve(plan, character)
    slope = Slope(thing.incline, (1.0, 0.0))
    qpos, contacts = _solve(replace(plan, things=()), character, slope)
    return turn_world(qpos, slope.to_plumb), contacts


def _solve(plan: Plan, character: Character, slope: Slope | None = None) -> tuple[np.ndarray, np.ndarray]:
    """As `solve_plan`, in a world whose ground is z = 0, under the gravity of a slope."""
    model = character.model
    space = TangentSpace.of(model)
    times = np.arange(round(plan.times[-1] * plan.cycles * SOLVE_FPS) + 1) / SOLVE_FPS
    sketch = sample_sketch(plan, times, model, character.height / PLAN_HEIGHT)
    points = PointSet.of(
        soles=sole_points(character, name_points(plan)),
        solid=BodyPoints.of_geoms(model),
        masses=BodyPoints.of_masses(model),
    )
    contact, thing = find_contacts(plan, times)
    path = follow_pushed(plan, times, character.height / PLAN_HEIGHT)
    held, flight = contact.astype(float), np.asarray(~contact.any(axis=1))
    sketch_std, acceleration_std = compute_stds(model, plan, len(times))

    def terms(slack: float) -> Residuals:
        def blocks(qpos: np.ndarray, _: np.ndarray) -> list[Block]:
            kin = compute_kinematics(model, qpos, points)
            soles = kin["soles"]
            body = tilt_gravity(dynamics.CentroidalMotion.of(model, kin, SOLVE_FPS), slope)
            still = set_on_things(go_along(soles, plan.things, thing, path), plan.things, thing)
            smooth = residuals.acceleration(space, qpos, SOLVE_FPS, acceleration_std)
            found = [
                residuals.tracking(space, qpos, sketch, sketch_std, "sketch"),
                replace(smooth, group=0),
                residuals.hinge_limits(space, qpos, 0.01),
                residuals.ground_height(still, held, 2e-5 * slack),
                residuals.no_slip(still, held, STILL, SOLVE_FPS, 2e-5 * slack),
                residuals.no_penetration(kin["solid"], 1e-4 * slack),
                dynamics.flight_parabola(body, flight, 0.01 * slack),
                dynamics.flight_spin(body, flight, 0.5 * slack),
            ]
            if plan.things:
                boxes = [box for box in plan.things if box.kind == "box" and not box.mass]
                contacts = find_forces(soles, plan.things, contact, thing)
                if boxes:
                    found.append(object_terms.no_entry(kin["solid"], boxes, 1e-3 * slack))
                found.append(contact_wrench(body, contacts, ~flight, (0.1, 0.2))[0])
            else:
                found.append(dynamics.zero_moment_point(body, soles.pos_w, contact, 0.02))
            return [replace(block, global_jacobian=None) for block in found]

        return blocks

    qpos, none = sketch, np.zeros(0)
    for slack in (100.0, 10.0, 1.0):
        qpos = minimise(terms(slack), space, qpos, none, none.astype(bool), ITERATIONS, tolerance=1e-4).qpos
    every = round(SOLVE_FPS / FPS)
    return qpos[::every], merge_contacts(contact, character)[::every]


_GROUP = {"chest": "trunk", "neck": "trunk", "shoulder": "arms", "elbow": "arms"}
_POINTS = ("left_heel", "left_toe", "right_heel", "right_toe", "left_hand", "right_hand")
_TRUNK = {"seat": "pelvis", "back": "chest"}
"""Parts of the trunk that may touch something, and their shapes."""


def follow_pushed(plan: Plan, times: np.ndarray, size: float) -> np.ndarray:
    """How far a box that is pushed has gone at these times [s]: as far as the gait goes, world frame [m], (T, 3)."""
    return np.outer(plan.stride * size * times / plan.times[-1], [1.0, 0.0, 0.0])


def go_along(soles: PointPaths, things: tuple[SceneObject, ...], thing: np.ndarray, path: np.ndarray) -> PointPaths:
    """Contact points in a frame that goes along with what they push: there they stay.

    Args:
      soles: points of `sole_points`.
      things: what carries besides the ground.
      thing: which of them each point touches, -1 for the ground, (T, P).
      path: how far a thing that is pushed has gone [m], (T, 3).
    """
    moves = np.array([False, *(one.mass > 0.0 for one in things)])[thing + 1]
    return replace(soles, pos_w=soles.pos_w - moves[..., None] * path[:, None]) if moves.any() else soles


def set_on_things(soles: PointPaths, things: tuple[SceneObject, ...], thing: np.ndarray) -> PointPaths:
    """Contact points in frames whose z = 0 is the surface that each touches: that of `things`, else the ground.

    Args:
      soles: points of `sole_points`.
      things: what carries besides the ground.
      thing: which of them each point touches, -1 for the ground, (T, P).
    """
    if not things:
        return soles
    faces = list_faces(things)
    levels = np.array([0.0, *(one.level_along(n) for one, n in zip(things, faces[1:], strict=True))])[thing + 1]
    holds = np.array([False, *(one.kind == "bar" for one in things)])[thing + 1]
    return object_terms.lift_origin(object_terms.turn_to_faces(soles, faces[thing + 1]), levels, holds)


def list_faces(things: tuple[SceneObject, ...]) -> np.ndarray:
    """Normals of the ground and of the faces of things that somebody at the origin touches, (1 + K, 3)."""
    return np.array([[0.0, 0.0, 1.0], *(one.facing(np.zeros(3)) for one in things)])


def find_forces(soles: PointPaths, things: tuple[SceneObject, ...], contact: np.ndarray, thing: np.ndarray) -> Contacts:
    """Where forces may act on the body, and of which kind; arguments as of `set_on_things`, contact bool (T, P)."""
    grips = np.array([False, *(one.kind == "bar" for one in things)])[thing + 1]
    pos_w = soles.pos_w.copy()
    normal = list_faces(things)[thing + 1]
    pos_w -= np.where(grips, 0.0, soles.on_body.radius)[..., None] * normal
    mode = np.where(contact, np.where(grips, GRIPS, PUSHES), NONE)
    mode[:, 1::2] = np.where(grips[:, 1::2], NONE, mode[:, 1::2])  # both points of a fist are its middle
    return Contacts(pos_w, soles.jac, mode, normal)


def place_things(name: str, character: Character, qpos: np.ndarray) -> tuple[SceneObject, ...]:
    """What carries in a motion besides the ground, bars where the hands hold them."""
    plan = ALL_PLANS[name]
    _, thing = find_contacts(plan, np.arange(len(qpos)) / FPS)
    places = point_positions(character.model, qpos, sole_points(character, name_points(plan)))
    placed = list[SceneObject]()
    for k, one in enumerate(plan.things):
        if one.kind == "bar":
            x, y = places[thing == k].mean(axis=0)[:2]
            one = replace(one, x=float(x), y=float(y))
        placed.append(one)
    return tuple(placed)


def name_points(plan: Plan) -> tuple[str, ...]:
    """Points of the body that a plan may have in contact."""
    return (*_POINTS, *(part for part in _TRUNK if part in plan.contacts))


def sole_points(character: Character, names: tuple[str, ...] = _POINTS) -> BodyPoints:
    """Two points for each of `name_points`: inner and outer corner of heel and toe; twice the middle of a fist; both
    ends of the shapes of the trunk."""
    model = character.model
    bodies, local, radius = [], [], []
    for name in names:
        if name in _TRUNK:
            part = model.geom(_TRUNK[name])
            axis = np.zeros(9)
            mujoco.mju_quat2Mat(axis, part.quat)
            bodies += [int(part.bodyid[0])] * 2
            local += [part.pos + end * part.size[1] * axis.reshape(3, 3)[:, 2] for end in (-1.0, 1.0)]
            radius += [float(part.size[0])] * 2
            continue
        side, part = name.split("_")
        if part == "hand":
            hand = model.geom(f"{side}_hand")
            bodies += [int(hand.bodyid[0])] * 2
            local += [hand.pos] * 2
            radius += [float(hand.size[0])] * 2
            continue
        foot = model.geom(f"{side}_foot")
        end = 1.0 if part == "toe" else -1.0
        for edge in (-1.0, 1.0):
            bodies.append(int(foot.bodyid[0]))
            local.append(foot.pos + foot.size * [end, edge, -1.0])
            radius.append(0.0)
    return BodyPoints(np.array(bodies), np.array(local), np.array(radius))


def find_contacts(plan: Plan, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Finds which of `sole_points` touch something at these times [s], and what.

    Returns:
      Contacts, bool (T, P), and which of the plan's things each point touches, -1 for the ground, (T, P).
    """
    cycle = plan.times[-1]
    phase = np.mod(times, cycle) if plan.cycles > 1 else times
    names = name_points(plan)
    contact = np.zeros((len(times), 2 * len(names)), bool)
    thing = np.full(contact.shape, -1)
    for i, name in enumerate(names):
        spans = plan.contacts.get(name, ()) + plan.contacts.get(name.split("_")[-1] + "s", ())
        for start, end, *on in spans:
            touches = (phase >= start - 1e-9) & (phase < end - 1e-9)
            contact[:, 2 * i : 2 * i + 2] |= touches[:, None]
            thing[touches, 2 * i : 2 * i + 2] = int(on[0]) if on else -1
    return contact, thing


def merge_contacts(contact: np.ndarray, character: Character) -> np.ndarray:
    """Contacts of `sole_points` (T, P) as contacts of the character's parts, which touch if one of their points does.

    Returns:
      Contacts in the order of `character.contacts`, bool (T, C).
    """
    sites = {"foot": ("heel", "toe"), "hand": ("hand",)}
    parts = []
    for side, kind in (name.split("_") for name in character.contacts):
        columns = [2 * _POINTS.index(f"{side}_{site}") for site in sites[kind]]
        parts.append(contact[:, columns].any(axis=1))
    return np.stack(parts, axis=1)


def compute_stds(model: mujoco.MjModel, plan: Plan, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Standard deviations of the pose from the sketch (T, nv) and of each degree of freedom's acceleration (nv,).

    A single pass begins and ends at rest, so there the pose stays nearer to the sketch.
    """
    pose, acceleration = np.empty(model.nv), np.full(model.nv, ACCELERATION_STD["joints"])
    for dof in range(model.nv):
        joint = model.joint(model.dof_jntid[dof]).name
        part = joint.removeprefix("left_").removeprefix("right_")
        pose[dof] = POSE_STD[_GROUP.get(part, "legs")]
    pose[:3], pose[3:6] = POSE_STD["root_place"], POSE_STD["root_turn"]
    acceleration[:3], acceleration[3:6] = ACCELERATION_STD["root"], ACCELERATION_STD["root_turn"]
    nearness = np.ones((frames, 1))
    if plan.cycles == 1:
        nearness[: round(REST_S * SOLVE_FPS)] = nearness[-round(REST_S * SOLVE_FPS) :] = 0.15
    return nearness * pose, acceleration


def sample_sketch(plan: Plan, times: np.ndarray, model: mujoco.MjModel, size: float) -> np.ndarray:
    """Joins a plan's key poses smoothly: qpos (T, nq) at these times [s]; lengths are scaled by `size`."""
    cycle = plan.times[-1]

    def channel(name: str) -> np.ndarray:
        values = plan.channels.get(name)
        if values is None:
            return np.zeros(len(times))
        if plan.cycles > 1:
            keys = np.concatenate([np.array(plan.times[:-1]) + k * cycle for k in range(-1, plan.cycles + 2)])
            curve = PchipInterpolator(keys, np.tile(values[:-1], plan.cycles + 3))(times)
        else:
            curve = PchipInterpolator(plan.times, values)(times)
        return gaussian_filter1d(curve, 0.02 * SOLVE_FPS, mode="nearest")

    def both(side: str, name: str) -> np.ndarray:
        return np.radians(channel(name) + channel(f"{side}_{name}"))

    qpos = np.tile(model.qpos0, (len(times), 1))
    qpos[:, 0] = channel("forward") * size + plan.stride * size * times / cycle
    qpos[:, 1] = channel("left") * size
    if "height" in plan.channels:
        qpos[:, 2] = channel("height") * size
    about = {"turn": (0, 0, 1), "lean": (-1, 0, 0), "pitch": (0, 1, 0)}
    turn, lean, pitch = (from_rotvec(np.outer(np.radians(channel(name)), axis)) for name, axis in about.items())
    qpos[:, 3:7] = multiply(turn, multiply(lean, pitch))

    def set_joint(joint: str, angles: np.ndarray) -> None:
        column = int(model.joint(joint).qposadr[0])
        if angles.ndim == 1:
            qpos[:, column] = angles
        else:
            qpos[:, column : column + 4] = from_rotvec(angles)

    chest = [np.radians(channel(name)) for name in ("chest_lean", "chest", "chest_turn")]
    set_joint("chest", np.stack([-chest[0], chest[1], chest[2]], axis=1))
    set_joint("neck", np.stack([0 * times, np.radians(channel("neck")), 0 * times], axis=1))
    for side, out in (("left", 1.0), ("right", -1.0)):
        for joint in ("shoulder", "hip"):
            angles = [out * both(side, f"abduct_{joint}"), -both(side, joint), 0 * times]
            set_joint(f"{side}_{joint}", np.stack(angles, axis=1))
        set_joint(f"{side}_elbow", both(side, "elbow"))
        set_joint(f"{side}_knee", both(side, "knee"))
        set_joint(f"{side}_ankle", np.stack([0 * times, -both(side, "ankle"), 0 * times], axis=1))
    return qpos


if __name__ == "__main__":
    bake_takes()
