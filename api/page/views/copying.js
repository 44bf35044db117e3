// "Copy as": the run as text for a terminal or an editor.

import { copyField } from "../clipboard.js";
import { button, el } from "../dom.js";
import { commandLine, curl, python } from "../files/copy_as.js";
import { say } from "../say.js";
import { state } from "../store.js";
import { words } from "../words.js";
import { optionFields } from "./options.js";
import { panel } from "./panel.js";

const texts = words.copyAs;
const WAYS = { curl, python, commandLine };

/** The button and its panel. */
export function createCopying() {
  const told = el("p", { className: "note" });
  const shown = el("textarea", { readOnly: true, hidden: true, rows: 8, "aria-label": texts.text });
  const copy = (way) => async () => {
    const { paths, fields } = theRun();
    shown.value = WAYS[way](fields, paths);
    shown.hidden = false;
    const isCopied = await copyField(shown);
    told.textContent = isCopied ? texts.copied(texts.ways[way]) : texts.notAllowed;
    say(told.textContent);
  };
  const ways = Object.keys(WAYS).map((way) => button(texts.ways[way], copy(way)));
  const clear = () => {
    told.textContent = state.run.fields ? "" : texts.settingsNow;
    shown.hidden = true;
  };
  const content = [el("div", { className: "ways" }, ways), told, shown];
  const { opener, element } = panel(texts.name, content, { opened: clear });
  element.classList.add("copying");
  return { opener, element };
}

/** The originals of what was sent, and the fields that it had; after a reload those of now. */
function theRun() {
  const sent = [...state.rows.values()].filter(({ image, error }) => image ?? error.id);
  const paths = new Set(sent.map(pathOf));
  return { paths: [...paths].sort(), fields: state.run.fields ?? optionFields() };
}

function pathOf({ entry, image, error }) {
  const { path, original_name: name } = image ?? error;
  return entry?.path ?? (path ? `${path}/${name}` : name);
}
