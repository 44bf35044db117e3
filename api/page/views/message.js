// What is to be said about the whole page.

import { button, el } from "../dom.js";
import { state, tell, watch } from "../store.js";
import { words } from "../words.js";

export function mountMessage(place) {
  watch(["message"], () => {
    const { message, trouble } = state;
    place.replaceChildren(...(trouble ? [el("p", {}, trouble)] : []));
    const close = { className: "close", "aria-label": words.closeMessage };
    if (message)
      place.append(
        el("p", {}, message),
        button("×", () => tell(null), close),
      );
  });
}
