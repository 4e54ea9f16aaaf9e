// Draws the figures in the page's theme, again whenever the theme or the room changes, and saves them.
const specs = JSON.parse(document.getElementById("figures").textContent);
const root = document.documentElement;
const button = document.getElementById("theme");
const system = window.matchMedia("(prefers-color-scheme: dark)");
const drawn = new Map(); // figure -> what vegaEmbed gave for it
const SANS = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", Arial, sans-serif';
// On dark paper the darker colours of the palette are exchanged for lighter ones of the same hue.
const LIGHTER = { "#0072B2": "#56B4E9", "#D55E00": "#F08A4B", "#009E73": "#2FC99B", "#767676": "#A0A7B0",
  "#1B1F24": "#E8EAED" };

let chosen = null; // "light" or "dark" once the reader has pressed the button
const isDark = () => (chosen ?? (system.matches ? "dark" : "light")) === "dark";

function look(dark, room) {
  const ink = dark ? "#E8EAED" : "#1B1F24", soft = dark ? "#A4ABB5" : "#565D66", line = dark ? "#343A43" : "#E4E6E9";
  const words = { labelFont: SANS, titleFont: SANS, labelColor: soft, titleColor: soft };
  return {
    background: null,
    font: SANS,
    padding: 4,
    view: { stroke: null },
    axis: { ...words, labelFontSize: 12, titleFontSize: 12.5, titleFontWeight: 500, titlePadding: 9, gridColor: line,
      domainColor: soft, tickColor: soft, tickSize: 4, labelOverlap: "greedy", labelPadding: 4 },
    axisY: { domain: false, ticks: false },
    axisX: { grid: false },
    legend: { ...words, labelColor: ink, labelFontSize: 13, columnPadding: 18, offset: 10, labelLimit: 220,
      ...(room < 440 ? { columns: 2 } : {}) },
    header: words,
    title: { color: ink, font: SANS },
    range: { heatmap: dark ? ["#1B1F25", "#E8EAED"] : ["#FFFFFF", "#1B1F24"] },
    text: { font: SANS },
  };
}

function dressed(key, dark, room) {
  let text = JSON.stringify(specs[key]);
  if (dark) for (const [from, to] of Object.entries(LIGHTER)) text = text.replaceAll(from, to);
  const spec = JSON.parse(text);
  const cell = spec.usermeta?.cell;
  if (cell) spec.columns = Math.max(1, Math.min(spec.columns, Math.floor((room + 20) / cell)));
  delete spec.usermeta;
  return spec;
}

function options(dark, room) {
  return { mode: "vega-lite", ast: true, actions: false, defaultStyle: false, renderer: "svg", config: look(dark, room),
    tooltip: { theme: dark ? "dark" : "light" } };
}

const inside = (box) => {
  const style = getComputedStyle(box);
  return box.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
};

async function draw(box) {
  const key = box.dataset.figure, dark = isDark(), room = inside(box);
  const height = box.offsetHeight;
  if (drawn.has(key)) box.style.minHeight = `${height}px`; // no jump while it is drawn again
  drawn.get(key)?.finalize();
  try {
    const spec = dressed(key, dark, room);
    box.dataset.columns = spec.columns ?? "";
    drawn.set(key, await vegaEmbed(box, spec, options(dark, room)));
    box.dataset.drawn = dark ? "dark" : "light";
  } catch (error) {
    console.error(error);
    box.innerHTML = '<p class="failed">This figure could not be drawn.</p>';
  }
  box.style.minHeight = "";
}

async function drawAll() {
  root.dataset.theme = isDark() ? "dark" : "light";
  button.setAttribute("aria-pressed", String(isDark()));
  document.getElementById("theme-word").textContent = isDark() ? "Light" : "Dark";
  root.dataset.drawn = "no";
  for (const box of document.querySelectorAll("[data-figure]")) await draw(box);
  root.dataset.drawn = "yes";
}

// A saved figure is dark on white and 720 pixels wide, whatever the page looks like: it goes into papers and slides.
async function save(key, kind) {
  const box = document.createElement("div");
  box.style.cssText = "position:fixed;left:-2000px;top:0;width:720px";
  document.body.append(box);
  const spec = dressed(key, false, 720);
  if (spec.width === "container") spec.width = 620;
  spec.background = "#FFFFFF";
  const { view, finalize } = await vegaEmbed(box, spec, options(false, 720));
  const link = document.createElement("a");
  link.href = await view.toImageURL(kind, kind === "png" ? 3 : 1);
  link.download = `zeroloss-${key}.${kind}`;
  link.click();
  finalize();
  box.remove();
  return link;
}

button.addEventListener("click", () => {
  chosen = isDark() ? "light" : "dark";
  drawAll();
});
system.addEventListener("change", () => chosen ?? drawAll());
for (const control of document.querySelectorAll("[data-save]")) {
  control.addEventListener("click", () => save(control.dataset.of, control.dataset.save));
}
let waiting = null;
window.addEventListener("resize", () => { // Vega follows the width by itself; pictures in rows need other rows
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    for (const box of document.querySelectorAll(".chart.tiles")) {
      const wanted = dressed(box.dataset.figure, false, inside(box)).columns;
      if (String(wanted) !== box.dataset.columns) draw(box);
    }
  }, 150);
});
// Paper is white and shows the evidence; figures drawn for dark paper keep it (page.css).
let before = null;
window.addEventListener("beforeprint", () => {
  before = { open: [...document.querySelectorAll("details:not([open])")] };
  before.open.forEach((item) => { item.open = true; });
  root.dataset.theme = "light";
});
window.addEventListener("afterprint", () => {
  before?.open.forEach((item) => { item.open = false; });
  root.dataset.theme = isDark() ? "dark" : "light";
});
drawAll();
