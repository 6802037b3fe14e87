// What the live floor says of its outlets; api/floor.py and the modules floor_*.py beside it say the same on the server.

export const FILTERS = ["all", "action", "obliged", "staffed", "serving", "unattended", "vacant", "declared", "unknown"];
const WORST_FIRST = ["unattended", "vacant", "unknown", "declared", "staffed", "serving"];
const STAFFED = ["staffed", "serving"];
export const EMPTY = ["unattended", "vacant"];
const PEOPLE = ["unattended", "vacancy", "late_opening"];
const ANSWERED = [...PEOPLE, "equipment_down"];
const VACANCY = ["vacancy", "late_opening"];
const TECHNICAL = ["equipment_down", "gateway_offline", "sensor_silent", "sensor_stuck", "low_battery"];
const KIND_ORDER = ["site_outage", ...PEOPLE, ...TECHNICAL];
const SUBJECT_TYPES = ["outlet", "duty", "sensor", "gateway", "site"];
const HOUR_MS = 3_600_000;
export const LOG_LENGTH = 12;
const OF_VISITORS = ["serving", "unattended"];
const OUTAGE_PERCENT = 60;
const SEAT_MARGIN = 0.065;
const SEAT_SHAPES = {
  unattended: [0, 14], vacant: [0, 14], unknown: [2.5, 9], declared: [2.5, 9], staffed: [5, 4], serving: [2, 10],
};

const ms = (text) => (text === null || text === undefined ? null : Date.parse(text));

// Alerts

export function subjectOf(alert, plan) {
  const type = alert.kind === "site_outage" ? "site" : SUBJECT_TYPES.find((one) => one !== "site" && one in alert);
  return plan.subjects[`${type}/${alert[type]}`] ?? { label: alert[type], outlets: [] };
}

const stands = (alert) => alert.state === "firing" || alert.state === "acknowledged";
const unanswered = (alerts) => alerts.filter((one) => one.state === "firing");

export function standing(alerts, plan) {
  const found = new Map();
  for (const alert of alerts) {
    if (!stands(alert)) continue;
    for (const outlet of subjectOf(alert, plan).outlets) {
      if (!found.has(outlet)) found.set(outlet, []);
      found.get(outlet).push(alert);
    }
  }
  return found;
}

const first = (alerts, kinds) =>
  alerts.filter((one) => kinds.includes(one.kind)).sort((a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind))[0];

const stateOf = (alert) =>
  alert.kind === "unattended" ? "unattended" : PEOPLE.includes(alert.kind) ? "vacant" : "unknown";

// Since when the outlet of a standing alert is staffed again; null for an alert of several outlets.
function back(alert, subject, occupancies) {
  if (!PEOPLE.includes(alert.kind) || subject.outlets.length !== 1) return null;
  const staff = occupancies.get(subject.outlets[0])?.zones.staff;
  if (staff?.state !== "occupied" || !staff.since) return null;
  return Math.max(ms(staff.since), ms(alert.since));
}

// Colour, icon and words of an alert: it stands for a while longer than what it tells of is known to last.
function asItIsNow(alert, subject, occupancies, backMs, words) {
  const [state, kind] = [stateOf(alert), words.text(`kind.${alert.kind}`)];
  if (backMs !== null) return ["staffed", "st-staffed", words.text("alert.back")];
  const unknown = (outlet) => occupancies.get(outlet)?.status === "unknown";
  if (PEOPLE.includes(alert.kind) && subject.outlets.length && subject.outlets.every(unknown)) {
    return ["unknown", "st-unknown", words.text("alert.not_known", { what: kind })];
  }
  return [state, state !== "unknown" || alert.kind === "site_outage" ? `st-${state}` : "i-sensor", kind];
}

