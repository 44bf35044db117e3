// The pictures of a comparison, decoded before they are shown so that nothing flashes.

import { el } from "../dom.js";
import { refreshLinks } from "../run.js";
import { state } from "../store.js";

async function decoded(url, alt) {
  // Painted together with the rest of the frame: after a change of zoom, nothing is blank.
  const image = el("img", { alt, src: url, draggable: false, decoding: "sync" });
  await image.decode();
  return image;
}

/**
 * The picture of an original: its image, or the reason why there is none.
 *
 * @param {File | undefined} file
 * @returns {Promise<{image: ?HTMLImageElement, problem: null | "missing" | "unknown", release()}>}
 */
export async function originalOf(file, alt) {
  const none = (problem) => ({ image: null, problem, release() {} });
  if (!file) return none("missing");
  const url = URL.createObjectURL(file);
  const release = () => URL.revokeObjectURL(url);
  try {
    return { image: await decoded(url, alt), problem: null, release };
  } catch {
    release();
    return none((await isReadable(file)) ? "unknown" : "missing");
  }
}

/** Whether the file is still as it was when it was chosen. */
async function isReadable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

/** The picture of a row's result, by a new link where the old one has ended. Raises if it fails. */
export async function resultOf(id, alt) {
  const image = () => state.rows.get(id).image;
  if (Date.parse(image().expires_at) > Date.now()) {
    try {
      return await decoded(image().url, alt);
    } catch {
      // By the service's clock the link may have ended before it does by this one.
    }
  }
  await refreshLinks();
  return decoded(image().url, alt);
}
