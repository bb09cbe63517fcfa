"""Densities with two modes: what is said of them are integrals of a mixture of two Gaussians."""

import numpy as np
import pytest
from scipy.stats import norm

from reconstruct.lifting.depth_density import DepthDensity, calibration_error

RNG = np.random.default_rng(0)
MEAN = np.stack([-RNG.uniform(0, 1, (3, 4)), RNG.uniform(0, 1, (3, 4))], axis=-1)
DENSITY = DepthDensity(RNG.uniform(size=(3, 4)), MEAN, RNG.uniform(0.03, 0.5, (3, 4, 2)))
GRID = np.linspace(-5.0, 5.0, 20001)
PDF = np.sum(DENSITY.weight * norm.pdf(GRID[:, None, None, None], DENSITY.mean, DENSITY.sigma), axis=-1)


def integrate(values):
    return np.trapezoid(values, GRID, axis=0)


def test_it_integrates_to_one():
    np.testing.assert_allclose(integrate(PDF), 1.0, atol=1e-6)


def test_the_chance_of_a_sign_mean_and_spread_are_integrals():
    np.testing.assert_allclose(integrate(PDF * (GRID > 0)[:, None, None]), DENSITY.positive, atol=1e-3)
    mean = integrate(PDF * GRID[:, None, None])
    np.testing.assert_allclose(mean, DENSITY.expected, atol=1e-6)
    variance = integrate(PDF * GRID[:, None, None] ** 2) - mean**2
    np.testing.assert_allclose(np.sqrt(variance), DENSITY.spread, atol=1e-5)


def test_a_bone_by_hand():
    # A quarter leads towards the camera by .8, the rest away by .4: the mean is .75 x .4 - .25 x .8 = .1.
    one = DepthDensity(np.array([[0.75]]), np.array([[[-0.8, 0.4]]]), np.full((1, 1, 2), 1e-3))
    assert one.expected[0, 0] == pytest.approx(0.1)
    assert one.positive[0, 0] == pytest.approx(0.75)
    # Variance: .75 x .3^2 + .25 x .9^2 = .27.
    assert one.spread[0, 0] == pytest.approx(np.sqrt(0.27), abs=1e-4)


def test_between_two_frames_lies_their_mean():
    half = DENSITY.at(np.array([0.0, 0.05, 9.0]), fps=10.0)
    np.testing.assert_allclose(half.away[0], DENSITY.away[0])
    np.testing.assert_allclose(half.mean[1], 0.5 * (DENSITY.mean[0] + DENSITY.mean[1]))
    np.testing.assert_allclose(half.sigma[2], DENSITY.sigma[-1])


def test_who_is_right_as_often_as_said_is_calibrated():
    chance, right = np.full(4, 0.75), np.array([True, True, True, False])
    assert calibration_error(chance, right) == pytest.approx(0.0)
    # Half of them at .95, all wrong: half of .95.
    worse = np.concatenate([chance, np.full(4, 0.95)]), np.concatenate([right, np.zeros(4, dtype=bool)])
    assert calibration_error(*worse) == pytest.approx(0.475)
