"""Keypoints of other detectors, written here in the layouts that their documentation gives."""

import json
from pathlib import Path

import numpy as np
import pytest

from pose.errors import InputError
from pose.formats.keypoint_files import read_keypoint_files, read_own_keypoints
from pose.formats.layouts import BY_COUNT, LAYOUTS
from pose.keypoints import Keypoints
from pose.landmarks import INDEX, LANDMARKS
from pose.quality import assess_keypoints
from tests.detections import FPS, body, read, to_json, write


@pytest.mark.parametrize(
    ("points", "index", "name"),
    [
        (25, 0, "nose"), (25, 4, "right_wrist"), (25, 7, "left_wrist"), (25, 11, "right_ankle"),
        (25, 19, "left_foot_index"), (25, 24, "right_heel"),
        (18, 4, "right_wrist"), (18, 10, "right_ankle"), (18, 11, "left_hip"), (18, 17, "left_ear"),
    ],
)  # fmt: skip
def test_points_go_to_the_landmarks_of_their_names(tmp_path: Path, points: int, index: int, name: str) -> None:
    for t in range(12):
        write(tmp_path / "json", t, [body(points, 100.0 + t)])
    keypoints = read(tmp_path / "json", FPS, (640, 480))
    assert len(keypoints) == 12
    np.testing.assert_allclose(keypoints.xy[3, INDEX[name]], [103 + index, 10 * index])
    layout = LAYOUTS[BY_COUNT[points]]
    np.testing.assert_allclose(keypoints.confidence[3, INDEX[name]], layout.to_confidence(np.array(0.5 + index / 100)))
    assert not keypoints.xyz.any() and (keypoints.confidence[:, INDEX["left_thumb"]] == 0).all()


def test_empty_and_missing_frames_stay_unseen(tmp_path: Path) -> None:
    for t in range(12):
        if t != 5:
            write(tmp_path / "json", t, [] if t == 3 else [body(25, 100.0)])
    keypoints = read(tmp_path / "json", FPS, (640, 480))
    np.testing.assert_array_equal(np.flatnonzero(~keypoints.seen), [3, 5])


def test_range_and_person(tmp_path: Path) -> None:
    for t in range(25):
        bodies = [body(25, 100.0), body(25, 400.0) * (1, 1, 0.6)]
        write(tmp_path / "json", t, bodies if t % 2 else bodies[::-1])
    keypoints = read(tmp_path / "json", FPS, (640, 480), start=0.2, end=0.6)
    assert (len(keypoints), keypoints.start) == (10, 0.2)
    assert (keypoints.xy[:, INDEX["nose"], 0] == 100).all()
    second = read(tmp_path / "json", FPS, (640, 480), person="2")
    assert (second.xy[:, INDEX["nose"], 0] == 400).all()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "not written by a detector"),
        ("[]", "nobody in any"),
        ('{"people": [{"pose_keypoints_2d": [1, 2]}]}', "2 numbers"),
    ],
)
def test_foreign_json_is_an_error(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "a_000_keypoints.json").write_text(content)
    with pytest.raises(InputError, match=says) as error:
        read(tmp_path, FPS, (640, 480))
    assert "\n" not in str(error.value)


def test_missing_or_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        read(tmp_path / "none", FPS, (640, 480))
    with pytest.raises(InputError, match=r"no \.json"):
        read(tmp_path, FPS, (640, 480))


PERSON = {
    "nose": (500, 200), "left_eye": (506, 192), "right_eye": (494, 192), "left_ear": (514, 196),
    "right_ear": (486, 196), "left_shoulder": (540, 260), "right_shoulder": (460, 260), "left_elbow": (560, 330),
    "right_elbow": (440, 330), "left_wrist": (570, 400), "right_wrist": (430, 400), "left_hip": (525, 420),
    "right_hip": (475, 420), "left_knee": (530, 540), "right_knee": (470, 540), "left_ankle": (530, 650),
    "right_ankle": (470, 650), "left_heel": (525, 665), "right_heel": (475, 665), "left_foot_index": (550, 670),
    "right_foot_index": (450, 670), "left_thumb": (575, 420), "right_thumb": (425, 420), "left_index": (576, 425),
    "right_index": (424, 425), "left_pinky": (570, 425), "right_pinky": (430, 425),
}  # fmt: skip
"""Someone who faces the camera, in a picture of 1000 x 800 px."""


