// What is known of a site while a page of it is open: the events of the feed, laid over what the page was made with.

import * as floor from "./floor.js";

const HOUR_MS = 3_600_000;
const WITHIN_MS = 3_000; // all pages of a site hear of it at once, and shall not ask for theirs at once
const AGAIN_MS = 10_000;

// `plan`: the page's data. Calls on.changed(outlet) when an outlet takes another status, on.fired(alert) for a new alert,
// on.answering(page) when others are to be called, with the page as the server makes it now.
export class LiveState {
  occupancies = new Map(); // outlet -> occupancy as it is shown
  alerts = new Map(); // id -> alert
  distrust = null;
  unwatched = null; // since when nobody raises alerts
  started = false;
  #plan;
  #on;
  #reloads = false;
  #asks = false;
  #believed = new Map(); // outlet -> the last one that came while its site was believed
  #aheadMs; // how much the server's clock is ahead of this one

  constructor(plan, on = {}) {
    this.#plan = plan;
    this.#on = on;
    this.changes = plan.changes;
    this.heardAtMs = plan.now_ms;
    this.#aheadMs = plan.now_ms - Date.now();
  }

  get now() {
    return Date.now() + this.#aheadMs;
  }

  take(kind, data) {
    if (kind === "heartbeat") this.#tell(data.at);
    else if (kind === "snapshot") this.#takeSnapshot(data);
    else if (kind === "occupancy") this.#takeOccupancy(data);
    else if (kind === "alert") this.#takeAlert(data);
  }

  #tell(at) {
    this.heardAtMs = Date.parse(at);
    this.#aheadMs = this.heardAtMs - Date.now();
    // A wall stays open for months: what ended longer ago than the log tells is not kept.
    for (const [id, alert] of this.alerts) {
      const ended = alert.disproved ?? alert.resolved;
      if (ended !== null && Date.parse(ended) <= this.heardAtMs - HOUR_MS) this.alerts.delete(id);
    }
  }

  #takeSnapshot(snapshot) {
    this.#tell(snapshot.at);
    if (snapshot.layouts[this.#plan.site] !== this.#plan.layout) {
      this.#reloadSoon(); // outlets came, went or changed their names
      if (!this.started) return;
    }
    const muted = snapshot.muted[this.#plan.site] ?? {};
    for (const [outlet, fixed] of Object.entries(this.#plan.outlets)) fixed.muted = muted[outlet] ?? [];
    if (snapshot.answering[this.#plan.site] !== this.#plan.answering) this.#askSoon(WITHIN_MS);
    this.distrust = snapshot.untrusted[this.#plan.site] ?? null;
    this.unwatched = snapshot.unwatched[this.#plan.site] ?? null;
    for (const occupancy of snapshot.outlets) this.#takeOccupancy(occupancy);
    const known = new Set(snapshot.alerts.map((one) => one.id));
    for (const id of this.alerts.keys()) if (!known.has(id)) this.alerts.delete(id);
    for (const alert of snapshot.alerts) this.#takeAlert(alert);
    this.started = true;
  }

  #reloadSoon() {
    if (this.#reloads) return;
    this.#reloads = true;
    setTimeout(() => location.reload(), Math.random() * WITHIN_MS);
  }

  // Who answers is told with telephones, which are not for everybody: the server makes the page for its reader.
  #askSoon(withinMs) {
    if (this.#asks) return;
    this.#asks = true;
    setTimeout(() => this.#ask(), Math.random() * withinMs);
  }

  async #ask() {
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
      if (!answer.ok) throw new Error(String(answer.status));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = JSON.parse(page.getElementById("data").textContent);
      for (const [outlet, { phone, tel }] of Object.entries(fresh.outlets)) {
        if (outlet in this.#plan.outlets) Object.assign(this.#plan.outlets[outlet], { phone, tel });
      }
      this.#plan.contacts = fresh.contacts;
      this.#plan.answering = fresh.answering;
      this.#asks = false;
      this.#on.answering?.(page);
    } catch {
      setTimeout(() => this.#ask(), AGAIN_MS); // the line is down, which the feed tells
    }
  }

  #takeOccupancy(occupancy) {
    const { outlet } = occupancy;
    if (!(outlet in this.#plan.outlets)) return; // of another agency
    const before = this.occupancies.get(outlet);
    this.occupancies.set(outlet, occupancy);
    if (before && before.status !== occupancy.status) this.#on.changed?.(outlet);
    if (this.distrust) return;
    const change = this.started ? floor.change(this.#believed.get(outlet), occupancy, this.now) : null;
    if (change) this.changes = [change, ...this.changes].filter((one) => one.at_ms > this.now - HOUR_MS);
    this.#believed.set(outlet, occupancy);
  }

  #takeAlert(alert) {
    const isNew = this.started && !this.alerts.has(alert.id) && alert.state === "firing";
    this.alerts.set(alert.id, alert);
    if (isNew) this.#on.fired?.(alert);
  }
}
