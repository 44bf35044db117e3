// What a person dropped, picked or pasted, as entries one after another. Folders are read while the
// first entries are already on their way, so that thousands of files need no wait and no memory.

import { words } from "../words.js";

/** @typedef {import("../store.js").Entry} Entry  `unreadable`: the browser did not give it. */

const OF_SYSTEMS = new Set([".ds_store", "thumbs.db", "desktop.ini"]);
const PASTED_SECONDS = 5;

/** @returns {AsyncIterable<Entry>} */
export function listingOfDrop(dataTransfer) {
  return listed(itemsOf(dataTransfer));
}

/** @returns {AsyncIterable<Entry>}  of a file input; one of a folder has paths */
export function listingOfFiles(fileList) {
  return listed([...fileList]);
}

/** @returns {AsyncIterable<Entry>} */
export function listingOfPaste(clipboardData) {
  return listed(itemsOf(clipboardData).map((one) => (isScreenshot(one) ? named(one) : one)));
}

/** Files and folders. It is no generator: the items are gone once the event is over. */
function itemsOf(dataTransfer) {
  return [...dataTransfer.items]
    .filter((item) => item.kind === "file")
    .map((item) => {
      const entry = item.webkitGetAsEntry?.();
      return entry?.isDirectory ? entry : item.getAsFile();
    })
    .filter((one) => one !== null);
}

async function* listed(open) {
  open.reverse(); // a stack, so that few folders are open at a time
  while (open.length) {
    const one = open.pop();
    if (one.isDirectory) {
      yield* filesOf(one, open);
    } else {
      const path = one.webkitRelativePath || one.name;
      if (!isHidden(path)) yield { file: one, path };
    }
  }
}

/** The files of one folder; its folders go to `open`. */
async function* filesOf(folder, open) {
  const reader = folder.createReader();
  for (;;) {
    let some; // at most 100 of them
    try {
      some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    } catch {
      yield unreadable(folder);
      return;
    }
    if (!some.length) return;
    const seen = some.filter((one) => !isHidden(pathOf(one)));
    open.push(...seen.filter((one) => one.isDirectory));
    yield* await Promise.all(seen.filter((one) => one.isFile).map(entryOf));
  }
}

async function entryOf(one) {
  try {
    const file = await new Promise((resolve, reject) => one.file(resolve, reject));
    return { file, path: pathOf(one) };
  } catch {
    return unreadable(one);
  }
}

const pathOf = (one) => one.fullPath.slice(1);

const unreadable = (one) => ({ file: new File([], one.name), path: pathOf(one), unreadable: true });

/** Whether systems hide it. What a person took by itself is theirs, whatever its name. */
function isHidden(path) {
  const names = path.toLowerCase().split("/");
  return OF_SYSTEMS.has(names.at(-1)) || names.slice(1).some((name) => name.startsWith("."));
}

/** Whether it is pixels of the clipboard: browsers name all of them "image.png". */
function isScreenshot(one) {
  return one.name === "image.png" && Date.now() - one.lastModified < PASTED_SECONDS * 1000;
}

function named(screenshot) {
  const two = (value) => String(value).padStart(2, "0");
  const now = new Date();
  const day = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  const time = [now.getHours(), now.getMinutes(), now.getSeconds()].map(two).join(".");
  return new File([screenshot], `${words.files.pasted(day, time)}.png`, { type: screenshot.type });
}
