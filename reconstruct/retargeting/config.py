"""How tightly each term of a retargeted motion holds."""

from dataclasses import dataclass, field

from pose.ranges import POSITIVE, check_ranges, name_numbers
from reconstruct.retargeting.ik_targets import TargetSigmas


@dataclass(frozen=True)
class RetargetConfig:
    """Standard deviation of each term: how tightly it holds; smaller is stronger."""

    targets: TargetSigmas = field(default_factory=TargetSigmas)
    """Standard deviations of the landmarks' targets [m]."""
    seam: float = 0.01
    """Difference of the two ends of a cycle: height and tilt of the root, joints [m or rad]."""
    posture: float = 1.0
    """Joints about their rest pose or, on a body of the same joints, about the original's [rad]."""
    limits: float = 0.01
    """Joints beyond their range [rad]."""
    ground: float = 0.002
    """Distance of points in contact from their place on the ground [m]."""
    penetration: float = 0.002
    """Depth of any part below the ground [m]."""
    limbs: float = 0.005
    """Depth of forearms and hands in pelvis and legs [m]."""
    balance: float = 0.01
    """Horizontal distance of the centre of mass from the original's relative to the feet, not in flight [m]."""
    acceleration: float = 60.0
    """Angular acceleration of the joints [rad/s2]."""
    root_acceleration: float = 30.0
    """Acceleration of the root [m/s2]."""
    speed: float = 7.5  # Atlas's published limits are 9 to 12
    """Largest angular velocity of joints, a soft limit [rad/s]."""
    gravity: float = 1.0
    """Acceleration of the centre of mass in flight, relative to gravity [m/s2]."""
    push: float = 1.5
    """Acceleration of the centre of mass on the ground, relative to the original's [m/s2]."""
    spin: float = 0.05
    """Moment about the centre of mass in flight, by mass and squared height [rad/s2]."""
    pose_iterations: int = 20
    """Largest number of steps of the first, frame-by-frame solution."""
    iterations: int = 14
    """Largest number of steps of each of the two passes over the whole trajectory."""
    tolerance: float = 1e-2
    """Relative decrease of the cost in one step below which a pass ends."""

    def check(self) -> "RetargetConfig":
        """The config itself.

        Raises:
          InputError: an option is out of its range.
        """
        check_ranges(self.targets, name_numbers(self.targets, POSITIVE), "retarget.targets.")
        iterations = dict.fromkeys(("pose_iterations", "iterations"), (1, 1000))
        check_ranges(self, name_numbers(self, POSITIVE) | iterations, "retarget.")
        return self
