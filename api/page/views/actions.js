// What can be done with the results of a run: save them, copy the run, delete them.

import { button, el } from "../dom.js";
import { csvOf } from "../files/csv.js";
import { call, sessionPath } from "../net/api.js";
import { deleteNow, isWorking, refreshLinks } from "../run.js";
import { changed, state, tell, watch } from "../store.js";
import { duration, words } from "../words.js";
import { ask } from "./ask.js";
import { createCopying } from "./copying.js";
import { canSaveToFolder, createSaving, imagesOf } from "./saving.js";

const texts = words.save;
const SPARE_SECONDS = 60; // a link that ends so soon is got anew
const DRAW_SECONDS = 20; // how often the time that links have left is told anew

export function mountActions(element) {
  const zip = el("a", { className: "button primary", download: "", on: { click: clickZip } });
  const folder = button(texts.toFolder, () => saving.start(), { hidden: !canSaveToFolder() });
  const csv = button(texts.csv, saveCsv);
  const copying = createCopying();
  const remove = button(texts.deleteNow, askToDelete, { className: "danger" });
  const links = el("span", { className: "links note" });
  const told = el("div", { className: "ways saving" });
  const saving = createSaving(told, (isSaving) => (folder.disabled = isSaving));
  const bar = el("div", { className: "ways" }, zip, folder, csv, copying.opener, remove, links);
  element.append(bar, copying.element, told);

  let session = null;
  function draw() {
    if (session !== state.session) {
      saving.stop();
      saving.clear();
      session = state.session;
    }
    const images = imagesOf(state);
    const hasEnded = images.length > 0 || [...state.rows.values()].some(({ error }) => error?.id);
    element.hidden = !hasEnded;
    zip.hidden = images.length === 0;
    folder.hidden = images.length === 0 || !canSaveToFolder();
    zip.textContent = isWorking() ? texts.zipSoFar(images.length) : texts.zip;
    if (images.length) linkZip(zip);
    drawLinks(links, images);
  }
  draw();
  watch(["rows", "run", "session"], draw);
  setInterval(draw, DRAW_SECONDS * 1000);
}

let asked = null; // the run whose link to the ZIP was asked for

/** Gives the link its address. It is asked for once a run: what is in the ZIP is settled later. */
async function linkZip(zip) {
  const { run } = state;
  zip.href = run.archiveUrl ?? ""; // and never the link of the run before
  if (run.archiveUrl || asked === run) return;
  asked = run;
  await freshLink().catch(() => null);
}

async function freshLink() {
  const { run } = state;
  const page = await call("GET", sessionPath(state.session, "?limit=1"));
  run.archiveUrl = page.archive_url;
  changed("run");
  return page.archive_url;
}

/** Follows the link, or a fresh one where it has ended. */
async function clickZip(event) {
  if (isFresh(event.currentTarget.href)) return;
  event.preventDefault();
  const href = await freshLink().catch((error) => tell(error.message));
  // By a clock that is wrong no link is fresh, so this one is not asked whether it is.
  if (href) el("a", { href, download: "" }).click();
}

function isFresh(href) {
  const expires = href && new URL(href).searchParams.get("expires");
  return Number(expires) > Date.now() / 1000 + SPARE_SECONDS;
}

function saveCsv() {
  const blob = new Blob([csvOf(state.rows.values())], { type: "text/csv" });
  const href = URL.createObjectURL(blob);
  el("a", { href, download: `${state.session.replaceAll(":", "-")}.csv` }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}

async function askToDelete() {
  const question = texts.deleteQuestion(imagesOf(state).length);
  if (await ask(question, [{ label: texts.deleteNow, value: "delete", isBad: true }])) deleteNow();
}

let renewed = null; // the run whose links were got anew after they had ended

/** Says when links end. A link never outlives its image, so one that stays ended has none. */
function drawLinks(place, images) {
  const now = Date.now();
  const ends = images.map((image) => Date.parse(image.expires_at));
  const ended = ends.filter((end) => end <= now).length;
  if (!images.length) return place.replaceChildren();
  if (!ended) {
    place.textContent = texts.linksEnd(duration((Math.min(...ends) - now) / 1000));
  } else if (renewed === state.run) {
    place.textContent = texts.gone(ended, images.length);
  } else if (!place.querySelector("button")) {
    place.replaceChildren(texts.linksEnded, " ", button(texts.renew, renew, { className: "link" }));
  }
}

async function renew() {
  const { run } = state;
  await refreshLinks();
  renewed = run;
  changed("rows");
}
