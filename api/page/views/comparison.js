// The dialog of a comparison: fills the window, and flips through all rows.

import { setEntry } from "../result.js";
import { state } from "../store.js";
import { words } from "../words.js";
import { compareFrame } from "./compare_frame.js";
import { watchGestures } from "./compare_gestures.js";
import { actionsOfKeys, watchKeys } from "./compare_keys.js";
import { findOriginals } from "./compare_originals.js";
import { loading, originalOf, resultOf } from "./compare_pictures.js";
import { createStage } from "./compare_stage.js";

/** Opens it at a row. See compare.js. */
export function open(row, rows) {
  const ids = Array.from(rows, ({ id }) => id);
  let at = ids.indexOf(row.id);
  let release = () => {};
  let nearby = []; // results that are loaded ahead; held here, so that the browser keeps them
  let turn = 0; // of what is loaded: an earlier one that comes later is not shown

  const stage = createStage((zoom, isWhole) => frame.drawZoom(zoom, isWhole));
  const frame = compareFrame(stage, { step, take });
  const shown = () => state.rows.get(ids[at]);

  function step(direction) {
    if (!(at + direction in ids)) return;
    at += direction;
    load();
  }

  async function load() {
    turn += 1;
    const mine = turn;
    const row = shown();
    if (!row?.image) return frame.dialog.close(); // another session was opened under it
    frame.drawPlace(row, at, ids.length);
    const [original, result] = await Promise.all([
      originalOf(row.entry?.file, words.compare.before),
      resultOf(row.id, words.compare.after).catch(() => null),
    ]);
    if (mine !== turn) return original.release();
    nearby = [at - 1, at + 1].map((place) => loading(state.rows.get(ids[place])));
    release();
    release = original.release;
    stage.show(result && original.image, result, row.image);
    frame.drawPictures(row, original, result !== null);
    keepFocus();
  }

  /** The divider has the focus, unless a control has it; where there is none, the dialog. */
  function keepFocus() {
    if ([frame.dialog, document.body].includes(document.activeElement)) frame.dialog.focus();
    if (document.activeElement === frame.dialog) stage.divider.focus();
  }

  /** Takes originals that were dropped or chosen. */
  async function take(listing) {
    const candidates = ids.map((id) => state.rows.get(id)).filter((row) => row?.image);
    const { found, others } = await findOriginals(listing, candidates);
    const isShown = found.has(shown());
    for (const [row, entry] of found) setEntry(row, entry);
    if (isShown || !shown()) load();
    else frame.drawOthers(shown(), found.size, others);
  }

  function close(opened) {
    turn += 1;
    opened.abort();
    stage.stop();
    release();
    frame.dialog.remove();
    // The browser gives the focus back to the button, unless the row has been drawn anew.
    document.querySelector(`#rows [data-id="${CSS.escape(row.id)}"] .to-compare`)?.focus();
  }

  const opened = new AbortController();
  frame.dialog.addEventListener("close", () => close(opened));
  watchGestures(stage);
  watchKeys(actionsOfKeys(stage, step), stage, opened.signal);
  document.body.append(frame.dialog);
  frame.dialog.showModal();
  frame.dialog.focus(); // until there is a divider: a button would take the space
  load();
}
