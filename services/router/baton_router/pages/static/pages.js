"use strict";
// Three things: clocks count, times stand in the reader's zone, and `news` from the server reaches htmx as an event.
(() => {
  let skew = 0; // the server's clock less this browser's, in milliseconds
  let looking = null; // the look that is under way: its answer may have been written before what is told now
  let missed = false; // something has changed while nobody looked

  const connection = () => document.getElementById("connection");
  const pause = () => document.getElementById("pause");
  const isPaused = () => pause()?.getAttribute("aria-pressed") === "true";

  function say(name) {
    const place = connection();
    if (!place || place.dataset.shown === name) return;
    place.dataset.shown = name;
    place.textContent = place.dataset[name] ?? "";
  }

  function length(ms) {
    const seconds = Math.floor(ms / 1000);
    const days = Math.floor(seconds / 86400);
    const hours = Math.floor(seconds / 3600) % 24;
    const minutes = Math.floor(seconds / 60) % 60;
    const two = (number) => String(number).padStart(2, "0");
    if (days) return `${days} d ${hours} h`;
    if (hours) return `${hours} h ${two(minutes)} min`;
    return `${minutes}:${two(seconds % 60)}`;
  }

  function count() {
    const now = Date.now() + skew;
    for (const time of document.querySelectorAll("time[data-due]")) {
      const due = Date.parse(time.dateTime);
      const left = due - now;
      const text = left < 0 ? `${length(-left)} late` : length(left);
      if (time.textContent !== text) time.textContent = text;
      const soon = left < (due - Date.parse(time.dataset.start)) / 5;
      const urgency = left < 0 ? "late" : soon ? "soon" : "running";
      const shown = time.parentElement.classList;
      if (!shown.contains(urgency)) {
        shown.remove("late", "soon", "running");
        shown.add(urgency);
      }
    }
  }

  function localise() {
    const today = new Date().toDateString();
    for (const time of document.querySelectorAll("time[data-moment]:not([title])")) {
      const at = new Date(time.dateTime);
      const day = at.toDateString() === today ? {} : { month: "short", day: "numeric" };
      time.title = time.textContent;
      time.textContent = at.toLocaleString(undefined, { ...day, hour: "2-digit", minute: "2-digit", second: "2-digit" });
    }
  }

  function settle() {
    const told = document.querySelector("[data-now]")?.dataset.now;
    if (told) skew = Date.parse(told) - Date.now();
    localise();
    count();
  }

  function news() {
    missed = document.hidden || isPaused() || looking !== null;
    if (!missed) document.body.dispatchEvent(new CustomEvent("news"));
  }

  function connect() {
    const source = new EventSource(document.body.dataset.stream);
    source.addEventListener("open", () => {
      say(isPaused() ? "paused" : "on");
      news(); // what was told before the stream was open
    });
    source.addEventListener("error", () => {
      say("off");
      if (source.readyState === EventSource.CLOSED) setTimeout(connect, 5000);
    });
    source.addEventListener("news", news);
    addEventListener("pagehide", () => source.close(), { once: true });
  }

  // What was opened stays open when the page looks again.
  const opened = () => [...document.querySelectorAll("details[open]")].map((each) => each.dataset.step);
  let kept = [];
  const ended = (look) => { if (looking === look) looking = null; };
  document.addEventListener("htmx:beforeRequest", (event) => { looking = event.detail.xhr; });
  document.addEventListener("htmx:afterRequest", (event) => { if (!event.detail.successful) ended(event.detail.xhr); });
  document.addEventListener("htmx:beforeSwap", () => { kept = opened(); });
  document.addEventListener("htmx:afterSettle", (event) => {
    for (const each of document.querySelectorAll("details")) if (kept.includes(each.dataset.step)) each.open = true;
    settle();
    ended(event.detail.xhr);
    if (missed) news();
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && missed) news(); });
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  pause()?.removeAttribute("hidden");
  pause()?.addEventListener("click", () => {
    const paused = !isPaused();
    pause().setAttribute("aria-pressed", String(paused));
    pause().textContent = paused ? "Go on" : "Pause";
    say(paused ? "paused" : "on");
    if (!paused && missed) news();
  });

  settle();
  setInterval(count, 1000);
  if (document.querySelector("[hx-trigger^=news]")) connect();
})();
