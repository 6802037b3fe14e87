// The page of an outlet: a minute is pointed at on the timeline, and why there was an alert then, or none, is fetched
// and told as the server tells it. Without this module a form does the same.
//
// The modules of this page tell each other by events of the document: "point" asks for a minute, "pinned" tells of it,
// "hovered" tells by which drawing somebody looks where, "renewed" brings the page's data as of now.

import { Clock } from "./words.js";

const { why, lang, zone, at_ms, ...words } = JSON.parse(document.getElementById("data").textContent);
let { start_ms, end_ms, now_ms } = words;
const MINUTE_MS = 60_000;
const PAUSE_MS = 350;
const STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageDown: -15, PageUp: 15 };
const clocks = new Clock(zone);

const at = (id) => document.getElementById(id);
const clock = (ms) => clocks.short(ms);
const tell = (kind, detail) => document.dispatchEvent(new CustomEvent(kind, { detail }));

const box = at("tl-box");
const point = document.createElement("div");
const hover = document.createElement("div");
let lastMs = Math.min(end_ms, now_ms);
let chosenMs = at_ms ?? Math.floor(lastMs / MINUTE_MS) * MINUTE_MS;
let pinned = at_ms !== null;
let waiting = null;
let asking = null;

function show(ms) {
  chosenMs = Math.max(start_ms, Math.min(lastMs, Math.floor(ms / MINUTE_MS) * MINUTE_MS));
  pinned = true;
  const share = shareOf(chosenMs);
  const pin = at("pin");
  const [line, text] = pin.children;
  line.setAttribute("x1", `${share}%`);
  line.setAttribute("x2", `${share}%`);
  text.setAttribute("x", `${share}%`);
  text.setAttribute("text-anchor", share > 15 ? "end" : "start");
  text.setAttribute("dx", share > 15 ? "-4" : "4");
  text.textContent = clock(chosenMs);
  pin.setAttribute("visibility", "visible");
  say();
  tell("pinned", chosenMs);
}

function shareOf(ms) {
  return (100 * (ms - start_ms)) / (end_ms - start_ms);
}

function say() {
  point.setAttribute("aria-valuemax", Math.round((lastMs - start_ms) / MINUTE_MS));
  point.setAttribute("aria-valuenow", Math.round((chosenMs - start_ms) / MINUTE_MS));
  point.setAttribute("aria-valuetext", clock(chosenMs));
}

async function ask() {
  clearTimeout(waiting);
  asking?.abort();
  asking = new AbortController();
  const ms = chosenMs;
  try {
    const answer = await fetch(`${why}?at=${new Date(ms).toISOString()}`, { signal: asking.signal });
    if (!answer.ok) throw new Error(String(answer.status));
    explain(await answer.json(), ms);
  } catch (error) {
    if (error.name === "AbortError") return;
    const failed = at("at-wrong");
    failed.firstElementChild.textContent = words.failed;
    failed.hidden = false;
  }
}

function explain(answer, ms) {
  const people = answer.kinds.filter((one) => one.kind in words.kinds.people && one.reason !== "off");
  const kinds = people.length ? people : answer.kinds;
  const first = kinds.find((one) => one.alert) ?? kinds[0];
  const heading = kinds.some((one) => one.alert) ? words.stood : words.not;
  at("h-why").textContent = heading.replace("{at}", clock(ms));
  at("at").value = clock(ms);
  at("at").removeAttribute("aria-invalid");
  at("at-wrong").hidden = true;
  at("why-told").replaceChildren(...kinds.map((one) => kindOf(one, one === first)));
  const here = new URL(location.href);
  here.searchParams.set("at", clock(ms));
  history.replaceState(null, "", here);
}

function kindOf(told, open) {
  const found = copy("t-kind");
  found.open = open;
  found.querySelector(".name").textContent = words.kinds.all[told.kind];
  found.querySelector(".text").textContent = told.text[lang];
  for (const note of told.notes) {
    const line = document.createElement("p");
    line.className = "small note";
    line.textContent = note.text[lang];
    found.querySelector("ol").before(line);
  }
  const checks = told.checks.filter((check) => check.result !== "not_reached");
  found.querySelector("ol").replaceChildren(...checks.map(checkOf));
  return found;
}

function checkOf(check) {
  const found = copy(`t-${check.result}`);
  found.querySelector(".text").textContent = check.text[lang];
  return found;
}

function copy(id) {
  return at(id).content.firstElementChild.cloneNode(true);
}

function askSoon() {
  clearTimeout(waiting);
  waiting = setTimeout(ask, PAUSE_MS);
}

function msAt(event) {
  const edge = box.getBoundingClientRect();
  return start_ms + ((event.clientX - edge.left) / edge.width) * (end_ms - start_ms);
}

function press(event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key in STEPS) show(chosenMs + STEPS[event.key] * MINUTE_MS);
  else if (event.key === "Home") show(start_ms);
  else if (event.key === "End") show(lastMs);
  else if (event.key !== "Enter" && event.key !== " ") return;
  event.preventDefault();
  if (event.key === "Enter" || event.key === " ") {
    show(chosenMs);
    ask();
  } else askSoon();
}

// Nothing can be asked of a day that has not begun.
function begin() {
  if (lastMs <= start_ms || point.isConnected) return;
  point.className = "tl-point no-print";
  point.tabIndex = 0;
  point.setAttribute("role", "slider");
  point.setAttribute("aria-label", words.point);
  point.setAttribute("aria-valuemin", 0);
  say();
  point.addEventListener("click", (event) => tell("point", msAt(event)));
  point.addEventListener("pointermove", (event) => tell("hovered", { by: "timeline", ms: msAt(event) }));
  point.addEventListener("pointerleave", () => tell("hovered", { by: "timeline", ms: null }));
  point.addEventListener("keydown", press);
  hover.className = "tl-hover no-print";
  hover.hidden = true;
  box.append(point, hover);
  at("why-hint").hidden = false;
}

document.addEventListener("point", ({ detail }) => {
  show(detail);
  ask();
});

document.addEventListener("hovered", ({ detail: { by, ms } }) => {
  hover.hidden = by === "timeline" || ms === null || ms < start_ms || ms > end_ms;
  if (!hover.hidden) hover.style.left = `${shareOf(ms)}%`;
});

document.addEventListener("renewed", ({ detail }) => {
  ({ start_ms, end_ms, now_ms } = detail);
  lastMs = Math.min(end_ms, now_ms);
  begin();
  if (pinned) show(chosenMs);
  else say();
});

begin();
