// Draws every plot of a page: `figure[data-plot]`, whose numbers, words and table are in the page already (parts/plot.html).
"use strict";

const plots = new Map(); // figure → its uPlot
let library; // the drawing library, once a page has something to draw

function load({ library: source, style }) {
  library ??= new Promise((resolve, reject) => {
    const sheet = Object.assign(document.createElement("link"), { rel: "stylesheet", href: style });
    const script = Object.assign(document.createElement("script"), { src: source, onload: resolve, onerror: reject });
    document.head.append(sheet, script);
  });
  return library;
}

function colour(figure, name) {
  figure.style.color = `var(${name})`;
  const found = getComputedStyle(figure).color;
  figure.style.color = "";
  return found;
}

const two = (number) => String(number).padStart(2, "0");
const place = (seconds) => `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(Math.floor(seconds) % 60)}`;

function moment(data, seconds, precise) {
  if (data.recording) return place(seconds);
  const { times } = data;
  const days = times[times.length - 1] - times[0] > 86400;
  const style = { hour: "2-digit", minute: "2-digit", hour12: false };
  if (days) Object.assign(style, { month: "short", day: "numeric" });
  if (precise) style.second = "2-digit";
  return new Date(seconds * 1000).toLocaleString([], style);
}

const said = (series, value) => (value == null ? "–" : `${value.toFixed(series.places)}${series.unit ? ` ${series.unit}` : ""}`);

// Signs that are told apart by their shape too: a cross for what failed, a triangle for what was interrupted.
function sign(shape) {
  return (u, index) => {
    const path = new Path2D();
    const size = 5 * devicePixelRatio;
    u.data[index].forEach((value, at) => {
      if (value == null) return;
      const x = u.valToPos(u.data[0][at], "x", true);
      const y = u.valToPos(value, u.series[index].scale, true);
      if (shape === "cross") {
        path.moveTo(x - size, y - size); path.lineTo(x + size, y + size);
        path.moveTo(x + size, y - size); path.lineTo(x - size, y + size);
      } else {
        path.moveTo(x, y - size); path.lineTo(x + size, y + size); path.lineTo(x - size, y + size); path.closePath();
      }
    });
    return { stroke: path, fill: shape === "triangle" ? path : undefined };
  };
}

const LOOKS = {
  line: () => ({ width: 2, points: { show: true, size: 6 }, spanGaps: true }),
  steps: () => ({ width: 2, paths: uPlot.paths.stepped({ align: 1 }), points: { show: true, size: 5 }, spanGaps: true }),
  area: () => ({ width: 1.6, paths: uPlot.paths.stepped({ align: 1 }), points: { show: false } }),
  bars: () => ({ width: 1, paths: uPlot.paths.bars({ size: [0.4, 8] }), points: { show: false } }),
  cross: () => ({ width: 2.4, paths: sign("cross"), points: { show: false } }),
  triangle: () => ({ width: 1, paths: sign("triangle"), points: { show: false } }),
};
const SIGNS = { cross: "--bad", triangle: "--warn" };

function draw(figure) {
  plots.get(figure)?.destroy();
  const data = JSON.parse(figure.dataset.plot);
  const canvas = figure.querySelector(".canvas");
  const ink = colour(figure, "--faint");
  const line = { stroke: colour(figure, "--line"), width: 1 };
  const hues = ["--accent", "--ok", "--warn", "--bad"];
  const units = [...new Set(data.series.map((one) => one.unit))];
  const axis = { stroke: ink, grid: line, ticks: line, font: "12px system-ui" };
  let hue = 0;
  const series = data.series.map((one) => {
    const stroke = colour(figure, one.shape === "bars" ? "--faint" : SIGNS[one.shape] ?? hues[hue++ % hues.length]);
    const fill = { bars: stroke, triangle: stroke, area: colour(figure, "--run-soft") }[one.shape];
    return { label: one.label, scale: one.unit, stroke, fill, dash: hue > hues.length ? [6, 4] : undefined, value: (_, value) => said(one, value), ...LOOKS[one.shape]() };
  });
  const options = {
    width: Math.max(240, canvas.clientWidth),
    height: data.height,
    padding: [8, units.length > 1 || data.recording ? 0 : 18, 0, 0],
    legend: { show: data.series.length > 1 || !data.recording },
    scales: Object.fromEntries([["x", { time: false, range: (_, first, last) => [first, last] }], ...units.map((unit) => [unit, { range: (_, __, most) => [0, (most || 1) * 1.1] }])]),
    axes: [
      { ...axis, space: data.recording ? 80 : 110, values: (_, ticks) => ticks.map((tick) => moment(data, tick)) },
      ...units.map((unit, at) => ({ ...axis, scale: unit, side: at ? 1 : 3, size: 42, label: unit, labelSize: 16, labelFont: "12px system-ui", grid: at ? { show: false } : line })),
    ],
    cursor: { drag: { x: false, y: false } },
    series: [{ label: data.recording ? "At" : "When", value: (_, tick) => (tick == null ? "–" : moment(data, tick, true)) }, ...series],
  };
  const drawn = new uPlot(options, [data.times, ...data.series.map((one) => one.values)], canvas);
  plots.set(figure, drawn);
  keys(figure, canvas, data, drawn);
}

// From value to value with the keyboard; each is said below the drawing.
function keys(figure, canvas, data, drawn) {
  let at = -1;
  canvas.tabIndex = 0;
  canvas.onkeydown = (event) => {
    const last = data.times.length - 1;
    const next = { ArrowLeft: Math.max(0, at < 0 ? last : at - 1), ArrowRight: Math.min(last, at + 1), Home: 0, End: last }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    at = next;
    drawn.setCursor({ left: drawn.valToPos(data.times[at], "x"), top: 10 });
    const values = data.series.filter((one) => one.values[at] != null).map((one) => `${one.label} ${said(one, one.values[at])}`);
    figure.querySelector(".readout").textContent = [moment(data, data.times[at], true), ...values].join(", ");
  };
}

async function drawAll(again) {
  for (const figure of plots.keys()) if (!figure.isConnected) plots.delete(figure);
  const figures = document.querySelectorAll("[data-plot]");
  if (!figures.length) return;
  try {
    await load(figures[0].dataset);
  } catch {
    return; // the table of values is there
  }
  for (const figure of figures) if (again || !plots.has(figure)) draw(figure);
}

let resized;
addEventListener("resize", () => {
  clearTimeout(resized);
  resized = setTimeout(() => drawAll(true), 200);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll(true));
document.addEventListener("theme", () => drawAll(true));
document.addEventListener("htmx:after:swap", () => drawAll(false));
drawAll(false);
