// The page's own address. Its fragment is never sent to a server: it names the session, and once,
// in a link, a key.

import { randomHex } from "./random.js";

const parts = () => new URLSearchParams(location.hash.slice(1));

// Taken off before anything else happens, so that no history and no screen keeps it.
const linked = parts().get("key");
if (linked !== null) show(parts().get("session"));

// A link that is opened in a tab that shows the page already: as in a new one.
addEventListener("hashchange", () => {
  if (parts().has("key")) location.reload();
});

/** The key of the link that opened this page, or null. */
export const linkedKey = () => linked;

/** Whether the API takes it for the name of a session; as part of a path "." and ".." vanish. */
export const isSessionName = (text) =>
  /^[A-Za-z0-9._:-]{1,128}$/.test(text) && text !== "." && text !== "..";

/** A name for a session of nobody's choice. */
export const newSessionName = () => `${new Date().toISOString().slice(0, 10)}-${randomHex(6)}`;

/** The session that the address names, or null. */
export const sessionInAddress = () => parts().get("session") || null;

/** Makes the address that of a session; null: of the empty page. */
export function show(session) {
  const fragment = session === null ? "" : `#${new URLSearchParams({ session })}`;
  history.replaceState(null, "", location.pathname + fragment);
}
