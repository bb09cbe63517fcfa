"""An exported skill on a robot's own model, without this project: MuJoCo and onnxruntime alone, as on the robot itself.

    python run_onnx.py policy.onnx --model g1_29dof.xml

`policy.onnx` and `policy.json` come from `sfv export`. The model is the manufacturer's, as its package has it (the json
names package and file): its masses, its shapes, its torque limits. What such a model lacks is added: the inertia of the
motors' rotors, as the policy knows it, where there is none; shapes at the same joint, or that overlap while it stands,
do not collide.

Physics run at 500 Hz, servos with them; the policy acts at its own rate, on noisy measurements, and its targets arrive
one of its steps later. As the delay is known, the targets on their way are simulated from each measurement on, by a
model whose masses are up to a tenth wrong, and the policy acts on the state that they lead to. Noise is left to the
policy, which should have been trained with it (--env.sensor-noise 1 --env.delay 1).
"""

import argparse
import copy
import json
from pathlib import Path

import mujoco
import numpy as np
import onnxruntime

PHYSICS_HZ = 500
NOISE = {
    "joint angle [rad]": 0.01,
    "joint speed [rad/s]": 0.2,
    "root position [m]": 0.01,
    "root tilt and heading [rad]": 0.01,
    "root velocity [m/s]": 0.05,
    "root turning speed [rad/s]": 0.1,
}
"""Standard deviation of each measurement, new at every step of the policy."""
JOINT, SPEED, PLACE, TILT, VELOCITY, TURN = NOISE.values()


class Reference:
    """The motion to follow, at any time."""

    def __init__(self, table: dict):
        self.qpos, self.headings = np.array(table["qpos"]), np.array(table["heading_rad"])
        self.fps, self.loop = table["fps"], table["loop"]
        self.duration = (len(self.qpos) - 1) / self.fps
        turn = multiply(self.qpos[-1, 3:7], conjugate(self.qpos[0, 3:7])) * [1, 0, 0, 1]
        self.turn = turn / np.linalg.norm(turn)
        """How a cycle's end is turned from its beginning, about the vertical."""

    def pose(self, time: float) -> np.ndarray:
        """Root position, root quaternion and joint angles at a time [s], (7 + J,)."""
        cycle, time = self.split(time)
        before = min(int(time * self.fps), len(self.qpos) - 2)
        a, b, share = self.qpos[before], self.qpos[before + 1], time * self.fps - before
        pose = a + share * (b - a)
        pose[3:7] = rotate_towards(a[3:7], b[3:7], share)
        first, way = self.qpos[0, :3] * [1, 1, 0], (self.qpos[-1, :3] - self.qpos[0, :3]) * [1, 1, 0]
        pose[:3] -= first
        for _ in range(cycle):  # each pass goes on where the last one ended
            pose[:3] = rotate(self.turn, pose[:3]) + way
            pose[3:7] = multiply(self.turn, pose[3:7])
        pose[:3] += first
        return pose

    def velocity(self, time: float, step: float) -> np.ndarray:
        """Mean root velocity, root turning speed (its own axes) and joint speeds over a step about a time, (6 + J,)."""
        start, end = max(time - step / 2, 0.0), time + step / 2
        a, b = self.pose(start), self.pose(end)
        spin = rotation_vector(multiply(conjugate(a[3:7]), b[3:7]))
        return np.concatenate([b[:3] - a[:3], spin, b[7:] - a[7:]]) / max(end - start, 1e-9)

    def heading(self, time: float) -> float:
        """Where the motion is heading [rad]."""
        cycle, time = self.split(time)
        angle = np.interp(time * self.fps, np.arange(len(self.headings)), self.headings)
        return float(angle + cycle * 2.0 * np.arctan2(self.turn[3], self.turn[0]))

    def phase(self, time: float) -> float:
        """Share of the motion, or of the present pass, that is over."""
        return self.split(time)[1] / self.duration

    def split(self, time: float) -> tuple[int, float]:
        """Passes that are over, and the time in the present one."""
        cycle = int(time / self.duration + 1e-9) if self.loop else 0
        return cycle, min(max(time - cycle * self.duration, 0.0), self.duration)


