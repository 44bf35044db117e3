// The rows: what became of each image, and where its original is.

import { ofTab } from "./storage.js";
import { changed, state } from "./store.js";

const rowIds = new Map(); // of images; what stands in for an image has its row
const sentEntries = new Map(); // of batches; an image may end before the answer names its batch
const stoppedIds = new Map(); // by place and name
const EDITED = "fluximage-texts"; // texts that the person changed

/** Rows that were added, changed or removed since they were drawn. */
export const fresh = new Set();

export function setRow(row) {
  state.rows.set(row.id, row);
  fresh.add(row.id);
  changed("rows");
}

export function removeRow(id) {
  state.rows.delete(id);
  fresh.add(id);
  changed("rows");
}

export function forgetRows() {
  for (const id of state.rows.keys()) fresh.add(id);
  state.rows.clear();
  rowIds.clear();
  sentEntries.clear();
  stoppedIds.clear();
  changed("rows");
}

/** Takes an image that ended: an element of `data` or `errors`, with its warnings. */
export function addImage(element) {
  const id = rowIds.get(element.retry_of) ?? element.id;
  rowIds.set(element.id, id);
  const entry = entryOf(element) ?? state.rows.get(id)?.entry;
  const what = "error" in element ? { error: element } : { image: element };
  takePlaceOfStopped(element, id);
  setRow({
    id,
    entry,
    warnings: element.warnings,
    editedAltText: editedTexts()[element.id],
    ...what,
  });
}

/** An image that was stopped is no news any more when it was sent again and has ended. */
function takePlaceOfStopped(element, id) {
  const name = `${element.path ?? ""}/${element.original_name}`;
  const old = stoppedIds.get(name);
  if (old !== undefined && state.rows.has(old)) {
    state.run.madeLater += 1;
    removeRow(old);
  }
  if (element.error === "cancelled") stoppedIds.set(name, id);
  else stoppedIds.delete(name);
}

/** Takes fresh links of images whose rows are there. */
export function renewLinks(images) {
  for (const image of images) {
    const row = state.rows.get(rowIds.get(image.id));
    if (row) setRow({ ...row, image });
  }
}

/** Says which originals a batch was made of, in their order. */
export function setEntries(batchId, entries) {
  sentEntries.set(batchId, entries);
  for (const row of state.rows.values()) {
    const element = row.image ?? row.error;
    if (element.batch_id === batchId && !row.entry) setRow({ ...row, entry: entryOf(element) });
  }
}

/** Gives a row its original again, which a reload has lost. */
export function setEntry({ id }, entry) {
  const row = state.rows.get(id);
  if (row) setRow({ ...row, entry });
}

/** Says of what another run may help that there is one. */
export function setMadeAgain() {
  for (const row of state.rows.values()) {
    if (canBeRetried(row)) setRow({ ...row, isMadeAgain: true });
  }
}

/** No image is made again any more: what has not come by now does not come. */
export function endMadeAgain() {
  for (const row of state.rows.values()) {
    if (row.isMadeAgain) setRow({ ...row, isMadeAgain: false });
  }
}

export function editAltText(row, text) {
  editedTexts()[row.image.id] = text;
  ofTab.set(EDITED, JSON.stringify(editedTexts()));
  setRow({ ...row, editedAltText: text });
}

export const altText = (row) => row.editedAltText ?? row.image?.alt_text ?? "";

export const originalsAtHand = () =>
  [...state.rows.values()].filter((row) => row.image && row.entry).map((row) => row.entry);

/** Whether a run of the same session may help: a fault of ours, or a text that is missing. */
export function canBeRetried(row) {
  if (row.error) return row.error.error === "processing_failed";
  return row.warnings?.some((warning) => warning.code.startsWith("ai_")) ?? false;
}

/** Whether the person stopped it before it was made. */
export const isStopped = (row) => row.error?.error === "cancelled";

export const stoppedAtHand = () =>
  [...state.rows.values()].filter((row) => isStopped(row) && row.entry);

/** Counts and sizes over all rows. */
export function totals() {
  const sum = {
    ended: 0,
    done: 0,
    failed: 0,
    stopped: 0,
    refused: 0,
    originalBytes: 0,
    compressedBytes: 0,
  };
  for (const row of state.rows.values()) {
    const { image, error, isMadeAgain } = row;
    if (image) {
      sum.done += 1;
      sum.originalBytes += image.original_size;
      sum.compressedBytes += image.compressed_size;
    } else if (isStopped(row)) {
      sum.stopped += 1;
    } else if (error.id) {
      sum.failed += 1;
    } else {
      sum.refused += 1;
    }
    if (!isMadeAgain && !isStopped(row) && (image || error.id)) sum.ended += 1;
  }
  return sum;
}

const entryOf = (element) => sentEntries.get(element.batch_id)?.[element.index];

let edited = null;

function editedTexts() {
  try {
    edited ??= JSON.parse(ofTab.get(EDITED)) ?? {};
  } catch {
    edited = {};
  }
  return edited;
}
