// The alive section: a drawing, the network that looks at it, and everything that it makes of it.

/** A six, so that the section is alive before anybody draws: on its head it is a nine, and the network says so. */
const EXAMPLE = [
  [
    [17.5, 4.5],
    [13.5, 7],
    [10.8, 11],
    [9.6, 15.5],
    [10.2, 19.5],
    [12.6, 22.3],
    [15.6, 22.4],
    [18, 20.2],
    [18.2, 17.2],
    [16.2, 15],
    [13.2, 15.2],
    [10.6, 17.6],
  ],
];

const TRIED = { right: [-10, 10, 2], down: [-10, 10, 2], degrees: [-180, 180, 20] }; // from, to, step

function startLive(section) {
  const network = prepareNetwork(JSON.parse(document.getElementById("live-network").textContent));
  const find = (selector) => section.querySelector(selector);
  const pad = find(".pad");
  const seen = new MapSheet(find(".seen"), [SIDE, SIDE, 1], 1);
  const sliders = Object.keys(TRIED).map((name) => find(`[name=${name}]`));
  const showWindow = windowSliders(find(".window"));
  const sheets = layerSheets(find(".layers"), network, (layer, place) => {
    selected = { layer, place };
    update();
  });
  const bars = classBars(find(".classes"), network, (channel) => {
    selected = { layer: network.layers.length - 1, place: { row: 0, column: 0, channel } };
    update();
  });
  let strokes = EXAMPLE;
  let selected = null;
  let waiting = false;
  let trial = 0;

  const upright = () => (find("[name=centre]").checked ? asMnist(strokes) : strokes);
  const position = () => Object.fromEntries(sliders.map((slider) => [slider.name, Number(slider.value)]));

  /** Runs the network on the drawing and shows all of it. */
  function update() {
    const picture = rasterise(moved(upright(), position()));
    const outputs = forward(network, picture);
    seen.paint(picture);
    sheets.forEach(({ sheet, scale, layer }) => {
      scale.textContent = `brightest: ${written(sheet.paint(outputs[layer]), 2)}`;
    });
    bars(outputs.at(-1));
    if (selected) explain(picture, outputs);
    showWindow(picture);
    for (const slider of sliders) slider.nextElementSibling.textContent = slider.value.replace("-", "−");
  }

  /** Shows the sum behind the selected value, and frames it and the window that it sees. */
  function explain(picture, outputs) {
    const { layer: number, place } = selected;
    const layer = network.layers[number];
    const input = number > 0 ? outputs[number - 1] : picture;
    const flattened = network.layers[number - 1]?.class === "Flatten";
    const before = flattened ? network.layers[number - 1].input : layer.input;
    find(".explained").replaceChildren(...explanation(layer, input, outputs[number], place, before));
    const sheetOf = (wanted) => sheets.find((sheet) => sheet.layer === wanted)?.sheet;
    sheetOf(number)?.frame(place.channel, place.row, place.column, 1, 1);
    const [strides, size] = [layer.strides, layer.pool_size ?? layer.kernel];
    if (!strides) return;
    const earlier = number > 0 ? sheetOf(number - 1) : seen;
    const maps =
      layer.class === "MaxPooling2D" ? [place.channel] : Array.from({ length: layer.input[2] }, (_, map) => map);
    for (const map of maps) earlier.frame(map, place.row * strides[0], place.column * strides[1], size[0], size[1]);
  }

  /** How sure the network stays of its answer while one slider is moved over all its range. */
  async function tryAll() {
    const mine = (trial += 1);
    const answer = (position) => forward(network, rasterise(moved(upright(), position))).at(-1);
    const still = { right: 0, down: 0, degrees: 0 };
    const shares = answer(still);
    const best = shares.indexOf(Math.max(...shares));
    find(".tried").textContent = network.classes[best];
    for (const [name, [from, to, step]] of Object.entries(TRIED)) {
      const points = [];
      for (let value = from; value <= to; value += step) {
        const share = answer({ ...still, [name]: value })[best];
        points.push(`${((value - from) / (to - from)) * 100},${30 - share * 30}`);
        await new Promise((resolve) => setTimeout(resolve)); // the page stays alive meanwhile
        if (mine !== trial) return; // the drawing has changed
      }
      find(`[name=${name}] ~ svg polyline`).setAttribute("points", points.join(" "));
    }
  }

  /** Once per frame is enough, however fast the pointer reports. */
  function updateSoon() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      drawPad(pad, strokes);
      update();
    });
  }

  drawing(
    pad,
    () => strokes,
    (next, finished) => {
      strokes = next;
      updateSoon();
      if (finished) tryAll();
    },
  );
  find(".clear").addEventListener("click", () => {
    strokes = [];
    sliders.forEach((slider) => (slider.value = 0));
    updateSoon();
    tryAll();
  });
  sliders.forEach((slider) => slider.addEventListener("input", updateSoon));
  find("[name=centre]").addEventListener("change", () => {
    updateSoon();
    tryAll();
  });
  drawPad(pad, strokes);
  update();
  tryAll();
}

const live = document.querySelector("section.live");
if (live) startLive(live);
