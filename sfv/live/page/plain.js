// Materials for where there is no graphics card and each pixel costs the processor's time. Their shaders only read a
// texture: colours are those of the screen already, and light and haze are known at the vertices.
/* global THREE */

const FLOOR = [
  `varying vec2 place;
  varying float haze;
  uniform float near, far;
  void main() {
    vec4 seen = modelViewMatrix * vec4(position, 1.0);
    place = uv;
    haze = smoothstep(near, far, -seen.z);
    gl_Position = projectionMatrix * seen;
  }`,
  `varying vec2 place;
  varying float haze;
  uniform sampler2D tiles;
  uniform vec3 colour;
  void main() { gl_FragColor = vec4(mix(texture2D(tiles, place).rgb, colour, haze), 1.0); }`,
];
const SKIN = [
  `attribute float light;
  varying vec2 place;
  varying float shade;
  void main() {
    place = uv;
    shade = light;
    gl_Position = projectionMatrix * (modelViewMatrix * vec4(position, 1.0));
  }`,
  `varying vec2 place;
  varying float shade;
  uniform vec3 colour;
  uniform float opacity;
  #ifdef PICTURE
  uniform sampler2D picture;
  void main() { gl_FragColor = vec4(texture2D(picture, place).rgb * colour * shade, opacity); }
  #else
  void main() { gl_FragColor = vec4(colour * shade, opacity); }
  #endif`,
];

function makePlain([vertexShader, fragmentShader], values, more = {}) {
  const uniforms = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }]));
  return new THREE.ShaderMaterial({ uniforms, vertexShader, fragmentShader, ...more });
}

// A colour's numbers on the screen.
function toScreen(color) {
  return new THREE.Vector3(...color.clone().convertLinearToSRGB().toArray());
}

// The ground. tiles: a texture whose colours are not converted; fog: of the scene.
export function makeFloorMaterial(tiles, fog) {
  return makePlain(FLOOR, { tiles, colour: toScreen(fog.color), near: fog.near, far: fog.far });
}

// The same as a lit material, for a geometry with the attribute `light`, see `ProcessorSkin`.
export function makeSkinMaterial(material) {
  const { map, color, opacity, transparent, depthWrite } = material;
  const values = { colour: toScreen(color), opacity, picture: null };
  if (map) {
    values.picture = new THREE.Texture(map.image);
    Object.assign(values.picture, { flipY: map.flipY, minFilter: THREE.LinearMipmapNearestFilter, needsUpdate: true });
  }
  return makePlain(SKIN, values, { transparent, depthWrite, defines: map ? { PICTURE: 1 } : {} });
}
