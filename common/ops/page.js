// SPDX-License-Identifier: Apache-2.0
// The page of STATUS_LISTEN: asks /replicas every two seconds and shows it. What others have written
// (names, states, reasons) gets into the page as textContent alone, never as markup.
"use strict";

const POLL_MS = 2000, ANSWER_MS = 5000;
const CATCHING_UP_MS = 5000; // who is behind by less keeps up: under load everyone always is
const LEVELS = ["bad", "warn", "busy", "off", "good"]; // what needs a person first
const STATES = new Map([ // state, its level, in words
    ["in-sync", "good", "in sync"],
    ["serving", "good", "serving"],
    ["starting", "busy", "starting"],
    ["catching-up", "busy", "catching up"],
    ["snapshot", "busy", "snapshot being taken"],
    ["restoring", "busy", "restoring"],
    ["waiting-neo4j", "warn", "waiting for Neo4j"],
    ["waiting-kafka", "warn", "waiting for Kafka"],
    ["waiting-replica", "warn", "waiting for db_sync"],
    ["lagging", "warn", "lagging"],
    ["halted", "bad", "halted"],
    ["diverged", "bad", "diverged"],
    ["stopped", "off", "stopped"],
].map(([state, level, words]) => [state, { level, words }]));

const $ = (id) => document.getElementById(id);
const histories = new Map(); // by program: Map of step to offset
const shown = new Map(); // by replica: its element
let answer = null, answeredAt = 0; // the last one; performance.now()
let lost = ""; // why there is no newer one

// ---- numbers in words ----

const count = (n) => n.toLocaleString("en-US");
const plural = (n, word) => `${count(n)} ${word}${n === 1 ? "" : "s"}`;

function rateText(rate) {
    return rate === undefined ? "" : rate > 0 && rate < 10 ? rate.toFixed(1) : count(Math.round(rate));
}

function span(ms) {
    const s = ms / 1000;
    if (s < 60)
        return `${Math.floor(s)} s`;
    if (s < 3600)
        return `${Math.floor(s / 60)} min`;
    return s < 172800 ? `${Math.floor(s / 3600)} h` : `${Math.floor(s / 86400)} days`;
}

const behind = (ms) => ms === undefined ? "" : ms === 0 ? "0 s" : ms < 10000 ? `${(ms / 1000).toFixed(1)} s` : span(ms);

// ---- what an answer says ----

const idOf = (status) => JSON.stringify([status.key, status.instance]);

function levelOf(status) {
    if (status.silent)
        return "bad";
    if (status.state === "catching-up" && status.age_ms <= CATCHING_UP_MS)
        return "good";
    return STATES.has(status.state) ? STATES.get(status.state).level : "off";
}

function wordOf(status) {
    return status.silent ? "silent" : STATES.has(status.state) ? STATES.get(status.state).words : status.state;
}

// How long, where that matters; of those that went silent what they said last.
function sinceOf(status, passed) {
    if (status.silent)
        return `last said ${wordOf({ ...status, silent: false })}`;
    return ["warn", "bad", "off"].includes(levelOf(status)) ? `for ${span(status.state_ms + passed)}` : "";
}

function worst(levels) {
    return LEVELS.find((level) => levels.includes(level)) || "off";
}

// Statuses by replica: its own is db_sync's. A server that was stopped takes nothing from it.
function group(statuses) {
    const replicas = new Map();
    for (const status of statuses) {
        const name = status.replica;
        if (!replicas.has(name))
            replicas.set(name, { name, own: null, servers: [] });
        const replica = replicas.get(name);
        if (status.program === "db_sync" && replica.own === null)
            replica.own = status;
        else
            replica.servers.push(status);
    }
    for (const replica of replicas.values()) {
        const told = replica.servers.filter((s) => s.state !== "stopped").map((s) => [levelOf(s), wordOf(s)]);
        told.unshift(replica.own ? [levelOf(replica.own), wordOf(replica.own)] : ["warn", "without db_sync"]);
        replica.level = worst(told.map(([level]) => level));
        replica.word = told.find(([level]) => level === replica.level)[1];
        replica.servers.sort((a, b) => idOf(a).localeCompare(idOf(b), "en", { numeric: true }));
    }
    return [...replicas.values()].sort((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level) ||
        a.name.localeCompare(b.name, "en", { numeric: true }));
}

function headlineOf(replicas) {
    const of = (level) => replicas.filter((r) => r.level === level);
    const level = worst(replicas.map((r) => r.level)), n = replicas.length, them = of(level);
    if (n === 0)
        return answer.has_read ? "No replica has told its status yet" : "Reading the status topic …";
    if (level === "good")
        return n === 1 ? "The replica is in sync" : n === 2 ? "Both replicas are in sync" : `All ${n} replicas are in sync`;
    const list = them.slice(0, 3).map((r) => `${r.name} ${r.word}`).join(", ") +
        (them.length > 3 ? ` and ${them.length - 3} more` : "");
    if (level === "bad" || level === "warn") {
        const one = them.length === 1, verb = level === "bad" ? (one ? "needs you" : "need you") : `${one ? "is" : "are"} held up`;
        return `${n === 1 ? "The replica" : `${them.length} of ${n} replicas`} ${verb}: ${list}`;
    }
    return n === 1 ? `The replica is ${them[0].word}` : `${of("good").length} of ${n} replicas in sync, ${list}`;
}

