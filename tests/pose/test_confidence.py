"""Confidence: a monotone map that keeps what is missing missing."""

import numpy as np

from pose.confidence import RAW, SHARE, calibrate, uncalibrate


def test_map_is_monotone_and_can_be_undone() -> None:
    raw = np.linspace(0.01, 1.0, 200)
    share = calibrate(raw)
    assert (np.diff(share) > 0).all() and share.max() <= 1.0
    np.testing.assert_allclose(uncalibrate(share), raw, atol=1e-9)
    np.testing.assert_allclose(calibrate(RAW), SHARE)


def test_missing_landmarks_stay_missing() -> None:
    assert calibrate(np.zeros(3)).tolist() == [0.0, 0.0, 0.0]
