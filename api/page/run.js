// The run: takes files, sends them as one session, and follows what becomes of them.

import { refusal } from "./files/checks.js";
import { joined, leavable } from "./files/leavable.js";
import { call, sessionPath } from "./net/api.js";
import { isSessionName, newSessionName, show } from "./net/address.js";
import { follow } from "./net/events.js";
import { createUploads } from "./net/uploads.js";
import { promise, room } from "./plan.js";
import * as result from "./result.js";
import { changed, newRun, state, tell, tellTrouble, update } from "./store.js";
import { optionFields } from "./views/options.js";
import { words } from "./words.js";

let place = { last: 0 }; // in the session's stream of events
let stopping = null; // the newest stop
let stopFollowing = null; // not null while the stream is followed
let hasMore = false; // since the stream began: its end may have been told before
let opening = null; // while what the session held before is asked
let notSentCount = 0;
const reading = new Set(); // listings that are read now

const uploads = createUploads({
  session: () => state.session,
  fields: () => (state.run.fields = optionFields()),
  onBytes: (bytes) => update({ sentBytes: bytes }),
  onAccepted(entries, answer) {
    result.setEntries(answer.batch_id, entries);
    listen();
  },
  onRefused(entries, error) {
    if (error.status === 403) return hold(entries, error);
    count(entries, -1);
    for (const entry of entries) notSent(entry, { error: error.code, message: error.message });
  },
  onWaiting: (error, seconds) =>
    tellTrouble(error && words.progress.waiting(error.message, seconds)),
});

