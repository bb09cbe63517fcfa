// The page: loads, then runs physics at its own rate and draws as often as the screen does.
/* global loadMujoco, THREE */

import { unpackArrays } from "./arrays.js";
import { Figure, readBody } from "./body.js";
import { measureObservations, measureRollouts } from "./measure.js";
import { Player } from "./player.js";
import { Pointer } from "./pointer.js";
import { slerpQuat } from "./rotations.js";
import { Stage } from "./stage.js";
import { Strips } from "./strips.js";
import { Panel } from "./panel.js";

const STEP = 1 / 30, SLOW_FRAME = 0.037, MOST_STEPS = 8, LEAST_PIXELS = 0.5;

function progress(share, text) {
  document.getElementById("loading-bar").value = share;
  document.getElementById("loading-text").textContent = text;
  return new Promise((resolve) => setTimeout(resolve, 0));
}

async function readBlock(id) {
  const text = document.getElementById(id).textContent.trim();
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function readAll(kind) {
  const count = document.querySelectorAll(`[id^="${kind}-"]`).length, blocks = [];
  for (let k = 0; k < count; k++) blocks.push(unpackArrays(await readBlock(`${kind}-${k}`)));
  return blocks;
}

class Live {
  async load() {
    await progress(0.1, "unpacking the physics");
    const wasmBinary = await readBlock("wasm");
    await progress(0.4, "starting the physics");
    this.mujoco = await loadMujoco({ wasmBinary, locateFile: (name) => name, print: () => {}, printErr: () => {} });
    await progress(0.7, "unpacking the skills");
    const skills = await readAll("skill"), bridges = await readAll("bridge");
    await progress(0.85, "unpacking the body");
    this.parts = await readBody(await readBlock("body"));
    this.player = new Player(this.mujoco, skills, bridges);
    await progress(1, "ready");
    this.build();
  }

  build() {
    const { player } = this, { model } = player.simulation;
    this.stage = new Stage(document.getElementById("stage"), player.skill.values.height);
    this.figure = new Figure(this.parts, this.stage.software);
    const look = new THREE.MeshLambertMaterial({ color: 0x5b9bff, transparent: true, opacity: 0.32, depthWrite: false });
    this.ghost = new Figure(this.parts, this.stage.software, look);
    this.ball = new THREE.Mesh(
      new THREE.SphereGeometry(model.geom_size[3 * (model.ngeom - 1)], 24, 16),
      new THREE.MeshLambertMaterial({ color: 0xe4572e }),
    );
    this.ball.castShadow = true;
    this.pack = new THREE.Mesh(
      new THREE.BoxGeometry(0.16, 0.3, 0.42),
      new THREE.MeshLambertMaterial({ color: 0x8a5a2b }),
    );
    this.pack.castShadow = true;
    this.pack.matrixAutoUpdate = false;
    this.stage.world.add(this.figure.group, this.ghost.group, this.ball, this.pack);
    this.ghost.group.visible = false;
    this.ghostData = new this.mujoco.MjData(model);
    this.strips = new Strips(document.getElementById("reward"), document.getElementById("contact"));
    this.pointer = new Pointer(this.stage, player, document.getElementById("newtons"));
    this.panel = new Panel(this);
    player.listen((kind, text) => this.hear(kind, text));
    this.hear("physics", "");
    window.addEventListener("resize", () => this.resize());
    new ResizeObserver(() => this.resize()).observe(document.getElementById("view"));
    this.resize();
    this.frames = 0;
    this.behind = 0;
    this.time = 0;
    this.speed = 1;
    this.paused = false;
    this.adapts = true;
    this.moment = performance.now();
    document.getElementById("loading").remove();
    requestAnimationFrame((now) => this.tick(now));
  }

  hear(kind, text) {
    if (kind === "physics") {
      this.stage.build(this.player.simulation);
      this.ghostData.delete();
      this.ghostData = new this.mujoco.MjData(this.player.simulation.model);
    }
    if (kind === "fall" || kind === "lost") this.panel.toast(text);
    this.panel.refresh();
  }

  resize() {
    const view = document.getElementById("view"), box = (name) => document.querySelector(name).getBoundingClientRect();
    const panel = box("#panel"), beside = panel.width > 0 && panel.width < view.clientWidth / 2;
    this.stage.resize(view.clientWidth, view.clientHeight, {
      right: beside ? view.clientWidth - panel.left : 0,
      bottom: view.clientHeight - box("footer").top,
      top: beside ? 0 : box("header").bottom,
    });
  }

  // Physics for the time that has passed, then one picture.
  tick(now) {
    requestAnimationFrame((next) => this.tick(next));
    const passed = Math.min((now - this.moment) / 1000, 0.25);
    this.moment = now;
    if (!this.paused) {
      this.behind += passed * this.speed;
      for (let k = 0; this.behind >= STEP && k < MOST_STEPS; k++) {
        this.advance();
        this.behind -= STEP;
      }
      if (this.behind >= STEP) this.behind = 0;
    }
    this.adapt(passed);
    this.draw(passed);
  }

  advance() {
    this.pointer.apply();
    this.player.advance();
    this.time += STEP;
    const weight = this.player.skill.values.mass * 9.81;
    const carried = (this.player.contacts ?? []).reduce((sum, contact) => sum + Math.max(0, contact.force[2]), 0);
    this.strips.add(this.player.mode === "lift" ? null : this.player.last?.terms, carried / weight);
  }

  // Where fewer than 27 pictures are drawn a second: fewer pixels, then no shadow map. The page says so.
  adapt(passed) {
    this.slow = passed > SLOW_FRAME ? (this.slow ?? 0) + 1 : Math.max(0, (this.slow ?? 0) - 2);
    if (!this.adapts || this.slow < 25) return;
    this.slow = 0;
    const { stage } = this, { shadowMap } = stage.renderer;
    if (stage.pixelRatio <= LEAST_PIXELS && !shadowMap.enabled) return;
    if (stage.pixelRatio > LEAST_PIXELS) stage.pixelRatio = Math.max(LEAST_PIXELS, stage.pixelRatio * 0.8);
    else shadowMap.enabled = false;
    this.resize();
    this.panel.showSaving(stage);
  }

  draw(passed) {
    const { player, stage } = this, { data } = player.simulation;
    const share = this.paused ? 1 : Math.min(1, this.behind / STEP);
    const places = mixPlaces(player.before.xpos, data.xpos, share);
    const turns = mixTurns(player.before.xquat, data.xquat, share);
    this.figure.place(places, turns);
    this.drawGhost();
    this.drawExtras(places);
    const root = [3, 4, 5].map((k) => places[k]);
    stage.follow(root[0], root[1], root[2] * 0.55 + 0.17 * player.skill.values.height, 1 - Math.exp(-6 * passed));
    stage.light(root[0], root[1], this.figure.matrices);
    this.pointer.draw();
    const weight = player.skill.values.mass * 9.81;
    stage.showContacts(this.panel.forces && player.mode !== "lift" ? (player.contacts ?? []) : [], weight);
    stage.draw();
    if (this.frames++ % (stage.software ? 6 : 2) === 0) this.panel.draw();
  }

  drawGhost() {
    this.ghost.group.visible = this.panel.ghost && this.player.mode !== "lift";
    if (!this.ghost.group.visible) return;
    const { reference, frame, model } = this.player.simulation;
    this.ghostData.qpos.set(reference.pose(frame));
    this.mujoco.mj_kinematics(model, this.ghostData);
    this.ghost.place(this.ghostData.xpos, this.ghostData.xquat);
  }

  drawExtras(places) {
    const { player } = this, ball = places.length - 3, { trunk } = player.skill.values;
    this.ball.visible = player.ballThrown;
    this.ball.position.set(places[ball], places[ball + 1], places[ball + 2]);
    this.pack.visible = player.load > 0;
    const size = Math.cbrt(Math.max(player.load, 1) / 15);
    this.pack.matrix
      .copy(this.figure.matrices[trunk])
      .multiply(new THREE.Matrix4().makeTranslation(-0.12 - 0.06 * size, 0, 0.12))
      .scale(new THREE.Vector3(size, size, size));
  }
}

// Between the states before and after a control step: points along the line, quaternions (wxyz) by normalised means.
function mixPlaces(before, after, share) {
  if (before.length !== after.length) return after;
  return Float64Array.from(after, (value, k) => before[k] + share * (value - before[k]));
}

function mixTurns(before, after, share) {
  if (before.length !== after.length) return after;
  const out = new Float64Array(after.length);
  for (let k = 0; k < out.length; k += 4) slerpQuat(before, k, after, k, share, out, k);
  return out;
}

const live = new Live();
window.sfvLive = {
  live,
  measureRollouts: (k, frames, steps) => measureRollouts(live.player.simulations[k], frames, steps),
  measureObservations: (k, frame, steps) => measureObservations(live.player.simulations[k], frame, steps),
};
live.load().catch((error) => {
  const text = document.getElementById("loading-text");
  if (text) text.textContent = `This browser cannot show the page: ${error.message ?? error}`;
  throw error;
});
