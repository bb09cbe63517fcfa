// Boxes and bars of a found scene, and hands that hold bars, as imitate/scene/objects.py and imitate/env/grip_schedule.py.
/* global THREE */

const COLOUR = 0xb8875a;

// A mesh for each object of a skill, in the physics' world.
export function makeObjects(objects) {
  return objects.map(({ kind, centre, yaw, half }) => {
    const geometry =
      kind === "bar"
        ? new THREE.CapsuleGeometry(half[1], 2 * half[0], 6, 16).rotateZ(-Math.PI / 2)
        : new THREE.BoxGeometry(2 * half[0], 2 * half[1], 2 * half[2]);
    const mesh = new THREE.Mesh(geometry, new THREE.MeshLambertMaterial({ color: COLOUR }));
    mesh.position.fromArray(centre);
    mesh.rotation.z = yaw;
    mesh.receiveShadow = mesh.castShadow = true;
    return mesh;
  });
}

// Height of the highest upper face of a box below a point [m], or `ground` where there is none.
export function heightBelow(objects, ground, x, y, z) {
  let height = ground;
  for (const { kind, centre, yaw, half } of objects) {
    const dx = x - centre[0], dy = y - centre[1], top = centre[2] + half[2];
    const along = Math.cos(yaw) * dx + Math.sin(yaw) * dy, aside = Math.cos(yaw) * dy - Math.sin(yaw) * dx;
    const over = Math.abs(along) <= half[0] && Math.abs(aside) <= half[1];
    if (kind === "box" && over && top <= z && top > height) height = top;
  }
  return height;
}

// Ties of hands to their places on bars: closed while the reference holds and the hand is near.
export class Grips {
  constructor(skill, model) {
    const { arrays, values } = skill;
    this.wanted = arrays.grip_wanted.data;
    this.hands = arrays.grip_hands.data;
    this.places = arrays.grip_places.data;
    this.count = this.hands.length;
    this.first = model.neq - this.count;
    this.closed = new Float64Array(model.neq);
    this.reach = values.grip_reach;
  }

  // Closes and opens them for a row of the reference.
  apply(mujoco, model, data, row) {
    if (!this.count) return;
    const { closed } = this, at = data.site_xpos;
    closed.fill(0);
    for (let g = 0; g < this.count; g++) {
      const hand = 3 * this.hands[g], place = 3 * this.places[g];
      const away = Math.hypot(at[hand] - at[place], at[hand + 1] - at[place + 1], at[hand + 2] - at[place + 2]);
      if (this.wanted[row * this.count + g] && away < this.reach) closed[this.first + g] = 1;
    }
    // The bindings have no view of `eq_active`.
    mujoco.mj_setState(model, data, closed, mujoco.mjtState.mjSTATE_EQ_ACTIVE.value);
  }
}
