// The queue of images to send: a few requests at a time, each one again until it has an answer.

import { isReadable } from "../files/checks.js";
import { words } from "../words.js";
import { ApiError, keyFailed } from "./api.js";
import { createBackoff } from "./backoff.js";
import { key } from "./key.js";
import { halves, newUpload, send } from "./upload.js";

/** @typedef {import("../store.js").Entry} Entry */
/** @typedef {import("./upload.js").Upload} Upload */

const AT_ONCE = 3;
const SIZES = [1, 4, 20]; // of the first requests and of all others: the first row comes soon
const MAX_BYTES = 94e6; // with fields and a watermark below 100 MB, where some proxies end
const PAUSE_MS = 40; // in the listing; then what there is goes
const NO_HELP_SECONDS = 3600; // a 503 that asks for so long is about the request
const MAX_ATTEMPTS = { 409: 10, 500: 5 }; // by status; the same request may fail for good
const STOPPING_MS = 5000; // for the answers to what was sent whole
const LATE_MS = 300; // browsers tell a tenth of a second late what they have sent

/**
 * The queue.
 *
 * session, fields: asked once for each request; fields are pairs of name and value.
 * onBytes(sent): bytes of files that were sent for the session.
 * onAccepted(entries, answer): of one request; `index` in the answer counts in `entries`.
 * onRefused(entries, ApiError): of one request, or of a file that cannot be read any more. At a
 *   403, which would meet all others, too, with what waits.
 * onWaiting(ApiError, seconds): nothing goes for so long. onWaiting(null, 0): it does again.
 * When the key fails the person is signed out, and nothing goes until resume().
 */
