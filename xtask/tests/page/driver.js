// Uses the page as a reader would, and leaves what came of it as JSON in the element `driven`. The names of the page's own
// script are known here, as both are scripts of one page.

const driven = { rejected: [], blocked: [] };
addEventListener("unhandledrejection", (event) => driven.rejected.push(String(event.reason)));
addEventListener("securitypolicyviolation", (event) => driven.blocked.push(event.blockedURI));

const settled = () => new Promise((resolve) => setTimeout(resolve, 100));
const one = (selector) => document.querySelector(selector);

/** Where a place of a canvas is on the screen; x and y from 0 to 1. */
function onScreen(target, x, y) {
  const box = target.getBoundingClientRect();
  return { clientX: box.left + x * box.width, clientY: box.top + y * box.height, bubbles: true };
}

/** Draws with the pointer; gives the strokes as the page sees them, for which a browser may round places on the screen. */
function draw(strokes) {
  const pad = one(".pad");
  const box = pad.getBoundingClientRect();
  const send = (type, [x, y]) => {
    const event = new PointerEvent(type, { pointerId: 1, ...onScreen(pad, x / SIDE, y / SIDE) });
    pad.dispatchEvent(event);
    return [((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE];
  };
  return strokes.map((stroke) => {
    const seen = stroke.map((point, i) => send(i === 0 ? "pointerdown" : "pointermove", point));
    send("pointerup", stroke.at(-1));
    return seen;
  });
}

function slide(selector, value) {
  const input = one(selector);
  if (input.type === "checkbox") input.checked = value;
  else input.value = value;
  input.dispatchEvent(new Event("input"));
  input.dispatchEvent(new Event("change"));
}

/** Points on an arc of an ellipse, angles in degrees. */
function arc(x, y, wide, high, from, to) {
  return Array.from({ length: 17 }, (_, i) => {
    const angle = ((from + ((to - from) * i) / 16) * Math.PI) / 180;
    return [x + wide * Math.cos(angle), y + high * Math.sin(angle)];
  });
}

async function drive() {
  const answer = () => one(".classes .best b").textContent;
  // The example, upright and on its head.
  driven.example = answer();
  slide("[name=degrees]", 180);
  await settled();
  driven.exampleTurned = answer();
  slide("[name=degrees]", 0);
  await settled();
  // Small and in a corner: centring and scaling have something to do.
  const three = draw([[...arc(7, 5.8, 2, 1.8, -150, 90), ...arc(7, 9.4, 2.2, 1.9, -90, 150)]]);
  await settled();
  driven.answer = answer();

  // The same arithmetic as the page's, and what Rust makes of it.
  const network = prepareNetwork(JSON.parse(one("#live-network").textContent));
  const picture = rasterise(asMnist(three));
  const outputs = forward(network, picture);
  driven.picture = Array.from(picture);
  driven.layers = outputs.map((output) => Array.from(output));
  driven.names = network.layers.map(({ name }) => name);

  // In every map a click on the largest value, and on each class.
  driven.clicks = [];
  const told = (name, expected) => {
    const [value, sum] = [one(".explained .value")?.textContent, one(".explained .sum")?.textContent];
    driven.clicks.push({ name, expected, value, sum, words: one(".explained").textContent });
  };
  for (const [number, canvas] of document.querySelectorAll(".layers canvas").entries()) {
    const layer = network.layers.filter(({ class: kind }) => kind !== "Flatten")[number];
    const output = outputs[network.layers.indexOf(layer)];
    const expected = Math.max(...output);
    const place = output.indexOf(expected);
    const sheet = new MapSheet(document.createElement("canvas"), layer.shape, mapsPerRow(layer.shape));
    const pixel = Math.floor(place / sheet.channels);
    const [left, top] = sheet.corner(place % sheet.channels);
    const x = (left + (pixel % sheet.columns) + 0.5) / sheet.small.width;
    const y = (top + Math.floor(pixel / sheet.columns) + 0.5) / sheet.small.height;
    canvas.dispatchEvent(new MouseEvent("click", onScreen(canvas, x, y)));
    told(layer.name, expected);
  }
  one(".classes .best").click();
  told("classes", Math.max(...outputs.at(-1)));

  // The sliders move the drawing; without centring it stays where it was drawn.
  const position = { right: 7, down: -2, degrees: 30 };
  for (const [name, value] of Object.entries(position)) slide(`[name=${name}]`, value);
  await settled();
  const shares = (strokes) =>
    Array.from(forward(network, rasterise(strokes)).at(-1), (share) => `${(share * 100).toFixed(1)} %`);
  driven.moved = [...document.querySelectorAll(".classes .share")].map((share) => share.textContent);
  driven.movedExpected = shares(moved(asMnist(three), position));
  for (const name of Object.keys(position)) slide(`[name=${name}]`, 0);
  slide("[name=centre]", false);
  await settled();
  driven.uncentred = [...document.querySelectorAll(".classes .share")].map((share) => share.textContent);
  driven.uncentredExpected = shares(three);

  slide(".window [name=size]", 5);
  slide(".window [name=stride]", 2);
  driven.valid = one(".formula output").textContent;
  slide(".window [name=same]", true);
  driven.same = one(".formula output").textContent;

  // A learning curve answers the pointer and the slider.
  const curve = one(".curves svg");
  curve.dispatchEvent(new PointerEvent("pointermove", onScreen(curve, 0.5, 0.5)));
  driven.pointed = one(".curves output").textContent;
  slide(".curves input", 0.5);
  driven.smooth = one(".curves svg").classList.contains("smooth");
  driven.smoothed = smoothed([1, null, 0, 0], 0.5);

  // A cell of the confusion matrix opens.
  one(".matrix .opens").dispatchEvent(new MouseEvent("click", { bubbles: true }));
  driven.opened = one(".matrix dialog").open && one(".matrix dialog p").textContent;
  one(".matrix dialog").close();

  await settled();
  driven.broken = [...document.images].filter((image) => !image.complete || image.naturalWidth === 0).length;
  driven.images = document.images.length;
  driven.requests = performance
    .getEntriesByType("resource")
    .map(({ name }) => name)
    .filter((name) => !name.startsWith("data:"));
}

drive()
  .catch((error) => driven.rejected.push(`${error}\n${error.stack}`))
  .finally(() => {
    document.body.append(element("pre", { id: "driven", textContent: JSON.stringify(driven) }));
  });
