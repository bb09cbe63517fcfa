"""`python -m sfv learn pong`: A3C, A2C or PPO learns Pong from pixels, feed-forward or with an LSTM."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from imitate.lecture.pong import (
    HUMAN_SCORE,
    RANDOM_SCORE,
    SCREEN,
    SKIP,
    Pong,
    check_emulator,
    human_normalised,
    play_games,
)
from imitate.lecture.pong_training import Games, NetworkKind, PongAlgorithm, PongConfig, PongTraining, save_policy
from imitate.lecture.problems import Agent
from imitate.lecture.recurrent import RecurrentPolicy
from imitate.lecture.settings import ALGORITHMS
from pose.errors import InputError
from pose.ranges import check_seed
from pose.video import VideoWriter
from sfv.console import bar, console
from sfv.rows import describe_machine
from sfv.run_folder import RUNS, lock_folder, make_folder
from sfv.stage import write_json

BUDGETS: dict[PongAlgorithm, int] = {"ppo": 2_000_000, "a2c": 8_000_000, "a3c": 8_000_000}
"""Algorithm -> actions to take."""
NETWORKS = {"ff": "feed-forward", "lstm": "LSTM"}
GOAL = 18.0
"""Score that counts as learnt."""
EVALUATION_GAMES, EVALUATION_SEED = 30, 10_000
FRAMES_A_SECOND = 60
"""Of the console, NTSC [Hz]."""
ENLARGE = 3
"""Pixels of the film for one of the console's."""


@dataclass(frozen=True)
class LearnPongConfig:
    """Learns Pong from pixels, plays whole games, and prints the score; Ctrl-C loses nothing."""

    algorithm: PongAlgorithm = "ppo"
    """How it is learnt: by A3C's workers without locks, A2C or PPO."""
    network: NetworkKind = "ff"
    """Feed-forward, or with an LSTM of 256 cells after the last hidden layer."""
    samples: int | None = None
    """Actions to take, four frames each; if left out, 2 million for PPO and 8 million for the others."""
    seed: int = 0
    """Seed of weights, games and noise."""
    workers: int = 0
    """Processes of A3C, or threads of the others; 0 is one for each core."""
    film: bool = False
    """Writes a film of one game, game.mp4."""
    out: Path | None = None
    """Folder for checkpoint, policy, learning curve and film; if left out, runs/learn/pong_<algorithm>_<network>."""

    def __post_init__(self) -> None:
        check_seed(self.seed)
        if self.samples is not None and self.samples < 1:
            raise InputError(f"--samples {self.samples}: expected a positive number")
        if self.workers < 0:
            raise InputError(f"--workers {self.workers}: expected 0, for one a core, or a positive number")

    def folder(self) -> Path:
        """Where everything is written."""
        return self.out or RUNS / "learn" / f"pong_{self.algorithm}_{self.network}"

    def title(self) -> str:
        """What learns, in words."""
        name = ALGORITHMS[self.algorithm].title.split(",")[0]
        return f"{name}, {NETWORKS[self.network]}, on Pong"

    def resolve(self) -> PongConfig:
        """The training that it stands for."""
        samples = BUDGETS[self.algorithm] if self.samples is None else self.samples
        workers = self.workers or describe_machine()["cores"]
        return PongConfig(self.algorithm, self.network, samples, self.seed, workers)


def learn_pong(config: Annotated[LearnPongConfig, tyro.conf.arg(name="")]) -> None:
    """Learns, or goes on where it was stopped; then evaluates, and leaves policy, curve and, if asked, a film."""
    check_emulator()
    folder = config.folder()
    make_folder(folder)
    with lock_folder(folder):
        with bar(config.title()) as progress:
            training = PongTraining(config.resolve(), folder, progress)
            policy = training.run()
        save_policy(policy, folder / "policy.pt")
        console.print(f"plays {EVALUATION_GAMES} games ...")
        scores = play_games(policy, EVALUATION_GAMES, EVALUATION_SEED, training.config.workers)
        result = summarise(config, training, scores)
        write_json(folder / "result.json", result)
        write_curve(folder, config.title(), training.games)
        console.print(describe(config.title(), result), soft_wrap=True)
        if config.film:
            score = film_game(policy, folder / "game.mp4", EVALUATION_SEED)
            console.print(f"{folder / 'game.mp4'}: a game that ends {score:+.0f}")
        console.print(str(folder / "curve.png"), soft_wrap=True)


