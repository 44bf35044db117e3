// What the browser keeps. Where it may not, or is full, it lasts as long as the page.

const kept = (open) => {
  const memory = new Map();
  const attempt = (action, otherwise) => {
    try {
      return action(open());
    } catch {
      return otherwise();
    }
  };
  return {
    get: (name) =>
      memory.get(name) ??
      attempt(
        (storage) => storage.getItem(name),
        () => null,
      ),
    set(name, text) {
      memory.delete(name);
      attempt(
        (storage) => storage.setItem(name, text),
        () => memory.set(name, text),
      );
    },
    remove(name) {
      memory.delete(name);
      attempt(
        (storage) => storage.removeItem(name),
        () => null,
      );
    },
  };
};

/** Until the tab is closed. */
export const ofTab = kept(() => sessionStorage);

/** Until somebody clears it. */
export const ofBrowser = kept(() => localStorage);
