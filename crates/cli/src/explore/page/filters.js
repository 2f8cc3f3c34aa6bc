// The filters that answer most to the picture, painted on demand.

import { ask } from "./ask.js";
import { paint } from "./paint.js";
import { byId, element, state, whenChanged } from "./state.js";

let controller = null;

/** The lines of an answer, one by one, as they come. */
async function* lines(response) {
  const decoder = new TextDecoder();
  let text = "";
  for (const reader = response.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) return;
    text += decoder.decode(value, { stream: true });
    const whole = text.split("\n");
    text = whole.pop();
    for (const line of whole) yield JSON.parse(line);
  }
}

function show({ layer, filters }) {
  byId("painting-said").textContent = `filters of ${layer}`;
  byId("filters").replaceChildren(
    ...filters.map(({ filter, answers, before, after, picture }) => {
      const canvas = element("canvas");
      paint(canvas, picture);
      const asleep = after <= 0 && before <= 0 ? " It never woke, so this is the noise it began with." : "";
      const said = `filter ${filter}: answers ${answers.toPrecision(2)} to your picture, ${after.toPrecision(2)} to this one.${asleep}`;
      return element("figure", {}, canvas, element("figcaption", {}, said));
    }),
  );
}

function working(on) {
  byId("cancel").hidden = byId("painting").hidden = !on;
  byId("ascend").disabled = on;
}

async function run() {
  controller = new AbortController();
  working(true);
  byId("painting").removeAttribute("value");
  byId("painting-said").textContent = "";
  try {
    const question = { change: state.change, layer: state.layer, recipe: byId("recipe").value };
    const response = await ask("/api/filters", question, controller.signal);
    for await (const line of lines(response)) {
      if (line.progress) byId("painting").value = line.progress.done / line.progress.all;
      if (line.painted) show(line.painted);
      if (line.error) throw new Error(line.error);
    }
  } catch (error) {
    byId("painting-said").textContent = error.name === "AbortError" ? "stopped" : error.message;
  }
  working(false);
}

/** Lets the reader have filters painted, and stop it. */
export function prepareFilters() {
  byId("ascend").addEventListener("click", run);
  byId("cancel").addEventListener("click", () => controller?.abort());
  whenChanged((kind) => {
    if (kind === "layer") controller?.abort();
  });
}
