// The run: takes files, sends them as one session, and follows what becomes of them.

import { refusal } from "./files/checks.js";
import { joined, leavable } from "./files/leavable.js";
import { call, sessionPath } from "./net/api.js";
import { show } from "./net/address.js";
import { follow } from "./net/events.js";
import { createUploads } from "./net/uploads.js";
import { promise, room } from "./plan.js";
import * as result from "./result.js";
import { changed, newRun, state } from "./store.js";
import { optionFields } from "./views/options.js";
import { words } from "./words.js";

let place = { last: 0 }; // in the session's stream of events
let stopFollowing = null; // not null while the stream is followed
let notSentCount = 0;
const reading = new Set(); // listings that are read now

const uploads = createUploads({
  session: () => state.session,
  fields: () => (state.run.fields = optionFields()),
  onBytes: (bytes) => update({ sentBytes: bytes }),
  onAccepted(entries, answer) {
    result.setEntries(answer.batch_id, entries);
    update({ accepted: state.run.accepted + entries.length });
    listen();
  },
  onRefused(entries, error) {
    if (error.status === 403) return hold(entries, error);
    update({ taken: state.run.taken - entries.length });
    for (const entry of entries) notSent(entry, { error: error.code, message: error.message });
  },
  onWaiting: (error, seconds) => tell(error && words.progress.waiting(error.message, seconds)),
});

/** Takes the images of an iterable: names what cannot be sent, and sends the rest. */
export async function take(listing) {
  await begin();
  const { run } = state;
  const source = leavable(listing);
  const taken = [];
  reading.add(source);
  update({ listing: run.listing + 1 });
  for await (const entry of source) {
    const refused = await refusal(entry);
    if (run !== state.run) return;
    if (!reading.has(source)) return source.unread.push(...taken, entry);
    if (refused) notSent(entry, refused);
    else if (room() === Infinity) send([entry]);
    else taken.push(entry); // the plan may not cover all of them: what they are is known first
  }
  if (run !== state.run || !reading.delete(source)) return;
  if (taken.length <= room()) send(taken);
  else run.held.push(...taken);
  uploads.flush();
  update({ listing: run.listing - 1 });
}

/** Sends what waits for Start, as much as the plan covers. */
export function startHeld() {
  send(state.run.held.splice(0, room()));
  uploads.flush();
  tell(null);
}

/** Leaves out what waits for Start. */
export function dropHeld() {
  update({ held: [] });
  tell(null);
}

/** Ends what has not ended; results stay, and the rest can be sent later. */
export async function stop() {
  const { held, rest, taken } = state.run;
  const left = uploads.stop();
  const unsent = [left, held, ...reading].filter((one) => one.length !== 0);
  update({ taken: taken - left.length, held: [], listing: 0, rest: [...rest, ...unsent] });
  reading.clear();
  const { session } = state;
  await uploads.settled(); // what was sent whole may be accepted still
  await call("POST", sessionPath(session, "/cancel")).catch(() => null); // none was accepted
}

/** Sends what a stop has ended or left unsent. */
export function goOn() {
  const stopped = result.stoppedAtHand();
  for (const row of stopped) result.removeRow(row.id);
  const rest = [...state.run.rest, stopped.map((row) => row.entry)];
  update({ rest: [], taken: state.run.taken - stopped.length });
  return take(joined(rest));
}

/** Makes an image again that failed; without its original all that another run can help. */
export async function retry(row) {
  if (row.error && row.entry) {
    if (row.error.id) update({ taken: state.run.taken - 1 });
    result.removeRow(row.id);
    return take([row.entry]);
  }
  const page = await attempt(() => call("POST", sessionPath(state.session, "/retry")));
  if (!page) return;
  if (!page.retried) return tell(words.rows.nothingToRetry);
  for (const other of state.rows.values()) {
    if (result.canBeRetried(other)) result.setRow({ ...other, isMadeAgain: true });
  }
  update({ status: "processing" });
  listen();
}

/** Deletes every result of the run. The person was asked. */
export async function deleteNow() {
  const left = uploads.stop();
  update({ taken: state.run.taken - left.length, held: [] });
  await uploads.settled();
  if (await attempt(() => call("DELETE", sessionPath(state.session)))) startOver();
}

