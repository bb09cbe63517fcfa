"""Metrics against cases whose answer is known."""

import numpy as np
import pytest

from reconstruct.rotations import from_rotvec, to_matrix
from sfv.bench.metrics import (
    acceleration_error,
    bone_length_variation,
    contact_f1,
    mpjpe,
    pa_mpjpe,
    pck,
    rigid_alignment,
    root_aligned_mpjpe,
    slide,
    swapped_frames,
    upright_mpjpe,
    world_mpjpe,
)

RNG = np.random.default_rng(0)
BODY = RNG.normal(size=(20, 12, 3))


def test_mpjpe_of_a_shift_is_its_length():
    np.testing.assert_allclose(mpjpe(BODY + [0.003, 0.004, 0.0], BODY), 5.0)


def test_alignment_undoes_a_similarity_and_keeps_its_kind():
    rotation = to_matrix(from_rotvec(np.array([0.3, -1.2, 0.5])))
    moved = 1.3 * BODY @ rotation.T + [1.0, 2.0, 3.0]
    np.testing.assert_allclose(rigid_alignment(moved, BODY, with_scale=True), BODY, atol=1e-9)
    np.testing.assert_allclose(pa_mpjpe(moved, BODY), 0.0, atol=1e-6)
    assert root_aligned_mpjpe(moved, BODY, (6, 7)).min() > 100
    rigid = BODY @ rotation.T + [1.0, 2.0, 3.0]
    assert world_mpjpe(rigid, BODY) == pytest.approx(0.0, abs=1e-6)
    assert world_mpjpe(rigid + np.linspace(0, 1, 20)[:, None, None], BODY) > 50  # a drift is no rigid motion


def test_a_mirror_image_is_not_aligned_away():
    assert pa_mpjpe(BODY * [1, -1, 1], BODY).min() > 50


def test_hips_are_laid_on_each_other():
    np.testing.assert_allclose(root_aligned_mpjpe(BODY + [3.0, 0, 1], BODY, (6, 7)), 0.0, atol=1e-9)


def test_headings_are_laid_on_each_other_and_a_tilt_stays():
    points = RNG.normal(size=(4, 12, 3))
    heading, lean = (to_matrix(from_rotvec(np.array(v))) for v in ([0.0, 0.0, 2.1], [0.2, 0.0, 0.0]))
    assert upright_mpjpe(points @ heading.T + 3.0, points, (0, 1)).max() < 1e-9
    assert upright_mpjpe(points @ lean.T, points, (0, 1)).min() > 50.0


def test_acceleration_error():
    time = np.arange(20)[:, None, None] / 30.0
    np.testing.assert_allclose(acceleration_error(BODY + 0.5 * 9.81 * time**2 * [0, 0, 1], BODY, 30.0), 9.81)


def test_pck_counts_within_the_torso_share():
    truth = np.zeros((1, 3, 2))
    found = np.array([[[19.0, 0], [0, 21.0], [14, 14]]])
    np.testing.assert_array_equal(pck(found, truth, np.array([100.0])), [[True, False, True]])


def test_contact_f1():
    found, truth = np.array([[True, True, False, False]]), np.array([[True, False, True, False]])
    assert contact_f1(found, truth) == pytest.approx(0.5)  # 1 hit, 1 false, 1 missed: 2 / (2 + 1 + 1)
    assert contact_f1(truth, truth) == 1.0


def test_swapped_frames_are_counted():
    mirrored = np.array([1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10])
    found = BODY.copy()
    found[4:9] = found[4:9][:, mirrored]
    assert swapped_frames(found, BODY, mirrored) == 5


def test_bones_that_breathe_vary():
    points = np.zeros((4, 2, 3))
    points[:, 1, 0] = [0.30, 0.32, 0.30, 0.32]
    assert bone_length_variation(points, ((0, 1),)) == pytest.approx(10.0)
    points[:, 1, 0] = 0.3
    assert bone_length_variation(points, ((0, 1),)) == pytest.approx(0.0)


def test_slide_counts_the_part_of_a_foot_that_rests_at_any_frame_rate():
    soles = np.zeros((3, 4, 3))
    soles[:, 0, 0] = [0.0, 0.004, 0.008]  # left heel slides, the left toe rolls
    soles[:, 1, 0] = [0.0, 0.050, 0.100]
    soles[:, 2:, 0] = [[0.0], [1.0], [2.0]]
    held = np.array([[True, False], [True, False], [True, True]])
    assert slide(soles, held, 30.0) == pytest.approx(4.0)
    assert slide(soles, held, 60.0) == pytest.approx(8.0)
    assert np.isnan(slide(soles, np.zeros_like(held), 30.0))
