// The clipboard, also where the address is not secure and browsers have none for scripts.

import { el } from "./dom.js";

/** Copies the text of a field; where the browser does not let it, the text is left selected. */
export async function copyField(field) {
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    field.select();
    return document.execCommand("copy");
  }
}

/** Copies a text; says whether the browser let it. */
export async function copyText(text) {
  const { activeElement } = document;
  const field = el("textarea", { value: text, className: "unseen" });
  document.body.append(field);
  const isCopied = await copyField(field);
  field.remove();
  activeElement.focus();
  return isCopied;
}