export function cards(alerts, occupancies, plan, nowMs, words) {
  return alerts.filter(stands).sort((a, b) =>
    (a.state === "acknowledged") - (b.state === "acknowledged") ||
    KIND_ORDER.indexOf(a.kind) - KIND_ORDER.indexOf(b.kind) || ms(a.since) - ms(b.since) || (a.id < b.id ? -1 : 1),
  ).map((alert) => {
    const subject = subjectOf(alert, plan);
    const backMs = back(alert, subject, occupancies);
    const [state, icon, what] = asItIsNow(alert, subject, occupancies, backMs, words);
    const callee = PEOPLE.includes(alert.kind) ? plan.outlets[subject.outlets[0]] : undefined;
    const confirming = backMs === null ? "" : `${words.text("alert.confirming", { at: words.clock(backMs) })}. `;
    return {
      id: alert.id,
      state,
      life: alert.state,
      icon,
      what,
      where: subject.label,
      href: hrefOf(subject, plan),
      duration: words.span((backMs ?? nowMs) - ms(alert.since)),
      since: words.text("alert.since", { at: words.clock(ms(alert.since)) }),
      told: confirming + (alert.state === "acknowledged" ? answered(alert, words) : told(alert, plan, words)),
      tel: callee?.tel ?? "",
      answer: answerAt(alert, subject, plan),
      call: callee?.tel ? words.text("alert.call", { phone: callee.phone }) : "",
    };
  });
}

const hrefOf = (subject, plan) => (subject.outlets.length ? plan.outlets[subject.outlets[0]].href : "");

function answerAt(alert, subject, plan) {
  const where = ANSWERED.includes(alert.kind) && alert.state === "firing" ? plan.outlets[subject.outlets[0]]?.answer : "";
  return where ? `${where}#alert-${alert.id}` : "";
}

function told(alert, plan, words) {
  const late = alert.late ? `. ${words.text("alert.late")}` : "";
  if (!alert.told.length) return words.text("alert.fired", { at: words.clock(ms(alert.fired)) }) + late;
  const times = new Map();
  for (const one of alert.told) {
    const name = plan.contacts[`${one.agency}/${one.to}`] ?? one.to;
    times.set(name, [...(times.get(name) ?? []), words.clock(ms(one.at))]);
  }
  const said = [...times].map(([name, at]) => `${at.join(", ")} · ${name}`).join("; ");
  return words.text("alert.told", { told: said }) + late;
}

function answered({ acknowledged }, words) {
  const { at, until, by, note } = acknowledged;
  const said = reasonOf(acknowledged, words);
  return words.text("alert.acknowledged", {
    at: words.clock(ms(at)), by, reason: note === null ? said : `${said}, “${note}”`, until: words.clock(ms(until)),
  });
}

// Kept as a break, said as what it was: see presence/alerts/answers.py.
const BACK_MS = 5 * 60_000;

function reasonOf({ reason, note, at, until }, words) {
  if (reason === "break" && note === null && ms(until) - ms(at) === BACK_MS) {
    return words.text("absence.back", { n: BACK_MS / 60_000 });
  }
  return words.get(`absence.${reason}`, reason).toLowerCase();
}

// Figures

export function shows(filter, status, alerts) {
  if (filter === "all") return true;
  if (filter === "action") return unanswered(alerts).some((one) => PEOPLE.includes(one.kind));
  if (filter === "obliged") return status !== "closed";
  return filter === "staffed" ? STAFFED.includes(status) : status === filter;
}

// The outlets as sums, seats and filters take them: where nothing is known the hours say what counts.
export function counted(occupancies, plan, nowMs) {
  const isOpen = ({ hours }) => nowMs >= plan.hours_until_ms || plan.hours[hours].some(([start, end]) => start <= nowMs && nowMs < end);
  return occupancies.map((one) =>
    one.status === "unknown" && !isOpen(plan.outlets[one.outlet]) ? { ...one, status: "closed" } : one);
}

export function sums(occupancies, concerned) {
  const found = Object.fromEntries(FILTERS.map((name) => [name, 0]));
  for (const one of occupancies) {
    for (const name of FILTERS) found[name] += shows(name, one.status, concerned.get(one.outlet) ?? []);
  }
  return found;
}

