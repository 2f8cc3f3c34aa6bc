// A field to draw on. For a network of digits the drawing is brought to where and as large as its digits are.

import { send, trouble } from "./ask.js";
import { byId, element, model, set, state } from "./state.js";

const grey = model.shape[2] === 1;
const PAPER = grey ? "#000" : "#fff";
const COLOURS = grey ? ["#fff"] : ["#1d2430", "#a8321a", "#e8a33d", "#4b8b3b", "#0b5cad", "#8d6748"];
const pad = byId("pad");
const WIDTH = grey ? 0.085 : 0.045; // of the pen, a share of the field
const DIGIT = 20 / 28; // the share of the field that a digit of MNIST fills

let strokes = []; // { colour, points: [[x, y]] }, shares of the field
let colour = COLOURS[0];
let own = null; // the id under which the drawing is held

function drawOn(canvas, place) {
  const context = canvas.getContext("2d");
  context.fillStyle = PAPER;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.lineCap = context.lineJoin = "round";
  context.lineWidth = WIDTH * canvas.width;
  for (const stroke of strokes) {
    context.strokeStyle = stroke.colour;
    context.beginPath();
    for (const point of [stroke.points[0], ...stroke.points]) {
      const [x, y] = place(point);
      context.lineTo(x * canvas.width, y * canvas.height);
    }
    context.stroke();
  }
}

/** Moves and scales the drawing as MNIST's digits were: 20 of 28 pixels long, its centre of mass in the middle. */
function centred() {
  const points = strokes.flatMap((stroke) => stroke.points);
  const range = (axis) => [Math.min(...points.map((point) => point[axis])), Math.max(...points.map((point) => point[axis]))];
  const [[left, right], [top, bottom]] = [range(0), range(1)];
  const scale = (DIGIT - WIDTH) / Math.max(right - left, bottom - top, 0.25);
  // The mean along the strokes; points alone lie denser where the hand was slow.
  let [length, x, y] = [1e-9, ((left + right) / 2) * 1e-9, ((top + bottom) / 2) * 1e-9];
  for (const { points } of strokes) {
    for (let point = 1; point < points.length; point++) {
      const [from, to] = [points[point - 1], points[point]];
      const piece = Math.hypot(to[0] - from[0], to[1] - from[1]);
      length += piece;
      x += (piece * (from[0] + to[0])) / 2;
      y += (piece * (from[1] + to[1])) / 2;
    }
  }
  return ([px, py]) => [0.5 + (px - x / length) * scale, 0.5 + (py - y / length) * scale];
}

const same = (point) => point;
let sending = false;
let again = false;

async function show() {
  drawOn(pad, same);
  if (sending) {
    again = true;
    return;
  }
  sending = true;
  const hidden = element("canvas", { width: 560, height: 560 });
  drawOn(hidden, grey && strokes.length ? centred() : same);
  try {
    const blob = await new Promise((resolve) => hidden.toBlob(resolve, "image/png"));
    own = await send(blob, own);
    if (!pad.hidden) set("picture", { picture: own, class: null });
    trouble(null);
  } catch (error) {
    trouble(error.message);
  }
  sending = false;
  if (again) {
    again = false;
    show();
  }
}

function drawing(on) {
  pad.hidden = !on;
  for (const id of ["wipe", "colours"]) byId(id).hidden = !on || (id === "colours" && grey);
  byId("draw").setAttribute("aria-pressed", on);
}

/** The field gives way to a picture. */
export function endDrawing() {
  drawing(false);
}

/** Lets the reader draw. */
export function preparePad() {
  byId("draw").addEventListener("click", () => {
    drawing(pad.hidden);
    if (!pad.hidden) {
      set("change", { change: { ...state.change, cover: null } });
      strokes = [];
      drawOn(pad, same);
    }
  });
  byId("wipe").addEventListener("click", () => {
    strokes = [];
    show();
  });
  byId("colours").append(
    ...COLOURS.map((of, place) => {
      const button = element("button", { type: "button", "aria-pressed": place === 0, "aria-label": `pen ${place + 1}` });
      button.style.setProperty("background", of);
      button.addEventListener("click", () => {
        colour = of;
        for (const other of byId("colours").children) other.setAttribute("aria-pressed", other === button);
      });
      return button;
    }),
  );
  const point = (event) => {
    const box = pad.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };
  let pen = null;
  pad.addEventListener("pointerdown", (event) => {
    pen = event.pointerId;
    if (event.isTrusted) pad.setPointerCapture(pen);
    strokes.push({ colour, points: [point(event)] });
    show();
  });
  pad.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pen) return;
    strokes.at(-1).points.push(point(event));
    show();
  });
  for (const end of ["pointerup", "pointercancel"]) pad.addEventListener(end, () => (pen = null));
}
