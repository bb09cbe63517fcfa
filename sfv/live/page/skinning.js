// A skin that the page bends and lights itself. Without a graphics card the processor would do so in any case, and this
// way it reads each matrix once for each vertex, not as sixteen texels, and each pixel needs no light.
/* global THREE */

// As stage.js lights: the sun's way and strength, the sky's strength above and what is left of it below.
const SUN = new Float32Array([-0.3404, -0.4023, 0.8511]), SUNLIGHT = 2.2 / Math.PI, SKY = 1.25 / Math.PI, BELOW = 0.28;
const GAMMA = 1 / 2.2, LEVELS = 256, BRIGHTEST = SUNLIGHT + SKY;
const SCREEN = Uint8Array.from({ length: LEVELS + 1 }, (_, k) => Math.round(255 * Math.min(1, ((k / LEVELS) * BRIGHTEST) ** GAMMA)));

export class ProcessorSkin {
  // part: of `readBody`, with a skin.
  constructor(part) {
    const { geometry, inverses, bodies } = part, { attributes } = geometry;
    Object.assign(this, { inverses, bodies });
    this.positions = attributes.position.array;
    this.normals = attributes.normal.array;
    this.joints = attributes.skinIndex.array;
    this.weights = attributes.skinWeight.array;
    this.geometry = new THREE.BufferGeometry();
    const count = this.positions.length / 3;
    this.moved = new THREE.BufferAttribute(new Float32Array(3 * count), 3).setUsage(THREE.DynamicDrawUsage);
    this.light = new THREE.BufferAttribute(new Uint8Array(count), 1, true).setUsage(THREE.DynamicDrawUsage);
    this.geometry.setAttribute("position", this.moved);
    this.geometry.setAttribute("light", this.light);
    if (attributes.uv) this.geometry.setAttribute("uv", attributes.uv);
    this.geometry.setIndex(geometry.index);
    this.rows = new Float32Array(16 * bodies.length);
    this.matrix = new THREE.Matrix4();
  }

  // Bends the skin to the places of the bodies. A joint's row of numbers: its matrix, then the sun as the joint sees it.
  update(matrices) {
    const { rows, matrix } = this;
    this.bodies.forEach((body, j) => {
      const e = matrix.multiplyMatrices(matrices[body], this.inverses[j]).elements;
      for (let r = 0; r < 3; r++) for (let c = 0; c < 4; c++) rows[16 * j + 4 * r + c] = e[4 * c + r];
      for (let c = 0; c < 3; c++) rows[16 * j + 12 + c] = SUN[0] * e[4 * c] + SUN[1] * e[4 * c + 1] + SUN[2] * e[4 * c + 2];
    });
    this.bend();
    this.moved.needsUpdate = this.light.needsUpdate = true;
  }

  bend() {
    const { rows, joints, weights, positions, normals } = this, at = this.moved.array, light = this.light.array;
    const scale = LEVELS / BRIGHTEST;
    for (let v = 0, p = 0, w = 0; p < positions.length; v++, p += 3, w += 4) {
      const x = positions[p], y = positions[p + 1], z = positions[p + 2];
      const a = normals[p], b = normals[p + 1], c = normals[p + 2];
      let px = 0, py = 0, pz = 0, up = 0, sun = 0;
      for (let k = w; k < w + 4; k++) {
        const weight = weights[k], m = 16 * joints[k];
        if (weight === 0) continue;
        px += weight * (rows[m] * x + rows[m + 1] * y + rows[m + 2] * z + rows[m + 3]);
        py += weight * (rows[m + 4] * x + rows[m + 5] * y + rows[m + 6] * z + rows[m + 7]);
        pz += weight * (rows[m + 8] * x + rows[m + 9] * y + rows[m + 10] * z + rows[m + 11]);
        up += weight * (rows[m + 8] * a + rows[m + 9] * b + rows[m + 10] * c);
        sun += weight * (rows[m + 12] * a + rows[m + 13] * b + rows[m + 14] * c);
      }
      at[p] = px;
      at[p + 1] = py;
      at[p + 2] = pz;
      const lit = SKY * (BELOW + (1 - BELOW) * (0.5 * up + 0.5)) + (sun > 0 ? SUNLIGHT * sun : 0);
      light[v] = SCREEN[(scale * lit) | 0];
    }
  }
}
