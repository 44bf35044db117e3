// The keys of a comparison. Each also has a button, but those of the divider, which is a slider.

const DIVIDER_STEP = 0.02;
const PAN_CSS_PIXELS = 64;

/** What each key does, by KeyboardEvent.key; with Shift, by "Shift+" and it. */
export function actionsOfKeys(stage, step) {
  const divide = (change) => () => stage.divideBy(change);
  const pan = (x, y) => () => {
    const pixels = PAN_CSS_PIXELS * devicePixelRatio;
    stage.pan(x * pixels, y * pixels);
  };
  const next = () => step(1);
  const previous = () => step(-1);
  return {
    ArrowLeft: divide(-DIVIDER_STEP),
    ArrowDown: divide(-DIVIDER_STEP),
    ArrowRight: divide(DIVIDER_STEP),
    ArrowUp: divide(DIVIDER_STEP),
    Home: divide(-1),
    End: divide(1),
    // Towards what the arrow points at, so the picture goes the other way.
    "Shift+ArrowLeft": pan(1, 0),
    "Shift+ArrowRight": pan(-1, 0),
    "Shift+ArrowUp": pan(0, 1),
    "Shift+ArrowDown": pan(0, -1),
    0: () => stage.zoomTo("fit"),
    1: () => stage.zoomTo(1),
    2: () => stage.zoomTo(2),
    "+": () => stage.stepZoom(1),
    "=": () => stage.stepZoom(1), // the key of + without Shift
    "-": () => stage.stepZoom(-1),
    n: next,
    PageDown: next,
    p: previous,
    PageUp: previous,
    " ": () => stage.showOnlyBefore(true),
  };
}

/** Listens until the signal. In the document, for after a click on a picture nothing has focus. */
export function watchKeys(actions, stage, signal) {
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isOfControl(event)) return;
      const shift = event.shiftKey && event.key.startsWith("Arrow") ? "Shift+" : "";
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      const action = actions[shift + key];
      if (!action) return;
      event.preventDefault();
      action();
    },
    { signal },
  );
  document.addEventListener(
    "keyup",
    (event) => {
      if (event.key === " ") stage.showOnlyBefore(false);
    },
    { signal },
  );
  addEventListener("blur", () => stage.showOnlyBefore(false), { signal });
}

/** A space on a button presses the button. */
const isOfControl = ({ key, target }) => key === " " && target.matches("button, summary");