class Robot:
    """The robot's own model, and how its axes and angles lie to those that the policy was trained with."""

    def __init__(self, path: Path, words: dict):
        body, servos = words["body"], words["action"]["servos"]
        spec = mujoco.MjSpec.from_file(str(path))
        spec.option.timestep, spec.option.integrator = 1.0 / PHYSICS_HZ, mujoco.mjtIntegrator.mjINT_IMPLICITFAST
        if not any(geom.type == mujoco.mjtGeom.mjGEOM_PLANE for geom in spec.worldbody.geoms):
            spec.worldbody.add_geom(name="floor", type=mujoco.mjtGeom.mjGEOM_PLANE, size=[0, 0, 1], conaffinity=15)
        self.add_servos(spec, servos)
        self.exclude_neighbours(spec, body["zero_rad"])
        self.model = spec.compile()
        model = self.model
        joints = words["reference"]["joints"][1:]
        hinges = [model.joint(name).id for name in joints]
        self.joint_qpos, self.joint_dof = model.jnt_qposadr[hinges], model.jnt_dofadr[hinges]
        self.driven = np.array([joints.index(servo["joint"]) for servo in servos])
        """Which joint each servo drives, (A,)."""
        self.zero = np.array([body["zero_rad"].get(name, 0.0) for name in joints])
        """Angle of the robot's joint where that of the policy is zero, (J,)."""
        self.bodies = [model.body(name).id for name in body["bodies"]]
        carriers = [self.carrier(b) for b in range(model.nbody)]
        fall = {model.body(name).id for name in body["fall_bodies"]}
        self.fall_geoms = np.array([carriers[b] in fall for b in model.geom_bodyid])
        self.floor = model.geom_type == mujoco.mjtGeom.mjGEOM_PLANE
        data = mujoco.MjData(model)
        data.qpos[self.joint_qpos] = self.zero
        mujoco.mj_kinematics(model, data)
        turn = rotation_about_z(body["yaw_rad"])
        self.frames = [(turn @ data.xmat[b].reshape(3, 3)).T for b in self.bodies]
        """Rotation from the policy's axes of a body to the robot's, (3, 3) each."""
        self.origins = [
            model.jnt_pos[model.body_jntadr[b]] if model.body_jntnum[b] and k else np.zeros(3)
            for k, b in enumerate(self.bodies)
        ]
        """Origin of the policy's frame in the robot's, (3,) each."""

    @staticmethod
    def add_servos(spec: mujoco.MjSpec, servos: list[dict]) -> None:
        """PD control in the motors; the model's own torque limit of a joint counts, if it has one."""
        for old in list(spec.actuators):
            spec.delete(old)
        for servo in servos:
            joint = spec.joint(servo["joint"])
            if joint is None or joint.type != mujoco.mjtJoint.mjJNT_HINGE:
                raise SystemExit(f"{servo['joint']}: the model has no such hinge; a robot of hinges is needed")
            lacking = max(servo["joint_damping_nm_s_per_rad"] - float(np.ravel(joint.damping)[0]), 0.0)
            kp, kd = servo["kp_nm_per_rad"], servo["kd_nm_s_per_rad"] + lacking
            joint.armature = joint.armature or servo["armature_kg_m2"]
            actuator = spec.add_actuator(name=servo["name"], target=servo["joint"])
            actuator.trntype = mujoco.mjtTrn.mjTRN_JOINT
            actuator.gaintype, actuator.gainprm[0] = mujoco.mjtGain.mjGAIN_FIXED, kp
            actuator.biastype, actuator.biasprm[1:3] = mujoco.mjtBias.mjBIAS_AFFINE, (-kp, -kd)
            if not np.ptp(joint.actfrcrange):
                actuator.forcelimited, actuator.forcerange = True, servo["limit_nm"]

    @staticmethod
    def exclude_neighbours(spec: mujoco.MjSpec, zero: dict[str, float]) -> None:
        """Lets no two bodies collide that one or two hinges join, or whose shapes overlap while it stands."""
        model = spec.compile()
        data, joints = mujoco.MjData(model), [model.joint(j) for j in range(model.njnt)]
        for joint in joints:
            if joint.name in zero:
                data.qpos[joint.qposadr[0]] = zero[joint.name]
        data.qpos[2] += 10.0
        mujoco.mj_forward(model, data)
        pairs = {tuple(sorted(map(int, model.geom_bodyid[pair]))) for pair in data.contact.geom}
        bodies = range(1, model.nbody)
        pairs |= {(a, b) for a in bodies for b in bodies if a < b and hinges_between(model, a, b) <= 2}
        for first, second in sorted(pairs):
            spec.add_exclude(bodyname1=model.body(first).name, bodyname2=model.body(second).name)

    def carrier(self, body: int) -> int:
        """The body with joints that carries a body, or itself."""
        while body and not self.model.body_jntnum[body]:
            body = int(self.model.body_parentid[body])
        return body

    def place(self, data: mujoco.MjData, pose: np.ndarray, velocity: np.ndarray) -> None:
        """Puts the robot into the policy's pose (7 + J,) with its velocity (6 + J,)."""
        root = self.frames[0].T
        data.qpos[:3], data.qpos[3:7] = pose[:3], multiply(pose[3:7], quaternion(root))
        data.qpos[self.joint_qpos] = pose[7:] + self.zero
        data.qvel[:3], data.qvel[3:6] = velocity[:3], root.T @ velocity[3:6]
        data.qvel[self.joint_dof] = velocity[6:]

    def has_fallen(self, data: mujoco.MjData) -> bool:
        """Something touches the floor that must not."""
        pairs = data.contact.geom[data.contact.dist < 0.0]
        return bool((self.floor[pairs].any(axis=1) & self.fall_geoms[pairs].any(axis=1)).any())

    def measure(self, data: mujoco.MjData, rng: np.random.Generator, noise: float) -> mujoco.MjData:
        """What the robot measures of its state: the true one with noise, led through its own kinematics."""
        seen, order = copy.copy(data), np.concatenate([np.arange(6), self.joint_dof])
        step, change = np.zeros((2, self.model.nv))
        repeats = [3, 3, len(self.joint_dof)]
        step[order] = noise * np.repeat([PLACE, TILT, JOINT], repeats) * rng.standard_normal(len(order))
        change[order] = noise * np.repeat([VELOCITY, TURN, SPEED], repeats) * rng.standard_normal(len(order))
        mujoco.mj_integratePos(self.model, seen.qpos, step, 1.0)
        seen.qvel[:] += change
        lead_through(self.model, seen)
        return seen


