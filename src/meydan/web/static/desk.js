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
