// The running total, what waits for Start, and the title of the tab.

import { button, el, fill } from "../dom.js";
import { isUnlimited, room } from "../plan.js";
import { originalsAtHand, stoppedAtHand, totals } from "../result.js";
import * as run from "../run.js";
import { say } from "../say.js";
import { state, watch } from "../store.js";
import { percentSaved, words } from "../words.js";
import { asksForAi } from "./option_values.js";
import { showNextFailure } from "./rows.js";

const texts = words.progress;

export function mountProgress(place) {
  const bar = el("progress", { "aria-label": texts.bar });
  const line = el("p", { className: "total" });
  const actions = el("p", { className: "ways" });
  const held = el("div", { className: "held" });
  const summary = el("div", { className: "summary" }, line, bar, actions);
  place.append(summary, held);
  let worked = false;

  watch(["run", "rows", "usage", "options", "account"], () => {
    const sum = totals();
    const working = run.isWorking();
    const { before, taken, madeLater } = state.run;
    const total = Math.max(sum.ended, before + taken - madeLater - sum.stopped);
    summary.hidden = total + sum.refused === 0 && leftOut(sum) === 0 && !working;
    place.hidden = summary.hidden && state.run.held.length === 0;
    drawLine(line, sum, total, working);
    bar.hidden = !working || total === 0;
    measurePace(sum.ended, working);
    bar.max = total || 1;
    bar.value = sum.ended;
    bar.style.setProperty("--sent", `${100 * sentShare(sum, total)}%`);
    drawActions(actions, working);
    drawHeld(held);
    document.title = title(sum, total, working);
    if (working && sum.ended) say(texts.counted(sum.ended, total));
    if (worked && !working) say(leftOut(sum) === 0 ? texts.saidDone(sum) : texts.saidStopped(sum));
    worked = working;
  });
  addEventListener("beforeunload", (event) => {
    if (run.isSending()) event.preventDefault();
  });
}

/** What part of all images is with the service: a paler bar behind, which moves from the first byte. */
function sentShare(sum, total) {
  const { taken, sentBytes, takenBytes, listing } = state.run;
  if (listing || !total) return 0; // not known yet, and a bar should not go back
  const unsent = takenBytes ? taken * Math.max(0, 1 - sentBytes / takenBytes) : 0;
  return Math.max(sum.ended, total - unsent) / total;
}

function drawLine(line, sum, total, working) {
  const { originalBytes, compressedBytes } = sum;
  const failures = [
    sum.failed > 0 && texts.failed(sum.failed),
    sum.refused > 0 && texts.refused(sum.refused),
  ].filter(Boolean);
  const parts = [
    working ? texts.counted(sum.ended, total) : texts.all(sum.done),
    sum.done > 0 && texts.sizes(originalBytes, compressedBytes),
    sum.done > 0 && texts.saved(percentSaved(originalBytes, compressedBytes)),
    leftOut(sum) !== 0 && texts.stopped(leftOut(sum)),
    ...failures,
    working && secondsLeft(sum, total),
  ].filter(Boolean);
  const linked = (text) => button(text, showNextFailure, { className: "link" });
  const drawn = (text) => (!working && failures.includes(text) ? linked(text) : text);
  fill(line, [working, parts], () => parts.map((text) => el("span", {}, drawn(text))));
}

/** How many images a stop has ended or left unsent; null where some were not even counted. */
function leftOut(sum) {
  const counts = [sum.stopped, ...state.run.rest.map((some) => some.length ?? NaN)];
  const count = counts.reduce((one, other) => one + other);
  return Number.isNaN(count) ? null : count;
}

const PACE_SECONDS = 30; // how far back the pace is measured
const MARK_SECONDS = 2; // how often the time left is told anew

let marks = []; // [second, images that had ended], the last one the newest

/** Notes how far the run is. */
function measurePace(ended, working) {
  const now = performance.now() / 1000;
  if (!working || ended < (marks.at(-1)?.[1] ?? 0)) marks = [];
  if (!working || ended === 0 || now - (marks.at(-1)?.[0] ?? 0) < MARK_SECONDS) return;
  marks.push([now, ended]);
  if (now - marks[1]?.[0] > PACE_SECONDS) marks.shift();
}

/** From the pace of late: the first image waits for all that a start takes, and says little. */
function secondsLeft(sum, total) {
  const { listing, sentBytes, takenBytes } = state.run;
  if (listing) return texts.listing;
  const [[from, before] = [0, 0], [to, ended] = [0, 0]] = [marks[0], marks.at(-1)];
  if (ended - before < 3 || to - from < 2 * MARK_SECONDS) {
    return sentBytes < takenBytes && texts.sending(Math.floor((100 * sentBytes) / takenBytes));
  }
  return texts.left(((to - from) / (ended - before)) * (total - ended));
}

function drawActions(place, working) {
  const atHand = working ? 0 : originalsAtHand().length;
  const hasRest = state.run.rest.length + stoppedAtHand().length > 0;
  fill(place, [working, atHand, hasRest], () => {
    if (working) return [button(texts.stop, run.stop)];
    const again = () => button(texts.again(atHand), run.again, { title: texts.againHint });
    const goOn = () => button(texts.goOn, run.goOn, { className: "primary" });
    const onward = hasRest ? goOn() : atHand > 0 && again();
    return [onward, button(texts.startOver, run.startOver)];
  });
}

function drawHeld(place) {
  const count = state.run.held.length;
  place.hidden = count === 0;
  if (!count) return fill(place, null, () => []);
  const left = room();
  const renewal = state.account.period_ends_at;
  const fits = Math.min(left, count);
  const isAi = asksForAi() && (isUnlimited(state.usage) || left < imagesLeft());
  const start = fits === count ? words.held.startAll : words.held.start(fits);
  const sentence = (isAi ? words.held.texts : words.held.images)(count, left, renewal);
  fill(place, [sentence, start, fits], () => [
    el("p", {}, sentence),
    el(
      "p",
      { className: "ways" },
      fits > 0 && button(start, run.startHeld, { className: "primary" }),
      button(words.held.drop, run.dropHeld),
    ),
  ]);
}

const imagesLeft = () => state.usage.compressor_limit - state.usage.compressor_used;

function title(sum, total, working) {
  const left = leftOut(sum);
  if (!total && left === 0) return words.title;
  if (working) return texts.title(sum.ended, total);
  if (left === null) return texts.titleStopped(sum.done, total);
  return left ? texts.titleStopped(sum.done, sum.done + left) : texts.titleDone(sum.done);
}
