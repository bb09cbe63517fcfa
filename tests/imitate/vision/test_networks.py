from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from imitate.vision.collector import SeeingRunner
from imitate.vision.depth_camera import CameraConfig
from imitate.vision.env import EXTRINSICS_SIZE, FIRST_DOT, SENSED_SIZE
from imitate.vision.networks import (
    SeeingLayout,
    SeeingPolicy,
    Student,
    pack,
    unroll,
)
from pose.errors import InputError

SMALL = SeeingLayout(memory=5, hidden=(6,), gamma=3, latent=2)


@pytest.fixture(params=["monolithic", "rma"])
def policy(request) -> SeeingPolicy:
    torch.manual_seed(0)
    return SeeingPolicy(replace(SMALL, architecture=request.param))


def test_a_gru_by_hand():
    """One unit: h' = (1 - z) n + z h, empty again where an episode begins (Cho et al. 2014)."""
    torch.manual_seed(1)
    cell = torch.nn.GRUCell(1, 1)
    (wr, wz, wn), (ur, uz, un) = cell.weight_ih[:, 0].tolist(), cell.weight_hh[:, 0].tolist()
    (br, bz, bn), (cr, cz, cn) = cell.bias_ih.tolist(), cell.bias_hh.tolist()

    def sigmoid(x: float) -> float:
        return 1.0 / (1.0 + np.exp(-x))

    h, wanted = 0.3, []
    for x, begins in ((0.5, 0), (-1.0, 0), (2.0, 1)):
        h = 0.0 if begins else h
        r, z = sigmoid(wr * x + br + ur * h + cr), sigmoid(wz * x + bz + uz * h + cz)
        h = (1 - z) * np.tanh(wn * x + bn + r * (un * h + cn)) + z * h
        wanted.append(h)
    found = unroll(
        cell, torch.tensor([[[0.5]], [[-1.0]], [[2.0]]]), torch.tensor([[0.0], [0.0], [1.0]]), torch.tensor([[0.3]])
    )
    np.testing.assert_allclose(found.detach().numpy()[:, 0, 0], wanted, atol=1e-6)


def test_gradients_go_back_through_time(policy):
    """Of the last action by the first observation, against finite differences; none past the episode's beginning."""
    policy.double()
    observation = torch.randn(4, 2, SMALL.observation_size, dtype=torch.double, requires_grad=True)
    begins = torch.zeros(4, 2, dtype=torch.bool)
    begins[2, 1] = True
    memory = torch.randn(2, 5, dtype=torch.double)

    def last(values: torch.Tensor) -> torch.Tensor:
        return policy.actor(pack(values, begins, memory))[:, -1].sum()

    (gradient,) = torch.autograd.grad(last(observation), observation)
    assert gradient[0, 0].abs().max() > 0.0 and not gradient[:2, 1].any()
    for index in ((0, 0, SMALL.observation_size - 4), (1, 0, SMALL.observation_size - 1), (3, 1, 2)):
        step = torch.zeros_like(observation)
        step[index] = 1e-6
        numeric = (last(observation + step) - last(observation - step)) / 2e-6
        assert float(gradient[index]) == pytest.approx(float(numeric.detach()), rel=1e-4, abs=1e-10)


def test_step_by_step_is_what_sequences_give(policy):
    raw = np.random.default_rng(0).standard_normal((3, 2, SMALL.observation_size)).astype(np.float32)
    runner = SeeingRunner(policy, 2)
    stepped = []
    for step in range(3):
        stepped.append(runner.act(raw[step]))
        if step == 0:
            runner.forget(np.array([1]))
    begins = torch.zeros(3, 2, dtype=torch.bool)
    begins[1, 1] = True
    packed = pack(policy.observations(torch.from_numpy(raw)), begins, torch.zeros(2, 5))
    with torch.no_grad():
        together = policy.actor(packed).numpy()
    np.testing.assert_allclose(np.stack(stepped, 1), together, atol=1e-6)
    np.testing.assert_allclose(policy.act(raw[0]), together[:, 0], atol=1e-6)
    assert policy.value(packed).shape == (2, 3)


