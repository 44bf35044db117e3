// The stage: the before and the after exactly over each other, with a divider between them.

import { el } from "../dom.js";
import { words } from "../words.js";
import {
  WHOLE,
  boxOf,
  canPan,
  dividerAt,
  panned,
  shareAt,
  steppedZoom,
  zoomedAt,
} from "./compare_motion.js";

const PIXELATED_FROM = 2;

/**
 * A stage. `onDraw(zoom, isWhole)` is called whenever it has been drawn.
 *
 * Everything is placed on the pixels of the device, so that at 100 % each of them shows a pixel of
 * the result, and so that both halves meet without a gap.
 */
export function createStage(onDraw) {
  const ground = el("div", { className: "ground" });
  const before = el("div", { className: "layer" });
  const after = el("div", { className: "layer" });
  const divider = el("div", {
    className: "divider",
    tabIndex: 0,
    role: "slider",
    "aria-label": words.compare.divider,
    "aria-orientation": "horizontal",
    "aria-valuemin": "0",
    "aria-valuemax": "100",
  });
  const element = el("div", { className: "stage" }, ground, before, after, divider);

  let view = WHOLE;
  let share = 0.5; // of the seen part of the picture that is the before
  let onlyBefore = false;
  let size = null; // of the result
  let pixels = null; // of the device: the stage's, how many to a CSS pixel, and where it starts

  /** Shows two decoded pictures; `beforeImage` may be null. The zoom and the place stay. */
  function show(beforeImage, afterImage, resultSize) {
    size = resultSize;
    for (const [layer, image] of [
      [before, beforeImage],
      [after, afterImage],
    ]) {
      layer.replaceChildren(...(image ? [image] : []));
      if (!image) continue;
      image.style.width = `${size.width}px`;
      image.style.height = `${size.height}px`;
    }
    draw();
  }

  function measure() {
    const { left, top, width, height } = element.getBoundingClientRect();
    const ratio = devicePixelRatio;
    const offset = (start) => Math.round(start * ratio) / ratio - start;
    pixels = {
      ratio,
      width: Math.floor(width * ratio),
      height: Math.floor(height * ratio),
      cssWidth: width,
      x: offset(left),
      y: offset(top),
    };
    draw();
  }

  function draw() {
    const isSeen = size !== null && pixels?.width > 0 && pixels.height > 0;
    ground.hidden = divider.hidden = !isSeen;
    if (!isSeen) return;
    const box = boxOf(view, size, pixels);
    drawPictures(box);
    drawDivider(box);
    onDraw(box.zoom, view.zoom === "fit");
  }

  function drawPictures(box) {
    const { ratio, x, y } = pixels;
    const place = `translate(${box.left / ratio + x}px, ${box.top / ratio + y}px)`;
    for (const image of element.querySelectorAll("img")) {
      image.style.transform = `${place} scale(${box.zoom / ratio})`;
      const zoom = box.zoom * (size.width / image.naturalWidth);
      image.classList.toggle("pixelated", zoom >= PIXELATED_FROM);
    }
    ground.style.transform = place;
    ground.style.width = `${Math.floor(box.width) / ratio}px`;
    ground.style.height = `${Math.floor(box.height) / ratio}px`;
  }

  function drawDivider(box) {
    const hasBefore = before.firstChild !== null;
    const shown = !hasBefore ? 0 : onlyBefore ? 1 : share;
    divider.hidden = !hasBefore || onlyBefore;
    const place = dividerAt(shown, box, pixels) / pixels.ratio + pixels.x;
    before.style.clipPath = `inset(0 ${pixels.cssWidth - place}px 0 0)`;
    after.style.clipPath = `inset(0 0 0 ${place}px)`;
    divider.style.transform = `translate(${place}px)`;
    const percent = Math.round(share * 100);
    divider.setAttribute("aria-valuenow", percent);
    divider.setAttribute("aria-valuetext", words.compare.share(percent));
  }

  function look(newView) {
    view = newView;
    draw();
  }

  function moveDivider(newShare) {
    share = Math.min(1, Math.max(0, newShare));
    draw();
  }

  /** A place in the window, in pixels of the stage. */
  function pointOf({ clientX, clientY }) {
    const { left, top } = element.getBoundingClientRect();
    return { x: (clientX - left) * pixels.ratio, y: (clientY - top) * pixels.ratio };
  }

  const whenShown =
    (act) =>
    (...values) =>
      size && act(...values);
  const zoomNow = () => boxOf(view, size, pixels).zoom;
  const zoomTo = (zoom, point) => look(zoomedAt(view, size, pixels, zoom, point));
  const stop = watchPixels(element, measure);

  return {
    element,
    divider,
    show,
    stop,
    pointOf,
    zoomTo: whenShown(zoomTo),
    zoomBy: whenShown((factor, point) => zoomTo(zoomNow() * factor, point)),
    stepZoom: whenShown((direction) => zoomTo(steppedZoom(view, size, pixels, direction))),
    toggleZoom: whenShown((point) => {
      const isWhole = zoomNow() === boxOf(WHOLE, size, pixels).zoom;
      zoomTo(!isWhole ? "fit" : zoomNow() < 1 ? 1 : 2, point);
    }),
    /** Moves the picture by pixels of the device. */
    pan: whenShown((dx, dy) => look(panned(view, size, pixels, dx, dy))),
    canPan: () => size !== null && canPan(view, size, pixels),
    dividerPlace: () => dividerAt(share, boxOf(view, size, pixels), pixels),
    divideAt: whenShown((x) => moveDivider(shareAt(x, boxOf(view, size, pixels), pixels))),
    divideBy: (change) => moveDivider(share + change),
    showOnlyBefore(isOnly) {
      onlyBefore = isOnly;
      draw();
    },
  };
}

/** Calls `measure` when the element's size, or the pixels of the device under it, change. */
function watchPixels(element, measure) {
  const sizes = new ResizeObserver(measure);
  sizes.observe(element);
  let ratio;
  // A query holds for one ratio alone, so each change needs a new one.
  const watchRatio = () => {
    ratio?.removeEventListener("change", onRatio);
    ratio = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
    ratio.addEventListener("change", onRatio);
  };
  const onRatio = () => {
    watchRatio();
    measure();
  };
  watchRatio();
  return () => {
    sizes.disconnect();
    ratio.removeEventListener("change", onRatio);
  };
}
