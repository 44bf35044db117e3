// The checksum of ZIP files (ISO 3309, as in RFC 1952, section 8).

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** The checksum of `bytes`, which follow others whose checksum is `before`. */
export function crc32(bytes, before = 0) {
  let value = ~before;
  for (let at = 0; at < bytes.length; at += 1) {
    value = TABLE[(value ^ bytes[at]) & 255] ^ (value >>> 8);
  }
  return ~value >>> 0;
}
