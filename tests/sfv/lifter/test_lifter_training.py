"""What the lifter is trained on: people, cameras and errors with known numbers; and the network itself, twice."""

import numpy as np
import torch
from scipy.stats import norm

from reconstruct.lifting.lifter import Lifter, to_density
from reconstruct.lifting.lifter_input import BONES, COLUMNS, FEATURES, LANDMARKS, bone_depth
from sfv.lifter.detector_noise import DetectorNoise, look
from sfv.lifter.films import DetectedFilm
from sfv.lifter.network import LifterNetwork, negative_log_density
from sfv.lifter.views import exchange_arms, film, find_chest, vary_body

AT = {name: index for index, name in enumerate(LANDMARKS)}


def make_people(count, frames, seed=0):
    """Bodies that walk through random poses, (N, T, J, 3)."""
    rng = np.random.default_rng(seed)
    base = rng.normal(0.0, 0.4, (count, 1, len(LANDMARKS), 3))
    return base + 0.02 * np.cumsum(rng.standard_normal((count, frames, len(LANDMARKS), 3)), axis=1)


def length(xyz, a, b):
    return np.linalg.norm(xyz[:, :, AT[a]] - xyz[:, :, AT[b]], axis=-1)


def test_both_sides_of_another_body_are_stretched_alike_and_directions_stay():
    xyz = make_people(4, 5)
    other = vary_body(xyz, np.random.default_rng(1))
    for a, b in (("elbow", "wrist"), ("knee", "ankle"), ("ankle", "heel")):
        left = length(other, f"left_{a}", f"left_{b}") / length(xyz, f"left_{a}", f"left_{b}")
        right = length(other, f"right_{a}", f"right_{b}") / length(xyz, f"right_{a}", f"right_{b}")
        np.testing.assert_allclose(left, right)
        np.testing.assert_allclose(left, np.broadcast_to(left[:, :1], left.shape))
    arms = [i for i, (a, b) in enumerate(BONES) if b.endswith(("elbow", "wrist", "knee", "ankle"))]
    np.testing.assert_allclose(bone_depth(other)[..., arms], bone_depth(xyz)[..., arms])


def test_arms_of_another_keep_their_lengths_and_their_place_about_the_chest():
    xyz = make_people(6, 3)
    other = exchange_arms(xyz, np.random.default_rng(0))
    chest = find_chest(xyz)
    np.testing.assert_allclose(np.linalg.det(chest), 1.0)

    def seen_from_chest(points):
        arm = points[:, :, AT["left_wrist"]] - points[:, :, AT["left_shoulder"]]
        return np.einsum("ntji,ntj->nti", chest, arm)

    lent, own = seen_from_chest(other), seen_from_chest(xyz)
    for arm in lent:
        assert min(np.abs(arm - one).max() for one in own) < 1e-9
    np.testing.assert_array_equal(other[:, :, AT["left_ankle"]], xyz[:, :, AT["left_ankle"]])


def test_a_film_looks_along_the_ray_of_its_picture():
    xy, xyz = film(make_people(50, 4), np.random.default_rng(0))
    near = xyz[..., 2].min(axis=(1, 2)) > 0.5
    picture = xyz[..., :2] / xyz[..., 2:]
    # The lens is known but for a factor: towards the middle of the picture both pictures are alike, up to that factor.
    scale = np.linalg.norm(xy, axis=-1).mean(axis=(1, 2)) / np.linalg.norm(picture, axis=-1).mean(axis=(1, 2))
    off = np.abs(xy - scale[:, None, None, None] * picture).max(axis=(1, 2, 3))
    assert np.median(off[near]) < 0.05
    assert (np.abs(np.log(scale[near])) < 1.0).all()


def test_the_fit_of_the_detectors_errors_finds_those_that_were_made():
    rng = np.random.default_rng(0)
    size, focal, frames = (960, 540), 1000.0, 200
    gain, bias, sigma, memory = 0.6, 0.1, 0.15, 0.8
    films = []
    for _ in range(6):
        true = make_people(1, frames, int(rng.integers(1000)))[0] + [0.0, 0.0, 5.0]
        xy = np.zeros((frames, 33, 2))
        xy[:, COLUMNS] = focal * true[..., :2] / true[..., 2:] + 0.5 * np.array(size)
        films.append(DetectedFilm(xy, np.zeros((frames, 33, 3)), np.ones((frames, 33)), true, focal, size))
    views = [look(one) for one in films]
    np.testing.assert_allclose(views[0].xy, views[0].true_xy, atol=1e-9)

    noise = DetectorNoise.of(films)
    assert np.abs(noise.error).max() < 1e-9
    made = DetectorNoise(
        noise.error, noise.confidence, noise.depth, 0.0 * noise.left, np.full(len(BONES), gain),
        np.full(len(BONES), bias), np.full(len(BONES), sigma), np.full(len(BONES), memory),
    )  # fmt: skip
    depth = np.stack([view.depth for view in views])
    _, _, hint = made.disturb(np.stack([view.xy for view in views]), 0.5 * depth, np.random.default_rng(1))
    slope, offset = np.polyfit(0.5 * depth.ravel(), hint.ravel(), 1)
    assert abs(slope - gain) < 0.05
    assert abs(offset - bias) < 0.02


def test_numpy_evaluates_what_pytorch_trained():
    torch.manual_seed(0)
    network = LifterNetwork(width=16)
    features = torch.randn(1, 20, FEATURES)
    with torch.no_grad():
        theirs = network(features)[0]
    ours = Lifter({name: array.astype(np.float32) for name, array in network.export().items()}).evaluate(
        features[0].numpy()
    )
    np.testing.assert_allclose(ours, theirs.numpy(), atol=0.02)
    depth = torch.rand(20, len(BONES)) * 2.0 - 1.0
    loss = negative_log_density(theirs, depth).numpy()
    density = to_density(theirs.numpy())
    pdf = np.sum(density.weight * norm.pdf(depth.numpy()[..., None], density.mean, density.sigma), axis=-1)
    np.testing.assert_allclose(loss, -np.log(pdf), atol=1e-4)
