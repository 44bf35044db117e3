// Follows a session by its one stream of events. EventSource cannot send the key's header.

import { ApiError, fetched, sessionPath } from "./api.js";

const SILENT_SECONDS = 40; // a line comes every 15 s; a stream that is silent for longer is dead
const MOST_PAUSE_SECONDS = 30;

/**
 * Calls `onImage(element)` for each image that ends, and `onEnd(data)` when all have.
 *
 * `data` is null where nothing followed. A stream that breaks off goes on after its last event;
 * `onTrouble(error)` is told meanwhile, and `onTrouble(null)` when it works again.
 * Returns what stops it. `place` = {last: number} says where it is.
 */
export function follow(session, place, { onImage, onEnd, onTrouble }) {
  const stop = new AbortController();
  goOn();
  return () => stop.abort();

  async function goOn() {
    for (let pause = 1; !stop.signal.aborted; pause = Math.min(pause * 2, MOST_PAUSE_SECONDS)) {
      try {
        const end = await listen();
        if (end !== undefined) return onEnd(end);
        pause = 1;
      } catch (error) {
        if (stop.signal.aborted) return;
        const told = error instanceof ApiError ? error : new ApiError(0);
        onTrouble(told);
        if (!told.isTemporary) return;
        pause = Math.max(pause, told.retryAfterSeconds ?? 0);
      }
      await new Promise((done) => setTimeout(done, pause * 1000));
    }
  }

  /** Reads one stream; undefined where it broke off. */
  async function listen() {
    const broken = new AbortController();
    const abort = () => broken.abort();
    stop.signal.addEventListener("abort", abort);
    let watchdog = setTimeout(abort, SILENT_SECONDS * 1000);
    try {
      const path = sessionPath(session, `/events?cursor=${place.last}`);
      const response = await fetched("GET", path, { signal: broken.signal });
      onTrouble(null);
      if (response.status === 204) return null;
      for await (const event of eventsOf(response.body)) {
        clearTimeout(watchdog);
        watchdog = setTimeout(abort, SILENT_SECONDS * 1000);
        if (!event.data) continue;
        place.last = Number(event.id);
        if (event.event === "session") return JSON.parse(event.data);
        onImage(JSON.parse(event.data));
      }
      return undefined;
    } finally {
      clearTimeout(watchdog);
      stop.signal.removeEventListener("abort", abort);
      abort();
    }
  }
}

/** The events of a stream, each an object of its fields (WHATWG HTML, 9.2). */
async function* eventsOf(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const events = (text + value).split("\n\n");
    text = events.pop(); // not complete yet
    for (const event of events) {
      yield Object.fromEntries(event.split("\n").map((line) => line.split(/: ?(.*)/s, 2)));
    }
  }
}
