// The pictures of a comparison, decoded before they are shown so that nothing flashes.

import { el } from "../dom.js";
import { typeOf } from "../files/checks.js";
import { refreshLinks } from "../run.js";
import { state } from "../store.js";

const SIGNATURE_BYTES = 1024;

async function decoded(url, alt) {
  // Painted together with the rest of the frame: after a change of zoom, nothing is blank.
  const image = el("img", { alt, src: url, draggable: false, decoding: "sync" });
  await image.decode();
  return image;
}

/**
 * The picture of an original: its image and its type, or the reason why there is no image.
 *
 * @param {File | undefined} file
 * @returns {Promise<{image: ?HTMLImageElement, type: ?string, problem: null | "missing" | "unknown",
 *   release: () => void}>}
 */
export async function originalOf(file, alt) {
  const none = { image: null, type: null, problem: "missing", release() {} };
  let type;
  try {
    type = typeOf(new Uint8Array(await file.slice(0, SIGNATURE_BYTES).arrayBuffer()));
  } catch {
    return none; // there is no file, or it is not as it was when it was chosen
  }
  const url = URL.createObjectURL(file);
  const release = () => URL.revokeObjectURL(url);
  try {
    return { image: await decoded(url, alt), type, problem: null, release };
  } catch {
    release();
    return { ...none, type, problem: "unknown" };
  }
}

/** The picture of a row's result, by a new link where the old one has ended. Raises if it fails. */
export async function resultOf(id, alt) {
  const image = () => state.rows.get(id).image;
  if (isLinked(image())) {
    try {
      return await decoded(image().url, alt);
    } catch {
      // By the service's clock the link may have ended before it does by this one.
    }
  }
  await refreshLinks();
  return decoded(image().url, alt);
}

const isLinked = (image) => Date.parse(image.expires_at) > Date.now();

/** A result that is only loaded: decoded it is when it is shown, for it may need much memory. */
export function loading(row) {
  return row?.image && isLinked(row.image) ? el("img", { src: row.image.url }) : null;
}
