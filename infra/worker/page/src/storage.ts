/** The part of the browser's storage that is used. */
export type Kept = Pick<Storage, "getItem" | "setItem">;

/** What is kept over visits and shared by the tabs; where people have blocked that, only as long as the page. */
export const lasting: Kept = kept(() => localStorage);

/** What is kept for this visit. */
export const visit: Kept = kept(() => sessionStorage);

/** Whether other tabs see what is kept here. */
export const isShared = (): boolean => opened(() => localStorage) !== null;

function kept(open: () => Storage | null): Kept {
  const items = new Map<string, string>();
  const memory: Kept = {
    getItem: (name) => items.get(name) ?? null,
    setItem: (name, text) => void items.set(name, text),
  };
  const now = () => opened(open) ?? memory;
  return {
    getItem: (name) => now().getItem(name),
    setItem: (name, text) => now().setItem(name, text),
  };
}

/** Browsers raise an error, or give nothing, where storage is blocked. */
function opened(open: () => Storage | null): Storage | null {
  try {
    return open();
  } catch {
    return null;
  }
}
