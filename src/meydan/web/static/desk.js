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

const ACTIONS = {
  a: () => {
    if (settled) document.querySelector("#approve button")?.click();
  },
  r: () => document.querySelector("#reject input[type=checkbox]")?.focus(),
  j: () => document.querySelector("a[rel=next]")?.click(),
  k: () => document.querySelector("a[rel=prev]")?.click(),
};

document.addEventListener("keydown", (event) => {
  if (!toggle?.checked || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("textarea, input:not([type=checkbox], [type=radio]), select")) return;
  const action = ACTIONS[event.key.toLowerCase()];
  if (!action) return;
  event.preventDefault();
  action();
});

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
