/**
 * <meydan-comments story="URL" lang="…" sort="newest" theme="dark" count-only account="JWT">: a story's comments and
 * the form, in the page's own clothes. What a site may say to it, and hears from it: /embed.d.ts.
 *
 * Everything shown is the server's escaped HTML, put into a shadow root; what this browser keeps of its reader goes
 * in as text. No cookies, no third party. Nothing is stored until something is sent: then what waits for a moderator,
 * and what could not be sent, so that it stays its author's; and, once a comment was verified, the record's state as it was seen.
 */
const SERVER = new URL("/", import.meta.url);
/** @type {Record<string, string>} */
const AGAIN = /** @type {any} */ ("AGAIN_WORDS");
const SHEET = new CSSStyleSheet();
SHEET.replaceSync("THREAD_CSS");

/**
 * @typedef {{ id: string, status: string, reasons: any[], receipt: string, status_url: string, story: string, name: string,
 *   text: string, at: number, pass?: boolean }} Mine
 * @typedef {{ key: string, body: Record<string, any>, at: number }} Draft
 * @typedef {{ sent: Mine[], drafts: Record<string, Draft>, pass?: { token: string, name: string } }} Kept
 */
const KEPT_MS = 30 * 24 * 3600_000;
const POLL_MS = 30_000;
// A browser opens six connections to one server; what the rest of the page needs has to fit beside these.
const MOST_STREAMS = 2;
let streams = 0;
/** @type {any} */
let memory = {};
let full = false;

/**
 * What this browser keeps, after an optional change to it; in memory only where storage is not allowed.
 * @param {(all: Kept) => void} [change]
 * @returns {Kept}
 */
function kept(change) {
  try {
    memory = full ? memory : JSON.parse(localStorage.meydan ?? "{}");
  } catch {}
  /** @param {any} one */
  const young = (one) => one.at > Date.now() - KEPT_MS;
  const all = { drafts: {}, ...memory, sent: (memory.sent ?? []).filter(young).slice(-50) };
  for (const story in all.drafts) if (!young(all.drafts[story])) delete all.drafts[story];
  if (!change) return all;
  change(all);
  memory = all;
  try {
    localStorage.meydan = JSON.stringify(all);
  } catch {
    // What it holds is older than what is known here, from now on.
    full = true;
  }
  return all;
}

/** @param {ArrayBuffer | Uint8Array<ArrayBuffer>} bytes */
const hex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");

/**
 * Ask the server; with a body, by POST.
 * @param {string} path
 * @param {object} [body]
 * @param {Record<string, string>} [headers]
 * @param {AbortSignal} [signal]
 */
function ask(path, body, headers, signal) {
  const posted = body && {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  };
  return fetch(new URL(path, SERVER), { credentials: "omit", signal, ...posted });
}

/** @type {{ stories: Set<string>, counts: Promise<Record<string, number>> } | undefined} */
let batch;

/**
 * How many comments a story has, if it is to be learnt; what is asked in one moment is one request.
 * @param {string} story
 */
async function countOf(story) {
  if (!batch || batch.stories.size === 100) {
    /** @type {Set<string>} */
    const stories = new Set();
    const counts = new Promise((go) => setTimeout(go)).then(async () => {
      batch = undefined;
      const query = new URLSearchParams(Array.from(stories, (one) => ["story", one]));
      return (await (await ask(`api/v1/counts?${query}`)).json()).counts;
    });
    batch = { stories, counts };
  }
  batch.stories.add(story);
  try {
    return (await batch.counts)[story];
  } catch {}
}

class MeydanComments extends HTMLElement {
  static observedAttributes = ["story", "lang", "sort", "count-only", "account"];
  #root = this.attachShadow({ mode: "open" });
  #asked = 0;
  #view = "";
  #account = "";
  #due = false;
  #nudged = "";
  /** The rejected comment that is being rewritten. */
  #again = "";
  #leave = new AbortController();
  #unwatch = () => {};