def person(layout: str, t: int = 0, score: float = 0.8) -> np.ndarray:
    """The person in a layout, walking by t pixels; necks and the like lie between the shoulders, (K, 3)."""
    counts = {name: count for count, name in BY_COUNT.items() if count != 136} | {"body_25b": 25}
    points = np.tile([500.0, 260.0, score], (counts[layout], 1))
    for i, name in LAYOUTS[layout].points.items():
        points[i, :2] = PERSON.get(name, (500, 210))
    return points + [t, 0, 0]


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_every_layout_is_the_same_person(tmp_path: Path, layout: str) -> None:
    for t in range(12):
        write(tmp_path / "json", t, [person(layout, t)])
    found = read_keypoint_files(tmp_path / "json", FPS, (1000, 800))
    for name in LAYOUTS[layout].points.values():
        if name in PERSON:
            np.testing.assert_allclose(found.keypoints.xy[3, INDEX[name]], np.add(PERSON[name], (3, 0)), err_msg=name)
    assert any("BODY_25B" in text for text in found.findings) == (layout == "body_25b")
    good = assess_keypoints(found.keypoints).good
    assert good or layout == "blazepose_33"  # .8 of the other detectors is as good as it gets


def test_the_user_names_the_order(tmp_path: Path) -> None:
    for t in range(12):
        write(tmp_path / "json", t, [person("body_25b", t)])
    forced = read_keypoint_files(tmp_path / "json", FPS, (1000, 800), order="body_25")
    assert "as asked" in forced.findings[0]
    np.testing.assert_allclose(forced.keypoints.xy[0, INDEX["right_shoulder"]], PERSON["right_eye"])
    with pytest.raises(InputError, match="25 points a body are too few for --keypoint-order halpe_26"):
        read(tmp_path / "json", FPS, (1000, 800), order="halpe_26")


@pytest.mark.parametrize("low", [0.0, -1.0])
def test_shares_of_the_picture(tmp_path: Path, low: float) -> None:
    for t in range(12):
        body = person("body_25", t) / [1000, 800, 1]
        body[:, :2] = body[:, :2] * (1 - low) + low
        write(tmp_path / "json", t, [body])
    found = read_keypoint_files(tmp_path / "json", FPS, (1000, 800))
    np.testing.assert_allclose(found.keypoints.xy[5, INDEX["left_knee"]], (535, 540))
    assert "shares of the picture" in found.findings[0]


def test_keypoints_of_another_video_are_reported(tmp_path: Path) -> None:
    for t in range(12):
        write(tmp_path / "json", t, [person("body_25", t) * [4, 4, 1]])
    assert "of another video" in read_keypoint_files(tmp_path / "json", FPS, (1000, 800)).findings[0]


def alphapose(bodies):
    return [{"image_id": f"{t}.jpg", "category_id": 1, "keypoints": body.ravel().tolist(), "score": 2.5}
            for t, body in enumerate(bodies)]  # fmt: skip


def mmpose(bodies):
    return {"meta_info": {}, "instance_info": [
        {"frame_id": t + 1, "instances": [{"keypoints": body[:, :2].tolist(), "keypoint_scores": body[:, 2].tolist()}]}
        for t, body in enumerate(bodies)]}  # fmt: skip


def coco(bodies):
    return {
        "images": [],
        "annotations": [{"image_id": t, "keypoints": body.ravel().tolist()} for t, body in enumerate(bodies)],
    }


def by_frame(bodies):
    return [{"people": [{"pose_keypoints_2d": body.ravel().tolist()}]} for body in bodies]


@pytest.mark.parametrize("form", [alphapose, mmpose, coco, by_frame])
@pytest.mark.parametrize("in_folder", [False, True])
def test_one_file_of_all_frames(tmp_path: Path, form, in_folder: bool) -> None:
    (tmp_path / "a").mkdir()
    path = tmp_path / "a" / "results_2d_1.json"
    path.write_text(json.dumps(form([person("halpe_26", t) for t in range(15)])))
    keypoints = read(path.parent if in_folder else path, FPS, (1000, 800))
    assert len(keypoints) == 15 and keypoints.seen.all()
    np.testing.assert_allclose(keypoints.xy[:, INDEX["left_heel"], 0], 525 + np.arange(15))


def test_folders_of_mmpose_and_yolo(tmp_path: Path) -> None:
    for t in range(12):
        body = person("coco_17", t)
        for kind, content in (
            ("mmpose", [[{"keypoints": body[:, :2].tolist(), "keypoint_scores": body[:, 2].tolist()}]]),
            ("yolo", [{"name": "person", "keypoints": dict(zip(("x", "y", "visible"), body.T.tolist(), strict=True))}]),
        ):
            (tmp_path / kind).mkdir(exist_ok=True)
            (tmp_path / kind / f"frame_{t:04d}.json").write_text(json.dumps(content))
    for kind in ("mmpose", "yolo"):
        keypoints = read(tmp_path / kind, FPS, (1000, 800))
        np.testing.assert_allclose(keypoints.xy[4, INDEX["right_ankle"]], (474, 650))