class Forecast:
    """Where the robot will be when the policy's next targets arrive, by a model of it that is a little wrong."""

    MASS_ERROR = 0.1
    """Greatest error of each part's mass and inertia, as a share of it."""

    def __init__(self, robot: Robot, rng: np.random.Generator):
        self.model = copy.copy(robot.model)
        factor = 1.0 + self.MASS_ERROR * rng.uniform(-1.0, 1.0, self.model.nbody)
        self.model.body_mass[:] *= factor
        self.model.body_inertia[:] *= factor[:, None]
        mujoco.mj_setConst(self.model, mujoco.MjData(self.model))

    def look_ahead(
        self, seen: mujoco.MjData, now: np.ndarray, waiting: list, time: float, delay: float
    ) -> mujoco.MjData:
        """The state after the delay [s], with the present targets and those on their way, each after its time [s]."""
        ahead, coming = copy.copy(seen), list(waiting)
        ahead.ctrl[:] = now
        for tick in range(round(delay * PHYSICS_HZ)):
            while coming and time + tick / PHYSICS_HZ >= coming[0][0] - 1e-9:
                ahead.ctrl[:] = coming.pop(0)[1]
            mujoco.mj_step(self.model, ahead)
        lead_through(self.model, ahead)
        return ahead


def hinges_between(model: mujoco.MjModel, first: int, second: int) -> int:
    """Joints on the way from one body to another; a body's number is greater than its carrier's."""
    count = 0
    while first != second:
        first, second = max(first, second), min(first, second)
        count += int(model.body_jntnum[first])
        first = int(model.body_parentid[first])
    return count


