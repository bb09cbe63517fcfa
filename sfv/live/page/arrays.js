// Reads what sfv/live/arrays.py packed: {values, arrays: {name: {data, shape}}}.

export function unpackArrays(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  const body = bytes.slice(4 + length).buffer;
  const arrays = {};
  for (const [name, entry] of Object.entries(header.arrays)) {
    const count = entry.shape.reduce((product, size) => product * size, 1);
    arrays[name] = { data: readArray(entry.kind, body, entry.start, count), shape: entry.shape };
  }
  return { values: header.values, arrays };
}

const KINDS = { f8: Float64Array, f4: Float32Array, i4: Int32Array, u4: Uint32Array, u1: Uint8Array };

function readArray(kind, body, start, count) {
  if (kind !== "f2") return new KINDS[kind](body, start, count);
  const halves = new Uint16Array(body, start, count);
  return Float32Array.from(halves, readHalf);
}

// One number of half precision (IEEE 754 binary16).
export function readHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
