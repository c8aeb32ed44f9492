// The page of `skfakereal serve`: sends images in small parts, shows what comes back.
"use strict";

const $ = (id) => document.getElementById(id);
const SHOWN_AT_FIRST = 120; // cards; a folder may hold thousands
const IN_A_PART = { files: 8, bytes: 40e6 };
const IMAGES = /\.(jpe?g|jfif|png|webp|gif|tiff?|bmp|avif|heic|heif|jxl|jp2|j2k|ppm|pgm|pbm|zip)$/i;

let model = null;
let results = []; // {row, file, entry}
let shown = SHOWN_AT_FIRST;
let queue = [];
let total = 0;
let done = 0;
let stopping = null; // an AbortController while a run is under way
let leftOut = 0;

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") made.className = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

const percent = (share) => `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)}%`;
const digits = (number) => number.toFixed(3);
const plural = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;

async function loadModel() {
  try {
    const answer = await fetch("/api/model");
    if (!answer.ok) throw new Error(await answer.text());
    model = await answer.json();
  } catch (error) {
    $("about").textContent = `The server does not answer: ${error.message}`;
    return;
  }
  let about = `Detector “${model.name}”.`;
  if (model.threshold !== null) {
    about += ` It calls an image ${model.positive} from a probability of ${digits(model.threshold)} on.`;
  }
  if (model.false_positive_rate !== null) {
    const [n] = model.n_validation;
    const [low, high] = model.false_positive_interval || [null, null];
    const others = model.classes.filter((name) => name !== model.positive).join(" or ");
    about += ` Of the ${n === null ? "" : `${n.toLocaleString("en")} `}${others} images that it was validated on,`
      + ` it called ${percent(model.false_positive_rate)} ${model.positive} by mistake`
      + (low === null ? "." : ` (95% interval: ${percent(low)} to ${percent(high)}).`);
  } else if (model.threshold !== null) {
    about += " How often it is wrong is not on record.";
  }
  $("about").textContent = about;
  for (const caution of model.cautions) {
    $("cautions").append(element("p", { class: "caution" }, caution));
  }
  $("which").textContent = `skfakereal ${model.version}, model ${model.sha256.slice(0, 16)}`
    + (model.made ? `, trained ${model.made.slice(0, 10)}` : "");
  if (!model.can_be_unsure) {
    $("stable").checked = false;
    $("stable").closest("p").hidden = true;
  }
}

// Files in: chosen, dropped (folders are walked), pasted.

async function entriesOf(items) {
  // Entries must all be taken before the first wait: the list is emptied after the event.
  const entries = [...items].filter((item) => item.kind === "file")
    .map((item) => (item.webkitGetAsEntry && item.webkitGetAsEntry()) || item.getAsFile());
  const files = [];
  for (const entry of entries) await walk(entry, files, "", false);
  return files;
}

async function walk(entry, files, folder, inFolder) {
  if (entry === null) return;
  if (entry instanceof File) {
    files.push({ file: entry, name: entry.name });
  } else if (entry.isFile) {
    const file = await new Promise((yes) => entry.file(yes, () => yes(null)));
    if (file === null || (inFolder && !IMAGES.test(file.name))) leftOut += 1;
    else files.push({ file, name: folder + file.name });
  } else if (entry.isDirectory) {
    const reader = entry.createReader();
    for (;;) { // it gives a hundred at a time
      const inner = await new Promise((yes) => reader.readEntries(yes, () => yes([])));
      if (!inner.length) break;
      for (const each of inner) await walk(each, files, `${folder}${entry.name}/`, true);
    }
  }
}

function named(list, fromFolder) {
  return [...list].filter((file) => {
    const wanted = !fromFolder || IMAGES.test(file.name);
    if (!wanted) leftOut += 1;
    return wanted;
  }).map((file) => ({ file, name: file.webkitRelativePath || file.name }));
}

function add(files) {
  if (!files.length) {
    say(leftOut ? `No images among ${plural(leftOut, "file")}.` : "There are no files in it.");
    $("run").hidden = false;
    $("stop").hidden = true;
    return;
  }
  queue.push(...files);
  total += files.length;
  if (stopping === null) run();
}

// Verdicts: part by part, so that progress is seen and the server is never flooded.

async function run() {
  stopping = new AbortController();
  $("run").hidden = $("results").hidden = $("stop").hidden = false;
  while (queue.length && !stopping.signal.aborted) {
    const part = nextPart();
    if (part.length) await send(part);
    progress();
  }
  const stopped = stopping.signal.aborted;
  stopping = null;
  queue = [];
  $("stop").hidden = true;
  const left = leftOut ? ` Left out: ${plural(leftOut, "file")} that ${leftOut === 1 ? "is" : "are"} no image.` : "";
  say(`${stopped ? "Stopped" : "Done"}: ${summary()}.${left}`);
  $("progress").value = $("progress").max = 1;
  total = done = leftOut = 0;
  draw();
}

