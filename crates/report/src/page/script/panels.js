// What the network makes of a drawing, on the page: the maps of each layer, and a bar for each class.

/** A canvas for the maps of each layer; a click on a value is told. */
function layerSheets(root, network, clicked) {
  return network.layers.flatMap((layer, number) => {
    if (layer.class === "Flatten" || number === network.layers.length - 1) return []; // the classes have bars
    const canvas = element("canvas");
    const scale = element("span", { className: "scale" });
    const shape = layer.shape.join(" × ");
    root.append(
      element(
        "div",
        { className: "layer" },
        element("h4", {}, element("code", { textContent: layer.name }), ` ${shape} `, scale),
        canvas,
      ),
    );
    const sheet = new MapSheet(canvas, layer.shape, mapsPerRow(layer.shape));
    canvas.addEventListener("click", (event) => {
      const place = sheet.at(event);
      if (place) clicked(number, place);
    });
    return [{ sheet, scale, layer: number }];
  });
}

/** A bar for each class; gives a function that shows other shares. */
function classBars(root, network, clicked) {
  const bars = network.classes.map((name, channel) => {
    const [bar, share] = [element("span", { className: "bar" }), element("span", { className: "share" })];
    const button = element(
      "button",
      { type: "button", title: "the sum behind this score" },
      element("b", { textContent: name }),
      bar,
      share,
    );
    button.addEventListener("click", () => clicked(channel));
    root.append(button);
    return { button, bar, share };
  });
  return (shares) => {
    const best = shares.indexOf(Math.max(...shares));
    bars.forEach(({ button, bar, share }, i) => {
      button.classList.toggle("best", i === best);
      bar.style.setProperty("--share", shares[i]);
      share.textContent = `${(shares[i] * 100).toFixed(1)} %`;
    });
  };
}
