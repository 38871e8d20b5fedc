"use strict";
// The comparison of ganzoo/atlas (curves.py, compare.py) and the words of ganzoo/cli/over_band.py, function by function;
// tests/atlas/test_atlas_page.py compares the two on the same logs.
const atlas = JSON.parse(document.getElementById("atlas").textContent);
const { POINTS, LIMIT, TINY, RECENT, MARGIN, SLACK, CLIP, VISIBLE, OUTSIDE_SHARE, NAMED } = atlas.constants;
const OWN_TERMS = { d: ["d/real", "d/fake", "d/pair"], g: ["g/adv", "g/pair"] };

const known = (values) => values.filter(Number.isFinite);
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const clip = (value, size) => Math.min(Math.max(value, -size), size);
const numbers = (values) => values.map((value) => value ?? NaN);
const mapped = (table, change) => Object.fromEntries(Object.entries(table).map(([name, value]) => [name, change(value)]));

for (const each of [atlas, ...atlas.healthy]) {
  const key = each === atlas ? "pooled" : "bands";
  each[key] = mapped(each[key], (band) => band.map(numbers));
}
for (const sick of atlas.sick) sick.curves = mapped(sick.curves, numbers);

const SCALES = {
  ratio(values) {
    const first = Math.abs(known(values).find((value) => value !== 0) ?? 1);
    return values.map((value) => Math.log10(Math.abs(value) / first));
  },
  objective(values) {
    const first = known(values).slice(0, RECENT).map(Math.abs);
    const unit = first.length ? Math.max(first[0], median(first), TINY) : 1;
    return values.map((value) => Math.sign(value) * Math.log10(1 + Math.abs(value) / unit));
  },
  unchanged: (values) => values,
};

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return mean([sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]]);
}

function runCurves(records, steps) {
  const found = {};
  for (const [name, signal] of Object.entries(atlas.signals)) {
    const logged = records.filter(({ terms }) => termNames(terms, name).length);
    const values = logged.map(({ terms }) => reading(terms, name));
    if (logged.length) found[name] = curve(logged.map(({ step }) => step / steps), values, SCALES[signal.scale]);
  }
  return found;
}

function termNames(terms, name) {
  return Object.keys(terms).filter((term) => term === name || term.startsWith(`${name}/`));
}

function reading(terms, name) {
  if (!(name in OWN_TERMS)) return terms[name] ?? NaN;
  const own = OWN_TERMS[name].filter((term) => term in terms);
  const values = (own.length ? own : termNames(terms, name)).map((term) => terms[term]);
  return values.length && !values.includes(null) ? values.reduce((sum, value) => sum + value) : NaN;
}

function curve(at, values, scale) {
  const scaled = scale(values).map((value) => (Number.isNaN(value) ? LIMIT : clip(value, LIMIT)));
  const cells = at.map((each) => Math.ceil(each * POINTS - 1e-9) - 1);
  return Array.from({ length: POINTS }, (_, i) => {
    const point = (i + 1) / POINTS;
    if (point >= at.at(-1) && !Number.isFinite(values.at(-1))) return LIMIT;
    const mine = scaled.filter((_, record) => cells[record] === i);
    if (mine.length) return mean(mine);
    return point >= at[0] && point <= at.at(-1) ? interpolate(point, at, scaled) : NaN;
  });
}

function interpolate(x, at, values) {
  const next = at.findIndex((each) => each > x);
  if (next < 0) return values.at(-1);
  const [left, right] = [next - 1, next];
  return values[left] + ((values[right] - values[left]) / (at[right] - at[left])) * (x - at[left]);
}

function entryOf(loss, data) {
  const found = atlas.healthy.filter((each) => each.loss === loss);
  return found.find((each) => each.data === data) ?? found[0];
}

const bandsOf = (loss, data) => ({ ...atlas.pooled, ...entryOf(loss, data)?.bands });

function excess(curves, bands) {
  const found = {};
  for (const [name, values] of Object.entries(curves).filter(([name]) => name in bands)) {
    const [low, , high] = bands[name];
    const beyond = values.map((value, i) => {
      const margin = MARGIN * (high[i] - low[i]) + SLACK;
      return Math.max(value - high[i] - margin, 0) + Math.min(value - low[i] + margin, 0);
    });
    if (known(beyond).length) found[name] = beyond;
  }
  return found;
}

