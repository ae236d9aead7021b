import { afterEach, expect, test, vi } from "vitest";
import { isShared, lasting, visit } from "../../page/src/storage";
import { MemoryStorage } from "./support";

afterEach(() => vi.unstubAllGlobals());

test("what is kept is in the browser's storage", () => {
  vi.stubGlobal("localStorage", new MemoryStorage());
  lasting.setItem("name", "text");
  expect(localStorage.getItem("name")).toBe("text");
  expect(isShared()).toBe(true);
});

test.each([
  ["raises an error", { get: () => refuse() }],
  ["gives nothing", { value: null }],
])("where the browser %s, it is kept as long as the page", (how, storage) => {
  for (const name of ["localStorage", "sessionStorage"]) {
    vi.stubGlobal(name, null);
    Object.defineProperty(globalThis, name, { configurable: true, ...storage });
  }
  for (const kept of [lasting, visit]) {
    expect(kept.getItem(how)).toBe(null);
    kept.setItem(how, "text");
    expect(kept.getItem(how)).toBe("text");
  }
  expect(isShared()).toBe(false);
});

function refuse(): never {
  throw new DOMException("Access is denied for this document.", "SecurityError");
}
