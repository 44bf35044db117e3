// Signing in: with the key that is kept, with one that came by a link, or with one that is pasted.

import { button, byId, el } from "../dom.js";
import { linkedKey } from "../net/address.js";
import { call } from "../net/api.js";
import { key, forgetKey, useKey } from "../net/key.js";
import { changed, state, tell } from "../store.js";
import { words } from "../words.js";

const said = words.signIn;
const SHAPE = /flx_live_[0-9a-f]{40}/;

let isLinkAnswered = false;

/** Asks until somebody is signed in: `state.account` and `state.usage` are known then. */
export async function signIn() {
  changed("account", "run"); // what needs an account goes out of sight
  const kept = await keptAccount();
  const linked = await askAboutLink(kept.known?.account);
  const known = linked.known ?? kept.known ?? (await askForKey(linked.note ?? kept.note));
  Object.assign(state, known);
  if (linked.note && kept.known) tell(linked.note);
  changed("account", "usage");
}

/** The account of the key that is kept, or a note that it is refused. */
async function keptAccount() {
  if (key() === null) return {};
  const known = await knownOf(key());
  if (known) return { known };
  forgetKey();
  return { note: said.ended };
}

/** What the person wants with a key that came by a link: its account, or nothing. */
async function askAboutLink(present) {
  const linked = isLinkAnswered ? null : linkedKey();
  isLinkAnswered = true;
  if (linked === null || linked === key()) return {};
  const known = SHAPE.test(linked) ? await knownOf(linked) : null;
  if (!known) return { note: said.badLink };
  const wanted = await shown((answer) => [
    el("h2", {}, said.useLinked(known.account.name, known.account.plan)),
    el("p", {}, said.fromLink, present ? ` ${said.signedInAs(present.name)}` : ""),
    el(
      "p",
      { className: "ways" },
      button(said.use, () => answer(true), { className: "primary" }),
      button(said.refuse, () => answer(false)),
    ),
  ]);
  if (!wanted) return {};
  useKey(linked);
  return { known };
}

/** Shows the form until a key is pasted that the service takes. */
function askForKey(note) {
  const problem = el("p", { className: "problem", id: "key-problem", role: "alert" });
  const field = el("input", {
    id: "key",
    type: "password",
    autocomplete: "off",
    spellcheck: false,
    placeholder: "flx_live_…",
    "aria-describedby": "key-problem key-hint",
  });
  const remember = el("input", { type: "checkbox" });
  const submit = el("button", { className: "primary" }, said.submit);

  async function attempt() {
    const pasted = field.value.match(SHAPE)?.[0];
    if (!pasted) throw new Error(field.value.trim() ? said.badShape : said.noKey);
    const known = await knownOf(pasted, { isPatient: false });
    if (!known) throw new Error(said.refused);
    useKey(pasted, remember.checked);
    return known;
  }
  return shown((answer) => {
    const form = el(
      "form",
      {},
      el("h2", {}, said.title),
      note && el("p", { className: "problem", role: "status" }, note),
      el("label", { for: "key" }, said.key),
      el("div", { className: "ways" }, field, submit),
      problem,
      el("label", { className: "check" }, remember, said.remember),
      el(
        "p",
        { className: "note", id: "key-hint" },
        said.hint[0],
        el("code", {}, said.hint[1]),
        said.hint[2],
        el("code", {}, said.hint[3]),
        said.hint[4],
      ),
    );
    field.addEventListener("input", () => {
      problem.textContent = "";
      field.ariaInvalid = null;
    });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      submit.disabled = true;
      try {
        answer(await attempt());
      } catch (error) {
        problem.textContent = error.message;
        field.ariaInvalid = "true";
        field.focus();
      }
      submit.disabled = false;
    });
    return [form];
  });
}

/**
 * The account and the usage of a key; null where the service refuses it.
 * isPatient: tries again while the service cannot be reached, and raises nothing.
 */
async function knownOf(as, { isPatient = true } = {}) {
  const ask = async () => {
    const account = await call("GET", "/api/account", { as });
    return { account, usage: await call("GET", "/api/usage", { as }) };
  };
  try {
    return await (isPatient ? tryUntilReached(ask) : ask());
  } catch (error) {
    if (error.status === 401) return null;
    throw error;
  }
}

/** What a call answers; between failures of a kind that passes the person says when to try. */
async function tryUntilReached(ask) {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (error.status === 401) throw error;
      await shown((answer) => [
        el("h2", {}, error.message),
        el("p", { className: "ways" }, button(said.again, answer, { className: "primary" })),
      ]);
    }
  }
}

/** Shows a question in place of the drop zone until it is answered. */
async function shown(question) {
  const place = el("section", { id: "sign-in", tabIndex: -1 });
  const answered = new Promise((answer) => place.append(...question(answer)));
  byId("drop").before(place);
  (place.querySelector("input") ?? place).focus(); // no key pressed by chance answers a question
  const answer = await answered;
  place.remove();
  return answer;
}
