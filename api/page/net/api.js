// The one module that asks the API, but for uploads, whose progress only an XMLHttpRequest tells.

import { changed, state } from "../store.js";
import { words } from "../words.js";
import { key } from "./key.js";

/** An answer that is not a success, or none: `status` is 0. */
export class ApiError extends Error {
  constructor(status, body = {}, retryAfter = null) {
    super(body.message ?? body.error ?? words.net.unreachable);
    this.status = status;
    this.code = body.code ?? (status ? "internal" : "unreachable");
    this.retryAfterSeconds = Number(retryAfter) || null;
  }

  /** Whether the same call may succeed later. */
  get isTemporary() {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

/** The headers that say who calls. */
export const authorization = (as = key()) => ({ Authorization: `Bearer ${as}` });

/** The path of a session, and of what is below it. */
export const sessionPath = (id, below = "") => `/api/sessions/${encodeURIComponent(id)}${below}`;

/** The response of a call that succeeded. Raises ApiError, and AbortError of the signal. */
export async function fetched(method, path, { headers = {}, signal, as } = {}) {
  const used = as ?? key();
  let response;
  try {
    response = await fetch(path, {
      method,
      signal,
      headers: { ...authorization(used), ...headers },
      credentials: "omit",
      redirect: "error",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0);
  }
  if (response.status === 401 && as === undefined) {
    // Another key may have taken its place meanwhile.
    if (used !== key()) return fetched(method, path, { headers, signal });
    keyFailed();
  }
  if (!response.ok) {
    const body = await response.json().catch(() => ({}));
    throw new ApiError(response.status, body, response.headers.get("Retry-After"));
  }
  return response;
}

/** Signs out; what waits stays. Signing in tries the key again: it may be a new one by now. */
export function keyFailed() {
  state.account = null;
  changed("account");
}

/** What a call answers, from its JSON. */
export async function call(method, path, options) {
  return (await fetched(method, path, options)).json();
}
