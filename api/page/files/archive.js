// Reads the ZIP of a session while it comes, one file at a time.
//
// Its files are stored as they are, and the size and the checksum of a file stand behind it (ZIP
// APPNOTE 4.3.9): a file ends where a descriptor agrees with all bytes before it. Its own bytes
// cannot agree by chance. Who makes an image on purpose in which they do gets a shorter image.

import { crc32 } from "./crc32.js";

const FILE = 0x04034b50;
const DESCRIPTOR = 0x08074b50;
const DIRECTORY = 0x02014b50;
const HEADER_BYTES = 30;
const HAS_DESCRIPTOR = 8; // of the flags
const IN_ZIP64 = 0xffffffff; // in place of a size
const PIECE_BYTES = 4 * 1024 * 1024; // of a file, before the browser may move it to its disk

/** The archive ended too early: the line broke, or the service could not go on. */
export class CutError extends Error {
  name = "CutError";
}

/** The archive is none that this service makes. */
export class DamagedError extends Error {
  name = "DamagedError";
}

/**
 * Yields {path, content, sum} of each file, once it is whole.
 *
 * @param {ReadableStream<Uint8Array>} stream
 * @returns {AsyncGenerator<{path: string, content: Blob, sum: number}>}  sum: its CRC-32
 */
export async function* filesOf(stream) {
  const input = inputOf(stream);
  try {
    for (;;) {
      const kind = viewOf(await input.atLeast(4)).getUint32(0, true);
      if (kind === DIRECTORY) return await input.drain();
      if (kind !== FILE) throw new DamagedError();
      const { path, isZip64 } = await headerOf(input);
      yield { path, ...(await fileOf(input, isZip64)) };
    }
  } finally {
    input.close();
  }
}

async function headerOf(input) {
  const header = viewOf(await input.atLeast(HEADER_BYTES));
  const [flags, method] = [header.getUint16(6, true), header.getUint16(8, true)];
  if (method !== 0 || !(flags & HAS_DESCRIPTOR)) throw new DamagedError();
  const nameEnd = HEADER_BYTES + header.getUint16(26, true);
  const end = nameEnd + header.getUint16(28, true);
  const name = (await input.atLeast(end)).subarray(HEADER_BYTES, nameEnd);
  input.skip(end);
  return { path: textOf(name), isZip64: header.getUint32(22, true) === IN_ZIP64 };
}

function textOf(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new DamagedError();
  }
}

async function fileOf(input, isZip64) {
  const descriptorBytes = isZip64 ? 24 : 16;
  const file = { parts: [], size: 0, sum: 0 };
  for (;;) {
    const bytes = await input.atLeast(descriptorBytes);
    const end = endIn(bytes, bytes.length - descriptorBytes, file, isZip64);
    const taken = end?.at ?? bytes.length - descriptorBytes + 1;
    append(file, bytes.subarray(0, taken), end?.sum);
    input.skip(end ? taken + descriptorBytes : taken);
    if (end) return { content: new Blob(file.parts), sum: file.sum };
  }
}

/** Where in `bytes` the file ends, at `last` at the latest, and its checksum; or null. */
function endIn(bytes, last, file, isZip64) {
  const view = viewOf(bytes);
  let at = bytes.indexOf(0x50);
  for (; at !== -1 && at <= last; at = bytes.indexOf(0x50, at + 1)) {
    if (view.getUint32(at, true) !== DESCRIPTOR) continue;
    const size = isZip64 ? Number(view.getBigUint64(at + 8, true)) : view.getUint32(at + 8, true);
    if (size !== file.size + at) continue;
    const sum = crc32(bytes.subarray(0, at), file.sum);
    if (view.getUint32(at + 4, true) === sum) return { at, sum };
  }
  return null;
}

function append(file, bytes, sum = crc32(bytes, file.sum)) {
  file.parts.push(bytes);
  file.sum = sum;
  const before = file.size;
  file.size += bytes.length;
  const isNextPiece = Math.floor(file.size / PIECE_BYTES) > Math.floor(before / PIECE_BYTES);
  if (isNextPiece) file.parts = [new Blob(file.parts)];
}

function inputOf(stream) {
  const reader = stream.getReader();
  let held = new Uint8Array(0);
  return {
    /** All bytes that are here and not skipped, at least so many. */
    async atLeast(count) {
      while (held.length < count) held = joined(held, await next(reader));
      return held;
    },
    skip(count) {
      held = held.subarray(count);
    },
    /** Reads to the end, which the service reaches only where nothing failed. */
    async drain() {
      while (!(await reader.read().catch(cut)).done);
    },
    close() {
      reader.cancel().catch(() => null);
    },
  };
}

async function next(reader) {
  const { done, value } = await reader.read().catch(cut);
  if (done) throw new CutError();
  return value;
}

function cut(cause) {
  throw new CutError("", { cause });
}

function joined(first, second) {
  if (!first.length) return second;
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

const viewOf = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
