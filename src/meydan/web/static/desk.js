// The desk's keys, and notes at the height of the words they concern. Everything works without this file.

const SETTLING_MS = 500; // a key pressed twice must not decide the comment that comes next, unread
const KEYS_OFF = "meydan-desk-keys-off";
const wide = matchMedia("(min-width: 64rem)");
let settled = false;

function chosen() {
  try {
    return localStorage.getItem(KEYS_OFF) === null;
  } catch {
    return true;
  }
}

function choose(on) {
  try {
    if (on) localStorage.removeItem(KEYS_OFF);
    else localStorage.setItem(KEYS_OFF, "1");
  } catch {
    // storage is switched off: the choice holds for this page
  }
}

const GREY = "meydan-desk-grey";
function grey(on) {
  document.documentElement.classList.toggle("grey", on);
}
try {
  grey(localStorage.getItem(GREY) !== null);
} catch {
  // storage is switched off: colours as they are
}
const greyBox = document.querySelector("[data-grey]");
if (greyBox) {
  greyBox.checked = document.documentElement.classList.contains("grey");
  greyBox.addEventListener("change", () => {
    grey(greyBox.checked);
    try {
      if (greyBox.checked) localStorage.setItem(GREY, "1");
      else localStorage.removeItem(GREY);
    } catch {
      // the choice holds for this page
    }
  });
}

const foot = document.querySelector(".keys");
const toggle = foot?.querySelector("[data-keys]");
if (foot && toggle) {
  foot.hidden = false;
  toggle.checked = chosen();
  toggle.addEventListener("change", () => choose(toggle.checked));
  setTimeout(() => {
    settled = true;
    foot.dataset.settled = "";
  }, SETTLING_MS);
}

const reject = document.getElementById("reject");
const help = document.getElementById("help");
let choosing = false; // after r, until Enter or Esc: every key is a rule's

function choosingRules(on) {
  choosing = on && reject !== null;
  reject?.classList.toggle("choosing", choosing);
  if (choosing) reject.querySelector("input[type=checkbox]")?.focus();
}

const ACTIONS = {
  a: () => {
    if (settled) document.querySelector("#approve button")?.click();
  },
  r: () => choosingRules(true),
  s: () => document.querySelector("[data-uncover]")?.click(),
  n: () => document.getElementById("note")?.focus(),
  j: () => document.querySelector("a[rel=next]")?.click(),
  k: () => document.querySelector("a[rel=prev]")?.click(),
  p: () => {
    if (settled) document.querySelector("#pick button")?.click();
  },
  u: () => document.querySelector("a[rel=last]")?.click(),
  "?": () => help?.showModal(),
};

function rulesKey(key) {
  if (key === "enter") {
    // A button or link that somebody has gone to by Tab is pressed, not this.
    const at = document.activeElement?.closest("a, button, summary");
    if (at && !reject.contains(at)) return false;
    if (settled) reject.querySelector("button[value=reject]").click();
    return true;
  }
  if (key === "escape") {
    choosingRules(false);
    document.activeElement?.blur();
    return true;
  }
  const box = [...reject.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key);
  if (box) {
    box.checked = !box.checked;
    box.focus();
  }
  return box !== undefined;
}

// The keys are Latin ones. Where a layout writes something else on them (an Arabic or Sorani letter or digit, two letters
// at once, the Turkish dotless i), the place of the key says which it is.
function keyOf(event) {
  const place = /^(?:Key|Digit)([A-Z0-9])$/.exec(event.code);
  if (place && event.key > "\u007f") return place[1].toLowerCase();
  return event.key === "\u061f" ? "?" : event.key.toLowerCase();
}

