"use strict";
// The page of `sfv app`. All that comes from files is set as text, never as markup.

const $ = (id) => document.getElementById(id);
const POLL_MS = 1000;
let choices = null, source = null, person = "", shownRun = null, shown = "", jobOfRun = null;

async function call(path, options = {}) {
  const answer = await fetch(path, { ...options, headers: { "X-SFV": "1", ...(options.headers || {}) } });
  const kind = answer.headers.get("content-type") || "";
  const content = kind.includes("json") ? await answer.json() : { error: await answer.text() };
  if (!answer.ok) throw new Error(content.error || `the program answered ${answer.status}`);
  return content;
}
const post = (path, content) => call(path, { method: "POST", body: JSON.stringify(content || {}) });

function report(error) {
  $("error").textContent = error ? String(error.message || error) : "";
  $("error").hidden = !error;
}
const guard = (work) => async (event) => {
  if (event && event.preventDefault) event.preventDefault();
  try { report(null); await work(event); } catch (error) { report(error); }
};
function make(tag, text, name) {
  const found = document.createElement(tag);
  if (text !== undefined) found.textContent = text;
  if (name) found.className = name;
  return found;
}
function show(view) {
  for (const name of ["drop-view", "prepare-view", "run-view"]) $(name).hidden = name !== view;
}
function fill(select, names, chosen) {
  select.replaceChildren(...names.map((name) => { const o = make("option", name); o.value = name; o.selected = name === chosen; return o; }));
}
const seconds = (t) => (t < 90 ? `${Math.round(t)} s` : `${(t / 60).toFixed(1)} min`);
const address = (run, file) => `/runs/${encodeURIComponent(run)}/${file.split("/").map(encodeURIComponent).join("/")}`;

// ---- a new skill ---------------------------------------------------------------------------------------------

function begin() {
  source = null; shownRun = null; history.replaceState(null, "", "/");
  $("upload").hidden = true; $("file").value = ""; report(null); show("drop-view"); mark_current();
}

function send(file) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", `/api/uploads?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("X-SFV", "1");
    request.upload.onprogress = (event) => { $("upload").value = event.total ? event.loaded / event.total : 0; };
    request.onerror = () => reject(new Error("the upload broke off; is the program still running?"));
    request.onload = () => {
      let content = {};
      try { content = JSON.parse(request.responseText); } catch { /* said below */ }
      if (request.status === 200) resolve(content); else reject(new Error(content.error || request.responseText));
    };
    request.send(file);
  });
}

async function take(file) {
  await ready;
  $("upload").value = 0; $("upload").hidden = false;
  try {
    const ending = "." + file.name.split(".").pop().toLowerCase();
    const kind = Object.keys(choices.endings).find((name) => choices.endings[name].includes(ending));
    if (!kind) throw new Error(`${file.name}: of none of the kinds that are listed here`);
    if (file.size > choices.most_mb[kind] * 1e6) throw new Error(`${file.name}: larger than ${choices.most_mb[kind]} MB; cut it`);
    prepare(await send(file));
  } finally { $("upload").hidden = true; $("file").value = ""; }
}

function prepare(found) {
  source = found; person = "";
  const film = source.kind === "video", picture = source.kind === "picture";
  $("source-name").textContent = source.name;
  $("picture").hidden = !source.frames.length; $("mark").hidden = true;
  $("timeline").hidden = !film; $("look").max = Math.max(0, source.frames.length - 1); $("look").value = 0;
  for (const name of ["start", "end"]) $(name).max = source.duration;
  $("start").value = 0; $("end").value = source.duration;
  for (const label of document.querySelectorAll(".training")) label.hidden = picture;
  $("go").textContent = picture ? "Continue the motion" : "Make the skill";
  $("person-hint").textContent = film || picture ? "Click the person, if there are several. Nobody clicked: the most prominent one." : "";
  look(); show("prepare-view");
}

