/**
 * Our own pages of the record: verify the comment or the record that the page is about, and check a receipt that is put in.
 * What is put in stays in the browser; the server is asked for the public record alone.
 */
import { tell, wordsFor } from "./findings.js";
import { verifyComment, verifyReceipt, verifyRecord } from "./verify.js";

/** @param {string} selector @returns {any} */
const one = (selector) => document.querySelector(selector);
const box = one("[data-found]");
const form = one("[data-check]");

// What stands there for whoever has no JavaScript, or a browser too old for this.
one("[data-plain]")?.remove();

/** @param {() => Promise<import("./verify.js").Facts>} find */
async function show(find) {
  try {
    const words = await wordsFor(document.documentElement.lang);
    box.textContent = words.said.checking;
    box.hidden = false;
    tell(box, words, await find());
  } catch (why) {
    console.error(why);
    // Not even the words came: the page has this sentence of its own.
    box.textContent = box.dataset.offline;
    box.hidden = false;
  }
}

if (form) {
  const { receipt, file, text } = form.elements;
  // In the part of an address that stays in the browser. Whoever made the link may have put anything there.
  try {
    receipt.value = decodeURIComponent(location.hash.slice(1));
  } catch {}
  file.addEventListener("change", async () => {
    if (file.files[0]) receipt.value = (await file.files[0].slice(0, 10_000).text()).trim();
  });
  form.addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    await show(() => verifyReceipt(receipt.value, { text: text.value }));
    box.focus();
  });
  // Last, and only now: without what is above, a browser would send what is put in.
  form.hidden = false;
} else if (box.dataset.found) {
  show(() => verifyComment(box.dataset.found));
} else {
  show(() => verifyRecord({ ledger: box.dataset.ledger }));
}