function nextPart() {
  const part = [];
  let bytes = 0;
  while (queue.length && part.length < IN_A_PART.files) {
    const next = queue[0];
    const isZip = /\.zip$/i.test(next.name);
    const most = isZip ? model.limits.request_bytes - 1e5 : model.limits.file_bytes;
    if (next.file.size > most) {
      queue.shift();
      fail(next, `has over ${Math.floor(most / 1e6)} MB, the most that this page takes`);
      continue;
    }
    if (part.length && (bytes + next.file.size > IN_A_PART.bytes || isZip)) break;
    queue.shift();
    part.push(next);
    bytes += next.file.size;
    if (isZip) break;
  }
  return part;
}

async function send(part) {
  const form = new FormData();
  for (const each of part) form.append("files", each.file, each.name);
  const isZip = part.length === 1 && /\.zip$/i.test(part[0].name);
  let got = 0;
  try {
    const answer = await fetch(`/api/predict?thumbnails=true&stable=${$("stable").checked}`, {
      method: "POST",
      body: form,
      headers: { Accept: "application/x-ndjson" },
      signal: stopping.signal,
    });
    if (!answer.ok) throw new Error(await problem(answer));
    for await (const row of lines(answer.body)) {
      const source = isZip ? part[0] : part[got];
      const entry = isZip && row.name !== part[0].name ? row.name : "";
      results.push({ row, file: source.file, entry });
      got += 1;
      if (!isZip) done += 1;
      progress();
      soon();
    }
    if (isZip) done += 1;
    else if (got < part.length) throw new Error("the server ended before its answer was complete");
  } catch (error) {
    if (error.name === "AbortError") return;
    const rest = isZip ? part : part.slice(got);
    for (const each of rest) fail(each, `could not be judged: ${error.message}`);
  }
}

async function problem(answer) {
  const text = await answer.text();
  try {
    return JSON.parse(text).error || text;
  } catch {
    return text || `the server answered ${answer.status}`;
  }
}

async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done: ended } = await reader.read();
    if (ended) break;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const line of parts) yield JSON.parse(line);
  }
}

function fail(each, error) {
  results.push({ row: { name: each.name, verdict: null, label: null, probability: null,
    threshold: model.threshold, reasons: [], novelty: null, provenance: null, provenance_detail: null,
    sha256: null, bytes: each.file.size, error, thumbnail: null }, file: null, entry: "" });
  done += 1;
  soon();
}

function say(text) { $("status").textContent = text; }

function progress() {
  $("progress").max = total;
  $("progress").value = done;
  say(`${done.toLocaleString("en")} of ${plural(total, "file")}`);
}

const kindOf = (row) => (row.error || row.verdict === null ? "not judged" : row.verdict);

function counts() {
  const found = new Map();
  for (const { row } of results) found.set(kindOf(row), (found.get(kindOf(row)) || 0) + 1);
  return found;
}

function summary() {
  const said = [...counts()].map(([kind, n]) => `${n.toLocaleString("en")} ${kind}`);
  return `${plural(results.length, "image")}: ${said.join(", ") || "nothing"}`;
}

// The list.

let drawing = null;
function soon() {
  if (drawing === null) drawing = setTimeout(() => { drawing = null; draw(); }, 150);
}

let chosen = "all";
function drawFilter() {
  const found = counts();
  const order = [...(model ? model.classes.slice().reverse() : []), "unsure", "not judged"];
  const kinds = ["all", ...order.filter((kind) => found.has(kind))];
  if (!kinds.includes(chosen)) chosen = "all";
  const labels = kinds.map((kind) => {
    const box = element("input", { type: "radio", name: "kind", value: kind });
    box.checked = kind === chosen;
    const n = kind === "all" ? results.length : found.get(kind);
    return element("label", {}, box, `${kind} (${n.toLocaleString("en")})`);
  });
  const had = $("filter").contains(document.activeElement);
  $("filter").replaceChildren($("filter").querySelector("legend"), ...labels);
  if (had) $("filter").querySelector(":checked").focus();
}

const ORDERS = {
  order: () => 0,
  down: (a, b) => (b.row.probability ?? -1) - (a.row.probability ?? -1),
  up: (a, b) => (a.row.probability ?? 2) - (b.row.probability ?? 2),
  name: (a, b) => a.row.name.localeCompare(b.row.name),
};

function draw() {
  $("results").hidden = !results.length;
  drawFilter();
  const wanted = results.filter(({ row }) => chosen === "all" || kindOf(row) === chosen)
    .sort(ORDERS[$("sort").value]);
  const active = document.activeElement && document.activeElement.result;
  $("list").replaceChildren(...wanted.slice(0, shown).map(card));
  if (active) for (const each of $("list").querySelectorAll("button")) {
    if (each.result === active) each.focus({ preventScroll: true });
  }
  $("none").hidden = wanted.length > 0;
  $("more").hidden = wanted.length <= shown;
  $("more").textContent = `Show more (${(wanted.length - shown).toLocaleString("en")} are left)`;
}

