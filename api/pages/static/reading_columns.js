// Readings as the columns that uPlot draws, and in words.

// Columns of uPlot: instants, last, least, greatest; where nothing was said stands null, and no line is drawn over it.
export function columnsOf(line, bucketMs) {
  const columns = [[], [], [], []];
  if (!line) return columns;
  const gapMs = line.gap_s * 1000;
  let beforeMs = null;
  line.at.forEach((text, place) => {
    const atMs = Date.parse(text);
    if (beforeMs !== null && atMs - beforeMs > gapMs) put(columns, beforeMs + bucketMs, null, null, null);
    put(columns, atMs, line.last[place], line.min[place], line.max[place]);
    beforeMs = atMs;
  });
  return columns;
}

function put(columns, ...values) {
  values.forEach((value, place) => columns[place].push(value));
}

// `stepMs`: the width of a bucket, which decides whether seconds are told
export class ReadingWords {
  stepMs = 0;
  #words;

  constructor(words) {
    this.#words = words;
  }

  value(plot, value) {
    if (plot.truth) return this.#words.text(value >= 0.5 ? "outlet.plot.true" : "outlet.plot.false");
    const number = String(Number(value.toPrecision(4))).replace(".", this.#words.text("outlet.decimal"));
    return plot.unit ? `${number}\u00a0${plot.unit}` : number;
  }

  // What was read at a place of the columns
  at(plot, [at, last, least, greatest], place) {
    const clock = this.stepMs < 60_000 ? this.#words.clockS(at[place]) : this.#words.clock(at[place]);
    if (last[place] == null) return this.#words.text("outlet.plot.gap", { at: clock });
    const values = { at: clock, last: this.value(plot, last[place]) };
    if (least[place] === greatest[place]) return this.#words.text("outlet.plot.at.one", values);
    return this.#words.text("outlet.plot.at", {
      ...values, least: this.value(plot, least[place]), greatest: this.value(plot, greatest[place]),
    });
  }
}
