"""Policy: a Gaussian over actions, with the value function and the normaliser it was trained with."""

import hashlib
import io
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from pose.errors import InputError
from pose.files import replace_file
from pose.foreign_files import refuse_damaged

FORMAT_VERSION = 1
CLIP = 8.0
"""Normalised observations are cut to this many standard deviations, up and down."""
LARGEST_LAYER, MOST_LAYERS = 20_000, 16
"""Width and number of a network's layers that no policy of ours exceeds."""
VALUE_PARTS = ("critic.", "returns.")
"""Prefixes of the names of weights that only learning needs."""


@dataclass(frozen=True)
class PolicyLayout:
    """What a policy's inputs and outputs mean, and whose they are; saved with the weights."""

    character: str
    """Name of the character it was trained for."""
    height: float
    """Standing height of that character [m]."""
    observation: dict[str, int]
    """Parts of an observation and their sizes, in order."""
    action: tuple[str, ...]
    """Actuators, in order."""
    action_scale: float
    """Radians of servo target offset for an action of 1."""
    hidden: tuple[int, ...]
    """Widths of the hidden layers."""

    def check(self, other: "PolicyLayout") -> None:
        """Raises `InputError` unless a policy of this layout can act where policies have the `other` one."""
        if self.character != other.character or abs(self.height - other.height) > 1e-3:
            raise InputError(
                f"the policy was trained for {self.character} of {self.height:.2f} m, "
                f"not for {other.character} of {other.height:.2f} m; train again"
            )
        if [*self.observation.items()] != [*other.observation.items()] or self.action != other.action:
            raise InputError(
                "the policy's observations or actions are not those of this program's version; train again"
            )

    def check_sizes(self) -> None:
        """Raises `ValueError` unless it is the layout of a network as large as ours can be: a file may say anything."""
        sizes = [*self.observation.values(), *self.hidden]
        whole = all(type(size) is int and 0 < size <= LARGEST_LAYER for size in sizes)
        if not whole or not self.observation or self.observation_size > LARGEST_LAYER or len(self.hidden) > MOST_LAYERS:
            raise ValueError(f"layers of {str(sizes)[:60]}")
        names = [self.character, *self.observation, *self.action]
        if not all(isinstance(name, str) for name in names) or not 0 < len(self.action) <= LARGEST_LAYER:
            raise ValueError("names that are no text, or no action")
        if not (0.0 < self.height < 100.0 and 0.0 < self.action_scale < 100.0):
            raise ValueError(f"a body of {self.height} m, actions of {self.action_scale} rad")

    @property
    def observation_size(self) -> int:
        """Length of an observation."""
        return sum(self.observation.values())


