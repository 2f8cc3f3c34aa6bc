// The network of experiment 5.1: its weights, and a forward pass in plain loops. Nothing here touches the page.
// A picture or a layer's output is a flat Float32Array in the order rows, columns, channels.

/** Numbers of 16 bits (IEEE half precision, lowest byte first) in base64. */
function decodeHalves(base64) {
  const bytes = atob(base64);
  const numbers = new Float32Array(bytes.length / 2);
  for (let i = 0; i < numbers.length; i++) {
    const bits = bytes.charCodeAt(2 * i) | (bytes.charCodeAt(2 * i + 1) << 8);
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    const size = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
    numbers[i] = bits & 0x8000 ? -size : size;
  }
  return numbers;
}

/** Gives every layer that has a kernel its weights and its bias, and every layer the shape of what it gets. */
function prepareNetwork(network) {
  const numbers = decodeHalves(network.weights);
  let next = 0;
  const take = (count) => numbers.subarray(next, (next += count));
  let input = network.input;
  for (const layer of network.layers) {
    layer.input = input;
    input = layer.shape;
    if (layer.kernel) {
      layer.weights = take(layer.kernel.reduce((product, size) => product * size));
      layer.bias = take(layer.kernel.at(-1));
    }
  }
  return network;
}

/** A window of weights moves over the picture; at each place every filter gives one number. */
function conv2d({ input: [, width, channels], shape, kernel: [high, wide], strides, weights, bias }, picture) {
  const [rows, columns, filters] = shape;
  const output = new Float32Array(rows * columns * filters);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const sums = Float64Array.from(bias);
      for (let i = 0; i < high; i++) {
        for (let j = 0; j < wide; j++) {
          const pixel = (row * strides[0] + i) * width + column * strides[1] + j;
          for (let channel = 0; channel < channels; channel++) {
            const value = picture[pixel * channels + channel];
            if (value === 0) continue; // most of a digit is background
            const first = ((i * wide + j) * channels + channel) * filters;
            for (let filter = 0; filter < filters; filter++) sums[filter] += value * weights[first + filter];
          }
        }
      }
      output.set(sums, (row * columns + column) * filters);
    }
  }
  return output;
}

/** Of each window the largest number, map by map. */
function maxPooling2d({ input: [, width, channels], shape: [rows, columns], pool_size, strides }, picture) {
  const output = new Float32Array(rows * columns * channels).fill(-Infinity);
  for (let place = 0; place < output.length; place++) {
    const channel = place % channels;
    const column = Math.floor(place / channels) % columns;
    const row = Math.floor(place / channels / columns);
    for (let i = 0; i < pool_size[0]; i++) {
      for (let j = 0; j < pool_size[1]; j++) {
        const pixel = (row * strides[0] + i) * width + column * strides[1] + j;
        output[place] = Math.max(output[place], picture[pixel * channels + channel]);
      }
    }
  }
  return output;
}

/** Every unit looks at every number. */
function dense({ kernel: [inputs, units], weights, bias }, numbers) {
  const sums = Float64Array.from(bias);
  for (let i = 0; i < inputs; i++) {
    if (numbers[i] === 0) continue;
    for (let unit = 0; unit < units; unit++) sums[unit] += numbers[i] * weights[i * units + unit];
  }
  return Float32Array.from(sums);
}

/** Scores as shares of one. */
function softmax(scores) {
  const highest = Math.max(...scores); // the shares are the same, and no power is too large
  const powers = scores.map((score) => Math.exp(score - highest));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

const LAYERS = { Conv2D: conv2d, MaxPooling2D: maxPooling2d, Flatten: (_, numbers) => numbers, Dense: dense };
const ACTIVATIONS = { linear: (x) => x, relu: (x) => x.map((value) => Math.max(value, 0)), softmax };

/** What every layer makes of a picture. */
function forward(network, picture) {
  const outputs = [];
  for (const layer of network.layers) {
    picture = LAYERS[layer.class](layer, picture);
    picture = ACTIVATIONS[layer.activation ?? "linear"](picture);
    outputs.push(picture);
  }
  return outputs;
}
