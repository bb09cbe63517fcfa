"""`python -m sfv bench retarget`: how well motions are carried over to other bodies, and how fast."""

import math
import time
from pathlib import Path

import numpy as np

from pose.errors import InputError
from reconstruct.aims import SIDES, leg_length
from reconstruct.character import Character, character_names, load_character
from reconstruct.contacts import contact_points
from reconstruct.dynamics import GRAVITY, com_acceleration
from reconstruct.formats import read_motion
from reconstruct.grounding import Ground, carried_ground
from reconstruct.kinematics import BodyPoints, com_positions, point_positions
from reconstruct.motion import ReferenceMotion
from reconstruct.retarget import Retargeted, retarget
from reconstruct.tangent import difference, layout
from sfv.console import bar, console
from sfv.demo_motions import demo_motion, demo_names
from sfv.figures import Row, mean_row, show

SOURCE = "humanoid"
SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "motions"

GOALS = {
    "frames_per_second": 200.0,
    "ankle_error_mm": 10.0,
    "wrist_error_mm": 40.0,
    "joint_jump_rad": 0.3,
    "foot_slide_mm_per_frame": 3.0,
    "penetration_mm": 5.0,
}
UNITS = {
    "ankle_error_mm": "mm",
    "wrist_error_mm": "mm",
    "joint_jump_rad": "rad",
    "limit_excess_rad": "rad",
    "target_shift_mm": "mm",
    "foot_slide_mm_per_frame": "mm",
    "penetration_mm": "mm",
}


def bench_retarget(
    motions: Path | None = None, characters: tuple[str, ...] = (), each: bool = False, json: bool = False
) -> None:
    """Carries motions of the humanoid over to every other character, one core.

    Args:
      motions: a motion file or a folder of them; default the shared ones, else those of the demos.
      characters: bodies; default all but the humanoid itself.
      each: also a row for every motion on every body.
      json: one JSON object on standard output instead of a table.
    """
    source = load_character(SOURCE)
    given = originals(motions, source)
    bodies = reachable(characters or tuple(sorted(set(character_names()) - {SOURCE})), named=bool(characters))
    found: dict[str, list[dict[str, float]]] = {body.name: [] for body in bodies}
    rows: list[Row] = []
    own = [own_figures(motion, source, carried_ground(motion, source, source)) for motion in given.values()]
    with bar("retarget") as progress:
        for done, (body, name) in enumerate((body, name) for body in bodies for name in given):
            begin = time.process_time()
            result = retarget(given[name], source, body)
            seconds = time.process_time() - begin
            figures = retarget_figures(result, body) | {"frames_per_second": len(given[name]) / seconds}
            found[body.name].append(figures)
            if each:
                rows += [Row(f"{body.name}_{name}_{key}", _finite(value)) for key, value in figures.items()]
            progress(done + 1, len(bodies) * len(given), f"{name} on {body.name}")
    for prefix, cases in [("", [case for group in found.values() for case in group]), *found.items()]:
        for key in cases[0]:
            name = f"{prefix}_{key}" if prefix else key
            baseline = _mean([figures[key] for figures in own if key in figures])
            rows.append(mean_row(name, [case[key] for case in cases], UNITS.get(key, ""), baseline, GOALS.get(key)))
    show("retarget", rows, json)


def reachable(names: tuple[str, ...], named: bool) -> list[Character]:
    """Characters, without those whose models cannot be fetched unless they were asked for."""
    found: list[Character] = []
    for name in names:
        try:
            found.append(load_character(name))
        except InputError as error:
            if named:
                raise
            console.print(f"[yellow]left out:[/yellow] {error}")
    return found


def originals(given: Path | None, source: Character) -> dict[str, ReferenceMotion]:
    """The motions to measure with, by name.

    Raises:
      InputError: there are none.
    """
    folder = given or SHARED
    if given is None and not folder.is_dir():
        return {name: demo_motion(name, source) for name in demo_names()}
    files = sorted(f for f in folder.iterdir() if f.suffix in (".txt", ".npz", ".bvh")) if folder.is_dir() else [folder]
    if not files or not files[0].is_file():
        raise InputError(f"{folder}: no motion there; give a file or a folder of .txt, .npz or .bvh files")
    return {file.stem.removeprefix("humanoid3d_"): read_motion(file, source) for file in files}


