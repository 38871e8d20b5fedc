"use strict";
const checkpoints = JSON.parse(document.getElementById("checkpoints").textContent);
const $ = (id) => document.getElementById(id);
const IMAGES = 16, FRAMES = 16, NONE = "", OFF = Number($("truncation").max), PACE = 120;
const figures = (side) => [...document.querySelectorAll(`figure[data-side="${side}"]`)];
const strips = {left: null, right: null};
const asked = {}, said = {};
let playing = null, pending = 0;

function option(value, text) {
  const made = document.createElement("option");
  made.value = value;
  made.textContent = text;
  return made;
}

function fill() {
  // The end of a path says more than its beginning, where it is enough to tell them apart.
  const ends = checkpoints.map((each) => each.name.split("/").pop());
  const names = () => checkpoints.map((each, i) => option(i, new Set(ends).size < ends.length ? each.name : ends[i]));
  $("left").append(...names());
  $("right").append(option(NONE, "nothing"), ...names());
  $("right").value = checkpoints.length > 1 ? "1" : NONE;
}

const chosen = () => ["left", "right"].filter((side) => $(side).value !== NONE);
const of = (side) => checkpoints[Number($(side).value)];

// What can be asked of all that are shown: classes they share, truncation if every latent is Gaussian.
function offer() {
  const shown = chosen().map(of), before = $("class").value;
  const common = shown[0].classes.filter((name) => shown.every((each) => each.classes.includes(name)));
  $("class").replaceChildren(option(NONE, common.length ? "as drawn" : "none to choose"), ...common.map((name) => option(name, name)));
  $("class").value = common.includes(before) ? before : NONE;
  $("class").disabled = !common.length;
  $("truncation").disabled = !shown.every((each) => each.truncates);
  const [a, b] = shown;
  $("latents").textContent = b === undefined ? `Latents: ${a.latent}.`
    : a.latent === b.latent ? `Both get the same latents: ${a.latent}.`
    : `The latents are not the same: ${a.latent} on the left, ${b.latent} on the right.`;
}

function shared() {
  const wanted = {};
  if (!$("class").disabled && $("class").value !== NONE) wanted.class = $("class").value;
  if (!$("truncation").disabled && Number($("truncation").value) < OFF) wanted.truncation = $("truncation").value;
  return wanted;
}

// An <img> cannot say why it failed, so pictures are fetched; what is late for a newer request is dropped.
async function picture(kind, wanted) {
  const answer = await fetch(`/${kind}.png?${new URLSearchParams(wanted)}`);
  if (!answer.ok) throw new Error((await answer.json()).error);
  return URL.createObjectURL(await answer.blob());
}

async function put(image, address) {
  if (image.src.startsWith("blob:")) URL.revokeObjectURL(image.src);
  image.src = address;
  await image.decode();
}

function draw(...kinds) {
  offer();
  $("psi").textContent = shared().truncation ? `values of z within ±${shared().truncation}` : "none";
  for (const side of ["left", "right"]) for (const each of figures(side)) each.hidden = !chosen().includes(side);
  for (const kind of kinds) refresh(kind);
}

async function refresh(kind) {
  const mine = asked[kind.name] = (asked[kind.name] ?? 0) + 1;
  const current = () => mine === asked[kind.name];
  document.querySelector("main").classList.toggle("loading", ++pending > 0);
  try {
    for (const side of chosen()) if (current()) await kind(side, current);
    if (current()) tell(kind, "");
  } catch (error) {
    if (current()) tell(kind, error instanceof TypeError ? "The demo does not answer; is it still running?" : error.message);
  }
  document.querySelector("main").classList.toggle("loading", --pending > 0);
}

async function samples(side, current) {
  const [figure] = figures(side), seed = $("seed").value, image = figure.querySelector("img");
  const address = await picture("samples", {checkpoint: $(side).value, seed, n: IMAGES, ...shared()});
  if (!current()) return URL.revokeObjectURL(address);
  await put(image, address);
  const last = Number(seed) + IMAGES - 1;
  image.alt = `Samples of ${of(side).name}, seeds ${seed} to ${last}`;
  figure.querySelector("h3").textContent = of(side).name;
  figure.querySelector("figcaption").textContent = `${of(side).data}, seeds ${seed} to ${last}`;
}

async function walk(side, current) {
  const figure = figures(side)[1], strip = figure.querySelector("img");
  const address = await picture("walk", {checkpoint: $(side).value, seed: $("from").value, to: $("to").value, frames: FRAMES, ...shared()});
  if (!current()) return URL.revokeObjectURL(address);
  await put(strip, address);
  strip.alt = `${FRAMES} steps of ${of(side).name} from seed ${$("from").value} to seed ${$("to").value}`;
  strips[side] = strip;
  show(side);
}

function show(side) {
  const strip = strips[side], at = Number($("at").value), canvas = figures(side)[1].querySelector("canvas");
  if (!strip) return;
  const width = strip.naturalWidth / FRAMES;
  Object.assign(canvas, {width, height: strip.naturalHeight});
  canvas.getContext("2d").drawImage(strip, at * width, 0, width, canvas.height, 0, 0, width, canvas.height);
  canvas.setAttribute("aria-label", `${of(side).name}, step ${at + 1} of ${FRAMES}`);
}

function step() {
  $("step").textContent = `${Number($("at").value) + 1} of ${FRAMES}`;
  for (const side of chosen()) show(side);
}

// There and back again.
function play() {
  let way = 1;
  return setInterval(() => {
    const at = Number($("at").value);
    if (at + way < 0 || at + way >= FRAMES) way = -way;
    $("at").value = at + way;
    step();
  }, PACE);
}

function tell(kind, text) {
  said[kind.name] = text;
  $("wrong").textContent = Object.values(said).find(Boolean) ?? "";
  $("wrong").hidden = !$("wrong").textContent;
}

fill();
for (const id of ["left", "right", "class"]) $(id).addEventListener("change", () => draw(samples, walk));
$("truncation").addEventListener("input", () => draw(samples, walk));
$("seed").addEventListener("change", () => draw(samples));
for (const id of ["from", "to"]) $(id).addEventListener("change", () => draw(walk));
$("at").addEventListener("input", step);
$("next").addEventListener("click", () => { $("seed").value = Number($("seed").value) + IMAGES; draw(samples); });
$("play").addEventListener("click", () => {
  if (playing) clearInterval(playing);
  playing = playing ? null : play();
  $("play").textContent = playing ? "Pause" : "Play";
  $("play").setAttribute("aria-pressed", String(playing !== null));
});
$("controls").addEventListener("submit", (event) => event.preventDefault());
draw(samples, walk);
