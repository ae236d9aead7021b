import { expect, test } from "vitest";
import { condition, readRange } from "../src/range";

test.each([
  ["bytes=0-", 0, 1000],
  ["bytes=0-0", 0, 1],
  ["bytes=10-19", 10, 10],
  ["bytes=990-2000", 990, 10],
  ["bytes=999-", 999, 1],
  ["bytes=-1", 999, 1],
  ["bytes=-1000", 0, 1000],
  ["bytes=-5000", 0, 1000],
  ["BYTES= 1-2 ", 1, 2],
])("%s of a thousand bytes begins at %i and has %i", (header, offset, length) => {
  expect(readRange(header, 1000)).toEqual({ offset, length });
});

test.each(["bytes=1000-", "bytes=1000-1001", "bytes=99999999-", "bytes=-0"])(
  "%s is behind the end",
  (header) => {
    expect(readRange(header, 1000)).toBe("unsatisfiable");
  },
);

test.each([
  undefined,
  "",
  "junk=1",
  "bytes",
  "bytes=",
  "bytes=-",
  "bytes=a-b",
  "bytes=2-1",
  "bytes=0-1,3-4",
  "bytes=0-1, ",
  "bytes=--1",
  "bytes=+1-2",
  "bytes=1.5-2",
  "bytes=0x1-2",
  "lines=0-1",
  `bytes=${"9".repeat(400)}-`,
])("%s is answered with the whole file", (header) => {
  expect(readRange(header, 1000)).toBeNull();
});

test("an empty file has no range", () => {
  for (const header of ["bytes=0-", "bytes=0-0", "bytes=-1"])
    expect(readRange(header, 0)).toBe("unsatisfiable");
});

test.each([
  [{}, "met"],
  [{ "If-None-Match": '"a"' }, "not modified"],
  [{ "If-None-Match": 'W/"a"' }, "not modified"],
  [{ "If-None-Match": '"b", "a"' }, "not modified"],
  [{ "If-None-Match": "*" }, "not modified"],
  [{ "If-None-Match": '"b"' }, "met"],
  [{ "If-None-Match": "a" }, "met"],
  [{ "If-Match": '"a"' }, "met"],
  [{ "If-Match": "*" }, "met"],
  [{ "If-Match": '"b", "c"' }, "failed"],
  [{ "If-Match": 'W/"a"' }, "failed"],
  [{ "If-Match": '"b"', "If-None-Match": '"a"' }, "failed"],
  [{ "If-Match": '"a"', "If-None-Match": '"a"' }, "not modified"],
])("of a file whose ETag is a, %o is %s", (headers, outcome) => {
  expect(condition(new Headers(headers as Record<string, string>), '"a"')).toBe(outcome);
});
