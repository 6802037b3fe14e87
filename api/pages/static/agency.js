// The agency's page while it is open: buttons that name their result, a toast with undo, and what changed meanwhile.

import { Feed } from "./feed.js";
import { beat } from "./feed_told.js";
import { Clock, fullDate } from "./words.js";

const TOAST_MS = 8_000;
const AT_MOST_EVERY_MS = 3_000;
const AGES_EVERY_MS = 5_000; // ages of evidence, and what is true no more because nothing is heard

const part = (id) => document.getElementById(id);

// Buttons

document.addEventListener("change", ({ target }) => {
  const form = target.closest?.(".answer-form");
  if (form === null || target.dataset.says === undefined) return;
  form.querySelector(".btn.primary").textContent = target.dataset.says;
  if (target.value === "other") form.querySelector("[name=note]").focus();
});

// The toast

const done = part("done");
if (done !== null) {
  done.className = "toast";
  const address = new URL(location.href);
  address.searchParams.delete("done"); // a reload tells it no more
  history.replaceState(null, "", address);
  done.focus({ preventScroll: true }); // who reads by ear or keys begins at what was done
  let left = setTimeout(() => done.remove(), TOAST_MS);
  const stay = () => clearTimeout(left);
  const go = () => { stay(); left = setTimeout(() => done.remove(), TOAST_MS); };
  for (const event of ["pointerenter", "focusin"]) {
    done.addEventListener(event, ({ target }) => { if (target !== done || event !== "focusin") stay(); });
  }
  for (const event of ["pointerleave", "focusout"]) done.addEventListener(event, go);
}

// What was not done says so first; a reload tells it no more, and what is asked for anew is the page, not the form.

const said = part("said");
if (said !== null) {
  history.replaceState(null, "", part("dead").querySelector("a").href);
  said.focus();
}

// Fields: the chosen date in words, and the limit of a text when it is reached.

document.addEventListener("input", ({ target }) => tellField(target));
for (const field of document.querySelectorAll("input[type=date]")) tellField(field);

function tellField(field) {
  const hint = part(`${field.id}-hint`);
  if (hint === null) return;
  hint.dataset.usual ??= hint.textContent;
  let says = null;
  if (field.type === "date" && field.value !== "") says = hint.dataset.chosen.replace("@", fullDate(field.value));
  if (field.maxLength > 0 && field.value.length >= field.maxLength) says = hint.dataset.full;
  hint.textContent = says ?? hint.dataset.usual;
  hint.classList.toggle("full", says !== null && field.maxLength > 0);
}

// What changed: the parts of the page that live are asked for anew, and put in place where nobody is busy.

let asking = false;
let askedMs = performance.now();
let wanted = false;

function busy(node) {
  return node.contains(document.activeElement) || node.querySelector("input:checked") !== null
    || [...node.querySelectorAll("input[type=text]")].some((field) => field.value !== "");
}

function renew(node, fresh) {
  if (!busy(node)) {
    node.replaceWith(fresh);
    return;
  }
  // Somebody answers: what he has before him stays, what came and what is over follows around it.
  for (const card of node.querySelectorAll("[data-alert-id]")) {
    const its = fresh.querySelector(`[data-alert-id="${CSS.escape(card.dataset.alertId)}"]`);
    if (its !== null && its.dataset.life === card.dataset.life && busy(card)) {
      for (const name of [".dur", ".told"]) card.querySelector(name).replaceWith(its.querySelector(name));
      its.replaceWith(card);
    }
  }
  const focused = document.activeElement;
  node.replaceChildren(...fresh.childNodes);
  if (node.contains(focused)) focused.focus({ preventScroll: true });
}

function unanswered(page) {
  return new Set([...page.querySelectorAll('.alert[data-life="firing"]')].map((card) => card.dataset.alertId));
}

async function look() {
  if (asking) return;
  asking = true;
  wanted = false;
  askedMs = performance.now();
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const before = unanswered(document);
    for (const node of document.querySelectorAll("[data-live]")) {
      const fresh = page.getElementById(node.id);
      if (fresh !== null) renew(node, document.importNode(fresh, true));
    }
    if ([...unanswered(document)].some((id) => !before.has(id))) part("announce").textContent = part("h-asks").textContent;
    document.querySelector(".clock")?.replaceWith(document.importNode(page.querySelector(".clock"), true));
    const still = page.querySelector("#feed .if-live");
    if (still !== null) part("feed").querySelector(".if-live").textContent = still.firstChild.textContent;
  } catch {
    // The line is down: the feed tells it.
  } finally {
    asking = false;
  }
}

// The feed

const banner = part("dead");
const clock = new Clock(banner.dataset.zone);
let heardAt = document.querySelector(".clock time").dateTime;

const feed = new Feed(`/api/v1/live/stream?site=${encodeURIComponent(part("feed").dataset.site)}`, {
  event(kind, data) {
    if (kind === "heartbeat") {
      heardAt = data.at;
      beat();
    }
    if (kind === "occupancy" || kind === "alert") wanted = true;
  },
  refused(status) {
    if (status === 401 || status === 404) location.reload();
  },
  change: tell,
});

let wasDead = false;

function tell() {
  const dead = feed.dead;
  document.documentElement.classList.toggle("dead", dead);
  banner.hidden = !dead;
  if (dead && !wasDead) {
    const since = banner.dataset.head.replace("@", clock.withSeconds(Date.parse(heardAt)));
    for (const node of [banner.querySelector("strong"), part("feed").querySelector(".if-dead")]) node.textContent = since;
  }
  if (wasDead && !dead) wanted = true;
  wasDead = dead;
}

setInterval(() => {
  feed.check();
  tell();
  const since = performance.now() - askedMs;
  if (!feed.dead && ((wanted && since > AT_MOST_EVERY_MS) || since > AGES_EVERY_MS)) look();
}, 1_000);
feed.connect();
