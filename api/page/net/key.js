// The account's key. It is kept in this tab, or, if the person wants, in this browser. It is sent
// in one header and stands in no address.

const NAME = "fluximage-key";

export const key = () => sessionStorage.getItem(NAME) ?? localStorage.getItem(NAME);

/** Uses a key from now on; `remember` keeps it when the tab is closed. */
export function useKey(text, remember = localStorage.getItem(NAME) !== null) {
  forgetKey();
  (remember ? localStorage : sessionStorage).setItem(NAME, text);
}

export function forgetKey() {
  sessionStorage.removeItem(NAME);
  localStorage.removeItem(NAME);
}
