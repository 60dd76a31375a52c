// What the pages need beyond htmx: live updates, notes, copying, the theme, plots. Nothing here is needed to use a page.
"use strict";

// -- live: the server says what has changed, and parts of the page ask again ------------------------------------------

const TOPICS = ["workers", "jobs", "activity", "sources", "channels", "settings", "slots", "checks", "recordings"];

function changed(topic) {
  document.body.dispatchEvent(new CustomEvent(`live:${topic}`, { bubbles: true }));
}

let lost = false; // whether the server is out of reach

function listen() {
  const offline = document.getElementById("offline");
  const events = new EventSource("/api/v1/events");
  for (const topic of TOPICS) events.addEventListener(topic, () => changed(topic));
  events.addEventListener("open", () => {
    const again = lost;
    lost = false;
    offline.hidden = true;
    document.body.classList.remove("is-offline");
    if (again) TOPICS.forEach(changed); // what happened meanwhile was not told
  });
  events.addEventListener("error", () => {
    lost = true;
    offline.hidden = false;
    document.body.classList.add("is-offline");
    if (events.readyState === EventSource.CLOSED) {
      setTimeout(listen, 5000); // an answer that is no stream, for example while a proxy restarts
    }
  });
  window.addEventListener("pagehide", () => events.close());
}

// Asking again is pointless while nobody looks, and wrong while somebody types in the part that would be replaced.
document.addEventListener("htmx:before:request", (event) => {
  const part = event.detail.ctx.sourceElement;
  if (!part.hasAttribute("data-live")) return;
  const typing = part.contains(document.activeElement)
    && document.activeElement.matches("input, textarea, select")
    && !document.activeElement.closest("[hx-morph-skip]");
  if (lost || document.hidden || typing) event.preventDefault();
});

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) TOPICS.forEach(changed);
});

// A live update keeps what a person has opened or closed.
htmx.registerExtension("keep-open", {
  htmx_before_morph_attr: (element, detail) => !(detail.attrName === "open" && element.tagName === "DETAILS"),
});

for (const element of document.querySelectorAll("[data-show-on]")) {
  document.addEventListener(element.dataset.showOn, () => { element.hidden = false; });
}

// -- notes -------------------------------------------------------------------------------------------------------------

function note(text, bad = false) {
  const element = document.createElement("p");
  element.className = bad ? "note is-bad" : "note";
  element.textContent = text;
  document.getElementById("notes").append(element);
  setTimeout(() => element.remove(), bad ? 10000 : 4000);
}

document.addEventListener("said", (event) => note(event.detail.text));

document.addEventListener("htmx:response:error", (event) => {
  const { response, text, sourceElement } = event.detail.ctx;
  if (response.status === 401) return location.reload();
  if (response.status === 422 && !text.startsWith("{")) return; // a form that says itself what is wrong
  if (sourceElement.hasAttribute("data-live")) return; // it asks again by itself
  let sentence = `The server answered ${response.status}.`;
  try {
    const { detail } = JSON.parse(text);
    sentence = `${detail[0].toUpperCase()}${detail.slice(1)}.`;
  } catch {
    // no problem JSON
  }
  note(sentence, true);
});

document.addEventListener("htmx:error", (event) => {
  const source = event.detail.ctx?.sourceElement;
  if (source && !source.hasAttribute("data-live")) note("Nightcrew does not answer. Try again in a moment.", true);
});

// -- copying, shortcuts, closing ---------------------------------------------------------------------------------------

async function copy(text) {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea"); // plain http on a home network has no clipboard interface
  area.value = text;
  document.body.append(area);
  area.select();
  const worked = document.execCommand("copy");
  area.remove();
  if (!worked) throw new Error("not copied");
}

document.addEventListener("click", (event) => {
  const copied = event.target.closest("[data-copy]");
  if (copied) {
    copy(copied.dataset.copy).then(
      () => note("Copied."),
      () => note("The browser does not allow copying. Select the address instead.", true),
    );
  }
  const closed = event.target.closest("[data-close]");
  if (closed) {
    const panel = closed.closest(closed.dataset.close);
    event.preventDefault();
    panel.replaceChildren();
  }
});

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, textarea, select, [contenteditable]");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const search = document.querySelector("input[type=search]");
    if (search) {
      event.preventDefault();
      search.focus();
      search.select();
    }
  }
});

// Pictures that cannot be loaded leave an empty place instead of a broken sign.
document.addEventListener("error", (event) => {
  if (event.target.matches?.("img.logo, img.thumb")) event.target.classList.add("missing");
}, true);

// -- theme -------------------------------------------------------------------------------------------------------------

