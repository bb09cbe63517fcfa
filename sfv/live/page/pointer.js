// The pointer on the canvas: a body that is taken hold of is pulled by a spring; elsewhere the camera turns.

const STIFFNESS = 500, STRONGEST = 700;

export class Pointer {
  constructor(stage, player, label) {
    Object.assign(this, { stage, player, label, grip: null });
    const { canvas } = stage;
    canvas.addEventListener("pointerdown", (event) => this.begin(event), { capture: true });
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => this.end(event));
  }

  begin(event) {
    if (event.button > 0 || this.grip) return;
    const hit = findBody(this.player.simulation, this.stage.ray(event.clientX, event.clientY));
    if (!hit) return;
    this.grip = { ...hit, pointer: event.pointerId, x: event.clientX, y: event.clientY };
    this.stage.controls.enabled = false;
    this.stage.canvas.setPointerCapture(event.pointerId);
    event.stopImmediatePropagation();
  }

  move(event) {
    if (this.grip?.pointer !== event.pointerId) return;
    this.grip.x = event.clientX;
    this.grip.y = event.clientY;
  }

  end(event) {
    if (this.grip?.pointer !== event.pointerId) return;
    this.grip = null;
    this.stage.controls.enabled = true;
    this.player.push(1, null, null);
    this.stage.arrow.show(null, null, 1);
    this.label.hidden = true;
  }

  // Before each control step: the force of the spring from the held point to the pointer.
  apply() {
    if (!this.grip) return;
    const { body, local, depth, x, y } = this.grip, { data } = this.player.simulation;
    const point = toWorld(data, body, local);
    const ray = this.stage.ray(x, y), goal = ray.origin.map((part, k) => part + depth * ray.direction[k]);
    let force = point.map((part, k) => STIFFNESS * (goal[k] - part));
    const size = Math.hypot(...force);
    if (size > STRONGEST) force = force.map((part) => (part * STRONGEST) / size);
    this.player.push(body, point, force);
    this.shown = { point, force };
  }

  // The arrow and its newtons, after each control step.
  draw() {
    if (!this.grip || !this.shown) return;
    const { force } = this.shown, newtons = Math.hypot(...force);
    const point = toWorld(this.player.simulation.data, this.grip.body, this.grip.local);
    this.stage.arrow.show(point, force, 1 / 400);
    const [left, top] = this.stage.project(point.map((part, k) => part + force[k] / 400));
    this.label.hidden = newtons < 10;
    this.label.textContent = `${Math.round(newtons / 10) * 10} N`;
    this.label.style.left = `${left}px`;
    this.label.style.top = `${top}px`;
  }
}

function toWorld(data, body, local) {
  const m = 9 * body, p = 3 * body;
  return [0, 1, 2].map(
    (k) =>
      data.xpos[p + k] +
      data.xmat[m + 3 * k] * local[0] +
      data.xmat[m + 3 * k + 1] * local[1] +
      data.xmat[m + 3 * k + 2] * local[2],
  );
}

// The nearest geom of the body that a ray passes by within its size: {body, local, depth}, or null.
function findBody(simulation, { origin, direction }) {
  const { data, model, nbody } = simulation;
  let best = null;
  for (let g = 0; g < model.ngeom; g++) {
    const body = model.geom_bodyid[g];
    if (body === 0 || body >= nbody || !(model.geom_contype[g] || model.geom_conaffinity[g])) continue;
    const centre = [0, 1, 2].map((k) => data.geom_xpos[3 * g + k]), away = centre.map((part, k) => part - origin[k]);
    const half = model.geom_type[g] === 3 ? model.geom_size[3 * g + 1] : 0, radius = model.geom_size[3 * g] + 0.03;
    const axis = [2, 5, 8].map((k) => data.geom_xmat[9 * g + k]);
    // The point of the geom's axis that is nearest to the ray, then the distance of the two.
    const depth0 = dot(away, direction), slant = dot(axis, direction), across = 1 - slant * slant;
    const along = across > 1e-6 ? (slant * depth0 - dot(away, axis)) / across : 0;
    const place = Math.max(-half, Math.min(half, along));
    const point = centre.map((part, k) => part + place * axis[k]);
    const depth = dot(point.map((part, k) => part - origin[k]), direction);
    const miss = Math.hypot(...point.map((part, k) => part - origin[k] - depth * direction[k]));
    if (depth > 0 && miss < radius && (!best || depth < best.depth)) best = { body, point, depth };
  }
  if (!best) return null;
  const m = 9 * best.body, offset = best.point.map((part, k) => part - data.xpos[3 * best.body + k]);
  const local = [0, 1, 2].map((k) => [0, 1, 2].reduce((sum, i) => sum + data.xmat[m + 3 * i + k] * offset[i], 0));
  return { body: best.body, local, depth: best.depth };
}

function dot(a, b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
