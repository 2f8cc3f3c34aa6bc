// What the page is about at this moment, and who wants to know when it changes.

/** The model, as it tells of itself. */
export const model = await (await fetch("/api/about")).json();

export const state = {
  picture: null, // the id of the picture that is held
  change: { rotation: 0, right: 0, down: 0, mirrored: false, cover: null },
  class: null, // the class that is explained; null: the most probable
  method: 0,
  heatLayer: model.last_maps,
  layer: null, // the layer whose channels are shown
  moving: false, // a slider or the cover is under the pointer
};

const listeners = [];

/** Calls `listener` with what has changed: "picture", "change", "explanation", "layer". */
export const whenChanged = (listener) => listeners.push(listener);

/** Changes the state and tells everybody what kind of change it was. */
export function set(kind, values) {
  Object.assign(state, values);
  for (const listener of listeners) listener(kind);
}

export const byId = (id) => document.getElementById(id);

/** An element with attributes and children. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}
