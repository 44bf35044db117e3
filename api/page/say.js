// What a screen reader is told: the newest of what happened, and not more often than it can be heard.

import { byId } from "./dom.js";

const QUIET_SECONDS = 5;

let next = null;
let quiet = false;

/** Tells a screen reader `text`; of several within five seconds, the last. */
export function say(text) {
  next = text;
  if (!quiet) tell();
}

function tell() {
  if (next === null) return;
  byId("said").textContent = next;
  next = null;
  quiet = true;
  setTimeout(() => {
    quiet = false;
    tell();
  }, QUIET_SECONDS * 1000);
}
