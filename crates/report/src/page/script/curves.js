// Learning curves: values under the pointer, and a slider that smooths the lines.

/** A moving average in which each epoch before counts less, as TensorBoard and the book's smoothed curves have it. */
function smoothed(values, weight) {
  let [average, known] = [0, 0];
  return values.map((value) => {
    if (value === null) return null;
    average = average * weight + value * (1 - weight);
    known = known * weight + 1 - weight; // the first epochs have no past: without this they would be drawn to zero
    return average / known;
  });
}

function startCurves(figure) {
  const { plot, percent, series } = JSON.parse(figure.dataset.curves);
  const svg = figure.querySelector("svg");
  const lines = [...svg.querySelectorAll("path.line")];
  const readout = figure.querySelector("output");
  const idle = readout.textContent;
  const epochs = Math.max(...series.map(({ values }) => values.length));
  const [left, right, low, high] = plot.x;
  const [bottom, top, least, most] = plot.y;
  const placeX = (epoch) => left + ((epoch - low) / (high - low)) * (right - left);
  const placeY = (value) => bottom + ((value - least) / (most - least)) * (top - bottom);
  const text = (value) => (percent ? `${(value * 100).toFixed(2)} %` : value.toFixed(4));

  /** Lines through the values, with a gap where one is missing. */
  function path(values) {
    let pen = "M";
    return values.reduce((d, value, i) => {
      const point = value === null ? "" : `${pen}${placeX(i + 1).toFixed(1)} ${placeY(value).toFixed(1)}`;
      pen = value === null ? "M" : "L";
      return d + point;
    }, "");
  }

  // The values as they were stay behind, faint.
  for (const line of lines) {
    const faint = line.cloneNode();
    faint.classList.add("faint");
    line.before(faint);
  }
  figure.querySelector("input").addEventListener("input", ({ target }) => {
    target.nextElementSibling.textContent = Number(target.value).toFixed(2);
    svg.classList.toggle("smooth", Number(target.value) > 0);
    lines.forEach((line, i) => line.setAttribute("d", path(smoothed(series[i].values, Number(target.value)))));
  });

  const rule = lines[0].cloneNode();
  rule.setAttribute("class", "axis pointed");
  lines[0].before(rule);
  const show = (event) => {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
    const epoch = Math.min(epochs, Math.max(1, Math.round(low + ((x - left) / (right - left)) * (high - low))));
    rule.setAttribute("d", `M${placeX(epoch)} ${bottom}V${top}`);
    const values = series.map(({ values }) => values[epoch - 1] ?? null);
    const words = series.map(({ name }, i) => `${name} ${values[i] === null ? "–" : text(values[i])}`);
    if (values.length === 2 && !values.includes(null)) {
      const gap = Math.abs(values[0] - values[1]);
      words.push(`gap ${percent ? `${(gap * 100).toFixed(2)} points` : gap.toFixed(4)}`);
    }
    readout.textContent = `epoch ${epoch}: ${words.join(", ")}`;
  };
  svg.addEventListener("pointermove", show);
  svg.addEventListener("pointerdown", show);
  svg.addEventListener("pointerleave", () => {
    rule.setAttribute("d", "");
    readout.textContent = idle;
  });
}

document.querySelectorAll("[data-curves]").forEach(startCurves);
