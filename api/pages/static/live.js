// Keeps the live floor up to date while it is open: events into tiles, ages every second, filters, the dead banner.

import { fill, onceAFrame, set, setAttribute, setIcon } from "./dom.js";
import { Feed } from "./feed.js";
import { beat, tellFeed } from "./feed_told.js";
import * as floor from "./floor.js";
import { LiveState } from "./live_state.js";
import { Tile } from "./tile.js";
import { Words } from "./words.js";

const NEW_MS = 2_000;
const SVG = "http://www.w3.org/2000/svg";

const plan = JSON.parse(document.getElementById("data").textContent);
const words = new Words(plan.texts, plan.zone);
const part = (id) => document.getElementById(id);
const tiles = Tile.all();
const marks = new Map([...document.querySelectorAll(".mark")].map((mark) => [mark.dataset.outlet, mark]));
let counts = new Map(); // outlet -> status as the sums count it
let concerned = new Map(); // outlet -> its standing alerts
const news = new Set(); // outlets of which the feed has told since the page was rendered
let show = new URLSearchParams(location.search).get("show") ?? "all";

// Events

const state = new LiveState(plan, {
  changed(outlet) {
    for (const node of [tiles.get(outlet)?.node, marks.get(outlet)]) if (node) ring(node);
  },
  fired(alert) {
    const what = words.text(`kind.${alert.kind}`);
    set(part("announce"), words.text("alert.new", { what, where: floor.subjectOf(alert, plan).label }));
  },
  answering(page) {
    for (const [outlet, { node }] of tiles) renewCall(node, page.getElementById(`o-${outlet}`)?.querySelector(".call"));
    render();
  },
});

// Of an occupancy only its tile is rendered: hundreds may come within a second, and at 500 tiles all of them cost 6 ms.
const renderSoon = onceAFrame(() => render(news));

const feed = new Feed(`/api/v1/live/stream?site=${encodeURIComponent(plan.site)}`, {
  event(kind, data) {
    state.take(kind, data);
    if (kind === "heartbeat") {
      beat();
      return;
    }
    for (const outlet of kind === "occupancy" ? [data.outlet] : tiles.keys()) news.add(outlet);
    renderSoon();
  },
  refused(status) {
    if (status === 401 || status === 404) location.reload();
  },
  change: renderFeed,
});

function renewCall(tile, found) {
  const call = tile.querySelector(".call");
  if (!found) call?.remove();
  else if (call) call.replaceWith(document.importNode(found, true));
  else tile.append(document.importNode(found, true));
}

function ring(node) {
  node.classList.add("is-new");
  setTimeout(() => node.classList.remove("is-new"), NEW_MS);
}

// What is seen

// `outlets`: whose tiles are rendered; the site as a whole always is.
function render(outlets = tiles.keys()) {
  if (!state.started || feed.dead) return;
  const nowMs = state.now;
  concerned = floor.standing([...state.alerts.values()], plan);
  for (const outlet of outlets) renderOutlet(outlet, nowMs);
  news.clear();
  renderSite(nowMs);
}

function renderOutlet(outlet, nowMs) {
  const [tile, occupancy] = [tiles.get(outlet), state.occupancies.get(outlet)];
  if (!tile || !occupancy) return;
  const shown = floor.tile(plan.outlets[outlet], occupancy, concerned.get(outlet) ?? [], nowMs, words);
  tile.render(shown);
  tile.node.querySelector(".call")?.toggleAttribute("hidden", !floor.EMPTY.includes(shown.status));
  if (marks.has(outlet)) renderMark(marks.get(outlet), outlet, shown);
}

function renderSite(nowMs) {
  const all = [...state.occupancies.values()];
  const known = [...state.alerts.values()];
  const shown = floor.counted(all, plan, nowMs);
  const found = floor.sums(shown, concerned);
  counts = new Map(shown.map((one) => [one.outlet, one.status]));
  for (const link of part("sums").children) {
    set(link.querySelector(".n"), floor.figure(link.dataset.show, found, plan, words));
  }
  for (const node of document.querySelectorAll("[data-sum]")) {
    set(node, floor.figure(node.dataset.sum, found, plan, words));
  }
  document.querySelectorAll("#floors > .floor .staffed").forEach((node, place) => {
    set(node, floor.staffedInWords(plan.floors[place].map((outlet) => counts.get(outlet)), words));
  });
  renderSeats(shown, found);
  renderAlerts(known, found, shown, nowMs);
  renderLines(floor.lines(state.changes, known, plan, nowMs, words, floor.LOG_LENGTH));
  const warning = floor.warning(known, state.distrust, state.unwatched, all, words);
  part("warning").hidden = warning === null;
  set(part("warning").querySelector("strong"), warning?.[0] ?? "");
  set(part("warning").querySelector("p"), warning?.[1] ?? "");
  set(part("hours"), floor.hoursSentence(plan.spans, nowMs, words));
  // Nothing moves under the pointer: what a filter shows follows when the pointer has left.
  if (!part("floors").matches(":hover")) filter();
}

function renderMark(mark, outlet, shown) {
  setAttribute(mark, "data-state", shown.status);
  setAttribute(mark, "data-alert", shown.phase || null);
  setAttribute(mark.querySelector("use"), "href", `#st-${shown.status}`);
  set(mark.querySelector("title"), `${plan.subjects[`outlet/${outlet}`].label}: ${shown.word} ${shown.duration}`.trimEnd());
}

