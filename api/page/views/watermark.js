// The watermark: its file, its place, size and opacity, and a preview of how it will look.

import { button, el } from "../dom.js";
import { keepWatermark, watermarkRefusal } from "../files/watermark_file.js";
import { state } from "../store.js";
import { words } from "../words.js";
import { choice, slider } from "./inputs.js";
import { POSITIONS, setOptions } from "./option_values.js";
import { createPreview } from "./watermark_preview.js";

const said = words.options.watermark;

/** The content of the panel, and what it does when it is filled, drawn, opened and closed. */
export function createWatermark() {
  const preview = createPreview();
  const file = el("input", { type: "file", accept: "image/png,.png", hidden: true });
  file.addEventListener("change", () => {
    if (file.files[0]) take(file.files[0]);
    file.value = "";
  });
  const choose = button(said.choose, () => file.click());
  const name = el("span", { className: "file-name" });
  const remove = button(said.remove, () => set(null));
  const problem = el("p", { className: "problem", role: "alert" });
  const positions = POSITIONS.map((value) => ({ value, label: said.positions[value] }));
  const place = choice("watermarkPosition", said.place, positions);
  place.element.classList.add("places");
  const scale = slider("watermarkScale", said.scale, 5, 50, (value) => `${value} %`);
  const opacity = slider("watermarkOpacity", said.opacity, 0, 100, (value) => `${value} %`);
  const settings = el(
    "div",
    { className: "watermark-settings" },
    place.element,
    el("div", {}, scale.element, opacity.element),
  );
  const area = el(
    "div",
    { className: "watermark" },
    el("p", { className: "hint" }, said.hint),
    el("p", { className: "watermark-file" }, choose, name, remove, file),
    problem,
    preview.element,
    settings,
  );

  async function take(taken) {
    const refusal = await watermarkRefusal(taken);
    problem.textContent = refusal ?? "";
    if (!refusal) set(taken);
  }

  function set(taken) {
    problem.textContent = "";
    setOptions({ watermark: taken });
    keepWatermark(taken);
    fill();
    if (!taken) choose.focus();
  }

  function fill() {
    const { watermark } = state.options;
    choose.textContent = watermark ? said.chooseAnother : said.choose;
    name.textContent = watermark?.name ?? "";
    for (const part of [remove, preview.element, settings]) part.hidden = !watermark;
    for (const input of [place, scale, opacity]) input.fill();
    preview.show().then(() => {
      // The panel has grown below the edge of the window.
      if (area.matches(":popover-open *")) area.scrollIntoView({ block: "nearest" });
    });
  }

  // What is dropped or pasted here is a watermark, and no image to compress.
  for (const event of ["dragenter", "dragover", "dragleave", "drop"]) {
    area.addEventListener(event, (drag) => {
      if (!drag.dataTransfer.types.includes("Files")) return;
      drag.preventDefault();
      drag.stopPropagation();
      area.classList.toggle("over", event === "dragover");
      if (event === "drop" && drag.dataTransfer.files[0]) take(drag.dataTransfer.files[0]);
    });
  }
  const paste = (event) => {
    const pasted = event.clipboardData.files[0];
    if (!pasted) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    take(pasted);
  };

  return {
    element: area,
    fill,
    draw: preview.draw,
    opened() {
      addEventListener("paste", paste, true);
      preview.open();
    },
    closed() {
      removeEventListener("paste", paste, true);
      problem.textContent = "";
    },
  };
}
