// From strokes to the 28 × 28 numbers that the network sees. A stroke is a list of points [x, y] in pixels of that picture.

const SIDE = 28; // of a picture of MNIST
const BOX = 20; // a digit of MNIST fits a square of this side,
const CENTRE = 14.5; // and the middle of its ink lies here: at the middle of pixel 14, counted from 0
const PEN = 2.3; // the width of a stroke; it does not grow with the digit, so that a small drawing gets no fat strokes

/** Moves every point. */
function mapPoints(strokes, move) {
  return strokes.map((stroke) => stroke.map(move));
}

/** Scaled and centred as the digits of MNIST were. */
function asMnist(strokes) {
  const points = strokes.flat();
  if (points.length === 0) return strokes;
  const [lowest, highest] = [Math.min, Math.max].map((end) =>
    [0, 1].map((axis) => end(...points.map((point) => point[axis]))),
  );
  const size = Math.max(highest[0] - lowest[0], highest[1] - lowest[1]);
  const scale = Math.min((BOX - PEN) / size, 8); // a dot stays a dot
  const boxed = mapPoints(strokes, (point) =>
    point.map((value, axis) => (value - (lowest[axis] + highest[axis]) / 2) * scale + CENTRE),
  );
  const middle = middleOfInk(rasterise(boxed));
  return mapPoints(boxed, (point) => point.map((value, axis) => value - middle[axis] + CENTRE));
}

/** The mean place of the ink. */
function middleOfInk(picture) {
  let [sum, sumX, sumY] = [0, 0, 0];
  picture.forEach((ink, place) => {
    sum += ink;
    sumX += ink * ((place % SIDE) + 0.5);
    sumY += ink * (Math.floor(place / SIDE) + 0.5);
  });
  return sum > 0 ? [sumX / sum, sumY / sum] : [CENTRE, CENTRE];
}

/** Turned about the middle, clockwise, then shifted. */
function moved(strokes, { right, down, degrees }) {
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  return mapPoints(strokes, ([x, y]) => {
    const [dx, dy] = [x - CENTRE, y - CENTRE];
    return [CENTRE + dx * cos - dy * sin + right, CENTRE + dx * sin + dy * cos + down];
  });
}

/** The distance of a point from the line between two others. */
function distance([x, y], [x1, y1], [x2, y2]) {
  const [dx, dy] = [x2 - x1, y2 - y1];
  const length = dx * dx + dy * dy;
  const along = length === 0 ? 0 : Math.min(1, Math.max(0, ((x - x1) * dx + (y - y1) * dy) / length));
  return Math.hypot(x - x1 - along * dx, y - y1 - along * dy);
}

/** The ink in each pixel, from 0 to 1: all within the pen, none a pixel farther out, and a soft edge between. */
function rasterise(strokes) {
  const picture = new Float32Array(SIDE * SIDE);
  const reach = PEN / 2 + 0.5;
  for (const stroke of strokes) {
    for (let i = 0; i < stroke.length; i++) {
      const [from, to] = [stroke[Math.max(0, i - 1)], stroke[i]];
      const range = (axis) => {
        const first = Math.max(0, Math.floor(Math.min(from[axis], to[axis]) - reach));
        const last = Math.min(SIDE - 1, Math.ceil(Math.max(from[axis], to[axis]) + reach));
        return [first, last];
      };
      const [[left, right], [top, bottom]] = [range(0), range(1)];
      for (let y = top; y <= bottom; y++) {
        for (let x = left; x <= right; x++) {
          const ink = Math.min(1, Math.max(0, reach - distance([x + 0.5, y + 0.5], from, to)));
          picture[y * SIDE + x] = Math.max(picture[y * SIDE + x], ink);
        }
      }
    }
  }
  return picture;
}
