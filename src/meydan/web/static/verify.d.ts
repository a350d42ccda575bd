/**
 * What verify.js finds out about a comment or a receipt, from the server's own answers and the public record.
 *
 * Times are as the record's leaves have them: ISO 8601, UTC. Hashes and keys are bytes. Numbers of entries count from 0.
 */

/**
 * In one word. proved: all of it adds up. differs: the text is not what was committed to. contradicted: the record says
 * something else than the server. unpublished: not in the record yet, which takes seconds. unknown: readers are shown no such
 * comment. unreadable: an answer had another form than it must have. unable: no WebCrypto here, as on pages without HTTPS.
 */
export type Result =
  | "proved"
  | "differs"
  | "contradicted"
  | "unpublished"
  | "erased"
  | "withdrawn"
  | "unknown"
  | "offline"
  | "unreadable"
  | "unable"
  | "no_receipt";

/**
 * What does not add up. text: another than was committed to. leaf: an entry about it is not one, or is another comment's.
 * verdict: the last decision shown is no approval. inclusion: the record does not hold what it was said to hold. signature:
 * the record's state is not signed by its key. key: it is signed, but with none of the keys that this browser saw before.
 * fork: it does not continue what this browser saw before. rollback: it had more entries then. log: what was shown is of
 * another record. receipt: the receipt's own signature is wrong.
 */
export type Fault =
  | "text"
  | "leaf"
  | "verdict"
  | "inclusion"
  | "signature"
  | "key"
  | "fork"
  | "rollback"
  | "log"
  | "receipt";

/** The record as it was published when it was asked. */
export interface RecordSeen {
  origin: string;
  /** How many entries it has. */
  size: number;
  /** unchecked: this browser knows no Ed25519. */
  signature: "signed" | "unchecked" | "wrong";
  /** Against what this browser saw before; another: it saw a record here, and it was another one. */
  since: "first" | "grown" | "broken" | "another";
  /** How many entries it had when this browser saw it before. */
  before?: number;
  /** The two signed checkpoints that do not fit together. */
  evidence?: [string, string];
}

export interface Facts {
  result: Result;
  faults: Fault[];
  /** closed: no opening is public, so that only its author can check it. untold: none was given. */
  text?: "same" | "differs" | "closed" | "untold";
  /** When it was received. */
  sent?: string;
  /** The last decision shown, when it approves. */
  decided?: { at: string; by: "machine" | "moderator" | "import" };
  record?: RecordSeen;
  /** Of a receipt: its number in the record, and whether its own signature is right; none: it is of the older form. */
  leaf?: number;
  receipt?: "signed" | "unchecked" | "wrong" | "none";
}

/** Where what was seen of a record is remembered, as localStorage is; nothing is ever thrown. */
export interface Memory {
  get(): string | null;
  set(value: string): void;
}

export interface Ways {
  /** The server's address, with a slash at its end; where verify.js came from if left out. */
  server?: string | URL;
  memory?: Memory;
  fetch?: typeof globalThis.fetch;
}

/** Verify a comment that readers are shown. Never rejects. */
export function verifyComment(id: string, ways?: Ways): Promise<Facts>;

/** Verify a receipt, as a word or a file with the word in it; with the text, that it is what was committed to. Never rejects. */
export function verifyReceipt(receipt: string, ways?: Ways & { text?: string }): Promise<Facts>;

/** The record's published state by itself; `ledger` is the end of its address where one was begun anew, "/ledger/2/". Never rejects. */
export function verifyRecord(ways?: Ways & { ledger?: string }): Promise<Facts>;

// -- the parts, for tests and for whoever wants to look closer ------------------------------------------------

type Bytes = Uint8Array<ArrayBuffer>;

export interface Checkpoint {
  origin: string;
  size: number;
  root: Bytes;
  /** What is signed, and by whom: `id` is the first four bytes of the key's hash, in hexadecimal digits. */
  text: string;
  signatures: { name: string; id: string; bytes: Bytes }[];
}

export interface Key {
  name: string;
  id: string;
  bytes: Bytes;
  /** As it is written: name+id+base64. */
  word: string;
}

export function leafHash(body: Bytes): Promise<Bytes>;
export function nodeHash(left: Bytes, right: Bytes): Promise<Bytes>;
export function openingOf(salt: Bytes): Promise<Bytes>;
/** Rejects where the text has no UTF-8 form. */
export function commitmentWith(opening: Bytes, text: string): Promise<Bytes>;
/** The path of a tile below the record's address: of hashes on a level, or, on level "entries", of leaves. */
export function tilePath(level: number | "entries", index: number, width: number): string;
/** Throws where it is none. */
export function checkpointOf(note: string): Checkpoint;
/** Throws where it is none; resolves to the keys of a list, one a line. */
export function keysOf(list: string): Promise<Key[]>;
/** Whether it is signed; undefined where this browser cannot tell. */
export function isSigned(key: Key, text: string, signature: Bytes): Promise<boolean | undefined>;
export function rootByInclusion(leaf: Bytes, number: number, size: number, path: Bytes[]): Promise<Bytes | undefined>;
export function isConsistent(before: { size: number; root: Bytes }, now: { size: number; root: Bytes }, proof: Bytes[]): Promise<boolean>;

/** The hashes of a record's first `size` leaves, as its tiles have them. */
export class Tree {
  constructor(size: number, read: (path: string) => Promise<Bytes | undefined>);
  /** RFC 6962's MTH of the leaves from `begin` up to, not with, `end`. */
  span(begin: number, end: number): Promise<Bytes>;
  path(number: number): Promise<Bytes[]>;
  consistency(before: number): Promise<Bytes[]>;
  /** The body of a leaf. */
  entry(number: number): Promise<Bytes>;
}