const sickExcess = (sick) => excess(sick.curves, bandsOf(sick.loss, sick.data));
const nothing = (own) => mapped(own, (values) => values.map((value) => value * 0));

function distance(one, other) {
  const names = Object.keys(one).filter((name) => name in other);
  const gaps = names.map((name) => known(one[name].map((v, i) => Math.abs(clip(v, CLIP) - clip(other[name][i], CLIP)))));
  const means = gaps.filter((each) => each.length).map(mean);
  return means.length ? mean(means) : Infinity;
}

function compare(curves, loss, data, steps) {
  const own = excess(curves, bandsOf(loss, data));
  if (!Object.keys(own).length) return null;
  const visible = atlas.sick.filter((sick) => distance(nothing(own), sickExcess(sick)) > VISIBLE);
  const far = visible.map((sick) => ({ sick, far: distance(own, sickExcess(sick)) })).filter((each) => each.far < Infinity);
  far.sort((a, b) => a.far - b.far);
  const kinds = far.filter((each, i) => far.findIndex((other) => other.sick.name === each.sick.name) === i);
  const nearest = kinds.slice(0, NAMED);
  const fromBand = distance(own, nothing(own));
  const signals = mapped(own, (values) => verdict(values, steps));
  return { signals, fromBand, nearest, alike: nearest.length > 0 && nearest[0].far < fromBand };
}

function verdict(values, steps) {
  const places = [...values.keys()].filter((i) => Number.isFinite(values[i]));
  const inside = places.filter((i) => values[i] === 0);
  const after = inside.length ? places.filter((i) => i > inside.at(-1)) : places;
  const share = 1 - inside.length / places.length;
  const since = after.length ? even((after[0] * steps) / POINTS) + 1 : null;
  return { share, since, inside: share <= OUTSIDE_SHARE };
}

// Halves are rounded to the even neighbor, as in Python.
const even = (value) => (Math.abs(value % 1) === 0.5 ? 2 * Math.round(value / 2) : Math.round(value));
const whole = (value) => value.toLocaleString("en-US");

// Two digits, as "%.2g" of Python writes them.
function short(value) {
  const rounded = Number(value.toPrecision(2));
  return rounded && Math.abs(rounded) < 1e-4 ? rounded.toExponential().replace(/-(\d)$/, "-0$1") : String(rounded);
}

const quoted = (text) => (text.includes("'") ? `"${text}"` : `'${text}'`);

function outside({ inside, share, since }) {
  return inside ? "inside" : `${even(100 * share)}%` + (since === null ? "" : ` from ${whole(since)}`);
}

function describeBand(loss, data) {
  const found = entryOf(loss, data);
  const every = `all ${atlas.healthy.reduce((sum, each) => sum + each.runs, 0)} healthy runs`;
  if (!found) return loss ? `${every} (none of loss ${quoted(loss)})` : every;
  const where = found.data === data ? data : `${found.data} (none on ${data})`;
  return `${found.runs} healthy runs of ${found.loss} on ${where}, ${whole(found.steps)} steps`;
}

function nearestText(found) {
  if (!found.nearest.length) return [];
  const [{ sick, far }, ...rest] = found.nearest;
  if (!found.alike) {
    const [all, away] = [Object.keys(found.signals).length, Object.values(found.signals).filter((each) => !each.inside).length];
    const near = `nearer to the band (${short(found.fromBand)}) than to any failure`;
    const unlike = `outside the band in ${away} of ${all} signals, but like no failure of the atlas`;
    return [`${2 * away > all ? unlike : near} (nearest: ${sick.name}, ${short(far)})`];
  }
  const first = `most like the failure ${quoted(sick.name)}: distance ${short(far)}, from the band ${short(found.fromBand)}. `;
  const then = rest.map((each) => `${each.sick.name} (${short(each.far)})`).join("; ");
  return [`${first}Its cause: ${sick.cause}. Try: ${sick.remedy}`, ...(then ? [`next nearest: ${then}`] : [])];
}