def retarget_figures(result: Retargeted, character: Character) -> dict[str, float]:
    """What the issue of carrying over asks for.

    Returns:
      ankle_error_mm, wrist_error_mm: mean distance from the scaled targets, of ankles in the world (in flight, where
        gravity decides, about the hips) and of wrists about the shoulders.
      ankle_error_share: the former over the length of a leg.
      target_shift_mm: how far the ankles' targets lie from the scaled original, so that feet that slid or floated there
        rest on the ground (mean over the frames on the ground).
      And those of `own_figures`.
    """
    motion, targets, flight = result.motion, result.targets, result.ground.flight
    off = targets.of(point_positions(character.model, motion.qpos, result.points)) - targets.wanted
    distance = dict(zip(targets.names, np.linalg.norm(off, axis=-1).T * 1000.0, strict=True))
    ankle = np.mean([np.where(flight, distance[f"{side}_leg"], distance[f"{side}_ankle"]) for side in SIDES])
    return {
        "ankle_error_mm": float(ankle),
        "wrist_error_mm": float(np.mean([distance[f"{side}_wrist"] for side in SIDES])),
        "ankle_error_share": float(ankle / 1000.0 / leg_length(character)),
        "target_shift_mm": 1000.0 * _mean_of(np.linalg.norm(targets.shift[~flight], axis=-1)),
        **own_figures(motion, character, result.ground),
    }


def own_figures(motion: ReferenceMotion, character: Character, ground: Ground) -> dict[str, float]:
    """What can be told of a motion without its targets.

    Returns:
      joint_jump_rad: largest way of a hinge or ball joint in 1/30 s.
      limit_excess_rad: furthest that a hinge is beyond its range.
      foot_slide_mm_per_frame: way along the ground of points that rest on it, at 30 frames a second.
      penetration_mm: mean depth of the body's deepest point below the ground.
      flight_gravity_ratio: downward acceleration of the centre of mass in flight over g (NaN without flight).
    """
    model, lay, fps = character.model, layout(character.model), motion.fps
    steps = difference(lay, motion.qpos[:-1], motion.qpos[1:])[:, 6:] * fps / 30.0
    hinges = lay.scalar_columns[3:]
    joints = np.flatnonzero(np.isin(model.jnt_qposadr, hinges))
    low, high = model.jnt_range[joints].T
    angle = motion.qpos[:, model.jnt_qposadr[joints]]
    excess = np.maximum(np.maximum(low - angle, angle - high), 0.0)[:, model.jnt_limited[joints] == 1]
    soles = point_positions(model, motion.qpos, contact_points(character))
    slide = np.linalg.norm(np.diff(soles[..., :2], axis=0), axis=-1) * fps / 30.0
    solid = BodyPoints.of_geoms(model)
    surface = point_positions(model, motion.qpos, solid)[..., 2] - solid.radius
    flight = ground.flight
    flying = flight[:-2] & flight[1:-1] & flight[2:]
    fall = -com_acceleration(com_positions(model, motion.qpos), fps)[flying, 2] / GRAVITY
    return {
        "joint_jump_rad": float(np.abs(steps).max()),
        "limit_excess_rad": float(excess.max(initial=0.0)),
        "foot_slide_mm_per_frame": 1000.0 * _mean_of(slide[ground.contact[1:] & ground.contact[:-1]]),
        "penetration_mm": 1000.0 * float(np.maximum(-surface.min(axis=1), 0.0).mean()),
        "flight_gravity_ratio": _mean_of(fall),
    }


def _mean_of(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _mean(values: list[float]) -> float | None:
    finite = [value for value in values if math.isfinite(value)]
    return sum(finite) / len(finite) if finite else None
