// A page of React 18 as it comes from npm, without a build.
const { createElement, useEffect, useRef, useState } = React;
const { story } = document.getElementById("root").dataset;

function Story() {
  const comments = useRef(null);
  const [count, setCount] = useState(null);
  const [sort, setSort] = useState("oldest");
  useEffect(() => {
    const loaded = (event) => setCount(event.detail.count);
    const { current } = comments;
    current.addEventListener("meydan:loaded", loaded);
    return () => current.removeEventListener("meydan:loaded", loaded);
  }, []);
  return createElement(
    "main",
    null,
    createElement("h1", null, "A story"),
    createElement("output", null, count),
    createElement("button", { onClick: () => setSort("newest") }, "Newest"),
    createElement("meydan-comments", { ref: comments, story, sort }),
  );
}

ReactDOM.createRoot(document.getElementById("root")).render(createElement(Story));
