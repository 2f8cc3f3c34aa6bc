// Making elements and writing numbers. Text is only ever set as text, never as markup.

/** An element with these properties and children. */
function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** A number as readers expect it: with a real minus sign. */
function written(number, digits = 4) {
  return number
    .toFixed(digits)
    .replace(/^-(?=0\.?0*$)/, "")
    .replace("-", "−");
}

/** A small grid of numbers in their colours; the numbers are written too where there is room. */
function grid(values, columns, paint, withNumbers) {
  const table = element("span", { className: withNumbers ? "grid numbers" : "grid" });
  table.style.setProperty("--columns", columns);
  for (const value of values) {
    const cell = element("span", { textContent: withNumbers ? written(value, 2) : "", title: written(value) });
    cell.style.setProperty("--ink", paint(value));
    table.append(cell);
  }
  return table;
}
