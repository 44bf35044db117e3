// The theme: the system's, light, or dark.

import { button } from "../dom.js";
import { ofBrowser } from "../storage.js";
import { words } from "../words.js";

const NAME = "fluximage-theme";
const THEMES = ["system", "light", "dark"];

/** A button that goes from one theme to the next, and remembers it. */
export function createTheme() {
  let theme = ofBrowser.get(NAME);
  if (!THEMES.includes(theme)) theme = "system";
  const switcher = button(
    "◐",
    () => {
      theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
      if (theme === "system") ofBrowser.remove(NAME);
      else ofBrowser.set(NAME, theme);
      apply();
    },
    { className: "theme" },
  );
  function apply() {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    switcher.ariaLabel = switcher.title = words.account.theme[theme];
  }
  apply();
  return switcher;
}
