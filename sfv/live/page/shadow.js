// The body's shadow where there is no graphics card: the shapes that collide, laid flat upon what is under them.
//
// A shadow map draws the body a second time and is looked up at every pixel of the ground; this is one mesh of some
// thousand vertices. A shape's shadow falls onto one plane, that of the ground under its middle.
/* global THREE */

const DARKNESS = 0.3, LIFTED = 0.004, HIGHEST = 4;

export class FlatShadow {
  constructor() {
    // The stencil lets each pixel be darkened once, however many shapes lie there.
    const material = new THREE.MeshBasicMaterial({
      color: 0x000000, transparent: true, opacity: DARKNESS, depthWrite: false, side: THREE.DoubleSide, fog: false,
      stencilWrite: true, stencilFunc: THREE.NotEqualStencilFunc, stencilRef: 1, stencilZPass: THREE.ReplaceStencilOp,
      forceSinglePass: true,
    });
    this.mesh = new THREE.Mesh(new THREE.BufferGeometry(), material);
    this.mesh.frustumCulled = false;
    this.shapes = [];
  }

  // Takes the colliding shapes of all moving bodies of a model.
  build(model) {
    this.shapes = [];
    const indices = [];
    let count = 0;
    for (let g = 0; g < model.ngeom; g++) {
      const shape = model.geom_bodyid[g] ? makeShape(model, g) : null;
      if (!shape) continue;
      const points = shape.attributes.position.array;
      indices.push(...Array.from(shape.index.array, (index) => index + count));
      this.shapes.push({ points, start: 3 * count, local: readPlace(model, g), body: model.geom_bodyid[g] });
      count += points.length / 3;
    }
    this.mesh.geometry.dispose();
    this.mesh.geometry = new THREE.BufferGeometry().setIndex(indices);
    this.points = new THREE.BufferAttribute(new Float32Array(3 * count), 3).setUsage(THREE.DynamicDrawUsage);
    this.mesh.geometry.setAttribute("position", this.points);
  }

  // Lays the shapes down. matrices: of the bodies; light: the way it goes, a unit vector; under: what is below a
  // point, {height [m], normal}. All in the physics' world.
  cast(matrices, light, under) {
    const place = new THREE.Matrix4(), flat = new THREE.Matrix4(), middle = new THREE.Vector3(), out = this.points.array;
    for (const { points, start, local, body } of this.shapes) {
      place.multiplyMatrices(matrices[body], local);
      middle.setFromMatrixPosition(place);
      const { height, normal } = under(middle.x, middle.y, middle.z);
      if (middle.z - height > HIGHEST) {
        out.fill(0, start, start + points.length);
        continue;
      }
      const e = flatten(flat, light, normal, middle, height + LIFTED).multiply(place).elements;
      for (let k = 0; k < points.length; k += 3) {
        for (let r = 0; r < 3; r++) {
          out[start + k + r] = e[r] * points[k] + e[4 + r] * points[k + 1] + e[8 + r] * points[k + 2] + e[12 + r];
        }
      }
    }
    this.points.needsUpdate = true;
  }
}

// The projection along `light` onto the plane with this normal through the point at `height` under `middle`.
function flatten(out, light, normal, middle, height) {
  const along = light.dot(normal), level = normal.x * middle.x + normal.y * middle.y + normal.z * height;
  const l = light.toArray(), n = normal.toArray();
  const cell = (i, j) => (i === j ? 1 : 0) - (l[i] * n[j]) / along;
  const rows = [0, 1, 2].flatMap((i) => [cell(i, 0), cell(i, 1), cell(i, 2), (l[i] * level) / along]);
  return out.set(...rows, 0, 0, 0, 1);
}

function readPlace(model, g) {
  const q = model.geom_quat.subarray(4 * g, 4 * g + 4);
  return new THREE.Matrix4().compose(
    new THREE.Vector3().fromArray(model.geom_pos, 3 * g),
    new THREE.Quaternion(q[1], q[2], q[3], q[0]),
    new THREE.Vector3(1, 1, 1),
  );
}

// A coarse mesh of a shape that collides, or of the ball, which is the last; null for what is only seen.
function makeShape(model, g) {
  if (!model.geom_contype[g] && !model.geom_conaffinity[g] && g !== model.ngeom - 1) return null;
  const [a, b, c] = model.geom_size.subarray(3 * g, 3 * g + 3);
  switch (model.geom_type[g]) {
    case 2: return new THREE.SphereGeometry(a, 10, 6);
    case 3: return new THREE.CapsuleGeometry(a, 2 * b, 3, 8).rotateX(Math.PI / 2);
    case 4: return new THREE.SphereGeometry(1, 10, 6).scale(a, b, c);
    case 5: return new THREE.CylinderGeometry(a, a, 2 * b, 10).rotateX(Math.PI / 2);
    case 6: return new THREE.BoxGeometry(2 * a, 2 * b, 2 * c);
    default: return null;
  }
}
