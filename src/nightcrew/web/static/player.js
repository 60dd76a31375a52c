// Plays a recording of which there is no finished file yet: its parts as HLS, through hls.js or the browser itself.
"use strict";

const started = new WeakSet();

function play(box, from) {
  const video = box.querySelector("video");
  const told = box.querySelector(".error");
  box.querySelector(".buttons").hidden = true;
  told.hidden = true;
  video.controls = true;
  const finished = () => {
    // it was finished meanwhile, and its parts are gone
    const at = video.currentTime;
    video.src = box.dataset.file;
    video.addEventListener("loadedmetadata", () => { video.currentTime = at; }, { once: true });
    video.addEventListener("error", () => {
      told.textContent = "It cannot be played now.";
      told.hidden = false;
      box.querySelector(".buttons").hidden = false;
    }, { once: true });
    start(video);
  };
  if (typeof Hls === "undefined" || !Hls.isSupported()) {
    video.src = box.dataset.player;
    video.addEventListener("error", finished, { once: true });
    start(video);
    return;
  }
  // without a worker the policy needs no exception for scripts that are blobs
  const hls = new Hls({ enableWorker: false, startPosition: from === "start" ? 0 : -1 });
  let mended = 0;
  hls.on(Hls.Events.ERROR, (_, error) => {
    if (!error.fatal) return;
    if (error.type === Hls.ErrorTypes.MEDIA_ERROR && mended < 3) {
      mended += 1;
      hls.recoverMediaError();
      return;
    }
    hls.destroy();
    finished();
  });
  hls.on(Hls.Events.MANIFEST_PARSED, () => start(video));
  hls.loadSource(box.dataset.player);
  hls.attachMedia(video);
}

function start(video) {
  video.play().catch(() => {}); // a browser that wants another click has the controls for it
}

function prepare(box) {
  if (started.has(box)) return;
  started.add(box);
  const video = box.querySelector("video");
  video.removeAttribute("src");
  video.load();
  video.controls = false;
  box.querySelector(".buttons").hidden = false;
  for (const button of box.querySelectorAll("[data-from]")) {
    button.addEventListener("click", () => play(box, button.dataset.from));
  }
}

document.querySelectorAll("[data-player]").forEach(prepare);
htmx.onLoad((added) => { // it comes later on the page of a recording that waits
  if (added.matches?.("[data-player]")) prepare(added);
  added.querySelectorAll?.("[data-player]").forEach(prepare);
});
