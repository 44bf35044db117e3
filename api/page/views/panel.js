// A button that opens a panel below it. The browser closes it by Escape and by a click elsewhere,
// returns the focus, and keeps one open at a time.

import { el } from "../dom.js";

const MARGIN_PIXELS = 8;

/**
 * @param {string} name  what the panel sets; also its accessible name
 * @param {Node[]} content
 * @param {{opened?: () => void, closed?: () => void}} [on]
 * @returns {{opener: HTMLButtonElement, element: HTMLElement, say: (value: string) => void}}
 *   `say` writes the value beside the name on the button
 */
export function panel(name, content, { opened, closed } = {}) {
  const element = el("div", { className: "panel", popover: "auto", role: "group" }, content);
  element.setAttribute("aria-label", name);
  const value = el("span", { className: "value" });
  const opener = el(
    "button",
    { type: "button", className: "opener", popoverTargetElement: element },
    el("span", { className: "name" }, name),
    value,
  );

  const place = () => {
    const { left, bottom } = opener.getBoundingClientRect();
    element.style.setProperty("--left", `${left + scrollX}px`);
    element.style.setProperty("--top", `${bottom + scrollY + MARGIN_PIXELS}px`);
  };
  element.addEventListener("beforetoggle", ({ newState }) => {
    if (newState === "open") {
      place();
      addEventListener("resize", place);
    } else {
      removeEventListener("resize", place);
      closed?.();
    }
  });
  element.addEventListener("toggle", ({ newState }) => {
    if (newState !== "open") return;
    opened?.();
    element.scrollIntoView({ block: "nearest" });
  });
  return { opener, element, say: (text) => value.replaceChildren(text) };
}
