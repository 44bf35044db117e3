// Puts the images of a session's archive into a folder of the person's computer.

import { DamagedError, filesOf } from "./archive.js";
import { crc32 } from "./crc32.js";

// Of results. What else is in the archive, its manifest, is not for a folder of images.
const IMAGE = /\.(avif|gif|jpe?g|png|webp)$/i;
// Names that Windows, and with it the browser, refuses or reads as a device or a path.
const UNSAFE = /[\p{Cc}<>:"/\\|?*]|^\s|[\s.]$/u;
const DEVICE = /^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\.|$)/i;

/**
 * Writes the images of the archive into the folder, with their tree, each once it is whole.
 *
 * A file that is there with the same content is left alone, so that a second call goes on with the
 * first. One with other content is replaced, or else the image stands beside it: "a-2.webp".
 * Calls `onFile(path)` for each image. Raises CutError, DamagedError, and DOMException where the
 * folder cannot be written.
 *
 * @param {ReadableStream<Uint8Array>} stream
 * @param {FileSystemDirectoryHandle} folder
 */
export async function unpack(stream, folder, onFile, { replace = false } = {}) {
  const folders = foldersIn(folder, true);
  for await (const { path, content, sum } of filesOf(stream)) {
    if (!path.includes("/") && /\.(json|csv)$/.test(path)) continue;
    if (!isSafe(path)) throw new DamagedError();
    const [names, name] = split(path);
    await save(await folders(names), name, { content, sum, replace });
    onFile(path);
  }
}

/** How many files of these names are in the folder, with another size. */
export async function othersIn(folder, images) {
  const folders = foldersIn(folder, false);
  let count = 0;
  for (const image of images) {
    const inside = await folders(image.path?.split("/") ?? []);
    const there = inside && (await fileIn(inside, image.file_name));
    if (there?.size && there.size !== image.compressed_size) count += 1;
  }
  return count;
}

/** Whether a path of the archive stays in the folder and is an image's, on every system. */
export function isSafe(path) {
  const isName = (name) => name && !UNSAFE.test(name) && !DEVICE.test(name);
  return IMAGE.test(path) && path.split("/").every(isName);
}

function split(path) {
  const names = path.split("/");
  return [names, names.pop()];
}

/** A function that returns the folder of these names, or null: each is asked for once. */
function foldersIn(root, create) {
  const known = new Map([["", Promise.resolve(root)]]);
  return function open(names) {
    const path = names.join("/");
    if (!known.has(path)) known.set(path, below(open(names.slice(0, -1)), names.at(-1), create));
    return known.get(path);
  };
}

async function below(outer, name, create) {
  const folder = await outer;
  if (!folder) return null;
  const inner = get("getDirectoryHandle", folder, name, { create });
  return create ? inner : found(inner, null);
}

async function save(folder, name, { content, sum, replace }) {
  for (let number = 1; ; number += 1) {
    const numbered = number === 1 ? name : name.replace(/(?=\.[^.]*$)/, `-${number}`);
    const there = await fileIn(folder, numbered);
    if (there?.size && (await isSame(there, content, sum))) return;
    // An empty file is no result: it is left of a write that never ended.
    const isFree = there === null || there.size === 0;
    if (isFree || (replace && there.size)) return write(folder, numbered, content, isFree);
  }
}

async function write(folder, name, content, isNew) {
  const file = await get("getFileHandle", folder, name, { create: true });
  let writable = null;
  try {
    writable = await file.createWritable(); // beside the file, whose place it takes when closed
    await writable.write(content);
    await writable.close();
  } catch (error) {
    await writable?.abort().catch(() => null);
    if (isNew) await folder.removeEntry(file.name).catch(() => null);
    throw error;
  }
}

/** The file of that name, null without one; {} for a folder, which cannot be replaced. */
async function fileIn(folder, name) {
  const handle = await found(get("getFileHandle", folder, name), {});
  return handle?.getFile?.() ?? handle;
}

/** What is got; null where it is not there, `other` where a file is a folder or a folder a file. */
async function found(getting, other) {
  try {
    return await getting;
  } catch (error) {
    if (error.name === "NotFoundError") return null;
    if (error.name === "TypeMismatchError") return other;
    throw error;
  }
}

/** A file or a folder. Browsers refuse some names that are fine on a disk, such as "a~1.png". */
async function get(method, folder, name, options) {
  try {
    return await folder[method](name, options);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return folder[method](name.replace(/[^\p{L}\p{M}\p{N}._-]/gu, "_"), options);
  }
}

async function isSame(file, content, sum) {
  if (file.size !== content.size) return false;
  return crc32(new Uint8Array(await file.arrayBuffer())) === sum;
}
