// What the reader chose, and the page drawn from it.
const state = { loss: "", data: "", file: null, records: null, steps: 0 };
const at = (id) => document.getElementById(id);
const chosen = () => atlas.sick[at("failure").value];

function draw() {
  const sick = chosen();
  const failure = sick && { curves: sick.curves, signals: mapped(sickExcess(sick), (values) => verdict(values, sick.steps)) };
  const curves = state.records && runCurves(state.records, state.steps);
  const found = curves && compare(curves, state.loss, state.data, state.steps);
  const run = curves && { curves, signals: found?.signals ?? {} };
  at("about-run").replaceChildren(...(curves ? runText(found) : []));
  at("about-failure").replaceChildren(...(sick ? failureText(sick, failure.signals) : []));
  at("about-band").textContent = `Band of ${describeBand(state.loss, state.data)}.`;
  for (const id of ["run", "failure"]) at(`key-${id}`).hidden = !(id === "run" ? run : failure);
  const bands = bandsOf(state.loss, state.data);
  const steps = curves ? state.steps : (sick ?? entryOf(state.loss, state.data))?.steps;
  const names = Object.keys(atlas.signals).filter((name) => bands[name] || run?.curves[name] || failure?.curves[name]);
  at("panels").replaceChildren(...names.map((name) => panel(name, bands[name], failure, run, steps)));
  drawPictures(sick);
}

function runText(found) {
  const facts = `${state.file.name}: ${state.records.length} records, to step ${whole(state.records.at(-1).step)} of ${whole(state.steps)}`;
  const said = found ? nearestText(found) : ["no comparison: the log has none of the signals of the atlas yet"];
  return [make("h2", {}, "Your log"), ...[facts, ...said].map((text) => make("p", {}, text))];
}

function failureText(sick, signals) {
  const pairs = [["Run", `${runName(sick)}, seed ${sick.seed}, ${whole(sick.steps)} steps`], ["Cause", sick.cause], ...seenText(sick, signals), ["Remedy", sick.remedy]];
  return [make("h2", {}, sick.name), make("dl", {}, ...pairs.flatMap(([name, text]) => [make("dt", {}, name), make("dd", {}, text)]))];
}

const runName = (each) => `${each.loss} on ${each.data}`;

// The signals that end outside, by the step from which they stay there; then those that are measured on the images.
function seenText(sick, signals) {
  const left = Object.entries(signals).filter(([, each]) => !each.inside && each.since !== null);
  const steps = [...new Set(left.map(([, each]) => each.since))].sort((a, b) => a - b);
  const labels = (step, some = left) => some.filter(([, each]) => each.since === step).map(([name]) => atlas.signals[name].label).join(", ");
  if (!steps.length) return [["Seen first", "no signal leaves its band and stays outside"]];
  const [first, ...later] = steps.map((step) => `step ${whole(step)}: ${labels(step)}`);
  const images = left.filter(([name]) => atlas.image_signals.includes(name));
  const seen = Math.min(...images.map(([, each]) => each.since));
  const delay = seen === steps[0] ? "at the same time" : `${whole(seen - steps[0])} steps later`;
  const shown = images.length ? `${delay}: ${labels(seen, images)}` : "no measure of the images stays outside its band";
  const exact = `Steps are exact to ${whole(Math.ceil(sick.steps / POINTS))}.`;
  return [["Seen first", first], ...(later.length ? [["Then", later.join("; ")]] : []), ["In the images", `${shown}. ${exact}`]];
}

function drawPictures(sick) {
  const band = entryOf(state.loss, state.data);
  const shown = [[band, "healthy runs"], [sick, `the failure ${sick?.name}`]].filter(([each]) => each);
  const rows = shown.filter(([each]) => each.pictures.length).flatMap(([each, title]) => pictureRow(each, title));
  const without = shown.filter(([each]) => !each.pictures.length).map(([each, title]) => `${title}, ${runName(each)}`);
  const note = without.length ? [make("p", { class: "note" }, `No pictures are recorded of: ${without.join("; ")}.`)] : [];
  at("pictures").replaceChildren(...rows, ...note);
}

function pictureRow(each, title) {
  const figures = each.pictures.map(({ step, source }) => {
    const image = make("img", { src: source, alt: `Samples of ${title}, ${runName(each)}, step ${whole(step)}` });
    return make("figure", {}, image, make("figcaption", {}, `step ${whole(step)}`));
  });
  return [make("h3", {}, `${title[0].toUpperCase()}${title.slice(1)}: ${runName(each)}`), make("div", { class: "many pictures" }, ...figures)];
}

function chooseBand(loss, data) {
  Object.assign(state, { loss, data });
  at("loss").value = atlas.healthy.includes(entryOf(loss, data)) ? atlas.healthy.indexOf(entryOf(loss, data)) : "";
}

// The nearest failure is drawn if the log is like it, as doctor does.
function nameFailure() {
  if (!state.records) return;
  const found = compare(runCurves(state.records, state.steps), state.loss, state.data, state.steps);
  at("failure").value = found?.alike ? atlas.sick.indexOf(found.nearest[0].sick) : "";
}

async function receive(files) {
  const texts = await Promise.all([...files].map(async (file) => ({ name: file.name, text: await file.text() })));
  const config = texts.find(({ name }) => name === "config.json");
  const file = texts.find((each) => each !== config);
  attempt(() => {
    const facts = config && configFacts(parsed(config.text));
    state.file = file ?? fail("config.json has no curves; drop metrics.jsonl of the same run with it");
    at("steps").value = facts?.steps ?? "";
    if (facts) chooseBand(facts.loss, facts.data);
    readFile();
  });
}

function configFacts(config) {
  const [name, data, steps] = [config?.loss?.name, config?.dataset?.name, config?.train?.steps];
  if (!name || !data || !steps) fail("config.json is not the config of a run");
  return { loss: config.networks?.pyramid?.length ? `${name} pyramid` : name, data, steps };
}

function readFile() {
  const { name, text } = state.file;
  const isLog = name.endsWith(".jsonl") || text.trimStart().startsWith("{");
  const records = isLog ? readLog(name, text) : readCsv(name, text, parseMap(at("columns").value));
  const last = records.at(-1).step;
  const steps = Number(at("steps").value) || Math.max(last, 1);
  if (steps < last) fail(`Planned steps ${steps}: ${name} has steps to ${last}; give the planned steps`);
  Object.assign(state, { records, steps });
  at("steps").value = steps;
  nameFailure();
}

function attempt(change) {
  at("error").textContent = "";
  try {
    change();
  } catch (error) {
    state.records = null;
    at("error").textContent = error.message;
  }
  draw();
}

at("app").hidden = false;
chooseBand(...(atlas.healthy.length ? [atlas.healthy[0].loss, atlas.healthy[0].data] : ["", ""]));
at("loss").addEventListener("change", () => {
  const each = atlas.healthy[at("loss").value];
  attempt(() => (chooseBand(each?.loss ?? "", each?.data ?? ""), nameFailure()));
});
at("failure").addEventListener("change", () => {
  if (chosen() && !state.records) chooseBand(chosen().loss, chosen().data);
  draw();
});
for (const id of ["columns", "steps"]) at(id).addEventListener("change", () => state.file && attempt(readFile));
at("file").addEventListener("change", () => receive(at("file").files));
for (const kind of ["dragover", "dragleave", "drop"]) {
  addEventListener(kind, (event) => {
    event.preventDefault();
    at("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files.length) receive(event.dataTransfer.files);
  });
}
draw();