  constructor() {
    super();
    this.#root.adoptedStyleSheets = [SHEET];
    // Until the comments are here, the page's own link to them is.
    this.#root.append(document.createElement("slot"));
    this.#root.addEventListener("click", (event) => this.#clicked(/** @type {MouseEvent} */ (event)));
    this.#root.addEventListener("input", (event) => this.#typed(event.target));
    this.#root.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
  }

  attributeChangedCallback() {
    this.#soon();
  }

  connectedCallback() {
    this.#leave = new AbortController();
    const { signal } = this.#leave;
    addEventListener("hashchange", () => this.#arrive(), { signal });
    addEventListener("online", () => this.#retry(), { signal });
    document.addEventListener("visibilitychange", () => this.#watch(), { signal });
    this.#soon();
  }

  disconnectedCallback() {
    this.#leave.abort();
    this.#stop();
  }

  /** The JWT of the site's own account, as a property or the attribute. */
  get account() {
    return this.#account || (this.getAttribute("account") ?? "");
  }

  set account(token) {
    this.#account = token ?? "";
    this.#soon();
  }

  /** Load once for all that changes in one moment. */
  #soon() {
    if (this.#due || !this.isConnected) return;
    this.#due = true;
    queueMicrotask(() => {
      this.#due = false;
      if (!this.isConnected) return;
      if (this.hasAttribute("count-only")) this.#count();
      else this.#arrive(true);
    });
  }

  get #story() {
    return this.getAttribute("story") ?? "";
  }

  get #first() {
    const sort = this.getAttribute("sort");
    return sort ? `sort=${encodeURIComponent(sort)}` : "";
  }

  get #language() {
    return this.closest("[lang]")?.getAttribute("lang") ?? "";
  }

