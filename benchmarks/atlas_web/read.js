// Logs as records {step, terms}: metrics.jsonl of a run, or CSV as ganzoo/atlas/csv_log.py reads it. Errors are one line.

function fail(text) {
  throw new Error(text);
}

// As in ganzoo, a last line without an end was cut off and does not count.
function readLog(name, text) {
  const lines = text.split("\n").slice(0, -1);
  if (!lines.length) fail(`${name} has logged nothing yet`);
  return lines.map((line, i) => recordIn(line) ?? fail(`${name}, line ${i + 1}: not a record with a step and terms`));
}

function recordIn(line) {
  const { step, terms } = parsed(line) ?? {};
  const isTable = terms && typeof terms === "object" && !Array.isArray(terms);
  const values = isTable ? Object.values(terms) : [];
  if (!isTable || !Number.isInteger(step) || step < 0) return null;
  return values.every((value) => value === null || Number.isFinite(value)) ? { step, terms } : null;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function parseMap(text) {
  const columns = { step: "step" };
  for (const pair of text.split(",")) {
    const [signal, column] = pair.split(/=(.*)/s).map((each) => each.trim());
    if (!signal || !column) fail(`Columns ${text}: expected SIGNAL=COLUMN, separated by commas, as in d=loss_D,g=loss_G`);
    if (signal !== "step" && !(signal in atlas.signals)) {
      fail(`no signal is called ${quoted(signal)}; the signals: ${Object.keys(atlas.signals).join(", ")}`);
    }
    columns[signal] = column;
  }
  if (Object.keys(columns).length === 1) fail(`Columns ${text}: no signal is mapped; name one, as in d=loss_D`);
  return columns;
}

function readCsv(name, text, columns) {
  const lines = text.replace(/^\ufeff/, "").split(/\r\n|\r|\n/);
  const mark = [",", ";", "\t"].reduce((best, each) => (lines[0].split(each).length > lines[0].split(best).length ? each : best));
  const names = cells(lines[0], mark);
  const places = mapped(columns, (column) => {
    const place = names.indexOf(column);
    return place >= 0 ? place : fail(`${name} has no column ${quoted(column)}; its columns: ${names.join(", ") || "none"}`);
  });
  const records = lines.slice(1).map((line, i) => rowRecord(cells(line, mark), places, `${name}, line ${i + 2}`));
  const found = records.filter((record) => record);
  const late = found.findIndex((record, i) => i && record.step <= found[i - 1].step);
  if (late > 0) fail(`${name}: step ${found[late].step} after step ${found[late - 1].step}; expected growing steps`);
  return found.length ? found : fail(`${name} has no row with a step and a value; expected column names, then numbers`);
}

function cells(line, mark) {
  const part = new RegExp(` *(?:"((?:[^"]|"")*)"|([^${mark}]*))(?:${mark}|$)`, "gy");
  return [...(line + mark).matchAll(part)].slice(0, -1).map(([, own, plain]) => (own?.replaceAll('""', '"') ?? plain).trim());
}

function rowRecord(row, places, where) {
  const texts = Object.entries(places).map(([signal, place]) => [signal, row[place] ?? ""]);
  const logged = texts.filter(([signal, text]) => signal !== "step" && text);
  if (!logged.length) return null;
  const step = row[places.step] ?? "";
  if (!/^\d{1,15}(\.0*)?$/.test(step)) fail(`${where}: the step ${quoted(step)} is not a whole number from 0`);
  const names = { d: "d/loss", g: "g/loss" };
  const terms = logged.map(([signal, text]) => [names[signal] ?? signal, valueIn(text, where)]);
  return { step: Number.parseInt(step), terms: Object.fromEntries(terms) };
}

function valueIn(text, where) {
  if (/^[+-]?(nan|inf|infinity)$/i.test(text)) return null;
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) fail(`${where}: ${quoted(text)} is not a number; write 0.5, nan, or nothing`);
  return Math.abs(Number(text)) <= 1e300 ? Number(text) : null;
}
