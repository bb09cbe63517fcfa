// Rollouts as Python's evaluation makes them, for holding the page against the program: no drawing, no helper.

// From each frame to the end or a fall: {returns, completed, seconds, steps}.
export function measureRollouts(simulation, frames, loopSteps) {
  const { reference, values } = simulation, returns = [], completed = [];
  let steps = 0;
  const began = performance.now();
  for (const frame of frames) {
    reference.place(0, 0, 0);
    simulation.start(frame);
    const length = reference.loop ? loopSteps : reference.length - 1 - frame;
    let sum = 0, upright = true;
    for (let k = 0; k < length && upright; k++, steps++) {
      simulation.step();
      upright = !simulation.fallenBody() && simulation.distance() <= values.threshold && simulation.finite;
      if (upright) sum += simulation.reward().total;
    }
    returns.push(sum / length);
    completed.push(upright);
  }
  return { returns, completed, steps, seconds: (performance.now() - began) / 1000 };
}

// Observations of the first steps from a frame on, before each step: rows of numbers.
export function measureObservations(simulation, frame, steps) {
  const rows = [];
  simulation.reference.place(0, 0, 0);
  simulation.start(frame);
  for (let k = 0; k < steps; k++) {
    rows.push(Array.from(simulation.observe()));
    simulation.step();
  }
  return rows;
}
