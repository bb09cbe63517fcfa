"""Key poses of the demonstration motions, made up for this project: what a body does when, in degrees and metres.

A plan is only a sketch; `sfv.demo.motions` turns it into a motion that obeys physics.

Signs are a sports coach's: hips, shoulders, elbows and knees bend with positive flexion, ankles lift the toes, chest,
neck and root bend forward with positive pitch and to the left with positive lean; abduction lifts a limb sideways.
A channel without a side is meant for both.
"""

from dataclasses import dataclass, field, replace

from reconstruct.scene_objects import SceneObject

Channel = tuple[float, ...]


@dataclass(frozen=True)
class Plan:
    """Key poses and contacts of one motion."""

    times: Channel
    """When the key poses are reached [s]; the last one ends the motion."""
    channels: dict[str, Channel]
    """Channel -> its value at each time: angles [deg]; `height`, `forward` and `left` of the mid-hip [m] at a body
    height of 1.75 m. Channels that are not named stay zero (at standing height)."""
    contacts: dict[str, tuple[tuple[float, ...], ...]]
    """Contact -> when it touches the ground [s]: left_heel, left_toe, right_heel, right_toe, left_hand, right_hand;
    `heels`, `toes` and `hands` stand for both sides. A third number says which of `things` it touches instead; `seat`
    and `back` touch nothing else."""
    cycles: int = 1
    """How often the plan is gone through: more than once for a gait, whose last key pose is then its first."""
    stride: float = 0.0
    """Way forward in one cycle [m]."""
    azimuth: float = 108.0
    """Compass direction in which the demo's camera looks [deg]; the person looks along 0, 90 sees the right side."""
    things: tuple[SceneObject, ...] = field(default=(), repr=False)
    """What carries besides the ground. A bar is moved to where the hands hold it."""


BACKFLIP = Plan(
    #      stand  ready  crouch  push  off   tuck   tucked open   land  absorb rise  stand
    times=(0.00, 0.30, 0.68, 0.84, 0.95, 1.12, 1.28, 1.46, 1.62, 1.80, 2.20, 2.50),
    channels={
        "pitch": (0, 0, 34, 8, -14, -90, -195, -285, -342, -322, -356, -360),
        "height": (0.895, 0.895, 0.60, 0.76, 0.98, 1.32, 1.42, 1.25, 0.86, 0.64, 0.87, 0.895),
        "forward": (0, 0, -0.06, -0.04, -0.04, -0.12, -0.22, -0.34, -0.40, -0.42, -0.36, -0.36),
        "chest": (0, -3, 14, 0, -14, 14, 26, 18, 10, 14, 3, 0),
        "neck": (0, 0, -18, -14, -18, 10, 14, -12, -14, -16, 0, 0),
        "hip": (0, 0, 92, 42, -8, 96, 134, 96, 36, 84, 8, 0),
        "knee": (0, 0, 98, 68, 8, 104, 146, 98, 28, 92, 10, 0),
        "ankle": (0, 0, 30, 8, -34, -28, -20, -18, -8, 30, 3, 0),
        "shoulder": (0, 75, -48, 75, 165, 95, 62, 50, 55, 62, 12, 0),
        "abduct_shoulder": (4, 6, 8, 6, 6, 8, 8, 8, 12, 12, 6, 4),
        "elbow": (4, 8, 10, 14, 10, 56, 84, 50, 30, 35, 12, 4),
        "abduct_hip": (0, 0, 4, 3, 0, 3, 5, 4, 2, 5, 1, 0),
    },
    contacts={
        "toes": ((0.00, 0.95), (1.62, 9.0)),
        "heels": ((0.00, 0.86), (1.66, 9.0)),
    },
    azimuth=104.0,
)

