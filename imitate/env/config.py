"""Options of the environment."""

from dataclasses import dataclass, field

from imitate.env.pushes import PUSH_SECONDS
from imitate.env.reward import RewardConfig
from pose.errors import InputError
from pose.ranges import check_ranges


@dataclass(frozen=True)
class EnvConfig:
    """Reward, endings, starts and pushes of the environment."""

    reward: RewardConfig = field(default_factory=RewardConfig)
    """Weights and steepness of the reward's terms (SFV)."""
    action_scale: float = 0.25
    """Offset of a servo's target from the reference's next pose for an action of 1 [rad]."""
    tracking_threshold: float = 0.5
    """An episode ends when the root or a key body is this far from the reference [m]."""
    episode_seconds: float = 10.0
    """Longest episode of a loop [s]; a clip that does not loop is passed once."""
    pose_noise: float = 0.02
    """Standard deviation of joint angles about the reference at the start of an episode [rad]."""
    velocity_noise: float = 0.1
    """Standard deviation of joint speeds about the reference at the start of an episode [rad/s]."""
    box_noise: float = 0.05
    """Standard deviation of a box's place and yaw at the start of an episode [m and rad]; it never moves nearer."""
    push_speed: float | None = None
    """Strongest random push while learning, as a change of the body's speed [m/s]; default 0.6 after a warm start."""
    # Against the root, for 0.2 s from any side; none where there is a box to push. None is for `TrainConfig.resolve` to
    # fill; an environment takes it for 0.
    push_interval: float = 2.0
    """Time between such pushes [s]."""
    slide_weight: float | None = None
    """What the squared speed along the ground of feet and hands that carry weight costs while learning [s^2/m^2]."""
    # Evaluations leave it out, so that returns stay those of the paper's reward. None as for `push_speed`.
    sensor_noise: float = 0.0
    """Factor on the noise of measurements while learning; 1 is a robot's: encoders .01 rad, the root 1 cm."""
    delay: float = 0.0
    """Longest time from measurement to servo while learning [control steps]; each episode has its own."""

    def check(self) -> None:
        """Raises `InputError` if an option is out of its range."""
        if not 0.0 <= self.sensor_noise <= 10.0 or not 0.0 <= self.delay <= 10.0:
            raise InputError(f"env.sensor_noise {self.sensor_noise:g}, env.delay {self.delay:g}: give 0 to 10 each")
        if self.delay != round(self.delay):
            raise InputError(f"env.delay {self.delay:g}: give a whole number of control steps")
        if not (self.push_speed or 0.0) >= 0.0 or not self.push_interval >= 2.0 * PUSH_SECONDS:
            raise InputError(
                f"env.push_speed {self.push_speed} m/s, env.push_interval {self.push_interval} s: give 0 m/s or more, "
                f"{2.0 * PUSH_SECONDS:g} s or more"
            )
        noises = dict.fromkeys(("pose_noise", "velocity_noise", "box_noise"), (0.0, 10.0))
        check_ranges(self, noises | {"action_scale": (1e-3, 10.0), "tracking_threshold": (0.01, 100.0)}, "env.")
        if not 0.0 <= (self.slide_weight or 0.0) <= 100.0:
            raise InputError(f"env.slide_weight {self.slide_weight:g}: give 0 to 100")
        check_ranges(self, {"episode_seconds": (0.1, 3600.0)}, "env.")
        self.reward.check("env.reward.")
