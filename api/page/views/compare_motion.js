// Where a picture lies on the stage: pure functions. All lengths are pixels of the device, and a
// zoom is how many of them a pixel of the result takes: 1 is 100 %.

/**
 * @typedef {{width: number, height: number}} Size
 * @typedef {{zoom: number | "fit", x: number, y: number}} View  What is looked at. x, y: the place
 *   in the picture, from 0 to 1, that is in the middle of the stage. It holds for any picture.
 * @typedef {{zoom: number, left: number, top: number, width: number, height: number}} Box
 */

const STEPS = [0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 6, 8];
const LARGEST = STEPS.at(-1);

/** @type {View} */
export const WHOLE = { zoom: "fit", x: 0.5, y: 0.5 };

/** The zoom at which the whole picture is seen; a small one is not enlarged. */
export function fitZoom(picture, stage) {
  return Math.min(1, stage.width / picture.width, stage.height / picture.height);
}

/** Where the picture lies. It starts on a pixel of the device and leaves no gap that it can fill. */
export function boxOf(view, picture, stage) {
  const zoom = view.zoom === "fit" ? fitZoom(picture, stage) : view.zoom;
  const width = picture.width * zoom;
  const height = picture.height * zoom;
  return {
    zoom,
    width,
    height,
    left: start(view.x, width, stage.width),
    top: start(view.y, height, stage.height),
  };
}

function start(middle, length, stage) {
  if (length <= stage) return Math.round((stage - length) / 2);
  return Math.round(Math.min(0, Math.max(stage - length, stage / 2 - middle * length)));
}

/**
 * The view with another zoom, in which what is at `point` of the stage, or in its middle, stays
 * there. Smaller than the whole picture it does not get.
 */
export function zoomedAt(view, picture, stage, zoom, point) {
  if (zoom === "fit" || zoom < fitZoom(picture, stage)) return WHOLE;
  const kept = Math.min(zoom, LARGEST);
  if (!point) return within({ ...view, zoom: kept }, picture, stage);
  const box = boxOf(view, picture, stage);
  const at = (origin, length, place, side) =>
    (place - origin) / length + (side / 2 - place) / (length * (kept / box.zoom));
  return within(
    {
      zoom: kept,
      x: at(box.left, box.width, point.x, stage.width),
      y: at(box.top, box.height, point.y, stage.height),
    },
    picture,
    stage,
  );
}

/** The view moved by so many pixels: the picture goes with the pointer. */
export function panned(view, picture, stage, dx, dy) {
  const { width, height } = boxOf(view, picture, stage);
  return within({ ...view, x: view.x - dx / width, y: view.y - dy / height }, picture, stage);
}

/** The next larger or smaller of the usual zooms. */
export function steppedZoom(view, picture, stage, direction) {
  const { zoom } = boxOf(view, picture, stage);
  // So near to a step that it is that step.
  const beyond = (step) => (direction > 0 ? step > zoom * 1.01 : step < zoom * 0.99);
  const steps = direction > 0 ? STEPS : STEPS.toReversed();
  return steps.find(beyond) ?? zoom;
}

/** Whether some of the picture is out of sight. */
export function canPan(view, picture, stage) {
  const { width, height } = boxOf(view, picture, stage);
  return width > stage.width || height > stage.height;
}

/** Where the divider stands when `share` of the seen part of the picture is the before. */
export function dividerAt(share, box, stage) {
  const { from, to } = seen(box, stage);
  return Math.round(from + (to - from) * share);
}

/** The share of the seen part that is left of a place. */
export function shareAt(place, box, stage) {
  const { from, to } = seen(box, stage);
  return Math.min(1, Math.max(0, (place - from) / (to - from)));
}

function seen(box, stage) {
  return {
    from: Math.max(0, box.left),
    to: Math.min(stage.width, Math.round(box.left + box.width)),
  };
}

/** The view with a middle that the stage can show, so that the way back begins at once. */
function within(view, picture, stage) {
  const { width, height } = boxOf(view, picture, stage);
  const inside = (middle, length, side) => {
    const margin = Math.min(0.5, side / 2 / length);
    return Math.min(1 - margin, Math.max(margin, middle));
  };
  return {
    ...view,
    x: inside(view.x, width, stage.width),
    y: inside(view.y, height, stage.height),
  };
}
