/**
 * The work that a sender's browser does while comments flood in; the component fetches this then, and only then.
 *
 * altcha's second form: PBKDF2 with SHA-256 by WebCrypto, counter by counter, until a key begins as it is asked to.
 */

/** @param {ArrayBuffer} bytes */
const hex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
/** @param {string} text */
const unhex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));

/**
 * The proof of work that a challenge of the server's asks for: an altcha payload.
 * @param {any} challenge
 */
export async function prove(challenge) {
  const { nonce, salt, cost, keyLength, keyPrefix } = challenge.parameters;
  const how = { name: "PBKDF2", hash: "SHA-256", salt: unhex(salt), iterations: cost };
  /** @param {number} counter */
  const derive = async (counter) => {
    const word = unhex(nonce + counter.toString(16).padStart(8, "0"));
    const key = await crypto.subtle.importKey("raw", word, "PBKDF2", false, ["deriveBits"]);
    return { counter, derivedKey: hex(await crypto.subtle.deriveBits(how, key, keyLength * 8)) };
  };
  for (let first = 0; ; first += 8) {
    const tried = await Promise.all(Array.from({ length: 8 }, (_, more) => derive(first + more)));
    const solution = tried.find((one) => one.derivedKey.startsWith(keyPrefix));
    if (solution) return btoa(JSON.stringify({ challenge, solution }));
    // The page draws, and takes what the reader types, before the next batch.
    await new Promise((go) => setTimeout(go));
  }
}
