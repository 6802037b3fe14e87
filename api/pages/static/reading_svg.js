// Readings and states as SVG: below the canvas, and on paper.

const SVG = "http://www.w3.org/2000/svg";

// The states behind the lines, in a box of `width` units.
export function bandsOf(booked, shown, width, unit) {
  const scale = width / (shown.toMs - shown.fromMs);
  return booked.filter(([from, to, booking]) => booking !== "attended" && from < shown.toMs && to > shown.fromMs)
    .map(([from, to, booking]) => {
      const [left, right] = [Math.max(from, shown.fromMs), Math.min(to, shown.toMs)];
      return drawnAs("rect", {
        class: `band-${booking}`, x: `${(left - shown.fromMs) * scale}${unit}`, width: `${(right - left) * scale}${unit}`,
        y: 0, height: "100%",
      });
    });
}

export function drawnAs(name, attributes) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

// Draws as the server does.
export function redraw({ svg, plot, columns: [at, last, least, greatest] }, booked, shown) {
  const known = last.flatMap((value, n) => (value === null ? [] : [n]));
  const low = plot.truth ? 0 : Math.min(...known.map((n) => least[n]));
  const high = plot.truth ? 1 : Math.max(...known.map((n) => greatest[n]), low + Number.EPSILON);
  const point = (n, column, of = n) =>
    `${(1000 * (at[n] - shown.fromMs)) / (shown.toMs - shown.fromMs)},${100 - (100 * (column[of] - low)) / (high - low)}`;
  const runs = [];
  known.forEach((n, k) => (k && known[k - 1] === n - 1 ? runs.at(-1).push(n) : runs.push([n])));
  svg.replaceChildren(...bandsOf(booked, shown, 1000, ""), ...runs.flatMap((run) => [
    drawnAs("polygon", {
      points: [...run.map((n) => point(n, greatest)), ...run.toReversed().map((n) => point(n, least))].join(" "),
    }),
    drawnAs("polyline", {
      // true holds until false is said
      points: run.map((n, k) => (plot.truth && k ? `${point(n, last, n - 1)} ${point(n, last)}` : point(n, last))).join(" "),
    }),
  ]));
}
