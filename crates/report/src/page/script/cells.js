// A confusion matrix: a click on a cell opens the pictures in it.

function startCells(matrix) {
  const {
    size: [width, height],
    rows,
  } = JSON.parse(matrix.dataset.cells);
  const cells = [...matrix.querySelectorAll("rect.heat, rect.miss")]; // row by row
  const classes = Math.sqrt(cells.length);
  const dialog = matrix.querySelector("dialog");
  const sheet = dialog.querySelector("img");
  const crop = dialog.querySelector(".crop");
  rows.forEach(([label, predicted, count], row) => {
    const cell = predicted < classes ? cells[label * classes + predicted] : undefined;
    if (!cell) return;
    const open = () => {
      const order =
        count < 2
          ? ""
          : label === predicted
            ? " Those that the network was least sure of:"
            : " Those that it was most sure of:";
      dialog.querySelector("p").textContent = `${cell.textContent}.${order}`;
      crop.style.cssText = "";
      dialog.showModal();
      const zoom = Math.min(width > 64 ? 1.5 : 3, crop.clientWidth / (count * width)); // a picture of few pixels is enlarged
      sheet.style.width = `${sheet.naturalWidth * zoom}px`;
      sheet.style.marginTop = `${-row * height * zoom}px`;
      crop.style.cssText = `height: ${height * zoom}px; width: ${count * width * zoom}px`;
    };
    cell.classList.add("opens");
    cell.setAttribute("tabindex", "0");
    cell.setAttribute("role", "button");
    cell.addEventListener("click", open);
    cell.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      open();
    });
  });
}

document.querySelectorAll("[data-cells]").forEach(startCells);