def lead_through(model: mujoco.MjModel, state: mujoco.MjData) -> None:
    """Places and velocities of all bodies from the joints'."""
    mujoco.mj_kinematics(model, state)
    mujoco.mj_comPos(model, state)
    mujoco.mj_comVel(model, state)


def observe(robot: Robot, seen: mujoco.MjData, reference: Reference, time: float, step: float) -> np.ndarray:
    """The policy's observation as the json describes it, part by part, float32 (1, O)."""
    phase, angle, pose = reference.phase(time), reference.heading(time), reference.pose(time + step)
    xpos, axes, linear, angular = [], [], [], []
    for body, frame, origin in zip(robot.bodies, robot.frames, robot.origins, strict=True):
        own = seen.xmat[body].reshape(3, 3)
        velocity = np.zeros(6)
        mujoco.mj_objectVelocity(robot.model, seen, mujoco.mjtObj.mjOBJ_XBODY, body, velocity, 0)
        xpos.append(seen.xpos[body] + own @ origin)
        axes.append(own @ frame)
        angular.append(velocity[:3])
        linear.append(velocity[3:] + np.cross(velocity[:3], own @ origin))
    matrices = np.array(axes)
    vectors = np.concatenate(
        [
            np.array(xpos[1:]) - xpos[0],
            matrices[:, :, 0],
            matrices[:, :, 1],
            linear,
            angular,
            [pose[:3] - xpos[0]],
        ]
    )
    turned = vectors @ rotation_about_z(-angle).T
    rotation = rotation_vector(multiply(conjugate(quaternion(matrices[0])), pose[3:7]))
    joints = pose[7:] - (seen.qpos[robot.joint_qpos] - robot.zero)
    around = 2.0 * np.pi * phase
    parts = [[phase, np.sin(around), np.cos(around), xpos[0][2]], turned.ravel(), rotation, joints]
    return np.clip(np.concatenate(parts), -50.0, 50.0).astype(np.float32)[None]


