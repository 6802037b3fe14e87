// Readings drawn by uPlot, over the drawings that came with the page: one can look closer, and read every value.
// What is printed is the server's drawing, kept in step with the screen.

import { columnsOf, ReadingWords } from "./reading_columns.js";
import { bandsOf, drawnAs, redraw } from "./reading_svg.js";
import { Words } from "./words.js";

/* global uPlot */

const CLOSEST_MS = 60_000;
const WITH_SECONDS_MS = 20 * 60_000;
const PX_A_POINT = 2;
const PAGE_STEPS = 10;
const CLICK_PX = 4;

const part = (id) => document.getElementById(id);
const data = JSON.parse(part("data").textContent);
const words = new Words(data.texts, data.zone);
const readingWords = new ReadingWords(words);
const box = part("plots");
const tell = (kind, detail) => document.dispatchEvent(new CustomEvent(kind, { detail }));

let { booked, at_ms: pinnedMs } = data;
let whole = wholeOf(data);
let shown = whole;
let asking = null;

function wholeOf({ start_ms, end_ms, now_ms }) {
  return { fromMs: start_ms, toMs: Math.max(start_ms + CLOSEST_MS, Math.min(end_ms, now_ms)) };
}

// Drawing

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const ink = (name) => () => colour(name);

function optionsOf(drawn, { clientWidth: width, clientHeight: height }) {
  const { plot } = drawn;
  const font = `11px ${getComputedStyle(document.body).fontFamily}`;
  const axis = {
    font, stroke: ink("--ink-2"), ticks: { stroke: ink("--line-strong"), width: 1, size: 4 },
    grid: { stroke: ink("--line"), width: 1 },
  };
  const stepped = plot.truth ? { paths: uPlot.paths.stepped({ align: 1 }) } : {};
  const edge = { stroke: null, width: 0, points: { show: false }, ...stepped };
  return {
    width, height, ms: 1, padding: [6, 20, 0, 0], legend: { show: false },
    tzDate: (ms) => uPlot.tzDate(new Date(ms), data.zone),
    scales: {
      x: { time: true, auto: false, min: shown.fromMs, max: shown.toMs },
      y: { range: plot.truth ? [-0.15, 1.15] : around(plot) },
    },
    axes: [
      {
        ...axis, size: 24, gap: 2, space: 64,
        values: (_, splits, __, ___, increment) =>
          splits.map((ms) => (increment < 60_000 ? words.clockS(ms) : words.clock(ms))),
      },
      {
        ...axis, size: 64, gap: 2, space: 28, values: (_, splits) => splits.map((value) => readingWords.value(plot, value)),
        ...(plot.truth ? { splits: () => [0, 1] } : {}),
      },
    ],
    series: [
      {},
      {
        stroke: ink("--ink"), width: 1.5, spanGaps: false, points: { size: 4, fill: ink("--ink") }, ...stepped,
      },
      edge, edge,
    ],
    bands: [{ series: [3, 2], fill: () => `${colour("--ink-3")}59` }],
    cursor: {
      y: false, points: { size: (_, series) => (series === 1 ? 7 : 0), fill: ink("--ink"), stroke: ink("--surface") },
      drag: { x: true, y: false, setScale: false },
      sync: { key: "readings", scales: ["x", null] },
      bind: { dblclick: () => () => { show(whole); return null; } },
    },
    hooks: { setSelect: [select], setCursor: [() => read(drawn)], draw: [() => place(drawn)] },
  };
}

function around({ cut }) {
  return (_, least, greatest) => {
    const low = Math.min(least ?? 0, cut ?? Infinity);
    const high = Math.max(greatest ?? 1, cut ?? -Infinity);
    const margin = (high - low) * 0.08 || 0.5;
    return [low >= 0 ? Math.max(0, low - margin) : low - margin, high + margin];
  };
}

function select(u) {
  const { left, width } = u.select;
  if (width <= CLICK_PX) return;
  const range = { fromMs: u.posToVal(left, "x"), toMs: u.posToVal(left + width, "x") };
  u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  show(range);
}

// Under the cursor: the value in words, and the same instant on the timeline.
function read(drawn) {
  const { u, said, usual } = drawn;
  if (!u) return;
  const { idx, left } = u.cursor;
  const pointed = left >= 0 && idx !== null && idx !== undefined && drawn.columns[0].length > 0;
  said.textContent = pointed ? readingWords.at(drawn.plot, drawn.columns, idx) : usual;
  if (pointed) {
    u.over.setAttribute("aria-valuenow", idx);
    u.over.setAttribute("aria-valuetext", said.textContent);
  }
  if (drawn === drawings[0]) tell("hovered", { by: "plots", ms: left >= 0 ? u.posToVal(left, "x") : null });
}

