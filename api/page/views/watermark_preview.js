// How a watermark will look: over the first picture that the page has, or over the sample.

import { el } from "../dom.js";
import { state } from "../store.js";
import { words } from "../words.js";

const MARGIN_SHARE = 0.02; // of the shorter side, as in workers/imaging/watermark.py
const HEIGHT_PIXELS = 200;
const MAX_TRIED = 3; // pictures: the browser may decode none of them
const SAMPLE = "/page/dandelion-by-Clemens-Engelhardt.jpg";

/**
 * Where the service places a watermark, in pixels of the picture.
 * @param {{width: number, height: number}} base
 * @param {{width: number, height: number}} mark
 * @param {number} scale  percent of the picture's width
 * @param {string} position  two letters: T M B, then L C R
 */
export function placed(base, mark, scale, position) {
  const margin = Math.round(Math.min(base.width, base.height) * MARGIN_SHARE);
  const share = Math.round((base.width * scale) / 100);
  const maxWidth = Math.max(1, Math.min(share, base.width - 2 * margin));
  const maxHeight = Math.max(1, base.height - 2 * margin);
  const factor = Math.min(maxWidth / mark.width, maxHeight / mark.height);
  const width = Math.max(1, Math.round(mark.width * factor));
  const height = Math.max(1, Math.round(mark.height * factor));
  const along = (where, whole, part) =>
    ({ start: margin, middle: Math.floor((whole - part) / 2), end: whole - part - margin })[where];
  const [row, column] = position;
  const left = along({ L: "start", C: "middle", R: "end" }[column], base.width, width);
  const top = along({ T: "start", M: "middle", B: "end" }[row], base.height, height);
  return { left, top, width, height };
}

export function createPreview() {
  const picture = el("img", { alt: "" });
  const mark = el("img", { alt: "", className: "mark" });
  const stage = el("div", { className: "stage" }, picture, mark);
  const element = el("figure", { className: "preview" }, stage);
  stage.role = "img";
  stage.ariaLabel = words.options.watermark.preview;
  let isOwn = false; // whether the picture is one of the person's
  let shown = null; // the File of the watermark that `mark` shows

  /** Shows the watermark that is chosen now. */
  async function show() {
    const { watermark } = state.options;
    if (watermark === shown) return draw();
    shown = watermark;
    if (mark.src) URL.revokeObjectURL(mark.src);
    mark.removeAttribute("src");
    if (!watermark) return;
    mark.src = URL.createObjectURL(watermark);
    await mark.decode().catch(() => {});
    draw();
  }

  function draw() {
    if (!mark.naturalWidth || !picture.naturalWidth) return;
    const base = { width: picture.naturalWidth, height: picture.naturalHeight };
    const { watermarkScale, watermarkOpacity, watermarkPosition } = state.options;
    const size = { width: mark.naturalWidth, height: mark.naturalHeight };
    const box = placed(base, size, watermarkScale, watermarkPosition);
    const percent = (part, whole) => `${(100 * part) / whole}%`;
    mark.style.left = percent(box.left, base.width);
    mark.style.top = percent(box.top, base.height);
    mark.style.width = percent(box.width, base.width);
    mark.style.height = percent(box.height, base.height);
    mark.style.opacity = watermarkOpacity / 100;
    stage.style.aspectRatio = `${base.width} / ${base.height}`;
    stage.style.maxWidth = `${(HEIGHT_PIXELS * base.width) / base.height}px`;
  }

  /** Looks for a picture of the person's own, once there is one. */
  async function open() {
    for (const url of isOwn ? [] : [...pictures(), SAMPLE]) {
      picture.src = url;
      const isDecoded = await picture.decode().then(
        () => true,
        () => false,
      );
      URL.revokeObjectURL(url);
      if (isDecoded) {
        isOwn = url !== SAMPLE;
        break;
      }
    }
    draw();
  }

  return { element, show, draw, open };
}

function* pictures() {
  const rows = [...state.rows.values()];
  const entries = [...state.run.held, ...rows.filter((row) => row.image).map((row) => row.entry)];
  const usable = entries.filter(Boolean).slice(0, MAX_TRIED);
  for (const { file } of usable) yield URL.createObjectURL(file);
  const plain = rows.find((row) => row.image && !row.image.watermarked);
  if (plain) yield plain.image.url;
}
