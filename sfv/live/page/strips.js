// Strips that run along: the terms of the reward, stacked, and the force on each foot in body weights.

const SECONDS = 6, HZ = 30;
const TERMS = [
  ["pose", "#4f8ef7", "pose"],
  ["velocity", "#8a63d2", "speed"],
  ["end_effectors", "#f2a93b", "hands, feet"],
  ["com", "#3fb6a8", "centre of mass"],
];

export class Strips {
  constructor(reward, contact) {
    this.canvases = { reward, contact };
    this.rows = [];
  }

  // A control step's reward terms and vertical contact force over the body's weight.
  add(terms, weights) {
    this.rows.push({ terms, weights });
    if (this.rows.length > SECONDS * HZ) this.rows.shift();
  }

  clear() {
    this.rows = [];
  }

  draw() {
    const style = getComputedStyle(document.documentElement);
    const ink = style.getPropertyValue("--muted"), line = style.getPropertyValue("--line");
    this.drawReward(prepare(this.canvases.reward), line, ink);
    this.drawContact(prepare(this.canvases.contact), line, ink);
  }

  drawReward({ pen, width, height }, line, ink) {
    drawGrid(pen, width, height, line, ink, [[0, "0"], [0.5, ".5"], [1, "1"]], 1.05);
    const dx = width / (SECONDS * HZ);
    const below = this.rows.map(() => height), last = this.rows.length - 1;
    for (const [name, colour] of TERMS) {
      pen.fillStyle = colour;
      pen.beginPath();
      below.forEach((y, k) => pen.lineTo(k * dx, y));
      for (let k = last; k >= 0; k--) {
        below[k] -= ((this.rows[k].terms?.[name] ?? 0) / 1.05) * height;
        pen.lineTo(k * dx, below[k]);
      }
      pen.fill();
    }
  }

  drawContact({ pen, width, height }, line, ink) {
    const most = 4;
    drawGrid(pen, width, height, line, ink, [[0, "0"], [1, "1"], [2, "2"], [3, "3"]], most);
    const dx = width / (SECONDS * HZ);
    pen.strokeStyle = "#3fb6a8";
    pen.lineWidth = 1.8;
    pen.beginPath();
    this.rows.forEach((row, k) => {
      const y = height - (Math.min(row.weights, most) / most) * height;
      if (k) pen.lineTo(k * dx, y);
      else pen.moveTo(0, y);
    });
    pen.stroke();
  }
}

function prepare(canvas) {
  const ratio = Math.min(window.devicePixelRatio || 1, 2), width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d", { willReadFrequently: true }); // drawn by the processor: it is small
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}

function drawGrid(pen, width, height, line, ink, marks, most) {
  pen.strokeStyle = line;
  pen.fillStyle = ink;
  pen.lineWidth = 1;
  pen.font = "10px system-ui, sans-serif";
  for (const [value, text] of marks) {
    const y = Math.min(height - 0.5, Math.max(0.5, height - (value / most) * height));
    pen.beginPath();
    pen.moveTo(0, y);
    pen.lineTo(width, y);
    pen.stroke();
    pen.fillText(text, width - 14, Math.max(9, y - 2));
  }
}

export function listTerms() {
  return TERMS.map(([, colour, label]) => ({ colour, label }));
}
