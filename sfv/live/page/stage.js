// What is seen: ground, light, camera, arrows. The figures are put into `world`, which a slope tilts as a whole.
/* global THREE, OrbitControls */

import { makeFloorMaterial } from "./plain.js";
import { heightBelow, makeObjects } from "./objects.js";
import { FlatShadow } from "./shadow.js";

// Where the sun is from what it shines upon, how strong it is, and how strong the sky is above and below.
const LIGHT = { way: [-2.2, -2.6, 5.5], sun: 2.2, sky: 1.25, above: 0xffffff, below: 0x8a8f98 };

export class Stage {
  constructor(canvas, height) {
    this.canvas = canvas;
    this.height = height;
    this.software = drawsInSoftware();
    document.documentElement.classList.toggle("software", this.software);
    this.renderer = new THREE.WebGLRenderer({
      canvas,
      antialias: !this.software,
      stencil: this.software,
      powerPreference: "high-performance",
    });
    this.renderer.shadowMap.enabled = !this.software;
    this.renderer.shadowMap.type = THREE.PCFShadowMap;
    this.scene = new THREE.Scene();
    this.world = new THREE.Group();
    this.scene.add(this.world);
    this.camera = new THREE.PerspectiveCamera(38, 1, 0.05, 120);
    this.camera.up.set(0, 0, 1);
    this.controls = new OrbitControls(this.camera, canvas);
    this.controls.enableDamping = true;
    this.controls.dampingFactor = 0.12;
    this.controls.maxPolarAngle = 1.75;
    this.controls.minDistance = 0.8;
    this.controls.maxDistance = 25;
    this.camera.position.set(-1.2, -3.1 * height / 1.75, 1.1 * height);
    this.controls.target.set(0, 0, 0.46 * height);
    this.follows = true;
    this.addLights();
    this.ground = new THREE.Group();
    this.shadow = new FlatShadow();
    this.world.add(this.ground);
    if (this.software) this.world.add(this.shadow.mesh);
    this.arrow = new Arrow(0xff8a3d);
    this.world.add(this.arrow.group);
    this.contacts = [];
    this.pixelRatio = Math.min(window.devicePixelRatio || 1, 2);
  }

  addLights() {
    this.sky = new THREE.HemisphereLight(LIGHT.above, LIGHT.below, LIGHT.sky);
    this.sky.position.set(0, 0, 1);
    this.sun = new THREE.DirectionalLight(0xffffff, LIGHT.sun);
    this.sun.castShadow = !this.software;
    this.sun.shadow.mapSize.setScalar(1024);
    Object.assign(this.sun.shadow.camera, { left: -2.5, right: 2.5, top: 2.5, bottom: -2.5, near: 0.5, far: 14 });
    this.sun.shadow.bias = -0.0006;
    this.sun.shadow.normalBias = 0.02;
    this.scene.add(this.sky, this.sun, this.sun.target);
  }

  // Colours of a theme, "dark" or "light".
  paint(theme) {
    const dark = theme === "dark";
    const far = new THREE.Color(dark ? 0x14171c : 0xe9edf2);
    this.scene.background = far;
    this.scene.fog = new THREE.Fog(far, 9, 32);
    const colours = dark ? ["#262b33", "#2c323b", "#3b434f"] : ["#d5dae1", "#dde2e8", "#b9c1cb"];
    this.tiles = makeTiles(colours);
    this.floor = this.software ? makeFloorMaterial(makeTiles(colours, true), this.scene.fog) : null;
    for (const mesh of this.ground.children) {
      if (mesh.userData.tiled) mesh.material = this.makeSurface(mesh.userData.level);
    }
  }