def test_scores_beyond_one(tmp_path: Path) -> None:
    for t in range(12):
        write(tmp_path / "json", t, [person("coco_17", t, score=7.0)])
    found = read_keypoint_files(tmp_path / "json", FPS, (1000, 800))
    assert "divided by 7" in found.findings[0] and found.keypoints.confidence.max() == 1.0


def test_low_scores_stay_low() -> None:
    for name, layout in LAYOUTS.items():
        confidence = layout.to_confidence(np.linspace(0, 1, 50))
        assert (np.diff(confidence) > 0).all() and confidence[0] == 0 and confidence[-1] == 1, name
        assert set(layout.points.values()) <= set(LANDMARKS) and len(set(layout.points.values())) == len(layout.points)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ([{"image_id": "0.jpg", "keypoints": [1, 2]}], "2 numbers for a body"),
        ([{"image_id": "a", "keypoints": [1, 2, 3]}], "no frame number in 'a'"),
        ([{"image_id": 0, "keypoints": [1, 2, 3] * 19}], r"19 points a body; known are 17 \(COCO-17\)"),
        ([{"image_id": 0, "keypoints": [1, 2, 3] * 17}, {"image_id": 1, "keypoints": [1, 2, 3] * 18}], "17, 18 points"),
        ([{"image_id": 0, "keypoints": "abc"}], "no detector wrote"),
        ({"people": 3}, "expected 'people'"),
        (7, "not written by a detector"),
    ],
)
def test_foreign_files_are_an_error(tmp_path: Path, content, says: str) -> None:
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=says) as error:
        read_keypoint_files(tmp_path / "a.json", FPS, (640, 480))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("shares", [False, True])
def test_a_point_out_of_this_world_is_not_seen_and_changes_nothing_else(tmp_path: Path, shares: bool) -> None:
    size, where = (640, 480), INDEX["nose"]
    for t in range(12):
        whole = body(25, 100.0 + t)
        if shares:
            whole[:, :2] /= size
        write(tmp_path / "whole", t, [whole])
        damaged = whole.copy()
        if t == 4:
            damaged[0, 0] = 1e11  # the nose
        write(tmp_path / "damaged", t, [damaged])
    expected, found = read(tmp_path / "whole", FPS, size), read_keypoint_files(tmp_path / "damaged", FPS, size)
    got = found.keypoints
    assert got.confidence[4, where] == 0.0 and (got.xy[4, where] == 0.0).all()
    assert any("1 point farther than 10 pictures away" in text for text in found.findings)
    got.xy[4, where], got.confidence[4, where] = expected.xy[4, where], expected.confidence[4, where]
    np.testing.assert_allclose(got.xy, expected.xy)
    np.testing.assert_allclose(got.confidence, expected.confidence)
    assert np.abs(expected.xy).max() > 100.0  # pixels, also of shares of the picture


@pytest.mark.parametrize(
    ("name", "first"),
    [("frame_{:04d}_halpe26", 0), ("{:05d}_cam1", 0), ("walk_{:06d}_2d", 0), ("take2_{:03d}_1920x1080", 1)],
)
def test_the_number_that_varies_is_the_frames(tmp_path: Path, name: str, first: int) -> None:
    for t in range(12):
        people = [{"pose_keypoints_2d": body(25, 100.0 + t).ravel().tolist()}]
        (tmp_path / f"{name.format(t + first)}.json").write_text(json.dumps({"people": people}))
    found = read_keypoint_files(tmp_path, FPS, (640, 480))
    np.testing.assert_allclose(found.keypoints.xy[:, INDEX["nose"], 0], 100.0 + np.arange(12))
    assert ("counted from 1" in " ".join(found.findings)) == (first == 1)


def test_two_files_of_one_frame_are_refused(tmp_path: Path) -> None:
    for name in ("a_3.json", "b_3.json", "a_4.json"):
        (tmp_path / name).write_text(json.dumps({"people": []}))
    with pytest.raises(InputError, match="'a_3' and 'b_3' are both frame 3"):
        read(tmp_path, FPS, (640, 480))


