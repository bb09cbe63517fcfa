"""`python -m sfv complete PICTURE`: a plausible physical motion through the pose of a single picture."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import tyro

from imitate.completion import NEAR, Completion, KnownPoses, Match, complete, in_picture, nearest_phases, seen_points
from imitate.scene.scene import CONTROL_HZ
from pose.errors import InputError
from pose.keypoints import Keypoints
from pose.overlay import draw_skeleton
from pose.picture import estimate_picture_keypoints, read_picture
from reconstruct.camera import Camera
from reconstruct.characters.character import Character, load_character
from reconstruct.formats.write_bvh import write_bvh
from reconstruct.motion import ReferenceMotion
from reconstruct.picture_pose import PicturePose, fit_pose_to_picture
from sfv.console import bar, console
from sfv.rendering import render_motion, write_side_by_side
from sfv.run_folder import RUNS, run_name
from sfv.skill import Skill, known_skills
from sfv.stage import write_json

CANDIDATES = 3
STILL_S = 0.5
"""The picture's pose is shown so long before the motion begins [s]."""
PANEL_HEIGHT = 480
"""Of the video's panels [px]."""
FALL_COSTS = 0.05
"""A candidate whose simulation falls ranks as if its pose were so much further off [m]."""


@dataclass(frozen=True)
class Candidate:
    """One answer."""

    skill: Skill
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


def complete_picture(
    picture: tyro.conf.Positional[Path],
    person: str = "",
    height: float | None = None,
    fov: float = 50.0,
    character: str = "humanoid",
    model_size: Literal["heavy", "full", "lite"] = "heavy",
    runs: Path = RUNS,
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None,
) -> None:
    """From a picture of a person to a motion: the known skill that it is a moment of is performed from there on.

    Leaves a folder: for each of three candidates motion_N.npz and .bvh (the frame of the picture is told in
    complete.json) and complete_N.mp4, which begins with the picture's pose, seen by the picture's camera.

    Args:
      picture: JPEG or PNG of a person, the whole body in view.
      person: which one: a number (1 is the most prominent) or a point x,y@0.
      height: the person's height [m]; default: the character's own.
      fov: of the lens along the picture's longer side [degrees].
      character: body that is to perform it; skills of this body are looked through.
      model_size: of the pose network: heavy, full or lite.
      runs: folder of runs whose skills are known beside the shipped ones.
      out: folder; default runs/complete_<name of the picture>.
    """
    read_picture(picture)  # a file that is none is told before skills are looked for
    body = load_character(character, height)
    skills = skills_of(load_character(character), runs)
    with bar("pose") as progress:
        image, keypoints = estimate_picture_keypoints(picture, person, model_size, progress)
    posed = fit_pose_to_picture(keypoints, body, fov)
    folder = out or RUNS / f"complete_{run_name(picture)}"
    found = candidates(posed, skills, body)
    folder.mkdir(parents=True, exist_ok=True)
    keypoints.save(folder / "keypoints.npz")
    for number, candidate in enumerate(found, start=1):
        write_candidate(candidate, number, image, keypoints, folder)
    write_json(folder / "complete.json", {"picture": str(picture), "candidates": [told(c) for c in found]})
    for number, candidate in enumerate(found, start=1):
        end = "performed to the end" if candidate.completion.held else "falls"
        console.print(
            f"{number}. {candidate.skill.name}, at {candidate.match.phase:.0%} of it, "
            f"{100 * candidate.match.distance:.0f} cm off, {end}: {folder / f'complete_{number}.mp4'}"
        )


def skills_of(character: Character, runs: Path) -> list[Skill]:
    """The known skills of a body on flat ground.

    Raises:
      InputError: there are none.
    """
    found = [
        skill
        for skill in known_skills(runs)
        if skill.scene.kind == "flat" and skill.reference.joint_names == character.joint_names
    ]
    if not found:
        raise InputError(f"no skill of '{character.name}' is known; learn one: python -m sfv clip --video FILE")
    return found


def candidates(posed: PicturePose, skills: list[Skill], character: Character) -> list[Candidate]:
    """The moments of known skills that a picture shows, each performed; the most plausible first.

    Raises:
      InputError: none is near.
    """
    known = [KnownPoses.of(skill.name, skill.reference, character) for skill in skills]
    matches = nearest_phases(*seen_points(posed, character), known, CANDIDATES)
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
            completion = complete(posed.qpos, match, skill.policy, skill.task)
            qpos, height = in_picture(completion, posed.qpos)
            found.append(Candidate(skill, match, completion, qpos, posed.camera(height)))
            progress(done + 1, len(matches))
    return sorted(found, key=lambda candidate: candidate.rank)


def told(candidate: Candidate) -> dict:
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
    future = in_view(candidate.qpos[candidate.completion.now :], candidate.camera)
    shown = np.concatenate([np.repeat(future[:1], round(STILL_S * CONTROL_HZ), axis=0), future])
    with bar(f"drawing {number}") as progress:
        write_side_by_side(
            [_with_skeleton(image, keypoints), seen_by(candidate.camera, motion, character, shown)],
            ["picture", candidate.skill.name],
            CONTROL_HZ,
            folder / f"complete_{number}.mp4",
            height=PANEL_HEIGHT,
            progress=progress,
            total=len(shown),
        )


def in_view(qpos: np.ndarray, camera: Camera) -> np.ndarray:
    """The poses up to the moment at which the root leaves the picture, (T, nq)."""
    width, height = camera.image_size
    x, y = camera.project(qpos[:, :3]).T
    outside = (x < 0) | (x > width) | (y < 0) | (y > height) | (camera.to_camera(qpos[:, :3])[:, 2] < 0.3)
    return qpos[: int(outside.argmax())] if outside.any() and not outside[0] else qpos


def _with_skeleton(image: np.ndarray, keypoints: Keypoints) -> Iterator[np.ndarray]:
    drawn = image.copy()
    draw_skeleton(drawn, keypoints.xy[0], keypoints.confidence[0], keypoints.names)
    yield drawn


def seen_by(camera: Camera, motion: ReferenceMotion, character: Character, qpos: np.ndarray) -> Iterator[np.ndarray]:
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
