"""`sfv fit-lifter`: from motion capture to the file of weights that ships with the program."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import tyro

from imitate.locomotion.interrupt import postpone_interrupt
from imitate.policy import load_torch, save_torch
from pose.archive import save_arrays
from pose.downloads import cache_folder
from pose.errors import InputError
from pose.ranges import check_seed
from reconstruct.characters.character import load_character
from reconstruct.kinematics import point_positions
from reconstruct.lifting.depth_density import CLEAR, calibration_error
from reconstruct.lifting.lifter import DILATIONS, FORMAT_VERSION, WEIGHTS, Lifter, to_density
from reconstruct.lifting.lifter_input import BONES, FEATURES, LANDMARKS, LIMBS
from reconstruct.observations import landmark_points
from sfv.console import bar, console
from sfv.lifter.detector_noise import DetectorNoise, FilmedExamples
from sfv.lifter.films import ACROBATS, make_films
from sfv.lifter.mocap import Mocap, load_mocap
from sfv.lifter.network import LifterNetwork, negative_log_density
from sfv.lifter.views import FRAMES, ExampleMaker

BATCH = 64
"""Examples a step."""
FILMED_SHARE = 0.06
"""Share of a batch that are real detections."""
TEST_FILMS = 0.15
"""Share of the films, the last ones, that are only tested on."""
ACROBATIC = 4.0
"""How much more often acrobats are drawn than by their share of the data."""
SAVE_EVERY = 250
"""Steps between two checkpoints."""
ARMS_AND_LEGS = [BONES.index(limb) for limb in LIMBS]
"""Where `LIMBS` are among `BONES`."""


@dataclass
class Halt:
    """Whether Ctrl-C was pressed."""

    stop: bool = False


@dataclass(frozen=True)
class FitConfig:
    """How the lifter is trained."""

    archive: Path
    """The .tar.xz of the archive cmu24, motion capture of CMU's."""
    films: int = 58
    """Number of films on which the pose network's errors are measured."""
    steps: int = 4500
    """Number of updates."""
    learning_rate: float = 1.5e-3
    """Of AdamW at the start; it falls to 0 along a cosine."""
    seed: int = 0
    """Of everything drawn at random."""
    out: Path = WEIGHTS
    """File to write."""

    def __post_init__(self) -> None:
        check_seed(self.seed)
        if self.films < 2:
            raise InputError(f"--films {self.films}: give at least 2, one to learn from and one to test on")
        if self.steps < 1:
            raise InputError(f"--steps {self.steps}: give at least 1")
        if not 0.0 < self.learning_rate < 1.0:
            raise InputError(f"--learning-rate {self.learning_rate}: give a number between 0 and 1")


def fit_lifter(config: Annotated[FitConfig, tyro.conf.arg(name="")]) -> None:
    """Trains the network that reads the depth of limbs, from motion capture and detected films; goes on where it was.

    Args:
      config: how.
    """
    character = load_character("humanoid")
    mocap = load_mocap(config.archive, character)
    with bar("films") as progress:
        films = list(make_films(mocap, config.films, progress))
    held = max(1, round(TEST_FILMS * len(films)))
    xyz_w = point_positions(character.model, mocap.qpos, landmark_points(character, LANDMARKS)).astype(np.float32)
    noise = DetectorNoise.of(films[:-held])
    trained = make_maker(mocap, xyz_w, False, noise, FilmedExamples.of(films[:-held]))
    tested = make_maker(mocap, xyz_w, True, DetectorNoise.of(films[-held:]), None)
    network = train(config, trained)
    save_arrays(config.out, "lifter", FORMAT_VERSION, network.export())
    digest = hashlib.sha256(config.out.read_bytes()).hexdigest()
    console.print(f"{config.out}: {config.out.stat().st_size / 1e6:.2f} MB, sha256 {digest}")
    for name, row in evaluate(Lifter.load(config.out), tested, FilmedExamples.of(films[-held:])).items():
        console.print(f"  {name}: {row}")


