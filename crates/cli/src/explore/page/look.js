// What the network says of the picture, and where it sees it.

import { newest } from "./ask.js";
import { paint, paintHeat } from "./paint.js";
import { byId, element, model, set, state, whenChanged } from "./state.js";

const LIVE = 150; // milliseconds that a slow method may take and still follow the pointer
let last = null; // the last answer
let slowest = 0; // of the chosen method

const method = () => model.methods[state.method];

function question() {
  const follows = !state.moving || !method().slow || slowest < LIVE;
  const heat = state.heatLayer && follows ? { method: state.method, layer: state.heatLayer, control: !state.moving || slowest < LIVE } : null;
  return { change: state.change, class: state.class, heat: model.classes.length ? heat : null };
}

const percent = (value) => (model.probabilities ? `${(100 * value).toFixed(1)} %` : value.toFixed(2));

function showClasses({ classes, explained }) {
  const most = Math.max(...classes.map((of) => of.value), 1e-9);
  const buttons = classes.map(({ class: number, name, value }) => {
    const button = element(
      "button",
      { type: "button", class: number === explained?.class ? "explained" : "", title: `where is ${name} seen?` },
      element("span", { class: "title" }, name),
      element("span", { class: "value" }, percent(value)),
    );
    button.style.setProperty("--share", Math.max(0, model.probabilities ? value : value / most));
    button.addEventListener("click", () => set("explanation", { class: number }));
    return button;
  });
  byId("classes").replaceChildren(...buttons);
}

function showHeat() {
  if (!last?.heat) return;
  const strength = Number(byId("strength").value);
  paintHeat(byId("heat"), last.picture, last.heat.heat, strength);
  if (last.heat.control) paintHeat(byId("control"), last.picture, last.heat.control.heat, strength);
}

function tellHeat({ heat, explained }) {
  byId("explained").textContent = explained ? `“${explained.name}”` : "it";
  byId("warning").hidden = !heat?.warning;
  byId("warning").textContent = heat?.warning ?? "";
  if (!heat) return;
  const { control, blank } = heat;
  if (blank) {
    byId("likeness").textContent = `Blank: nothing in the picture speaks for “${explained.name}” here.`;
  } else if (control) {
    const verdict =
      control.likeness > 0.6
        ? "so alike that this map tells of the picture and not of what was learned; believe another one."
        : control.likeness > 0.3
          ? "partly the picture itself, partly what was learned."
          : "what is shown depends on what was learned.";
    byId("likeness").textContent = `Likeness of both (correlation of ranks): ${control.likeness.toFixed(2)} – ${verdict}`;
  }
}

function show(answer, asked) {
  if (asked.heat) slowest = answer.milliseconds;
  else answer.heat = null;
  last = { ...answer, heat: answer.heat ?? null };
  paint(byId("picture"), answer.picture);
  byId("stage").classList.toggle("smooth", answer.picture.width >= 64);
  showClasses(answer);
  showHeat();
  tellHeat(answer);
  document.body.dataset.looks = Number(document.body.dataset.looks ?? 0) + 1;
  byId("pace").textContent = `${answer.milliseconds.toFixed(0)} ms on this machine${asked.heat?.control ? ", both heatmaps included" : ""}`;
}

function fill(id, entries, chosen, pick) {
  const select = byId(id);
  select.replaceChildren(...entries.map(([value, text]) => element("option", { value }, text)));
  select.value = chosen;
  select.addEventListener("change", () => pick(select.value));
}

/** Shows the network's answer whenever the picture or the question changes. */
export function prepareLook() {
  const look = newest("/api/look", show);
  const ask = () => state.picture && look(question());
  const maps = model.layers.filter(({ shape }) => shape.length === 3 && shape[0] * shape[1] > 1);
  fill("method", model.methods.map(({ name, slow }, number) => [number, slow ? `${name} (slower)` : name]), state.method, (value) => {
    slowest = 0;
    set("explanation", { method: Number(value) });
  });
  fill("layer", maps.map(({ path }) => [path, path]), state.heatLayer, (heatLayer) => set("explanation", { heatLayer }));
  const classes = model.classes.map((name, number) => [number, name]);
  fill("class", [["", "the most probable"], ...classes], "", (value) => set("explanation", { class: value === "" ? null : Number(value) }));
  byId("strength").addEventListener("input", showHeat);
  if (!model.classes.length || !maps.length) {
    document.querySelector(".heats").hidden = true;
    byId("classes").replaceChildren(element("p", { class: "soft" }, "This network ends in feature maps: it names no classes, so there is no heat either. Its layers are below."));
  }
  document.querySelector(".pair").classList.toggle("smooth", model.shape[1] >= 64);
  whenChanged((kind) => {
    if (kind === "layer") return;
    byId("class").value = state.class ?? "";
    byId("layer").disabled = !method().layer;
    ask();
  });
}
