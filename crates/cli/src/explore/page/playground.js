// One picture, nine as a training would meet them.

import { newest } from "./ask.js";
import { paint } from "./paint.js";
import { slider } from "./sliders.js";
import { byId, element, model, state, whenChanged } from "./state.js";

const RANGES = [
  ["rotation", "rotation ±", 180, 1, "°"],
  ["width_shift", "shift across ±", 0.5, 0.01],
  ["height_shift", "shift down ±", 0.5, 0.01],
  ["shear", "shear ±", 1, 0.01],
  ["zoom", "zoom ±", 0.6, 0.01],
  ["brightness", "brightness ±", 0.8, 0.01],
  ["contrast", "contrast ±", 0.8, 0.01],
  ["saturation", "saturation ±", 1, 0.01],
  ["hue", "hue ±", 90, 1, "°"],
  ["blur", "blur up to", 6, 0.1],
  ["noise", "noise up to", 60, 1],
];
const coloured = model.shape[2] === 3;
const ranges = RANGES.filter(([name]) => coloured || !["saturation", "hue"].includes(name));

const chosen = Object.fromEntries(ranges.map(([name]) => [name, 0]));
let seed = 1;

/** The settings as the file has them: what is not named is not changed. */
function settings() {
  const said = {};
  for (const [name] of ranges) {
    if (!chosen[name]) continue;
    said[name] = name === "zoom" ? [1 - chosen.zoom, 1 + chosen.zoom].map((factor) => Number(factor.toFixed(2))) : chosen[name];
  }
  if (byId("flip").checked) said.horizontal_flip = true;
  if (byId("upside").checked) said.vertical_flip = true;
  if (byId("fill").value !== "nearest") said.fill = byId("fill").value;
  return said;
}

function show({ samples }) {
  const canvases = byId("nine").children;
  samples.forEach((sample, place) => paint(canvases[place], sample));
  document.body.dataset.augmented = Number(document.body.dataset.augmented ?? 0) + 1;
}

/** Lets the reader try augmentation. */
export function preparePlayground() {
  const augment = newest("/api/augment", show);
  const changed = () => {
    const said = settings();
    byId("settings").textContent = JSON.stringify(said, null, 2);
    byId("copied").textContent = "";
    if (state.picture) augment({ augment: said, seed });
  };
  byId("nine").append(...Array.from({ length: 9 }, () => element("canvas", { width: 1, height: 1 })));
  byId("nine").classList.toggle("smooth", model.shape[1] >= 64);
  const sliders = ranges.map(([name, label, max, step, unit]) =>
    slider({ id: `augment-${name}`, label, min: 0, max, step, value: 0, unit }, (value) => {
      chosen[name] = value;
      changed();
    }),
  );
  byId("augment").append(...sliders);
  const preset = (of) => {
    ranges.forEach(([name], place) => {
      chosen[name] = name === "zoom" ? Number((of.zoom[1] - 1).toFixed(2)) : of[name];
      sliders[place].put(chosen[name]);
    });
    byId("flip").checked = of.horizontal_flip;
    byId("upside").checked = of.vertical_flip;
    byId("fill").value = "nearest";
    changed();
  };
  const names = [["none", "None"], ["light", "Light"], ["chapter5", "The chapter’s"]];
  byId("presets").append(
    ...names.map(([name, text]) => {
      const button = element("button", { type: "button", id: `preset-${name}` }, text);
      button.addEventListener("click", () => preset(model.presets[name]));
      return button;
    }),
  );
  for (const id of ["flip", "upside", "fill"]) byId(id).addEventListener("change", changed);
  byId("again").addEventListener("click", () => {
    seed += 1;
    changed();
  });
  byId("copy").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(byId("settings").textContent);
      byId("copied").textContent = "copied";
    } catch {
      getSelection().selectAllChildren(byId("settings"));
      byId("copied").textContent = "the browser does not allow it; the text is selected";
    }
  });
  whenChanged((kind) => {
    if (kind === "picture") changed();
  });
  preset(model.presets.chapter5);
}
