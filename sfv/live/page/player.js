// Who does what: skills one after another, falls and the way back, pushes, the ball, the ground and the load.

import { Blend } from "./blend.js";
import { loadPhysics, Simulation } from "./simulation.js";
import { headingBetween, headingOf, slerpQuat } from "./rotations.js";

const LIE_STEPS = 40, LIFT_STEPS = 30, HOLD_STEPS = 15, LEAST_STEPS = 45;
const BALL_RADIUS = 0.11, BALL_MASS = 3.0, BALL_SPEED = 9.0, BALL_STEPS = 150;
const SLIPPERY = 0.35;

// A ball without weight or contact, far above, until it is thrown; it comes last, so that the body's numbers stay. It is
// compiled as one that collides: what a body as a whole may touch cannot be changed later, what its geom may, can.
export function addBall(mjcf) {
  const ball =
    `<body name="ball" pos="0 0 50" gravcomp="1"><freejoint/>` +
    `<geom name="ball" type="sphere" size="${BALL_RADIUS}" mass="${BALL_MASS}" contype="1" conaffinity="255" condim="3"/></body>`;
  return mjcf.replace("</worldbody>", `${ball}</worldbody>`);
}

export class Player {
  constructor(mujoco, skills, bridges = []) {
    this.mujoco = mujoco;
    const physics = new Map();
    const simulate = (skill) => {
      const mjcf = addBall(skill.values.mjcf);
      if (!physics.has(mjcf)) physics.set(mjcf, loadPhysics(mujoco, mjcf));
      return new Simulation(mujoco, skill, physics.get(mjcf));
    };
    this.simulations = skills.map(simulate);
    this.bridges = bridges.map(simulate);
    this.bridge = null;
    this.forceBuffer = new mujoco.DoubleBuffer(6);
    this.listeners = [];
    this.ground = { kind: "flat", tilt: 0, heading: 0 };
    this.load = 0;
    this.index = 0;
    this.begin(0, 0);
  }

  // The skill that is performed, or the bridge to it.
  get simulation() {
    return this.bridge ?? this.simulations[this.index];
  }

  // Between two skills: on a bridge, or while the reference is led over.
  get crosses() {
    return this.bridge !== null || Boolean(this.simulation.reference.blend?.holds(this.simulation.frame));
  }

  get skill() {
    return this.simulation.skill;
  }

  // Calls `listener(kind, text)` when something happens: "fall", "skill", "lost", "back", "physics".
  listen(listener) {
    this.listeners.push(listener);
  }

  say(kind, text) {
    this.listeners.forEach((listener) => listener(kind, text));
  }

  // A skill from a frame of its reference on, at its own place.
  begin(index, frame) {
    const other = this.simulations[index].physics !== this.simulation.physics;
    this.bridge = null;
    this.index = index;
    this.wanted = null;
    this.mode = "perform";
    this.steps = 0;
    this.since = Infinity;
    this.simulation.reference.place(0, 0, 0);
    this.simulation.start(frame);
    this.parkBall();
    this.applyGround();
    this.remember();
    if (other) this.say("physics", "");
  }

  // The present skill from a phase 0..1 on, where the body is.
  restart(phase) {
    this.bridge = null;
    const { reference } = this.simulation;
    const last = reference.loop ? reference.starts - 1 : reference.length - 2;
    const frame = Math.round(phase * last);
    this.placeHere(this.simulation, frame);
    this.simulation.start(frame);
    this.steps = 0;
    this.mode = "perform";
    this.wanted = null;
    this.parkBall();
    this.remember();
  }

  // Sets a simulation's reference so that its frame lies under the body and faces as it does.
  placeHere(simulation, frame, here = this.simulation) {
    if (simulation.fixed) return simulation.reference.place(0, 0, 0);
    const qpos = here.data.qpos, { qpos: pose, heading } = simulation.skill.arrays;
    const turn = headingBetween(pose.data, frame * pose.shape[1] + 3, qpos, 3);
    simulation.reference.placeAt(frame, qpos[0], qpos[1], heading.data[frame] + turn);
  }

