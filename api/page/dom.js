// Elements are built here alone, of text and never of HTML, so that no name or text of a client
// can become markup.

/**
 * A new element. Properties are set as such, those with a dash as attributes; `on` holds listeners.
 * Children that are null, undefined or false are left out, and texts become text.
 */
export function el(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) made.addEventListener(event, listener);
    } else if (name.includes("-") || name === "role" || name === "for") {
      if (value !== null && value !== false) made.setAttribute(name, value);
    } else if (value !== undefined) {
      made[name] = value;
    }
  }
  made.append(...children.flat().filter((child) => (child ?? false) !== false));
  return made;
}

/** A button that does not send a form. */
export function button(label, act, properties = {}) {
  return el("button", { type: "button", ...properties, on: { click: act } }, label);
}

export const byId = (id) => document.getElementById(id);
