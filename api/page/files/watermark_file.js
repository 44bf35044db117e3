// The watermark's file: whether the service takes it, and where it is kept for the next visit.

import { size, words } from "../words.js";

const MAX_BYTES = 5 * 1024 * 1024;
const MAX_SIDE = 4096;
const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const CACHE = "fluximage-watermark";
const ADDRESS = "/page/watermark"; // of no file: a cache wants one

/** Why the service would not take the file, in words, or null. */
export async function watermarkRefusal(file) {
  const said = words.options.watermark;
  if (file.size > MAX_BYTES) return said.tooLarge(size(file.size));
  let head;
  try {
    head = new DataView(await file.slice(0, 24).arrayBuffer());
  } catch {
    return said.unreadable;
  }
  if (SIGNATURE.some((byte, at) => at >= head.byteLength || head.getUint8(at) !== byte)) {
    return said.notPng;
  }
  if (head.byteLength < 24) return said.damaged;
  const [width, height] = [head.getUint32(16), head.getUint32(20)];
  if (Math.max(width, height) > MAX_SIDE) return said.tooManyPixels(width, height);
  try {
    (await createImageBitmap(file)).close();
  } catch {
    return said.damaged;
  }
  return null;
}

/** Keeps the file in this browser, or, with null, forgets it. */
export async function keepWatermark(file) {
  try {
    if (!file) await caches.delete(CACHE);
    else {
      const headers = { "Content-Type": "image/png", "X-Name": encodeURIComponent(file.name) };
      await (await caches.open(CACHE)).put(ADDRESS, new Response(file, { headers }));
    }
  } catch {
    // There is no cache where the address is not secure: then it is chosen again next time.
  }
}

/** The file that was kept and that the service would take, or null. */
export async function keptWatermark() {
  try {
    const found = await (await caches.open(CACHE)).match(ADDRESS);
    if (!found) return null;
    const name = decodeURIComponent(found.headers.get("X-Name"));
    const file = new File([await found.arrayBuffer()], name, { type: "image/png" });
    return (await watermarkRefusal(file)) === null ? file : null;
  } catch {
    return null;
  }
}
