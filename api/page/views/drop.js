// Where images come in: a drop anywhere in the window, a paste, the two choosers, the sample.

import { button, el } from "../dom.js";
import { listingOfDrop, listingOfFiles, listingOfPaste } from "../files/listing.js";
import { take } from "../run.js";
import { state, tell, watch } from "../store.js";
import { words } from "../words.js";

const SAMPLE = "/page/dandelion-by-Clemens-Engelhardt.jpg";

export function mountDrop(place) {
  const files = chooser({ multiple: true, accept: "image/*,.heic,.heif,.avif,.tif,.tiff" });
  const folder = chooser({ webkitdirectory: true });
  const call = el("p", { className: "call" });
  const hasFingers = matchMedia("(pointer: coarse)").matches; // which drop nothing
  place.append(
    call,
    el(
      "p",
      { className: "ways" },
      button(words.drop.files, () => files.click(), { className: "primary" }),
      button(words.drop.folder, () => folder.click()),
      el(
        "span",
        { className: "sample" },
        words.drop.or,
        " ",
        button(words.drop.sample, takeSample, { className: "link" }),
      ),
    ),
    files,
    folder,
  );
  watch(["rows", "run", "account"], () => {
    const isSlim = state.rows.size > 0 || state.run.startedAt !== null;
    place.hidden = state.account === null;
    place.classList.toggle("slim", isSlim);
    call.textContent = isSlim
      ? words.drop.more
      : hasFingers
        ? words.drop.callFingers
        : words.drop.call;
  });
  takeDrops();
  document.addEventListener("paste", (event) => {
    if (state.account === null || isTyping(event.target) || !event.clipboardData.files.length)
      return;
    event.preventDefault();
    take(listingOfPaste(event.clipboardData));
  });
}

const isTyping = (element) =>
  element.matches("input:not([type=radio]):not([type=range]), textarea");

/** A hidden chooser of files; the same files may be chosen twice. */
function chooser(properties) {
  const input = el("input", { type: "file", hidden: true, ...properties });
  input.addEventListener("change", () => {
    const chosen = [...input.files];
    input.value = "";
    if (chosen.length) take(listingOfFiles(chosen));
  });
  return input;
}

/** The whole window takes drops; a part that handles its own stops the event before. */
function takeDrops() {
  let depth = 0; // of the elements that are dragged over
  const light = (on) => document.documentElement.classList.toggle("dragged-over", on);
  const holdsFiles = (event) => event.dataTransfer.types.includes("Files");
  document.addEventListener("dragenter", (event) => {
    depth += 1;
    light(holdsFiles(event) && state.account !== null);
  });
  document.addEventListener("dragleave", () => {
    depth -= 1;
    if (depth <= 0) light(false);
  });
  document.addEventListener("dragover", (event) => event.preventDefault()); // or nothing drops
  document.addEventListener("drop", (event) => {
    event.preventDefault(); // or the browser leaves the page for the file
    depth = 0;
    light(false);
    if (holdsFiles(event) && state.account !== null) take(listingOfDrop(event.dataTransfer));
  });
}

async function takeSample() {
  try {
    const blob = await (await fetch(SAMPLE)).blob();
    await take(listingOfFiles([new File([blob], words.drop.sampleName, { type: blob.type })]));
  } catch {
    tell(words.drop.noSample);
  }
}
