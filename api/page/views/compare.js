// The comparison of an original with its result: fills the window, and flips through all rows.

import { changed, state } from "../store.js";
import { words } from "../words.js";
import { compareFrame } from "./compare_frame.js";
import { watchGestures } from "./compare_gestures.js";
import { actionsOfKeys, watchKeys } from "./compare_keys.js";
import { attachOriginals } from "./compare_originals.js";
import { originalOf, resultOf } from "./compare_pictures.js";
import { createStage } from "./compare_stage.js";

/**
 * Opens the comparison of a row.
 *
 * @param {import("../store.js").Row} row
 * @param {Iterable<import("../store.js").Row>} rows  those with an image, in their order
 * @returns {Promise<string>}  the id of the last row that was shown, once it is closed
 */
export function compare(row, rows) {
  const ids = Array.from(rows, ({ id }) => id);
  let at = ids.indexOf(row.id);
  let release = () => {};
  let turn = 0; // of what is being loaded: an earlier one that comes later is not shown

  const stage = createStage((zoom, isWhole) => frame.drawZoom(zoom, isWhole));
  const frame = compareFrame(stage, { step, take });
  const keys = actionsOfKeys(stage, step);

  function step(direction) {
    const next = at + direction;
    if (next < 0 || next >= ids.length) return;
    at = next;
    load();
  }

  async function load() {
    turn += 1;
    const mine = turn;
    const shown = state.rows.get(ids[at]);
    frame.drawPlace(shown, at, ids.length);
    const [original, result] = await Promise.all([
      originalOf(shown.entry?.file, words.compare.before),
      resultOf(shown.id, words.compare.after).catch(() => null),
    ]);
    if (mine !== turn) return original.release();
    release();
    release = original.release;
    stage.show(result && original.image, result, shown.image);
    frame.drawPictures(shown, original, result !== null);
  }

  /** Takes originals that were dropped or chosen. */
  async function take(listing) {
    const rowsNow = ids.map((id) => state.rows.get(id)).filter(Boolean);
    const { attached, others } = await attachOriginals(listing, rowsNow);
    if (attached.length) changed("rows");
    const shown = state.rows.get(ids[at]);
    if (attached.includes(shown)) load();
    frame.drawTaken(shown, attached.length, others);
  }

  return new Promise((resolve) => {
    const open = new AbortController();
    frame.dialog.addEventListener("close", () => {
      turn += 1;
      open.abort();
      stage.stop();
      release();
      frame.dialog.remove();
      resolve(ids[at]);
    });
    watchGestures(stage);
    watchKeys(keys, stage, open.signal);
    document.body.append(frame.dialog);
    frame.dialog.showModal();
    stage.divider.focus();
    load();
  });
}
