// Kernel size, stride and padding: what they do to the shape of the output, on the reader's own drawing.

/** The output's side and the padding on both ends, as Keras has them. */
function windowShape(side, size, stride, same) {
  const padding = same ? Math.max(0, (Math.ceil(side / stride) - 1) * stride + size - side) : 0;
  return { output: Math.floor((side + padding - size) / stride) + 1, before: Math.floor(padding / 2), padding };
}

/** One convolution of a picture with a kernel of equal weights on the left, as many negative ones on the right: it finds edges. */
function edges(picture, size, stride, { output, before }) {
  const result = new Float32Array(output * output);
  const middle = (size - 1) / 2;
  for (let place = 0; place < result.length; place++) {
    const [row, column] = [Math.floor(place / output) * stride - before, (place % output) * stride - before];
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        const [y, x] = [row + i, column + j];
        if (y < 0 || x < 0 || y >= SIDE || x >= SIDE) continue; // padding is zeros
        const weight = size === 1 ? 1 : Math.sign(middle - j) / (size * Math.floor(size / 2));
        result[place] += picture[y * SIDE + x] * weight;
      }
    }
  }
  return result;
}

/** Connects the sliders with the drawing; gives a function that shows another picture. */
function windowSliders(root) {
  const slider = (name) => root.querySelector(`[name=${name}]`);
  const [before, after] = root.querySelectorAll("canvas");
  const formula = root.querySelector(".formula output");
  let picture = new Float32Array(SIDE * SIDE);
  let under = null; // the output pixel under the pointer

  function show() {
    const [size, stride, same] = [Number(slider("size").value), Number(slider("stride").value), slider("same").checked];
    const shape = windowShape(SIDE, size, stride, same);
    const result = edges(picture, size, stride, shape);
    const middle = Math.floor(shape.output / 2);
    const place =
      under && under.row < shape.output && under.column < shape.output ? under : { row: middle, column: middle };
    // The same number of screen pixels for a number on both sides, so that a smaller output is seen smaller.
    const sides = SIDE + shape.padding;
    drawNumbers(before, sides, SIDE, shape.before, (x) => `rgb(${colour(x).join(" ")})`, picture);
    drawNumbers(after, sides, shape.output, 0, (x) => `rgb(${colour(x / 2 + 0.5).join(" ")})`, result);
    outline(before, sides, place.column * stride, place.row * stride, size);
    outline(after, sides, place.column, place.row, 1);
    formula.textContent =
      `⌊(${SIDE} + ${shape.padding} − ${size}) ÷ ${stride}⌋ + 1 = ${shape.output}: ` +
      `from (28, 28, 1) to (${shape.output}, ${shape.output}, filters), with ${size * size} weights and a bias for each filter`;
    for (const input of root.querySelectorAll("input[type=range]")) input.nextElementSibling.textContent = input.value;
  }

  for (const input of root.querySelectorAll("input")) input.addEventListener("input", show);
  after.addEventListener("pointermove", (event) => {
    const box = after.getBoundingClientRect();
    const value = (at, from, length) => Math.floor(((at - from) / length) * (SIDE + currentPadding()));
    under = { column: value(event.clientX, box.left, box.width), row: value(event.clientY, box.top, box.height) };
    show();
  });
  function currentPadding() {
    return windowShape(SIDE, Number(slider("size").value), Number(slider("stride").value), slider("same").checked)
      .padding;
  }
  return (next) => {
    picture = next;
    show();
  };
}

/** A square picture on a canvas that has room for `sides` numbers; what is around it is padding. */
function drawNumbers(canvas, sides, side, offset, paint, values) {
  const context = canvas.getContext("2d");
  const zoom = canvas.width / sides;
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (offset > 0 || sides > side) context.fillStyle = "rgba(128, 128, 128, 0.25)";
  if (canvas.dataset.padded) context.fillRect(0, 0, canvas.width, canvas.height);
  values.forEach((value, place) => {
    const [x, y] = [(place % side) + offset, Math.floor(place / side) + offset];
    context.fillStyle = paint(value);
    context.fillRect(Math.floor(x * zoom), Math.floor(y * zoom), Math.ceil(zoom), Math.ceil(zoom));
  });
}

/** A frame around a window. */
function outline(canvas, sides, x, y, size) {
  const context = canvas.getContext("2d");
  const zoom = canvas.width / sides;
  for (const [thick, ink] of [
    [5, "#000"],
    [2.5, "#fff"],
  ]) {
    context.lineWidth = thick;
    context.strokeStyle = ink;
    context.strokeRect(x * zoom, y * zoom, size * zoom, size * zoom);
  }
}
