// Sliders, and what is done to the picture with them: turned, shifted, mirrored, covered.

import { byId, element, set, state, whenChanged } from "./state.js";
import { unchanged } from "./choose.js";

/** A slider with its name and number; `moved(value, moving)` is called as it moves and, at rest, once more. */
export function slider({ id, label, min, max, step, value, unit = "" }, moved) {
  const input = element("input", { type: "range", id, min, max, step, value });
  const output = element("output", { for: id });
  const show = () => (output.textContent = `${Number(input.value).toLocaleString("en", { maximumFractionDigits: 2 })}${unit}`);
  const told = (moving) => {
    show();
    moved(Number(input.value), moving);
  };
  input.addEventListener("input", () => told(true));
  input.addEventListener("change", () => told(false));
  show();
  const whole = element("div", { class: "slider" }, element("label", { for: id }, label), input, output);
  return Object.assign(whole, {
    put(value) {
      input.value = value;
      show();
    },
  });
}

const SLIDERS = [
  { id: "rotation", label: "turn", min: -180, max: 180, step: 1, value: 0, unit: "°" },
  { id: "right", label: "shift right", min: -0.5, max: 0.5, step: 0.01, value: 0 },
  { id: "down", label: "shift down", min: -0.5, max: 0.5, step: 0.01, value: 0 },
];

let side = 0.25;

function change(values, moving = false) {
  set("change", { change: { ...state.change, ...values }, moving });
}

function prepareCover() {
  const picture = byId("picture");
  let held = null;
  const to = (event, moving) => {
    const box = picture.getBoundingClientRect();
    const share = (at, from, length) => Math.min(1, Math.max(0, (at - from) / length));
    const [x, y] = [share(event.clientX, box.left, box.width), share(event.clientY, box.top, box.height)];
    change({ cover: { x, y, side } }, moving);
  };
  picture.addEventListener("pointerdown", (event) => {
    held = event.pointerId;
    if (event.isTrusted) picture.setPointerCapture(held);
    to(event, true);
  });
  picture.addEventListener("pointermove", (event) => {
    if (event.pointerId === held) to(event, true);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    picture.addEventListener(end, (event) => {
      if (event.pointerId !== held) return;
      held = null;
      to(event, false);
    });
  }
}

/** The frame of the cover follows the pointer at once; the grey follows when the server has answered. */
function frame() {
  const { cover } = state.change;
  const box = byId("picture").getBoundingClientRect();
  const at = byId("cover");
  at.hidden = !cover;
  if (!cover) return;
  const length = `${cover.side * Math.min(box.width, box.height)}px`;
  at.style.setProperty("left", `${cover.x * 100}%`);
  at.style.setProperty("top", `${cover.y * 100}%`);
  at.style.setProperty("width", length);
  at.style.setProperty("height", length);
}

/** Lets the reader change the picture. */
export function prepareSliders() {
  const made = SLIDERS.map((of) => slider(of, (value, moving) => change({ [of.id]: value }, moving)));
  const size = slider({ id: "side", label: "size of cover", min: 0.05, max: 0.6, step: 0.01, value: side }, (value, moving) => {
    side = value;
    if (state.change.cover) change({ cover: { ...state.change.cover, side } }, moving);
  });
  byId("sliders").append(...made, size);
  byId("mirrored").addEventListener("change", (event) => change({ mirrored: event.target.checked }));
  byId("reset").addEventListener("click", () => change(unchanged()));
  prepareCover();
  whenChanged(() => {
    frame();
    SLIDERS.forEach(({ id }, place) => made[place].put(state.change[id]));
    byId("mirrored").checked = state.change.mirrored;
  });
}