function look() {
  const frame = source.frames[Number($("look").value)];
  if (frame) $("frame").src = `/api/uploads/${source.id}/${frame.file}`;
  if (frame) $("look-time").textContent = `${frame.t.toFixed(2)} s`;
  $("mark").hidden = true;
  $("start-time").textContent = `${Number($("start").value).toFixed(2)} s`;
  $("end-time").textContent = `${Number($("end").value).toFixed(2)} s`;
}

function choose_range(event) {
  let start = Number($("start").value), end = Number($("end").value);
  if (end - start < 0.2) {
    if (event.target.id === "start") start = Math.max(0, end - 0.2); else end = Math.min(source.duration, start + 0.2);
    $("start").value = start; $("end").value = end;
  }
  const t = Number(event.target.value);
  const near = source.frames.reduce((best, frame, i) => (Math.abs(frame.t - t) < Math.abs(source.frames[best].t - t) ? i : best), 0);
  $("look").value = near; look();
}

function click_person(event) {
  const box = $("frame").getBoundingClientRect(), frame = source.frames[Number($("look").value)];
  const x = (event.clientX - box.left) / box.width, y = (event.clientY - box.top) / box.height;
  person = `${Math.round(x * source.width)},${Math.round(y * source.height)}@${frame.t}`;
  $("mark").style.left = `${event.clientX - box.left}px`; $("mark").style.top = `${event.clientY - box.top}px`;
  $("mark").hidden = false;
  $("person-hint").textContent = `The person at ${person.replace("@", " px, at ")} s.`;
}

async function go() {
  const number = (id) => ($(id).value === "" ? null : Number($(id).value));
  const asked = { action: source.kind === "picture" ? "complete" : "clip", source: source.id, person };
  if (source.kind !== "picture") Object.assign(asked, { character: $("character").value, scene: $("scene").value, minutes: number("minutes"), height: number("height") });
  if (source.kind === "video") {
    if (number("start") > 0.005) asked.start = number("start");
    if (number("end") < source.duration - 0.005) asked.end = number("end");
  }
  open_run((await post("/api/jobs", asked)).run);
}

// ---- runs ----------------------------------------------------------------------------------------------------

function open_run(name) {
  shownRun = name; shown = ""; history.replaceState(null, "", `/#${encodeURIComponent(name)}`);
  for (const id of ["stages", "result", "reports", "files"]) $(id).replaceChildren();
  for (const id of ["job", "go-on-box", "after", "curve-box"]) $(id).hidden = true;
  $("run-name").textContent = name; $("verdict").textContent = ""; show("run-view"); poll();
}

function mark_current() {
  for (const button of $("runs").querySelectorAll("button")) button.setAttribute("aria-current", String(button.dataset.name === shownRun));
}

function list_runs(state) {
  const working = new Map(state.jobs.filter((job) => job.state === "running" || job.state === "waiting").map((job) => [job.run, job.state]));
  const runs = state.runs.map((run) => ({ name: run.name, note: working.get(run.name) || (run.completed === null ? "" : `return ${run.return.toFixed(2)}, completed ${Math.round(100 * run.completed)} %`) }));
  for (const [name, note] of working) if (!runs.some((run) => run.name === name)) runs.unshift({ name, note });
  const key = JSON.stringify(runs);
  if ($("runs").dataset.key === key) return;
  $("runs").dataset.key = key;
  $("runs").replaceChildren(...runs.map((run) => {
    const item = make("li"), button = make("button", run.name);
    button.type = "button"; button.dataset.name = run.name; button.append(make("small", run.note)); button.onclick = () => { report(null); open_run(run.name); };
    item.append(button); return item;
  }));
  mark_current();
}

function show_job(job) {
  jobOfRun = job || null;
  const works = job && (job.state === "running" || job.state === "waiting");
  for (const button of document.querySelectorAll("#after button")) button.disabled = Boolean(works);
  $("job").hidden = !works; $("go-on-box").hidden = !(job && (job.state === "stopped" || job.state === "failed"));
  if (job && job.state === "failed") $("why").textContent = job.message;
  if (job && job.state === "stopped") $("why").textContent = "It was stopped; what is done is kept.";
  if (!works) return;
  const p = job.progress || { log: [] }, share = p.total ? Math.min(1, p.done / p.total) : null;
  $("job-stage").textContent = job.state === "waiting" ? "waiting for the job before it" : p.stage || "begins";
  $("job-note").textContent = p.note || "";
  if (share === null) $("job-bar").removeAttribute("value"); else $("job-bar").value = share;
  $("job-left").textContent = share > 0.01 ? `about ${seconds(p.seconds * (1 - share) / share)} left in this stage` : "";
  $("log").textContent = p.log.join("\n");
}

