"""`python -m sfv bench bodies`: all models of a folder made characters, and a walk retargeted to each."""

import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from xml.etree import ElementTree

import mujoco
import numpy as np
import tyro
from rich.table import Table

from pose.errors import InputError
from reconstruct.characters.character import Character, list_character_names, load_character, load_character_folder
from reconstruct.characters.model_file import MODELS
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.motion import ReferenceMotion
from reconstruct.retargeting.retargeting import retarget
from sfv.bench.retarget import SOURCE, load_available
from sfv.commands.character_new import NewCharacterConfig, write_character
from sfv.console import bar, console
from sfv.demo.motions import load_demo_motion
from sfv.rows import Row, show

SLOWEST = 20.0
"""Time of one core that making a character may take [s]."""
SIDES = ("left", "right")
JOINTS = tuple(f"{side}_{j}" for side in SIDES for j in ("shoulder", "hip", "knee", "ankle", "wrist"))
OUTCOMES = {
    "bodies_right": "a character, nothing doubtful",
    "bodies_doubtful": "a character, and what is doubtful was said",
    "bodies_wrong": "a character that is no standing person, or walks as none",
    "bodies_refused": "one line says why",
    "bodies_traceback": "a fault of this program",
}


@dataclass(frozen=True)
class Import:
    """What became of a model."""

    name: str
    outcome: str
    """One of `OUTCOMES`."""
    seconds: float
    """Of one core, to make the character; zero of one that there was."""
    note: str
    walk: "Walk | None" = None
    """How it walks, if a walk was retargeted to it."""


@dataclass(frozen=True)
class Walk:
    """A walk on a body, seen from where its joints are in the world."""

    forward: float
    """Share of the way that leads where the body looks, -1 to 1."""
    left_is_left: float
    """Correlation of how far the left foot is before the right one with that of the walk that was retargeted."""
    knees: float
    """Share of the frames with a bent knee in which it points forwards."""

    @property
    def is_right(self) -> bool:
        """Whether a person walks so."""
        return self.forward > 0.8 and self.left_is_left > 0.7 and self.knees > 0.9


def bench_bodies(
    folder: Annotated[Path | None, tyro.conf.Positional] = None, walks: bool = True, json: bool = False
) -> None:
    """Makes a character of every MJCF and URDF below a folder, and retargets a walk to each.

    Args:
      folder: with models; without one, the characters that there are walk.
      walks: whether a walk is retargeted; it takes some seconds a body.
      json: one JSON object on standard output instead of a table.
    """
    source = load_character(SOURCE)
    walk = load_demo_motion("walk", source) if walks else None
    imports = list[Import]()
    with tempfile.TemporaryDirectory() as work, bar("bodies") as progress:
        if folder is None:
            there = load_available(tuple(list_character_names()), named=False)
            for done, body in enumerate(there):
                imports.append(inspect(body, body.name, 0.0, [], walk, source))
                progress(done + 1, len(there), body.name)
        for done, path in enumerate(models := list_models(folder) if folder else []):
            imports.append(import_one(path, Path(work) / f"body{done}", walk, source))
            progress(done + 1, len(models), path.name)
    if not json:
        print_imports(imports)
    show("bodies", count_imports(imports), json)


