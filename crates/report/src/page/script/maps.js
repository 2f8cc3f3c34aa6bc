// Numbers as colours: the feature maps of a layer, side by side on one canvas.

/** The colour map viridis at nine places: its lightness rises with the number, so that it is read right in grey too. */
const VIRIDIS = ["440154", "472d7b", "3b528b", "2c728e", "21918c", "28ae80", "5ec962", "addc30", "fde725"].map((hex) =>
  [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)),
);

/** The colour of a number from 0 to 1. */
function colour(share) {
  const place = Math.min(1, Math.max(0, share)) * (VIRIDIS.length - 1);
  const lower = Math.min(VIRIDIS.length - 2, Math.floor(place));
  return VIRIDIS[lower].map((from, i) => Math.round(from + (VIRIDIS[lower + 1][i] - from) * (place - lower)));
}

/** Blue for positive and orange for negative numbers from −1 to 1, clear for none: the colours of kernels. */
function signedColour(share) {
  const strength = Math.min(1, Math.abs(share));
  return `rgba(${share < 0 ? "217, 95, 31" : "11, 99, 176"}, ${strength.toFixed(3)})`;
}

/** How many maps of a layer lie side by side. */
function mapsPerRow(shape) {
  const most = matchMedia("(max-width: 46rem)").matches ? 8 : 16;
  return shape.length === 3 ? most : 2 * most;
}

/** Where the maps of a layer lie on its canvas. Several in a row, one pixel apart, each value a square of `zoom`. */
class MapSheet {
  constructor(canvas, shape, perRow) {
    // A layer without rows and columns is a row of maps of one pixel.
    [this.rows, this.columns, this.channels] = shape.length === 3 ? shape : [1, 1, shape[0]];
    this.canvas = canvas;
    this.perRow = Math.min(perRow, this.channels);
    const lines = Math.ceil(this.channels / this.perRow);
    // Enough screen pixels for each value that a frame around it can be seen; one picture alone is drawn larger.
    this.zoom = this.columns === 1 ? 24 : Math.max(2, Math.round((this.channels > 1 ? 78 : 312) / this.columns));
    this.small = document.createElement("canvas");
    this.small.width = this.perRow * (this.columns + 1) - 1;
    this.small.height = lines * (this.rows + 1) - 1;
    canvas.width = this.small.width * this.zoom;
    canvas.height = this.small.height * this.zoom;
  }

  /** The corner of a map, in values. */
  corner(channel) {
    return [(channel % this.perRow) * (this.columns + 1), Math.floor(channel / this.perRow) * (this.rows + 1)];
  }

  /** Paints all maps; the brightest colour is the layer's largest number, so that maps can be compared. */
  paint(values) {
    const largest = values.reduce((a, b) => Math.max(a, b), 1e-9);
    const context = this.small.getContext("2d");
    const image = context.createImageData(this.small.width, this.small.height);
    values.forEach((value, place) => {
      const [left, top] = this.corner(place % this.channels);
      const pixel = Math.floor(place / this.channels);
      const at = (top + Math.floor(pixel / this.columns)) * image.width + left + (pixel % this.columns);
      image.data.set([...colour(value / largest), 255], at * 4);
    });
    context.putImageData(image, 0, 0);
    const shown = this.canvas.getContext("2d");
    shown.imageSmoothingEnabled = false;
    shown.clearRect(0, 0, this.canvas.width, this.canvas.height);
    shown.drawImage(this.small, 0, 0, this.canvas.width, this.canvas.height);
    return largest;
  }

  /** A frame around a window of one map. */
  frame(channel, row, column, height, width) {
    const [left, top] = this.corner(channel);
    const context = this.canvas.getContext("2d");
    const edges = [(left + column) * this.zoom, (top + row) * this.zoom, width * this.zoom, height * this.zoom];
    for (const [thick, ink] of [
      [5, "#000"],
      [2.5, "#fff"],
    ]) {
      context.lineWidth = thick;
      context.strokeStyle = ink;
      context.strokeRect(...edges);
    }
  }

  /** The value under the pointer, or null between maps. */
  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const x = Math.floor(((event.clientX - box.left) / box.width) * this.small.width);
    const y = Math.floor(((event.clientY - box.top) / box.height) * this.small.height);
    const [column, row] = [x % (this.columns + 1), y % (this.rows + 1)];
    const channel = Math.floor(y / (this.rows + 1)) * this.perRow + Math.floor(x / (this.columns + 1));
    if (column === this.columns || row === this.rows || channel < 0 || channel >= this.channels) return null;
    return { row, column, channel };
  }
}