function film(run, file, stamp) {
  const video = make("video");
  video.src = `${address(run, file)}?${stamp}#t=0.05`;  // its first picture is shown, not black
  video.controls = video.loop = video.muted = true; video.playsInline = true; video.preload = "metadata";
  return video;
}

const FILMS = { "1_pose": ["overlay.mp4"], "2_motion": ["preview.mp4"], "3_draft": ["draft.mp4"] };
const TITLES = { "1_pose": "The person, found", "2_motion": "The reference motion", "3_draft": "The draft: performed before any learning", "3_policy": "Training", "4_result": "The skill" };

function show_stage(run, stage) {
  const item = make("li"), [kind, body] = stage.name.split("/");
  item.append(make("b", (TITLES[kind] || kind) + (body ? ` (${body})` : "")));
  if (!stage.finished) { item.append(make("p", "at work", "dim")); return item; }
  item.append(make("p", stage.summary, stage.level));
  const lines = [...stage.findings, ...stage.problems].slice(0, 6);
  if (lines.length) { const list = make("ul"); list.append(...lines.map((line) => make("li", line))); item.append(list); }
  if (stage.files.some((file) => file.endsWith("people.jpg"))) {
    const picture = make("img"); picture.src = address(run, stage.files.find((file) => file.endsWith("people.jpg"))); picture.alt = "People in the video, with their numbers"; picture.style.maxWidth = "100%"; item.append(picture);
  }
  for (const name of FILMS[kind] || []) {
    const file = stage.files.find((path) => path.endsWith("/" + name));
    if (file) item.append(film(run, file, stage.seconds));
  }
  return item;
}

function draw_curve(points) {
  $("curve-box").hidden = points.length < 1;
  if (!points.length) return;
  const most = Math.max(...points.map((p) => p.samples), 1), x = (p) => 40 + 580 * p.samples / most, y = (v) => 190 - 170 * Math.max(0, Math.min(1, v));
  const svg = (tag, set, text) => { const e = document.createElementNS("http://www.w3.org/2000/svg", tag); for (const [k, v] of Object.entries(set)) e.setAttribute(k, v); if (text) e.textContent = text; return e; };
  const line = (name, key) => svg("polyline", { class: name, points: points.map((p) => `${x(p).toFixed(1)},${y(p[key]).toFixed(1)}`).join(" ") });
  const grid = [0, 0.5, 1].flatMap((v) => [svg("line", { class: "axis", x1: 40, x2: 620, y1: y(v), y2: y(v) }), svg("text", { x: 8, y: y(v) + 4 }, String(v))]);
  $("curve").replaceChildren(...grid, line("value", "return"), line("share", "completed"), svg("text", { x: 540, y: 212 }, `${(most / 1e6).toFixed(2)} M`));
}