  // Another skill next, as soon as there is a way to it.
  request(index) {
    this.wanted = index === this.index && this.mode === "perform" && this.simulation.reference.loop ? null : index;
    const same = this.simulations[index].physics === this.simulation.physics;
    if (!same || this.simulation.fixed) this.begin(index, 0);
  }

  get phase() {
    if (this.bridge) return 0;
    const { reference, frame } = this.simulation;
    return reference.loop ? reference.phase(frame) : frame / (reference.length - 1);
  }

  // One control step (1/30 s).
  advance() {
    this.since += 1;
    this.remember();
    if (this.mode === "lift") return this.lift();
    const simulation = this.simulation;
    this.applyBall();
    simulation.step(() => this.readContacts());
    this.applyForceSteps();
    if (!simulation.finite) return this.begin(this.index, 0);
    this.last = simulation.reward();
    if (this.mode === "lie") {
      if (++this.steps >= LIE_STEPS) this.beginLift();
      return;
    }
    const body = simulation.fallenBody();
    if (body) {
      this.mode = "lie";
      this.steps = 0;
      return this.say("fall", `Fell: the ${body.replaceAll("_", " ")} touched the ground`);
    }
    this.keepOn();
  }

  // What comes next while all goes well: another skill, another cycle, the beginning again, or a new place.
  keepOn() {
    if (this.bridge) return this.crossBridge();
    const simulation = this.simulation, { reference } = simulation;
    if (this.wanted !== null) {
      if (this.switchSkill()) return;
      if (!this.hasTransition()) return this.beginLift();
    } else if (!reference.loop && this.repeat()) return;
    const ended = simulation.frame >= reference.length - 1;
    if (reference.loop && simulation.frame >= reference.length - 2) simulation.frame = reference.rewind(simulation.frame);
    else if (!reference.loop && ended && ++this.steps >= HOLD_STEPS) this.finish();
    else if (!ended && !reference.blend?.holds(simulation.frame) && simulation.distance() > simulation.values.threshold) return this.loseTrack();
    if (!ended) this.steps = 0;
  }

  // Too far from the reference: it is put where the body is, or the body carried to it where things stand around it.
  loseTrack() {
    this.steps = 0;
    if (this.simulation.fixed) {
      this.say("lost", "Pushed off its path: the body is carried back to where things stand");
      return this.beginLift();
    }
    this.placeHere(this.simulation, this.simulation.frame);
    this.say("lost", "Pushed off its path: the reference is put where the body is");
  }

  // At the end of a bridge the skill that it leads to takes over.
  crossBridge() {
    const { bridge } = this;
    if (bridge.frame < bridge.values.steps) return;
    const next = this.simulations[this.index];
    this.placeHere(next, this.resume, bridge);
    next.frame = this.resume;
    this.since = 0;
    this.bridge = null;
  }

  // A motion that is no cycle again, at the frame at which it can follow itself; false at all others.
  repeat() {
    this.wanted = this.index;
    const again = this.switchSkill();
    if (!again) this.wanted = null;
    return again;
  }

  // The end of a motion that is no cycle and cannot follow itself: what is wanted by any way there is, else carried back.
  finish() {
    if (this.wanted === null) this.wanted = this.index;
    if (this.switchSkill(true)) return;
    this.beginLift();
  }

  // Goes over to the wanted skill if a transition leaves from the present frame; with `late` from any at the end.
  switchSkill(late = false) {
    const way = this.findTransition(late);
    if (!way) return false;
    const here = this.simulation, bridge = way.bridge === null ? null : this.bridges[way.bridge];
    const next = bridge ?? this.simulations[this.wanted], frame = bridge ? 0 : way.entry;
    this.placeHere(next, frame, here);
    if (way.blend) next.reference.blend = new Blend(next, frame, way.blend);
    next.frame = frame;
    this.bridge = bridge;
    this.resume = way.entry;
    this.since = 0;
    const changed = this.wanted !== this.index;
    this.index = this.wanted;
    this.wanted = null;
    this.steps = 0;
    if (changed) this.say("skill", this.skill.values.name);
    return true;
  }

  waysTo(index) {
    const { name } = this.simulations[index].skill.values;
    return this.simulations[this.index].skill.values.transitions.filter((way) => way.to === name);
  }