JUMP = Plan(
    #      stand  ready  crouch push  off   up    reach  land  absorb rise  stand
    times=(0.00, 0.30, 0.66, 0.82, 0.92, 1.08, 1.28, 1.40, 1.58, 1.95, 2.25),
    channels={
        "pitch": (0, -2, 40, 22, 14, 8, 0, -4, 26, 4, 0),
        "height": (0.895, 0.895, 0.62, 0.76, 0.94, 1.10, 1.06, 0.90, 0.62, 0.87, 0.895),
        "forward": (0, 0, -0.05, 0.10, 0.28, 0.60, 0.98, 1.16, 1.34, 1.46, 1.48),
        "chest": (0, -2, 16, 6, -4, 4, 14, 14, 16, 3, 0),
        "neck": (0, 0, -22, -14, -8, -6, -4, -2, -14, 0, 0),
        "hip": (0, 2, 95, 52, 2, 34, 66, 58, 96, 10, 0),
        "knee": (0, 4, 96, 66, 10, 50, 46, 26, 98, 12, 0),
        "ankle": (0, 2, 28, 6, -34, -16, 6, 8, 32, 4, 0),
        "shoulder": (0, 70, -52, 40, 130, 140, 95, 60, 40, 10, 0),
        "abduct_shoulder": (4, 6, 8, 6, 8, 10, 10, 10, 10, 6, 4),
        "elbow": (4, 8, 8, 16, 18, 20, 22, 22, 26, 12, 4),
        "abduct_hip": (0, 0, 4, 3, 1, 2, 3, 3, 5, 1, 0),
    },
    contacts={
        "toes": ((0.00, 0.92), (1.42, 9.0)),
        "heels": ((0.00, 0.83), (1.40, 9.0)),
    },
    azimuth=106.0,
)

CARTWHEEL = Plan(
    #      stand  arms   step  lunge  reach  hand1 hand2 over  foot1  rise  foot2 close stand
    times=(0.00, 0.35, 0.75, 0.95, 1.13, 1.28, 1.50, 1.76, 2.04, 2.22, 2.42, 2.95, 3.30),
    channels={
        "lean": (0, -3, 8, 32, 70, 100, 142, 190, 242, 280, 318, 357, 360),
        "left": (0, -0.06, 0.22, 0.46, 0.68, 0.83, 1.06, 1.36, 1.66, 1.86, 2.05, 2.38, 2.40),
        "height": (0.895, 0.895, 0.85, 0.80, 0.76, 0.80, 0.96, 1.04, 0.94, 0.84, 0.82, 0.885, 0.895),
        "left_abduct_shoulder": (6, 100, 140, 140, 130, 122, 136, 158, 172, 172, 150, 50, 6),
        "right_abduct_shoulder": (6, 100, 135, 150, 165, 174, 160, 138, 122, 124, 120, 50, 6),
        "elbow": (4, 8, 6, 6, 4, 4, 4, 4, 4, 6, 8, 10, 4),
        "left_abduct_hip": (0, 4, 30, 22, 24, 32, 46, 50, 48, 44, 36, 5, 0),
        "right_abduct_hip": (0, 3, 26, 36, 50, 56, 54, 50, 40, 28, 26, 5, 0),
        "left_hip": (0, 2, 12, 26, 22, 10, 2, 2, 2, 6, 10, 4, 0),
        "right_hip": (0, 4, 4, 4, 2, 2, 2, 2, 10, 20, 14, 4, 0),
        "left_knee": (0, 4, 16, 40, 34, 14, 2, 2, 2, 6, 14, 6, 0),
        "right_knee": (0, 8, 6, 4, 2, 2, 2, 2, 14, 34, 22, 6, 0),
        "left_ankle": (0, 2, 4, 12, 8, -16, -36, -36, -36, -16, 2, 2, 0),
        "right_ankle": (0, 4, 0, -20, -36, -36, -36, -36, -14, 12, 6, 2, 0),
        "chest_lean": (0, 0, 6, 14, 18, 14, 4, -2, -12, -16, -8, 0, 0),
    },
    contacts={
        "left_heel": ((0.00, 0.36), (0.76, 1.28), (2.46, 9.0)),
        "left_toe": ((0.00, 0.40), (0.74, 1.38), (2.40, 9.0)),
        "right_heel": ((0.00, 0.86), (2.10, 9.0)),
        "right_toe": ((0.00, 0.96), (2.04, 9.0)),
        "left_hand": ((1.28, 1.82),),
        "right_hand": ((1.50, 2.14),),
    },
    azimuth=186.0,
)

