// The public page and the lobby's board: they ask every 5 s, and what is new takes the place of what was shown. A page
// without news for 10 s is grey and says since when; after 90 s nothing of what it shows is known any more.

import { Words } from "./words.js";

const EVERY_MS = 5_000;
const PATIENCE_MS = 8_000;
const DEAD_MS = 9_000; // looked at every second
const UNKNOWN_MS = 90_000;
const PAGE_MS = 20_000;
const FRESH = ["hours", "day", "summary", "now", "cut", "opens"]; // the whole before its part

const part = (id) => document.getElementById(id);
const plan = JSON.parse(part("data").textContent);
const words = new Words(plan.texts, plan.zone);
const root = document.documentElement;
let aheadMs = plan.now_ms - Date.now(); // how much the server's clock is ahead of this one
let heardMs = Date.now(); // when an answer came last, by this clock, which also counts while the machine sleeps
let tag = null;
let unknown = false;

const now = () => Date.now() + aheadMs;

function set(node, text) {
  if (node && node.textContent !== text) node.textContent = text;
}

// News

async function ask() {
  try {
    const answer = await fetch(address(), { cache: "no-cache", signal: AbortSignal.timeout(PATIENCE_MS) });
    if (answer.ok) await take(answer);
    else if (answer.status === 404) location.reload(); // the site is there no more, and the page says so
  } catch {
    // told by the age of what is shown
  }
  tick();
}

// The whole page, whatever is looked for in it: what is hidden is decided here.
function address() {
  const asked = new URL(location.href);
  for (const name of ["q", "open"]) asked.searchParams.delete(name);
  asked.hash = "";
  return asked;
}

async function take(answer) {
  const html = await answer.text();
  heardMs = Date.now();
  aheadMs = Number(answer.headers.get("X-Hadir-At")) - heardMs;
  if (answer.headers.get("ETag") === tag) return;
  tag = answer.headers.get("ETag");
  unknown = false;
  const fresh = new DOMParser().parseFromString(html, "text/html");
  for (const id of FRESH) {
    const [old, next] = [part(id), fresh.getElementById(id)];
    if (old && next && old.innerHTML !== next.innerHTML) old.replaceChildren(...next.childNodes);
  }
  filter();
}

// Age

function tick() {
  const silentMs = Math.max(0, Date.now() - heardMs);
  const dead = silentMs > DEAD_MS;
  root.classList.toggle("dead", dead);
  part("dead").hidden = !dead;
  if (dead) {
    const body = silentMs > UNKNOWN_MS ? words.text("pub.cut.body") : words.text("dead.body", { span: words.span(silentMs) });
    set(part("dead").querySelector("strong"), words.text("dead.head", { at: words.clockS(heardMs + aheadMs) }));
    set(part("dead").querySelector("small"), body);
  }
  if (silentMs > UNKNOWN_MS && !unknown) forget();
  set(part("age"), words.text("pub.age", { age: words.span(silentMs) }));
  set(part("clock"), words.clock(now()));
  part("clock").setAttribute("datetime", new Date(now()).toISOString());
  turn();
}

function forget() {
  unknown = true;
  tag = null;
  for (const badge of document.querySelectorAll(".badge")) {
    badge.dataset.state = "unknown";
    badge.querySelector("use").setAttribute("href", "#st-unknown");
    set(badge.querySelector(".word"), words.text("pub.unknown"));
  }
  for (const note of document.querySelectorAll("#now em")) set(note, "");
  for (const item of document.querySelectorAll("[data-staffed]")) item.dataset.staffed = "no";
  set(part("summary"), words.text("pub.cut"));
  filter();
}

// Pages of the board, in step on every screen

function turn() {
  const pages = [...document.querySelectorAll(".b-page")];
  const place = pages.length ? Math.floor(now() / PAGE_MS) % pages.length : 0;
  pages.forEach((page, n) => { page.hidden = n !== place; });
  if (pages.length > 1) {
    part("place").hidden = false;
    set(part("place"), words.text("pub.page", { n: place + 1, all: pages.length }));
  } else if (part("place")) part("place").hidden = true;
}

// Search

const tools = part("tools");

// As api/finding.py does: without case, diacritics, and what stands within words.
const folded = (text) => text.replace(/[-‐‑–.'’]/g, "").normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

function filter() {
  if (!tools) return;
  const q = tools.elements.q.value.trim();
  part("summary").hidden = q !== ""; // it counts all of them
  const wanted = folded(q).split(/\s+/);
  const only = tools.elements.open.checked;
  let anything = false;
  for (const agency of document.querySelectorAll(".agency")) {
    let some = false;
    for (const service of agency.querySelectorAll("[data-find]")) {
      const found = wanted.every((word) => service.dataset.find.includes(word)) && (!only || service.dataset.staffed === "yes");
      service.hidden = !found;
      some ||= found;
    }
    agency.hidden = !some;
    anything ||= some;
  }
  part("nothing").hidden = anything;
  set(part("nothing").querySelector("h2"), q ? words.text("pub.none", { q }) : words.text("pub.none.open"));
  const search = new URLSearchParams(location.search);
  for (const [name, value] of [["q", q], ["open", only ? "1" : ""]]) {
    if (value) search.set(name, value);
    else search.delete(name);
  }
  history.replaceState(null, "", search.size ? `?${search}` : location.pathname);
}

if (tools) {
  part("find").hidden = true;
  tools.addEventListener("submit", (event) => event.preventDefault());
  tools.addEventListener("input", filter);
  part("nothing").querySelector("a").addEventListener("click", (event) => {
    event.preventDefault();
    tools.elements.q.value = "";
    tools.elements.open.checked = false;
    filter();
    tools.elements.q.focus();
  });
}

document.addEventListener("visibilitychange", () => document.hidden || ask());
setInterval(ask, EVERY_MS);
setInterval(tick, 1_000);
ask();
tick();
