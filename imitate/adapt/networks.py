"""The three networks of rapid motor adaptation (RMA, Kumar et al. 2021, section III).

    z   = mu(e)                          extrinsics encoder: what physics is like (payload, friction ...), compressed
    a   = pi(x, a_prev, z)               base policy; learnt together with mu by PPO, where e is known (phase 1)
    z^  = phi(the last k pairs (x, a))   adaptation module; learnt by regression to z (phase 2), takes mu's place in use

An observation of `AdaptivePolicy` is the vector [x, a_prev, e]: first what the body senses, then the extrinsics that
only the simulator knows. So PPO, collectors and evaluations of other policies take it as it is, and it acts as the
paper's *Expert*; in use `runner.AdaptiveRunner` acts with z^ and never looks at e.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from imitate.policy import (
    LARGEST_LAYER,
    MOST_LAYERS,
    VALUE_PARTS,
    GaussianActorCritic,
    Layers,
    Normaliser,
    PolicyLayout,
    fill_weights,
    load_torch,
    mlp,
    save_torch,
)
from pose.errors import InputError
from pose.foreign_files import refuse_damaged

FORMAT_VERSION = 1
LAST_ACTION = "last_action"
"""Name of the part a_prev of an observation."""
HISTORY_STEPS = 50
"""Control steps that the adaptation module looks back, k (0.5 s at 100 Hz)."""
LARGEST_CONVOLUTION, LONGEST_HISTORY = 256, 1000
"""Channels of a convolution, outputs and kernel, and control steps that no adaptation module of ours exceeds."""
CONVOLUTIONS = ((32, 32, 8, 4), (32, 32, 5, 1), (32, 32, 5, 1))
"""Input channels, output channels, kernel and stride of the adaptation module's convolutions over time."""


@dataclass(frozen=True)
class AdaptiveLayout:
    """What an adaptive policy's inputs and outputs mean, and how large its networks are; saved with the weights."""

    sensed: PolicyLayout
    """What it senses, what it does, and whose body it is; the part `last_action` of an observation comes last."""
    extrinsics: dict[str, int]
    """Parts of the extrinsics e and their sizes, in order."""
    latent: int = 8
    """Length of z; 0 for a policy that is given no extrinsics (the baseline *Robust*), whose critic alone sees e."""
    encoder_hidden: tuple[int, ...] = (256, 128)
    """Widths of the encoder's hidden layers."""

    def __post_init__(self) -> None:
        if LAST_ACTION in self.sensed.observation and list(self.sensed.observation)[-1] != LAST_ACTION:
            raise ValueError(f"the part '{LAST_ACTION}' must come last of {list(self.sensed.observation)}")

    def check_sizes(self) -> None:
        """Raises `ValueError` unless the networks are as large as ours can be: a file may say anything."""
        self.sensed.check_sizes()
        sizes = [*self.extrinsics.values(), *self.encoder_hidden]
        whole = all(type(size) is int and 0 < size <= LARGEST_LAYER for size in sizes) and type(self.latent) is int
        if not whole or not all(isinstance(name, str) for name in self.extrinsics) or not self.extrinsics:
            raise ValueError(f"extrinsics and layers of {str(sizes)[:60]}")
        if not 0 <= self.latent <= LARGEST_CONVOLUTION or len(self.encoder_hidden) > MOST_LAYERS:
            raise ValueError(f"a latent of {self.latent}, {len(self.encoder_hidden)} layers")
        if self.sensed_size + self.extrinsics_size > LARGEST_LAYER or self.state_size < 1:
            raise ValueError(f"an observation of {self.sensed_size}, extrinsics of {self.extrinsics_size}")

    @property
    def sensed_size(self) -> int:
        """Length of [x, a_prev]."""
        return self.sensed.observation_size

    @property
    def state_size(self) -> int:
        """Length of x."""
        return self.sensed_size - self.sensed.observation.get(LAST_ACTION, 0)

    @property
    def extrinsics_size(self) -> int:
        """Length of e."""
        return sum(self.extrinsics.values())

    @property
    def action_size(self) -> int:
        """Length of an action."""
        return len(self.sensed.action)


