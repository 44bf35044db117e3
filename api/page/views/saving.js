// Saving the results into a folder of the person's computer, with their tree.

import { button, el } from "../dom.js";
import { ApiError, fetched, sessionPath } from "../net/api.js";
import { say } from "../say.js";
import { state } from "../store.js";
import { words } from "../words.js";
import { ask } from "./ask.js";

const texts = words.save;

/** Only Chromium lets a page write into a folder, and only where its address is secure. */
export const canSaveToFolder = () => "showDirectoryPicker" in window;

/**
 * What saves into a folder: `start()` asks for one. It tells in `place` how far it is.
 * `onChange(isSaving)` is called at its beginning and at its end.
 */
export function createSaving(place, onChange) {
  let stopping = null;
  let replace = false;
  const sentence = el("span");

  async function start() {
    let folder;
    try {
      folder = await showDirectoryPicker({ id: "fluximage", mode: "readwrite" });
    } catch (error) {
      if (error.name !== "AbortError") tell(texts.noFolder(error.message));
      return;
    }
    await goOn(folder, false);
  }

  /** Saves into the folder what is not there yet; `again`: what is in the way was asked before. */
  async function goOn(folder, again) {
    const { session } = state;
    stopping = new AbortController();
    onChange(true);
    let count = 0;
    try {
      const files = await import("../files/unpack.js");
      if (!again) replace = await whatIsInTheWay(files, folder);
      if (replace === null) return tell(null);
      const total = imagesOf(state).length;
      const draw = () => tell(texts.saving(count, total, folder.name), stop);
      draw();
      await run(files, folder, stopping.signal, () => {
        count += 1;
        draw();
      });
      tell(texts.saved(count, folder.name), close);
      say(texts.saved(count, folder.name));
    } catch (error) {
      if (session !== state.session) return;
      const isStopped = stopping.signal.aborted;
      const why = isStopped ? texts.stopped(count) : reason(error, count);
      tell(
        why,
        button(texts.goOn, () => goOn(folder, true)),
        close,
      );
      say(why);
    } finally {
      onChange(false);
    }
  }

  async function run(files, folder, signal, onFile) {
    const response = await fetched("GET", sessionPath(state.session, "/archive"), { signal });
    await files.unpack(response.body, folder, onFile, { replace });
  }

  /** Buttons that stay are left in their place: a click must not hit one that was put in anew. */
  function tell(text, ...actions) {
    sentence.textContent = text;
    const parts = text === null ? [] : [sentence, ...actions];
    const stay = parts.length === place.children.length && parts.every((part) => part.isConnected);
    if (!stay) place.replaceChildren(...parts);
  }

  const stop = button(texts.stop, () => stopping.abort());
  const close = button(texts.close, () => tell(null));
  return { start, stop: () => stopping?.abort(), clear: () => tell(null) };
}

export const imagesOf = ({ rows }) => [...rows.values()].flatMap(({ image }) => image ?? []);

/** Whether to replace what is there, by the person's choice; null where nothing may be saved. */
async function whatIsInTheWay({ othersIn }, folder) {
  const count = await othersIn(folder, imagesOf(state));
  if (!count) return false;
  const choice = await ask(texts.inTheWay(count, folder.name), [
    { label: texts.keepBoth, value: "keep" },
    { label: texts.replace, value: "replace", isBad: true },
  ]);
  return choice && choice === "replace";
}

function reason(error, count) {
  if (error instanceof ApiError) return texts.refused(error.message);
  if (error.name === "CutError") return texts.cut(count);
  if (error.name === "DamagedError") return texts.damaged(count);
  return texts.cannotWrite(count, error.message);
}