export function seats(occupancies) {
  const obliged = occupancies.filter((one) => one.status !== "closed")
    .map((one) => WORST_FIRST.indexOf(one.status)).sort((a, b) => a - b);
  const slot = 100 / obliged.length;
  return obliged.map((rank, place) => {
    const status = WORST_FIRST[rank];
    const [y, height] = SEAT_SHAPES[status];
    return {
      class: `b-${status === "serving" ? "staffed" : status}`,
      x: `${(slot * (place + SEAT_MARGIN)).toFixed(2)}%`,
      width: `${(slot * (1 - 2 * SEAT_MARGIN)).toFixed(2)}%`,
      y,
      height,
    };
  });
}

export function figure(name, found, plan, words) {
  return !plan.visitors && OF_VISITORS.includes(name) && !found[name] ? "–" : words.number(found[name]);
}

function inWords(found, words) {
  return ["unattended", "vacant", "unknown", "declared", "staffed"].filter((part) => found[part])
    .map((part) => `${words.number(found[part])} ${words.text(`sum.${part}`)}`).join(", ");
}

export function seatsInWords(found, words) {
  if (!found.obliged) return words.text("seats.none");
  return words.text("seats", { n: found.obliged, parts: inWords(found, words) });
}

export function staffedInWords(statuses, words) {
  const obliged = statuses.filter((status) => status !== "closed");
  if (!obliged.length) return words.text("floor.closed");
  const n = obliged.filter((status) => STAFFED.includes(status)).length;
  return words.text("floor.staffed", { n, all: obliged.length });
}

export function calm(found, occupancies, nowMs, words) {
  if (!found.obliged) return words.text("alerts.none.closed");
  const sentence = found.staffed === found.obliged
    ? words.text("alerts.none.all", { n: found.obliged })
    : words.text("alerts.none.parts", { n: found.obliged, parts: inWords(found, words) });
  const ages = occupancies.filter((one) => one.status !== "closed")
    .map(seen).filter((at) => at !== null);
  if (!ages.length) return sentence;
  return `${sentence} ${words.text("alerts.oldest", { age: words.span(nowMs - Math.min(...ages)) })}`;
}

// Tiles

export function seen(occupancy) {
  const { staff } = occupancy.zones;
  const ages = (staff ? [staff] : Object.values(occupancy.zones)).map((zone) => ms(zone.seen));
  const known = ages.filter((at) => at !== null);
  return known.length ? Math.max(...known) : null;
}

export function tile(fixed, occupancy, alerts, nowMs, words) {
  const [phase, noteIcon, note] = noteOf(fixed, occupancy, alerts, nowMs, words);
  const seenMs = seen(occupancy);
  const sinceMs = wordSince(occupancy, alerts);
  return {
    status: occupancy.status,
    phase,
    duration: sinceMs === null ? "" : words.span(nowMs - sinceMs),
    word: words.text(`state.${occupancy.status}`),
    noteIcon,
    note,
    age: seenMs === null ? words.text("tile.age.none") : words.text("tile.age", { age: words.span(nowMs - seenMs) }),
  };
}

// Since when the word of a tile is true; it agrees with the card of its alert.
export function wordSince({ status, since, zones }, alerts) {
  if (since === null || status === "closed") return null;
  if (EMPTY.includes(status)) {
    const told = first(alerts, status === "unattended" ? ["unattended"] : VACANCY);
    if (told) return ms(told.since);
  }
  return OF_VISITORS.includes(status) ? Math.max(ms(since), ms(zones.visitor?.since) ?? 0) : ms(since);
}

