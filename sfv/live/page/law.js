// The controller of a bridge: controls and feedback gains around a performance, as imitate/transitions/bridge.py.

import { multiplyQuat, relativeRotvec } from "./rotations.js";

export class FeedbackLaw {
  constructor(skill, simulation) {
    const { arrays, values } = skill;
    this.simulation = simulation;
    this.qpos = arrays.law_qpos.data;
    this.qvel = arrays.law_qvel.data;
    this.controls = arrays.law_controls.data;
    this.gains = arrays.law_gains.data;
    this.count = arrays.law_controls.shape[1];
    this.limit = values.control_limit;
    this.scale = values.action_scale;
    this.action = new Float64Array(this.count);
  }

  // The action at the present frame. The performance lies where its reference does: the root is turned back to it.
  act() {
    const { nq, nv, frame, reference, data, scalar_qpos, scalar_dof, quat_qpos, quat_dof } = this.simulation;
    const row = Math.min(frame, this.controls.length / this.count - 1), q = row * nq, v = row * nv;
    const here = Float64Array.from(data.qpos.subarray(0, nq)), speed = Float64Array.from(data.qvel.subarray(0, nv));
    turnBack(here, speed, reference);
    const off = new Float64Array(2 * nv);
    for (let k = 0; k < scalar_qpos.length; k++) off[scalar_dof[k]] = here[scalar_qpos[k]] - this.qpos[q + scalar_qpos[k]];
    for (let k = 0; k < quat_qpos.length / 4; k++) {
      relativeRotvec(this.qpos, q + quat_qpos[4 * k], here, quat_qpos[4 * k], off, quat_dof[3 * k]);
    }
    for (let k = 0; k < nv; k++) off[nv + k] = speed[k] - this.qvel[v + k];
    for (let u = 0, at = row * this.count * 2 * nv; u < this.count; u++) {
      let control = this.controls[row * this.count + u];
      for (let k = 0; k < 2 * nv; k++) control += this.gains[at++] * off[k];
      this.action[u] = Math.max(-this.limit, Math.min(this.limit, control)) / this.scale;
    }
    return this.action;
  }
}

// A state in the world to the frame of a reference's own tables, in place.
function turnBack(qpos, qvel, { x, y, cos, sin, half }) {
  const [px, py] = [qpos[0] - x, qpos[1] - y], [vx, vy] = [qvel[0], qvel[1]];
  qpos[0] = cos * px + sin * py;
  qpos[1] = cos * py - sin * px;
  qvel[0] = cos * vx + sin * vy;
  qvel[1] = cos * vy - sin * vx;
  multiplyQuat([half[0], 0, 0, -half[3]], 0, qpos.slice(), 3, qpos, 3);
}
