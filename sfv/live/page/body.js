// The body of a GLB as sfv writes it: node k is body k of the model. Draws it in MuJoCo's world, z up.
/* global THREE */

import { makeSkinMaterial } from "./plain.js";
import { ProcessorSkin } from "./skinning.js";

const ARRAYS = { 5126: Float32Array, 5125: Uint32Array, 5123: Uint16Array };
const WIDTHS = { SCALAR: 1, VEC2: 2, VEC3: 3, VEC4: 4, MAT4: 16 };

function readGlb(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(12, true);
  const json = JSON.parse(new TextDecoder().decode(bytes.subarray(20, 20 + length)));
  const binary = bytes.slice(28 + length).buffer;
  const accessor = (index) => {
    const { bufferView, componentType, count, type } = json.accessors[index];
    const start = json.bufferViews[bufferView].byteOffset ?? 0;
    return new ARRAYS[componentType](binary, start, count * WIDTHS[type]);
  };
  const view_ = (index) => {
    const { byteOffset, byteLength } = json.bufferViews[index];
    return new Uint8Array(binary, byteOffset ?? 0, byteLength);
  };
  return { json, accessor, bytesOf: view_ };
}

async function makeMaterial(glb, index) {
  const surface = glb.json.materials[index].pbrMetallicRoughness;
  const material = new THREE.MeshLambertMaterial({ color: new THREE.Color().fromArray(surface.baseColorFactor) });
  if (surface.baseColorTexture) {
    const image = glb.json.images[glb.json.textures[surface.baseColorTexture.index].source];
    const picture = await createImageBitmap(new Blob([glb.bytesOf(image.bufferView)], { type: image.mimeType }));
    material.map = new THREE.Texture(picture);
    material.map.flipY = false;
    material.map.colorSpace = THREE.SRGBColorSpace;
    material.map.generateMipmaps = true;
    material.map.needsUpdate = true;
  }
  return material;
}

function makeGeometry(glb, primitive) {
  const geometry = new THREE.BufferGeometry();
  const names = { POSITION: "position", NORMAL: "normal", TEXCOORD_0: "uv", JOINTS_0: "skinIndex", WEIGHTS_0: "skinWeight" };
  for (const [key, index] of Object.entries(primitive.attributes)) {
    const width = WIDTHS[glb.json.accessors[index].type];
    geometry.setAttribute(names[key], new THREE.BufferAttribute(glb.accessor(index), width));
  }
  geometry.setIndex(new THREE.BufferAttribute(glb.accessor(primitive.indices), 1));
  return geometry;
}

// What is needed to draw the body as often as wanted: geometries, materials, and how they hang on the bodies.
export async function readBody(bytes) {
  const glb = readGlb(bytes);
  const parts = [];
  const bodyOf = new Map();
  glb.json.nodes.forEach((node, k) => (node.children ?? []).forEach((child) => bodyOf.set(child, k)));
  for (const [k, node] of glb.json.nodes.entries()) {
    if (node.mesh === undefined) continue;
    const primitive = glb.json.meshes[node.mesh].primitives[0];
    const part = { geometry: makeGeometry(glb, primitive), material: await makeMaterial(glb, primitive.material) };
    if (node.skin !== undefined) {
      const skin = glb.json.skins[node.skin];
      const flat = glb.accessor(skin.inverseBindMatrices);
      part.bodies = skin.joints;
      part.inverses = skin.joints.map((_, i) => new THREE.Matrix4().fromArray(flat, 16 * i));
    } else {
      part.body = bodyOf.get(k);
      part.local = new THREE.Matrix4().compose(
        new THREE.Vector3().fromArray(node.translation),
        new THREE.Quaternion().fromArray(node.rotation),
        new THREE.Vector3(1, 1, 1),
      );
    }
    parts.push(part);
  }
  return parts;
}

// One figure on the stage; `look` replaces the materials (the ghost); `software`: there is no graphics card.
export class Figure {
  constructor(parts, software, look = null) {
    this.software = software;
    this.group = new THREE.Group();
    this.matrices = [];
    this.updates = parts.map((part) => this.addPart(part, look ?? part.material));
    this.group.traverse((child) => {
      child.castShadow = !look;
      child.frustumCulled = false;
    });
  }

  addPart(part, material) {
    if (!part.bodies) {
      const mesh = new THREE.Mesh(part.geometry, material);
      mesh.matrixAutoUpdate = false;
      this.group.add(mesh);
      return () => mesh.matrix.multiplyMatrices(this.matrices[part.body], part.local);
    }
    if (this.software) {
      const skin = new ProcessorSkin(part);
      this.group.add(new THREE.Mesh(skin.geometry, makeSkinMaterial(material)));
      return () => skin.update(this.matrices);
    }
    const mesh = new THREE.SkinnedMesh(part.geometry, material);
    const bones = part.bodies.map(() => new THREE.Bone());
    mesh.bindMode = THREE.DetachedBindMode;
    mesh.bind(new THREE.Skeleton(bones, part.inverses), new THREE.Matrix4());
    this.group.add(mesh);
    return () => part.bodies.forEach((body, i) => bones[i].matrixWorld.copy(this.matrices[body]));
  }

  // Takes the bodies' places (3 numbers each) and rotations (wxyz) from MuJoCo.
  place(xpos, xquat) {
    const position = new THREE.Vector3(), rotation = new THREE.Quaternion(), size = new THREE.Vector3(1, 1, 1);
    for (let b = 0; b < xpos.length / 3; b++) {
      position.fromArray(xpos, 3 * b);
      rotation.set(xquat[4 * b + 1], xquat[4 * b + 2], xquat[4 * b + 3], xquat[4 * b]);
      this.matrices[b] = (this.matrices[b] ?? new THREE.Matrix4()).compose(position, rotation, size);
    }
    this.updates.forEach((update) => update());
  }
}
