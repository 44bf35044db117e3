// Starts the page: mounts each view on its place, signs in, and goes on with the session of the
// address.

import { sessionInAddress } from "./net/address.js"; // first: it takes a key off the address
import { byId } from "./dom.js";
import { keepFocus } from "./focus.js";
import * as run from "./run.js";
import { state, watch } from "./store.js";
import { mountAccount, refreshUsage } from "./views/account.js";
import { mountActions } from "./views/actions.js";
import { mountDrop } from "./views/drop.js";
import { mountMessage } from "./views/message.js";
import { mountOptions } from "./views/options.js";
import { mountProgress } from "./views/progress.js";
import { mountRows } from "./views/rows.js";
import { signIn } from "./views/sign_in.js";

keepFocus(document.body);
mountAccount(byId("account"));
mountMessage(byId("message"));
mountDrop(byId("drop"));
mountOptions(byId("options"));
mountProgress(byId("progress"));
mountActions(byId("actions"));
mountRows(byId("rows"));

let isSigningIn = false;
let lastAccount = null; // its name
watch(["account"], begin);
begin();

/** Signs in where nobody is, at the start and when the key stops working. */
async function begin() {
  if (state.account || isSigningIn) return;
  isSigningIn = true;
  await signIn();
  isSigningIn = false;
  if (lastAccount !== null && lastAccount !== state.account.name) run.startOver();
  lastAccount = state.account.name;
  if (state.session) run.resume();
  else if (sessionInAddress() !== null) run.openSession(sessionInAddress());
}

let wasWorking = false;
watch(["run"], () => {
  const working = run.isWorking();
  if (wasWorking && !working) refreshUsage();
  wasWorking = working;
});
addEventListener("hashchange", () => {
  const wanted = sessionInAddress();
  if (wanted !== null && wanted !== state.session) run.openSession(wanted);
});
