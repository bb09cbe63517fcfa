// Buttons, sliders, keys and what they show.

import { listTerms } from "./strips.js";

const KEYS = [
  ["Space", "pause"], [".", "one step"], ["R", "restart"], ["1-9", "skill"], ["[ ]", "slower, faster"], ["arrows", "push"],
  ["B", "ball"], ["G", "ghost"], ["C", "contact forces"], ["F", "follow"], ["T", "dark or light"],
];
const PUSH_NEWTONS = 240, PUSH_STEPS = 6;
const SPEEDS = [0.1, 0.25, 0.5, 1, 1.5, 2];

export class Panel {
  constructor(live) {
    this.live = live;
    this.ghost = false;
    this.forces = false;
    this.byId = (id) => document.getElementById(id);
    this.addSkills();
    this.addButtons();
    this.addLegend();
    this.paint(window.matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark");
    window.addEventListener("keydown", (event) => this.press(event));
    this.video = this.byId("video");
    this.showSaving(live.stage);
    this.refresh();
  }

  addSkills() {
    const list = this.byId("skills");
    this.skills = this.live.player.simulations.map((simulation, k) => {
      const { name, licence } = simulation.skill.values, button = document.createElement("button");
      button.textContent = name.replaceAll("_", " ");
      button.title = `${k < 9 ? `key ${k + 1}; ` : ""}${licence ?? "a run of your own"}`;
      button.addEventListener("click", () => this.choose(k));
      list.append(button);
      return button;
    });
  }

  addButtons() {
    const { live, byId } = this, on = (id, act) => byId(id).addEventListener("click", act);
    on("pause", () => this.pause());
    on("step", () => this.step());
    on("restart", () => this.restart(0));
    on("throw", () => this.throwBall());
    on("ghost", () => this.toggle("ghost"));
    on("forces", () => this.toggle("forces"));
    on("follow", () => this.toggleFollow());
    on("theme", () => this.paint(this.theme === "dark" ? "light" : "dark"));
    on("more", () => byId("panel").classList.toggle("open"));
    byId("speed").max = SPEEDS.length - 1;
    byId("speed").addEventListener("input", (event) => this.setSpeed(SPEEDS[event.target.value]));
    byId("phase").addEventListener("input", (event) => this.restart(Number(event.target.value)));
    byId("load").addEventListener("input", (event) => {
      live.player.setLoad(Number(event.target.value));
      this.refresh();
    });
    byId("ground").addEventListener("change", (event) => {
      live.player.setGround(event.target.value);
      const { tilt, heading } = live.player.ground, { data } = live.player.simulation;
      live.stage.tilt(tilt, heading, data.qpos[0], data.qpos[1]);
    });
    this.setSpeed(1);
  }

  addLegend() {
    for (const { colour, label } of listTerms()) {
      const item = document.createElement("span"), mark = document.createElement("i");
      mark.style.background = colour;
      item.append(mark, label);
      this.byId("legend").append(item);
    }
    for (const [key, text] of KEYS) {
      const item = document.createElement("span"), mark = document.createElement("kbd");
      mark.textContent = key;
      item.append(mark, ` ${text}`);
      this.byId("keys").append(item);
    }
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SELECT") return;
    const key = event.key.toLowerCase(), { live } = this;
    const acts = {
      " ": () => this.pause(), ".": () => this.step(), r: () => this.restart(0), b: () => this.throwBall(),
      g: () => this.toggle("ghost"), c: () => this.toggle("forces"), f: () => this.toggleFollow(),
      t: () => this.paint(this.theme === "dark" ? "light" : "dark"),
      "[": () => this.changeSpeed(-1), "]": () => this.changeSpeed(1),
      arrowup: () => this.push(0), arrowleft: () => this.push(90), arrowdown: () => this.push(180), arrowright: () => this.push(270),
    };
    if (/^[1-9]$/.test(key) && this.skills[key - 1]) this.choose(key - 1);
    else if (acts[key]) acts[key]();
    else return;
    event.preventDefault();
    live.moment = performance.now();
  }

  choose(k) {
    this.live.player.request(k);
    this.refresh();
  }

  pause(paused = !this.live.paused) {
    this.live.paused = paused;
    this.refresh();
  }

  step() {
    this.pause(true);
    this.live.advance();
  }

  restart(phase) {
    this.live.player.restart(Math.min(0.999, phase));
    this.live.strips.clear();
    this.refresh();
  }

  throwBall() {
    const { live } = this, eye = live.stage.world.worldToLocal(live.stage.camera.position.clone());
    live.player.throwBall(eye.toArray());
  }

  // A push of 0.2 s against the root, away from the camera turned by an angle [deg].
  push(angle) {
    const [x, y] = this.live.stage.ahead(), turn = (angle * Math.PI) / 180;
    const force = [x * Math.cos(turn) - y * Math.sin(turn), x * Math.sin(turn) + y * Math.cos(turn), 0];
    this.live.player.push(1, null, force.map((part) => PUSH_NEWTONS * part), PUSH_STEPS);
  }

  toggle(name) {
    this[name] = !this[name];
    this.refresh();
  }

  toggleFollow() {
    this.live.stage.follows = !this.live.stage.follows;
    this.refresh();
  }

  setSpeed(speed) {
    this.live.speed = speed;
    this.byId("speed").value = SPEEDS.indexOf(speed);
    this.byId("speed-text").textContent = `${speed}x`;
  }

  changeSpeed(by) {
    const k = SPEEDS.indexOf(this.live.speed) + by;
    if (SPEEDS[k]) this.setSpeed(SPEEDS[k]);
  }

  paint(theme) {
    this.theme = theme;
    document.documentElement.dataset.theme = theme;
    this.live.stage.paint(theme);
  }

  // Brings buttons and labels up to date.
  refresh() {
    const { live, byId } = this, { player } = live;
    this.skills.forEach((button, k) => {
      button.classList.toggle("on", k === player.index);
      button.classList.toggle("wanted", k === player.wanted);
    });
    byId("pause").textContent = live.paused ? "Play" : "Pause";
    byId("ghost").classList.toggle("on", this.ghost);
    byId("forces").classList.toggle("on", this.forces);
    byId("follow").classList.toggle("on", live.stage.follows);
    byId("load-text").textContent = `${player.load} kg`;
    byId("ground").disabled = !player.simulation.ground.flat;
    byId("ground").title = player.simulation.ground.flat ? "" : "this skill has a ground of its own";
  }

  // What is left out so that drawing keeps up with time.
  showSaving({ software, pixelRatio, renderer }) {
    const full = Math.min(window.devicePixelRatio || 1, 2), share = Math.round((100 * pixelRatio) / full);
    const parts = [software ? "Drawn by the processor: a plain shadow, no smooth edges" : "", share < 100 ? `${share} % of the pixels each way` : "",
      software || renderer.shadowMap.enabled ? "" : "no shadows"];
    const text = parts.filter(Boolean).join("; ");
    this.byId("saving").hidden = !text;
    this.byId("saving").textContent = text && `${text}.`;
  }

  toast(text) {
    const place = this.byId("toast");
    place.textContent = text;
    place.classList.add("shown");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => place.classList.remove("shown"), 2600);
  }

  // What changes all the time: phase, reward, state, strips, the video's time.
  draw() {
    const { player, strips } = this.live, { phase } = player;
    if (document.activeElement !== this.byId("phase") || !this.live.paused) this.byId("phase").value = phase;
    const over = player.crosses ? "on the way over" : "";
    const state = { perform: over, lie: "fallen", lift: "carried back" }[player.mode];
    const waits = player.wanted !== null && player.mode === "perform" ? "waits for the way over" : "";
    this.byId("state").textContent = state || waits || `reward ${(player.last?.total ?? 0).toFixed(2)}`;
    strips.draw();
    if (this.video) this.followVideo(phase);
  }

  followVideo(phase) {
    const { video } = this, { start, seconds, skill } = video.dataset;
    video.parentElement.hidden = skill !== this.live.player.skill.values.name;
    const wanted = Number(start) + phase * Number(seconds);
    if (Math.abs(video.currentTime - wanted) > 0.04) video.currentTime = wanted;
  }
}
