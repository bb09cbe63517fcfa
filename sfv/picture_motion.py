"""A plausible physical motion through the pose of a single picture: the known skill that it is a moment of."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tyro

from imitate.completion import (
    NEAR,
    Completion,
    KnownPoses,
    Match,
    complete,
    compute_picture_points,
    find_nearest_phases,
    move_into_picture,
)
from imitate.scene.scene import CONTROL_HZ
from pose.errors import InputError
from pose.keypoints import Keypoints
from pose.overlay import draw_skeleton
from pose.picture import estimate_picture_keypoints, read_picture
from reconstruct.camera import Camera
from reconstruct.characters.character import Character, load_character
from reconstruct.fit.picture_pose import PicturePose, fit_pose_to_picture
from reconstruct.formats.write_bvh import write_bvh
from reconstruct.motion import ReferenceMotion
from reconstruct.retargeting.retargeting import same_joints
from sfv.console import bar, console
from sfv.drawing.rendering import render_motion, write_side_by_side
from sfv.library import LibrarySkill, library_skills
from sfv.run_folder import RUNS, lock_folder, run_name
from sfv.skill import Skill, known_skills
from sfv.stage import write_json

CANDIDATES = 3
STILL_S = 0.5
"""Time for which the picture's pose is shown before the motion begins [s]."""
PANEL_HEIGHT = 480
"""Height of the video's panels [px]."""
FALL_COSTS = 0.05
"""Distance that is added to the rank of a candidate whose simulation falls [m]."""


@dataclass(frozen=True)
class Candidate:
    """One answer."""

    skill: Skill | LibrarySkill
    match: Match
    completion: Completion
    qpos: np.ndarray
    """The motion in the picture's world, (T, nq)."""
    camera: Camera
    """The picture's camera in that world."""

    @property
    def rank(self) -> float:
        """Less is better [m]."""
        return self.match.distance + (0.0 if self.completion.held else FALL_COSTS)


@dataclass(frozen=True)
class CompleteConfig:
    """From a picture of a person to a motion."""

    person: str = ""
    """Who: a number (1 is the most prominent) or a point x,y@0."""
    height: float | None = None
    """The person's height [m]; default: the character's own."""
    fov: float = 50.0
    """Field of view of the lens along the picture's longer side [degrees]."""
    character: str = "humanoid"
    """Body that is to perform it; only skills of this body are searched."""
    model_size: Literal["heavy", "full", "lite"] = "heavy"
    """Size of the pose network: heavy, full or lite."""
    runs: Path = RUNS
    """Folder of runs whose skills are searched besides the shipped ones and the library."""
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """Folder of the result; default runs/complete_<name of the picture>."""


def complete_picture(picture: Path, config: CompleteConfig) -> list[Candidate]:
    """Performs the moments of known skills that a picture shows, and writes them into a folder; the best first.

    Raises:
      InputError: the picture shows nobody, or no known skill is near its pose.
    """
    read_picture(picture)  # a file that is no picture is reported before skills are searched
    body = load_character(config.character, config.height)
    if not same_joints(body, load_character("humanoid")):
        raise InputError(f"--character {body.name}: is not built as people are, whom pictures show; leave it out")
    skills = find_skills(load_character(config.character), config.runs)
    with bar("pose") as progress:
        image, keypoints = estimate_picture_keypoints(picture, config.person, config.model_size, progress)
    posed = fit_pose_to_picture(keypoints, body, config.fov)
    folder = config.out or RUNS / f"complete_{run_name(picture)}"
    found = perform_candidates(posed, skills, body)
    folder.mkdir(parents=True, exist_ok=True)
    with lock_folder(folder):
        (folder / "complete.json").unlink(missing_ok=True)  # it stands for the whole: it goes first and comes last
        keypoints.save(folder / "keypoints.npz")
        for number, candidate in enumerate(found, start=1):
            write_candidate(candidate, number, image, keypoints, folder)
        write_json(folder / "complete.json", {"picture": str(picture), "candidates": [to_row(c) for c in found]})
    for number, candidate in enumerate(found, start=1):
        end = "performed to the end" if candidate.completion.held else "falls"
        console.print(
            f"{number}. {candidate.skill.name}, at {candidate.match.phase:.0%} of it, "
            f"{100 * candidate.match.distance:.0f} cm off, {end}: {folder / f'complete_{number}.mp4'}"
        )
    return found


