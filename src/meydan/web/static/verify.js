/**
 * Verifying in the reader's browser: that a comment is what was sent, that the public record holds what was decided about
 * it, and that the record only ever grows.
 *
 * It goes by the server's JSON, never by the page, and finds facts; findings.js has the words for them. WebCrypto, and
 * nothing else: hashing as RFC 6962 has it; tiles, checkpoints and signed notes as C2SP has them. What it remembers is the
 * last state of the record that it saw, so that a record which forgets or forks is found out.
 *
 * @typedef {import("./verify.d.ts").Facts} Facts
 * @typedef {import("./verify.d.ts").Fault} Fault
 * @typedef {import("./verify.d.ts").Result} Result
 * @typedef {import("./verify.d.ts").RecordSeen} RecordSeen
 * @typedef {import("./verify.d.ts").Checkpoint} Checkpoint
 * @typedef {import("./verify.d.ts").Key} Key
 * @typedef {import("./verify.d.ts").Ways} Ways
 * @typedef {import("./verify.d.ts").Memory} Memory
 * @typedef {Uint8Array<ArrayBuffer>} Bytes
 * @typedef {(path: string) => Promise<Bytes | undefined>} Read
 */
const PATIENCE_MS = 20_000;
const MOST_BYTES = 4 << 20;
const WIDTH = 256;
const HASH_BYTES = 32;
const ED25519 = 1;
const utf8 = new TextEncoder();

/** Why nothing can be said; `result` names it. */
class Stopped extends Error {
  /** @param {Result} result */
  constructor(result) {
    super(result);
    this.result = result;
  }
}

/** @param {any} holds @param {Result} [result] @returns {asserts holds} */
function must(holds, result = "unreadable") {
  if (!holds) throw new Stopped(result);
}

// -- bytes ---------------------------------------------------------------------------------------

/** @param {...(Bytes | number)} parts @returns {Bytes} */
function joined(...parts) {
  return Uint8Array.from(parts.flatMap((part) => (typeof part === "number" ? [part] : [...part])));
}

/** @param {Bytes} bytes @returns {Promise<Bytes>} */
const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

