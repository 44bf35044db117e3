// What fingers, pens and mice do on the stage of a comparison.

const STARTS_AFTER_PIXELS = 3; // so that a click moves nothing
const PIXELS_TO_DOUBLE = { wheel: 300, pinch: 70 };
const PIXELS_OF_A_LINE = 30; // where a wheel counts in lines

/** Lets pointers and wheels act on a stage. */
export function watchGestures(stage) {
  const pointers = new Map(); // id → the last place
  let drag = null; // of one pointer

  stage.element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    stage.element.setPointerCapture(event.pointerId);
    const point = stage.pointOf(event);
    pointers.set(event.pointerId, point);
    drag = pointers.size === 1 ? dragFrom(stage, event, point) : null;
  });

  stage.element.addEventListener("pointermove", (event) => {
    const last = pointers.get(event.pointerId);
    if (!last) return;
    const point = stage.pointOf(event);
    if (pointers.size === 2) {
      const [other] = [...pointers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
      pinch(stage, other, last, point);
    } else if (!drag?.(point, last)) {
      return; // not yet a drag: measured from where it began
    }
    pointers.set(event.pointerId, point);
  });

  for (const end of ["pointerup", "pointercancel"]) {
    stage.element.addEventListener(end, (event) => {
      pointers.delete(event.pointerId);
      drag = null;
    });
  }

  stage.element.addEventListener("dblclick", (event) => {
    if (event.target !== stage.divider) stage.toggleZoom(stage.pointOf(event));
  });
  stage.element.addEventListener("wheel", (event) => turn(stage, event), { passive: false });
}

/** What a drag does: it moves the divider, or a picture of which some is out of sight. */
function dragFrom(stage, event, start) {
  const onDivider = event.target === stage.divider;
  if (!onDivider && stage.canPan()) {
    return far(start, (point, last) => stage.pan(point.x - last.x, point.y - last.y));
  }
  // Taken beside its line, the divider does not jump to the pointer.
  const beside = onDivider ? stage.dividerPlace() - start.x : 0;
  return far(start, (point) => stage.divideAt(point.x + beside));
}

function far(start, act) {
  let isDrag = false;
  return (point, last) => {
    isDrag ||= distance(start, point) >= STARTS_AFTER_PIXELS;
    if (isDrag) act(point, last);
    return isDrag;
  };
}

function pinch(stage, other, last, point) {
  stage.pan((point.x - last.x) / 2, (point.y - last.y) / 2);
  const before = distance(other, last);
  if (before > 0) stage.zoomBy(distance(other, point) / before, middle(other, point));
}

function turn(stage, event) {
  event.preventDefault(); // the browser would zoom the whole page
  // Browsers tell of a pinch on a touchpad as of a wheel with Ctrl, in smaller numbers.
  const pixels = event.deltaY * (event.deltaMode ? PIXELS_OF_A_LINE : 1);
  const toDouble = event.ctrlKey && Math.abs(pixels) < 50 ? "pinch" : "wheel";
  stage.zoomBy(2 ** (-pixels / PIXELS_TO_DOUBLE[toDouble]), stage.pointOf(event));
}

const distance = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);
const middle = (a, b) => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
