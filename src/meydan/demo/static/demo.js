// A+ and A−: the reader's text size, for the story and its comments alike.
// Loaded in the head without `defer`, so that the remembered size is set before the first line is drawn.

const KEY = "meydan-demo-text-size";
const PERCENT = { 1: 88, 2: 100, 3: 112, 4: 124, 5: 141, 6: 165, 7: 188 };
const SMALLEST = 1;
const USUAL = 2;
const LARGEST = 7;

function remembered() {
  try {
    const size = Number(localStorage.getItem(KEY));
    return Number.isInteger(size) && size >= SMALLEST && size <= LARGEST ? size : USUAL;
  } catch {
    return USUAL; // storage is switched off: the control works, and forgets
  }
}

function set(size) {
  document.documentElement.dataset.size = String(size);
  try {
    localStorage.setItem(KEY, String(size));
  } catch {
    // as above
  }
}

document.documentElement.dataset.size = String(remembered());

document.addEventListener("DOMContentLoaded", () => {
  const control = document.querySelector("[data-text-size]");
  if (!control) return;
  const [larger, smaller] = control.querySelectorAll("button");
  const said = control.querySelector("output");
  const show = (size) => {
    // aria-disabled and not disabled: the key that was pressed keeps its focus.
    larger.setAttribute("aria-disabled", String(size >= LARGEST));
    smaller.setAttribute("aria-disabled", String(size <= SMALLEST));
    said.textContent = `${PERCENT[size]}\u202f%`;
  };
  const change = (by) => {
    const size = Math.min(LARGEST, Math.max(SMALLEST, shown() + by));
    set(size);
    show(size);
  };
  const shown = () => Number(document.documentElement.dataset.size);
  larger.addEventListener("click", () => change(+1));
  smaller.addEventListener("click", () => change(-1));
  show(shown());
  control.hidden = false;
});
