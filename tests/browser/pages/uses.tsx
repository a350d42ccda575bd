// What a site's developers write, for the type checker alone: see embed.d.ts.
import * as React from "react";

const comments = document.querySelector("meydan-comments");
if (comments) {
  comments.account = "a token";
  comments.addEventListener("meydan:sent", ({ detail: { id, status } }) => {
    const said: "approved" | "held" | "rejected" = status;
    console.log(id.length, said);
  });
  comments.addEventListener("click", ({ clientX }) => clientX.toFixed());
  const shown: Promise<boolean> = comments.load("sort=newest");
  void shown;
  // @ts-expect-error: there is no such status
  comments.addEventListener("meydan:sent", ({ detail }) => detail.status === "published");
}
document.addEventListener("meydan:count", ({ detail: { count } }) => count.toFixed());
export const page = <meydan-comments story="https://news.example/a-story" theme="dark" count-only="" />;
// @ts-expect-error: a story is needed, and there is no such theme
export const wrong = <meydan-comments theme="sepia" />;
