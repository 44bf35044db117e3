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

/**
 * Draws a place anew, unless it shows the same already: a click whose button is replaced between
 * its press and its release is lost. `what` tells what the children are made of.
 */
export function fill(place, what, children) {
  const shows = JSON.stringify(what);
  if (place.dataset.shows === shows) return;
  place.dataset.shows = shows;
  place.replaceChildren(...children().filter(Boolean));
}

export const byId = (id) => document.getElementById(id);
