// The page begins: the model is told, every part prepared, the first sample shown.

import { offer } from "./choose.js";
import { prepareFilters } from "./filters.js";
import { prepareLayers } from "./layers.js";
import { prepareLook } from "./look.js";
import { preparePad } from "./pad.js";
import { preparePlayground } from "./playground.js";
import { prepareSimilar } from "./similar.js";
import { prepareSliders } from "./sliders.js";
import { byId, element, model } from "./state.js";

const [height, width, channels] = model.shape;
const count = (number) => number.toLocaleString("en");
document.title = `${model.name} – convnet explore`;
byId("name").textContent = model.name;
byId("facts").textContent = [
  `takes ${height}×${width} ${channels === 1 ? "grey" : "colour"} pictures`,
  `${count(model.layers.length)} layers`,
  `${count(model.parameters)} parameters`,
  model.classes.length ? `${count(model.classes.length)} classes` : "no classes",
].join(" · ");
byId("told").append(...model.told.map((line) => element("li", {}, line)));

prepareSliders();
preparePad();
prepareLook();
prepareLayers();
prepareFilters();
prepareSimilar();
preparePlayground();
offer();