/** An empty page again; what is stored stays. */
export function startOver() {
  uploads.stop();
  reading.clear();
  stopFollowing?.();
  stopFollowing = null;
  place = { last: 0 };
  state.session = null;
  state.run = newRun();
  result.forgetRows();
  show(null);
  changed("session", "run");
  tell(null);
}

/** The originals that are at hand once more, with the options as they are now. */
export function again() {
  const entries = result.originalsAtHand();
  startOver();
  return take(entries);
}

/** Goes on with a session: shows what has ended, and waits for the rest. */
export async function openSession(id) {
  const page = await attempt(() => call("GET", sessionPath(id, "?limit=1")));
  if (!page) return show(null);
  state.session = id;
  update({ before: page.progress.total, status: "processing" });
  show(id);
  changed("session");
  listen();
}

/** Goes on after the key was replaced. */
export function resume() {
  uploads.resume();
  if (state.session && state.run.status === "processing") listen();
}

/** New links for all rows. */
export async function refreshLinks() {
  for (let cursor = 0; cursor !== null; ) {
    const path = sessionPath(state.session, `?limit=1000&cursor=${cursor}`);
    const page = await attempt(() => call("GET", path));
    if (!page) return;
    result.renewLinks(page.data);
    update({ archiveUrl: page.archive_url });
    cursor = page.data.length + page.errors.length ? page.next_cursor : null;
  }
}

/** Whether images are still to come. */
export function isWorking() {
  return state.run.listing > 0 || uploads.busy() || state.run.status === "processing";
}

/** Names the session. One of the person's choice may hold images already. */
async function begin() {
  const wanted = state.options.sessionName;
  if (wanted && state.session && wanted !== state.session) startOver();
  state.run.startedAt ??= performance.now();
  if (state.session) return;
  state.session = wanted || newName();
  show(state.session);
  changed("session");
  if (!wanted) return;
  const page = await call("GET", sessionPath(wanted, "?limit=1")).catch(() => null);
  if (page) update({ before: page.progress.total });
}

/** A name for a session of nobody's choice. */
function newName() {
  const chance = crypto.getRandomValues(new Uint8Array(6)); // randomUUID needs HTTPS
  const hex = [...chance].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${new Date().toISOString().slice(0, 10)}-${hex}`;
}

function send(entries) {
  promise(entries.length);
  const bytes = entries.reduce((sum, entry) => sum + entry.file.size, 0);
  update({ taken: state.run.taken + entries.length, takenBytes: state.run.takenBytes + bytes });
  entries.forEach(uploads.add);
}

function hold(entries, error) {
  promise(-entries.length);
  update({ taken: state.run.taken - entries.length, held: [...entries, ...state.run.held] });
  tell(error.message);
}

function notSent(entry, error) {
  notSentCount += 1;
  result.setRow({ id: `file-${notSentCount}`, error, entry, warnings: [] });
}

/** Follows the session, unless it is followed already. */
function listen() {
  update({ status: "processing" });
  stopFollowing ??= follow(state.session, place, { onImage: result.addImage, onEnd, onTrouble });
}

async function onEnd() {
  const { run } = state;
  const page = await call("GET", sessionPath(state.session, "?limit=1")).catch(() => null);
  if (run !== state.run) return;
  stopFollowing = null;
  const isEnd = page && !["queued", "processing"].includes(page.status);
  // Another request may have been accepted since, and with it more images.
  if (!isEnd || page.progress.total < run.before + run.accepted) return listen();
  update({ status: page.status, archiveUrl: page.archive_url });
}

function onTrouble(error) {
  if (error && !error.isTemporary) stopFollowing = null;
  if (error?.status !== 401) tell(error && (error.isTemporary ? words.progress.tryingAgain(error.message) : error.message));
}

/** What an action returns, or null: then the person is told why not. */
async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    tell(error.message);
    return null;
  }
}

function tell(text, actions = []) {
  state.message = text ? { text, actions } : null;
  changed("message");
}

function update(values) {
  Object.assign(state.run, values);
  changed("run");
}
