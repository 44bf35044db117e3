// The account's key. It is kept in this tab, or, if the person wants, in this browser. It is sent
// in one header and stands in no address.

import { ofBrowser, ofTab } from "../storage.js";

const NAME = "fluximage-key";

export const key = () => ofTab.get(NAME) ?? ofBrowser.get(NAME);

/** Uses a key from now on; `remember` keeps it when the tab is closed. */
export function useKey(text, remember = ofBrowser.get(NAME) !== null) {
  forgetKey();
  (remember ? ofBrowser : ofTab).set(NAME, text);
}

export function forgetKey() {
  ofTab.remove(NAME);
  ofBrowser.remove(NAME);
}
