"""What the worker makes of MediaPipe's answer, with a network that answers what it is set to."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from pose import blazepose
from pose.landmarks import LANDMARKS


def landmark(x: float, y: float, z: float, visibility: float = 0.8, presence: float = 0.5) -> SimpleNamespace:
    return SimpleNamespace(x=x, y=y, z=z, visibility=visibility, presence=presence)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A network of this process; its `answer` is what it finds in any image."""
    mediapipe = ModuleType("mediapipe")
    mediapipe.__dict__.update(Image=lambda **image: image, ImageFormat=SimpleNamespace(SRGB="rgb"))
    monkeypatch.setitem(sys.modules, "mediapipe", mediapipe)
    network = SimpleNamespace(answer=None, images=[])
    network.detect = lambda image: (network.images.append(image), network.answer)[1]
    monkeypatch.setattr(blazepose, "_landmarker", network)
    return network


def test_landmarks_become_pixels_metres_and_scores(network: SimpleNamespace) -> None:
    body = [landmark(i / 100, 0.5, 9.0) for i in range(len(LANDMARKS))]
    world = [landmark(0.01 * i, -0.2, 0.3) for i in range(len(LANDMARKS))]
    network.answer = SimpleNamespace(pose_landmarks=[body], pose_world_landmarks=[world])
    mirrored = np.zeros((200, 400, 3), np.uint8)[:, ::-1]  # MediaPipe takes only images that lie whole in memory
    found = blazepose._detect_in_worker(mirrored)
    assert network.images[0]["data"].flags.c_contiguous
    np.testing.assert_allclose(found.xy[0, 10], [0.1 * 400, 0.5 * 200])
    np.testing.assert_allclose(found.xyz[0, 10], [0.1, -0.2, 0.3])
    np.testing.assert_allclose(found.score, 0.4)


def test_an_image_without_people_has_no_poses(network: SimpleNamespace) -> None:
    network.answer = SimpleNamespace(pose_landmarks=[], pose_world_landmarks=[])
    found = blazepose._detect_in_worker(np.zeros((20, 40, 3), np.uint8))
    assert len(found) == 0 and found.xy.shape == (0, 33, 2)


def test_no_process_runs_before_the_first_image() -> None:
    with blazepose.BlazePose(bundle=Path("none.task"), workers=3) as estimator:
        assert estimator.names == LANDMARKS and estimator._pool is None
