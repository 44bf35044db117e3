// Whoever uses the keyboard keeps their place when what they are at goes out of sight.

const PLACES = "li, section, form, header"; // what can take the place of a control

/** Where the focus is lost to the page as a whole, moves it to what is nearest. */
export function keepFocus(body) {
  let trail = []; // from the focused element up: [element, its parent, its index there]
  body.addEventListener("focusin", ({ target }) => {
    trail = [];
    for (let one = target; one !== body; one = one.parentElement) {
      trail.push([one, one.parentElement, [...one.parentElement.children].indexOf(one)]);
    }
  });
  body.addEventListener("pointerdown", () => (trail = []));
  const restore = () => {
    const isLost = trail.length && document.activeElement === body && !isSeen(trail[0][0]);
    if (isLost) nearest(trail)?.focus();
  };
  // The browser takes the focus from what is hidden only when it draws.
  new MutationObserver(
    () => trail.length && requestAnimationFrame(() => setTimeout(restore)),
  ).observe(body, { subtree: true, childList: true, attributeFilter: ["hidden"] });
}

/** The row that follows one that has gone, the part of the page, or the first button at last. */
function nearest(trail) {
  for (const [, parent, index] of trail) {
    if (!isSeen(parent)) continue;
    const heir = parent.children[Math.min(index, parent.children.length - 1)];
    const place = heir?.matches("li") && isSeen(heir) ? heir : parent.closest(PLACES);
    if (!place) continue;
    // A place, and no button: a key that is still held must not press another one.
    place.tabIndex = -1;
    return place;
  }
  return [...document.querySelectorAll("main button")].find(isSeen);
}

const isSeen = (element) => element.isConnected && element.checkVisibility();
