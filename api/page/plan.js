// What the account's plan still covers.

import { state } from "./store.js";
import { asksForAi } from "./views/option_values.js";

const UNLIMITED = 99999; // how the API reports it

let known = null; // the usage that `promised` counts from
let promised = 0; // images that were sent since

/** How many images fit what is left, with the options as they are; Infinity without a limit. */
export function room() {
  const { usage } = state;
  if (usage === null) return Infinity;
  forgetOldPromises();
  const images = isUnlimited(usage) ? Infinity : usage.compressor_limit - usage.compressor_used;
  const credits = asksForAi() ? usage.ia_credits_remaining : Infinity;
  return Math.max(0, Math.min(images, credits) - promised);
}

/** Counts images as sent, until the next answer about the usage. */
export function promise(images) {
  forgetOldPromises();
  promised += images;
}

export const isUnlimited = (usage) => usage.compressor_limit === UNLIMITED;

function forgetOldPromises() {
  if (known === state.usage) return;
  known = state.usage;
  promised = 0;
}