def list_models(folder: Path) -> list[Path]:
    """Files below a folder that hold a whole model.

    Raises:
      InputError: there is no such folder, or nothing in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give one with MJCF or URDF files")
    found = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in MODELS and is_model(path)]
    if not found:
        raise InputError(f"{folder}: no MJCF or URDF files in it")
    return found


def is_model(path: Path) -> bool:
    """Whether a file holds bodies; an XML file may be anything, a part of a model included."""
    if path.suffix.lower() != ".xml":
        return True
    try:
        tree = ElementTree.fromstring(path.read_bytes())
    except ElementTree.ParseError:
        return False
    part = {"mujoco": "body", "robot": "link"}.get(tree.tag)
    return part is not None and next(tree.iter(part), None) is not None


def import_one(path: Path, folder: Path, walk: ReferenceMotion | None, source: Character) -> Import:
    """Makes a character in a new folder, and looks at it."""
    begin = time.process_time()  # others may use the machine
    folder.mkdir()
    try:
        found = write_character(NewCharacterConfig(path), folder.name, folder)
        seconds = time.process_time() - begin
        return inspect(load_character_folder(folder), path.name, seconds, list(found.notes[1:]), walk, source)
    except InputError as error:
        outcome, note = "bodies_refused", str(error).replace(f"{path}: ", "")
    except Exception:  # what this bench is there to find
        outcome, note = "bodies_traceback", traceback.format_exc(limit=-1).strip().replace("\n", " ")
    return Import(path.name, outcome, time.process_time() - begin, note)


def inspect(
    body: Character, name: str, seconds: float, notes: list[str], walk: ReferenceMotion | None, source: Character
) -> Import:
    """Looks at a character at rest and as it walks, by where MuJoCo has its joints."""
    faults, gait = find_rest_faults(body), None
    if walk is not None and not faults:
        gait = measure_walk(retarget(walk, source, body).motion, body, walk, source)
        if not gait.is_right:
            faults.append("it does not walk forwards as a person does")
    outcome = "bodies_wrong" if faults else "bodies_doubtful" if notes else "bodies_right"
    return Import(name, outcome, seconds, "; ".join([*faults, *notes]), gait)


def find_rest_faults(body: Character) -> list[str]:
    """What no standing person that looks along x can be."""
    state = mujoco.MjData(body.model)
    mujoco.mj_forward(body.model, state)
    at = {name: state.site(site).xpos for name, site in body.landmarks.items()}
    faults = []
    for side, sign in zip(SIDES, (1.0, -1.0), strict=True):
        if any(sign * at[f"{side}_{joint}"][1] < 0.0 for joint in ("hip", "ankle", "shoulder")):
            faults.append(f"{side} is not on the {side}")
        heights = [at[f"{side}_{joint}"][2] for joint in ("shoulder", "hip", "knee", "ankle", "heel")]
        if np.any(np.diff(heights) >= 0.0) or at["nose"][2] < heights[0]:
            faults.append(f"the joints of the {side} are not above each other")
        if at[f"{side}_foot_index"][0] < at[f"{side}_heel"][0]:
            faults.append(f"the {side} foot points back")
    return faults


def measure_walk(motion: ReferenceMotion, body: Character, walk: ReferenceMotion, source: Character) -> Walk:
    """How a retargeted walk goes.

    Args:
      motion: of `body`.
      body: the new one.
      walk: what was retargeted, of `source`, in as many frames.
      source: the body that it comes from.
    """
    at, true = locate(motion, body), locate(walk, source)
    ahead, true_ahead = find_front(at), find_front(true)
    hips = 0.5 * (at["left_hip"] + at["right_hip"])
    steps = np.diff(hips, axis=0) * [1.0, 1.0, 0.0]
    along = float(np.sum(steps * ahead[:-1])) / max(float(np.linalg.norm(steps, axis=1).sum()), 1e-9)
    lead, true_lead = (
        np.sum((p["left_ankle"] - p["right_ankle"]) * front, axis=1) for p, front in ((at, ahead), (true, true_ahead))
    )
    bent = []
    for side in SIDES:
        hip, knee, ankle = (at[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle"))
        leg = np.linalg.norm(hip - knee, axis=1) + np.linalg.norm(knee - ankle, axis=1)
        is_bent = np.linalg.norm(hip - ankle, axis=1) < 0.98 * leg
        bent.append(np.sum((knee - 0.5 * (hip + ankle)) * ahead, axis=1)[is_bent] > 0.0)
    knees = float(np.mean(np.concatenate(bent))) if sum(map(len, bent)) else 1.0
    return Walk(along, float(np.corrcoef(lead, true_lead)[0, 1]), knees)


def locate(motion: ReferenceMotion, body: Character) -> dict[str, np.ndarray]:
    """Joint -> where it is, world frame [m], (T, 3)."""
    points = BodyPoints.of_sites(body.model, tuple(body.landmarks[name] for name in JOINTS))
    return dict(zip(JOINTS, np.moveaxis(point_positions(body.model, motion.qpos, points), 1, 0), strict=True))


def find_front(at: dict[str, np.ndarray]) -> np.ndarray:
    """Where a body looks: across its hips, level, (T, 3)."""
    left = at["left_hip"] - at["right_hip"]
    front = np.cross(left, [0.0, 0.0, 1.0])
    return front / np.maximum(np.linalg.norm(front, axis=1, keepdims=True), 1e-9)


def count_imports(imports: list[Import]) -> list[Row]:
    """How many models came out how, how long they took, and how those that walk, walk."""
    goals = {"bodies_traceback": 0.0, "bodies_wrong": 0.0}
    rows = [
        Row(name, float(sum(i.outcome == name for i in imports)), "", len(imports), goal=goals.get(name), note=meaning)
        for name, meaning in OUTCOMES.items()
    ]
    made = [i for i in imports if i.seconds and i.outcome not in ("bodies_refused", "bodies_traceback")]
    if made:
        slowest = max(made, key=lambda i: i.seconds)
        rows.append(Row("slowest_body_s", slowest.seconds, "s", goal=SLOWEST, note=slowest.name))
    walks = [i.walk for i in imports if i.walk is not None]
    if walks:
        rows += [
            Row.mean_of("walks_forward", [float(w.forward > 0.8) for w in walks], "", goal=1.0),
            Row.mean_of("walks_left_is_left", [float(w.left_is_left > 0.7) for w in walks], "", goal=1.0),
            Row.mean_of("walks_knees_forward", [float(w.knees > 0.9) for w in walks], "", goal=1.0),
        ]
    return rows


def print_imports(imports: list[Import]) -> None:
    """A line for each model."""
    table = Table("model", "outcome", "seconds", "walk: ahead, left, knees", "what was said", box=None, pad_edge=False)
    for found in imports:
        gait = found.walk
        walk = f"{gait.forward:.2f} {gait.left_is_left:.2f} {gait.knees:.2f}" if gait else ""
        table.add_row(found.name, found.outcome.removeprefix("bodies_"), f"{found.seconds:.1f}", walk, found.note)
    console.print(table)
