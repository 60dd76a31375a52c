// What the pages need beyond htmx: live updates, notes, copying, the theme. Nothing here is needed to use a page.
"use strict";

// -- live: the server says what has changed, and parts of the page ask again ------------------------------------------

const TOPICS = document.body.dataset.topics.split(" ");

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
  const notes = document.getElementById("notes");
  notes.append(element);
  if (notes.matches(":popover-open")) notes.hidePopover();
  notes.showPopover?.(); // above a dialog that is open
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

// -- the dialog: what would happen, before it does ---------------------------------------------------------------------

const dialog = document.getElementById("dialog");

document.addEventListener("htmx:after:swap", () => {
  if (dialog.childElementCount && !dialog.open) {
    dialog.setAttribute("aria-label", dialog.firstElementChild.getAttribute("aria-label") ?? "Confirm");
    dialog.showModal();
  }
});

// It is emptied before it is closed: its event comes later, and a live update meanwhile would open it again.
function shut() {
  dialog.replaceChildren();
  dialog.close();
}

dialog.addEventListener("cancel", () => dialog.replaceChildren());
dialog.addEventListener("click", (event) => { if (event.target === dialog) shut(); });
document.addEventListener("htmx:finally:request", (event) => {
  const { sourceElement, request } = event.detail.ctx;
  if (sourceElement.closest?.("#dialog") && request?.method !== "GET") shut();
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
    if (!panel) return; // a page of its own: the link leads back
    event.preventDefault();
    if (panel === dialog) shut();
    else panel.replaceChildren();
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
  if (event.target.matches?.("img.logo, img.thumb, img.poster")) event.target.classList.add("missing");
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
    document.dispatchEvent(new Event("theme"));
  });
}

theme();
if (document.querySelector(".top nav")) listen(); // the login page has nothing to listen to

