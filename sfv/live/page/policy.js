// The actor: normalised observation, fully connected layers, ReLU between them. As Policy.act without noise.

export class Policy {
  constructor(skill) {
    const { arrays, values } = skill;
    this.mean = arrays.mean.data;
    this.scale = arrays.scale.data;
    this.limit = values.normaliser_limit;
    this.layers = [];
    for (let k = 0; k < values.layers; k++) {
      const [outputs, inputs] = arrays[`weight_${k}`].shape;
      const layer = { weight: arrays[`weight_${k}`].data, bias: arrays[`bias_${k}`].data, outputs, inputs };
      layer.values = new Float32Array(outputs);
      this.layers.push(layer);
    }
    this.input = new Float32Array(this.mean.length);
  }

  // Observation (O,) -> the mean action (A,), a view that the next call overwrites.
  act(observation) {
    const { input, mean, scale, limit } = this;
    for (let i = 0; i < input.length; i++) {
      const value = (observation[i] - mean[i]) * scale[i];
      input[i] = value > limit ? limit : value < -limit ? -limit : value;
    }
    let values = input;
    for (const layer of this.layers) values = applyLayer(layer, values, layer !== this.layers.at(-1));
    return values;
  }
}

function applyLayer({ weight, bias, outputs, inputs, values }, input, rectify) {
  for (let row = 0, at = 0; row < outputs; row++) {
    let sum = bias[row];
    for (let column = 0; column < inputs; column++) sum += weight[at++] * input[column];
    values[row] = rectify && sum < 0 ? 0 : sum;
  }
  return values;
}
