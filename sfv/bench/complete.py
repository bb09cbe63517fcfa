"""`python -m sfv bench complete`: share of pictures whose skill and moment are found."""

import hashlib
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from imitate.completion import (
    KnownPoses,
    Match,
    centre_on_hips,
    compute_picture_points,
    compute_points,
    find_nearest_phases,
)
from imitate.scene.scene import find_course
from pose.blazepose import BlazePose
from pose.downloads import cache_folder
from pose.errors import InputError
from pose.keypoints import Keypoints
from pose.picture import estimate_image_keypoints
from pose.video import probe, read_frames
from pose.weights import find_or_fetch
from reconstruct.characters.character import Character, load_character
from reconstruct.fit.picture_pose import fit_pose_to_picture
from reconstruct.motion import ReferenceMotion
from sfv.bench.films import VIEWPOINTS, Viewpoint
from sfv.bench.inputs import read_motions
from sfv.console import bar
from sfv.demo.demo import WALL_BEHIND, place_camera
from sfv.demo.motions import list_demos
from sfv.drawing.backdrop import add_room
from sfv.drawing.rendering import render_motion
from sfv.library import library_skills
from sfv.rows import Row, show
from sfv.skill import known_skills

KEY_POSES = 4
"""Number of key poses of each skill."""
SAMPLED_FRAMES = 8
"""Number of frames of a video among which its key poses are chosen."""
SAME_POSE_M = 0.05
"""A pose within this distance of a pose of another skill identifies neither and is no key pose [m]."""
GOALS = {"right_skill": 0.9, "phase_error": 0.1, "rendered_library": 0.95, "videos_library": 0.8}


@dataclass(frozen=True)
class LabelledPicture:
    """The keypoints of a picture, with the skill and the moment that it shows."""

    label: str
    skill: str
    phase: float | None
    """Share of the motion at this moment; None if unknown."""
    keypoints: Keypoints
    source: str
    """Name of the video; a skill that was learnt from it is not among the candidates."""


def bench_complete(
    motions: Path | None = None,
    videos: Path | None = None,
    model_size: str = "heavy",
    json: bool = False,
) -> None:
    """Finds the skill and its moment in rendered pictures of motions' key poses, and in frames of videos.

    Args:
      motions: folder of motion files (.txt, .npz, .bvh); default: the demonstrations.
      videos: folder of videos named after skills; default: only rendered pictures.
      model_size: of the BlazePose network: heavy, full or lite.
      json: one JSON object on standard output instead of a table.
    """
    character = load_character("humanoid")
    library = read_known_motions(motions, character)
    with BlazePose(find_or_fetch(None, model_size), workers=1) as estimator:
        rendered = list(render_pictures(library, character, estimator, model_size))
        filmed = list(extract_pictures(videos, library, character, estimator, model_size)) if videos else []
    shared = [KnownPoses.of(name, motion, character) for name, motion in library.items()]
    late, right = list[float](), list[float]()
    for picture in rendered:
        found, error = compare_moment(picture, shared, character)
        right.append(found)
        late += [error] if error is not None else []
    listed = list_library_poses(character)
    names = {poses.name for poses in listed}
    among = [compare_moment(picture, shared + listed, character, names)[0] for picture in rendered]
    learnt = list_learnt_poses(character) if filmed else []
    # A frame of a video is looked up among the skills that were learnt from other videos, too.
    others = [shared + [p for p in learnt if p.name != picture.source] for picture in filmed]
    video_right = [compare_moment(picture, known, character)[0] for picture, known in zip(filmed, others, strict=True)]
    video_among = [
        compare_moment(picture, known + listed, character, names)[0]
        for picture, known in zip(filmed, others, strict=True)
    ]
    missing = f"no video in {videos} is named after a known skill" if videos else "no videos given: --videos FOLDER"
    by_video = [
        Row.mean_of("right_skill_videos", video_right, ""),
        Row.mean_of("right_skill_videos_library", video_among, "", goal=GOALS["videos_library"]),
    ]
    if not video_right:
        by_video = [replace(row, n=None, note=missing) for row in by_video]
    rows = [
        Row.mean_of("right_skill", right + video_right, "", goal=GOALS["right_skill"]),
        Row.mean_of("phase_error", late, "", goal=GOALS["phase_error"]),
        Row.mean_of("right_skill_rendered", right, ""),
        by_video[0],
        Row.mean_of("right_skill_rendered_library", among, "", goal=GOALS["rendered_library"]),
        by_video[1],
    ]
    show("complete", rows, json)


