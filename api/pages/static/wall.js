// Keeps a wall screen up to date: tiles, sums and rail by the feed, a floor after the other, and no state that is old.

import { fill, onceAFrame, set, setAttribute, setIcon } from "./dom.js";
import { Feed } from "./feed.js";
import { beat } from "./feed_told.js";
import * as floor from "./floor.js";
import { LiveState } from "./live_state.js";
import * as rail from "./rail.js";
import { Tile } from "./tile.js";
import { Words } from "./words.js";

const LOST_MS = 90_000; // silence after which not even the last state is shown

const plan = JSON.parse(document.getElementById("data").textContent);
const words = new Words(plan.texts, plan.zone);
const part = (id) => document.getElementById(id);
const tiles = Tile.all();
const screens = [...document.querySelectorAll(".w-grid")];
const root = document.documentElement;

const state = new LiveState(plan);
const renderSoon = onceAFrame(render);
const feed = new Feed(`/api/v1/live/stream?site=${encodeURIComponent(plan.site)}`, {
  event(kind, data) {
    state.take(kind, data);
    if (kind === "heartbeat") beat();
    else renderSoon();
  },
  refused(status) {
    if (status === 401 || status === 404) location.reload();
  },
  change: renderFeed,
});

const isLost = () => feed.silentMs > LOST_MS;

function render() {
  if (!state.started && !isLost()) return;
  if (feed.dead && !isLost()) return;
  const nowMs = state.now;
  const occupancies = isLost() ? unknown() : state.occupancies;
  const alerts = isLost() ? [] : [...state.alerts.values()];
  const shown = [...occupancies.values()];
  const concerned = floor.standing(alerts, plan);
  for (const [outlet, tile] of tiles) {
    const occupancy = occupancies.get(outlet);
    if (!occupancy) continue;
    const now = floor.tile(plan.outlets[outlet], occupancy, concerned.get(outlet) ?? [], nowMs, words);
    tile.render(now, rail.age(occupancy, nowMs, words));
  }
  const found = floor.sums(floor.counted(shown, plan, nowMs), concerned);
  for (const sum of part("sums").children) {
    const { show } = sum.dataset;
    const known = !isLost() || show === "unknown";
    set(sum.querySelector("b"), known ? rail.figure(show, found, plan, words) : "–");
  }
  renderRail(alerts, occupancies, nowMs);
  const warning = isLost() ? null : floor.warning(alerts, state.distrust, state.unwatched, shown, words);
  part("warning").hidden = warning === null;
  set(part("warning").querySelector("strong"), warning?.[0] ?? "");
  set(part("warning").querySelector("p span"), warning?.[1] ?? "");
}

// What was last heard is too old to be called a state, open or closed.
function unknown() {
  const since = new Date(state.heardAtMs).toISOString();
  return new Map([...tiles.keys()].map((outlet) => [outlet, {
    ...(state.occupancies.get(outlet) ?? { outlet, zones: {} }), status: "unknown", since, until: null, reason: null, at: since,
  }]));
}

function renderRail(alerts, occupancies, nowMs) {
  const shown = rail.rail(alerts, occupancies, plan, nowMs, words);
  set(part("rail-title"), isLost() ? words.text("wall.lost") : shown.title);
  fill(part("rail"), shown.items, part("t-item"), (item) => item.key, (node, item) => {
    setAttribute(node, "data-state", item.state);
    setAttribute(node, "class", item.css);
    const number = node.querySelector("b");
    set(number, item.number);
    number.classList.toggle("long", item.number.length > 2);
    set(node.querySelector(".where"), item.who);
    set(node.querySelector(".what"), item.what);
    set(node.querySelector("i"), item.duration);
    setIcon(node.querySelector(".told .i"), item.icon);
    set(node.querySelector(".told > span"), item.told);
  });
  const more = isLost() ? words.text("wall.lost.body") : shown.more;
  part("rail-more").hidden = more === "";
  set(part("rail-more"), more);
  const { lines } = floor.lines(isLost() ? [] : state.changes, alerts, plan, nowMs, words, shown.lines);
  fill(part("log"), lines, part("t-line"), (line) => `${line.atMs} ${line.where} ${line.word}`, (node, line) => {
    setAttribute(node, "data-state", line.state);
    set(node.querySelector("time"), line.at);
    setIcon(node.querySelector(".i"), line.icon);
    set(node.querySelector("span"), `${line.where}: ${line.word.toLowerCase()}`);
  });
  part("recent").hidden = lines.length === 0;
}

function renderFeed() {
  const { dead } = feed;
  root.classList.toggle("dead", dead && !isLost());
  root.classList.toggle("lost", isLost());
  part("dead").hidden = !dead;
  if (dead) {
    const at = words.clockS(state.heardAtMs);
    set(part("dead").querySelector("strong"), words.text("dead.head", { at }));
    const said = isLost() ? words.text("wall.lost.body") : words.text("dead.body", { span: words.span(feed.silentMs) });
    set(part("dead").querySelector("small"), said);
    set(document.querySelector("#feed .if-dead"), words.text("feed.dead", { at }));
  }
  if (state.started) {
    part("feed").classList.remove("still");
    const age = words.text("feed.age", { age: words.span(feed.silentMs) });
    set(document.querySelector("#feed .if-live"), `${words.text("feed.live")}${age}`);
  }
}

function turn() {
  const seen = rail.screenAt(state.now, screens.length);
  screens.forEach((screen, place) => { screen.hidden = place !== seen; });
  set(part("screen-name"), screens[seen].dataset.name);
}

function tick() {
  feed.check();
  renderFeed();
  render();
  turn();
  const { now } = state;
  const time = part("clock").querySelector("time");
  set(time, words.clock(now));
  setAttribute(time, "datetime", new Date(now).toISOString());
  set(part("clock").querySelector("small span"), words.date(now));
  setTimeout(tick, 1000 - (now % 1000));
}

// A browser gives the whole screen to a page only when somebody asks for it.
document.addEventListener("dblclick", () => root.requestFullscreen?.().catch(() => {}));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !document.fullscreenElement) location.assign(document.querySelector(".skip").href);
});

feed.connect();
tick();