// What lies under the lines and over them: the states of the outlet, the limit, the pinned minute.
function place({ u, plot, under, pin, cut }) {
  under.replaceChildren(...bandsOf(booked, shown, 100, "%"));
  pin.hidden = pinnedMs === null || pinnedMs < shown.fromMs || pinnedMs > shown.toMs;
  if (!pin.hidden) pin.style.left = `${u.valToPos(pinnedMs, "x")}px`;
  if (cut) cut.style.top = `${u.valToPos(plot.cut, "y")}px`;
}

// Pointing by keyboard and by mouse

function press(drawn, event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const { u, columns: [at] } = drawn;
  const now = (u.cursor.left >= 0 ? u.cursor.idx : null) ?? at.length - 1;
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageDown: -PAGE_STEPS, PageUp: PAGE_STEPS };
  if (event.key in steps) point(u, at[Math.max(0, Math.min(at.length - 1, now + steps[event.key]))]);
  else if (event.key === "Home") point(u, at[0]);
  else if (event.key === "End") point(u, at.at(-1));
  else if (event.key === "+" || event.key === "=") show(ACTS.zoom_in());
  else if (event.key === "-") show(ACTS.zoom_out());
  else if (event.key === "Escape") show(whole);
  else if ((event.key === "Enter" || event.key === " ") && at.length) tell("point", at[now]);
  else return;
  event.preventDefault();
}

function point(u, ms) {
  if (ms !== undefined) u.setCursor({ left: u.valToPos(ms, "x"), top: u.over.clientHeight / 2 }, true, true);
}

const ACTS = {
  zoom_in: () => about(centre(), (shown.toMs - shown.fromMs) / 2),
  zoom_out: () => about(centre(), (shown.toMs - shown.fromMs) * 2),
  earlier: () => about(shown.fromMs, shown.toMs - shown.fromMs),
  later: () => about(shown.toMs, shown.toMs - shown.fromMs),
  whole: () => whole,
};

function centre() {
  const { u } = drawings[0];
  return u.cursor.left >= 0 ? u.posToVal(u.cursor.left, "x") : (shown.fromMs + shown.toMs) / 2;
}

function about(ms, spanMs) {
  const span = Math.min(whole.toMs - whole.fromMs, Math.max(CLOSEST_MS, spanMs));
  const fromMs = Math.max(whole.fromMs, Math.min(whole.toMs - span, ms - span / 2));
  return { fromMs, toMs: fromMs + span };
}

// Which hours are shown

function show({ fromMs, toMs }) {
  const wanted = about((fromMs + toMs) / 2, toMs - fromMs);
  if (wanted.fromMs === shown.fromMs && wanted.toMs === shown.toMs) return;
  shown = wanted;
  for (const { u } of drawings) u.setScale("x", { min: shown.fromMs, max: shown.toMs });
  renew();
}

async function renew() {
  asking?.abort();
  const attempt = asking = new AbortController();
  const points = Math.max(60, Math.min(2000, Math.round(box.clientWidth / PX_A_POINT)));
  const span = new URLSearchParams({
    from: new Date(shown.fromMs).toISOString(), to: new Date(shown.toMs).toISOString(), points,
  });
  let found = null;
  try {
    const answer = await fetch(`${data.readings}?${span}`, { signal: attempt.signal });
    if (answer.ok) found = await answer.json();
  } catch (error) {
    if (error.name === "AbortError") return;
  }
  part("plot-failed").hidden = found !== null;
  if (found !== null) draw(found);
}

function draw({ lines, bucket_s }) {
  const stepMs = readingWords.stepMs = bucket_s * 1000;
  for (const drawn of drawings) {
    const line = lines.find((one) => one.sensor === drawn.plot.sensor && one.quantity === drawn.plot.quantity);
    drawn.columns = columnsOf(line, stepMs);
    if (!drawn.u) drawn.u = begin(drawn);
    drawn.u.batch(() => {
      drawn.u.setData(drawn.columns, false);
      drawn.u.setScale("x", { min: shown.fromMs, max: shown.toMs });
    });
    drawn.u.over.setAttribute("aria-valuemax", Math.max(0, drawn.columns[0].length - 1));
    redraw(drawn, booked, shown);
  }
  part("plot-tools").hidden = false;
  part("plot-hint").hidden = false;
  say();
}