/** Takes the images of an iterable: names what cannot be sent, and sends the rest. */
export async function take(listing) {
  const run = await begin();
  if (run !== state.run) return;
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
  if (run !== state.run) return;
  if (!reading.delete(source)) return source.unread.push(...taken);
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
export function stop() {
  stopping = endAll();
  return stopping;
}

async function endAll() {
  const { session } = state;
  halt();
  await uploads.settled(); // what was sent whole may be accepted still
  try {
    await call("POST", sessionPath(session, "/cancel"));
  } catch (error) {
    if (error.status !== 404) tell(error.message); // 404: none was accepted
  }
}

/** Sends no more; what is left can be sent later. */
function halt() {
  const left = uploads.stop();
  const { held, rest } = state.run;
  const unsent = [left, held, ...reading].filter((one) => one.length !== 0);
  reading.clear();
  count(left, -1);
  update({ held: [], listing: 0, rest: [...rest, ...unsent] });
}

/** Sends what a stop has ended or left unsent. */
export async function goOn() {
  const { run } = state;
  await stopping;
  if (run !== state.run) return;
  const stopped = result.stoppedAtHand();
  for (const row of stopped) result.removeRow(row.id);
  const entries = stopped.map((row) => row.entry);
  const rest = [...state.run.rest, entries];
  count(entries, -1);
  update({ rest: [] });
  return take(joined(rest));
}

/** Makes an image again that failed; without its original all that another run can help. */
export async function retry(row) {
  if (row.error && row.entry) {
    if (row.error.id) count([row.entry], -1);
    result.removeRow(row.id);
    return take([row.entry]);
  }
  const { run } = state;
  await stopping;
  if (run !== state.run) return;
  const page = await attempt(() => call("POST", sessionPath(state.session, "/retry")));
  if (!page || run !== state.run) return;
  if (!page.retried) return tell(words.rows.nothingToRetry);
  result.setMadeAgain();
  listen();
}

/** Deletes every result of the run. The person was asked. */
export async function deleteNow() {
  const { run, session } = state;
  halt();
  await uploads.settled();
  try {
    await call("DELETE", sessionPath(session));
  } catch (error) {
    if (error.status !== 404) return tell(error.message);
  }
  if (run === state.run) startOver();
}

/** An empty page again; what is stored stays. */
export function startOver() {
  uploads.stop();
  reading.clear();
  unfollow();
  state.session = null;
  state.run = newRun();
  result.forgetRows();
  show(null);
  changed("session", "run");
  tell(null);
  tellTrouble(null);
}

/** The originals that are at hand once more, with the options as they are now. */
export function again() {
  const entries = result.originalsAtHand();
  startOver();
  return take(entries);
}

/** Goes on with a session: shows what has ended, and waits for the rest. */
export function openSession(id) {
  if (state.session || !isSessionName(id)) startOver();
  if (!isSessionName(id)) return tell(words.progress.noSession);
  enter(id);
  listen();
}

/** Goes on after the key was replaced. */
export function resume() {
  uploads.resume();
  if (state.session && state.run.status === "processing") listen();
}

/** New links for all rows. */
export async function refreshLinks() {
  const { run, session } = state;
  for (let cursor = 0; cursor !== null;) {
    const path = sessionPath(session, `?limit=1000&cursor=${cursor}`);
    const page = await attempt(() => call("GET", path));
    if (!page || run !== state.run) return;
    result.renewLinks(page.data);
    update({ archiveUrl: page.archive_url });
    cursor = page.data.length + page.errors.length ? page.next_cursor : null;
  }
}

/** Whether images are still to come. */
export const isWorking = () => isSending() || state.run.status === "processing";

/** Whether images are still to be sent: they are gone with the page. */
export const isSending = () => state.run.listing > 0 || uploads.busy();

/** Names the session of the run, which is returned, once a stop is over: it would end this too. */
async function begin() {
  await stopping;
  const wanted = state.options.sessionName;
  // While images are being sent, a new name has to wait: they would not all arrive.
  const isOther = wanted && state.session && wanted !== state.session && !isSending();
  if (isOther || state.run.status === "deleted") startOver();
  const { run } = state;
  run.startedAt ??= performance.now();
  if (!state.session) enter(wanted || newSessionName(), wanted);
  await opening;
  return run;
}

/** Makes it the session of this run. One that is not new may hold images already. */
function enter(id, isKnown = true) {
  state.session = id;
  show(id);
  changed("session");
  opening = isKnown ? askWhatItHolds() : null;
}

async function askWhatItHolds() {
  const { run, session } = state;
  const page = await call("GET", sessionPath(session, "?limit=1")).catch(() => null);
  if (!page || run !== state.run) return;
  if (page.status === "cancelled") leaveDeleted();
  else update({ before: page.progress.total });
}

/** A session that was deleted takes no more: what has been dropped goes into another. */
function leaveDeleted() {
  if (state.run.startedAt === null) startOver();
  else {
    unfollow();
    enter(newSessionName(), false);
  }
  tell(words.progress.deleted);
}

function send(entries) {
  count(entries, 1);
  entries.forEach(uploads.add);
}

/** Counts entries as sent; with -1, as not sent after all. */
function count(entries, sign) {
  promise(sign * entries.length);
  const bytes = entries.reduce((sum, entry) => sum + entry.file.size, 0);
  const { taken, takenBytes } = state.run;
  update({ taken: taken + sign * entries.length, takenBytes: takenBytes + sign * bytes });
}

function hold(entries, error) {
  count(entries, -1);
  update({ held: [...entries, ...state.run.held] });
  tell(error.message);
}

function notSent(entry, error) {
  notSentCount += 1;
  result.setRow({ id: `file-${notSentCount}`, error, entry, warnings: [] });
}

/** Follows the session, unless it is followed already, or nobody is signed in. */
function listen() {
  update({ status: "processing" });
  if (stopFollowing) hasMore = true;
  else if (state.account) {
    hasMore = false;
    stopFollowing = follow(state.session, place, { onImage: result.addImage, onEnd, onTrouble });
  }
}

/** Forgets the stream of a session. */
function unfollow() {
  stopFollowing?.();
  stopFollowing = null;
  hasMore = false;
  place = { last: 0 };
  update({ status: null });
}

function onEnd(data) {
  stopFollowing = null;
  if (data?.status === "cancelled") endDeleted(words.progress.deleted);
  else if (hasMore) listen();
  else end("ended");
}

function end(status) {
  result.endMadeAgain();
  update({ status });
}

/** A session that was deleted takes no more: what is dropped from now on goes into another. */
function endDeleted(text) {
  end("deleted");
  if (state.rows.size === 0 && state.run.startedAt === null) startOver();
  tell(text);
}

function onTrouble(error) {
  if (!error) return tellTrouble(null);
  if (error.isTemporary) return tellTrouble(words.progress.tryingAgain(error.message));
  stopFollowing = null;
  if (error.status === 401) return; // the person signs in, and resume() goes on
  endDeleted(error.message);
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
