// One request with images. An XMLHttpRequest, since fetch does not tell how much is sent.

import { ApiError, authorization } from "./api.js";
import { key } from "./key.js";
import { randomHex } from "./random.js";

const SILENT_SECONDS = 120; // then the line is taken for dead; it may stay open for hours

/**
 * @typedef {object} Upload
 * @property {import("../store.js").Entry[]} entries
 * @property {string} session
 * @property {Array<[string, string | File]>} fields  of the API
 * @property {string} idempotencyKey  the same at each attempt
 * @property {number} bytes      of its files
 * @property {number} sentBytes  of them, at the attempt that came furthest
 * @property {number} attempts   that failed
 * @property {boolean} isWhole   whether all was sent once, so that it may be accepted
 * @property {string} sentWith   the key of this attempt
 * @property {() => void} abort  ends this attempt
 */

/** @returns {Upload} */
export function newUpload(entries, session, fields) {
  return {
    entries,
    session,
    fields,
    idempotencyKey: randomHex(16),
    bytes: entries.reduce((sum, { file }) => sum + file.size, 0),
    sentBytes: 0,
    attempts: 0,
    isWhole: false,
    sentWith: "",
    abort: () => {},
  };
}

/** Its entries in two parts, each an upload of its own. */
export function halves({ entries, session, fields }) {
  const middle = Math.ceil(entries.length / 2);
  const parts = [entries.slice(0, middle), entries.slice(middle)];
  return parts.map((part) => newUpload(part, session, fields));
}

/** Sends it once; the answer, also where all of its images failed. Raises ApiError. */
export function send(upload, onProgress) {
  const request = new XMLHttpRequest();
  upload.abort = () => request.abort();
  upload.sentWith = key();
  request.open("POST", "/api/compress");
  request.setRequestHeader("Authorization", authorization().Authorization);
  request.setRequestHeader("Prefer", "respond-async");
  request.setRequestHeader("Idempotency-Key", upload.idempotencyKey);
  request.responseType = "json";
  return new Promise((resolve, reject) => {
    let silence;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(upload.abort, SILENT_SECONDS * 1000);
    };
    request.upload.onprogress = ({ loaded, total }) => {
      heard();
      // A share, since the body is longer than its files.
      upload.sentBytes = Math.max(upload.sentBytes, Math.floor((upload.bytes * loaded) / total));
      onProgress();
    };
    request.upload.onload = () => (upload.isWhole = true);
    request.onload = () => {
      const answer = request.response ?? {};
      if (request.status < 300 || answer.code === "all_failed") return resolve(answer);
      reject(new ApiError(request.status, answer, request.getResponseHeader("Retry-After")));
    };
    request.onerror = () => reject(new ApiError(0));
    request.onabort = () => reject(new ApiError(0));
    request.onloadend = () => clearTimeout(silence);
    heard();
    request.send(formOf(upload));
  });
}

function formOf({ entries, session, fields }) {
  const form = new FormData();
  form.append("sessionId", session);
  for (const [name, value] of fields) form.append(name, value);
  // The service ends a folder at a backslash, as Windows does, and takes "c:" for a drive.
  const folders = entries.map(({ path }) => path.slice(0, path.lastIndexOf("/") + 1));
  if (folders.some((folder) => folder)) {
    for (const folder of folders) form.append("path", folder.replace(/[\\:]/g, "_"));
  }
  for (const { file } of entries) form.append("file", file, file.name.replaceAll("\\", "_"));
  return form;
}
