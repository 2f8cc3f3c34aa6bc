// The pictures that are most like it to the network.

import { calmed, newest } from "./ask.js";
import { byId, element, model, state, whenChanged } from "./state.js";

function show(found) {
  byId("similar").replaceChildren(
    ...found.map(({ picture, class: name, cosine }) =>
      element(
        "figure",
        {},
        element("img", { src: `/api/similar/${picture}`, alt: `${name}, picture ${picture}` }),
        element("figcaption", {}, `${name}, ${cosine.toFixed(2)}`),
      ),
    ),
  );
}

/** Shows them whenever the picture changes, where there are pictures. */
export function prepareSimilar() {
  if (model.pictures === null) {
    byId("similar-said").replaceChildren(
      "Start with a folder of pictures, ",
      element("code", {}, "convnet explore MODEL --pictures FOLDER"),
      ", to see here which of them the network finds most like yours.",
    );
    return;
  }
  byId("similar-said").textContent =
    `Of the folder’s ${model.pictures.toLocaleString("en")} pictures those whose features – the means of the last feature maps – point the same way; 1 is the same direction.`;
  const similar = newest("/api/similar", show);
  const later = calmed(250, () => similar({ change: state.change }));
  whenChanged((kind) => {
    if (state.picture && (kind === "picture" || kind === "change")) later();
  });
}
