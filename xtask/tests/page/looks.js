// Looks at the page as a reader's eyes would, and leaves what it saw as JSON in the element `driven`.

/** The luminance of a colour as the browser writes it, `rgb(…)`, and how opaque it is. */
function light(colour) {
  const [red, green, blue, alpha = 1] = colour.match(/[\d.]+/g).map(Number);
  const linear = [red, green, blue].map((level) => {
    const share = level / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return [0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2], alpha];
}

/** The luminance of what lies behind an element. */
function behind(element) {
  for (let at = element; at; at = at.parentElement) {
    const [luminance, alpha] = light(getComputedStyle(at).backgroundColor);
    if (alpha === 1) return luminance;
  }
  return light("rgb(255,255,255)")[0];
}

/** The contrast of two luminances, 1 to 21. */
const contrast = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);

const isSeen = (element) => element.getClientRects().length > 0;
const hasWords = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
const all = (selector) => [...document.querySelectorAll(selector)];
const words = (element) => element.textContent.trim().replace(/\s+/g, " ").slice(0, 60);

function look() {
  const html = all("header *, main *, footer *").filter((element) => !element.closest("svg"));
  const read = html.filter((element) => isSeen(element) && hasWords(element) && !element.closest("option,script,noscript"));
  const contrasts = read.map((element) => ({
    ratio: contrast(light(getComputedStyle(element).color)[0], behind(element)),
    words: words(element),
  }));
  // A drawing that is made to fit may make its words too small to read.
  const sizes = all("svg.cn text")
    .filter(isSeen)
    .map((text) => {
      const { a, b } = text.getScreenCTM(); // some are turned
      return { pixels: parseFloat(getComputedStyle(text).fontSize) * Math.hypot(a, b), words: words(text) };
    });
  const least = (list, by) => list.reduce((worst, one) => (one[by] < worst[by] ? one : worst));
  const row = (cells) => [...cells].map(words);
  return {
    width: innerWidth,
    sideways: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    isDark: matchMedia("(prefers-color-scheme: dark)").matches,
    paper: behind(document.body),
    read: read.length,
    worstContrast: least(contrasts, "ratio"),
    smallestWords: least(sizes, "pixels"),
    rows: all("table.comparison tbody tr").map((tr) => row(tr.children)),
    ids: all("table.comparison tbody th .id").map(words),
    head: row(all("table.comparison thead th")),
    costs: all("main > section:last-of-type table tbody tr").map((tr) => row(tr.children)),
    sections: all("section[id^=experiment-]").map((section) => section.id),
    broken: [...document.images].filter((image) => !image.complete || image.naturalWidth === 0).length,
    figures: all("figure").length,
    withoutWords: all("figure").filter((figure) => !words(figure.querySelector("figcaption"))).length,
    missing: all(".missing").map(words),
    requests: performance.getEntriesByType("resource").map(({ name }) => name).filter((name) => !name.startsWith("data:")),
  };
}

addEventListener("load", () => {
  setTimeout(() => {
    const seen = JSON.stringify(look());
    // On a phone, which is a frame, whoever holds the frame writes it down.
    if (parent !== window) parent.postMessage(seen, "*");
    else document.body.append(Object.assign(document.createElement("pre"), { id: "driven", textContent: seen }));
  }, 100);
});