  // Draws what stands in the world of a simulation: the geoms of body 0 that are planes or boxes, and its objects.
  build({ model, ground, values }) {
    this.ground.clear();
    this.under = (x, y, z) => ({
      height: heightBelow(values.objects, ground.height(x, y), x, y, z),
      normal: new THREE.Vector3(...ground.normal),
    });
    if (this.software) this.shadow.build(model);
    if (values.objects.length) this.ground.add(...makeObjects(values.objects));
    for (let g = 0; g < model.ngeom; g++) {
      if (model.geom_bodyid[g] !== 0) continue;
      const size = Array.from(model.geom_size.subarray(3 * g, 3 * g + 3)), kind = model.geom_type[g];
      let geometry = null;
      if (kind === 0) geometry = new THREE.PlaneGeometry(160, 160, ...(this.software ? [32, 32] : []));
      else if (kind === 6 && !values.objects.length) geometry = new THREE.BoxGeometry(...size.map((half) => 2 * half));
      if (!geometry) continue;
      const mesh = new THREE.Mesh(geometry, this.makeSurface(kind === 0));
      mesh.userData = { tiled: true, level: kind === 0 };
      mesh.position.fromArray(model.geom_pos, 3 * g);
      const q = model.geom_quat.subarray(4 * g, 4 * g + 4);
      mesh.quaternion.set(q[1], q[2], q[3], q[0]);
      mesh.receiveShadow = true;
      mesh.castShadow = kind !== 0;
      this.tile(mesh, kind, size);
      this.ground.add(mesh);
    }
  }

  makeSurface(level) {
    if (level && this.floor) return this.floor;
    return new THREE.MeshLambertMaterial({ map: this.tiles, color: 0xffffff });
  }

  // Tiles of one metre, whatever the size of the surface.
  tile(mesh, kind, size) {
    const uv = mesh.geometry.attributes.uv, scale = kind === 0 ? [80, 80] : [2 * size[0] / 2, 2 * size[1] / 2];
    for (let i = 0; i < uv.count; i++) uv.setXY(i, uv.getX(i) * scale[0], uv.getY(i) * scale[1]);
  }

  // Tilts the whole world by an angle [rad] about the axis across a heading, through a point of the ground.
  tilt(angle, heading, x, y) {
    const axis = new THREE.Vector3(Math.sin(heading), -Math.cos(heading), 0);
    this.world.quaternion.setFromAxisAngle(axis, angle);
    const foot = new THREE.Vector3(x, y, 0);
    this.world.position.copy(foot).sub(foot.clone().applyQuaternion(this.world.quaternion));
  }

  // Fills the window; what the camera looks at is in the middle, and its angle of view the height, of what is free.
  // covered: widths and heights at the window's edges [px].
  resize(width, height, covered) {
    this.renderer.setPixelRatio(this.pixelRatio);
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / Math.max(height, 1);
    const seen = THREE.MathUtils.degToRad(this.camera.aspect < 0.8 ? 52 : 38), free = height - covered.top - covered.bottom;
    this.camera.fov = THREE.MathUtils.radToDeg(2 * Math.atan(Math.tan(seen / 2) * (height / Math.max(free, height / 3))));
    const right = covered.right / 2, down = (covered.bottom - covered.top) / 2;
    this.camera.setViewOffset(width, height, right, down, width, height);
  }

  // Keeps the body in the middle: the camera moves along with its target.
  follow(x, y, z, share) {
    const target = this.world.localToWorld(new THREE.Vector3(x, y, z));
    target.z = this.controls.target.z + (target.z - this.controls.target.z) * 0.35;
    const step = target.sub(this.controls.target).multiplyScalar(share);
    if (!this.follows) return;
    this.controls.target.add(step);
    this.camera.position.add(step);
  }

  // Lets the sun shine upon a place; matrices: of the bodies, for their shadows.
  light(x, y, matrices) {
    const place = this.world.localToWorld(new THREE.Vector3(x, y, 0)), sun = new THREE.Vector3(...LIGHT.way);
    this.sun.target.position.copy(place);
    this.sun.position.copy(place).add(sun);
    if (!this.software) return;
    const way = sun.negate().normalize().applyQuaternion(this.world.quaternion.clone().invert());
    this.shadow.cast(matrices, way, this.under);
  }

  // Arrows of contact forces: [{point, force}], metres and newtons in the world of the physics.
  showContacts(list, weight) {
    while (this.contacts.length < list.length) {
      const arrow = new Arrow(0x3fb6a8);
      this.contacts.push(arrow);
      this.world.add(arrow.group);
    }
    this.contacts.forEach((arrow, k) => arrow.show(list[k]?.point, list[k]?.force, 0.6 / weight));
  }

