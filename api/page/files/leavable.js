// Listings that a stop leaves, and that are gone on with later.

/** A listing of an iterable; `unread` takes what was taken out of it in vain. */
export function leavable(listing) {
  const entries = (listing[Symbol.asyncIterator] ?? listing[Symbol.iterator]).call(listing);
  const unread = [];
  return {
    unread,
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const { done, value } = unread.length ? { value: unread.shift() } : await entries.next();
        if (done) return;
        yield value;
      }
    },
  };
}

/** One listing after another. */
export async function* joined(listings) {
  for (const listing of listings) yield* listing;
}
