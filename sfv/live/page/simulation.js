// The environment of imitate/env/env.py for one body: servo targets, physics, observation, reward, falls.

import { Ground } from "./ground.js";
import { FeedbackLaw } from "./law.js";
import { Grips } from "./objects.js";
import { Policy } from "./policy.js";
import { Reference } from "./reference.js";
import { relativeRotvec, writeRotvec } from "./rotations.js";

export class Simulation {
  // mujoco: the loaded module; skill: unpacked by unpackArrays.
  constructor(mujoco, skill, physics = null) {
    this.mujoco = mujoco;
    this.skill = skill;
    this.physics = physics ?? loadPhysics(mujoco, skill.values.mjcf);
    this.model = this.physics.model;
    this.data = this.physics.data;
    this.reference = new Reference(skill);
    this.policy = skill.arrays.law_gains ? new FeedbackLaw(skill, this) : new Policy(skill);
    this.ground = new Ground(skill);
    this.grips = new Grips(skill, this.model);
    const { arrays, values } = skill;
    for (const name of ["scalar_qpos", "scalar_dof", "quat_qpos", "quat_dof", "actuator_dof", "lag", "sites", "keys"]) {
      this[name] = arrays[name].data;
    }
    this.values = values;
    this.nbody = values.bodies;
    this.nv = this.reference.nv;
    this.nq = this.reference.nq;
    this.step_ = new Float64Array(this.nv);
    this.here = new Float64Array(this.nv);
    const moving = this.nbody - 1;
    const map = values.ground.flat ? 0 : arrays.map_points.shape[0];
    this.observation = new Float32Array(4 + 3 * (moving - 1) + 12 * moving + 3 + this.nv - 3 + map);
    this.vectors = new Float32Array(3 * (moving - 1 + 4 * moving + 1));
    this.frame = 0;
    this.force = [0, 0, 0, 0, 0, 0];
    this.forceBody = 1;
  }

  // Puts the body onto the reference at a frame, as deep as the ground bears it.
  start(frame) {
    this.mujoco.mj_resetData(this.model, this.data);
    this.frame = frame;
    this.data.qpos.set(this.reference.pose(frame));
    this.data.qvel.set(this.reference.velocity(frame));
    this.data.qpos[2] += this.reference.tables.rise.data[this.reference.clamp(frame)];
    this.locate();
    this.grips.apply(this.mujoco, this.model, this.data, frame);
  }

  // Positions and velocities of the bodies at the present state.
  locate() {
    this.mujoco.mj_fwdPosition(this.model, this.data);
    this.mujoco.mj_fwdVelocity(this.model, this.data);
  }

  // Whether its surroundings stand where they are, so that its reference cannot be put elsewhere.
  get fixed() {
    return !this.ground.flat || this.values.objects.length > 0;
  }

  get following() {
    return Math.min(this.frame + 1, this.reference.length - 1);
  }

  // Tangent step from the body's pose to `pose`, into out (nv,).
  difference(pose, out) {
    const qpos = this.data.qpos, { scalar_qpos, scalar_dof, quat_qpos, quat_dof } = this;
    for (let k = 0; k < scalar_qpos.length; k++) out[scalar_dof[k]] = pose[scalar_qpos[k]] - qpos[scalar_qpos[k]];
    for (let k = 0; k < quat_qpos.length / 4; k++) {
      relativeRotvec(qpos, quat_qpos[4 * k], pose, quat_qpos[4 * k], out, quat_dof[3 * k]);
    }
    return out;
  }

