"""Options of the environment."""

from dataclasses import dataclass, field

from imitate.env.reward import RewardConfig


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
    """Standard deviation of a box's place and yaw at the start of an episode [m and rad]; it only moves away."""
    push_speed: float | None = None
    """Strongest random push while learning, as a change of the body's speed [m/s]; default 0.6 after a warm start."""
    # Against the root, for 0.2 s from any side; none where there is a box to push. None is for `TrainConfig.resolve` to
    # fill; an environment takes it for 0.
    push_interval: float = 2.0
    """Time between such pushes [s]."""
    sensor_noise: float = 0.0
    """Factor on the noise of measurements while learning; 1 is a robot's: encoders .01 rad, the root 1 cm."""
    delay: float = 0.0
    """Longest time from measurement to servo while learning [control steps]; each episode has its own."""