def test_the_blind_do_not_see_and_the_monolithic_is_given_no_physics():
    torch.manual_seed(0)
    raw = torch.randn(3, 2, SMALL.observation_size)
    other = {"dots": raw.clone(), "physics": raw.clone()}
    other["dots"][..., SENSED_SIZE + EXTRINSICS_SIZE :] += 1.0
    other["physics"][..., SENSED_SIZE : SENSED_SIZE + EXTRINSICS_SIZE] += 1.0

    def acts(layout: SeeingLayout, values: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(0)
        return SeeingPolicy(layout).actor(pack(values, torch.zeros(3, 2), torch.zeros(2, 5)))

    sees = {"dots": (SMALL, replace(SMALL, architecture="rma")), "physics": (replace(SMALL, architecture="rma"),)}
    does_not = {"dots": (replace(SMALL, map="none"),), "physics": (SMALL,)}
    for name, changed in other.items():
        for layout in sees[name]:
            assert not torch.equal(acts(layout, raw), acts(layout, changed))
        for layout in does_not[name]:
            assert torch.equal(acts(layout, raw), acts(layout, changed))


def test_a_students_pictures_reach_its_actions_later():
    torch.manual_seed(0)
    student = Student(SeeingPolicy(SMALL), CameraConfig(rows=26, columns=30))
    eye, actor = student.memory_sizes
    memory = torch.zeros(1, eye), torch.zeros(1, actor)
    observation, begins = torch.zeros(3, 1, SMALL.observation_size), torch.zeros(3, 1)
    pictures = torch.rand(2, 26, 30)

    def acts(first: int) -> torch.Tensor:
        seen = student.look(pictures[[first, 0, 0]])[:, None]
        return student.run(observation, seen, begins, memory)[0]

    assert not torch.equal(acts(0)[2], acts(1)[2])  # it remembers
    changed = observation.clone()
    changed[..., SENSED_SIZE:] = 1.0  # neither scandots nor, in this architecture, physics are read
    seen = student.look(pictures[[0, 0, 0]])[:, None]
    again = student.run(changed, seen, begins, memory)[0]
    assert torch.equal(acts(0), again)


def test_files(tmp_path):
    policy = SeeingPolicy(SMALL)
    policy.save(tmp_path / "teacher.pt")
    same = SeeingPolicy.load(tmp_path / "teacher.pt")
    assert all(torch.equal(a, b) for a, b in zip(policy.parameters(), same.parameters(), strict=True))
    student = Student(policy, CameraConfig(rows=26, columns=30))
    student.save(tmp_path / "student.pt")
    camera = Student.load(tmp_path / "student.pt").camera
    student.save(tmp_path / "half.pt", half=True)
    half = Student.load(tmp_path / "half.pt").state_dict()
    for name, value in student.state_dict().items():
        torch.testing.assert_close(half[name], value, rtol=1e-3, atol=1e-6)
    assert (tmp_path / "half.pt").stat().st_size < 0.8 * (tmp_path / "student.pt").stat().st_size
    assert (camera.rows, camera.columns, camera.far) == (26, 30, 2.0)
    old = {
        name: value
        for name, value in asdict(SMALL).items()
        if name not in ("body", "sensed", "physics", "dots", "actions")
    }
    torch.save(
        {"format": 1, "seeing": old, "state": student.state_dict(), "picture": [26, 30], "far": 2.0},
        tmp_path / "old.pt",
    )
    assert Student.load(tmp_path / "old.pt").layout == SMALL and Student.load(tmp_path / "old.pt").camera == camera
    with pytest.raises(InputError, match="has no eyes"):
        Student.load(tmp_path / "teacher.pt")
    (tmp_path / "other.pt").write_bytes(b"nothing")
    with pytest.raises(InputError, match="damaged"):
        Student.load(tmp_path / "other.pt")
    torch.save({"format": 1, "seeing": {"memory": 10**9, "hidden": [1]}, "state": {}}, tmp_path / "huge.pt")
    with pytest.raises(InputError, match=r"huge\.pt"):
        SeeingPolicy.load(tmp_path / "huge.pt")


def test_scandots_are_scaled_by_a_constant():
    """Whatever passed through: 10 cm count as 1; what the body senses is normalised by what it sensed."""
    normalise = SeeingPolicy(SMALL).observations
    values = torch.zeros(4, SMALL.observation_size)
    values[:, 0] = torch.tensor([1.0, 3.0, 1.0, 3.0])
    normalise.update(normalise.moments(values))
    values[:, FIRST_DOT:] = 0.1
    found = normalise(values)
    np.testing.assert_allclose(found[:, 0], [-1.0, 1.0, -1.0, 1.0], atol=1e-4)
    np.testing.assert_allclose(found[:, FIRST_DOT:], 1.0, atol=1e-3)
