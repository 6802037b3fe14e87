// Texts, numbers and instants as people read them, in the language of the page, by the browser's Intl; api/words.py
// does the same on the server, by Babel.

const NBSP = "\u00a0";
const DAY_MS = 86_400_000;
const LOCALES = { id: "id", en: "en-GB" };

const language = () => document.documentElement.lang;
const form = (zone, fields) => new Intl.DateTimeFormat(LOCALES[language()], { timeZone: zone, hourCycle: "h23", ...fields });

// Selasa, 24 November 2026, of an ISO date
export function fullDate(day) {
  const fields = { weekday: "long", day: "numeric", month: "long", year: "numeric" };
  return form("UTC", fields).format(Date.parse(day));
}

export class Clock {
  #short;
  #withSeconds;

  constructor(zone) {
    this.#short = form(zone, { hour: "2-digit", minute: "2-digit" });
    this.#withSeconds = form(zone, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  }

  // 10.42
  short(atMs) {
    return this.#short.format(atMs);
  }

  // 10.42.07
  withSeconds(atMs) {
    return this.#withSeconds.format(atMs);
  }
}

export class Words {
  #texts;
  #clock;
  #plurals = new Intl.PluralRules(LOCALES[language()]);
  #numbers = new Intl.NumberFormat(LOCALES[language()]);
  #lists = new Intl.ListFormat(LOCALES[language()]);
  #date;
  #weekday;
  #day;

  constructor(texts, zone) {
    this.#texts = texts;
    this.#clock = new Clock(zone);
    this.#date = form(zone, { weekday: "short", day: "numeric", month: "short" });
    this.#weekday = form(zone, { weekday: "long" });
    this.#day = form(zone, { year: "numeric", month: "numeric", day: "numeric" });
  }

  text(key, values = {}) {
    let text = this.#texts[key];
    if (typeof text === "object") text = text[this.#plurals.select(values.n)];
    return text.replace(/\{(\w+)\}/g, (_, name) => {
      const value = values[name];
      return typeof value === "number" ? this.number(value) : value;
    });
  }

  get(key, otherwise) {
    return key in this.#texts ? this.text(key) : otherwise;
  }

  number(n) {
    return this.#numbers.format(n);
  }

  // 08.00–12.00 dan 13.00–15.00
  listed(parts) {
    return this.#lists.format(parts);
  }

  clock(atMs) {
    return this.#clock.short(atMs);
  }

  clockS(atMs) {
    return this.#clock.withSeconds(atMs);
  }

  // Sel 24 Nov
  date(atMs) {
    const { weekday, day, month } = parts(this.#date, atMs);
    return `${weekday} ${day} ${month}`;
  }

  // 13.00 today, Kamis 08.00 within a week, else 3 Des 08.00
  coming(atMs, nowMs) {
    const days = this.#days(atMs) - this.#days(nowMs);
    if (days === 0) return this.clock(atMs);
    if (days > 0 && days < 7) return `${this.#weekday.format(atMs)} ${this.clock(atMs)}`;
    const { day, month } = parts(this.#date, atMs);
    return `${day} ${month} ${this.clock(atMs)}`;
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

  // Days between 1970 and the local date.
  #days(atMs) {
    const { year, month, day } = parts(this.#day, atMs);
    return Math.round(Date.UTC(year, month - 1, day) / DAY_MS);
  }
}

function parts(form, atMs) {
  return Object.fromEntries(form.formatToParts(atMs).map(({ type, value }) => [type, value]));
}
