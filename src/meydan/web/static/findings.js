/**
 * What verify.js found, in the reader's words: beneath a comment, where its reader asks, and on our pages of the record.
 *
 * The component fetches this then, and only then. Sentences are the server's, in the reader's language; what is put into
 * them goes in as text.
 *
 * @typedef {import("./verify.js").Facts} Facts
 * @typedef {{ language: string, direction: string, digits: string, months: string, moment: string, calendar?: string,
 *   era?: string, said: Record<string, string> }} Words
 * @typedef {[key: string, blanks?: Record<string, string | number>]} Sentence
 */
import { verifyComment } from "./verify.js";

const SERVER = new URL("/", import.meta.url);
/** @type {Map<string, Promise<Words>>} */
const asked = new Map();

/** The words for a language, asked for once. @param {string} lang @returns {Promise<Words>} */
export function wordsFor(lang) {
  let words = asked.get(lang);
  if (!words) {
    const door = new URL(`embed/verify?${new URLSearchParams({ lang })}`, SERVER);
    words = fetch(door, { credentials: "omit" }).then((answer) => {
      if (!answer.ok) throw new Error(`${answer.status}`);
      return answer.json();
    });
    asked.set(lang, words);
    words.catch(() => asked.delete(lang));
  }
  return words;
}

/** In the digits of the language. @param {Words} words @param {string | number} told */
const inDigits = ({ digits }, told) => `${told}`.replace(/\d/g, (digit) => (digits ? digits[+digit] : digit));

/** A moment in the reader's own time zone, in the newsroom's calendar. @param {Words} words @param {string} iso */
function date(words, iso) {
  const { months, moment, calendar = "gregory", era = 0 } = words;
  const told = new Intl.DateTimeFormat(`en-GB-u-ca-${calendar}-nu-latn`, { dateStyle: "short", timeStyle: "short" });
  const parts = told.formatToParts(new Date(iso)).map(({ type, value }) => [type, value]);
  /** @type {Record<string, string>} */
  const at = Object.fromEntries(parts);
  /** @type {Record<string, string | number>} */
  const blanks = { day: +at.day, month: months.split("|")[+at.month - 1], year: +at.year + +era, time: `${at.hour}:${at.minute}` };
  return inDigits(words, moment.replace(/{(\w+)}/g, (_, blank) => `${blanks[blank]}`));
}

/** A sentence with its blanks filled, each isolated from the direction of what surrounds it. @param {Words} words @param {Sentence} sentence */
function filled(words, [key, blanks = {}]) {
  return words.said[key].split(/({\w+})/).map((part) => {
    const blank = part.slice(1, -1);
    if (!part.startsWith("{") || !(blank in blanks)) return part;
    const told = blanks[blank];
    const isolated = document.createElement("bdi");
    isolated.textContent =
      blank === "date" ? date(words, `${told}`) : typeof told === "number" ? inDigits(words, told) : told;
    return isolated;
  });
}

/**
 * What was found, as sentences: the first says the most, `proved` and `not` follow it.
 * @param {Facts} facts
 * @returns {{ first: Sentence, more: Sentence[], not: Sentence[] }}
 */
export function sentencesOf({ result, faults, text, sent, decided, record, leaf, receipt }) {
  /** @type {Sentence[]} */
  const more = [];
  /** @type {Sentence[]} */
  const not = [];
  const ofReceipt = receipt !== undefined;
  const size = record?.size ?? 0;
  const origin = record?.origin ?? "";
  if (result === "proved" || result === "differs" || result === "unpublished") {
    if (text === "same" && result === "unpublished") more.push(["same_undated"]);
    if (decided && result !== "unpublished") more.push([`approved_${decided.by}`, { date: decided.at }]);
    if (ofReceipt && result !== "unpublished") more.push(["held", { number: leaf ?? 0, size, date: sent ?? "" }]);
    if (receipt === "signed") more.push(["receipt_signed", { origin }]);
    if (receipt === "none") more.push(["receipt_older"]);
    if (record) {
      const signed = record.signature === "signed";
      more.push([signed ? "record_signed" : "record_unsigned", { size, origin }]);
      more.push([record.since === "another" ? "another" : record.since === "first" ? "first_look" : "grown"]);
    }
  }
  for (const fault of faults)
    if (fault !== "text") more.push([`fault_${fault}`, { size, origin, before: record?.before ?? 0 }]);
  // Of the record by itself there is nothing more to say.
  if (result === "proved" && sent !== undefined) {
    if (text === "untold") not.push(["not_text"]);
    not.push(["not_who"], ["not_left_out"]);
    if (decided) not.push(["not_later"]);
  }
  /** @type {Sentence} */
  /** @type {Sentence} */
  const same = ["same", { date: sent ?? "" }];
  if (result === "proved" && ofReceipt) {
    if (text === "same") more.unshift(same);
    more.unshift(["receipt_proved"]);
  } else if (result === "proved" && sent !== undefined) more.unshift(text === "closed" ? ["closed", { date: sent }] : same);
  else if (result === "differs" && ofReceipt) more.unshift(["receipt_differs"]);
  else if (result !== "proved") more.unshift([result]);
  const [first, ...rest] = more;
  return { first, more: rest, not };
}

/**
 * Put what was found into a box that was empty.
 * @param {Element} box @param {Words} words @param {Facts} facts
 */
export function tell(box, words, facts) {
  const { first, more, not } = sentencesOf(facts);
  /** @param {string} name @param {(Node | string)[]} inside */
  const made = (name, ...inside) => {
    const element = document.createElement(name);
    element.append(...inside);
    return element;
  };
  /** @param {Sentence[]} sentences */
  const list = (sentences) => made("ul", ...sentences.map((one) => made("li", ...filled(words, one))));
  box.replaceChildren(made("p", made("strong", ...filled(words, first))));
  box.setAttribute("data-result", facts.result);
  if (more.length) box.append(list(more));
  if (not.length) box.append(made("p", words.said.not_proved), list(not));
  const { evidence } = facts.record ?? {};
  if (evidence) {
    const notes = made("pre", evidence.join("\n"));
    notes.dir = "ltr";
    notes.style.cssText = "overflow-wrap: anywhere; white-space: pre-wrap; line-height: 1.5";
    box.append(made("details", made("summary", words.said.evidence), notes));
  }
}

/**
 * Verify the comment that a link stands beneath, and say beneath it what was found; asked again, take it away.
 * Rejects where not even the words for it are to be had.
 * @param {HTMLAnchorElement} link
 */
export async function beside(link) {
  const foot = /** @type {Element} */ (link.closest(".m-foot"));
  const id = link.closest("li")?.dataset.id ?? "";
  const next = foot.nextElementSibling;
  const close = () => {
    foot.nextElementSibling?.remove();
    link.ariaExpanded = "false";
    link.focus();
  };
  if (next?.matches(".m-state")) return close();
  const box = document.createElement("div");
  box.className = "m-state";
  box.setAttribute("role", "status");
  box.setAttribute("part", "notice");
  // Heard only if it was there before there was something in it.
  foot.after(box);
  try {
    const words = await wordsFor(link.closest(".meydan")?.getAttribute("lang") ?? "");
    box.textContent = words.said.checking;
    link.ariaExpanded = "true";
    tell(box, words, await verifyComment(id));
    const button = document.createElement("button");
    button.type = "button";
    button.className = "m-plain";
    button.textContent = words.said.close;
    button.style.cssText = "min-inline-size: 44px; text-align: start";
    button.onclick = close;
    const last = document.createElement("p");
    last.append(button);
    box.append(last);
  } catch (why) {
    box.remove();
    throw why;
  }
}
