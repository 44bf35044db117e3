// Right of the header: the plan and what is used of it, the theme, and the account's menu.

import { copyField } from "../clipboard.js";
import { button, el } from "../dom.js";
import { call } from "../net/api.js";
import { forgetKey, useKey } from "../net/key.js";
import { isUnlimited } from "../plan.js";
import { changed, state, watch } from "../store.js";
import { number, size, words } from "../words.js";
import { panel } from "./panel.js";
import { createTheme } from "./theme.js";

const said = words.account;

export function mountAccount(place) {
  const summary = el("span", { className: "summary" });
  const facts = el("div");
  const key = el("div", { className: "key" });
  const { opener, element } = panel(
    said.menu,
    [
      facts,
      key,
      el(
        "p",
        { className: "ways" },
        el("a", { href: "/docs" }, said.docs),
        button(said.signOut, signOut, { className: "link" }),
      ),
    ],
    { opened: refreshUsage, closed: () => setTimeout(offerRoll, 0, key) },
  );
  element.classList.add("account-menu");
  place.append(summary, createTheme(), opener, element);
  offerRoll(key);
  const draw = () => {
    const { account, usage } = state;
    opener.hidden = summary.hidden = account === null;
    if (account === null || usage === null) return;
    const used = said.used(usage.compressor_used);
    summary.replaceChildren(usage.plan, el("span", {}, ` · ${used}`));
    facts.replaceChildren(...factsOf(account, usage));
  };
  draw();
  watch(["account", "usage"], draw);
}

/** Asks anew what is used and left. */
export async function refreshUsage() {
  try {
    const asked = [call("GET", "/api/usage"), call("GET", "/api/account")];
    const [usage, account] = await Promise.all(asked);
    state.usage = usage;
    if (state.account) Object.assign(state.account, account); // else signed out meanwhile
    changed("usage");
  } catch {
    // The old figures stay; whatever is wrong is said where the person is doing something.
  }
}

function factsOf(account, usage) {
  const { ia_credits_used: aiUsed, ia_credits_monthly: aiLimit, ia_topup_credits: topUps } = usage;
  const imagesLimit = isUnlimited(usage) ? null : usage.compressor_limit;
  return [
    el("h2", {}, account.name),
    el("p", { className: "note" }, said.plan(usage.plan)),
    ...gauge(said.images, usage.compressor_used, imagesLimit),
    ...(aiLimit ? gauge(said.aiCredits, aiUsed, aiLimit) : []),
    ...gauge(said.storage, account.stored_bytes, account.storage_bytes, size),
    topUps > 0 && el("p", {}, said.topUps(topUps)),
    el("p", { className: "note" }, said.renews(account.period_ends_at)),
  ].filter(Boolean);
}

/** What is used, with a bar where there is a limit. */
function gauge(name, used, limit, shown = number) {
  const text = el(
    "p",
    { className: "gauge" },
    el("span", {}, name),
    el("span", {}, limit === null ? said.unlimited(used) : said.of(shown(used), shown(limit))),
  );
  return limit === null
    ? [text]
    : [text, el("progress", { "aria-label": name, value: used, max: limit })];
}

function offerRoll(place) {
  place.replaceChildren(button(said.roll, () => askToRoll(place)));
}

function askToRoll(place) {
  const problem = el("p", { className: "problem", role: "alert" });
  const cancel = button(said.cancel, () => {
    offerRoll(place);
    place.firstChild.focus();
  });
  const roll = button(
    said.roll,
    async () => {
      roll.disabled = true;
      try {
        const { api_key: rolled } = await call("POST", "/api/keys/roll");
        useKey(rolled);
        showOnce(place, rolled);
      } catch (error) {
        problem.textContent = error.message;
        roll.disabled = false;
      }
    },
    { className: "danger" },
  );
  place.replaceChildren(
    el("p", {}, said.rollQuestion),
    el("p", { className: "ways" }, roll, cancel),
    problem,
  );
  cancel.focus();
}

function showOnce(place, rolled) {
  const copied = el("span", { className: "note", role: "status" });
  const text = el("textarea", {
    readOnly: true,
    rows: 2,
    value: rolled,
    "aria-label": said.newKey,
  });
  const copy = button(said.copy, async () => {
    copied.textContent = (await copyField(text)) ? said.copied : words.copyAs.notAllowed;
  });
  place.replaceChildren(
    el("p", {}, said.rolled),
    text,
    el("p", { className: "ways" }, copy, copied),
  );
  copy.focus();
}

/** Ends with the key here; loading the page anew forgets all that the account has shown. */
function signOut() {
  forgetKey();
  history.replaceState(null, "", location.pathname);
  location.reload();
}