function noteOf(fixed, occupancy, alerts, nowMs, words) {
  const { status } = occupancy;
  const untilMs = ms(occupancy.until);
  if (occupancy.at === null) return ["", "", words.text("tile.waiting")];
  if (EMPTY.includes(status)) {
    const waiting = first(unanswered(alerts), PEOPLE); // of several alerts the one that nobody has answered is told
    if (waiting) return ["firing", "i-bell", toldAt(waiting, "note.told", words)];
    const answer = first(alerts, PEOPLE)?.acknowledged;
    if (answer) {
      const said = words.text("note.acknowledged", { by: answer.by, reason: reasonOf(answer, words) });
      return ["acknowledged", "i-check", said];
    }
    const dueMs = due(fixed, occupancy, untilMs);
    if (dueMs !== null && dueMs > nowMs) {
      return ["pending", "st-declared", words.text("note.pending", { at: words.clock(dueMs) })];
    }
  }
  const technical = first(alerts, TECHNICAL);
  if (technical) {
    if (technical.kind === "equipment_down" || !technical.told.length) {
      const since = words.text("alert.since", { at: words.clock(ms(technical.since)) });
      return ["tech", "i-sensor", `${words.text(`kind.${technical.kind}`)} ${since}`];
    }
    return ["tech", "i-sensor", toldAt(technical, "note.tech", words)];
  }
  if (status === "declared") {
    const reason = occupancy.reason === null ? null : words.get(`absence.${occupancy.reason}`, occupancy.reason);
    if (untilMs === null) return ["", "st-declared", reason ?? ""];
    const at = words.coming(untilMs, nowMs);
    if (reason === null) return ["", "st-declared", words.text("note.back.no_reason", { at })];
    return ["", "st-declared", words.text("note.back", { reason, at })];
  }
  if (status === "closed" && untilMs !== null) {
    return ["", "", words.text("note.opens", { at: words.coming(untilMs, nowMs) })];
  }
  const muted = fixed.muted.find(([start, end]) => start <= nowMs && nowMs < end);
  if (muted && (EMPTY.includes(status) || STAFFED.includes(status))) {
    return ["", "i-info", words.text("note.muted", { at: words.coming(muted[1], nowMs) })];
  }
  return ["", "", ""];
}

function due(fixed, occupancy, untilMs) {
  if (fixed.vacancy_ms === null || occupancy.since === null) return null;
  const dueMs = ms(occupancy.since) + fixed.vacancy_ms;
  if (untilMs !== null && dueMs >= untilMs) return null;
  return fixed.muted.some(([start, end]) => start <= dueMs && dueMs < end) ? null : dueMs;
}

function toldAt(alert, key, words) {
  if (alert.told.length) return words.text(key, { at: words.clock(ms(alert.told[0].at)) });
  return words.text("note.fired", { at: words.clock(ms(alert.fired)) });
}

// The last hour

// What a change from one occupancy to the next is in the log; null when the status stays.
export function change(before, after, nowMs) {
  if (after.since === null || before?.status === after.status) return null;
  let atMs = ms(after.since);
  if (before?.since && after.since === before.since) atMs = ms(after.at) ?? nowMs;
  const known = Boolean(before?.since);
  return {
    outlet: after.outlet, status: after.status, at_ms: atMs,
    was: known ? before.status : null, lasted_ms: known ? Math.max(0, atMs - ms(before.since)) : null,
  };
}

const tells = ({ status, was }) =>
  status !== "closed" && was !== "closed" && !(STAFFED.includes(status) && STAFFED.includes(was));

// The newest `most` lines of the last hour; `more`: how many there are beyond them. Only what is shown is put in words.
export function lines(changes, alerts, plan, nowMs, words, most) {
  const found = [
    ...changes.filter((one) => one.outlet in plan.outlets && tells(one)).map((change) => (
      { atMs: change.at_ms, where: plan.subjects[`outlet/${change.outlet}`].label, change })),
    ...alerts.filter((one) => !stands(one)).map((alert) => (
      { atMs: ms(alert.disproved ?? alert.resolved), where: subjectOf(alert, plan).label, alert })),
  ].filter((one) => one.atMs > nowMs - HOUR_MS).sort((a, b) => b.atMs - a.atMs || (a.where < b.where ? 1 : -1));
  return {
    lines: found.slice(0, most).map(({ change, alert }) =>
      change ? changeLine(change, plan, words) : endedLine(alert, plan, words)),
    more: Math.max(0, found.length - most),
  };
}