function show_run(run) {
  // Films must not begin anew at every look: what is shown is made again only when it has changed.
  const key = JSON.stringify([run.stages.map((s) => [s.name, s.finished, s.seconds]), run.reports, run.exports, run.films]);
  draw_curve(run.stages.flatMap((stage) => stage.curve));
  const known = run.completed !== null;
  $("verdict").textContent = known ? `Normalised return ${run.return.toFixed(3)}; ${Math.round(100 * run.completed)} % of the rollouts reach the end.` : "";
  $("verdict").className = known ? (run.completed >= 0.9 ? "good" : "poor") : "";
  if (key === shown) return;
  shown = key;
  const results = run.stages.filter((stage) => stage.name.startsWith("4_result") && stage.finished);
  const films = results.map((stage) => film(run.name, stage.files.find((file) => file.endsWith("side_by_side.mp4")), stage.seconds));
  $("result").replaceChildren(...films, ...run.films.map((file) => film(run.name, file, 0)));
  $("stages").replaceChildren(...run.stages.map((stage) => show_stage(run.name, stage)));
  $("reports").replaceChildren(...run.reports.map((file) => {
    const box = make("details"), frame = make("iframe"), link = make("a", `Open ${file} in a page of its own`);
    link.href = address(run.name, file); link.target = "_blank"; link.rel = "noopener";
    const share = make("a", file.startsWith("live") ? "Save it to share: one file that needs nothing else" : "Save it");
    share.href = link.href; share.download = "";
    frame.title = file; frame.setAttribute("sandbox", "allow-scripts"); frame.loading = "lazy";
    box.append(make("summary", file), link, make("br"), share, frame); box.ontoggle = () => { if (box.open && !frame.src) frame.src = address(run.name, file); };
    return box;
  }));
  $("after").hidden = !results.length;
  const files = [...run.stages.filter((stage) => stage.finished).flatMap((stage) => stage.files), ...run.exports];
  $("files").replaceChildren(...files.map((file) => { const item = make("li"), link = make("a", file); link.href = address(run.name, file); link.download = ""; item.append(link); return item; }));
}

let polling = null;
async function poll() {
  clearTimeout(polling);
  try {
    const asked = shownRun, state = await call(`/api/state${asked ? `?run=${encodeURIComponent(asked)}` : ""}`);
    list_runs(state);
    if (asked && asked === shownRun) { show_job(state.jobs.filter((job) => job.run === asked).sort((a, b) => b.order - a.order)[0]); if (state.run) show_run(state.run); }
    if ($("error").dataset.lost) { delete $("error").dataset.lost; report(null); }
  } catch (error) {
    $("error").dataset.lost = "1"; report(error instanceof TypeError ? "The program does not answer. Start `sfv app` again; runs are kept." : error);
  }
  polling = setTimeout(poll, POLL_MS);
}

async function start() {
  choices = await call("/api/choices");
  $("machine").textContent = `sfv ${choices.version} · ${choices.cores} cores`;
  $("limits").textContent = Object.entries(choices.endings).map(([kind, endings]) => `${kind}: ${endings.join(" ")}, up to ${choices.most_mb[kind]} MB`).join(" · ");
  fill($("character"), choices.characters, "humanoid"); fill($("retarget-character"), choices.characters, choices.characters[0]); fill($("scene"), choices.scenes, "found");
  $("minutes").value = $("retarget-minutes").value = choices.minutes;
  const name = decodeURIComponent(location.hash.slice(1));
  if (name) open_run(name); else begin();
  poll();
}

$("new").onclick = begin; $("other").onclick = begin;
$("file").onchange = guard(() => $("file").files.length && take($("file").files[0]));
$("drop").onkeydown = (event) => { if (event.key === "Enter" || event.key === " ") $("file").click(); };
for (const name of ["dragenter", "dragover"]) document.addEventListener(name, (event) => { event.preventDefault(); $("drop").classList.add("over"); });
for (const name of ["dragleave", "drop"]) document.addEventListener(name, (event) => { event.preventDefault(); $("drop").classList.remove("over"); });
document.addEventListener("drop", guard((event) => event.dataTransfer.files.length && (show("drop-view"), take(event.dataTransfer.files[0]))));
$("look").oninput = look; $("start").oninput = choose_range; $("end").oninput = choose_range; $("picture").onclick = click_person;
$("options").onsubmit = guard(go);
$("stop").onclick = guard(async () => { await post(`/api/jobs/${jobOfRun.id}/stop`); poll(); });
$("go-on").onclick = guard(async () => { await post(`/api/jobs/${jobOfRun.id}/go-on`); poll(); });
$("retarget").onsubmit = guard(async () => { await post("/api/jobs", { action: "retarget", run: shownRun, character: $("retarget-character").value, minutes: Number($("retarget-minutes").value) }); poll(); });
$("export").onclick = guard(async () => { await post("/api/jobs", { action: "export", run: shownRun }); poll(); });
const ready = guard(start)();  // a file that is dropped before waits for it
