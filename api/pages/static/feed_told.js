// Tells whether the feed lives: the line on top of the page, and the banner once it is dead.

import { set } from "./dom.js";

const BEAT_MS = 600;

// The dot beats when a heartbeat came, and only then: one that beats by itself would tell nothing.
export function beat() {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const rings = ["0 0 0 0 var(--present-tint)", "0 0 0 5px var(--present-tint)", "0 0 0 0 var(--present-tint)"];
  document.getElementById("feed").animate({ boxShadow: rings }, { duration: BEAT_MS, pseudoElement: "::before" });
}

// `state`: when the feed was last heard, by the server's clock, and whether it has begun to tell.
export function tellFeed(feed, { heardAtMs, started }, words) {
  const { dead } = feed;
  const root = document.documentElement;
  const banner = document.getElementById("dead");
  const line = document.getElementById("feed");
  if (!dead && root.classList.contains("dead")) root.classList.remove("dead");
  banner.hidden = !dead;
  if (dead) {
    root.classList.add("dead");
    const at = words.clockS(heardAtMs);
    set(banner.querySelector("strong"), words.text("dead.head", { at }));
    const next = feed.retryMs === null
      ? words.text("dead.trying")
      : words.text("dead.retry", { span: words.span(feed.retryMs - performance.now() + 999) });
    set(banner.querySelector("small"), `${words.text("dead.body", { span: words.span(feed.silentMs) })} ${next}`);
    set(line.querySelector(".if-dead"), words.text("feed.dead", { at }));
  }
  if (started) {
    line.classList.remove("still");
    const live = line.querySelector(".if-live");
    if (!live.firstElementChild?.matches("[aria-hidden]")) {
      const age = document.createElement("span");
      age.setAttribute("aria-hidden", "true"); // a screen reader need not hear it every second
      live.replaceChildren(words.text("feed.live"), age);
    }
    set(live.firstElementChild, words.text("feed.age", { age: words.span(feed.silentMs) }));
  }
}
