/** So many random bytes as hex. Browsers have randomUUID in secure contexts alone, and a service at
 * home has plain HTTP. */
export function randomHex(count) {
  const bytes = [...crypto.getRandomValues(new Uint8Array(count))];
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
