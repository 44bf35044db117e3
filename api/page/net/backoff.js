// Waiting between attempts: as long as Retry-After says, else twice as long each time.

const MAX_WAIT_SECONDS = 30;

/**
 * A wait at a time. `goOn` is called at its end; onWaiting(ApiError, seconds) at its beginning, and
 * onWaiting(null, 0) once there is an answer.
 */
export function createBackoff(onWaiting, goOn) {
  let failures = 0; // one after another
  let timer = null;

  function wait(error) {
    if (timer !== null) return; // another request failed at the same time
    failures += 1;
    const seconds = error.retryAfterSeconds ?? Math.min(MAX_WAIT_SECONDS, 2 ** (failures - 1));
    timer = setTimeout(wake, seconds * 1000);
    addEventListener("online", wake);
    onWaiting(error, seconds);
  }

  /** Ends the wait. */
  function wake() {
    clearTimeout(timer);
    timer = null;
    removeEventListener("online", wake);
    goOn();
  }

  /** There was an answer: the line works. */
  function works() {
    if (failures) onWaiting(null, 0);
    failures = 0;
  }

  return { wait, wake, works, isWaiting: () => timer !== null, isFailing: () => failures > 0 };
}