  observe() {
    const { reference, frame, observation, vectors } = this;
    const heading = reference.heading(frame), phase = reference.phase(frame);
    const xpos = this.data.xpos, xmat = this.data.xmat, cvel = this.data.cvel, com = this.data.subtree_com;
    const moving = this.nbody - 1, step = this.difference(reference.pose(this.following), this.step_);
    let at = 0;
    const put = (x, y, z) => {
      vectors[at++] = x;
      vectors[at++] = y;
      vectors[at++] = z;
    };
    for (let b = 2; b < this.nbody; b++) put(xpos[3 * b] - xpos[3], xpos[3 * b + 1] - xpos[4], xpos[3 * b + 2] - xpos[5]);
    for (let c = 0; c < 2; c++) {
      for (let b = 1; b <= moving; b++) put(xmat[9 * b + c], xmat[9 * b + 3 + c], xmat[9 * b + 6 + c]);
    }
    for (let b = 1; b <= moving; b++) {
      const [wx, wy, wz] = [cvel[6 * b], cvel[6 * b + 1], cvel[6 * b + 2]];
      const [ax, ay, az] = [xpos[3 * b] - com[3], xpos[3 * b + 1] - com[4], xpos[3 * b + 2] - com[5]];
      put(cvel[6 * b + 3] + wy * az - wz * ay, cvel[6 * b + 4] + wz * ax - wx * az, cvel[6 * b + 5] + wx * ay - wy * ax);
    }
    for (let b = 1; b <= moving; b++) put(cvel[6 * b], cvel[6 * b + 1], cvel[6 * b + 2]);
    put(step[0], step[1], step[2]);

    const angle = 2 * Math.PI * phase, cos = Math.fround(Math.cos(heading)), sin = Math.fround(Math.sin(heading));
    observation[0] = phase;
    observation[1] = Math.sin(angle);
    observation[2] = Math.cos(angle);
    observation[3] = xpos[5];
    for (let k = 0; k < at; k += 3) {
      observation[4 + k] = cos * vectors[k] + sin * vectors[k + 1];
      observation[5 + k] = cos * vectors[k + 1] - sin * vectors[k];
      observation[6 + k] = vectors[k + 2];
    }
    for (let k = 3; k < this.nv; k++) observation[4 + at + k - 3] = step[k];
    const end = 4 + at + this.nv - 3, limit = this.values.observation_limit;
    for (let k = 0; k < end; k++) observation[k] = Math.max(-limit, Math.min(limit, observation[k]));
    if (!this.ground.flat) {
      observation[3] -= this.ground.support(xpos[3], xpos[4]);
      this.ground.mapAround(xpos[3], xpos[4], heading, observation, end);
    }
    return observation;
  }

  // Sets the servos' targets: the reference's next pose, ahead by the servo's lag, plus the action.
  setTargets(action) {
    const { actuator_dof, lag, here, step_ } = this, qpos = this.data.qpos, ctrl = this.data.ctrl;
    const velocity = this.reference.velocity(this.following);
    this.difference(this.reference.pose(this.following), step_);
    for (let k = 3; k < this.scalar_dof.length; k++) here[this.scalar_dof[k]] = qpos[this.scalar_qpos[k]];
    for (let k = 0; k < this.quat_qpos.length / 4; k++) {
      const q = this.quat_qpos[4 * k];
      writeRotvec(qpos[q], qpos[q + 1], qpos[q + 2], qpos[q + 3], here, this.quat_dof[3 * k]);
    }
    for (let u = 0; u < actuator_dof.length; u++) {
      const d = actuator_dof[u];
      ctrl[u] = here[d] + step_[d] + lag[u] * velocity[d] + this.values.action_scale * action[u];
    }
  }

  // One control step: observe, act, simulate. `beforeEnd` is called after the last physics step, when contacts are known.
  step(beforeEnd = null) {
    this.setTargets(this.policy.act(this.observe()));
    this.simulate(beforeEnd);
  }

  simulate(beforeEnd = null) {
    const applied = this.data.xfrc_applied;
    applied.fill(0);
    for (let k = 0; k < 6; k++) applied[6 * this.forceBody + k] = this.force[k];
    this.grips.apply(this.mujoco, this.model, this.data, this.reference.clamp(this.frame));
    for (let k = 0; k < this.values.substeps; k++) this.mujoco.mj_step(this.model, this.data);
    if (beforeEnd) beforeEnd();
    this.locate();
    this.frame = Math.min(this.frame + 1, this.reference.length - 1);
  }

