import { expect, test } from "vitest";
import { changeEntries, readEntries } from "../../page/src/entries";
import { anEntry, MemoryStorage } from "./support";

test("a stored list that is not readable counts as none", () => {
  const storage = new MemoryStorage();
  for (const text of ["", "{", '"words"', "[1, null]"]) {
    storage.setItem("swapdrop.jobs", text);
    expect(readEntries(storage)).toEqual([]);
  }
});

test("a change counts on what another tab has stored since", () => {
  const storage = new MemoryStorage();
  changeEntries(storage, () => [anEntry("mine")]);
  changeEntries(storage, (entries) => [anEntry("theirs"), ...entries]);
  changeEntries(storage, (entries) => entries.map((entry) => ({ ...entry, id: entry.key })));
  expect(readEntries(storage).map((entry) => entry.id)).toEqual(["theirs", "mine"]);
});

test("of more than fifty the oldest that are over go, and none that still has to be done", () => {
  const storage = new MemoryStorage();
  const all = Array.from({ length: 60 }, (_, number) =>
    anEntry(`job-${number}`, { madeAt: number, ended: number < 5 ? null : "completed" }),
  );
  const kept = changeEntries(storage, () => all).map((entry) => entry.key);
  expect(kept).toHaveLength(50);
  expect(kept.slice(0, 2)).toEqual(["job-59", "job-58"]);
  expect(kept.slice(-6)).toEqual(["job-15", "job-4", "job-3", "job-2", "job-1", "job-0"]);
});

test("where the browser has no room the small pictures go, not the jobs", () => {
  const storage = new MemoryStorage();
  storage.room = 2000;
  const entry = anEntry("big");
  const thumb = `data:image/jpeg;base64,${"A".repeat(4000)}`;
  changeEntries(storage, () => [{ ...entry, note: { ...entry.note, thumb } }]);
  expect(readEntries(storage)).toMatchObject([{ key: "big", note: { thumb: null } }]);
});