/** @param {Bytes} bytes */
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** @param {unknown} digits @param {number} [bytes] how many there have to be @returns {Bytes} */
function unhex(digits, bytes = HASH_BYTES) {
  must(typeof digits === "string" && /^[0-9a-f]*$/.test(digits) && digits.length === 2 * bytes);
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** @param {string} written standard base64, as it is written and no other way @returns {Bytes} */
function unbase64(written) {
  let letters = "";
  try {
    letters = atob(written);
  } catch {}
  must(btoa(letters) === written);
  return Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
}

/** @param {Bytes} one @param {Bytes} other */
const same = (one, other) => hex(one) === hex(other);

/** @param {unknown} text @returns {Bytes} */
function bytesOf(text) {
  // A lone surrogate has no UTF-8 form; an encoder would put another letter in its place.
  must(typeof text === "string" && !/\p{Surrogate}/u.test(text));
  return /** @type {Bytes} */ (utf8.encode(text));
}

// -- the tree ------------------------------------------------------------------------------------

/** @type {typeof import("./verify.d.ts").leafHash} */
export const leafHash = (body) => sha256(joined(0, body));

/** @type {typeof import("./verify.d.ts").nodeHash} */
export const nodeHash = (left, right) => sha256(joined(1, left, right));

/** @type {typeof import("./verify.d.ts").openingOf} */
export const openingOf = (salt) => sha256(joined(bytesOf("meydan.opening.v1\0"), salt));

/** @type {typeof import("./verify.d.ts").commitmentWith} */
export async function commitmentWith(opening, text) {
  return sha256(joined(bytesOf("meydan.comment.v2\0"), opening, bytesOf(text)));
}

/** The commitment as it was made before openings were public. @param {Bytes} salt @param {string} text */
const formerCommitment = (salt, text) => sha256(joined(bytesOf("meydan.comment.v1\0"), salt, bytesOf(text)));

// Numbers of entries may have more than 32 bits, so these are divided rather than shifted.
/** @param {number} number */
const half = (number) => Math.floor(number / 2);

/** The largest power of two below a number of leaves, where a tree divides. @param {number} leaves */
function divide(leaves) {
  let left = 1;
  while (left * 2 < leaves) left *= 2;
  return left;
}

/** @type {typeof import("./verify.d.ts").tilePath} */
export function tilePath(level, index, width) {
  const groups = [String(index % 1000).padStart(3, "0")];
  for (let rest = Math.floor(index / 1000); rest; rest = Math.floor(rest / 1000))
    groups.unshift(`x${String(rest % 1000).padStart(3, "0")}`);
  return `tile/${level}/${groups.join("/")}${width < WIDTH ? `.p/${width}` : ""}`;
}

export class Tree {
  /** @type {Map<string, Promise<Bytes>>} */
  #tiles = new Map();

  /** @param {number} size @param {Read} read */
  constructor(size, read) {
    this.size = size;
    this.read = read;
  }

  /** @param {number | "entries"} level @param {number} index @returns {Promise<Bytes>} */
  #tile(level, index) {
    const leaves = WIDTH ** (level === "entries" ? 0 : level);
    const width = Math.min(WIDTH, Math.floor(this.size / leaves) - index * WIDTH);
    const [path, full] = [width, WIDTH].map((wide) => tilePath(level, index, wide));
    let tile = this.#tiles.get(path);
    if (!tile) {
      tile = (async () => {
        // A partial tile may be gone once it is full.
        const bytes = (await this.read(path)) ?? (path === full ? undefined : await this.read(full));
        must(bytes);
        must(level === "entries" || (bytes.length % HASH_BYTES === 0 && bytes.length >= width * HASH_BYTES));
        return bytes;
      })();
      this.#tiles.set(path, tile);
    }
    return tile;
  }

  /** The hash over 2 ** height leaves, the `index`-th such. @param {number} height @param {number} index */
  async #whole(height, index) {
    const level = Math.floor(height / 8);
    const count = 2 ** (height % 8);
    const first = index * count;
    const tile = await this.#tile(level, Math.floor(first / WIDTH));
    let hashes = Array.from({ length: count }, (_, at) => {
      const begin = ((first % WIDTH) + at) * HASH_BYTES;
      return tile.slice(begin, begin + HASH_BYTES);
    });
    while (hashes.length > 1)
      hashes = await Promise.all(
        hashes.filter((_, at) => at % 2 === 0).map((left, at) => nodeHash(left, hashes[2 * at + 1])),
      );
    return hashes[0];
  }

  /** @type {import("./verify.d.ts").Tree["span"]} */
  async span(begin, end) {
    const leaves = end - begin;
    if (leaves === 0) return sha256(new Uint8Array());
    const height = Math.round(Math.log2(leaves));
    if (2 ** height === leaves) return this.#whole(height, begin / leaves);
    const middle = begin + divide(leaves);
    return nodeHash(await this.span(begin, middle), await this.span(middle, end));
  }

  /** @type {import("./verify.d.ts").Tree["path"]} */
  async path(number) {
    const path = [];
    for (let begin = 0, end = this.size; end - begin > 1; ) {
      const middle = begin + divide(end - begin);
      if (number < middle) {
        path.unshift(await this.span(middle, end));
        end = middle;
      } else {
        path.unshift(await this.span(begin, middle));
        begin = middle;
      }
    }
    return path;
  }

  /** @type {import("./verify.d.ts").Tree["consistency"]} */
  async consistency(before) {
    const proof = [];
    let [begin, end, whole] = [0, this.size, true];
    while (end !== before) {
      const middle = begin + divide(end - begin);
      if (before <= middle) {
        proof.unshift(await this.span(middle, end));
        end = middle;
      } else {
        proof.unshift(await this.span(begin, middle));
        [begin, whole] = [middle, false];
      }
    }
    return whole ? proof : [await this.span(begin, end), ...proof];
  }

  /** @type {import("./verify.d.ts").Tree["entry"]} */
  async entry(number) {
    const bundle = await this.#tile("entries", Math.floor(number / WIDTH));
    const view = new DataView(bundle.buffer, bundle.byteOffset);
    for (let at = 0, left = number % WIDTH; ; left--) {
      must(at + 2 <= bundle.length);
      const end = at + 2 + view.getUint16(at);
      must(end <= bundle.length);
      if (!left) return bundle.slice(at + 2, end);
      at = end;
    }
  }
}

