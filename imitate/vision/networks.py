"""Teacher and student of Agarwal et al. 2022: recurrent policies that act on scandots, or on what a camera sees.

    gamma = MLP(m)                              what the scandots m say of the ground
    Monolithic:     a = MLP(GRU(x, a_prev, gamma))
    RMA's:          a = MLP(x, a_prev, GRU(gamma), z),  z = mu(e)
    student:        gamma^ = linear(GRU(conv(picture), x, a_prev)) takes gamma's place

RMA's architecture, the student's too, is given the true physics e of the simulation, which no real robot is; the paper
estimates z from what the body senses.

The actor takes sequences: a sample is T control steps of one robot with the memory at their beginning, in one tensor
(`pack`), so that PPO shuffles robots instead of steps and gradients go back through time.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from imitate.policy import GaussianActorCritic, Layers, Normaliser, fill_weights, load_torch, mlp, save_torch
from imitate.vision.depth_camera import CameraConfig
from imitate.vision.env import DOTS_SIZE, EXTRINSICS_SIZE, SENSED_SIZE
from pose.errors import InputError
from pose.foreign_files import refuse_damaged

FORMAT_VERSION = 1
ACTIONS = 12
INITIAL_STD = 0.1
"""Initial standard deviation of actions."""
DOT_SCALE = 0.1
"""Height that counts as 1 [m]."""
ARCHITECTURES = ("monolithic", "rma")
MAPS = ("true", "noisy", "none")
"""What the policy is given as scandots: themselves, those of a map with errors, or zeros (blind)."""

OF_BODY = ("body", "sensed", "physics", "dots", "actions")
"""Fields of a layout that say whose it is."""


@dataclass(frozen=True)
class SeeingLayout:
    """What a policy is, saved with its weights."""

    architecture: str = "monolithic"
    """monolithic or rma."""
    map: str = "true"
    """true, noisy or none."""
    memory: int = 128
    """Units of the GRU."""
    hidden: tuple[int, ...] = (128, 128)
    """Widths of the hidden layers."""
    gamma: int = 32
    """Length of gamma."""
    latent: int = 8
    """Length of z, for RMA's architecture."""
    body: str = "go1"
    """Whose policy it is."""
    sensed: int = SENSED_SIZE
    """Length of [x, a_prev] in an observation, what the body senses."""
    physics: int = EXTRINSICS_SIZE
    """Length of e."""
    dots: int = DOTS_SIZE
    """Length of m."""
    actions: int = ACTIONS
    """Length of an action."""

    def describe(self) -> dict[str, Any]:
        """Its fields by name, those of the body left out where they are the Go1's, which once was the only one."""
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in OF_BODY or value != type(self).__dataclass_fields__[name].default
        }

    def __post_init__(self) -> None:
        if self.architecture not in ARCHITECTURES or self.map not in MAPS:
            raise ValueError(f"'{self.architecture}' with a map '{self.map}': expected {ARCHITECTURES}, {MAPS}")
        if self.architecture == "rma" and not self.physics:
            raise ValueError("RMA's architecture needs the physics in the observation")
        inputs = (self.sensed, self.dots, self.actions, self.physics + 1)
        sizes = (self.memory, self.gamma, self.latent, *self.hidden, *inputs)
        if not all(type(size) is int and 0 < size <= 1024 for size in sizes) or len(self.hidden) > 8:
            raise ValueError(f"layers of {str(sizes)[:60]}")

    @property
    def first_dot(self) -> int:
        """Where the scandots begin in an observation."""
        return self.sensed + self.physics

    @property
    def observation_size(self) -> int:
        """Length of [x, a_prev, e, m]."""
        return self.first_dot + self.dots


def pack(observation: Tensor, begins: Tensor, memory: Tensor) -> Tensor:
    """Sequences as the actor takes them.

    Args:
      observation: normalised, (T, N, O).
      begins: an episode begins at this step, with an empty memory, bool (T, N).
      memory: of each robot before the first step, (N, H).

    Returns:
      (N, T, O + 1 + H); the memory stands at every step, and the first is read.
    """
    steps = len(observation)
    parts = [observation, begins[..., None].to(observation.dtype), memory[None].expand(steps, -1, -1)]
    return torch.cat(parts, dim=-1).transpose(0, 1).contiguous()


def unroll(cell: nn.GRUCell, inputs: Tensor, begins: Tensor, memory: Tensor) -> Tensor:
    """States of a GRU over time, empty where episodes begin: (T, N, I), (T, N), (N, H) -> (T, N, H)."""
    states = []
    for step, begin in zip(inputs, begins, strict=True):
        memory = cell(step, memory * (1.0 - begin[:, None]))
        states.append(memory)
    return torch.stack(states)


