// What makes one value of a layer: the patch under the window, the kernel, and their sum.

const SHOWN = 6; // of many channels those that decide most

/** The sum behind one value of a convolution or a dense layer, channel by channel of what it gets. */
function sumOf(layer, input, { row, column, channel }) {
  const dense = layer.class === "Dense";
  const [high, wide, channels, filters] = dense ? [1, 1, ...layer.kernel] : layer.kernel;
  const width = dense ? 1 : layer.input[1];
  const [top, left] = dense ? [0, 0] : [row * layer.strides[0], column * layer.strides[1]];
  const parts = Array.from({ length: channels }, (_, from) => {
    const part = { from, patch: [], kernel: [], sum: 0 };
    for (let i = 0; i < high; i++) {
      for (let j = 0; j < wide; j++) {
        const value = input[((top + i) * width + left + j) * channels + from];
        const weight = layer.weights[((i * wide + j) * channels + from) * filters + channel];
        part.patch.push(value);
        part.kernel.push(weight);
        part.sum += value * weight;
      }
    }
    return part;
  });
  const bias = layer.bias[channel];
  return { parts, bias, sum: parts.reduce((sum, part) => sum + part.sum, bias), wide };
}

/** The colours of a patch: the largest number is the brightest. */
function patchColours(patches) {
  const largest = Math.max(1e-9, ...patches.flat());
  return (value) => `rgb(${colour(value / largest).join(" ")})`;
}

/** The colours of kernels: blue adds, orange takes away. */
function kernelColours(kernels) {
  const largest = Math.max(1e-9, ...kernels.flat().map(Math.abs));
  return (value) => signedColour(value / largest);
}

/** One line: patch × kernel, and what it comes to. */
function line(name, part, wide, patchColour, kernelColour, withNumbers) {
  const products = part.patch.map((value, i) => value * part.kernel[i]);
  const items = [
    grid(part.patch, wide, patchColour, withNumbers),
    "×",
    grid(part.kernel, wide, kernelColour, withNumbers),
    "=",
  ];
  if (withNumbers && products.length > 1) {
    items.push(grid(products, wide, kernelColours([products]), true), "sum");
  }
  return element(
    "div",
    { className: "product" },
    element("span", { className: "of", textContent: name }),
    ...items,
    element("b", { textContent: written(part.sum) }),
  );
}

/** Where a number of a flattened picture comes from. */
function placeBefore(flat, index) {
  if (flat.length !== 3) return `unit ${index}`;
  const [, columns, channels] = flat;
  return `map ${index % channels}, row ${Math.floor(index / channels / columns)}, column ${Math.floor(index / channels) % columns}`;
}

/** The explanation of one value as elements. `before` is the shape of what a flattening layer before this one got. */
function explanation(layer, input, output, place, before) {
  const { row, column, channel } = place;
  const columns = layer.shape[1];
  const value = output[layer.shape.length === 3 ? (row * columns + column) * layer.shape[2] + channel : channel];
  const where = layer.shape.length === 3 ? `map ${channel}, row ${row}, column ${column}` : `unit ${channel}`;
  const heading = element("h4", {}, element("code", { textContent: layer.name }), ` ${where}: `);
  const shown = element("output", { className: "value", textContent: written(value) });
  heading.append(shown);
  if (layer.class === "MaxPooling2D") return [heading, ...pooled(layer, input, place)];

  const { parts, bias, sum, wide } = sumOf(layer, input, place);
  const main = [...parts].sort((a, b) => Math.abs(b.sum) - Math.abs(a.sum)).slice(0, SHOWN);
  const patchColour = patchColours(main.map((part) => part.patch));
  const kernelColour = kernelColours(main.map((part) => part.kernel));
  const single = parts.length === 1;
  const name = (part) =>
    single ? "the picture" : layer.class === "Dense" ? placeBefore(before, part.from) : `map ${part.from}`;
  const lines = main.map((part) =>
    line(name(part), part, wide, patchColour, kernelColour, single || layer.class === "Dense"),
  );
  const rest = parts.length - main.length;
  const others = sum - bias - main.reduce((a, part) => a + part.sum, 0);
  const total = element("p", { className: "total" });
  if (rest > 0) total.append(`The ${rest} others add ${written(others)}. `);
  total.append(
    `With the bias, ${written(bias)}, all add up to `,
    element("output", { className: "sum", textContent: written(sum) }),
    ". ",
  );
  total.append(ending(layer, sum, value));
  return [heading, element("div", { className: "products" }, ...lines), total];
}

/** What the activation makes of a sum. */
function ending(layer, sum, value) {
  if (layer.activation === "softmax")
    return `The softmax turns the scores of all classes into shares of one: here ${written(value)}.`;
  if (layer.activation !== "relu") return "";
  return sum > 0
    ? "The ReLU leaves a positive number as it is."
    : "The ReLU makes a negative number 0: this filter does not find its pattern here.";
}

/** The window of a pooling layer. */
function pooled(layer, input, { row, column, channel }) {
  const [, width, channels] = layer.input;
  const patch = [];
  for (let i = 0; i < layer.pool_size[0]; i++) {
    for (let j = 0; j < layer.pool_size[1]; j++) {
      patch.push(input[((row * layer.strides[0] + i) * width + column * layer.strides[1] + j) * channels + channel]);
    }
  }
  const largest = element("output", { className: "sum", textContent: written(Math.max(...patch)) });
  const items = [
    element("span", { className: "of", textContent: `map ${channel}` }),
    grid(patch, layer.pool_size[1], patchColours([patch]), true),
    "the largest is",
    largest,
  ];
  return [
    element("div", { className: "product" }, ...items),
    element("p", {
      className: "total",
      textContent: "Where in the window it stood is forgotten: so the network bears small shifts.",
    }),
  ];
}