def list_learnt_poses(character: Character) -> list[KnownPoses]:
    """Poses of the skills that are known on flat ground and this body."""
    return [
        KnownPoses.of(skill.name, skill.reference, character)
        for skill in known_skills()
        if skill.scene.kind == "flat" and skill.reference.joint_names == character.joint_names and not skill.adaptive
    ]


def list_library_poses(character: Character) -> list[KnownPoses]:
    """Poses of the library's skills."""
    return [KnownPoses.of(skill.name, skill.reference, character) for skill in library_skills()]


def compare_moment(
    picture: LabelledPicture, known: list[KnownPoses], character: Character, listed: Collection[str] = ()
) -> tuple[float, float | None]:
    """1 if the picture's skill is found, else 0; and the error of its phase, None if there is none to measure.

    Args:
      picture: with its skill.
      known: what it is looked up among.
      character: the body.
      listed: names of the library's skills, each of which is right where its name says what the picture shows.
    """
    match = find_moment(picture, known, character)
    motion = known[match.skill]
    if motion.name in listed:
        return float(says(motion.name, picture.skill)), None
    if skill_name(motion.name) != picture.skill:
        return 0.0, None
    if picture.phase is None:
        return 1.0, None
    error = abs(match.phase - picture.phase)
    return 1.0, min(error, 1.0 - error) if motion.loop else error


def says(name: str, skill: str) -> bool:
    """Whether a name has all words of a skill, in singular or plural.

    `jump_kick` says kick and `jumping_jacks` jumping_jack, but not jump.
    """
    have, wanted = ({word.removesuffix("s") for word in text.split("_")} for text in (name, skill))
    return wanted <= have


def skill_name(name: str) -> str:
    """What files of one skill have in common: `humanoid3d_backflip` and `backflip_a` are `backflip`."""
    return re.sub(r"^humanoid3d_|_[a-z0-9]$", "", name)


def read_known_motions(folder: Path | None, character: Character) -> dict[str, ReferenceMotion]:
    """Motions of a folder, or the demonstrations, by the name of their skill.

    Raises:
      InputError: the folder holds none.
    """
    motions = read_motions((folder,) if folder else (), character, list_demos())
    return {skill_name(name): motion for name, motion in motions.items()}


def find_moment(picture: LabelledPicture, known: list[KnownPoses], character: Character) -> Match:
    """The moment of a known motion that a picture is most like."""
    return find_nearest_phases(
        *compute_picture_points(fit_pose_to_picture(picture.keypoints, character), character), known, 1
    )[0]


def choose_key_frames(name: str, known: dict[str, KnownPoses]) -> list[int]:
    """Frames of a skill that are most unlike each other, without those that another skill has, too.

    The first is the one that is least like any other skill; each next one is the furthest from those before it.
    """
    own = known[name].points
    others = [compute_pose_distances(own, poses.points).min(axis=1) for other, poses in known.items() if other != name]
    alone = np.min(others, axis=0) if others else np.ones(len(own))
    frames, possible = [int(alone.argmax())], alone > SAME_POSE_M
    among = compute_pose_distances(own, own)
    while len(frames) < KEY_POSES:
        frame = int(np.where(possible, among[frames].min(axis=0), -1.0).argmax())
        if not possible[frame] or frame in frames:
            break
        frames.append(frame)
    return frames