WALK = Plan(
    times=(0.000, 0.055, 0.110, 0.220, 0.330, 0.440, 0.550, 0.605, 0.660, 0.770, 0.880, 0.990, 1.100),
    channels={
        # From right heel strike, after Winter (1991), "The biomechanics and motor control of human gait".
        "right_hip": (26, 26, 24, 14, 2, -8, -13, -11, -4, 14, 26, 28, 26),
        "left_hip": (-13, -11, -4, 14, 26, 28, 26, 26, 24, 14, 2, -8, -13),
        "right_knee": (4, 12, 18, 14, 6, 5, 14, 26, 42, 62, 40, 8, 4),
        "left_knee": (14, 26, 42, 62, 40, 8, 4, 12, 18, 14, 6, 5, 14),
        "right_ankle": (0, -5, -1, 5, 8, 10, 2, -10, -18, -4, 1, 2, 0),
        "left_ankle": (2, -10, -18, -4, 1, 2, 0, -5, -1, 5, 8, 10, 2),
        "right_shoulder": (-22, -21, -18, -9, 2, 11, 15, 14, 11, 4, -8, -18, -22),
        "left_shoulder": (15, 14, 11, 4, -8, -18, -22, -21, -18, -9, 2, 11, 15),
        "right_elbow": (10, 10, 11, 15, 22, 27, 28, 28, 26, 21, 15, 11, 10),
        "left_elbow": (28, 28, 26, 21, 15, 11, 10, 10, 11, 15, 22, 27, 28),
        "abduct_shoulder": (6,) * 13,
        "turn": (4, 4, 3, 0, -2, -3, -4, -4, -3, 0, 2, 3, 4),
        "chest_turn": (-8, -8, -6, 0, 4, 6, 8, 8, 6, 0, -4, -6, -8),
        "chest": (3,) * 13,
        "pitch": (1,) * 13,
        "height": (0.866, 0.866, 0.870, 0.882, 0.888, 0.880, 0.866, 0.866, 0.870, 0.882, 0.888, 0.880, 0.866),
        "left": (0.0, -0.008, -0.015, -0.02, -0.018, -0.01, 0.0, 0.008, 0.015, 0.02, 0.018, 0.01, 0.0),
    },
    contacts={
        "right_heel": ((0.00, 0.42),),
        "right_toe": ((0.09, 0.66),),
        "left_heel": ((0.55, 0.97),),
        "left_toe": ((0.64, 1.10), (0.00, 0.11)),
    },
    cycles=3,
    stride=1.30,
    azimuth=100.0,
)


PUSH_PITCH = 10.0
"""Lean of the trunk of someone who pushes [deg]."""


def lean_forward(hip: Channel) -> Channel:
    """Shortens a walk's steps, under a trunk that leans forward: flexion of a hip [deg] -> [deg]."""
    return tuple(0.75 * angle + PUSH_PITCH for angle in hip)


PUSH = replace(
    WALK,
    channels=WALK.channels
    | {
        "right_hip": lean_forward(WALK.channels["right_hip"]),
        "left_hip": lean_forward(WALK.channels["left_hip"]),
        "pitch": (PUSH_PITCH,) * 13,
        "chest": (8.0,) * 13,
        "neck": (-14.0,) * 13,
        "shoulder": (72.0,) * 13,
        "right_shoulder": (0.0,) * 13,
        "left_shoulder": (0.0,) * 13,
        "elbow": (30.0,) * 13,
        "right_elbow": (0.0,) * 13,
        "left_elbow": (0.0,) * 13,
        "turn": (0.0,) * 13,
        "chest_turn": (0.0,) * 13,
    },
    stride=0.95,
)
"""Walking with both hands ahead, as someone does who pushes a box."""

PLANS: dict[str, Plan] = {"backflip": BACKFLIP, "cartwheel": CARTWHEEL, "walk": WALK, "jump": JUMP}
PLANS_WITH_OBJECTS: dict[str, Plan] = {"push": PUSH}
"""Motions that handle an object, which a film would have to show; they are performed, not filmed."""