def perform(
    robot: Robot,
    session: onnxruntime.InferenceSession,
    words: dict,
    seconds: float,
    rng: np.random.Generator,
    noise: float = 1.0,
    delay: float = 1.0,
    forecast: bool = True,
) -> tuple[bool, np.ndarray]:
    """Performs the skill once; a cycle for so many seconds, a clip to its end.

    `noise` is a factor on `NOISE`; `delay` is the time from a measurement to the new targets, in steps of the policy.
    With `forecast` the policy acts on the state that is expected after the delay, otherwise on the last measurement.

    Returns:
      Whether it got to the end without a fall, and the joint states every 20 ms, (T, nq).
    """
    reference, step, scale = Reference(words["reference"]), 1.0 / words["control_hz"], words["action"]["scale_rad"]
    servos, end = words["action"]["servos"], seconds if reference.loop else reference.duration
    damping = [servo["kd_nm_s_per_rad"] + servo["joint_damping_nm_s_per_rad"] for servo in servos]
    lag = np.array(damping) / [servo["kp_nm_per_rad"] for servo in servos]  # by which a servo trails its target

    def aim(time: float) -> np.ndarray:
        pose, speeds = reference.pose(time + step)[7:] + robot.zero, reference.velocity(time + step, step)[6:]
        return pose[robot.driven] + lag * speeds[robot.driven]

    data, states, waiting, acted = mujoco.MjData(robot.model), [], [], 0
    robot.place(data, reference.pose(0.0), reference.velocity(0.0, step))
    mujoco.mj_forward(robot.model, data)
    data.ctrl[:] = aim(0.0)  # it is moving: to hold its pose until the first targets arrive would stop it
    model = Forecast(robot, rng) if forecast else None
    for tick in range(round(end * PHYSICS_HZ)):
        time = tick / PHYSICS_HZ
        if time >= acted * step - 1e-9:
            seen, then = robot.measure(data, rng, noise), acted * step
            if model is not None:
                seen, then = model.look_ahead(seen, data.ctrl, waiting, time, delay * step), then + delay * step
            observation = observe(robot, seen, reference, then, step)
            action = np.asarray(session.run(["action"], {"observation": observation})[0])
            waiting.append((time + delay * step, aim(then) + scale * action[0]))
            acted += 1
        while waiting and time >= waiting[0][0] - 1e-9:
            data.ctrl[:] = waiting.pop(0)[1]
        mujoco.mj_step(robot.model, data)
        if tick % (PHYSICS_HZ // 50) == 0:
            states.append(data.qpos.copy())
        if robot.has_fallen(data) or not np.isfinite(data.qpos).all():
            return False, np.array(states)
    return True, np.array(states)


def multiply(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Product of quaternions wxyz."""
    found = np.zeros(4)
    mujoco.mju_mulQuat(found, p, q)
    return found


def conjugate(q: np.ndarray) -> np.ndarray:
    """The opposite rotation."""
    return q * [1, -1, -1, -1]


def rotate(q: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """A vector rotated."""
    found = np.zeros(3)
    mujoco.mju_rotVecQuat(found, vector, q)
    return found


def quaternion(matrix: np.ndarray) -> np.ndarray:
    """Of a rotation matrix."""
    found = np.zeros(4)
    mujoco.mju_mat2Quat(found, np.ascontiguousarray(matrix).ravel())
    return found


def rotation_vector(q: np.ndarray) -> np.ndarray:
    """Of a quaternion, the short way [rad]."""
    found = np.zeros(3)
    mujoco.mju_quat2Vel(found, q if q[0] >= 0 else -q, 1.0)
    return found


def rotate_towards(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    """The rotation that lies a share of the short way from a to b."""
    found = a.copy()
    mujoco.mju_quatIntegrate(found, rotation_vector(multiply(conjugate(a), b)), share)
    return found


def rotation_about_z(angle: float) -> np.ndarray:
    """Matrix of a rotation about the vertical."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])


def check_parts(policy: Path, words: dict) -> None:
    """Ends the program with a line if the policy takes more than `observe` gives."""
    for name in {"adaptation", "ground", "box"} & {*words, *(part["name"] for part in words["observation"]["parts"])}:
        raise SystemExit(f"{policy}: takes '{name}' too; this example is for plain skills on the flat, without a box")


def main() -> None:
    """Performs the skill many times and prints how often it was completed."""
    parser = argparse.ArgumentParser(description="An exported skill on a robot's own model.")
    parser.add_argument("policy", type=Path, help="policy.onnx; policy.json lies beside it")
    parser.add_argument("--model", type=Path, required=True, help="the robot's MJCF, of the package in the json")
    parser.add_argument("--rollouts", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=20.0, help="length of a cycle's performance")
    parser.add_argument("--noise", type=float, default=1.0, help="factor on the measurements' noise")
    parser.add_argument("--delay", type=float, default=1.0, help="steps of the policy from a measurement to the motors")
    parser.add_argument("--no-forecast", action="store_true", help="act on what was measured, though it is old")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--states", type=Path, help="file.npy for the first performance's joint states, 50 a second")
    options = parser.parse_args()
    words = json.loads(options.policy.with_suffix(".json").read_text(encoding="utf-8"))
    check_parts(options.policy, words)
    session = onnxruntime.InferenceSession(options.policy, providers=["CPUExecutionProvider"])
    robot, done = Robot(options.model, words), 0
    for k in range(options.rollouts):
        rng = np.random.default_rng([options.seed, k])
        how = options.noise, options.delay, not options.no_forecast
        completed, states = perform(robot, session, words, options.seconds, rng, *how)
        done += completed
        if k == 0 and options.states:
            np.save(options.states, states)
    print(json.dumps({"completed": done / options.rollouts, "rollouts": options.rollouts}))


if __name__ == "__main__":
    main()
