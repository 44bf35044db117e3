// A question in a dialog.

import { button, el } from "../dom.js";
import { words } from "../words.js";

/**
 * Asks, and returns the value of what was chosen; null where it was cancelled.
 *
 * @param {string} text
 * @param {{label: string, value: string, isBad?: boolean}[]} choices
 */
export function ask(text, choices) {
  const sentence = el("p", { id: "question" }, text);
  const close = (value) => () => dialog.close(value);
  const buttons = choices.map(({ label, value, isBad }) =>
    button(label, close(value), { className: isBad ? "danger" : "" }),
  );
  const cancel = button(words.save.cancel, close(""), { autofocus: true });
  const dialog = el(
    "dialog",
    { className: "ask", "aria-labelledby": "question" },
    sentence,
    el("div", { className: "ways" }, buttons, cancel),
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((answer) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      answer(dialog.returnValue || null);
    });
  });
}
