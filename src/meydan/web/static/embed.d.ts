/**
 * What a page may say to <meydan-comments>, and hears from it.
 *
 * @example
 * /// <reference path="./embed.d.ts" />
 * const comments = document.querySelector("meydan-comments");
 * comments?.addEventListener("meydan:count", ({ detail }) => console.log(detail.count));
 */

/** A story's comments and the form. */
interface MeydanCommentsElement extends HTMLElement {
  /** The JWT of the reader's account with the site: the form then needs no name and no e-mail address. */
  account: string;
  /**
   * Fetch and show the comments again.
   * @param view what the address of a page of comments holds beside the story, such as "sort=newest"
   * @returns whether they are shown
   */
  load(view?: string): Promise<boolean>;
}

/** What it fires; all of these bubble, and leave a shadow root that it stands in. */
interface MeydanEvents {
  /** The comments are shown. */
  "meydan:loaded": CustomEvent<{ story: string; count: number }>;
  /** The story has so many comments now. */
  "meydan:count": CustomEvent<{ count: number }>;
  /** The server has kept a comment. */
  "meydan:sent": CustomEvent<{ id: string; status: "approved" | "held" | "rejected" }>;
  /** A comment was not taken: a code of the server's, or "network". */
  "meydan:failed": CustomEvent<{ code: string }>;
  /** The reader begins to answer a comment. */
  "meydan:reply": CustomEvent<{ id: string }>;
}

/** The element's attributes. */
interface MeydanCommentsAttributes {
  /** The story's address. */
  story: string;
  /** The interface's language; the page's where it is left out. */
  lang?: string;
  sort?: "oldest" | "newest" | "replied";
  /** Its own colours instead of the page's. */
  theme?: "light" | "dark" | "auto";
  /** The number of comments, and nothing else. */
  "count-only"?: "" | true;
  account?: string;
}

interface HTMLElementTagNameMap {
  "meydan-comments": MeydanCommentsElement;
}

interface HTMLElementEventMap extends MeydanEvents {}
interface DocumentEventMap extends MeydanEvents {}

declare namespace JSX {
  interface IntrinsicElements {
    "meydan-comments": MeydanCommentsAttributes & { [attribute: string]: unknown };
  }
}
