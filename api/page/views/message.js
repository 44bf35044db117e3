// What is to be said about the whole page, with what the person can do about it.

import { button, el } from "../dom.js";
import { changed, state, watch } from "../store.js";
import { words } from "../words.js";

export function mountMessage(place) {
  watch(["message"], () => {
    const { message, trouble } = state;
    place.replaceChildren(...(trouble ? [el("p", {}, trouble)] : []));
    const actions = (message?.actions ?? []).map(({ label, act }) =>
      button(label, () => {
        state.message = null;
        changed("message");
        act();
      }),
    );
    const close = button("×", () => {
      state.message = null;
      changed("message");
    }, { className: "close", "aria-label": words.closeMessage });
    if (message) place.append(el("p", {}, message.text), ...actions, close);
  });
}