def test_one_file_of_all_frames_in_the_forms_in_use(tmp_path: Path) -> None:
    """Each has point i of frame t at (100 + t + i, 10 i)."""
    flat = [body(17, 100.0 + t).ravel().tolist() for t in range(12)]
    pairs = [body(17, 100.0 + t)[:, :2].tolist() for t in range(12)]
    marks = [[{"x": 100 + t + i, "y": 10.0 * i, "z": 0, "visibility": 0.9} for i in range(33)] for t in range(12)]
    images = [{"id": 500 + 7 * t, "file_name": f"f_{t:03d}.png"} for t in range(12)]
    forms = {
        "alphapose": [{"image_id": f"video1_{t}_rgb8.png", "keypoints": flat[t]} for t in range(12)],
        "open": {f"{t}.jpg": {"people": [{"pose_keypoints_2d": flat[t]}]} for t in range(12)},
        "cmu": {f"{t}.jpg": {"bodies": [{"joints": flat[t]}]} for t in range(12)},
        "mmpose": [{"keypoints": pairs[t], "keypoint_scores": [0.9] * 17} for t in range(12)],
        "coco": {"images": images, "annotations": [{"image_id": 500 + 7 * t, "keypoints": flat[t]} for t in range(12)]},
        "no scores": [{"image_id": t, "keypoints": pairs[t]} for t in range(12)],
        "flat, no scores": [{"image_id": t, "keypoints": list(np.ravel(pairs[t]))} for t in range(12)],
        "by frame": {"keypoints": [[body(17, 100.0 + t).tolist() for t in range(12)]], "skeleton": []},
        "by person": {"keypoints": [{"1": body(17, 100.0 + t).tolist()} for t in range(12)]},
        "mediapipe": [{"frame": t, "landmarks": marks[t]} for t in range(12)],
        "mediapipe's lists": marks,
        "mediapipe's frames": {"frames": [{"frame": t, "pose_landmarks": marks[t]} for t in range(12)]},
    }
    for name, content in forms.items():
        keypoints = read(to_json(tmp_path / "a.json", content), FPS, (640, 480))
        np.testing.assert_allclose(keypoints.xy[:, INDEX["nose"], 0], 100.0 + np.arange(12), err_msg=name)


def test_places_in_space_and_points_that_are_no_numbers(tmp_path: Path) -> None:
    instances = [{"keypoints": [[0.1 * i, 0.2, i] for i in range(17)], "keypoint_scores": [0.9] * 17}]
    path = to_json(tmp_path / "a.json", {"instance_info": [{"frame_id": 1, "instances": instances}]})
    with pytest.raises(InputError, match="places in space, not in a picture"):
        read(path, FPS, (640, 480))
    points = body(17, 100.0)
    points[3, 0] = np.nan
    bodies = [{"image_id": t, "keypoints": points.ravel().tolist()} for t in range(12)]
    keypoints = read(to_json(tmp_path / "b.json", bodies), FPS, (640, 480))
    assert keypoints.confidence[5, INDEX["left_ear"]] == 0 and keypoints.confidence[5, INDEX["nose"]] > 0


def test_keypoints_of_a_larger_copy_are_said(tmp_path: Path) -> None:
    """Half of the points are beyond the picture, and those that a layout lacks do not count as inside."""
    for t in range(12):
        write(tmp_path / "json", t, [body(18, 100.0) * [2, 2, 1] + [300, 200, 0]])
    said = read_keypoint_files(tmp_path / "json", FPS, (500, 300)).findings
    assert any("lie outside the picture of 500 x 300 px" in text and "another size" in text for text in said)


def test_notes_beside_the_keypoints_and_one_json_a_line(tmp_path: Path) -> None:
    for t in range(12):
        write(tmp_path / "json", t, [body(25, 100.0 + t)])
    to_json(tmp_path / "json" / "camera_2024.json", {"fps": 30, "camera": "left"})
    found = read_keypoint_files(tmp_path / "json", FPS, (640, 480))
    assert len(found.keypoints) == 12 and "no keypoints in camera_2024.json: left out" in found.findings
    rows = [json.dumps({"people": [{"pose_keypoints_2d": body(25, 100.0 + t).ravel().tolist()}]}) for t in range(12)]
    (tmp_path / "a.jsonl").write_text("\n".join(rows) + "\n")
    np.testing.assert_allclose(read(tmp_path / "a.jsonl", FPS, (640, 480)).xy, found.keypoints.xy)


def test_who_stands_on_the_head_all_the_time_is_doubtful(tmp_path: Path) -> None:
    for t in range(12):
        turned = body(25, 100.0 + t)
        turned[:, 1] = 480 - turned[:, 1]
        write(tmp_path / "json", t, [turned])
    said = " ".join(read_keypoint_files(tmp_path / "json", FPS, (640, 480)).findings)
    assert "feet are above shoulders in 100% of the frames: is y counted from below?" in said


