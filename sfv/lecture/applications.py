"""The lecture's applications on its page: the formulas of the papers, and the functions that compute them."""

from collections.abc import Callable
from typing import Any

from imitate.adapt import networks as adapting
from imitate.adapt import regression, runner
from imitate.env import reward
from imitate.lecture import a3c, pixels, pong, recurrent
from imitate.locomotion import dynamics, terrain
from imitate.locomotion import reward as walking_reward
from imitate.training import initial_state, ppo
from imitate.vision import depth_camera, imitation, scandots
from imitate.vision import networks as seeing
from imitate.vision import regression as student

Row = tuple[str, Callable[..., Any] | type]
"""A formula, or what is computed in words, and what computes it."""

SKILLS: list[Row] = [
    (r"$r_t = \sum_i w_i \exp(-\alpha_i e_i)$: pose, velocity ...", reward.imitation_reward),
    (r"$\pi_\theta$ by PPO, Gaussian over targets of the joints", ppo.PPO),
    ("where episodes start, learnt", initial_state.AdaptiveStart),
]
ADAPTATION: list[Row] = [
    (r"$z_t = \mu(e_t)$, $a_t = \pi(x_t, a_{t-1}, z_t)$", adapting.AdaptiveActor),
    (r"$\hat z_t = \phi(x_{t-k:t-1}, a_{t-k:t-1})$", adapting.AdaptationModule),
    (r"$\phi$ beside $\pi$, each at its own rate", runner.AdaptiveRunner),
    (r"$\min_\phi \lVert \hat z_t - z_t \rVert^2$ on $\phi$'s own rollouts", regression.Regression),
    (r"$e_t$: payload, strength, friction ..., drawn anew", dynamics.Dynamics),
    ("ten terms of the reward", walking_reward.compute_reward),
    ("fractal ground", terrain.make_fractal),
]
VISION: list[Row] = [
    (r"$m_t$: scandots, heights around the robot", scandots.read_scandots),
    (r"teacher: $a_t = \mathrm{MLP}(\mathrm{GRU}(x_t, a_{t-1}, m_t))$, or RMA's", seeing.SeeingActor),
    ("its imitation before PPO (DAgger)", imitation.Imitation),
    (r"depth pictures $d_t$, with latency and noise", depth_camera.DepthCamera),
    (r"student: $\hat\gamma_t = f(\mathrm{GRU}(\mathrm{conv}(d_t), x_t, a_{t-1}))$ for $\gamma(m_t)$", seeing.Student),
    (r"$\min \lVert \hat a_t - a_t \rVert^2$ on the student's own walks, through time", student.StudentRegression),
]
ATARI: list[Row] = [
    ("frames skipped, maximum, grey, 84 x 84, stacked; no-ops", pong.Pong),
    ("convolutions, policy and value on one trunk", pixels.PixelPolicy),
    ("the same with an LSTM, back-propagation through time", recurrent.RecurrentPolicy),
    (r"$\theta \leftarrow \theta - \eta\, g / \sqrt{E[g^2] + \epsilon}$, shared", a3c.SharedRMSprop),
    ("(score - random) / (human - random)", pong.human_normalised),
]
APPLICATIONS: dict[str, tuple[list[Row], str]] = {
    "Skills from video (Peng et al. 2018)": (SKILLS, "The whole project is about it: [method.md](../docs/method.md)."),
    "Adaptive policies for robot locomotion: RMA (Kumar et al. 2021)": (
        ADAPTATION,
        "`sfv adapt go1` and `sfv adapt --skill walk` learn it; the paper's table and ours:\n"
        "[adaptation.md](../docs/adaptation.md).",
    ),
    "Locomotion with vision in the loop (Agarwal et al. 2022)": (
        VISION,
        "`sfv see` learns it; the paper's table and ours: [vision.md](../docs/vision.md).",
    ),
    "A3C's table: Atari (Mnih et al. 2016)": (
        ATARI,
        "`sfv learn pong --algorithm a3c --network lstm` (also `a2c`, `ppo`; `ff`) learns one game of the table from\n"
        "pixels. It takes hours and is no part of the run that wrote this page; the command prints score,\n"
        "human-normalised score, samples, frames, wall clock and processor time. It needs the extra `atari` (ale-py).",
    ),
}


def list_applications(link: Callable[[Any], str]) -> list[str]:
    """Lists the applications' formulas and where they stand; `link` names a function and its file."""
    lines = ["## Applications", ""]
    for title, (rows, note) in APPLICATIONS.items():
        lines += [f"### {title}", "", "| formula | function |", "|---|---|"]
        lines += [*(f"| {formula} | {link(function)} |" for formula, function in rows), "", note, ""]
    return lines