def summarise(config: LearnPongConfig, training: PongTraining, scores: np.ndarray) -> dict[str, Any]:
    """All figures of a run; `scores` are of whole games after learning, (G,)."""
    reached = training.games.find_reached(GOAL)
    mean = float(scores.mean())
    return {
        "algorithm": config.algorithm,
        "network": config.network,
        "seed": config.seed,
        "score": mean,
        "score_interval": 1.96 * float(scores.std(ddof=1)) / math.sqrt(len(scores)),
        "scores": scores.tolist(),
        "human_normalised": human_normalised(mean),
        "samples": training.samples,
        "frames": SKIP * training.samples,
        "seconds": training.seconds,
        "cpu_seconds": training.cpu_seconds,
        "samples_to_goal": None if reached is None else training.games.samples[reached],
        "seconds_to_goal": None if reached is None else training.games.seconds[reached],
        "cpu_seconds_to_goal": None if reached is None else training.games.cpu_seconds[reached],
        "workers": training.config.workers,
        "machine": describe_machine(),
    }


def describe(title: str, result: dict[str, Any]) -> str:
    """The figures of `summarise` in words."""
    reached = (
        f"not reached by the mean of 100 games ({GOAL:.0f})"
        if result["samples_to_goal"] is None
        else f"{GOAL:.0f} in the mean of 100 games after {result['samples_to_goal']:,} samples, "
        f"{result['seconds_to_goal'] / 60:.1f} min ({result['cpu_seconds_to_goal'] / 60:.1f} min of processor time)"
    )
    return (
        f"[bold]{title}[/bold]: score {result['score']:.1f} +- {result['score_interval']:.1f} "
        f"(95 %, {len(result['scores'])} games), human-normalised {result['human_normalised']:.0%} "
        f"(chance {RANDOM_SCORE}, a person {HUMAN_SCORE})\n"
        f"{result['samples']:,} samples, {result['frames']:,} frames, {result['seconds'] / 60:.1f} min of wall clock, "
        f"{result['cpu_seconds'] / 60:.1f} min of processor time, {result['machine']['cores']} cores\n"
        f"while learning: {reached}"
    )


def write_curve(folder: Path, title: str, games: Games) -> None:
    """Writes the scores of the games played while learning, as a picture and as numbers."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    scores = np.array(games.score)
    axes.plot(games.samples, scores, ".", markersize=2, color="#a8c0d8", label="a game")
    window = min(100, max(1, len(scores) // 5))
    if len(scores):
        means = np.convolve(scores, np.full(window, 1.0 / window), mode="valid")
        axes.plot(games.samples[window - 1 :], means, color="#4878a8", label=f"mean of {window} games")
    for value, name in ((RANDOM_SCORE, "chance"), (HUMAN_SCORE, "a person")):
        axes.axhline(value, color="grey", linestyle=":", linewidth=1)
        axes.annotate(name, (1.0, value), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=7)
    axes.set_xlim(left=0)
    axes.set(title=title, xlabel="samples (four frames each)", ylabel="score", ylim=(-22, 22))
    axes.legend(loc="upper left", fontsize=7)
    figure.savefig(folder / "curve.png", dpi=120)
    (folder / "curve.json").write_text(json.dumps({"title": title, **vars(games)}) + "\n", encoding="utf-8")


def film_game(policy: Agent, path: Path, seed: int) -> float:
    """Films one game; the policy sees what it always sees, the film shows the console's picture at every action.

    Two consoles play the same game: one emulator draws for the policy, the other for people.

    Returns:
      The score.
    """
    seen, shown = Pong(1), Pong(1, colour=True)
    rng = np.random.default_rng(seed)
    for game in (seen, shown):
        game.start(rng=np.random.default_rng(seed))
    if isinstance(policy, RecurrentPolicy):
        policy.begin(1)
    score, size = 0.0, (ENLARGE * SCREEN[1], ENLARGE * SCREEN[0])
    with VideoWriter(path, FRAMES_A_SECOND / SKIP, size) as video:
        while True:
            picture = shown.observe()[0, 0]
            video.write(picture.repeat(ENLARGE, axis=0).repeat(ENLARGE, axis=1))
            action = policy.act(seen.observe(), rng)
            result = seen.step(action)
            shown.step(action)
            score += float(result.reward[0])
            if result.done[0]:
                return score
