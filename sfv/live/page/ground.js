// The surface that a skill is performed on, as imitate/scene/ground.py: a plane, a slope, stairs or gaps.

const SMOOTHING = 0.3;

export class Ground {
  constructor(skill) {
    const { ground, map_depth } = skill.values;
    Object.assign(this, ground);
    this.edges = skill.arrays.edges.data;
    this.levels = skill.arrays.levels.data;
    this.bridged = skill.arrays.bridged.data;
    this.points = skill.arrays.map_points.data;
    this.depth = map_depth;
    this.cos = Math.cos(this.yaw);
    this.sin = Math.sin(this.yaw);
  }

  along(x, y) {
    return this.cos * (x - this.origin[0]) + this.sin * (y - this.origin[1]);
  }

  // What is straight under it: the upward normal of the plane or slope, in three numbers.
  get normal() {
    const slope = Math.tan(this.flat ? 0 : this.incline), size = Math.hypot(slope, 1);
    return [(-slope * this.cos) / size, (-slope * this.sin) / size, 1 / size];
  }

  // Height of the surface under a point [m].
  height(x, y) {
    if (this.flat) return 0;
    const u = this.along(x, y);
    if (!this.edges.length) return Math.tan(this.incline) * u;
    let k = 0;
    while (k < this.edges.length && this.edges[k] <= u) k++;
    return this.levels[k];
  }

  // Height that a reference above a point is placed on [m].
  support(x, y) {
    if (this.flat) return 0;
    const u = this.along(x, y);
    if (!this.edges.length) return Math.tan(this.incline) * u;
    let height = this.bridged[0];
    for (let k = 0; k < this.edges.length; k++) {
      const share = Math.min(1, Math.max(0, (u - this.edges[k] + SMOOTHING) / (2 * SMOOTHING)));
      height += share * (this.bridged[k + 1] - this.bridged[k]);
    }
    return height;
  }

  // Heights around a point relative to the support below it, in the frame of a heading, into out[at..].
  mapAround(x, y, heading, out, at) {
    const cos = Math.cos(heading), sin = Math.sin(heading), base = this.support(x, y);
    for (let p = 0; p < this.points.length / 2; p++) {
      const ahead = this.points[2 * p], aside = this.points[2 * p + 1];
      const above = this.height(x + cos * ahead - sin * aside, y + sin * ahead + cos * aside) - base;
      out[at + p] = Math.max(-this.depth, Math.min(this.depth, above));
    }
  }
}
