"""The package's names are there, and nothing heavy is imported before one of them is used."""

import subprocess
import sys

import pytest

import pose


def test_every_name_is_there_and_documented() -> None:
    for name in pose.__all__:
        assert getattr(pose, name).__name__ == name
        assert name in (pose.__doc__ or "")
    assert dir(pose) == sorted(pose.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = pose.nothing


def test_import_alone_loads_nothing_heavy() -> None:
    program = (
        "import sys, pose\n"
        "print(*{'cv2', 'mediapipe', 'numpy', 'av'} & set(sys.modules))\n"
        "pose.estimate_keypoints\n"
        "print('mediapipe' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["", "False"]