/** As RFC 9162 has it, section 2.1.3.2. @type {typeof import("./verify.d.ts").rootByInclusion} */
export async function rootByInclusion(leaf, number, size, path) {
  if (number >= size) return;
  let [at, last, root] = [number, size - 1, leaf];
  for (const hash of path) {
    if (last === 0) return;
    if (at % 2 || at === last) {
      root = await nodeHash(hash, root);
      while (at && at % 2 === 0) [at, last] = [half(at), half(last)];
    } else {
      root = await nodeHash(root, hash);
    }
    [at, last] = [half(at), half(last)];
  }
  return last === 0 ? root : undefined;
}

/** As RFC 9162 has it, section 2.1.4.2. @type {typeof import("./verify.d.ts").isConsistent} */
export async function isConsistent(before, now, proof) {
  if (before.size > now.size) return false;
  if (before.size === now.size) return !proof.length && same(before.root, now.root);
  // Of nothing, everything is a continuation.
  if (before.size === 0) return !proof.length;
  const power = 2 ** Math.round(Math.log2(before.size)) === before.size;
  const [first, ...rest] = power ? [before.root, ...proof] : proof;
  if (!first) return false;
  let [at, last] = [before.size - 1, now.size - 1];
  while (at % 2) [at, last] = [half(at), half(last)];
  let [old, grown] = [first, first];
  for (const hash of rest) {
    if (last === 0) return false;
    if (at % 2 || at === last) {
      [old, grown] = [await nodeHash(hash, old), await nodeHash(hash, grown)];
      while (at && at % 2 === 0) [at, last] = [half(at), half(last)];
    } else {
      grown = await nodeHash(grown, hash);
    }
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && same(old, before.root) && same(grown, now.root);
}

// -- what is signed ------------------------------------------------------------------------------

/** @type {typeof import("./verify.d.ts").checkpointOf} */
export function checkpointOf(note) {
  const end = note.lastIndexOf("\n\n");
  must(end > 0 && note.endsWith("\n"));
  const text = note.slice(0, end + 1);
  const [origin, size, root] = text.split("\n");
  must(origin && /^(0|[1-9]\d{0,15})$/.test(size) && Number.isSafeInteger(+size) && root);
  const signatures = note
    .slice(end + 2, -1)
    .split("\n")
    .map((line) => {
      const [, name, written] = /^\u2014 ([^\s+]+) (\S+)$/.exec(line) ?? [];
      must(written);
      const bytes = unbase64(written);
      must(bytes.length > 4);
      return { name, id: hex(bytes.slice(0, 4)), bytes: bytes.slice(4) };
    });
  const hash = unbase64(root);
  must(hash.length === HASH_BYTES);
  return { origin, size: +size, root: hash, text, signatures };
}

/** @type {typeof import("./verify.d.ts").keysOf} */
export async function keysOf(list) {
  const keys = [];
  for (const word of list.split("\n").filter(Boolean)) {
    const [, name, id, written] = /^([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/.exec(word) ?? [];
    must(written);
    const bytes = unbase64(written);
    must(bytes.length === 1 + HASH_BYTES && bytes[0] === ED25519);
    must(hex((await sha256(joined(bytesOf(`${name}\n`), bytes))).slice(0, 4)) === id);
    keys.push({ name, id, bytes: bytes.slice(1), word });
  }
  must(keys.length);
  return keys;
}

/** @type {typeof import("./verify.d.ts").isSigned} */
export async function isSigned(key, text, signature) {
  let known;
  try {
    known = await crypto.subtle.importKey("raw", key.bytes, { name: "Ed25519" }, false, ["verify"]);
  } catch {
    return undefined;
  }
  return crypto.subtle.verify({ name: "Ed25519" }, known, signature, bytesOf(text));
}

/**
 * Which of these keys have signed; undefined where this browser cannot tell.
 * @param {Checkpoint} checkpoint @param {Key[]} keys
 */
async function signersOf({ origin, text, signatures }, keys) {
  const signers = [];
  for (const key of keys)
    for (const { name, id, bytes } of signatures)
      if (key.name === origin && name === origin && id === key.id) {
        const signed = await isSigned(key, text, bytes);
        if (signed === undefined) return undefined;
        // As everywhere: a note that says it is by a key and is not is believed in nothing.
        if (!signed) return [];
        signers.push(key);
      }
  return signers;
}

// -- what is asked, and what is remembered ---------------------------------------------------------

const NAME = "meydan-ledger";
/** @type {string | null} */
let here = null;
/** @type {Memory} */
const browser = {
  get() {
    try {
      return localStorage.getItem(NAME) ?? here;
    } catch {
      return here;
    }
  },
  set(value) {
    here = value;
    try {
      localStorage.setItem(NAME, value);
    } catch {}
  },
};

/**
 * @typedef {{ note: string, keys: string[] }} Seen the last checkpoint, as it was signed, and the keys that had signed it
 */
/** @param {Memory} memory @returns {Record<string, Seen>} by the record's address; nothing where it cannot be read */
function remembered(memory) {
  try {
    const all = JSON.parse(memory.get() ?? "{}");
    for (const { note, keys } of Object.values(all)) must(checkpointOf(note) && Array.isArray(keys));
    return { ...all };
  } catch {
    return {};
  }
}

/**
 * Where a record was, there is none any more.
 * @param {Checkpoint} old @param {Seen} before
 */
function gone(old, before) {
  /** @type {RecordSeen} */
  const record = { origin: old.origin, size: 0, signature: "wrong", since: "broken", before: old.size, evidence: [before.note, ""] };
  const tree = new Tree(0, async () => undefined);
  return { record, faults: [/** @type {Fault} */ ("rollback")], tree, checkpoint: { ...old, size: 0 }, keys: [] };
}

/** @param {Ways} ways */
function waysOf({ server = new URL("/", import.meta.url), memory = browser, fetch = globalThis.fetch.bind(globalThis) }) {
  must(globalThis.crypto?.subtle, "unable");
  /**
   * What stands at an address of the server; undefined where there is nothing.
   * @param {string} path @param {RequestCache} [cache] @returns {Promise<Bytes | undefined>}
   */
  const read = async (path, cache = "default") => {
    let answer, bytes;
    try {
      const signal = AbortSignal.timeout(PATIENCE_MS);
      answer = await fetch(new URL(path, server), { credentials: "omit", redirect: "error", cache, signal });
      bytes = new Uint8Array(await answer.arrayBuffer());
    } catch {
      throw new Stopped("offline");
    }
    if (answer.status === 404) return undefined;
    // Busy, or being restarted: as good as not there.
    must(answer.status < 500 && answer.status !== 429, "offline");
    must(answer.ok && bytes.length <= MOST_BYTES);
    return bytes;
  };
  return { server: new URL(server).href, memory, read };
}

/** Where a record is, below the server's address, by the end of its address or its name: one begun anew has a number. @param {unknown} told */
function placeOf(told) {
  const found = typeof told === "string" && /\/(ledger(?:\/[1-9]\d{0,8})?)\/?$/.exec(told);
  must(found);
  return `${found[1]}/`;
}

/** @param {Bytes | undefined} bytes */
function textOf(bytes) {
  must(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Stopped("unreadable");
  }
}

/** @param {string} text @returns {any} */
function jsonOf(text) {
  try {
    const told = JSON.parse(text);
    must(told && typeof told === "object");
    return told;
  } catch {
    throw new Stopped("unreadable");
  }
}

/**
 * The record's published state, checked against its keys and against what was seen before, and remembered if it holds.
 * @param {ReturnType<typeof waysOf>} ways @param {string} place
 */
async function look({ server, memory, read }, place) {
  const address = server + place;
  // Read before the record is asked: what another page remembers meanwhile may be newer than the answer.
  const known = remembered(memory);
  const before = known[address];
  const old = before && checkpointOf(before.note);
  const told = await read(`${place}checkpoint`, "no-cache");
  if (!told) {
    must(old, "unpublished");
    return gone(old, before);
  }
  const note = textOf(told);
  const checkpoint = checkpointOf(note);
  const keys = await keysOf(textOf(await read(`${place}key`, "no-cache")));
  const tree = new Tree(checkpoint.size, (path) => read(place + path));
  /** @type {Fault[]} */
  const faults = [];
  /** @type {RecordSeen} */
  const record = { origin: checkpoint.origin, size: checkpoint.size, signature: "signed", since: "first" };
  // A record that is not seen for the first time because there was one before it.
  if (Object.keys(known).some((one) => one.startsWith(`${server}ledger/`))) record.since = "another";
  const signers = await signersOf(checkpoint, keys);
  if (!signers) record.signature = "unchecked";
  else if (!signers.length) {
    record.signature = "wrong";
    faults.push("signature");
  }
  if (old) {
    record.before = old.size;
    if (old.origin === checkpoint.origin) {
      record.since = "grown";
      const trusted = before.keys.length ? await signersOf(checkpoint, await keysOf(before.keys.join("\n"))) : signers;
      if (signers?.length && !trusted?.length) faults.push("key");
      if (old.size > checkpoint.size) faults.push("rollback");
      else if (!(await isConsistent(old, checkpoint, old.size && old.size < tree.size ? await tree.consistency(old.size) : [])))
        faults.push("fork");
      if (faults.includes("rollback") || faults.includes("fork")) {
        record.since = "broken";
        record.evidence = [before.note, note];
      }
    }
  }
  const all = remembered(memory);
  const newest = all[address];
  // What was seen before stays the measure for whatever does not fit it.
  if (!faults.length && (!newest || record.since === "another" || checkpointOf(newest.note).size <= checkpoint.size)) {
    all[address] = { note, keys: signers?.map((key) => key.word) ?? newest?.keys ?? [] };
    memory.set(JSON.stringify(all));
  }
  return { record, faults, tree, checkpoint, keys };
}

/**
 * Whether the record holds a leaf at its place.
 * @param {{ tree: Tree, checkpoint: Checkpoint }} seen @param {number} number @param {Bytes} body
 */
async function holds({ tree, checkpoint }, number, body) {
  const root = await rootByInclusion(await leafHash(body), number, tree.size, await tree.path(number));
  return !!root && same(root, checkpoint.root);
}

/** @param {unknown} number @returns {number} */
function numberOf(number) {
  must(typeof number === "number" && Number.isSafeInteger(number) && number >= 0);
  return number;
}

const AT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$/;
/** Whether it is a moment, as entries have them: also one that a calendar has. @param {unknown} at */
const isMoment = (at) => typeof at === "string" && AT.test(at) && !Number.isNaN(Date.parse(at));
const BY = ["machine", "moderator", "import"];

/** @param {Facts} facts @returns {Facts} */
function judged(facts) {
  const { faults } = facts;
  if (faults.length) facts.result = faults.includes("text") ? "differs" : "contradicted";
  return facts;
}

/** @param {Facts} facts @param {() => Promise<unknown>} find @returns {Promise<Facts>} */
async function found(facts, find) {
  try {
    await find();
  } catch (why) {
    if (!(why instanceof Stopped)) throw why;
    // What was found before stays found.
    facts.result = why.result;
  }
  return judged(facts);
}

/** @type {typeof import("./verify.d.ts").verifyRecord} */
export function verifyRecord(ways = {}) {
  /** @type {Facts} */
  const facts = { result: "proved", faults: [] };
  return found(facts, async () => {
    const seen = await look(waysOf(ways), placeOf(ways.ledger ?? "/ledger/"));
    facts.record = seen.record;
    facts.faults.push(...seen.faults);
  });
}

/** @type {typeof import("./verify.d.ts").verifyComment} */
export function verifyComment(id, ways = {}) {
  /** @type {Facts} */
  const facts = { result: "proved", faults: [] };
  return found(facts, async () => {
    const { faults } = facts;
    const all = waysOf(ways);
    const answer = await all.read(`api/v1/comments/${encodeURIComponent(id)}/proof`, "no-store");
    must(answer, "unknown");
    const told = jsonOf(textOf(answer));
    must(told.id === id);
    must(told.status !== "erased", "erased");
    must(told.status !== "withdrawn", "withdrawn");
    must(told.status === "approved" && Array.isArray(told.leaves));
    const commitment = unhex(told.commitment);
    if (told.opening === null) facts.text = "closed";
    else facts.text = same(await commitmentWith(unhex(told.opening), told.text), commitment) ? "same" : "differs";
    if (facts.text === "differs") faults.push("text");

    const leaves = told.leaves.map((/** @type {any} */ { number, body }) => {
      const said = jsonOf(body);
      return { number: numberOf(number), body: bytesOf(body), said };
    });
    /** @type {any[]} */
    const said = leaves.map((/** @type {any} */ leaf) => leaf.said);
    const last = said[said.length - 1];
    // One that was taken out of the database is not told: the first may be missing, and all.
    const sound =
      said.length > 0 &&
      said.every(
        ({ kind, commitment: named, at, decided_by }, place) =>
          named === told.commitment &&
          isMoment(at) &&
          (place ? kind === "decision" && BY.includes(decided_by) : kind === "receipt") &&
          (!place || leaves[place].number > leaves[place - 1].number),
      );
    if (!sound) faults.push("leaf");
    else {
      facts.sent = said[0].at;
      if (last.kind === "decision" && last.verdict === "approve") facts.decided = { at: last.at, by: last.decided_by };
      else faults.push("verdict");
    }

    const seen = await look(all, placeOf(told.ledger));
    facts.record = seen.record;
    faults.push(...seen.faults);
    if (typeof told.origin !== "string" || told.origin !== seen.checkpoint.origin) faults.push("log");
    for (const { number, body } of leaves)
      if (number >= seen.tree.size) facts.result = "unpublished";
      else if (!(await holds(seen, number, body))) {
        faults.push("inclusion");
        break;
      }
  });
}

/** @type {typeof import("./verify.d.ts").verifyReceipt} */
export function verifyReceipt(receipt, { text, ...ways } = {}) {
  /** @type {Facts} */
  const facts = { result: "proved", faults: [] };
  return found(facts, async () => {
    const { faults } = facts;
    const all = waysOf(ways);
    const [, version, word] = /(?:^|[^\w.-])(mr[12])\.([\w-]{1,2000})(?![\w.-])/.exec(receipt) ?? [];
    must(word, "no_receipt");
    /** @type {any} */
    let told;
    let salt, commitment, place;
    try {
      const letters = atob(word.replaceAll("-", "+").replaceAll("_", "/"));
      told = jsonOf(textOf(Uint8Array.from(letters, (letter) => letter.charCodeAt(0))));
      [salt, commitment] = [unhex(told.salt), unhex(told.commitment)];
      facts.leaf = numberOf(told.leaf);
      place = placeOf(told.log ?? "/ledger/");
      must(version === "mr1" || (isMoment(told.at) && typeof told.log === "string" && typeof told.sig === "string"));
    } catch {
      throw new Stopped("no_receipt");
    }
    if (text === undefined || text === "") facts.text = "untold";
    else {
      // A form without JavaScript sends its line ends as CR LF, which no field that it is pasted into keeps; and who pastes
      // a file has the end of its last line with it.
      const lines = [text, text.replace(/\r?\n$/, "")];
      const written = new Set([...lines, ...lines.map((one) => one.replace(/\r?\n/g, "\r\n"))]);
      const opening = await openingOf(salt);
      const made = [];
      for (const one of written) made.push(await commitmentWith(opening, one), await formerCommitment(salt, one));
      facts.text = made.some((one) => same(one, commitment)) ? "same" : "differs";
      if (facts.text === "differs") faults.push("text");
    }

    const seen = await look(all, place);
    facts.record = seen.record;
    faults.push(...seen.faults);
    facts.receipt = "none";
    let body;
    if (version === "mr2") {
      facts.sent = told.at;
      if (told.log !== seen.checkpoint.origin) return faults.push("log");
      facts.receipt = await signatureOf(told, seen.keys);
      if (facts.receipt === "wrong") faults.push("receipt");
      body = bytesOf(JSON.stringify({ at: told.at, commitment: told.commitment, kind: "receipt", v: 1 }));
    }
    if (facts.leaf >= seen.tree.size) return (facts.result = "unpublished");
    // The older form does not say when; the record does.
    body ??= await seen.tree.entry(facts.leaf);
    const said = jsonOf(textOf(body));
    if (said.kind !== "receipt" || said.commitment !== told.commitment || !(await holds(seen, facts.leaf, body)))
      return faults.push("inclusion");
    facts.sent = said.at;
  });
}

/** @param {any} told what a receipt says @param {Key[]} keys @returns {Promise<"signed" | "unchecked" | "wrong">} */
async function signatureOf({ log, commitment, leaf, at, sig }, keys) {
  const bytes = unbase64(sig);
  const text = `meydan receipt v1\n${log}\n${commitment}\n${leaf}\n${at}\n`;
  for (const key of keys)
    if (key.name === log && key.id === hex(bytes.slice(0, 4))) {
      const signed = await isSigned(key, text, bytes.slice(4));
      if (signed !== false) return signed ? "signed" : "unchecked";
    }
  return "wrong";
}
