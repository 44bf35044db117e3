// What stands around the stage of a comparison: names, facts, buttons, and the ask for an original.

import { listingOfDrop, listingOfFiles } from "../files/listing.js";
import { button, el } from "../dom.js";
import { size, words } from "../words.js";

const text = words.compare;

/** The dialog around a stage. `step(direction)` shows another row, `take(listing)` takes files. */
export function compareFrame(stage, { step, take }) {
  const place = el("p", { className: "place", role: "status" });
  const previous = button("‹", () => step(-1), {
    "aria-label": text.previous,
    title: text.previous,
  });
  const next = button("›", () => step(1), { "aria-label": text.next, title: text.next });
  const zooms = zoomButtons(stage);
  const before = el("p", { className: "before" });
  const after = el("p", { className: "after" });
  const asked = askFor(take);
  const hold = holdButton(stage);
  const dialog = el(
    "dialog",
    { className: "comparison", tabIndex: -1, "aria-label": text.title },
    el(
      "header",
      {},
      el("div", { className: "group" }, previous, next),
      place,
      zooms.element,
      hold,
      button(text.close, () => dialog.close(), { className: "close" }),
    ),
    el("div", { className: "middle" }, asked.element, stage.element),
    el("footer", {}, before, el("p", { className: "help" }, text.list(text.help)), after),
  );
  takeDrops(dialog, take);
  // After a click the keys are the stage's again: a space would press the button once more.
  dialog.addEventListener("click", (event) => {
    if (event.detail > 0 && event.target.matches("header button")) stage.divider.focus();
  });

  return {
    dialog,
    drawZoom: zooms.draw,
    drawPlace(row, at, count) {
      previous.disabled = at === 0;
      next.disabled = at === count - 1;
      place.replaceChildren(text.place(at + 1, count), " · ", name(row.image.file_name));
      dialog.classList.add("loading");
    },
    drawPictures(row, original, hasResult) {
      dialog.classList.remove("loading");
      before.replaceChildren(name(row.image.original_name), factsOfOriginal(row, original));
      after.replaceChildren(name(row.image.file_name), factsOfResult(row.image));
      hold.hidden = !(original.image && hasResult);
      asked.draw(row, hasResult ? original : { problem: "result" });
    },
    drawOthers: asked.drawOthers,
  };
}

const name = (value) => el("bdi", {}, value);
const facts = (...values) => el("span", {}, text.list(values.filter(Boolean)));

function factsOfOriginal({ image }, { type, image: picture }) {
  const dimensions = picture && text.dimensions(picture.naturalWidth, picture.naturalHeight);
  const format = text.format(type ?? extension(image.original_name));
  return facts(format, size(image.original_size), dimensions);
}

function factsOfResult(image) {
  return facts(
    text.format(image.format),
    size(image.compressed_size),
    text.dimensions(image.width, image.height),
    text.saved(Math.round(image.saved_percent)),
  );
}

function extension(fileName) {
  const dot = fileName.lastIndexOf(".");
  return dot < 0 ? "" : fileName.slice(dot + 1);
}

function zoomButtons(stage) {
  const levels = [
    ["fit", text.fit],
    [1, text.percent(1)],
    [2, text.percent(2)],
  ].map(([zoom, label]) => ({ zoom, button: button(label, () => stage.zoomTo(zoom)) }));
  const smaller = button("−", () => stage.stepZoom(-1), { "aria-label": text.smaller });
  const larger = button("+", () => stage.stepZoom(1), { "aria-label": text.larger });
  const now = el("output", {});
  const buttons = levels.map((level) => level.button);
  return {
    element: el("div", { className: "group zoom" }, buttons, smaller, now, larger),
    draw(zoom, isWhole) {
      const percent = text.percent(zoom);
      if (now.value !== percent) now.value = percent; // it is read aloud each time it is set
      for (const level of levels) {
        const isNow = level.zoom === "fit" ? isWhole : !isWhole && level.zoom === zoom;
        level.button.setAttribute("aria-pressed", isNow);
      }
    },
  };
}

/** Shows the before alone while it is held. */
function holdButton(stage) {
  const show = () => stage.showOnlyBefore(true);
  const end = () => stage.showOnlyBefore(false);
  const press = ({ key }) => [" ", "Enter"].includes(key) && show();
  const on = { pointerdown: show, keydown: press };
  for (const name of ["pointerup", "pointercancel", "pointerleave", "keyup", "blur"])
    on[name] = end;
  return el("button", { type: "button", className: "hold", title: text.holdTitle, on }, text.hold);
}

/** Asks for an original that is not at hand, or says why a picture is not seen. */
function askFor(take) {
  const sentence = el("p", {});
  const answer = el("p", { role: "status" });
  const choose = (label, properties) => {
    const input = el("input", { type: "file", multiple: true, hidden: true, ...properties });
    input.addEventListener("change", () => {
      take(listingOfFiles(input.files));
      input.value = "";
    });
    return [button(label, () => input.click()), input];
  };
  const canFolder = "webkitdirectory" in HTMLInputElement.prototype;
  const buttons = el(
    "div",
    { className: "group" },
    choose(text.chooseFile),
    canFolder && choose(text.chooseFolder, { webkitdirectory: true }),
  );
  const element = el("div", { className: "wanted", hidden: true }, sentence, buttons, answer);
  return {
    element,
    draw({ image }, { problem, type }) {
      element.hidden = problem === null;
      buttons.hidden = problem !== "missing";
      element.classList.toggle("half", problem === "missing");
      const format = text.format(type ?? extension(image.original_name));
      sentence.textContent = problem ? text[problem](format) : "";
      answer.textContent = "";
    },
    /** Says that the files were not of this row; of `count` others they may have been. */
    drawOthers({ entry, image }, count, others) {
      answer.textContent = entry ? "" : text.notThis(image, count, others);
    },
  };
}

/** Files that are dropped anywhere are originals, and not images to send. */
function takeDrops(dialog, take) {
  for (const event of ["dragenter", "dragover", "dragleave", "drop", "paste"]) {
    dialog.addEventListener(event, (dropped) => {
      dropped.stopPropagation();
      if (event !== "paste") dropped.preventDefault();
      if (event === "drop") take(listingOfDrop(dropped.dataTransfer));
    });
  }
}