def find_skills(character: Character, runs: Path) -> list[Skill | LibrarySkill]:
    """The known skills of a body on flat ground: those with a policy, then those of the library.

    Raises:
      InputError: there are none.
    """
    learnt = [skill for skill in known_skills(runs) if skill.scene.kind == "flat" and not skill.adaptive]
    found = [skill for skill in (*learnt, *library_skills()) if skill.reference.joint_names == character.joint_names]
    if not found:
        raise InputError(f"no skill of '{character.name}' is known; learn one: python -m sfv clip --video FILE")
    return found


def perform_candidates(
    posed: PicturePose, skills: Sequence[Skill | LibrarySkill], character: Character
) -> list[Candidate]:
    """The moments of known skills that a picture shows, each performed; the most plausible first.

    Raises:
      InputError: none is near.
    """
    known = [KnownPoses.of(skill.name, skill.reference, character) for skill in skills]
    matches = find_nearest_phases(*compute_picture_points(posed, character), known, CANDIDATES)
    if matches[0].distance > NEAR:
        best = matches[0]
        raise InputError(
            f"no known skill is near this pose: the nearest is {skills[best.skill].name}, "
            f"{100 * best.distance:.0f} cm off where {100 * NEAR:.0f} are allowed; learn one that has it"
        )
    found = []
    with bar("performing") as progress:
        for done, match in enumerate(matches):
            skill = skills[match.skill]
            completion = complete(posed.qpos, match, skill.performer, skill.task)
            qpos, height = move_into_picture(completion, posed.qpos)
            found.append(Candidate(skill, match, completion, qpos, posed.camera(height)))
            progress(done + 1, len(matches))
    return sorted(found, key=lambda candidate: candidate.rank)


def to_row(candidate: Candidate) -> dict[str, Any]:
    """A candidate for the JSON file."""
    completion = candidate.completion
    return {
        "skill": candidate.skill.name,
        "phase": round(candidate.match.phase, 4),
        "mirrored": candidate.match.mirrored,
        "distance_m": round(candidate.match.distance, 4),
        "held": completion.held,
        "pose_share": completion.share,
        "past_simulated": completion.past_simulated,
        "picture_frame": completion.now,
        "frames": len(completion.qpos),
        "fps": CONTROL_HZ,
    }


def write_candidate(candidate: Candidate, number: int, image: np.ndarray, keypoints: Keypoints, folder: Path) -> None:
    """Motion files, camera and video of one candidate."""
    reference, character = candidate.skill.reference, candidate.skill.character
    none = np.zeros((len(candidate.qpos), len(reference.contact_names)), dtype=bool)
    motion = replace(reference, qpos=candidate.qpos, fps=float(CONTROL_HZ), contacts=none, loop=False)
    motion.save(folder / f"motion_{number}.npz")
    write_bvh(motion, character, folder / f"motion_{number}.bvh")
    candidate.camera.save(folder / f"camera_{number}.npz")
    future = cut_to_view(candidate.qpos[candidate.completion.now :], candidate.camera)
    shown = np.concatenate([np.repeat(future[:1], round(STILL_S * CONTROL_HZ), axis=0), future])
    with bar(f"drawing {number}") as progress:
        write_side_by_side(
            [_draw_with_skeleton(image, keypoints), draw_through(candidate.camera, motion, character, shown)],
            ["picture", candidate.skill.name],
            CONTROL_HZ,
            folder / f"complete_{number}.mp4",
            height=PANEL_HEIGHT,
            progress=progress,
            total=len(shown),
        )


def cut_to_view(qpos: np.ndarray, camera: Camera) -> np.ndarray:
    """The poses up to the moment at which the root leaves the picture, (T, nq)."""
    width, height = camera.image_size
    x, y = camera.project(qpos[:, :3]).T
    outside = (x < 0) | (x > width) | (y < 0) | (y > height) | (camera.to_camera(qpos[:, :3])[:, 2] < 0.3)
    return qpos[: int(outside.argmax())] if outside.any() and not outside[0] else qpos


def _draw_with_skeleton(image: np.ndarray, keypoints: Keypoints) -> Iterator[np.ndarray]:
    drawn = image.copy()
    draw_skeleton(drawn, keypoints.xy[0], keypoints.confidence[0], keypoints.names)
    yield drawn


def draw_through(
    camera: Camera, motion: ReferenceMotion, character: Character, qpos: np.ndarray
) -> Iterator[np.ndarray]:
    """Images of poses through a camera, `PANEL_HEIGHT` high."""
    width, height = camera.image_size
    scale = PANEL_HEIGHT / height
    small = replace(
        camera,
        focal_px=camera.focal_px * scale,
        principal_point_px=camera.principal_point_px * scale,
        image_size=(2 * round(width * scale / 2), PANEL_HEIGHT),
    )
    return render_motion(character, qpos, motion.fps, small)