class Performer(Protocol):
    """What performs a skill in N environments: a policy, or one that adapts while it acts."""

    @property
    def layout(self) -> PolicyLayout:
        """What its inputs and outputs mean, and whose they are."""
        ...

    def act(self, observation: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Actions for raw observations (N, O): the mean, or a sample where `rng` is given."""
        ...

    def forget(self, ids: np.ndarray) -> None:
        """New episodes have begun in these environments: what has a memory clears it."""
        ...

    def save_actor(self, path: Path, half: bool = True) -> None:
        """Writes what acting needs, small enough to ship; `half` for weights in half precision."""
        ...


class Normaliser(nn.Module):
    """Running mean and variance of what passes through (Chan et al. 1979), for inputs or for returns."""

    mean: Tensor
    variance: Tensor
    count: Tensor

    def __init__(self, size: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("variance", torch.ones(size))
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))

    def forward(self, values: Tensor) -> Tensor:
        """To mean 0 and variance 1, cut to a sane range."""
        return ((values - self.mean) * torch.rsqrt(self.variance + 1e-6)).clamp(-CLIP, CLIP)

    def inverse(self, values: Tensor) -> Tensor:
        """From normalised to plain."""
        return values * torch.sqrt(self.variance + 1e-6) + self.mean

    @staticmethod
    def moments(values: Tensor) -> Tensor:
        """Count, sums and sums of squares of (M, size) as one vector that can be added up across processes."""
        values = values.double()
        return torch.cat([values.new_tensor([len(values)]), values.sum(0), values.square().sum(0)])

    def update(self, moments: Tensor) -> None:
        """Merges moments into the running ones."""
        size = len(self.mean)
        count, total, squares = moments[0], moments[1 : size + 1], moments[size + 1 :]
        if count == 0:
            return
        mean = total / count
        variance = (squares / count - mean.square()).clamp(min=0.0)
        merged = self.count + count
        shift = mean - self.mean
        self.variance.copy_(
            (self.variance * self.count + variance * count + shift.square() * self.count * count / merged) / merged
        )
        self.mean += (shift * count / merged).to(self.mean.dtype)
        self.count.copy_(merged)


class FixedNormaliser(Normaliser):
    """One that no new observations change: what has been learnt was learnt with it."""

    def update(self, moments: Tensor) -> None:
        """Changes nothing."""


class Unchanged(nn.Module):
    """Observations that need no normaliser: one-hot features, or pixels, whose range is known."""

    def forward(self, raw: Tensor) -> Tensor:
        """The same."""
        return raw

    def moments(self, raw: Tensor) -> Tensor:
        """None are needed: an empty vector."""
        return torch.zeros(0)

    def update(self, moments: Tensor) -> None:
        """There is nothing to learn."""


class Layers(nn.Sequential):
    """Fully connected layers with ReLU between."""

    bf16 = False
    """Hidden layers compute in bfloat16. Only for learning: `forward_float32` acts, is evaluated and is exported."""

    def forward(self, input: Tensor) -> Tensor:
        """(..., inputs) -> (..., outputs)."""
        if not self.bf16:
            return self.forward_float32(input)
        layers, values = list(self), input
        with torch.autocast("cpu", torch.bfloat16):
            for layer in layers[:-1]:
                values = layer(values)
        return layers[-1](values.float())  # a mean needs all its digits: noise is small beside it

    def forward_float32(self, values: Tensor) -> Tensor:
        """The same in float32."""
        return super().forward(values)


def mlp(sizes: tuple[int, ...], last_gain: float) -> Layers:
    """Fully connected layers with ReLU between; orthogonal weights, the last layer's scaled by `last_gain`."""
    layers: list[nn.Module] = []
    for i, (inputs, outputs) in enumerate(pairwise(sizes)):
        linear = nn.Linear(inputs, outputs)
        nn.init.orthogonal_(linear.weight, last_gain if i == len(sizes) - 2 else 2.0**0.5)
        nn.init.zeros_(linear.bias)
        layers += [linear, nn.ReLU()]
    return Layers(*layers[:-1])


def bfloat16_is_fast() -> bool:
    """This processor multiplies matrices of bfloat16 faster than of float32: twice with AVX-512, three times with AMX.

    Without such instructions torch imitates them, many times slower.
    """
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def gaussian_log_prob(action: Tensor, mean: Tensor, log_std: Tensor) -> Tensor:
    """log N(action; mean, exp(log_std)^2), (M, A) -> (M,)."""
    scaled = (action - mean) * torch.exp(-log_std)
    return -0.5 * scaled.square().sum(-1) - log_std.sum() - 0.5 * float(np.log(2.0 * np.pi)) * action.shape[-1]


def gaussian_kl(old_mean: Tensor, old_log_std: Tensor, mean: Tensor, log_std: Tensor) -> Tensor:
    """Mean KL divergence of N(old) from N(new), exact for diagonal Gaussians, (M, A) -> ()."""
    variance = torch.exp(2.0 * log_std)
    terms = (torch.exp(2.0 * old_log_std) + (old_mean - mean).square()) / variance
    return (log_std - old_log_std + 0.5 * (terms - 1.0)).sum(-1).mean()


class GaussianActorCritic(nn.Module):
    """What diagonal Gaussian policies share whose sigma is one number per action: densities, V(s) and no memory.

    A subclass makes the networks and says how it acts.
    """

    critic: Layers
    """Normalised observations (..., O) -> normalised values (..., 1)."""
    log_std: nn.Parameter
    """Log standard deviation of each action, (A,)."""
    observations: Normaliser
    returns: Normaliser

    def forget(self, ids: np.ndarray) -> None:
        """Episodes ended; there is no memory to clear."""

    @torch.no_grad()
    def value(self, observation: Tensor) -> Tensor:
        """Expected return of normalised observations (..., O) -> (...), in units of reward."""
        return self.returns.inverse(self.critic(observation)).squeeze(-1)

    def outputs(self, observation: Tensor) -> tuple[Tensor, Tensor]:
        """Means (..., A) and normalised V(s) (...) of normalised observations, with gradients."""
        return self.get_submodule("actor")(observation), self.critic(observation).squeeze(-1)

    def log_prob(self, mean: Tensor, action: Tensor) -> Tensor:
        """log pi(a|s) of the actor's means (..., A) and actions (..., A) -> (...)."""
        return gaussian_log_prob(action, mean, self.log_std)

    def entropy(self, mean: Tensor) -> Tensor:
        """Entropy of pi(.|s) [nat], the same in every state, (..., A) -> (...)."""
        entropy = self.log_std.sum() + 0.5 * self.log_std.numel() * float(np.log(2.0 * np.pi * np.e))
        return entropy.expand(mean.shape[:-1])

    def kl(self, old_mean: Tensor, old_log_std: Tensor, mean: Tensor) -> Tensor:
        """Mean KL divergence of the policy that it was from the one that it is, (..., A) -> ()."""
        return gaussian_kl(old_mean, old_log_std, mean, self.log_std)

    def mean_std(self) -> float:
        """Mean standard deviation of an action."""
        return float(self.log_std.detach().exp().mean())

    def add_noise(self, mean: np.ndarray, rng: np.random.Generator | None) -> np.ndarray:
        """Mean actions (N, A), or samples around them where `rng` is given."""
        if rng is None:
            return mean
        return mean + np.exp(self.log_std.detach().numpy()) * rng.standard_normal(mean.shape, dtype=np.float32)


class Policy(GaussianActorCritic):
    """Diagonal Gaussian pi(a|s) = N(mu(s), sigma^2) and V(s), as two networks over one normalised observation.

    The mean is a network of the state; sigma is one number per action (the lecture's Gaussian policy, SFV's fixed
    covariance) that may be learnt.
    """

    def __init__(self, layout: PolicyLayout, initial_std: float = 0.15):
        super().__init__()
        self.layout = layout
        self.actor = mlp((layout.observation_size, *layout.hidden, len(layout.action)), last_gain=0.01)
        self.critic = mlp((layout.observation_size, *layout.hidden, 1), last_gain=1.0)
        self.log_std = nn.Parameter(torch.full((len(layout.action),), float(np.log(initial_std))))
        self.observations = Normaliser(layout.observation_size)
        self.returns = Normaliser(1)

    @torch.no_grad()
    def act(self, observation: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Actions for raw observations (N, O) -> (N, A): the mean, or a sample where `rng` is given."""
        mean = self.actor.forward_float32(self.observations(torch.from_numpy(observation))).numpy()
        return self.add_noise(mean, rng)

    def save(self, path: Path) -> None:
        """Writes weights and layout; a crash leaves the old file or the new one."""
        save_torch(
            {"format": FORMAT_VERSION, "layout": asdict(self.layout), "state": self.state_dict()},
            path,
        )

    def save_actor(self, path: Path, half: bool = True) -> None:
        """Writes what acting needs: actor, standard deviations and normaliser, without critic; small enough to ship.

        Args:
          path: file to write.
          half: the actor's weights and biases in half precision.
        """
        kept = {name: value for name, value in self.state_dict().items() if not name.startswith(VALUE_PARTS)}
        if half:
            kept |= {name: value.half() for name, value in kept.items() if name.startswith("actor.")}
        save_torch({"format": FORMAT_VERSION, "layout": asdict(self.layout), "state": kept}, path)

    @classmethod
    def load(cls, path: Path) -> "Policy":
        """Reads what `save` or `save_actor` wrote; where there is no critic, its weights are new and know nothing.

        Raises:
          InputError: no policy, damaged, or of a version this program cannot read.
        """
        content = load_torch(path, "policy")
        if content.get("format") != FORMAT_VERSION:
            raise InputError(f"{path}: policy format {content.get('format')}, this program reads {FORMAT_VERSION}")
        if "policy" in content:
            raise InputError(f"{path}: no policy of a plain skill; it was made by another command")
        with refuse_damaged(path, "a policy", "delete it to have it made again"):
            layout = content["layout"]
            layout = PolicyLayout(**(layout | {key: tuple(layout[key]) for key in ("action", "hidden")}))
            layout.check_sizes()
            policy, state = cls(layout), content["state"]
            if not any(name.startswith(VALUE_PARTS) for name in state):
                state |= {name: value for name, value in policy.state_dict().items() if name.startswith(VALUE_PARTS)}
            fill_weights(policy, state)
        return policy


def fill_weights(network: nn.Module, state: dict[str, Tensor]) -> None:
    """Fills in weights that were stored.

    Raises:
      ValueError: they are another network's, or not finite.
    """
    try:
        network.load_state_dict(state)
    except RuntimeError as error:  # names or shapes of weights
        raise ValueError("weights that are not those of its layout") from error
    strange = [name for name, value in network.state_dict().items() if not torch.isfinite(value).all()]
    if strange:
        raise ValueError(f"weights {strange[0]} are not finite")


def add_weights(digest: "hashlib._Hash", network: nn.Module, but: tuple[str, ...] = VALUE_PARTS) -> None:
    """Adds a network's weights to a hash, but for those whose names begin so: by default what only learning needs."""
    for name, value in sorted(network.state_dict().items()):
        if not name.startswith(but):
            digest.update(name.encode() + value.double().numpy().tobytes())


def save_torch(content: dict[str, Any], path: Path) -> None:
    """`torch.save`, whole or not at all; the folder of `path` is made."""
    whole = io.BytesIO()
    torch.save(content, whole)  # in memory first: of a full disk torch says "unexpected pos 576 vs 534"
    with replace_file(path) as temporary:
        temporary.write_bytes(whole.getbuffer())


def load_torch(path: Path, kind: str) -> dict[str, Any]:
    """Reads tensors and plain values; nothing in the file can run code.

    Raises:
      InputError: the file is absent or damaged.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a {kind}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises RuntimeError, UnpicklingError, EOFError, KeyError... for damage
        raise InputError(f"{path}: damaged or not a {kind}; delete it to have it made again") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: not a {kind}; delete it to have it made again")
    return content
