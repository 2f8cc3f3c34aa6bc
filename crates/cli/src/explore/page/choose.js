// Which picture: a file, one that is dropped, a sample.

import { send, trouble } from "./ask.js";
import { byId, element, model, set } from "./state.js";
import { endDrawing } from "./pad.js";

/** Nothing done to the picture. */
export const unchanged = () => ({ rotation: 0, right: 0, down: 0, mirrored: false, cover: null });

async function take(blob) {
  if (blob.size > model.largest) {
    trouble(`the file has ${Math.round(blob.size / 2 ** 20)} MiB; at most ${model.largest / 2 ** 20} are taken`);
    return;
  }
  try {
    const picture = await send(blob);
    trouble(null);
    endDrawing();
    set("picture", { picture, change: unchanged(), class: null });
  } catch (error) {
    trouble(error.message);
  }
}

const takeSample = async (number) => take(await (await fetch(`/api/samples/${number}`)).blob());

/** Offers the samples and shows the first. */
export function offer() {
  byId("samples").append(
    ...model.samples.map((label, number) => {
      const button = element("button", { type: "button", title: label }, element("img", { src: `/api/samples/${number}`, alt: label }));
      button.addEventListener("click", () => takeSample(number));
      return button;
    }),
  );
  byId("file").addEventListener("change", (event) => {
    const [file] = event.target.files;
    if (file) take(file);
    event.target.value = "";
  });
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    byId("stage").classList.add("dropping");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) byId("stage").classList.remove("dropping");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    byId("stage").classList.remove("dropping");
    const [file] = event.dataTransfer.files;
    if (file) take(file);
  });
  document.addEventListener("paste", (event) => {
    const [file] = event.clipboardData.files;
    if (file) take(file);
  });
  if (model.samples.length) takeSample(0);
}