function renderSeats(shown, found) {
  const svg = part("seats");
  const label = floor.seatsInWords(found, words);
  const seats = floor.seats(shown);
  const drawn = [...svg.children].map((rect) => rect.getAttribute("height")).join();
  if (svg.getAttribute("aria-label") === label && drawn === seats.map((one) => String(one.height)).join()) return;
  svg.setAttribute("aria-label", label);
  svg.replaceChildren(...seats.map((seat) => {
    const rect = document.createElementNS(SVG, "rect");
    for (const [name, value] of Object.entries(seat)) rect.setAttribute(name, value);
    return rect;
  }));
}

function renderAlerts(known, found, shown, nowMs) {
  const list = part("alerts");
  const cards = floor.cards(known, state.occupancies, plan, nowMs, words);
  fill(list, cards, part("t-alert"), (card) => card.id, (item, card) => {
    item.dataset.alertId = card.id;
    setAttribute(item, "data-state", card.state);
    setAttribute(item, "data-life", card.life);
    setIcon(item.querySelector(".i"), card.icon);
    set(item.querySelector(".what"), card.what);
    link(item.querySelector(".where"), card);
    set(item.querySelector(".dur span"), card.duration);
    set(item.querySelector(".dur small"), card.since);
    set(item.querySelector(".told"), card.told);
    const call = item.querySelector(".call");
    call.hidden = card.tel === "";
    setAttribute(call, "href", card.tel || null);
    set(call.querySelector("span"), card.call);
    const answer = item.querySelector(".answer");
    answer.hidden = card.answer === "";
    setAttribute(answer, "href", card.answer || null);
    set(answer.querySelector(".sr"), `: ${card.where}`);
    call.parentElement.hidden = answer.hidden && call.hidden;
  });
  list.hidden = cards.length === 0;
  set(part("alerts-n"), cards.length ? words.number(cards.length) : "");
  const unanswered = cards.filter((card) => card.life === "firing").length;
  set(part("alerts-open"), unanswered ? words.text("alerts.open", { n: unanswered }) : "");
  part("calm").hidden = cards.length !== 0;
  set(part("calm").querySelector("p"), floor.calm(found, shown, nowMs, words));
}

function renderLines({ lines, more }) {
  part("log-more").hidden = more === 0;
  set(part("log-more"), more ? words.text("log.more", { n: more }) : "");
  fill(part("log"), lines, part("t-line"), (line) => `${line.atMs} ${line.where} ${line.word}`, (item, line) => {
    setAttribute(item, "data-state", line.state);
    set(item.querySelector("time"), line.at);
    link(item.querySelector(".where"), line);
    setIcon(item.querySelector(".to .i"), line.icon);
    set(item.querySelector(".word"), line.word);
    set(item.querySelector(".more"), line.more);
  });
  part("log-none").hidden = lines.length !== 0;
}

function link(anchor, { href, where }) {
  setAttribute(anchor, "href", href || null);
  set(anchor, where);
}

// Filters

const tools = part("tools");
const query = tools.elements.q;

function filter() {
  const q = query.value.trim().toLowerCase();
  let anything = false;
  for (const [outlet, { node }] of tiles) {
    const status = counts.get(outlet) ?? node.dataset.state;
    const matches = floor.shows(show, status, concerned.get(outlet) ?? []) && node.dataset.find.includes(q);
    node.hidden = !matches;
    marks.get(outlet)?.classList.toggle("off", !matches);
    anything ||= matches;
  }
  for (const section of document.querySelectorAll("#floors > section")) {
    section.hidden = !section.querySelector(".tile:not([hidden])");
  }
  const nothing = part("nothing");
  nothing.hidden = anything || tiles.size === 0; // who looks for nothing is told by the page that nothing is there yet
  set(nothing.querySelector("h2"), q ? words.text("find.none", { q: query.value.trim() }) : words.text("find.none.state"));
}

function choose(name) {
  show = name;
  for (const chip of tools.elements.show) chip.checked = chip.value === show;
  for (const figure of part("sums").children) {
    setAttribute(figure, "aria-current", figure.dataset.show === show ? "true" : null);
  }
  refilter();
}

function refilter() {
  filter();
  const search = new URLSearchParams(location.search);
  for (const [name, value, usual] of [["show", show, "all"], ["q", query.value.trim(), ""]]) {
    if (value === usual) search.delete(name);
    else search.set(name, value);
  }
  history.replaceState(null, "", search.size ? `?${search}` : location.pathname);
}

tools.addEventListener("submit", (event) => event.preventDefault());
tools.addEventListener("change", (event) => event.target.name === "show" && choose(event.target.value));
query.addEventListener("input", refilter);
part("sums").addEventListener("click", (event) => {
  const figure = event.target.closest("a");
  if (!figure || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  choose(figure.dataset.show === show ? "all" : figure.dataset.show);
});
part("nothing").querySelector("a").addEventListener("click", (event) => {
  event.preventDefault();
  query.value = "";
  choose("all");
});

// The feed

part("dead").querySelector("button").addEventListener("click", () => feed.connect());

function renderFeed() {
  tellFeed(feed, state, words);
}

function tick() {
  feed.check();
  renderFeed();
  render();
  const { now } = state;
  const time = part("clock").querySelector("time");
  set(time, words.clockS(now));
  setAttribute(time, "datetime", new Date(now).toISOString());
  set(part("clock").querySelector("small span"), words.date(now));
  setTimeout(tick, 1000 - (now % 1000));
}

part("print").hidden = false;
part("print").addEventListener("click", () => print());

feed.connect();
tick();