class SeeingNormaliser(Normaliser):
    """Scales scandots by a constant: those at the beginning of a course, which is level, say little of the others."""

    def __init__(self, layout: SeeingLayout) -> None:
        super().__init__(layout.observation_size)
        self.first_dot = layout.first_dot
        self.variance[self.first_dot :] = DOT_SCALE**2

    def update(self, moments: Tensor) -> None:
        """Merges moments of what is no scandot into the running ones."""
        super().update(moments)
        self.mean[self.first_dot :] = 0.0
        self.variance[self.first_dot :] = DOT_SCALE**2


class SeeingActor(nn.Module):
    """The recurrent network that acts."""

    bf16 = False

    def __init__(self, layout: SeeingLayout):
        super().__init__()
        self.layout = layout
        self.encode_dots = mlp((layout.dots, 64, layout.gamma), last_gain=1.0)
        monolithic = layout.architecture == "monolithic"
        self.encode_physics = None if monolithic else mlp((layout.physics, 64, layout.latent), last_gain=1.0)
        self.cell = nn.GRUCell(layout.gamma + (layout.sensed if monolithic else 0), layout.memory)
        inputs = layout.memory + layout.sensed + (0 if monolithic else layout.latent)
        self.head = mlp((inputs, *layout.hidden, layout.actions), last_gain=0.01)

    def forward(self, packed: Tensor) -> Tensor:
        """Sequences of `pack` (n, T, O + 1 + H) -> mean actions (n, T, A)."""
        rows = packed.transpose(0, 1)
        observation, begins, memory = rows.split([self.layout.observation_size, 1, self.layout.memory], dim=-1)
        mean, _ = self.run(observation, self.see(observation), begins[..., 0], memory[0])
        return mean.transpose(0, 1)

    def see(self, observation: Tensor) -> Tensor:
        """gamma of normalised observations, (..., O) -> (..., G)."""
        dots = observation[..., self.layout.first_dot :]
        return self.encode_dots(torch.zeros_like(dots) if self.layout.map == "none" else dots)

    def run(self, observation: Tensor, gamma: Tensor, begins: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Mean actions (T, N, A) and the memory after the last step (N, H), whatever gamma (T, N, G) comes from."""
        layout = self.layout
        sensed, physics, _ = observation.split([layout.sensed, layout.physics, layout.dots], dim=-1)
        if self.encode_physics is None:
            states = unroll(self.cell, torch.cat([sensed, gamma], dim=-1), begins, memory)
            parts = [states, sensed]
        else:
            states = unroll(self.cell, gamma, begins, memory)
            parts = [states, sensed, self.encode_physics(physics)]
        return self.head(torch.cat(parts, dim=-1)), states[-1]


class PrivilegedCritic(Layers):
    """V of the observation [x, a_prev, e, m] alone, also where a sequence of `pack` is given."""

    def forward(self, input: Tensor) -> Tensor:
        """(..., O or more) -> (..., 1)."""
        return super().forward(input[..., : self[0].in_features])


class SeeingPolicy(GaussianActorCritic):
    """The teacher, or a baseline of it: acts by scandots; its critic knows all."""

    def __init__(self, layout: SeeingLayout):
        super().__init__()
        self.layout = layout
        self.actor = SeeingActor(layout)
        self.critic: Layers = PrivilegedCritic(*mlp((layout.observation_size, *layout.hidden, 1), last_gain=1.0))
        self.log_std = nn.Parameter(torch.full((layout.actions,), float(np.log(INITIAL_STD))))
        self.observations: Normaliser = SeeingNormaliser(layout)
        self.returns = Normaliser(1)

    @torch.no_grad()
    def act(self, observation: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Actions for raw observations (N, O) of episodes that begin; `collector.SeeingRunner` remembers what was."""
        begins, memory = torch.ones(1, len(observation)), torch.zeros(len(observation), self.layout.memory)
        packed = pack(self.observations(torch.from_numpy(observation))[None], begins, memory)
        return self.add_noise(self.actor(packed)[:, 0].numpy(), rng)

    def save(self, path: Path, half: bool = False) -> None:
        """Writes weights, in half precision if `half`, and layout; a crash leaves the old file or the new one."""
        save_torch({"format": FORMAT_VERSION, "seeing": asdict(self.layout), "state": list_weights(self, half)}, path)

    @classmethod
    def load(cls, path: Path) -> "SeeingPolicy":
        """Reads what `save` wrote.

        Raises:
          InputError: no policy that sees, damaged, or of a version this program cannot read.
        """
        content = read_seeing(path)
        with refuse_damaged(path, "a policy that sees", "delete it to have it made again"):
            policy = cls(read_layout(content["seeing"]))
            fill_weights(policy, content["state"])
        return policy


class Student(nn.Module):
    """Acts on pictures: an eye with a memory says gamma^, the rest is the teacher's and goes on learning."""

    def __init__(self, teacher: SeeingPolicy, camera: CameraConfig | None = None):
        super().__init__()
        self.layout, self.camera = teacher.layout, camera or CameraConfig()
        """What it is, and the camera whose pictures it takes."""
        self.actor = SeeingActor(teacher.layout)
        self.actor.load_state_dict(teacher.actor.state_dict())
        self.observations = SeeingNormaliser(teacher.layout)
        self.observations.load_state_dict(teacher.observations.state_dict())
        self.eye = nn.Sequential(
            nn.Conv2d(1, 16, 5, 3), nn.ReLU(), nn.Conv2d(16, 32, 4, 2), nn.ReLU(), nn.Conv2d(32, 32, 3, 2), nn.ReLU(),
            nn.Flatten(),
        )  # fmt: skip
        with torch.no_grad():
            size = self.eye(torch.zeros(1, 1, self.camera.rows, self.camera.columns)).shape[1]
        self.eye.append(nn.Linear(size, 64))
        self.cell = nn.GRUCell(64 + teacher.layout.sensed, 160)
        self.say = nn.Linear(160, teacher.layout.gamma)

    @property
    def memory_sizes(self) -> tuple[int, int]:
        """Units of the eye's memory and of the actor's."""
        return self.cell.hidden_size, self.layout.memory

    def look(self, pictures: Tensor) -> Tensor:
        """What the convolutions make of pictures [m], (M, rows, columns) -> (M, 64)."""
        return torch.relu(self.eye((pictures / self.camera.far - 0.5)[:, None]))

    def run(self, observation: Tensor, seen: Tensor, begins: Tensor, memory: tuple[Tensor, Tensor]) -> Any:
        """Acts over time.

        Args:
          observation: normalised, of which x, a_prev and, in RMA's architecture, e are read, (T, N, O).
          seen: of `look`, of the latest picture at each step, (T, N, 64).
          begins: episodes begin, (T, N).
          memory: of eye and actor before, (N, 160) and (N, H).

        Returns:
          Mean actions (T, N, A), gamma^ (T, N, G), and both memories afterwards.
        """
        inputs = torch.cat([seen, observation[..., : self.layout.sensed]], dim=-1)
        states = unroll(self.cell, inputs, begins, memory[0])
        gamma = self.say(states)
        mean, after = self.actor.run(observation, gamma, begins, memory[1])
        return mean, gamma, (states[-1], after)

    def save(self, path: Path, half: bool = False) -> None:
        """Writes weights, in half precision if `half`, and layout; a crash leaves the old file or the new one."""
        content = {"format": FORMAT_VERSION, "seeing": asdict(self.layout), "state": list_weights(self, half)}
        save_torch(content | {"camera": asdict(self.camera)}, path)

    @classmethod
    def load(cls, path: Path) -> "Student":
        """Reads what `save` wrote.

        Raises:
          InputError: no student, damaged, or of a version this program cannot read.
        """
        content = read_seeing(path)
        if not {"camera", "picture"} & set(content):
            raise InputError(f"{path}: it acts on scandots and has no eyes; give the file of a student")
        with refuse_damaged(path, "a policy that sees", "delete it to have it made again"):
            camera = read_camera(content)
            student = cls(SeeingPolicy(read_layout(content["seeing"])), camera)
            fill_weights(student, content["state"])
        return student


def list_weights(network: nn.Module, half: bool) -> dict[str, Tensor]:
    """What a file holds of a network; `half` rounds the weights, not what observations are normalised by."""
    state: dict[str, Tensor] = network.state_dict()
    rounded = ("actor.", "critic.", "eye.", "cell.", "say.")
    return {name: value.half() if half and name.startswith(rounded) else value for name, value in state.items()}


def read_seeing(path: Path) -> dict[str, Any]:
    """The content of a file of `save`; raises `InputError` for any other."""
    content = load_torch(path, "policy that sees")
    if content.get("format") != FORMAT_VERSION or "seeing" not in content:
        raise InputError(f"{path}: not a policy that sees of format {FORMAT_VERSION}; make it with: sfv see")
    return content


def read_layout(stored: dict[str, Any]) -> SeeingLayout:
    """A layout as it was stored."""
    values: dict[str, Any] = {**stored, "hidden": tuple(stored["hidden"])}
    return SeeingLayout(**values)


def read_camera(content: dict[str, Any]) -> CameraConfig:
    """The camera of a stored student; older files hold size and range alone."""
    stored = content.get("camera")
    if stored is None:
        (rows, columns), far = content["picture"], content["far"]
        stored = {"rows": rows, "columns": columns, "far": far}
    values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in stored.items()}
    camera = CameraConfig(**values)
    if not (26 <= camera.rows <= 512 and 26 <= camera.columns <= 512 and camera.far < 100.0):
        raise ValueError(f"pictures of {camera.rows} x {camera.columns}")
    return camera
