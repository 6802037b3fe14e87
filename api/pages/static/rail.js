// What a wall screen says besides its tiles; api/wall.py says the same when the page is made.

import * as floor from "./floor.js";

const RAIL_LENGTH = 8;
const LOG_LENGTH = 4;
const BESIDE_LOG = 6;
const SCREEN_MS = 20_000;
const PHASES = ["firing", "acknowledged", "pending"];

// Which of the screens is seen; all walls of a site show the same one.
export const screenAt = (nowMs, screens) => Math.floor(nowMs / SCREEN_MS) % screens;

export function figure(name, found, plan, words) {
  return floor.figure(name, { ...found, staffed: found.staffed - found.serving }, plan, words);
}

export function age(occupancy, nowMs, words) {
  const seenMs = floor.seen(occupancy);
  return seenMs === null ? "–" : words.span(nowMs - seenMs);
}

export function rail(alerts, occupancies, plan, nowMs, words) {
  const concerned = floor.standing(alerts, plan);
  const empty = [...occupancies.values()].filter((one) => floor.EMPTY.includes(one.status)).map((occupancy) => {
    const its = concerned.get(occupancy.outlet) ?? [];
    const tile = floor.tile(plan.outlets[occupancy.outlet], occupancy, its, nowMs, words);
    return { occupancy, tile, rank: rankOf(occupancy, tile, its) };
  });
  empty.sort((a, b) => compare(a.rank, b.rank));
  const items = [
    ...empty.map(({ occupancy, tile }) => outletItem(plan.outlets[occupancy.outlet], occupancy.outlet, tile, words)),
    ...otherItems(alerts, occupancies, plan, nowMs, words),
  ];
  const room = items.length <= RAIL_LENGTH ? RAIL_LENGTH : RAIL_LENGTH - 1;
  return {
    title: titleOf(empty.length, [...occupancies.values()], words),
    items: items.slice(0, room),
    more: items.length > room ? words.text("wall.more", { n: items.length - room }) : "",
    lines: items.length <= BESIDE_LOG ? LOG_LENGTH : 0,
  };
}

function titleOf(empty, occupancies, words) {
  if (empty) return words.text("wall.empty", { n: empty });
  const unknown = occupancies.some((one) => one.status === "unknown");
  return words.text(unknown ? "wall.empty.unknown" : "wall.empty.none");
}

function rankOf(occupancy, tile, alerts) {
  const phase = PHASES.includes(tile.phase) ? PHASES.indexOf(tile.phase) : PHASES.length;
  return [phase, floor.EMPTY.indexOf(occupancy.status), floor.wordSince(occupancy, alerts) ?? 0, occupancy.outlet];
}

function compare(one, other) {
  const place = one.findIndex((value, n) => value !== other[n]);
  return place < 0 ? 0 : one[place] < other[place] ? -1 : 1;
}

function outletItem(fixed, outlet, tile, words) {
  const fires = tile.phase === "firing";
  return {
    key: outlet,
    state: tile.status,
    css: fires ? "w-item fire" : "w-item",
    number: fixed.number,
    who: fixed.agency,
    what: tile.word,
    duration: tile.duration,
    icon: tile.noteIcon,
    told: fires ? words.text("wall.unanswered", { note: tile.note }) : tile.note,
  };
}

// Alerts of which no empty outlet tells already. A site outage stands across the whole screen.
function otherItems(alerts, occupancies, plan, nowMs, words) {
  const told = new Set([...occupancies.values()].filter((one) => floor.EMPTY.includes(one.status))
    .map((one) => plan.outlets[one.outlet].href));
  const others = alerts.filter((one) => one.kind !== "site_outage");
  return floor.cards(others, occupancies, plan, nowMs, words).filter((card) => !told.has(card.href)).map((card) => ({
    key: card.id, state: card.state, number: "", who: card.where, what: card.what, duration: card.duration,
    css: card.life === "firing" && floor.EMPTY.includes(card.state) ? "w-item fire" : "w-item",
    icon: card.icon, told: card.told,
  }));
}