function changeLine(one, plan, words) {
  return {
    atMs: one.at_ms,
    at: words.clock(one.at_ms),
    state: one.status,
    where: plan.subjects[`outlet/${one.outlet}`].label,
    href: plan.outlets[one.outlet].href,
    icon: `st-${one.status}`,
    word: words.text(`state.${one.status}`),
    more: one.was === null || one.lasted_ms < 1000 ? "" : words.text("log.was", {
      state: words.text(`state.${one.was}`).toLowerCase(), span: words.span(one.lasted_ms),
    }),
  };
}

function endedLine(alert, plan, words) {
  const subject = subjectOf(alert, plan);
  const disproved = alert.state === "disproved";
  const atMs = ms(disproved ? alert.disproved : alert.resolved);
  const lasted = words.text("log.after", {
    kind: words.text(`kind.${alert.kind}`).toLowerCase(), span: words.span(atMs - ms(alert.since)),
  });
  const reason = disproved || alert.reason === null ? "" : words.text(`reason.${alert.reason}`);
  return {
    atMs,
    at: words.clock(atMs),
    state: !disproved && ["presence", "ended"].includes(alert.reason) ? "staffed" : "unknown",
    where: subject.label,
    href: hrefOf(subject, plan),
    icon: "i-check",
    word: words.text(disproved ? "log.disproved" : "log.resolved"),
    more: [lasted, reason].filter(Boolean).join("; "),
  };
}

// The site as a whole

export function hoursSentence(spans, nowMs, words) {
  if (spans.some(([start, end]) => end - start > 7 * 24 * HOUR_MS)) return words.text("hours.always");
  const today = spans.filter(([start]) => words.sameDay(start, nowMs));
  const parts = today.map(([start, end]) => `${words.clock(start)}–${words.clock(end)}`);
  const said = parts.length ? words.text("hours.today", { spans: words.listed(parts) }) : words.text("hours.none");
  return `${said} ${whatComes(spans, today, nowMs, words)}`.trimEnd();
}

function whatComes(spans, today, nowMs, words) {
  for (const [start, end] of spans) {
    if (nowMs < start) {
      if (start - nowMs < HOUR_MS) return words.text("hours.open_in", { span: words.span(start - nowMs) });
      return words.text("hours.open", { at: words.coming(start, nowMs) });
    }
    if (nowMs < end) {
      const key = today.some(([later]) => later > nowMs) ? "hours.break" : "hours.close";
      return words.text(key, { span: words.span(end - nowMs) });
    }
  }
  return "";
}

export function warning(alerts, distrust, unwatched, occupancies, words) {
  if (distrust) {
    const key = `untrusted.${distrust.cause}`;
    const head = distrust.since === null
      ? words.text(`${key}.never`) : words.text(key, { at: words.clockS(ms(distrust.since)) });
    return [head, words.text("untrusted.body")];
  }
  if (unwatched) return [words.text("unwatched", { at: words.clockS(ms(unwatched)) }), words.text("unwatched.body")];
  const outage = alerts.find((one) => one.kind === "site_outage" && stands(one));
  if (!outage) return null;
  const values = {
    at: words.clock(ms(outage.since)), unknown: occupancies.filter(isBlind).length, all: occupancies.length,
  };
  if (values.unknown === 0) return [words.text("outage.over", values), words.text("outage.over.body")];
  if (values.unknown * 100 < values.all * OUTAGE_PERCENT) {
    return [words.text("outage.ending", values), words.text("outage.over.body")];
  }
  return [words.text("outage.head", values), words.text("outage.body")];
}

function isBlind({ zones }) {
  return (zones.staff ? [zones.staff] : Object.values(zones)).every((zone) => zone.state === "unknown");
}