function card(result) {
  if (result.card) return result.card;
  const { row } = result;
  const kind = kindOf(row);
  const known = ["fake", "real", "unsure"].includes(kind) ? kind : "";
  const picture = element("span", { class: "picture" });
  if (row.thumbnail && row.thumbnail.startsWith("data:image/")) {
    const small = row.width && Math.max(row.width, row.height) <= 96;
    picture.append(element("img", { src: row.thumbnail, alt: "", class: small ? "small" : "" }));
  } else picture.append("no picture");
  const parts = [picture];
  const number = row.probability === null ? "" : digits(row.probability);
  const of = (model && model.positive) || row.label;
  parts.push(element("span", { class: "verdict" }, element("b", {}, kind),
    number ? element("span", { class: "number" }, `${of}: ${number}`) : null));
  if (number) {
    const bar = element("span", { class: "bar", "aria-hidden": "true" }, element("i"));
    bar.firstChild.style.width = `${100 * row.probability}%`;
    if (row.threshold !== null) {
      const mark = element("u");
      mark.style.left = `${100 * Math.min(row.threshold, 0.99)}%`;
      bar.append(mark);
    }
    parts.push(bar);
  }
  parts.push(element("span", { class: "name" }, row.name));
  if (row.error) parts.push(element("span", { class: "why" }, `This file ${row.error}.`));
  if (row.novelty >= 0.99 && !row.reasons.length) {
    parts.push(element("span", { class: "why" },
      `Unlike the training images${row.novelty === 1 ? " in size" : ""}.`));
  }
  if (row.reasons.length) parts.push(element("span", { class: "why" }, row.reasons.join(" ")));
  const origins = { generated: "made by AI", altered: "made or changed by AI in part",
    captured: "recorded from life", other: "made in another way" };
  if (row.provenance) {
    parts.push(element("span", { class: "origin", title: row.provenance_detail || "" },
      origins[row.provenance]));
  }
  const label = `${row.name}: ${kind}${number ? `, probability of ${of} ${number}` : ""}`
    + (row.error ? `. This file ${row.error}` : "")
    + (row.provenance ? `. The file says: ${origins[row.provenance]}` : "")
    + (result.file ? ". Opens its page" : "");
  const button = element("button", { type: "button", class: `card ${known}`,
    "aria-label": label }, ...parts);
  button.result = result;
  if (result.file) button.addEventListener("click", () => openCase(result));
  else button.disabled = true;
  result.card = element("li", {}, button);
  return result.card;
}

function openCase({ file, entry }) {
  const form = $("case");
  const list = new DataTransfer();
  list.items.add(file);
  form.elements.files.files = list.files;
  form.elements.entry.value = entry;
  form.action = `/case?stable=${$("stable").checked}&map=${$("map").checked}`;
  form.submit();
  form.elements.files.value = "";
}

// CSV, as programs of tables read it: a name is never taken for a formula.

function cell(value) {
  let text = value === null || value === undefined ? "" : String(value);
  if (typeof value === "string" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function csv() {
  const columns = ["name", "verdict", "label", "probability", "threshold", "reasons", "novelty",
    "provenance", "provenance_detail", "sha256", "bytes", "error"];
  const rows = results.map(({ row }) => columns.map((column) =>
    cell(column === "reasons" ? row.reasons.join(" ") : row[column])).join(","));
  const text = [columns.join(","), ...rows].join("\n");
  const link = element("a", { download: "verdicts.csv",
    href: URL.createObjectURL(new Blob([text, "\n"], { type: "text/csv" })) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// What people do.

$("choose").addEventListener("click", () => $("files").click());
$("choose-folder").addEventListener("click", () => $("folder").click());
for (const id of ["files", "folder"]) {
  $(id).addEventListener("change", () => {
    add(named($(id).files, id === "folder"));
    $(id).value = "";
  });
}
for (const kind of ["dragover", "dragenter"]) {
  addEventListener(kind, (event) => { event.preventDefault(); $("drop").classList.add("over"); });
}
addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) $("drop").classList.remove("over");
});
addEventListener("drop", async (event) => {
  event.preventDefault();
  $("drop").classList.remove("over");
  add(await entriesOf(event.dataTransfer.items));
});
addEventListener("paste", async (event) => {
  if (event.clipboardData && event.clipboardData.files.length) {
    add(named(event.clipboardData.files, false));
  }
});
$("stop").addEventListener("click", () => stopping && stopping.abort());
$("csv").addEventListener("click", csv);
$("clear").addEventListener("click", () => {
  if (stopping) stopping.abort();
  results = [];
  shown = SHOWN_AT_FIRST;
  $("run").hidden = true;
  draw();
  $("choose").focus();
});
$("more").addEventListener("click", () => { shown += 240; draw(); });
$("sort").addEventListener("change", draw);
$("filter").addEventListener("change", (event) => { chosen = event.target.value; draw(); });

loadModel();
