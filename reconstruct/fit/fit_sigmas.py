"""How large each residual of the fit is expected to be: what the optimisation weighs."""

from dataclasses import dataclass

EYE_LEVEL = 1.5
"""Height above the ground at which a camera is expected that a hand or a tripod holds [m]."""
CORRELATED_S = 0.2
"""Time for which a detector's errors stay alike [s]: so much of a film is one independent observation."""


@dataclass(frozen=True)
class FitSigmas:
    """Standard deviation of every term's residual: how large it is expected to be. Smaller is stronger."""

    reprojection: float = 0.03
    """Detected landmarks, in the plane of the image [m]."""  # BlazePose: .057 of a torso length in the median
    bones: float = 0.12
    """Ends of bones in the detector's 3D [m]; mostly depth."""
    root_acceleration: float = 6.0
    """Acceleration of the pelvis [m/s2]."""
    root_turning: float = 40.0
    """Angular acceleration of the pelvis [rad/s2]."""
    joint_acceleration: float = 60.0
    """Angular acceleration of joints [rad/s2]."""
    trunk_acceleration: float = 30.0
    """Angular acceleration of chest and neck [rad/s2]."""
    joint_velocity: float = 12.0
    """Angular velocity of joints [rad/s]."""
    tracking: float = 0.05
    """Joints about those of a motion that is repaired [rad]."""
    root_tracking: float = 0.03
    """Root about that of a motion that is repaired [m]."""
    limits: float = 0.05
    """Joints beyond their range [rad]."""
    ground: float = 0.005
    """Height of points in contact [m]."""
    slip: float = 0.003
    """Horizontal slip of points in contact in one frame [m]."""
    penetration: float = 0.005
    """Depth of any part below the ground [m]."""
    entry: float = 0.01
    """Depth of any part inside of a thing that carries the body [m]; larger, since seats and beds give way."""
    lying: float = 0.02
    """Height of the lowest part of a body that lies on the ground [m]."""
    rolling: float = 0.01
    """Height of trunk, knees or elbows in contact [m]; larger than `ground`, since flesh gives way."""
    back: float = 0.025
    """Height of back and head on a bed [m]; larger still, since both give way."""
    roll: float = 0.006
    """Slip of trunk, knees or elbows in contact in one frame [m]."""
    gravity: float = 0.25
    """Acceleration of the centre of mass in flight, relative to gravity [m/s2]."""
    spin: float = 15.0
    """Moment about the centre of mass in flight [N m], of a body of 75 kg."""
    free_moment: float = 15.0
    """Moment about the vertical that friction cannot hold [N m], of a body of 75 kg."""
    friction: float = 1.0
    """Force on the ground outside of the friction cone, by mass [m/s2]."""
    zmp: float = 0.06
    """Distance of the zero-moment point from the support [m]."""
    unsupported: float = 1.0
    """Force by mass that no contact gives, where something above the ground carries as well [m/s2]."""
    tilt: tuple[float, float] = (0.25, 0.05)
    """Pitch and roll of the camera [rad]: most films are held level."""
    camera_height: float = 0.3
    """Logarithm of the camera's height above the ground over `EYE_LEVEL`, in Cauchy's loss: most who film stand."""
    focal: float = 0.15
    """Logarithm of the focal length about the expected one."""