  /** @param {string} name @param {object} detail */
  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(`meydan:${name}`, { bubbles: true, composed: true, detail }));
  }

  async #count() {
    const count = await countOf(this.#story);
    if (count == null || !this.hasAttribute("count-only")) return;
    this.#root.innerHTML = '<span part="count"></span>';
    this.#one("span").textContent = count;
    this.#tell("count", { count });
  }

  /** Show the comment that the page's address names, if it is one of this story's. @param {boolean} [anew] */
  async #arrive(anew) {
    const id = /^#meydan-([\w-]{9,})$/.exec(location.hash)?.[1];
    if (!anew && (!id || this.#go(`meydan-${id}`))) return;
    if (id && (await this.load(`at=${id}&${this.#first}`, true))) this.#go(`meydan-${id}`);
    else if (anew) await this.load();
  }

  /** Go to an element by its id; tells whether it is there. @param {string} [id] */
  #go(id) {
    const place = id && this.#root.getElementById(id);
    if (!place) return false;
    this.#one(".meydan").classList.remove("m-fresh");
    place.tabIndex = -1;
    place.focus({ preventScroll: true });
    place.scrollIntoView();
    return true;
  }

  /** A page of the comments, as the server gives it. @param {string} view */
  async #page(view) {
    const query = new URLSearchParams(view);
    query.set("story", this.#story);
    query.set("lang", this.#language);
    const answer = await ask(`embed/comments?${query}`);
    if (!answer.ok) throw await answer.text();
    const page = document.createElement("template");
    page.innerHTML = await answer.text();
    return page.content;
  }

  /**
   * Fetch and show the comments; `view` is what the links to other pages carry. Tells whether it worked.
   * @param {string} [view]
   * @param {boolean} [trying] say nothing when it does not
   */
  async load(view = this.#first, trying = false) {
    if (!this.#story) return false;
    const turn = ++this.#asked;
    try {
      // Asked at once and shown at once, so that nothing moves afterwards.
      const [page] = await Promise.all([this.#page(view), this.#askOfMine()]);
      if (turn !== this.#asked) return false;
      const at = new URLSearchParams(view).get("at");
      if (at && trying && !page.getElementById(`meydan-${at}`)) return false;
      this.#view = view;
      const before = this.#form && Object.fromEntries(new FormData(this.#form));
      this.#root.replaceChildren(page);
      this.#settle(before);
      this.#showMine();
      this.#tell("loaded", { story: this.#story, count: this.#shown });
      this.#watch();
      return true;
    } catch (why) {
      if (turn !== this.#asked || trying) return false;
      console.error(this, why);
      this.#notLoaded(view);
      return false;
    }
  }

  /** Make the new page ready; what was typed `before` goes on where it was. @param {any} before */
  #settle(before) {
    const form = this.#form;
    const { classList } = this.#one(".meydan");
    classList.add("m-fresh");
    requestAnimationFrame(() => setTimeout(() => classList.remove("m-fresh")));
    this.#one(".m-head").after(this.#one(".m-news"));
    this.#dates();
    if (!form) return;
    form.noValidate = true;
    const draft = before ? undefined : kept().drafts[this.#story]?.body;
    const typed = before ?? draft ?? {};
    for (const field of form.elements)
      if (field.type === "checkbox") field.checked = !!typed[field.name];
      else if (typed[field.name] && /^(name|email|text)$/.test(field.name)) field.value = typed[field.name];
    const who = this.#who;
    classList.toggle("m-known", !!who);
    this.#one(".m-as bdi").textContent = who?.name;
    this.#one("[data-leave]").hidden = !!this.account;
    if (typed.parent) this.#answer(this.#one(`[data-reply="${typed.parent}"]`));
    this.#typed(form.elements.text);
    if (draft) this.#say("kept", {}, false);
  }

  /** In the reader's own time zone, in the server's words: browsers know neither Sorani nor Kurmanji. */
  #dates() {
    const { months, moment, calendar = "gregory", era = 0 } = this.#one(".meydan").dataset;
    const told = new Intl.DateTimeFormat(`en-GB-u-ca-${calendar}-nu-latn`, { dateStyle: "short", timeStyle: "short" });
    // A browser that does not know the calendar leaves the server's words, in UTC.
    if (told.resolvedOptions().calendar !== calendar) return;
    for (const time of this.#root.querySelectorAll("time")) {
      /** @type {Record<string, any>} */
      const at = Object.fromEntries(told.formatToParts(new Date(time.dateTime)).map((part) => [part.type, part.value]));
      /** @type {Record<string, any>} */
      const blanks = { day: +at.day, month: months.split("|")[at.month - 1], year: at.year - -era, time: `${at.hour}:${at.minute}` };
      time.textContent = this.#digits(moment.replace(/{(\w+)}/g, (/** @type {string} */ _, /** @type {string} */ blank) => blanks[blank]));
    }
  }

  /** Text with its numbers in the digits of the page's language. @param {string} text */
  #digits(text) {
    const { digits } = this.#one(".meydan").dataset;
    return digits ? text.replace(/\d/g, (/** @type {any} */ digit) => digits[digit]) : text;
  }

  /** @param {string} view */
  #notLoaded(view) {
    if (this.#form) return this.#say("failed");
    const lang = this.#language;
    this.#stop();
    this.#root.innerHTML = '<p class="meydan m-said" role="status"><button></button></p><slot></slot>';
    const button = this.#one("button");
    button.textContent = AGAIN[lang] ?? AGAIN[lang.split("-")[0]] ?? AGAIN.en;
    button.onclick = () => this.load(view);
  }

  // -- more, and new -----------------------------------------------------------------

  /**
   * Put what is not shown yet among what is, in the order of the page it came with; ids of what was put in.
   * @param {Element | null | undefined} from
   * @param {Element | null} into
   * @param {Element | null | undefined} last what the first goes after; null: nothing
   * @returns {string[]}
   */
  #merge(from, into, last) {
    const added = [];
    for (const item of /** @type {Iterable<Element>} */ ([...(from?.children ?? [])])) {
      const known = this.#root.getElementById(item.id);
      // A link to the rest of a branch, where there is one already.
      if (!item.id && into?.querySelector(":scope > .m-rest")) continue;
      if (known) {
        /** @type {any[]} */
        let [theirs, own] = [item, known].map((one) => one.querySelector(":scope > ol"));
        if (theirs) {
          if (!own) known.append((own = theirs.cloneNode()));
          added.push(...this.#merge(theirs, own, own.lastElementChild));
        }
        if (known.parentElement === into) last = known;
      } else if (into) {
        into.insertBefore(item, last ? last.nextSibling : into.firstChild);
        added.push(item.id);
        last = item;
      }
    }
    this.#dates();
    return added;
  }

  /** Show more below what is shown: the next page, or the rest of a branch. @param {HTMLAnchorElement} link */
  async #more(link) {
    const { branch, page: view = new URL(link.href).search } = link.dataset;
    try {
      const page = await this.#page(view);
      const list = this.#one(".m-list");
      const next = page.querySelector(".m-pages");
      if (branch) link.closest("li")?.remove();
      else this.#one(".m-pages").replaceWith(next ?? "");
      const added = this.#merge(page.querySelector(".m-list"), list, list.lastElementChild);
      if (!branch && !this.#newest) this.#view = view;
      const news = this.#one(".m-news");
      news.firstElementChild.textContent = this.#digits(news.dataset.added.replace("{n}", added.length));
      this.#go(added[0]);
    } catch {
      this.#say("failed");
    }
  }

  get #newest() {
    return /sort=newest/.test(this.#view);
  }

  get #shown() {
    return +(this.#one(".meydan")?.dataset.count ?? 0);
  }

  /** Hear of changes while somebody looks: by a stream, and by asking as long as none speaks to us. */
  #watch() {
    this.#stop();
    if (document.hidden || !this.isConnected || !this.#one(".m-news")) return;
    const look = async () => {
      const count = await countOf(this.#story);
      if (count != null) this.#heard({ count });
    };
    let timer = setInterval(look, POLL_MS);
    let works = false;
    this.#unwatch = () => clearInterval(timer);
    if (streams >= MOST_STREAMS) return look();
    streams++;
    const source = new EventSource(new URL(`embed/live?${new URLSearchParams({ story: this.#story })}`, SERVER));
    this.#unwatch = () => {
      streams--;
      clearInterval(timer);
      source.close();
    };
    source.addEventListener("story", (event) => {
      works = true;
      clearInterval(timer);
      timer = 0;
      this.#heard(JSON.parse(event.data));
    });
    // A stream that never came through, as where something between cuts it off, is not tried again.
    source.onerror = () => {
      if (works) timer ||= setInterval(look, POLL_MS);
      else source.close();
    };
  }

  #stop() {
    this.#unwatch();
    this.#unwatch = () => {};
  }

  /** @param {{ count: number, revision?: number }} news */
  async #heard({ count, revision }) {
    const root = this.#one(".meydan");
    // A stream begins with what the page already shows.
    if (!root || (revision == null ? count === this.#shown : `${revision}` === root.dataset.revision)) return;
    if (root.dataset.heard === `${count} ${revision}`) return;
    root.dataset.heard = `${count} ${revision}`;
    this.#tell("count", { count });
    const button = this.#one("[data-news]");
    button.hidden = count <= this.#shown;
    button.textContent = this.#digits(button.dataset.words.replace("{n}", count - this.#shown));
    await this.#askOfMine();
    this.#showMine(true);
  }

  /** Put in what came since, where the reader asked for it; the comment `id` by all means. @param {string} [id] */
  async #renew(id) {
    const list = this.#one(".m-list");
    /** @type {string[]} */
    let added = [];
    try {
      // Where unread pages lie before what is new, it cannot be put in: see below.
      if (list && (this.#newest || !this.#one("[data-more]"))) {
        const page = await this.#page(this.#view);
        added = this.#merge(page.querySelector(".m-list"), list, this.#newest ? null : list.lastElementChild);
        /** @type {any} */
        const [head, root] = [".m-head", ".meydan"].map((part) => page.querySelector(part));
        this.#one(".m-head").replaceWith(head);
        Object.assign(this.#one(".meydan").dataset, root.dataset);
      }
      if (id ? !this.#root.getElementById(id) : !added.length) {
        // It stands on another page than the last, as an answer may.
        added = [id ?? `meydan-${await this.#latest()}`];
        await this.load(list ? `sort=newest&at=${added[0].slice(7)}` : this.#view);
      }
    } catch {
      return this.#say("failed");
    }
    this.#one("[data-news]").hidden = true;
    this.#showMine(true);
    if (!id) this.#go(added[0]);
  }

  /** The id of the comment that was sent last. */
  async #latest() {
    const answer = await ask(`api/v1/comments?sort=newest&${new URLSearchParams({ story: this.#story })}`);
    return (await answer.json()).comments[0].id;
  }

  // -- what is this reader's own ------------------------------------------------------

  /** Learn how what this browser sent to this story stands now. */
  async #askOfMine() {
    const mine = kept().sent.filter((one) => one.story === this.#story);
    if (!mine.length) return;
    try {
      const headers = { "accept-language": this.#language || "*" };
      const answer = await ask("api/v1/receipts", { receipts: mine.map((one) => one.receipt) }, headers);
      if (!answer.ok) return;
      const { comments } = await answer.json();
      const now = new Map(mine.map((one, at) => [one.id, comments[at]]));
      kept((all) => {
        all.sent = all.sent.flatMap((one) => {
          if (!now.has(one.id)) return one;
          const { status, reasons, withdrawn, pass } = now.get(one.id) ?? { withdrawn: true };
          // Once: who has said that they are somebody else is not taken for this one again.
          if (pass && !one.pass) all.pass = { token: pass, name: one.name };
          return withdrawn ? [] : { ...one, status, reasons, pass: !!pass };
        });
      });
    } catch {}
  }

  /**
   * Show their author what waits or was rejected; what is published stands among the others.
   * @param {boolean} [live] the page is open: what was published this moment is told here until it is shown
   */
  #showMine(live) {
    const [old, before, list] = [".m-mine", ".m-post", "template[data-mine]"].map((one) => this.#one(one));
    const mine = kept().sent.filter((one) => one.story === this.#story && one.id !== this.#again);
    /** @type {Mine[]} */
    const told = [];
    /** @type {string[]} */
    const over = [];
    for (const one of mine) {
      const shown = this.#root.getElementById(`meydan-${one.id}`);
      if (shown || (one.status === "approved" && !live)) over.push(one.id);
      else told.push(one);
    }
    if (over.length) this.#forget(over);
    if (!told.length || !list) return old?.remove();
    const box = list.content.cloneNode(true).firstElementChild;
    const [pattern] = box.lastElementChild.children;
    for (const one of told) {
      const item = pattern.cloneNode(true);
      item.dataset.mine = one.id;
      item.querySelector(".meydan-name").textContent = one.name;
      item.querySelector(".meydan-text").textContent = one.text;
      item.querySelector(".m-state").append(this.#words(one.status, one));
      pattern.before(item);
    }
    pattern.remove();
    if (old) old.replaceWith(box);
    else before.before(box);
  }

  /** @param {string[]} ids */
  #forget(ids) {
    kept((all) => (all.sent = all.sent.filter((one) => !ids.includes(one.id))));
  }

  /** Who writes, where that is known without the form: the site's account, or an address confirmed before. */
  get #who() {
    const token = this.account;
    if (!token) return kept().pass;
    try {
      const claims = atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"));
      // Bytes of UTF-8, as letters.
      const { name } = JSON.parse(decodeURIComponent(escape(claims)));
      return { token, name: String(name) };
    } catch {
      // Not ours to judge: the server says what is wrong with it.
      return { token, name: "" };
    }
  }

  // -- the form -----------------------------------------------------------------------

  /**
   * What the links and buttons do, by the data- attribute that each carries; of two the first.
   * @type {Record<string, (on?: any) => unknown>}
   */
  #acts = {
    more: (on) => this.#more(on),
    branch: (on) => this.#more(on),
    page: async (on) => (await this.load(on.dataset.page)) && this.#go("meydan-comments"),
    news: () => this.#renew(),
    jump: () => this.#write(),
    // Fetched when somebody asks; it says beneath the comment what it found.
    verify: (on) => import(this.#one(".meydan").dataset.verify).then((one) => one.beside(on)).catch(() => this.#say("offline")),
    cancel: (on) => this.#write(on),
    reply: (on) => {
      this.#write(on);
      this.#tell("reply", { id: on.dataset.reply });
    },
    // An account is the site's to end; a pass is the reader's.
    leave: () => {
      kept((all) => delete all.pass);
      this.#settle({});
      this.#write();
    },
    forget: (on) => {
      this.#forget([on.closest("li").dataset.mine]);
      this.#showMine(true);
      this.#go("meydan-comments");
    },
    again: (on) => {
      this.#again = on.closest("li").dataset.mine;
      if (this.#form) this.#settle(kept().sent.find((one) => one.id === this.#again));
      this.#write();
    },
  };

  /** @param {MouseEvent} event */
  #clicked(event) {
    /** @type {any} */
    const on = /** @type {Element} */ (event.target).closest("a,button");
    if (!on || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const act = Object.keys(this.#acts).find((name) => name in on.dataset);
    if (act) this.#acts[act](on);
    // Its address in the page it stands in, to be passed on.
    else if (on.matches(".m-time")) location.hash = on.closest("li").id;
    else return;
    event.preventDefault();
  }

  /** Go to the form, to answer what `link` says if it is given. @param {any} [link] */
  #write(link) {
    const form = this.#form;
    if (!form) return;
    if (link) this.#answer(link);
    const { name, text } = form.elements;
    (name.value || this.#who ? text : name).focus();
  }

  /** Make the form answer the comment of this link, or nobody when it is none of a comment's. @param {any} [link] */
  #answer(link) {
    const form = this.#form;
    const reply = link?.dataset.reply ?? "";
    form.elements.parent.value = reply;
    this.#one("#meydan-post-title").textContent = reply ? form.dataset.replying : form.dataset.post;
    const replying = this.#one(".m-replying");
    replying.hidden = !reply;
    replying.firstElementChild.replaceChildren(...(link?.querySelector("[data-to]")?.cloneNode(true).childNodes ?? []));
  }

  /** @param {any} field */
  #typed(field) {
    if (field.value) this.#problem(field, "");
    if (field.name !== "text") return;
    const counter = this.#one(".m-counter");
    const { limit, characters } = this.#form.dataset;
    // Characters as people and the server count them, not UTF-16 units.
    const used = [...field.value].length;
    counter.hidden = !used;
    counter.textContent = this.#digits(characters.replace("{used}", used).replace("{limit}", limit));
  }

  /** @param {any} field @param {string} words */
  #problem(field, words) {
    const place = this.#one(`#${field.id}-problem`);
    if (!place) return;
    place.textContent = words;
    place.hidden = !words;
    field.ariaInvalid = words ? "true" : null;
  }

  /** What was not sent for want of a network is sent once there is one, if it is still what the reader wants to say. */
  #retry() {
    const draft = kept().drafts[this.#story];
    const form = this.#form;
    if (draft && form && form.elements.text.value === draft.body.text) this.#send();
  }

  async #send() {
    const form = this.#form;
    const field = form.elements;
    const who = this.#who;
    const empty = [...(who ? [] : [field.name, field.email]), field.text].filter((one) => one?.required && !one.value.trim());
    for (const one of empty) this.#problem(one, form.getAttribute(`data-missing-${one.name}`));
    if (empty.length) return empty[0].focus();
    const button = this.#one(".m-send button");
    if (button.ariaDisabled === "true") return;
    const words = button.textContent;
    const story = this.#story;
    /** @type {any} */
    const { lang: language, story: url, ...typed } = Object.fromEntries(new FormData(form));
    const body = {
      ...typed,
      ...(who && { name: who.name }),
      story: { url },
      email: (!who && typed.email) || null,
      parent: typed.parent || null,
      follow: !!typed.follow,
      language,
    };
    button.ariaDisabled = "true";
    button.textContent = form.dataset.sending;
    try {
      if (await this.#nudge(body)) return;
      const draft = kept().drafts[story];
      const same = draft && JSON.stringify(draft.body) === JSON.stringify(body);
      const key = same ? draft.key : hex(crypto.getRandomValues(new Uint8Array(16)));
      kept((all) => (all.drafts[story] = { key, body, at: Date.now() }));
      const headers = {
        "accept-language": language,
        "idempotency-key": key,
        ...(who && { authorization: `Bearer ${who.token}` }),
      };
      let proof = crypto.subtle ? { proof: "" } : {};
      for (let turn = 0; ; turn++) {
        const answer = await ask("api/v1/comments", { ...body, ...proof }, headers);
        const told = await answer.json();
        if (answer.status === 428 && told.challenge && crypto.subtle && turn < 3) {
          /** @type {typeof import("./proof.js")} */
          const { prove } = await import(`${new URL("PROOF_PATH", SERVER)}`);
          proof = { proof: await prove(told.challenge) };
          continue;
        }
        if (answer.status >= 500) throw told;
        // Who has to sign in again, or to wait, sends the same once more.
        if (![401, 429].includes(answer.status)) kept((all) => delete all.drafts[story]);
        return await this.#answered(answer, told, body);
      }
    } catch (why) {
      this.#say("kept");
      this.#tell("failed", { code: /** @type {any} */ (why).code ?? "network" });
    } finally {
      button.textContent = words;
      button.ariaDisabled = null;
    }
  }

  /** Ask once whether these words may hurt; tells whether there is something to think about. It never blocks. @param {any} body */
  async #nudge({ text, language, story }) {
    const box = this.#one(".m-nudge");
    if (!box || !("nudge" in this.#form.dataset)) return false;
    box.replaceChildren();
    if (this.#nudged === text) return false;
    this.#nudged = text;
    try {
      const answer = await ask("api/v1/nudge", { text, language, story }, {}, AbortSignal.timeout(2000));
      const { nudge } = await answer.json();
      if (nudge) box.append(this.#words("nudge", { reasons: [nudge] }));
      return !!nudge;
    } catch {
      return false;
    }
  }

  /** @param {Response} answer @param {any} told @param {any} body */
  async #answered({ ok, status: code }, told, body) {
    const { name, email, text, follow } = this.#form.elements;
    if (!ok) {
      if (code === 401) this.#acts.leave();
      const wrong = [name, email, text].filter((field) => told.fields?.includes(field?.name));
      for (const field of wrong) this.#problem(field, told.message);
      this.#say("failed", { message: told.message });
      wrong[0]?.focus();
      return this.#tell("failed", { code: told.code });
    }
    const { id, status } = told;
    this.#tell("sent", { id, status });
    const mine = { ...told, story: this.#story, name: body.name, text: body.text, at: Date.now() };
    if (status !== "rejected") {
      // What was typed while it was being sent is not what was sent.
      if (text.value === body.text) text.value = "";
      if (follow) follow.checked = false;
      if (this.#again) this.#forget([this.#again]);
      this.#again = "";
      this.#answer();
      this.#typed(text);
    } else {
      this.#again = id;
    }
    if (status === "approved") await this.#renew(`meydan-${id}`);
    else kept((all) => all.sent.push(mine));
    if (status === "held") this.#showMine(true);
    // A rejected text stays where it is: it is the reader's.
    this.#say(status, told);
  }

  /** One of the server's sentences, about a comment of the reader's. @param {string} which @param {any} told */
  #words(which, told) {
    const said = this.#one(`[data-said=${which}]`).content.cloneNode(true);
    const { lang } = this.#one(".meydan");
    for (const link of said.querySelectorAll("[data-status]"))
      link.href = `${told.status_url}${link.dataset.status}?${new URLSearchParams({ lang, receipt: told.receipt })}`;
    if (told.message) said.firstElementChild.textContent = told.message;
    for (const { title, text } of told.reasons ?? []) {
      const line = document.createElement("li");
      const rule = document.createElement("b");
      rule.textContent = title;
      line.append(rule, ` ${text}`);
      said.querySelector("[data-reasons]")?.append(line);
    }
    return said;
  }

  /** Say it below the form, and go there. @param {string} which @param {any} [told] @param {boolean} [there] */
  #say(which, told = {}, there = true) {
    const box = this.#one(".m-said");
    box.replaceChildren(this.#words(which, told));
    box.hidden = false;
    if (there) box.focus();
  }

  /** @returns {any} */
  get #form() {
    return this.#one("form");
  }

  /** @param {string} selector @returns {any} */
  #one(selector) {
    return this.#root.querySelector(selector);
  }
}

customElements.define("meydan-comments", MeydanComments);