// ---- lines over time ----

// What an answer brings is put to what is known: it leaves out what it told before.
function remember(id, track) {
    const points = histories.get(id) || new Map();
    track.offsets.forEach((offset, i) => points.set(track.first + i, offset));
    for (const step of points.keys())
        if (step <= answer.step - answer.steps)
            points.delete(step);
    histories.set(id, points);
}

// [[step, rate before it], …]; where steps are missing, the average over them.
function rates(id) {
    const steps = [...histories.get(id)].sort((a, b) => a[0] - b[0]), found = [];
    for (let i = 1; i < steps.length; i++) {
        const rate = Math.max(0, (steps[i][1] - steps[i - 1][1]) / (steps[i][0] - steps[i - 1][0])) * 1000 / answer.step_ms;
        found.push([steps[i - 1][0] + 1, rate], [steps[i][0], rate]);
    }
    return found;
}

function draw(svg, id) {
    const points = rates(id), peak = Math.max(0, ...points.map(([, rate]) => rate)), wide = answer.steps, high = 24;
    const x = (step) => step - (answer.step - wide), y = (rate) => high - 1 - (high - 2) * (peak > 0 ? rate / peak : 0);
    const path = points.map(([step, rate], i) => `${i ? "L" : "M"}${x(step)} ${y(rate).toFixed(1)}`).join("");
    const said = points.length ? `the most was ${rateText(peak)} a second` : "not known yet";
    if (svg.dataset.path === path)
        return;
    svg.dataset.path = path;
    svg.setAttribute("viewBox", `0 0 ${wide} ${high}`);
    svg.setAttribute("aria-label", said);
    const parts = ["title", "path", "path"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
    parts[0].textContent = said;
    if (points.length) {
        parts[1].setAttribute("class", "area");
        parts[1].setAttribute("d", `${path}V${high}H${x(points[0][0])}Z`);
        parts[2].setAttribute("class", "stroke");
        parts[2].setAttribute("d", path);
    }
    svg.replaceChildren(...parts);
}

// ---- the page ----

function put(element, text) {
    if (element.textContent !== text)
        element.textContent = text;
}

function stamp(id) {
    return $(id).content.cloneNode(true);
}

function value(line, name, text) {
    put(line.querySelector(`.${name} dd`), text);
}

// One program's line, in an element that holds a copy of the template `one`. A reason that stands above it already is left out.
function fillLine(place, status, who, passed, reasonAbove) {
    if (!place.firstChild)
        place.append(stamp("one"));
    const serves = status.program !== "db_sync", end = answer.log.offset;
    const lag = status.lag !== undefined || end === undefined || status.offset === undefined ? status.lag : Math.max(0, end - status.offset);
    const reason = place.querySelector(".reason");
    place.dataset.level = levelOf(status);
    put(place.querySelector(".who"), who);
    put(place.querySelector(".word"), wordOf(status));
    put(place.querySelector(".since"), sinceOf(status, passed));
    value(place, "offset", status.offset === undefined ? "" : count(status.offset));
    value(place, "lag", lag === undefined ? "" : count(lag));
    value(place, "age", behind(status.age_ms));
    put(place.querySelector(".rate dt"), serves ? "Requests" : "Commands/s");
    value(place, "rate", serves ? (status.in_flight > 0 ? `${count(status.in_flight)} in flight` : "") : status.silent ? "" : rateText(status.rate));
    value(place, "neo4j", status.server || "");
    value(place, "version", status.version || "");
    value(place, "told", `${span(status.told_ms + passed)} ago`);
    put(reason, status.reason || "");
    reason.hidden = !status.reason || status.reason === reasonAbove;
    if (!serves)
        draw(place.querySelector("svg"), idOf(status));
}

const UNTOLD = { program: "", state: "no db_sync tells", told_ms: 0 };

function fillOwn(element, replica, passed) {
    const place = element.querySelector(".own");
    fillLine(place, replica.own || UNTOLD, replica.name, passed);
    if (replica.own === null) {
        place.dataset.level = "warn";
        put(place.querySelector(".since"), "");
        value(place, "told", "");
    }
}

function fillServers(list, { own, servers }, passed) {
    while (list.children.length > servers.length)
        list.lastChild.remove();
    servers.forEach((status, i) => {
        if (i === list.children.length)
            list.append(document.createElement("li"));
        const who = status.instance ? `${status.program} ${status.instance}` : status.program;
        fillLine(list.children[i], status, who, passed, own ? own.reason : undefined);
    });
}

function fillErrors(details, replica, passed) {
    const all = [replica.own, ...replica.servers].filter(Boolean).flatMap((s) => s.errors.map((e) => ({ ...e, by: s })));
    const errors = all.sort((a, b) => a.ago_ms - b.ago_ms).slice(0, 5), list = details.querySelector("ol");
    details.hidden = errors.length === 0;
    if (errors.length === 0)
        return;
    put(details.querySelector("summary"), `Last errors (${errors.length}), newest ${span(errors[0].ago_ms + passed)} ago`);
    while (list.children.length > errors.length)
        list.lastChild.remove();
    errors.forEach((error, i) => {
        if (i === list.children.length) {
            list.append(document.createElement("li"));
            list.lastChild.append(...[1, 2, 3].map(() => document.createElement("span")));
        }
        const [when, state, reason] = list.children[i].children, at = new Date(Date.now() - error.ago_ms - passed);
        put(when, `${span(error.ago_ms + passed)} ago`);
        when.title = at.toLocaleString();
        put(state, error.by === replica.own ? error.state : `${error.by.program}: ${error.state}`);
        put(reason, error.reason);
    });
}

function fillReplicas(replicas, passed) {
    const list = $("replicas");
    for (const [name, element] of shown)
        if (!replicas.some((r) => r.name === name)) {
            element.remove();
            shown.delete(name);
        }
    replicas.forEach((replica, i) => {
        if (!shown.has(replica.name))
            shown.set(replica.name, stamp("replica").firstElementChild);
        const element = shown.get(replica.name);
        if (list.children[i] !== element) // what stands right stays: a move would take the focus away
            list.insertBefore(element, list.children[i] || null);
        element.dataset.level = replica.level;
        fillOwn(element, replica, passed);
        fillServers(element.querySelector(".servers"), replica, passed);
        fillErrors(element.querySelector("details"), replica, passed);
    });
}

function fillTop(replicas) {
    const level = worst(replicas.map((r) => r.level)), log = answer.log, text = headlineOf(replicas);
    $("top").dataset.level = level;
    put($("headline"), text);
    document.title = `${text} · cypherlog`;
    const color = getComputedStyle($("top")).getPropertyValue("--level").trim();
    const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><circle cx="4" cy="4" r="3" fill="${color}"/></svg>`;
    if ($("icon").dataset.color !== color)
        $("icon").href = `data:image/svg+xml,${encodeURIComponent(icon)}`;
    $("icon").dataset.color = color;
    $("log").hidden = log.offset === undefined;
    put($("log-end"), log.offset === undefined ? "" : count(log.offset));
    put($("log-rate"), log.rate === undefined ? "–" : `${rateText(log.rate)}/s`);
    draw($("log").querySelector("svg"), "log");
    $("replicas").hidden = replicas.length === 0;
}

function fillTrouble() {
    const text = lost || (answer && answer.trouble ? `The status topic cannot be read: ${answer.trouble}` : "");
    put($("trouble"), text);
    $("trouble").hidden = text === "";
    $("replicas").classList.toggle("old", text !== "");
    $("fresh").classList.toggle("lost", lost !== "");
    $("fresh").dataset.level = lost ? "bad" : answer ? "good" : "off";
}

function fillNotes() {
    const notes = [`Topic ${answer.topic}, read by ${location.host}`, `silent: told nothing for ${span(answer.silent_after_ms)}`];
    if (answer.unreadable > 0)
        notes.push(`${plural(answer.unreadable, "record")} there ${answer.unreadable === 1 ? "is" : "are"} no status`);
    if (answer.left_out)
        notes.push("more programs tell than are shown");
    put($("notes"), notes.join(" · "));
}

function show() {
    const passed = performance.now() - answeredAt;
    if (answer) {
        put($("updated"), lost ? `last update ${span(passed)} ago` : "live");
        const replicas = group(answer.statuses);
        fillTop(replicas);
        fillReplicas(replicas, passed);
        fillNotes();
    }
    fillTrouble();
}

// ---- asking ----

function take(next) {
    answer = next;
    answeredAt = performance.now();
    lost = "";
    remember("log", answer.log);
    for (const status of answer.statuses)
        remember(idOf(status), status);
    const known = new Set(answer.statuses.map(idOf)).add("log");
    for (const id of histories.keys())
        if (!known.has(id))
            histories.delete(id);
}

async function ask() {
    const since = answer ? `?since=${answer.step - 1}` : "";
    try {
        const response = await fetch(`replicas${since}`, { cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS) });
        if (!response.ok)
            throw new Error(`HTTP ${response.status}`);
        take(await response.json());
    } catch {
        lost = `${location.host} does not answer: ${answer ? "what is shown is old" : "nothing to show yet"}. It is asked again every two seconds.`;
    }
    show();
    setTimeout(ask, POLL_MS);
}

ask();
setInterval(show, 1000); // ages go on between answers
