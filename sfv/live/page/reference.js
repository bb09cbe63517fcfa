// A skill's reference at the control rate, set into the world by a turn about the vertical and a shift.
//
// The turn and the shift let a skill begin wherever the body is; a cycle goes on for ever by going back a whole number
// of cycles while the place in the world stays.

import { multiplyQuat } from "./rotations.js";

export class Reference {
  constructor(skill) {
    this.skill = skill;
    this.tables = skill.arrays;
    this.length = skill.arrays.qpos.shape[0];
    this.nq = skill.arrays.qpos.shape[1];
    this.nv = skill.arrays.qvel.shape[1];
    this.loop = skill.values.loop;
    this.starts = skill.values.starts;
    this.qpos = new Float64Array(this.nq);
    this.qvel = new Float64Array(this.nv);
    this.place(0, 0, 0);
  }

  place(turn, x, y) {
    this.turn = turn;
    this.x = x;
    this.y = y;
    this.cos = Math.cos(turn);
    this.sin = Math.sin(turn);
    this.half = [Math.cos(turn / 2), 0, 0, Math.sin(turn / 2)];
    this.blend = null;
  }

  get placed() {
    return this.turn !== 0 || this.x !== 0 || this.y !== 0;
  }

  // Places it so that frame `frame` has its root above (x, y) and its heading is `heading`.
  placeAt(frame, x, y, heading) {
    const turn = heading - this.tables.heading.data[frame];
    this.place(turn, 0, 0);
    const q = this.tables.qpos.data, at = frame * this.nq;
    this.place(turn, x - (this.cos * q[at] - this.sin * q[at + 1]), y - (this.sin * q[at] + this.cos * q[at + 1]));
  }

  clamp(frame) {
    return Math.min(Math.max(frame, 0), this.length - 1);
  }

  // The pose at a frame in the world; a view that the next call overwrites.
  pose(frame, out = this.qpos) {
    const at = this.clamp(frame) * this.nq, q = this.tables.qpos.data;
    for (let k = 0; k < this.nq; k++) out[k] = q[at + k];
    if (this.placed) {
      out[0] = this.x + this.cos * q[at] - this.sin * q[at + 1];
      out[1] = this.y + this.sin * q[at] + this.cos * q[at + 1];
      multiplyQuat(this.half, 0, q, at + 3, out, 3);
    }
    this.blend?.movePose(frame, out);
    return out;
  }

  // The velocity: the root's linear part in world axes, its rotation in its own.
  velocity(frame, out = this.qvel) {
    const at = this.clamp(frame) * this.nv, v = this.tables.qvel.data;
    for (let k = 0; k < this.nv; k++) out[k] = v[at + k];
    if (this.placed) {
      out[0] = this.cos * v[at] - this.sin * v[at + 1];
      out[1] = this.sin * v[at] + this.cos * v[at + 1];
    }
    this.blend?.changeVelocity(frame, out);
    return out;
  }

  heading(frame) {
    return this.tables.heading.data[this.clamp(frame)] + this.turn;
  }

  phase(frame) {
    return this.tables.phase.data[this.clamp(frame)];
  }

  // A point of a table (rows of points), turned and, unless it is a difference, shifted, into out (3,).
  point(table, frame, index, out, shifted = true) {
    const { data, shape } = this.tables[table];
    const at = this.clamp(frame) * (shape.length === 3 ? shape[1] * 3 : 3) + index * 3;
    out[0] = this.cos * data[at] - this.sin * data[at + 1] + (shifted ? this.x : 0);
    out[1] = this.sin * data[at] + this.cos * data[at + 1] + (shifted ? this.y : 0);
    out[2] = data[at + 2];
    if (shifted) this.blend?.movePoint(frame, out);
    return out;
  }

  // The frame to go on from near the table's end, and where the reference lies then: a whole number of cycles back.
  rewind(frame) {
    const phase = this.tables.phase.data;
    let best = frame, least = Infinity;
    for (let k = 0; k <= Math.min(this.starts, frame - 1); k++) {
      const apart = Math.abs(phase[k] - phase[frame]);
      const gap = Math.min(apart, 1 - apart);
      if (gap < least) [best, least] = [k, gap];
    }
    const q = this.pose(frame);
    this.placeAt(best, q[0], q[1], this.heading(frame));
    return best;
  }
}
