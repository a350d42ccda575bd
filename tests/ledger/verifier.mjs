/**
 * verify.js without a browser, for the tests: a line of JSON asks, a line answers. Whatever is fetched is a file that the
 * question brings along; `lost` are paths that do not answer at all.
 */
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const verify = await import(pathToFileURL(process.argv[2]).href);
const bytes = (base64) => Uint8Array.from(Buffer.from(base64, "base64"));
const written = (value) =>
  value instanceof Uint8Array ? Buffer.from(value).toString("base64") : Array.isArray(value) ? value.map(written) : value;
const read = (value) =>
  value?.base64 !== undefined ? bytes(value.base64)
  : Array.isArray(value) ? value.map(read)
  : value && typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, read(one)]))
  : value;

for await (const line of createInterface({ input: process.stdin })) {
  const { call, args, files = {}, lost = [], memory = null, noEd25519 = false } = JSON.parse(line);
  let kept = memory;
  const asked = [];
  const ways = {
    server: "https://news.example/",
    memory: { get: () => kept, set: (value) => (kept = value) },
    fetch: async (url) => {
      const path = new URL(url).pathname;
      asked.push(path);
      if (lost.includes(path)) throw new TypeError("no network");
      return path in files ? new Response(bytes(files[path])) : new Response("{}", { status: 404 });
    },
  };
  const imported = crypto.subtle.importKey;
  if (noEd25519) crypto.subtle.importKey = async () => { throw new DOMException("unknown", "NotSupportedError"); };
  let told;
  try {
    if (call === "tree") {
      const [size, method, ...more] = args;
      const tree = new verify.Tree(size, async (path) => (files[`/ledger/${path}`] ? bytes(files[`/ledger/${path}`]) : undefined));
      told = await tree[method](...more);
    } else if (/^verify/.test(call)) {
      const [first, more] = call === "verifyRecord" ? [{ ...ways, ...args[0] }] : [args[0], { ...ways, ...args[1] }];
      told = await verify[call](first, more);
    } else told = await verify[call](...read(args));
  } catch (why) {
    told = { thrown: why.constructor.name };
  }
  crypto.subtle.importKey = imported;
  console.log(JSON.stringify({ told: written(told) ?? null, memory: kept, asked }));
}