def test_arrays_of_y_and_x_are_doubtful(tmp_path: Path) -> None:
    bodies = np.stack([body(17, 100.0 + t) for t in range(12)])
    for name, columns in (("xy", [0, 1, 2]), ("yx", [1, 0, 2])):
        np.save(tmp_path / f"{name}.npy", bodies[..., columns])
        said = " ".join(read_keypoint_files(tmp_path / f"{name}.npy", FPS, (640, 480)).findings)
        assert ("if each point is y, x (MoveNet)" in said) == (name == "yx")


@pytest.mark.parametrize("form", ["position", "plain"])
def test_points_as_posenet_and_tensorflow_have_them(tmp_path: Path, form: str) -> None:
    frames, bodies = list[object](), [body(17, 100.0 + t) for t in range(12)]
    for points in bodies:
        places = [{"x": float(x), "y": float(y)} for x, y, _ in points]
        marks = [{"position": at, "score": 0.8} if form == "position" else {**at, "score": 0.8} for at in places]
        frames.append([{"keypoints": marks, "score": 0.9}] if form == "plain" else {"keypoints": marks})
    (tmp_path / "a.json").write_text(json.dumps(frames))
    found = read_keypoint_files(tmp_path / "a.json", FPS, (640, 480)).keypoints
    np.testing.assert_allclose(found.xy[:, LANDMARKS.index("left_knee")], [points[13, :2] for points in bodies])


def test_empty_tables_are_frames_of_nobody(tmp_path: Path) -> None:
    """Also where most are; and one file of all frames may lie beside a note."""
    for t in range(12):
        write(tmp_path / "json", t, [body(25, 100.0 + t)])
        if t > 3:
            to_json(tmp_path / "json" / f"clip_{t:012d}_keypoints.json", {})
    found = read_keypoint_files(tmp_path / "json", FPS, (640, 480))
    np.testing.assert_array_equal(np.flatnonzero(found.keypoints.seen), range(4))
    assert not any("left out" in text for text in found.findings)
    (tmp_path / "one").mkdir()
    frames = [{"frame": t, "keypoints": body(17, 100.0 + t).ravel().tolist()} for t in range(12)]
    to_json(tmp_path / "one" / "kp.json", {"frames": frames})
    to_json(tmp_path / "one" / "camera.json", {"fps": 30, "frames": 12})
    found = read_keypoint_files(tmp_path / "one", FPS, (640, 480))
    assert len(found.keypoints) == 12 and "no keypoints in camera.json: left out" in found.findings


def test_keypoints_of_a_run_keep_their_depth_and_their_place_in_the_video(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    xyz = rng.normal(size=(40, len(LANDMARKS), 3))
    own = Keypoints(xyz[..., :2] * 100.0, xyz, np.ones(xyz.shape[:2]), 25.0, LANDMARKS, (320, 240), start=2.0)
    own.save(tmp_path / "keypoints.npz")
    found = read_own_keypoints(tmp_path / "keypoints.npz")
    assert found is not None and found.start == 2.0 and np.allclose(found.xyz, xyz, atol=1e-6)
    part = read_own_keypoints(tmp_path / "keypoints.npz", start=2.4, end=3.0)
    assert part is not None and part.start == 2.4 and len(part) == 16 and np.allclose(part.xyz, xyz[10:26], atol=1e-6)
    np.savez(tmp_path / "other.npz", keypoints=np.ones((40, 17, 3)))
    assert read_own_keypoints(tmp_path / "other.npz") is None
    with pytest.raises(InputError, match="outside of the clip"):
        read_own_keypoints(tmp_path / "keypoints.npz", start=9.0)


def test_frames_without_ankles_are_of_the_same_person(tmp_path: Path) -> None:
    height = {"shoulder": 130.0, "elbow": 165.0, "wrist": 200.0, "hip": 200.0, "knee": 255.0, "ankle": 310.0}
    for frame in range(30):
        points = np.full((17, 3), (200.0 + 3.0 * frame, 100.0, 0.9))
        for row, name in LAYOUTS["coco_17"].points.items():
            points[row, 1] = height.get(name.split("_")[-1], 100.0)
        if frame in (8, 15, 16, 22):
            points[15:17] = 0.0
        write(tmp_path, frame, [points])
    found = read(tmp_path, FPS, (640, 480))
    assert found.seen.all()
    assert (found.confidence[15, [INDEX["left_ankle"], INDEX["right_ankle"]]] == 0.0).all()