  draw() {
    this.controls.update();
    this.renderer.render(this.scene, this.camera);
  }

  // The ray of a point of the canvas in the physics' world: {origin, direction}, arrays of 3.
  ray(clientX, clientY) {
    const box = this.canvas.getBoundingClientRect();
    const point = new THREE.Vector2(
      ((clientX - box.left) / box.width) * 2 - 1,
      1 - ((clientY - box.top) / box.height) * 2,
    );
    this.camera.updateMatrixWorld();
    this.world.updateMatrixWorld();
    const caster = new THREE.Raycaster();
    caster.setFromCamera(point, this.camera);
    const ray = caster.ray.clone().applyMatrix4(this.world.matrixWorld.clone().invert());
    return { origin: ray.origin.toArray(), direction: ray.direction.toArray() };
  }

  // Where a point of the physics' world is on the page [px].
  project(point) {
    const seen = this.world.localToWorld(new THREE.Vector3().fromArray(point)).project(this.camera);
    const box = this.canvas.getBoundingClientRect();
    return [box.left + ((seen.x + 1) / 2) * box.width, box.top + ((1 - seen.y) / 2) * box.height];
  }

  // Towards where the camera looks, level, in the physics' world: a unit vector (2,).
  ahead() {
    const way = this.controls.target.clone().sub(this.camera.position);
    const length = Math.hypot(way.x, way.y) || 1;
    return [way.x / length, way.y / length];
  }
}

// Whether there is no graphics card: then every pixel costs the processor's time.
function drawsInSoftware() {
  const gl = document.createElement("canvas").getContext("webgl2");
  const about = gl?.getExtension("WEBGL_debug_renderer_info");
  const name = about ? String(gl.getParameter(about.UNMASKED_RENDERER_WEBGL)) : "";
  gl?.getExtension("WEBGL_lose_context")?.loseContext();
  return /swiftshader|llvmpipe|software|basic render/i.test(name);
}

class Arrow {
  constructor(colour) {
    this.group = new THREE.Group();
    const material = new THREE.MeshBasicMaterial({ color: colour });
    this.shaft = new THREE.Mesh(new THREE.CylinderGeometry(0.012, 0.012, 1, 12).translate(0, 0.5, 0), material);
    this.tip = new THREE.Mesh(new THREE.ConeGeometry(0.035, 0.1, 16), material);
    this.group.add(this.shaft, this.tip);
    this.group.visible = false;
  }

  show(point, force, scale) {
    const size = force ? Math.hypot(...force) : 0;
    this.group.visible = size * scale > 0.02;
    if (!this.group.visible) return;
    const length = size * scale;
    this.group.position.fromArray(point);
    this.group.quaternion.setFromUnitVectors(
      new THREE.Vector3(0, 1, 0),
      new THREE.Vector3().fromArray(force).divideScalar(size),
    );
    this.shaft.scale.y = length;
    this.tip.position.y = length;
  }
}

// Two by two tiles of a metre with thin lines, as a texture.
// `plain`: for a shader that converts no colours, and cheap to look up.
function makeTiles([a, b, line], plain = false) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 256;
  const pen = canvas.getContext("2d");
  for (let i = 0; i < 4; i++) {
    const x = (i & 1) * 128, y = (i >> 1) * 128;
    pen.fillStyle = i === 0 || i === 3 ? a : b;
    pen.fillRect(x, y, 128, 128);
    pen.strokeStyle = line;
    pen.lineWidth = 2;
    pen.strokeRect(x, y, 128, 128);
  }
  const texture = new THREE.CanvasTexture(canvas);
  texture.wrapS = texture.wrapT = THREE.RepeatWrapping;
  texture.colorSpace = plain ? THREE.NoColorSpace : THREE.SRGBColorSpace;
  texture.anisotropy = plain ? 1 : 8;
  if (plain) texture.minFilter = THREE.LinearMipmapNearestFilter;
  return texture;
}
