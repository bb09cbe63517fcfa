// A blend: the reference of a skill that is entered, led from the body's state to its own; as imitate/transitions/blend.py.

import { relativeRotvec, turnBy } from "./rotations.js";

const FASTEST = 6.0;

export class Blend {
  // From the state of a simulation's body, which its reference has been brought to at `entry`, within `steps` control steps.
  constructor(simulation, entry, steps) {
    const { data, reference, values, nv } = simulation;
    Object.assign(this, { entry, steps, nv, layout: simulation, seconds: steps / values.control_hz });
    const pose = reference.pose(entry), velocity = reference.velocity(entry);
    this.offset = this.difference(pose, data.qpos);
    this.offset[0] = this.offset[1] = 0;
    this.speed = Float64Array.from(velocity, (own, k) => data.qvel[k] - own);
    this.step = new Float64Array(nv);
    this.change = new Float64Array(nv);
    this.find(entry);  // the body comes faster or slower: the reference lies ahead of it, or behind
    reference.x -= this.step[0];
    reference.y -= this.step[1];
  }

  // Tangent step that leads from a pose to another.
  difference(from, to) {
    const { scalar_qpos, scalar_dof, quat_qpos, quat_dof } = this.layout, out = new Float64Array(this.nv);
    for (let k = 0; k < scalar_qpos.length; k++) out[scalar_dof[k]] = to[scalar_qpos[k]] - from[scalar_qpos[k]];
    for (let k = 0; k < quat_qpos.length / 4; k++) relativeRotvec(from, quat_qpos[4 * k], to, quat_qpos[4 * k], out, quat_dof[3 * k]);
    return out;
  }

  holds(frame) {
    return frame >= this.entry && frame < this.entry + this.steps;
  }

  // What is left of the offset (`step`) and of the difference of velocities (`change`) at a frame.
  find(frame) {
    const { offset, speed, seconds, step, change } = this, s = (frame - this.entry) / this.steps;
    const smooth = 1 - s * s * (3 - 2 * s), slope = (6 * s * s - 6 * s) / seconds;
    const led = (s * s * s - 2 * s * s + s) * seconds, way = seconds * (0.5 - s + s ** 3 - s ** 4 / 2);
    for (let k = 0; k < this.nv; k++) {
      step[k] = offset[k] * smooth;
      change[k] = speed[k] * smooth + (k >= 2 && k < 6 ? offset[k] * slope : 0);
      if (k < 6) continue;
      step[k] += Math.max(-FASTEST, Math.min(FASTEST, speed[k])) * led;
      change[k] = offset[k] * slope + speed[k] * (3 * s * s - 4 * s + 1);
    }
    step[0] = -speed[0] * way;
    step[1] = -speed[1] * way;
  }

  movePose(frame, pose) {
    if (!this.holds(frame)) return;
    this.find(frame);
    const { scalar_qpos, scalar_dof, quat_qpos, quat_dof } = this.layout, { step } = this;
    for (let k = 0; k < scalar_qpos.length; k++) pose[scalar_qpos[k]] += step[scalar_dof[k]];
    for (let k = 0; k < quat_qpos.length / 4; k++) {
      const d = quat_dof[3 * k];
      turnBy(pose, quat_qpos[4 * k], step[d], step[d + 1], step[d + 2]);
    }
  }

  changeVelocity(frame, velocity) {
    if (!this.holds(frame)) return;
    this.find(frame);
    for (let k = 0; k < this.nv; k++) velocity[k] += this.change[k];
  }

  // Points go along with the root; what joints move besides is not looked at.
  movePoint(frame, point) {
    if (!this.holds(frame)) return;
    this.find(frame);
    for (let k = 0; k < 3; k++) point[k] += this.step[k];
  }
}
