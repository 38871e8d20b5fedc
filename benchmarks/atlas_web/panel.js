// Elements of the page, and one signal drawn over its band.
function make(tag, attributes = {}, ...children) {
  const drawn = ["svg", "path", "line"].includes(tag);
  const made = drawn ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function panel(name, band, failure, run, steps) {
  const { label, unit } = atlas.signals[name];
  const lines = [failure, run].map((each) => each?.curves[name]);
  const [low, high] = range([...(band ?? []), ...lines.filter((each) => each)].flatMap(known));
  const y = (value) => (100 * (high - value)) / (high - low);
  const paths = [
    ...(band ? [["band", area(band[0], band[2], y)], ["middle", path(band[1], y)]] : []),
    ...["failure", "run"].flatMap((kind, i) => (lines[i] ? [[kind, path(lines[i], y)]] : [])),
  ].map(([kind, d]) => make("path", { class: kind, d }));
  const said = [[failure, "failure"], [run, "your log"]].flatMap(([each, who]) => verdictOf(each?.signals[name], who));
  const marks = ticks(low, high);
  const rules = marks.map((value) => make("line", { x1: 0, x2: 100, y1: y(value), y2: y(value) }));
  const alt = [label, ...said.map((each) => each.textContent)].join("; ");
  const svg = make("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "none", role: "img", "aria-label": alt }, ...rules, ...paths);
  const axis = marks.map((value) => make("span", { style: `top: ${y(value)}%` }, String(Number(value.toPrecision(3)))));
  const plot = make("div", { class: "plot" }, make("div", { class: "axis", "aria-hidden": "true" }, ...axis), svg);
  const ends = make("div", { class: "steps", "aria-hidden": "true" }, make("span", {}, "0"), make("span", {}, steps ? `step ${whole(steps)}` : "end"));
  return make("figure", {}, make("h3", {}, label), plot, ends, make("figcaption", {}, unit, ...said));
}

function verdictOf(signal, who) {
  if (!signal) return [];
  const text = signal.inside ? "inside" : `outside, ${outside(signal)}`;
  return [make("span", { class: signal.inside ? "" : who === "failure" ? "second" : "alarm" }, `${who}: ${text}`)];
}

function range(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const margin = 0.06 * (high - low) || 0.5;
  return [low - margin, high + margin];
}

function ticks(low, high) {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
  return Array.from({ length: 6 }, (_, i) => (Math.ceil(low / step) + i) * step).filter((value) => value <= high);
}

// Runs of neighboring points that are known.
function stretches(values) {
  const found = [];
  values.forEach((value, i) => {
    if (!Number.isFinite(value)) return;
    if (Number.isFinite(values[i - 1])) found.at(-1).push(i);
    else found.push([i]);
  });
  return found;
}

const place = (i, value, y) => `${(100 * (i + 1)) / POINTS},${y(value).toFixed(2)}`;
const path = (values, y) => stretches(values).map((each) => `M${each.map((i) => place(i, values[i], y)).join("L")}h0`).join("");

function area(low, high, y) {
  const sides = (each) => [...each.map((i) => place(i, low[i], y)), ...[...each].reverse().map((i) => place(i, high[i], y))];
  return stretches(low).map((each) => `M${sides(each).join("L")}Z`).join("");
}
