// The page of an outlet while it is open: ages every second, and its parts anew when something changed.

import { set } from "./dom.js";
import { Feed } from "./feed.js";
import { beat, tellFeed } from "./feed_told.js";
import { Words } from "./words.js";

const AT_MOST_EVERY_MS = 3_000;
const AT_LEAST_EVERY_MS = 60_000;

const part = (id) => document.getElementById(id);
const dataOf = (page) => JSON.parse(page.getElementById("data").textContent);
const { site, outlet, version, layout, zone, texts, now_ms, day } = dataOf(document);
const words = new Words(texts, zone);
const state = { heardAtMs: now_ms, started: false };
let aheadMs = now_ms - Date.now(); // how much the server's clock is ahead of this one
let said = part("now").dataset.state; // what the feed last said of the outlet; at first what the page shows
let asking = false;
let askedMs = performance.now();
let wanted = false;

// What the feed says

const feed = new Feed(`/api/v1/live/stream?site=${encodeURIComponent(site)}`, {
  event(kind, data) {
    if (kind === "heartbeat") {
      hear(data.at);
      beat();
    } else if (kind === "snapshot") take(data);
    else if (kind === "occupancy" && data.outlet === outlet) follow(data);
    // An alert of a duty, a device or the site may concern this outlet: the server knows.
    else if (kind === "alert" && (data.outlet ?? outlet) === outlet) wanted = true;
  },
  refused(status) {
    if (status === 401 || status === 404) location.reload();
  },
  change: () => tellFeed(feed, state, words),
});

function hear(at) {
  state.heardAtMs = Date.parse(at);
  aheadMs = state.heardAtMs - Date.now();
}

function take(snapshot) {
  hear(snapshot.at);
  if (snapshot.layouts[site] !== layout) location.reload();
  // After a silence everything may have changed, and an absence may be declared since the page was made.
  if (state.started || snapshot.sites[site] !== version) wanted = true;
  state.started = true;
  const now = snapshot.outlets.find((one) => one.outlet === outlet);
  if (now) follow(now);
}

function follow({ status, since, until, reason, zones }) {
  const seen = zones.staff?.seen;
  if (seen) document.querySelector("[data-seen]").dataset.seen = Date.parse(seen);
  const states = Object.entries(zones).map(([name, { state: its }]) => [name, its]);
  const saying = JSON.stringify([status, since, until, reason, states]);
  if (said !== saying && said !== status) wanted = true;
  said = saying;
}

// The parts of the page

async function look() {
  if (asking) return;
  asking = true;
  wanted = false;
  askedMs = performance.now();
  try {
    const here = new URL(location.href);
    here.searchParams.delete("readings"); // the plots fetch them by themselves
    here.searchParams.delete("at");
    const answer = await fetch(here, { headers: { Accept: "text/html" }, cache: "no-store" });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = dataOf(page);
    if (fresh.day !== day) {
      location.reload(); // midnight is over
      return;
    }
    const before = part("now").dataset.state;
    for (const node of document.querySelectorAll("[data-live]")) renew(node, page.getElementById(node.id));
    if (part("now").dataset.state !== before) set(part("announce"), part("now").querySelector(".word").textContent);
    document.dispatchEvent(new CustomEvent("renewed", { detail: fresh }));
  } catch {
    // The line is down: the feed tells it.
  } finally {
    asking = false;
  }
}

// Where somebody is busy nothing moves; what is unfolded stays so.
function renew(node, found) {
  if (found === null || node.contains(document.activeElement) || node.isEqualNode(found)) return;
  const fresh = document.importNode(found, true);
  const unfolded = [...node.querySelectorAll("details")].map((one) => one.open);
  fresh.querySelectorAll("details").forEach((one, place) => { one.open = unfolded[place] ?? one.open; });
  node.replaceWith(fresh);
}

function age() {
  const nowMs = Date.now() + aheadMs;
  const since = document.querySelector("[data-since]");
  const seen = document.querySelector("[data-seen]");
  if (since) set(since, words.span(nowMs - Number(since.dataset.since)));
  if (Number(seen.dataset.seen)) set(seen, words.text("tile.age", { age: words.span(nowMs - Number(seen.dataset.seen)) }));
}

function tick() {
  feed.check();
  tellFeed(feed, state, words);
  if (state.started && !feed.dead) {
    const pause = performance.now() - askedMs;
    if ((wanted && pause > AT_MOST_EVERY_MS) || (pause > AT_LEAST_EVERY_MS && !document.hidden)) look();
    age();
  }
  set(document.querySelector(".clock time"), words.clockS(Date.now() + aheadMs));
  setTimeout(tick, 1000 - ((Date.now() + aheadMs) % 1000));
}

part("dead").querySelector("button").addEventListener("click", () => feed.connect());
feed.connect();
tick();
