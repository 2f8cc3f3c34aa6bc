// What every layer makes of the picture.

import { calmed, newest } from "./ask.js";
import { bytes, paintMap, paintMaps } from "./paint.js";
import { byId, element, model, set, state, whenChanged } from "./state.js";

let shown = null; // the answer about the chosen layer, with its maps as bytes
let across = 1;

function ribbon(layers) {
  const buttons = byId("ribbon").children;
  layers.forEach(({ maps, shown, which }, place) => {
    const canvas = buttons[place].firstChild;
    // Numbers without places lie in a square.
    paintMaps(canvas, bytes(maps), which.length, shown, Math.ceil(Math.sqrt(which.length)), 0);
  });
}

function prepareRibbon() {
  byId("ribbon").append(
    ...model.layers.map(({ path, class: kind, shape }) => {
      const title = path.split("/").at(-1);
      const button = element(
        "button",
        { type: "button", role: "option", title: `${path} (${kind})`, "data-path": path },
        element("canvas", { width: 1, height: 1 }),
        element("span", { class: "title" }, title),
        element("span", {}, kind),
        element("span", {}, shape.join("×")),
      );
      button.addEventListener("click", () => set("layer", { layer: path }));
      return button;
    }),
  );
}

function grid() {
  if (!shown) return;
  const { which, shown: size } = shown;
  // As many in a row as the window shows at a sensible size.
  const width = byId("maps").parentElement.clientWidth || 800;
  const wanted = size[1] === 1 ? 18 : Math.min(Math.max(size[1], 60), 96);
  const most = Math.max(1, Math.floor(width / wanted));
  // Rows of one length: the last is not left half empty.
  across = Math.ceil(which.length / Math.ceil(which.length / most));
  byId("maps").style.setProperty("max-width", `${across * 160}px`);
  paintMaps(byId("maps"), shown.bytes, which.length, size, across);
}

function show([layer]) {
  shown = { ...layer, bytes: bytes(layer.maps) };
  const { layer: path, size, channels, silent, dead, which } = layer;
  byId("chosen").textContent = path;
  const places = size[0] * size[1] > 1 ? `${channels} channels of ${size[0]}×${size[1]}` : `${channels} numbers`;
  const always = dead === undefined ? "" : `; ${dead} on all ${model.samples.length} samples too`;
  const some = which.length < channels ? `; the first ${which.length} are shown` : "";
  byId("alive").textContent = `${places}; ${silent} of them nowhere above zero on this picture${always}${some}.`;
  grid();
  document.body.dataset.maps = path;
}

function enlarge(event) {
  if (!shown) return;
  const box = event.target.getBoundingClientRect();
  const [rows, columns] = shown.shown;
  const x = Math.floor((((event.clientX - box.left) / box.width) * event.target.width) / (columns + 1));
  const y = Math.floor((((event.clientY - box.top) / box.height) * event.target.height) / (rows + 1));
  const number = y * across + x;
  if (x >= across || number >= shown.which.length) return;
  paintMap(byId("large"), shown.bytes, number, shown.shown);
  const [most, mean] = [shown.most[number], shown.mean[number]].map((value) => value.toPrecision(3));
  byId("about-channel").textContent = `${shown.layer}, channel ${shown.which[number]}: largest ${most}, mean ${mean}`;
  byId("enlarged").showModal();
}

/** Shows the layers whenever the picture or the chosen layer changes; while something moves, once it rests. */
export function prepareLayers() {
  prepareRibbon();
  const all = newest("/api/layers", ribbon);
  const one = newest("/api/layers", show);
  const later = calmed(200, () => {
    all({ change: state.change });
    one({ change: state.change, layer: state.layer });
  });
  byId("maps").addEventListener("click", enlarge);
  new ResizeObserver(grid).observe(byId("maps").parentElement);
  whenChanged((kind) => {
    if (kind === "layer") {
      for (const button of byId("ribbon").children) button.setAttribute("aria-selected", button.dataset.path === state.layer);
      for (const name of document.querySelectorAll(".layer-name")) name.textContent = state.layer;
      if (state.picture) one({ change: state.change, layer: state.layer });
    } else if (kind !== "explanation" && state.picture) {
      later();
    }
  });
  const first = model.layers.find(({ shape }) => shape.length === 3) ?? model.layers[0];
  set("layer", { layer: first.path });
}
