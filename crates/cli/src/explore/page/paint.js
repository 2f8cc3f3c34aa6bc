// Numbers as pictures on canvases.

import { model } from "./state.js";

/** Bytes from base64. */
export const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

/** Pixels that a canvas shows, from a picture of one channel or three. */
function pixels({ height, width, channels, pixels: text }) {
  const from = typeof text === "string" ? bytes(text) : text;
  const image = new ImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let colour = 0; colour < 3; colour++) image.data[4 * pixel + colour] = from[channels * pixel + (colour % channels)];
    image.data[4 * pixel + 3] = 255;
  }
  return image;
}

function put(canvas, image) {
  [canvas.width, canvas.height] = [image.width, image.height];
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** Shows a picture. */
export const paint = (canvas, picture) => put(canvas, pixels(picture));

/** Shows heat over a picture: cold parts dark, hot ones in the colours of fire. */
export function paintHeat(canvas, picture, heat, strength) {
  const image = pixels(picture);
  bytes(heat).forEach((level, pixel) => {
    for (let colour = 0; colour < 3; colour++) {
      const place = 4 * pixel + colour;
      image.data[place] = image.data[place] * (1 - strength) + model.inferno[level][colour] * strength;
    }
  });
  put(canvas, image);
}

/** Shows one of several maps that follow each other in `all`. */
export function paintMap(canvas, all, number, [rows, columns]) {
  const image = new ImageData(columns, rows);
  const each = rows * columns;
  for (let pixel = 0; pixel < each; pixel++) {
    image.data.set([...model.viridis[all[number * each + pixel]], 255], 4 * pixel);
  }
  put(canvas, image);
}

/** Shows all maps in rows of `across`, a dark line between them. */
export function paintMaps(canvas, all, count, [rows, columns], across, gap = 1) {
  const each = rows * columns;
  const image = new ImageData(across * (columns + gap) - gap, Math.ceil(count / across) * (rows + gap) - gap);
  for (let pixel = 3; pixel < image.data.length; pixel += 4) image.data[pixel] = 255;
  for (let map = 0; map < count; map++) {
    const top = Math.floor(map / across) * (rows + gap);
    const left = (map % across) * (columns + gap);
    for (let pixel = 0; pixel < each; pixel++) {
      const place = 4 * ((top + Math.floor(pixel / columns)) * image.width + left + (pixel % columns));
      const colour = model.viridis[all[map * each + pixel]];
      [image.data[place], image.data[place + 1], image.data[place + 2]] = colour;
    }
  }
  put(canvas, image);
}