  // The weighted terms of the reward and their sum, as imitation_reward.
  reward() {
    const { reference, frame, values } = this, weights = values.reward, point = [0, 0, 0];
    const step = this.difference(reference.pose(frame), this.step_), velocity = reference.velocity(frame);
    const qvel = this.data.qvel, xpos = this.data.xpos, site = this.data.site_xpos, com = this.data.subtree_com;
    let pose = 0, speed = 0, ends = 0, mass = 0;
    for (let k = 3; k < this.nv; k++) {
      pose += step[k] ** 2;
      speed += (qvel[k] - velocity[k]) ** 2;
    }
    for (let e = 0; e < this.sites.length; e++) {
      reference.point("end_effectors", frame, e, point, false);
      for (let k = 0; k < 3; k++) ends += (site[3 * this.sites[e] + k] - xpos[3 + k] - point[k]) ** 2;
    }
    reference.point("com", frame, 0, point);
    for (let k = 0; k < 3; k++) mass += (com[3 + k] - point[k]) ** 2;
    const terms = {
      pose: weights.pose_weight * Math.exp((-weights.pose_scale * pose) / values.joints),
      velocity: weights.velocity_weight * Math.exp((-weights.velocity_scale * speed) / values.joints),
      end_effectors: weights.end_effector_weight * Math.exp((-weights.end_effector_scale * ends) / this.sites.length),
      com: weights.com_weight * Math.exp(-weights.com_scale * mass),
    };
    return { terms, total: terms.pose + terms.velocity + terms.end_effectors + terms.com };
  }

  // The first fall body that touches the ground while the reference's does not, or null.
  fallenBody() {
    const { arrays } = this.skill, count = arrays.fall_first.data.length;
    const may = arrays.may_touch.data, row = this.reference.clamp(this.frame) * count;
    for (let f = 0; f < count; f++) {
      if (!may[row + f] && this.clearance(f) < 0) return this.values.fall_bodies[f];
    }
    return null;
  }

  // Height of the lowest point of a fall body above the ground [m].
  clearance(f) {
    const { arrays } = this.skill, first = arrays.fall_first.data, geoms = arrays.fall_geoms.data;
    const centre = arrays.fall_centre.data, core = arrays.fall_core.data, radius = arrays.fall_radius.data;
    const end = f + 1 < first.length ? first[f + 1] : geoms.length;
    const xpos = this.data.geom_xpos, xmat = this.data.geom_xmat, cos = Math.cos(this.ground.incline);
    let lowest = Infinity;
    for (let g = first[f]; g < end; g++) {
      const id = geoms[g], m = 9 * id;
      for (let corner = 0; corner < 8; corner++) {
        const x = centre[3 * g] + (corner & 1 ? 1 : -1) * core[3 * g];
        const y = centre[3 * g + 1] + (corner & 2 ? 1 : -1) * core[3 * g + 1];
        const z = centre[3 * g + 2] + (corner & 4 ? 1 : -1) * core[3 * g + 2];
        const wx = xpos[3 * id] + xmat[m] * x + xmat[m + 1] * y + xmat[m + 2] * z;
        const wy = xpos[3 * id + 1] + xmat[m + 3] * x + xmat[m + 4] * y + xmat[m + 5] * z;
        const wz = xpos[3 * id + 2] + xmat[m + 6] * x + xmat[m + 7] * y + xmat[m + 8] * z;
        lowest = Math.min(lowest, (wz - this.ground.height(wx, wy)) * cos - radius[g]);
      }
    }
    return lowest;
  }

  // Greatest distance of the root and the key bodies from the reference [m].
  distance() {
    const xpos = this.data.xpos, point = [0, 0, 0];
    let greatest = 0;
    for (let k = 0; k < this.keys.length; k++) {
      this.reference.point("key_bodies", this.frame, k, point);
      const b = 3 * this.keys[k];
      greatest = Math.max(greatest, Math.hypot(xpos[b] - point[0], xpos[b + 1] - point[1], xpos[b + 2] - point[2]));
    }
    return greatest;
  }

  get finite() {
    return Number.isFinite(this.data.qpos[2]) && Math.abs(this.data.qpos[2]) < 1e3;
  }
}

export function loadPhysics(mujoco, mjcf) {
  const model = mujoco.MjModel.from_xml_string(mjcf);
  const mass = Array.from(model.body_mass), inertia = Array.from(model.body_inertia);
  return { mjcf, model, data: new mujoco.MjData(model), mass, inertia };
}