def make_maker(
    mocap: Mocap, xyz_w: np.ndarray, held_out: bool, noise: DetectorNoise, filmed: FilmedExamples | None
) -> ExampleMaker:
    """Examples of the training subjects or of the others."""
    clips = [part for part in mocap.select(held_out) if part.stop - part.start >= FRAMES]
    subject = {int(first): name.split("_")[0] for name, first in zip(mocap.names, mocap.start[:-1], strict=True)}
    weight = np.array([(part.stop - part.start) * (ACROBATIC if subject[part.start] in ACROBATS else 1.0)
                       for part in clips])  # fmt: skip
    return ExampleMaker(xyz_w, clips, weight / weight.sum(), noise, filmed)


def train(config: FitConfig, maker: ExampleMaker) -> LifterNetwork:
    """All updates; each draws its examples from its own seed, so that a run that is cut off goes on as it would have.

    The checkpoint lies in the cache, by what changes the result. Ctrl-C saves before it ends.
    """
    torch.manual_seed(config.seed)
    network = LifterNetwork()
    optimiser = torch.optim.AdamW(network.parameters(), lr=config.learning_rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, config.steps)
    data = hashlib.sha256(config.archive.read_bytes()).hexdigest()
    shape = (BATCH, FILMED_SHARE, FEATURES, DILATIONS)
    settings = repr((data, config.films, config.steps, config.learning_rate, config.seed, shape))
    place = cache_folder() / "lifter" / f"fit-{hashlib.sha256(settings.encode()).hexdigest()[:12]}.pt"
    parts: dict[str, Any] = {"network": network, "optimiser": optimiser, "schedule": schedule}
    done = load_checkpoint(place, parts)
    halt = Halt()
    with bar("fit") as progress, postpone_interrupt(halt):
        for step in range(done, config.steps):
            examples = maker.draw(BATCH, np.random.default_rng((config.seed, step)), FILMED_SHARE)
            features, depth, known = map(torch.from_numpy, (examples.features, examples.depth, examples.known))
            loss = (negative_log_density(network(features), depth).mean(dim=-1) * known).sum() / known.sum()
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            progress(step + 1, config.steps, f"loss {loss.item():.3f}")
            if (step + 1) % SAVE_EVERY == 0 or halt.stop:
                save_torch({name: part.state_dict() for name, part in parts.items()} | {"step": step + 1}, place)
            if halt.stop:
                raise KeyboardInterrupt
    return network


def load_checkpoint(place: Path, parts: dict[str, Any]) -> int:
    """Puts the saved states in place; returns the number of updates done."""
    if not place.is_file():
        return 0
    state = load_torch(place, "checkpoint of the lifter")
    for name, part in parts.items():
        part.load_state_dict(state[name])
    return int(state["step"])


def evaluate(lifter: Lifter, tested: ExampleMaker, films: FilmedExamples) -> dict[str, str]:
    """Sign accuracy of arms and legs and its calibration, of subjects and of films that were never trained on."""
    rows = {}
    examples = tested.draw(400, np.random.default_rng(1))
    for name, features, depth, known in (
        ("motion capture held out", examples.features, examples.depth, examples.known),
        ("films held out", films.features, films.depth, films.known),
    ):
        positive = np.stack([to_density(lifter.evaluate(f)).positive for f in features])
        clear = ((np.abs(depth) > CLEAR) & (known[..., None] > 0))[..., ARMS_AND_LEGS]
        true, chance = depth[..., ARMS_AND_LEGS][clear] > 0, positive[..., ARMS_AND_LEGS][clear]
        right = (chance > 0.5) == true
        hint = features[..., 3 * len(LANDMARKS) : 3 * len(LANDMARKS) + len(BONES)][..., ARMS_AND_LEGS][clear]
        error = calibration_error(np.maximum(chance, 1.0 - chance), right)
        detector = ((hint > 0) == true).mean()
        rows[name] = f"sign right {right.mean():.3f} (detector {detector:.3f}), calibration error {error:.3f}"
    return rows
