/**
 * <meydan-comments story="URL" lang="…" sort="newest">: a story's comments and the form, in the page's own clothes.
 *
 * Everything shown is the server's escaped HTML, put into a shadow root. No cookies, no third
 * party, nothing stored. What a reader has typed is kept until the server says that it has it.
 */
const SERVER = new URL("/", import.meta.url);
/** @type {Record<string, string[]>} */
const FAILED = "FAILED_WORDS";
const SHEET = new CSSStyleSheet();
SHEET.replaceSync("THREAD_CSS");

class MeydanComments extends HTMLElement {
  static observedAttributes = ["story", "lang", "sort"];
  #root = this.attachShadow({ mode: "open" });
  #asked = 0;
  #view = "";

  constructor() {
    super();
    this.#root.adoptedStyleSheets = [SHEET];
    // Until the comments are here, the page's own link to them is.
    this.#root.append(document.createElement("slot"));
    this.#root.addEventListener("click", (event) => this.#clicked(event));
    this.#root.addEventListener("input", (event) => this.#typed(event.target));
    this.#root.addEventListener("submit", (event) => this.#send(event));
  }

  attributeChangedCallback() {
    if (this.isConnected) this.load();
  }

  connectedCallback() {
    this.load();
  }

  get #first() {
    return this.getAttribute("sort") === "newest" ? "sort=newest" : "";
  }

  get #language() {
    return this.closest("[lang]")?.getAttribute("lang") ?? "";
  }

  /** Fetch and show the comments; `view` is what the links to other pages carry. Tells whether it worked. */
  async load(view = this.#first) {
    const story = this.getAttribute("story");
    if (!story) {
      console.error("meydan-comments: no story attribute");
      return false;
    }
    const turn = ++this.#asked;
    const query = new URLSearchParams(view);
    query.set("story", story);
    if (this.#language) query.set("lang", this.#language);
    try {
      const answer = await fetch(new URL(`embed/comments?${query}`, SERVER), { credentials: "omit" });
      if (!answer.ok) throw await answer.text();
      const page = document.createElement("template");
      page.innerHTML = await answer.text();
      if (turn !== this.#asked) return false;
      this.#view = view;
      const before = this.#form?.elements;
      this.#root.replaceChildren(page.content);
      this.#settle(before);
      return true;
    } catch (why) {
      console.error("meydan-comments:", why);
      if (turn === this.#asked) this.#notLoaded(view);
      return false;
    }
  }

  /** Make the new page ready; what was typed `before` goes on where it was. */
  #settle(before) {
    const form = this.#form;
    if (form) {
      form.noValidate = true;
      for (const name of ["name", "email", "text"])
        if (before?.[name] && form.elements[name]) form.elements[name].value = before[name].value;
      if (before?.parent.value) this.#answer(this.#one(`[data-reply="${before.parent.value}"]`));
      this.#typed(form.elements.text);
    }
    // In the reader's own time zone, in the server's words: browsers know neither Sorani nor Kurmanji.
    const { months, moment } = this.#one(".meydan").dataset;
    for (const time of this.#root.querySelectorAll("time")) {
      const at = new Date(time.dateTime);
      const blanks = {
        day: at.getDate(),
        month: months.split("|")[at.getMonth()],
        year: at.getFullYear(),
        time: at.toTimeString().slice(0, 5),
      };
      time.textContent = moment.replace(/{(\w+)}/g, (_, blank) => blanks[blank]);
    }
  }

  #notLoaded(view) {
    if (this.#form) return this.#say("failed");
    const [sentence, again] = FAILED[this.#language] ?? FAILED[this.#language.split("-")[0]] ?? FAILED.en;
    const said = document.createElement("p");
    const button = document.createElement("button");
    said.className = "m-said";
    said.setAttribute("role", "status");
    said.textContent = sentence;
    button.textContent = again;
    button.onclick = () => this.load(view);
    this.#root.replaceChildren(said, button, document.createElement("slot"));
  }

  async #clicked(event) {
    const on = event.target.closest("[data-page],[data-reply],[data-cancel],[data-jump]");
    if (!on || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const { page } = on.dataset;
    if (page !== undefined) {
      if (!(await this.load(page))) return;
      const title = this.#one("h2");
      title.tabIndex = -1;
      title.focus();
      title.scrollIntoView();
      return;
    }
    const form = this.#form;
    if (!form) return;
    if (!("jump" in on.dataset)) this.#answer(on);
    (form.elements.name.value ? form.elements.text : form.elements.name).focus();
  }

  /** Make the form answer the comment of this link, or nobody when it is none of a comment's. */
  #answer(link) {
    const form = this.#form;
    const reply = link?.dataset.reply ?? "";
    form.elements.parent.value = reply;
    this.#one("#meydan-post-title").textContent = reply ? form.dataset.replying : form.dataset.post;
    const replying = this.#one(".m-replying");
    replying.hidden = !reply;
    replying.firstElementChild.replaceChildren(...(link?.querySelector("[data-to]")?.cloneNode(true).childNodes ?? []));
  }

  #typed(field) {
    if (field.value) this.#problem(field, "");
    if (field.name !== "text") return;
    const counter = this.#one(".m-counter");
    const { limit, characters } = this.#form.dataset;
    // Characters as people and the server count them, not UTF-16 units.
    const used = [...field.value].length;
    counter.hidden = !used;
    counter.textContent = characters.replace("{used}", used).replace("{limit}", limit);
  }

  #problem(field, words) {
    const place = this.#one(`#${field.id}-problem`);
    if (!place) return;
    place.textContent = words;
    place.hidden = !words;
    if (words) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }

  async #send(event) {
    event.preventDefault();
    const form = this.#form;
    const field = form.elements;
    const empty = [field.name, field.email, field.text].filter((one) => one?.required && !one.value.trim());
    for (const one of empty) this.#problem(one, form.dataset[`missing${one.name[0].toUpperCase()}${one.name.slice(1)}`]);
    if (empty.length) return empty[0].focus();
    const button = this.#one(".m-send button");
    if (button.ariaDisabled === "true") return;
    const words = button.textContent;
    button.ariaDisabled = "true";
    button.textContent = form.dataset.sending;
    try {
      const language = field.lang.value;
      const sent = field.text.value;
      const answer = await fetch(new URL("api/v1/comments", SERVER), {
        method: "POST",
        credentials: "omit",
        headers: { "content-type": "application/json", "accept-language": language },
        body: JSON.stringify({
          story: { url: field.story.value },
          name: field.name.value,
          text: sent,
          email: field.email?.value || null,
          parent: field.parent.value || null,
          website: field.website.value,
          follow: field.follow?.checked ?? false,
          language,
        }),
      });
      await this.#answered(answer.ok, await answer.json(), language, sent);
    } catch {
      this.#say("failed");
    } finally {
      button.textContent = words;
      button.ariaDisabled = null;
    }
  }

  async #answered(taken, told, language, sent) {
    const { name, text } = this.#form.elements;
    if (!taken) {
      for (const field of [name, text]) if (told.fields?.includes(field.name)) this.#problem(field, told.message);
      return this.#say("failed", told.message);
    }
    const { id, status } = told;
    this.dispatchEvent(new CustomEvent("meydan:sent", { bubbles: true, composed: true, detail: { id, status } }));
    if (status !== "rejected") {
      // What was typed while it was being sent is not what was sent.
      if (text.value === sent) text.value = "";
      this.#answer();
      this.#typed(text);
    }
    if (status === "approved") await this.load(this.#view);
    // A rejected text stays where it is: it is the reader's.
    this.#say(status);
    const link = this.#one(".m-said [data-status]");
    if (link) link.href = `${told.status_url}?${new URLSearchParams({ lang: language, receipt: told.receipt })}`;
    for (const { title, text: why } of told.reasons) {
      const line = document.createElement("li");
      const rule = document.createElement("b");
      rule.textContent = title;
      line.append(rule, ` ${why}`);
      this.#one(".m-said [data-reasons]")?.append(line);
    }
  }

  /** Show one of the server's sentences below the form, or `instead` of it, and go there. */
  #say(which, instead = "") {
    const box = this.#one(".m-said");
    const said = this.#one(`[data-said=${which}]`).content.cloneNode(true);
    if (instead) said.firstElementChild.textContent = instead;
    box.replaceChildren(said);
    box.hidden = false;
    box.focus();
  }

  /** @returns {any} */
  get #form() {
    return this.#one("form");
  }

  /** @returns {any} */
  #one(selector) {
    return this.#root.querySelector(selector);
  }
}

customElements.define("meydan-comments", MeydanComments);
