// Rotations as in reconstruct/rotations.py: unit quaternions w, x, y, z. Arrays are read and written at offsets.

// Rotation vector of start^-1 end in the axes of `start`, the short way round, into out[at..at+2].
export function relativeRotvec(start, a, end, b, out, at) {
  const aw = start[a], ax = start[a + 1], ay = start[a + 2], az = start[a + 3];
  const bw = end[b], bx = end[b + 1], by = end[b + 2], bz = end[b + 3];
  const w = aw * bw + ax * bx + ay * by + az * bz;
  const x = aw * bx - bw * ax - (ay * bz - az * by);
  const y = aw * by - bw * ay - (az * bx - ax * bz);
  const z = aw * bz - bw * az - (ax * by - ay * bx);
  writeRotvec(w, x, y, z, out, at);
}

export function writeRotvec(w, x, y, z, out, at) {
  const sine = Math.sqrt(x * x + y * y + z * z);
  let factor = sine < 1e-12 ? 2.0 : (2.0 * Math.atan2(sine, Math.abs(w))) / sine;
  if (w < 0) factor = -factor;
  out[at] = x * factor;
  out[at + 1] = y * factor;
  out[at + 2] = z * factor;
}

// A quaternion q[i..i+3] turned by a rotation vector in its own axes, in place.
export function turnBy(q, i, x, y, z) {
  const angle = Math.hypot(x, y, z), half = angle < 1e-12 ? 0.5 : Math.sin(angle / 2) / angle;
  multiplyQuat(q.slice(i, i + 4), 0, [Math.cos(angle / 2), half * x, half * y, half * z], 0, q, i);
}

// a * b of quaternions at offsets, into out[at..at+3]; out may be b.
export function multiplyQuat(a, i, b, j, out, at) {
  const aw = a[i], ax = a[i + 1], ay = a[i + 2], az = a[i + 3];
  const bw = b[j], bx = b[j + 1], by = b[j + 2], bz = b[j + 3];
  out[at] = aw * bw - ax * bx - ay * by - az * bz;
  out[at + 1] = aw * bx + ax * bw + ay * bz - az * by;
  out[at + 2] = aw * by - ax * bz + ay * bw + az * bx;
  out[at + 3] = aw * bz + ax * by - ay * bx + az * bw;
}

// Angle about the vertical of the x axis, as `rotations.yaw`.
export function yawOf(q, i) {
  const w = q[i], x = q[i + 1], y = q[i + 2], z = q[i + 3];
  return Math.atan2(2 * (x * y + w * z), 1 - 2 * (y * y + z * z));
}

// The swing-twist heading as an angle; null where the body is upside down and has none.
export function headingOf(q, i) {
  return Math.hypot(q[i], q[i + 3]) > 0.5 ? 2 * Math.atan2(q[i + 3], q[i]) : null;
}

// The turn about the vertical that brings quaternion a nearest to b, also upside down, as `rotations.heading_between`.
export function headingBetween(a, i, b, j) {
  const w = a[i] * b[j] + a[i + 1] * b[j + 1] + a[i + 2] * b[j + 2] + a[i + 3] * b[j + 3];
  const z = a[i] * b[j + 3] + a[i + 1] * b[j + 2] - a[i + 2] * b[j + 1] - a[i + 3] * b[j];
  return 2 * Math.atan2(z, w);
}

// The way from quaternion a to b by a share 0..1 (slerp), into out[at..at+3].
export function slerpQuat(a, i, b, j, share, out, at) {
  let dot = a[i] * b[j] + a[i + 1] * b[j + 1] + a[i + 2] * b[j + 2] + a[i + 3] * b[j + 3];
  const sign = dot < 0 ? -1 : 1;
  dot = Math.min(1, Math.abs(dot));
  const angle = Math.acos(dot);
  const sine = Math.sin(angle);
  const p = sine < 1e-6 ? 1 - share : Math.sin((1 - share) * angle) / sine;
  const q = sign * (sine < 1e-6 ? share : Math.sin(share * angle) / sine);
  for (let k = 0; k < 4; k++) out[at + k] = p * a[i + k] + q * b[j + k];
}
