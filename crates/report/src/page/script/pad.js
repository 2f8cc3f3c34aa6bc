// The field that the reader draws on.

/** Lets a pointer, mouse or finger, draw strokes. */
function drawing(pad, strokes, changed) {
  let pointer = null;
  let fresh = true; // the first stroke replaces the example
  const point = (event) => {
    const box = pad.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE];
  };
  pad.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || pointer !== null) return; // one stroke at a time
    pointer = event.pointerId;
    if (event.isTrusted) pad.setPointerCapture(pointer); // a stroke may leave the field and come back
    changed([...(fresh ? [] : strokes()), [point(event)]], false);
    fresh = false;
  });
  pad.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pointer) return;
    const stroke = strokes().at(-1);
    if (!stroke) return; // cleared meanwhile
    stroke.push(point(event));
    changed(strokes(), false);
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    pad.addEventListener(end, (event) => {
      if (event.pointerId !== pointer) return;
      pointer = null;
      changed(strokes(), true);
    });
  }
}

/** The drawing as the reader made it. */
function drawPad(pad, strokes) {
  const context = pad.getContext("2d");
  const zoom = pad.width / SIDE;
  context.clearRect(0, 0, pad.width, pad.height);
  context.strokeStyle = context.fillStyle = getComputedStyle(pad).color;
  context.lineWidth = PEN * zoom;
  context.lineCap = context.lineJoin = "round";
  for (const stroke of strokes) {
    context.beginPath();
    for (const [x, y] of [stroke[0], ...stroke]) context.lineTo(x * zoom, y * zoom);
    context.stroke();
  }
}