  // Whether there is any way to the wanted skill; without one the body is carried over.
  hasTransition() {
    return this.waysTo(this.wanted).length > 0;
  }

  // A cycle that was entered from another skill goes on for a round, and for 1.5 s, before it is left, as in Python.
  findTransition(late) {
    const { frame, reference } = this.simulation, ways = this.waysTo(this.wanted), { loop, starts } = reference;
    if (loop && this.since < Math.max(starts, LEAST_STEPS)) return null;
    const here = loop ? frame % starts : frame;
    return ways.find((way) => way.exit === here || (late && way.exit <= here)) ?? null;
  }

  // The body is carried to a pose of the reference: not physics, and shown as such.
  beginLift() {
    const index = this.wanted ?? this.index, simulation = this.simulations[index];
    if (simulation.physics !== this.simulation.physics) return this.begin(index, 0);
    this.placeHere(simulation, 0);
    this.lying = Float64Array.from(this.simulation.data.qpos);
    this.goal = Float64Array.from(simulation.reference.pose(0));
    this.target = index;
    this.bridge = null;
    this.mode = "lift";
    this.steps = 0;
  }

  lift() {
    const share = ++this.steps / LIFT_STEPS, smooth = share * share * (3 - 2 * share);
    const simulation = this.simulations[this.target], { scalar_qpos, quat_qpos, data } = simulation;
    for (const k of scalar_qpos) data.qpos[k] = this.lying[k] + smooth * (this.goal[k] - this.lying[k]);
    data.qpos[2] += 0.25 * Math.sin(Math.PI * share);
    for (let k = 0; k < quat_qpos.length; k += 4) {
      slerpQuat(this.lying, quat_qpos[k], this.goal, quat_qpos[k], smooth, data.qpos, quat_qpos[k]);
    }
    data.qvel.fill(0);
    simulation.locate();
    this.contacts = [];
    if (share < 1) return;
    this.index = this.target;
    this.wanted = null;
    this.mode = "perform";
    simulation.start(0);
    this.parkBall();
    this.say("back", this.skill.values.name);
  }

  // The state before a step, from which drawing goes to the one after it.
  remember() {
    const { data } = this.simulation;
    this.before = { xpos: Float64Array.from(data.xpos), xquat: Float64Array.from(data.xquat) };
  }

  readContacts() {
    const { mujoco, forceBuffer } = this, { model, data, nbody } = this.simulation;
    const found = [], list = data.contact;
    for (let c = 0; c < data.ncon; c++) {
      const contact = list.get(c);
      const bodies = [contact.geom1, contact.geom2].map((g) => model.geom_bodyid[g]);
      mujoco.mj_contactForce(model, data, c, forceBuffer);
      const local = forceBuffer.GetView(), frame = contact.frame, sign = bodies[0] === 0 || bodies[0] >= nbody ? 1 : -1;
      const force = [0, 1, 2].map((k) => sign * (frame[k] * local[0] + frame[3 + k] * local[1] + frame[6 + k] * local[2]));
      found.push({ point: Array.from(contact.pos), force, body: sign > 0 ? bodies[1] : bodies[0] });
      contact.delete();
    }
    list.delete();
    this.contacts = found;
  }

  // A force [N] at a point of a body [m, world]; null for none. `steps`: control steps that it lasts; 0 until changed.
  push(body, point, force, steps = 0) {
    const applied = this.simulation.force;
    const all = [...this.simulations, ...this.bridges];
    for (const simulation of all) simulation.force.fill(0);
    this.pushSteps = 0;
    if (!force) return;
    const centre = this.simulation.data.xipos.subarray(3 * body, 3 * body + 3);
    const arm = point ? [0, 1, 2].map((k) => point[k] - centre[k]) : [0, 0, 0];
    const torque = [
      arm[1] * force[2] - arm[2] * force[1],
      arm[2] * force[0] - arm[0] * force[2],
      arm[0] * force[1] - arm[1] * force[0],
    ];
    [...force, ...torque].forEach((value, k) => (applied[k] = value));
    for (const simulation of all) {
      simulation.force = applied;
      simulation.forceBody = body;
    }
    this.pushSteps = steps;
  }

  applyForceSteps() {
    if (this.pushSteps > 0 && --this.pushSteps === 0) this.push(1, null, null);
  }