const THEMES = { "": "Theme: system", light: "Theme: light", dark: "Theme: dark" };

function theme() {
  const button = document.getElementById("theme");
  const root = document.documentElement;
  const show = () => { button.textContent = THEMES[root.dataset.theme ?? ""]; };
  button.hidden = false;
  show();
  button.addEventListener("click", () => {
    const names = Object.keys(THEMES);
    const next = names[(names.indexOf(root.dataset.theme ?? "") + 1) % names.length];
    if (next) root.dataset.theme = next;
    else delete root.dataset.theme;
    try {
      localStorage.setItem("theme", next);
    } catch {
      // it lasts as long as the page then
    }
    show();
    redraw();
  });
}

// -- plots -------------------------------------------------------------------------------------------------------------

const plots = new Map(); // element → drawing

function colour(element, name) {
  element.style.color = `var(${name})`;
  const found = getComputedStyle(element).color;
  element.style.color = "";
  return found;
}

function series(items) {
  const feeds = [...new Set(items.map((item) => item.feed_id))];
  const times = items.map((item) => Date.parse(item.started_at) / 1000);
  const label = (id) => items.find((item) => item.feed_id === id).region || "guide";
  const channels = feeds.map((id) => items.map((item) => (item.feed_id === id ? item.channels : null)));
  return { labels: feeds.map(label), data: [times, items.map((item) => item.seconds), ...channels] };
}

function draw(element, items) {
  plots.get(element)?.destroy();
  const ink = colour(element, "--faint");
  const line = { stroke: colour(element, "--line"), width: 1 };
  const hues = ["--accent", "--ok", "--warn", "--bad"].map((name) => colour(element, name));
  const { labels, data } = series(items);
  const times = data[0];
  const days = times[times.length - 1] - times[0] > 86400;
  const shown = days ? { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" } : { hour: "2-digit", minute: "2-digit" };
  const when = (seconds, style) => new Date(seconds * 1000).toLocaleString([], { ...style, hour12: false });
  const axis = { stroke: ink, grid: line, ticks: line, font: "12px system-ui" };
  const options = {
    width: Math.max(280, element.clientWidth),
    height: 220,
    scales: { seconds: { range: (_, __, most) => [0, (most || 1) * 1.1] }, channels: { range: (_, __, most) => [0, (most || 1) * 1.1] } },
    axes: [{ ...axis, space: days ? 130 : 70, values: (_, ticks) => ticks.map((tick) => when(tick, shown)) }, { ...axis, scale: "channels", size: 64 }, { ...axis, scale: "seconds", side: 1, size: 58, grid: { show: false }, values: (_, ticks) => ticks.map((tick) => `${tick} s`) }],
    series: [
      { label: "Began", value: (_, tick) => (tick ? when(tick, { ...shown, second: "2-digit" }) : "–") },
      { label: "Seconds", scale: "seconds", stroke: ink, fill: ink, width: 1, paths: uPlot.paths.bars({ size: [0.4, 8] }), points: { show: false } },
      ...labels.map((label, index) => ({
        label: label === "guide" ? "Programmes" : `Channels ${label}`,
        scale: "channels",
        stroke: hues[index % hues.length],
        width: 2,
        dash: index >= hues.length ? [6, 4] : undefined,
        spanGaps: true,
        paths: uPlot.paths.stepped({ align: 1 }),
        points: { show: true, size: 5 },
      })),
    ],
  };
  plots.set(element, new uPlot(options, data, element));
}

async function plot(element) {
  if (plots.has(element) || typeof uPlot === "undefined") return;
  plots.set(element, null);
  try {
    const answer = await fetch(element.dataset.plot, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(answer.status);
    const items = (await answer.json()).items.filter((item) => item.ended_at).reverse();
    const own = items.filter((item) => item.region); // a list's own guide counts programmes, not channels
    element.items = own.length ? own : items;
  } catch {
    element.textContent = "The history cannot be read now.";
    return;
  }
  if (element.items.length < 2) {
    element.textContent = "There are too few runs for a plot yet.";
    return;
  }
  draw(element, element.items);
}

function redraw() {
  for (const [element, drawing] of plots) {
    if (!element.isConnected) plots.delete(element);
    else if (drawing) draw(element, element.items);
  }
}

htmx.onLoad((added) => {
  if (!added.querySelectorAll) return;
  if (added.matches?.("[data-plot]")) plot(added);
  added.querySelectorAll("[data-plot]").forEach(plot);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
let resized;
window.addEventListener("resize", () => {
  clearTimeout(resized);
  resized = setTimeout(redraw, 200);
});

theme();
if (document.querySelector(".top nav")) listen(); // the login page has nothing to listen to