def compute_pose_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Root mean square distance between poses at the best turn about the vertical, (A, J, 3) x (B, J, 3) -> (A, B).

    The sum of a . R(angle) b is C cos + S sin + (heights), greatest at sqrt(C^2 + S^2).
    """
    (ax, ay, az), (bx, by, bz) = (np.moveaxis(points, -1, 0) for points in (a, b))
    turned = np.hypot(ax @ bx.T + ay @ by.T, ay @ bx.T - ax @ by.T) + az @ bz.T
    squares = (a**2).sum(axis=(1, 2))[:, None] + (b**2).sum(axis=(1, 2)) - 2.0 * turned
    return np.sqrt(np.maximum(squares, 0.0) / a.shape[1])


def render_pictures(
    library: dict[str, ReferenceMotion], character: Character, estimator: BlazePose, model_size: str
) -> Iterator[LabelledPicture]:
    """Key poses of every motion from each of `VIEWPOINTS`; what was found in them is kept for the next time."""
    known = {name: KnownPoses.of(name, motion, character) for name, motion in library.items()}
    poses = [(name, frame, view) for name in library for frame in choose_key_frames(name, known) for view in VIEWPOINTS]
    with bar("pictures") as progress:
        for done, (name, frame, view) in enumerate(poses):
            motion = library[name]
            path = _render_pose(name, motion, frame, view, character)
            found = find_keypoints(np.asarray(Image.open(path)), estimator, model_size)
            if found is not None:
                phase = frame / (len(motion) - 1)
                yield LabelledPicture(f"{name}_{frame}_{view.name}", skill_name(name), phase, found, "")
            progress(done + 1, len(poses))


def find_keypoints(image: np.ndarray, estimator: BlazePose, model_size: str) -> Keypoints | None:
    """The keypoints of a picture, found once for its pixels; None if nobody is found in it."""
    digest = hashlib.sha256(image.tobytes() + model_size.encode()).hexdigest()[:16]
    path = cache_folder() / "bench" / "pictures" / f"{digest}.npz"
    if not path.is_file():
        try:
            found = estimate_image_keypoints(image, estimator)
        except InputError:
            return None
        path.parent.mkdir(parents=True, exist_ok=True)
        found.save(path)
    return Keypoints.load(path)


def _render_pose(name: str, motion: ReferenceMotion, frame: int, view: Viewpoint, character: Character) -> Path:
    """One pose before a wall, rendered once."""
    digest = hashlib.sha256(motion.qpos[frame].tobytes() + repr(view).encode()).hexdigest()[:8]
    path = cache_folder() / "bench" / "pictures" / f"{name}-{frame}-{view.name}-{digest}.png"
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    _, yaw = find_course(motion)
    # From the side: 90 degrees from the direction of the motion.
    azimuth = yaw + np.radians(90.0 + view.azimuth)
    qpos = motion.qpos[frame : frame + 1]
    camera = place_camera(compute_points(character, qpos), azimuth, view.fov, view.eye_height)
    ahead = np.array([np.cos(azimuth), np.sin(azimuth)])
    distance = float(qpos[0, :2] @ ahead) + 1.0 + WALL_BEHIND
    backdrop = partial(add_room, ahead=ahead, distance=distance, seed=0)
    (image,) = render_motion(character, qpos, motion.fps, camera, backdrop=backdrop)
    Image.fromarray(image).save(path)
    return path


def extract_pictures(
    folder: Path, library: dict[str, ReferenceMotion], character: Character, estimator: BlazePose, model_size: str
) -> Iterator[LabelledPicture]:
    """Key poses of the videos that are named after a known motion.

    Of `SAMPLED_FRAMES` frames at equal distances, those that differ most from an upright stand and from each other.
    """
    stand = centre_on_hips(compute_points(character, np.array(character.model.qpos0)[None]))
    named = [v for v in sorted(folder.glob("*.mp4")) if skill_name(v.stem) in map(skill_name, library)]
    with bar("videos") as progress:
        for done, video in enumerate(named):
            info = probe(video)
            numbers = {round((k + 0.5) / SAMPLED_FRAMES * info.duration * info.fps) for k in range(SAMPLED_FRAMES)}
            found = list[Keypoints]()
            for number, (_, image) in enumerate(read_frames(video)):
                keypoints = find_keypoints(image, estimator, model_size) if number in numbers else None
                if keypoints is not None:
                    found.append(keypoints)
            poses = [
                compute_picture_points(fit_pose_to_picture(keypoints, character), character)[0] for keypoints in found
            ]
            among = compute_pose_distances(np.array([*poses, *stand]), np.array([*poses, *stand]))
            chosen = [len(poses)]
            while len(chosen) <= min(KEY_POSES, len(poses)):
                chosen.append(int(among[chosen, : len(poses)].min(axis=0).argmax()))
            for frame in chosen[1:]:
                yield LabelledPicture(f"{video.stem}_{frame}", skill_name(video.stem), None, found[frame], video.stem)
            progress(done + 1, len(named))