class AdaptiveActor(nn.Module):
    """mu and pi in one: [x, a_prev, e] -> the mean action."""

    def __init__(self, layout: AdaptiveLayout):
        super().__init__()
        self.sensed_size = layout.sensed_size
        self.encoder = (
            mlp((layout.extrinsics_size, *layout.encoder_hidden, layout.latent), last_gain=1.0)
            if layout.latent
            else None
        )
        sizes = (layout.sensed_size + layout.latent, *layout.sensed.hidden, layout.action_size)
        self.base = mlp(sizes, last_gain=0.01)

    @property
    def bf16(self) -> bool:
        """Hidden layers compute in bfloat16, see `Layers`."""
        return self.base.bf16

    @bf16.setter
    def bf16(self, value: bool) -> None:
        for part in (self.base, self.encoder):
            if part is not None:
                part.bf16 = value

    def forward(self, observation: Tensor) -> Tensor:
        """Normalised observations (..., O) -> mean actions (..., A)."""
        sensed, extrinsics = observation.tensor_split([self.sensed_size], dim=-1)
        if self.encoder is None:
            return self.base(sensed)
        return self.base(torch.cat([sensed, self.encoder(extrinsics).to(sensed.dtype)], dim=-1))


class AdaptivePolicy(GaussianActorCritic):
    """Diagonal Gaussian pi(a | x, a_prev, mu(e)) and V(x, a_prev, e); acts on what `PPO` and collectors hand it.

    The critic sees e whatever the actor is given, so that policies with and without z differ in the actor only.
    """

    def __init__(self, layout: AdaptiveLayout, initial_std: float = 0.15):
        super().__init__()
        self.layout = layout
        size = layout.sensed_size + layout.extrinsics_size
        self.actor = AdaptiveActor(layout)
        self.critic = mlp((size, *layout.sensed.hidden, 1), last_gain=1.0)
        self.log_std = nn.Parameter(torch.full((layout.action_size,), float(np.log(initial_std))))
        self.observations = Normaliser(size)
        self.returns = Normaliser(1)

    @torch.no_grad()
    def act(self, observation: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Actions with true extrinsics (the paper's Expert) for raw observations (N, O) -> (N, A).

        The mean, or a sample where `rng` is given.
        """
        sensed, extrinsics = np.split(observation, [self.layout.sensed_size], axis=-1)
        return self.act_with(sensed, self.encode(extrinsics), rng)

    @torch.no_grad()
    def act_with(self, sensed: np.ndarray, z: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Actions pi(x, a_prev, z), whatever z comes from.

        Args:
          sensed: raw [x, a_prev], (N, S).
          z: (N, Z).
          rng: samples instead of taking the mean.

        Returns:
          Actions (N, A).
        """
        inputs = torch.cat([self.normalise_sensed(torch.from_numpy(sensed)), torch.from_numpy(z)], dim=-1)
        return self.add_noise(self.actor.base.forward_float32(inputs).numpy(), rng)

    @torch.no_grad()
    def encode(self, extrinsics: np.ndarray) -> np.ndarray:
        """z = mu(e) of raw extrinsics, (N, E) -> (N, Z)."""
        if self.actor.encoder is None:
            return np.zeros((len(extrinsics), 0), dtype=np.float32)
        return self.actor.encoder.forward_float32(self.normalise_extrinsics(torch.from_numpy(extrinsics))).numpy()

    def normalise_sensed(self, sensed: Tensor) -> Tensor:
        """Raw [x, a_prev] (..., S) as the networks take it."""
        return _normalise_part(self.observations, sensed, slice(0, self.layout.sensed_size))

    def normalise_extrinsics(self, extrinsics: Tensor) -> Tensor:
        """Raw e (..., E) as the networks take it."""
        return _normalise_part(self.observations, extrinsics, slice(self.layout.sensed_size, None))

    def save(self, path: Path) -> None:
        """Writes weights and layout, as a skill without an adaptation module."""
        AdaptiveSkill(self, None).save(path)


class AdaptationModule(nn.Module):
    """phi: the last k pairs (x, a) -> z^ (or e^, for the baseline *SysID*).

    Two layers embed each pair, then there are convolutions over time and a linear layer (RMA, section III-C).
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        steps: int = HISTORY_STEPS,
        convolutions: tuple[tuple[int, int, int, int], ...] = CONVOLUTIONS,
    ):
        """Makes the networks.

        Args:
          inputs: length of a pair (x, a).
          outputs: length of what is estimated.
          steps: k, control steps that it looks back.
          convolutions: input channels, output channels, kernel and stride of each layer.

        Raises:
          ValueError: the history is too short for the convolutions.
        """
        super().__init__()
        self.inputs, self.outputs, self.steps, self.convolutions = inputs, outputs, steps, convolutions
        width = convolutions[0][0]
        self.embed = Layers(*mlp((inputs, width, width), last_gain=2.0**0.5), nn.ReLU())
        layers: list[nn.Module] = []
        length = steps
        for channels_in, channels_out, kernel, stride in convolutions:
            layers += [nn.Conv1d(channels_in, channels_out, kernel, stride), nn.ReLU()]
            length = (length - kernel) // stride + 1
            if length < 1:
                raise ValueError(f"{steps} steps are too few for convolutions {convolutions}")
        self.convolve = nn.Sequential(*layers)
        self.head = nn.Linear(convolutions[-1][1] * length, outputs)

    def forward(self, history: Tensor) -> Tensor:
        """Normalised pairs, the oldest first, (N, k, inputs) -> estimates (N, outputs)."""
        embedded = self.embed(history).transpose(1, 2)
        return self.head(self.convolve(embedded).flatten(1))


@dataclass(frozen=True)
class AdaptiveSkill:
    """A base policy, its encoder, and the adaptation module that stands in for the encoder."""

    policy: AdaptivePolicy
    adaptation: AdaptationModule | None
    """Estimates z; None before phase 2, and for a policy that is given no extrinsics."""

    def save(self, path: Path, acting_only: bool = False, half: bool = False) -> None:
        """Writes weights and layout; a crash leaves the old file or the new one.

        Args:
          path: file to write.
          acting_only: without the critic, for shipping.
          half: weights of the networks in half precision.
        """
        policy, phi = self.policy, self.adaptation
        state = policy.state_dict()
        if acting_only:
            state = {name: value for name, value in state.items() if not name.startswith(VALUE_PARTS)}
        if half:
            state |= {name: value.half() for name, value in state.items() if name.startswith("actor.")}
        content = {"format": FORMAT_VERSION, "layout": asdict(policy.layout), "policy": state}
        if phi is not None:
            sizes = {"inputs": phi.inputs, "outputs": phi.outputs, "steps": phi.steps, "convolutions": phi.convolutions}
            weights = {name: value.half() if half else value for name, value in phi.state_dict().items()}
            content |= {"adaptation": weights, "adaptation_sizes": sizes}
        save_torch(content, path)

    @classmethod
    def load(cls, path: Path) -> "AdaptiveSkill":
        """Reads what `save` wrote; a critic that was left out is new and knows nothing.

        Raises:
          InputError: no adaptive policy, damaged, or of a version this program cannot read.
        """
        content = load_torch(path, "adaptive policy")
        if content.get("format") != FORMAT_VERSION or "policy" not in content:
            raise InputError(
                f"{path}: not an adaptive policy of format {FORMAT_VERSION}; make it again with: sfv adapt"
            )
        with refuse_damaged(path, "an adaptive policy", "delete it to have it made again"):
            layout, sensed = content["layout"], content["layout"]["sensed"]
            sensed = PolicyLayout(**(sensed | {key: tuple(sensed[key]) for key in ("action", "hidden")}))
            layout |= {"sensed": sensed, "encoder_hidden": tuple(layout["encoder_hidden"])}
            layout = AdaptiveLayout(**layout)
            layout.check_sizes()
            policy = AdaptivePolicy(layout)
            own = policy.state_dict()
            new = {name: own[name] for name in own if name.startswith(VALUE_PARTS)}
            fill_weights(policy, new | content["policy"])
            phi = None
            if "adaptation" in content:
                sizes = content["adaptation_sizes"]
                sizes |= {"convolutions": tuple(tuple(layer) for layer in sizes["convolutions"])}
                _check_adaptation(sizes, layout)
                phi = AdaptationModule(**sizes)
                fill_weights(phi, content["adaptation"])
        return cls(policy, phi)


def _check_adaptation(sizes: dict[str, Any], layout: AdaptiveLayout) -> None:
    """Raises `ValueError` unless these are sizes of an adaptation module of such a policy."""
    steps, convolutions, outputs = sizes["steps"], sizes["convolutions"], sizes["outputs"]
    numbers = [number for layer in convolutions for number in layer]
    whole = all(type(number) is int and 0 < number <= LARGEST_CONVOLUTION for number in numbers)
    if not whole or not 0 < len(convolutions) <= MOST_LAYERS or any(len(layer) != 4 for layer in convolutions):
        raise ValueError(f"convolutions of {str(convolutions)[:60]}")
    if type(steps) is not int or not 0 < steps <= LONGEST_HISTORY:
        raise ValueError(f"a history of {str(steps)[:20]} steps")
    if sizes["inputs"] != layout.state_size + layout.action_size:
        raise ValueError(f"an adaptation module of {str(sizes['inputs'])[:20]} inputs")
    if outputs not in (max(layout.latent, 1), layout.extrinsics_size) or outputs > LARGEST_CONVOLUTION:
        raise ValueError(f"an adaptation module of {str(outputs)[:20]} outputs")


def _normalise_part(normaliser: Normaliser, values: Tensor, part: slice) -> Tensor:
    """What the normaliser makes of a part of its vector, (..., size of the part) -> the same."""
    own = Normaliser(values.shape[-1])
    own.mean, own.variance = normaliser.mean[part], normaliser.variance[part]
    return own(values)