  // Throws the ball at where the trunk will be, from a point, e.g. the camera.
  throwBall(from) {
    const { data } = this.simulation, at = this.ballAddress(), { trunk } = this.skill.values;
    const way = [0, 1, 2].map((k) => data.xipos[3 * trunk + k] - from[k]), far = Math.hypot(...way);
    const near = Math.min(far, 3), start = way.map((part, k) => data.xipos[3 * trunk + k] - (part / far) * near);
    start[2] = Math.max(start[2], BALL_RADIUS + 0.05);
    const flight = near / BALL_SPEED;
    for (let k = 0; k < 3; k++) {
      data.qpos[at.qpos + k] = start[k];
      const along = (data.xipos[3 * trunk + k] - start[k]) / flight + data.qvel[k];
      data.qvel[at.qvel + k] = along + (k === 2 ? 4.905 * flight : 0);
      data.qvel[at.qvel + 3 + k] = 0;
    }
    this.setBall(true);
    this.ballSteps = BALL_STEPS;
  }

  applyBall() {
    if (this.ballSteps > 0 && --this.ballSteps === 0) this.parkBall();
  }

  ballAddress() {
    const { nq, nv } = this.simulation;
    return { qpos: nq, qvel: nv };
  }

  setBall(thrown) {
    const { model } = this.simulation, geom = model.ngeom - 1, body = model.nbody - 1;
    model.geom_contype[geom] = thrown ? 1 : 0;
    model.geom_conaffinity[geom] = thrown ? 0xff : 0;
    model.body_gravcomp[body] = thrown ? 0 : 1;
  }

  parkBall() {
    const { data } = this.simulation, at = this.ballAddress();
    this.ballSteps = 0;
    this.setBall(false);
    for (let k = 0; k < 7; k++) data.qpos[at.qpos + k] = [0, 0, 50, 1, 0, 0, 0][k];
    for (let k = 0; k < 6; k++) data.qvel[at.qvel + k] = 0;
  }

  get ballThrown() {
    return this.ballSteps > 0;
  }

  // kind: "flat", "slippery", "uphill" or "downhill", along the body's heading.
  setGround(kind) {
    const angle = { uphill: 7, downhill: -7 }[kind] ?? 0;
    const heading = headingOf(this.simulation.data.qpos, 3) ?? 0;
    this.ground = { kind, tilt: (angle * Math.PI) / 180, heading };
    this.applyGround();
  }

  // A slope is the plane with gravity turned, which is the same to the body; only own flat ground can be changed.
  applyGround() {
    const { kind, tilt, heading } = this.ground, { model, ground } = this.simulation;
    const g = 9.81 * Math.sin(tilt), own = ground.flat;
    const slip = own && kind === "slippery";
    for (let k = 0; k < 3; k++) {
      const flat = [0, 0, -9.81][k];
      model.opt.gravity[k] = own ? [-g * Math.cos(heading), -g * Math.sin(heading), -9.81 * Math.cos(tilt)][k] : flat;
    }
    if (own && this.skill.values.scene !== "slippery") {
      for (let geom = 0; geom < model.ngeom; geom++) {
        if (model.geom_bodyid[geom] !== 0 || model.geom_type[geom] !== 0) continue;
        model.geom_priority[geom] = slip ? 1 : 0;
        model.geom_friction[3 * geom] = slip ? SLIPPERY : 1;
      }
    }
  }

  // A load on the trunk [kg], as near to it as can be.
  setLoad(kilograms) {
    this.load = kilograms;
    const { trunk } = this.skill.values;
    for (const { model, data, mass, inertia } of new Set(this.simulations.map((simulation) => simulation.physics))) {
      model.body_mass[trunk] = mass[trunk] + kilograms;
      for (let k = 3 * trunk; k < 3 * trunk + 3; k++) model.body_inertia[k] = inertia[k] * (1 + kilograms / mass[trunk]);
      const kept = [Float64Array.from(data.qpos), Float64Array.from(data.qvel)];
      this.mujoco.mj_setConst(model, data);
      data.qpos.set(kept[0]);
      data.qvel.set(kept[1]);
    }
    this.simulation.locate();
  }
}