document.addEventListener("keydown", (event) => {
  // Where the foot is not shown, nobody could switch the keys off.
  if (!foot?.getClientRects().length) return;
  if (!toggle?.checked || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  if (help?.open) return;
  const key = keyOf(event);
  if (event.target.closest("textarea, input:not([type=checkbox], [type=radio]), select")) {
    if (key === "escape") event.target.blur();
    return;
  }
  if (choosing ? rulesKey(key) : key in ACTIONS) {
    event.preventDefault();
    if (!choosing && key in ACTIONS) ACTIONS[key]();
  }
});

// Others see that somebody has this comment before them, for as long as it is in front of somebody's eyes.
const LOOKING_MS = 45_000;
const before = document.querySelector("[data-look]");

function look(away) {
  const said = new URLSearchParams({ csrf: before.dataset.csrf, ...(away ? { away: "1" } : {}) });
  if (away) navigator.sendBeacon(before.dataset.look, said);
  else fetch(before.dataset.look, { method: "POST", body: said, keepalive: true }).catch(() => {});
}

if (before) {
  setInterval(() => {
    if (document.visibilityState === "visible") look(false);
  }, LOOKING_MS);
  addEventListener("pagehide", () => look(true));
  // The page before may say "away" of this very comment after this one was made.
  addEventListener("pageshow", () => setTimeout(() => look(false), 1000));
}

// News of the desk: said in a place of their own. Nothing else on the page moves but the count, whose room is kept.
const SILENT_MS = 30_000;
const place = document.getElementById("news");
let stream = null;
let comeBack = 0;
let over = false;

function say(kind, news) {
  const line = place.querySelector(`[data-news=${kind}]`);
  const [words, way] = [line.querySelector("span"), line.querySelector("a")];
  line.classList.toggle("said", Boolean(news));
  // What stays the same is not read out again.
  if (words.textContent !== (news?.said ?? "")) words.textContent = news?.said ?? "";
  way.hidden = !news?.way;
  way.textContent = news?.way ?? "";
  if (news?.to) way.href = news.to;
  else way.removeAttribute("href");
  const silent = !place.querySelector("[data-news=silent]").hidden;
  place.querySelector("[data-news=idle]").hidden = silent || place.querySelector(".said") !== null;
}

function silence(on) {
  place.querySelector("[data-news=silent]").hidden = !on;
  if (on) place.querySelector("[data-news=idle]").hidden = true;
}

function hear(event) {
  const told = JSON.parse(event.data);
  silence(false);
  const count = document.querySelector("[data-waiting]");
  if (count) count.textContent = `(${told.waiting})`;
  for (const kind of ["about", "also", "new"]) say(kind, told[kind]);
}

function listen() {
  clearTimeout(comeBack);
  // A page that nobody sees needs no news, and a browser has few connections to one server.
  if (stream || over || document.visibilityState !== "visible") return;
  stream = new EventSource(place.dataset.live);
  stream.addEventListener("news", hear);
  stream.addEventListener("over", (event) => {
    over = true;
    stopListening();
    for (const kind of ["also", "new"]) say(kind, null);
    say("about", JSON.parse(event.data));
  });
  stream.addEventListener("error", () => {
    // Else the browser tries again by itself.
    if (stream?.readyState !== EventSource.CLOSED) return;
    stopListening();
    silence(true);
    comeBack = setTimeout(listen, SILENT_MS);
  });
}

function stopListening() {
  clearTimeout(comeBack);
  stream?.close();
  stream = null;
}

// The list of what waits, made anew because somebody asked for it; what is typed and chosen stays.
async function showNew(address) {
  const answer = await fetch(address);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const [list, shown] = [page.querySelector(".queue"), document.querySelector(".queue")];
  const mark = new URL(page.getElementById("news").dataset.live, location.href).searchParams.get("mark");
  shown.replaceWith(document.adoptNode(list));
  const heard = new URL(place.dataset.live, location.href);
  heard.searchParams.set("mark", mark);
  place.dataset.live = heard.pathname + heard.search;
  say("new", null);
  stopListening();
  listen();
  const head = document.getElementById("waiting");
  head.tabIndex = -1;
  head.focus();
}

if (place && "EventSource" in window) {
  place.hidden = false;
  listen();
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") listen();
    else stopListening();
  });
  addEventListener("pagehide", stopListening);
  addEventListener("pageshow", listen);
  place.querySelector("[data-news=new] a").addEventListener("click", (event) => {
    if (!document.querySelector(".queue") || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const address = event.currentTarget.href;
    // Where it cannot be shown here, it is shown as without a script.
    showNew(address).catch(() => location.assign(address));
  });
}

// One press, one decision: a second click while the first is on its way does nothing.
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "1";
  });
}
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

document.getElementById("trouble")?.focus();

function markAt(begin) {
  const marks = document.querySelectorAll("#words mark");
  const words = document.querySelector("#words .meydan-text");
  for (const mark of marks) {
    const before = document.createRange();
    before.setStart(words, 0);
    before.setEndBefore(mark);
    const from = [...before.toString()].length;
    if (begin >= from && begin < from + [...mark.textContent].length) return mark;
  }
  return null;
}

function align() {
  const notes = [...document.querySelectorAll(".notes li")];
  for (const note of notes) note.style.marginBlockStart = "";
  if (!wide.matches) return;
  for (const note of notes) {
    const mark = markAt(Number(note.dataset.begin));
    if (!mark) continue;
    const lower = mark.getBoundingClientRect().top - note.getBoundingClientRect().top;
    if (lower > 0) note.style.marginBlockStart = `${Math.round(lower)}px`;
  }
}

align();
wide.addEventListener("change", align);
