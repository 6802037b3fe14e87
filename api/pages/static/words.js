// Texts, numbers and instants as people read them; api/words.py does the same on the server.

const NBSP = "\u00a0";
const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

export class Words {
  #texts;
  #format;

  constructor(texts, zone) {
    this.#texts = texts;
    this.#format = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone, hourCycle: "h23", weekday: "short", year: "numeric",
      month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
    });
  }

  text(key, values = {}) {
    let text = this.#texts[key];
    if (typeof text === "object") text = values.n === 1 ? text.one : text.other;
    return text.replace(/\{(\w+)\}/g, (_, name) => {
      const value = values[name];
      return typeof value === "number" ? this.number(value) : value;
    });
  }

  get(key, otherwise) {
    return key in this.#texts ? this.text(key) : otherwise;
  }

  number(n) {
    return String(n).replace(/\B(?=(\d{3})+$)/g, this.#texts["number.group"]);
  }

  clock(atMs) {
    const at = this.#local(atMs);
    return `${at.hour}${this.#texts["time.dot"]}${at.minute}`;
  }

  clockS(atMs) {
    return `${this.clock(atMs)}${this.#texts["time.dot"]}${this.#local(atMs).second}`;
  }

  date(atMs) {
    const at = this.#local(atMs);
    return `${this.#name("day.short", at.weekday)} ${at.day} ${this.#name("month.short", at.month - 1)}`;
  }

  // 13.00 today, Kamis 08.00 within a week, else 3 Des 08.00
  coming(atMs, nowMs) {
    const at = this.#local(atMs);
    const days = this.#days(atMs) - this.#days(nowMs);
    if (days === 0) return this.clock(atMs);
    if (days < 7) return `${this.#name("day.long", at.weekday)} ${this.clock(atMs)}`;
    return `${at.day} ${this.#name("month.short", at.month - 1)} ${this.clock(atMs)}`;
  }

  sameDay(oneMs, otherMs) {
    return this.#days(oneMs) === this.#days(otherMs);
  }

  span(ms) {
    const s = Math.floor(Math.max(0, ms) / 1000);
    const [m, h, d] = [Math.floor(s / 60), Math.floor(s / 3600), Math.floor(s / 86400)];
    let text;
    if (m === 0) text = this.text("span.s", { s });
    else if (h === 0) text = this.text("span.min", { m });
    else if (d === 0) text = this.text("span.h", { h, mm: String(m % 60).padStart(2, "0") });
    else text = this.text("span.d", { d, h: h % 24 });
    return text.replaceAll(" ", NBSP);
  }

  #name(key, place) {
    return this.#texts[key].split(" ")[place];
  }

  #days(atMs) {
    const at = this.#local(atMs);
    return Math.round(Date.UTC(at.year, at.month - 1, at.day) / 86_400_000);
  }

  #local(atMs) {
    const at = {};
    for (const { type, value } of this.#format.formatToParts(atMs)) at[type] = value;
    return {
      ...at, year: Number(at.year), month: Number(at.month), day: Number(at.day),
      weekday: WEEKDAYS.indexOf(at.weekday),
    };
  }
}