function say() {
  const exact = shown.toMs - shown.fromMs < WITH_SECONDS_MS;
  const [from, to] = [shown.fromMs, shown.toMs].map((ms) => (exact ? words.clockS(ms) : words.clock(ms)));
  const step = words.span(Math.max(1000, readingWords.stepMs));
  part("plot-shown").textContent = words.text("outlet.plot.shown", { from, to, step });
  const [all, closest] = [
    shown.fromMs <= whole.fromMs && shown.toMs >= whole.toMs, shown.toMs - shown.fromMs <= CLOSEST_MS,
  ];
  const idle = {
    zoom_in: closest, zoom_out: all, whole: all, earlier: shown.fromMs <= whole.fromMs, later: shown.toMs >= whole.toMs,
  };
  for (const button of part("plot-tools").querySelectorAll("button")) {
    button.setAttribute("aria-disabled", String(idle[button.dataset.zoom]));
  }
}

// The beginning

function begin(drawn) {
  box.classList.add("is-live");
  const u = new uPlot(optionsOf(drawn, drawn.room), drawn.columns, drawn.room);
  u.under.append(drawn.under);
  u.over.append(drawn.pin);
  if (drawn.cut) u.over.append(drawn.cut);
  const { over } = u;
  over.tabIndex = 0;
  for (const [name, value] of Object.entries({
    role: "slider", "aria-label": drawn.name, "aria-valuemin": 0, "aria-valuenow": 0, "aria-valuetext": drawn.usual,
    "aria-describedby": "plot-hint",
  })) over.setAttribute(name, value);
  over.addEventListener("keydown", (event) => press(drawn, event));
  let downX = 0;
  over.addEventListener("mousedown", (event) => { downX = event.clientX; });
  over.addEventListener("click", (event) => {
    if (Math.abs(event.clientX - downX) < CLICK_PX) tell("point", u.posToVal(u.cursor.left, "x"));
  });
  new ResizeObserver(() => u.setSize({ width: drawn.room.clientWidth, height: drawn.room.clientHeight })).observe(drawn.room);
  return u;
}

function ofClass(name, tag = "div") {
  const node = document.createElement(tag);
  node.className = name;
  return node;
}

const drawings = [...box.querySelectorAll("figure")].map((figure, place) => {
  const plot = data.plots[place];
  const said = figure.querySelector(".said");
  const drawn = {
    plot, said, usual: said.textContent, name: figure.querySelector("strong").textContent,
    svg: figure.querySelector("svg"), room: ofClass("canvas no-print"), u: null, columns: [[], [], [], []],
    under: drawnAs("svg", { "aria-hidden": "true" }), pin: ofClass("plot-pin"), cut: null,
  };
  if (plot.cut !== null) {
    drawn.cut = ofClass("plot-cut");
    drawn.cut.append(document.createElement("span"));
    drawn.cut.firstChild.textContent = words.text("outlet.plot.cut", { value: readingWords.value(plot, plot.cut) });
  }
  figure.append(drawn.room);
  return drawn;
});

part("plot-tools").addEventListener("click", ({ target }) => {
  const button = target.closest("[data-zoom]");
  if (button && button.getAttribute("aria-disabled") !== "true") show(ACTS[button.dataset.zoom]());
});

document.addEventListener("pinned", ({ detail }) => {
  pinnedMs = detail;
  for (const drawn of drawings) if (drawn.u) place(drawn);
});

document.addEventListener("hovered", ({ detail: { by, ms } }) => {
  const { u } = drawings[0];
  if (!u || by === "plots" || box.matches(":focus-within")) return;
  if (ms === null) u.setCursor({ left: -10, top: -10 }, true, true);
  else point(u, ms);
});

document.addEventListener("renewed", ({ detail }) => {
  const following = shown.toMs >= whole.toMs;
  const span = shown.toMs - shown.fromMs;
  const wasWhole = following && shown.fromMs <= whole.fromMs;
  whole = wholeOf(detail);
  booked = detail.booked;
  if (!following) return;
  shown = wasWhole ? whole : about(whole.toMs, span);
  renew();
});

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const { u } of drawings) u?.redraw(false);
});

renew();