export function createUploads({ session, fields, onBytes, onAccepted, onRefused, onWaiting }) {
  /** @type {Entry[]} */
  let queue = [];
  let flushed = 0; // so many of them wait for no more
  /** @type {Upload[]}  tried before, and to be sent first */
  let again = [];
  /** @type {Map<Upload, Promise<void>>} */
  const sending = new Map();
  let isSignedOut = false;
  let pauseTimer;
  let current = { session: null, requests: 0, doneBytes: 0 };
  const backoff = createBackoff(onWaiting, pump);

  function add(entry) {
    queue.push(entry);
    clearTimeout(pauseTimer);
    pauseTimer = setTimeout(flush, PAUSE_MS);
    pump();
  }

  /** Sends what there is: no more is coming soon. */
  function flush() {
    flushed = queue.length;
    pump();
  }

  function pump() {
    if (isSignedOut || backoff.isWaiting()) return;
    const most = backoff.isFailing() ? 1 : AT_ONCE; // one request tries the line
    while (sending.size < most) {
      const upload = again.shift() ?? nextUpload();
      if (!upload) return;
      sending.set(upload, run(upload));
    }
  }

  function nextUpload() {
    if (!queue.length) return null;
    if (current.session !== session()) {
      current = { session: session(), requests: 0, doneBytes: 0 };
    }
    const most = SIZES[current.requests] ?? SIZES.at(-1);
    let [count, bytes] = [1, queue[0].file.size];
    while (count < most && count < queue.length && bytes + queue[count].file.size <= MAX_BYTES) {
      bytes += queue[count].file.size;
      count += 1;
    }
    if (count < most && count === queue.length && !flushed) return null;
    current.requests += 1;
    flushed = Math.max(0, flushed - count);
    return newUpload(queue.splice(0, count), current.session, fields());
  }

  async function run(upload) {
    await send(upload, tellBytes).then(
      (answer) => accepted(upload, answer),
      (error) => failed(upload, error),
    );
    tellBytes();
    pump();
  }

  function accepted(upload, answer) {
    sending.delete(upload);
    if (upload.session !== session()) return; // the person has started over
    current.doneBytes += upload.bytes;
    backoff.works();
    onAccepted(upload.entries, answer);
  }

  async function failed(upload, error) {
    const gone = error.status === 0 ? await unreadable(upload.entries) : [];
    sending.delete(upload);
    if (upload.isLeft || upload.session !== session()) return;
    upload.attempts += 1;
    if (upload.isStopped) onRefused(upload.entries, error);
    else if (gone.length) sendWithout(upload, gone);
    else if (error.status === 401) signOut(upload);
    else if (error.status === 413 && upload.entries.length > 1) again.push(...halves(upload));
    else if (canHelp(upload, error)) sendLater(upload, error);
    else refuse(upload, error);
  }

  /** A file that has changed or gone breaks its request as a dead line does. The others go. */
  function sendWithout(upload, gone) {
    const rest = upload.entries.filter((entry) => !gone.includes(entry));
    if (rest.length) again.push(newUpload(rest, upload.session, upload.fields));
    for (const entry of gone) {
      const message = `${entry.file.name} ${words.files.gone}`;
      onRefused([entry], new ApiError(0, { code: "unreadable_file", message }));
    }
  }

  function signOut(upload) {
    again.push(upload);
    if (isSignedOut || upload.sentWith !== key()) return; // another key took its place meanwhile
    isSignedOut = true;
    keyFailed();
  }

  function refuse(upload, error) {
    backoff.works();
    onRefused([...upload.entries, ...(error.status === 403 ? takeQueue() : [])], error);
  }

  function sendLater(upload, error) {
    again.push(...(brokeOff(upload, error) ? halves(upload) : [upload]));
    backoff.wait(error);
  }

  /** Goes on after the person has signed in. */
  function resume() {
    isSignedOut = false;
    backoff.wake();
  }

  /**
   * Ends the sending; returns the entries that did not go.
   *
   * What was sent whole may be accepted. Its answer is still told, for a few seconds: await
   * settled() before the session is cancelled, or it may be accepted after that.
   */
  function stop() {
    const left = again.flatMap(({ entries }) => entries);
    again = [];
    for (const upload of sending.keys()) {
      upload.isStopped = true;
      if (upload.isWhole) {
        setTimeout(upload.abort, STOPPING_MS);
      } else {
        upload.isLeft = true;
        left.push(...upload.entries);
        upload.abort();
      }
    }
    left.push(...takeQueue());
    backoff.wake();
    backoff.works();
    return left;
  }

  function takeQueue() {
    clearTimeout(pauseTimer);
    flushed = 0;
    return queue.splice(0);
  }

  /** When nothing is being sent, and what was aborted just as it was complete is accepted, too. */
  const settled = () => Promise.all([...sending.values(), pause(LATE_MS)]);

  const busy = () => queue.length + again.length + sending.size > 0;

  function tellBytes() {
    if (current.session !== session()) return;
    const open = [...sending.keys(), ...again].filter((one) => one.session === current.session);
    onBytes(open.reduce((sum, upload) => sum + upload.sentBytes, current.doneBytes));
  }

  return { add, flush, stop, settled, resume, busy };
}

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

async function unreadable(entries) {
  const areReadable = await Promise.all(entries.map(({ file }) => isReadable(file)));
  return entries.filter((_, at) => !areReadable[at]);
}

/** Whether the line seems too bad for so much at once. None of it can have been accepted. */
function brokeOff({ entries, sentBytes, isWhole, attempts }, { status }) {
  return status === 0 && attempts > 1 && entries.length > 1 && sentBytes > 0 && !isWhole;
}

/** Whether the same request may succeed later. */
function canHelp({ attempts }, { status, isTemporary, retryAfterSeconds }) {
  if (status === 503 && retryAfterSeconds >= NO_HELP_SECONDS) return false;
  // At the first attempt its Idempotency-Key conflicts with nothing: its session has ended.
  const isBeingAccepted = status === 409 && attempts > 1;
  return (isTemporary || isBeingAccepted) && attempts < (MAX_ATTEMPTS[status] ?? Infinity);
}
