import { env } from "cloudflare:test";
import { expect, test } from "vitest";
import { isFileId, isJobId, isSecretId, isServed, newFileId, newJobId } from "../src/ids";

test("job ids sort by time and hold what nobody can guess", () => {
  const ids = [1, 2, 3].map((ms) => newJobId(1_700_000_000_000 + ms));
  expect(ids.toSorted()).toEqual(ids);
  expect(ids.every((id) => isJobId(id) && isSecretId(id))).toBe(true);
  expect(newJobId(1)).not.toBe(newJobId(1));
});

test.each([
  ["0123456789abcdef0123456789abcdef", true],
  ["0123456789abcdef0123456789abcdef-retry-0badcafe", true],
  ["0123456789abcdef0123456789abcdef-0123456789abcdef", true],
  ["0123456789abcdef0123456789abcde", false],
  ["0123456789abcdef0123456789abcdef0", false],
  ["0123456789ABCDEF0123456789ABCDEF", false],
  ["order-0123456789abcdef0123456789abcdef", false],
  ["0123456789abcdef0123456789abcdef-", false],
  ["0123456789abcdef0123456789abcdef-/x", false],
  [`0123456789abcdef0123456789abcdef-${"a".repeat(32)}`, false],
])("%s is served to anybody: %s", (jobId, open) => {
  expect(isServed({ ...env }, jobId)).toBe(open);
});

test.each(["order-1042", "a", "A_b-9", "x".repeat(64)])("%s is served to a token's holder", (jobId) => {
  expect(isServed({ ...env, API_TOKEN: "secret" }, jobId)).toBe(true);
});

test.each(["", "-a", "_a", "a b", "a/b", "../a", "x".repeat(65), "ä", "a\n"])("%j names no job", (jobId) => {
  expect(isJobId(jobId)).toBe(false);
  expect(isServed({ ...env, API_TOKEN: "secret" }, jobId)).toBe(false);
});

test("an upload's id has its extension", () => {
  expect(isFileId(newFileId("webp"))).toBe(true);
  for (const id of ["0123456789abcdef0123456789abcdef", "me.png", "0123456789abcdef0123456789abcdef.", ""]) {
    expect(isFileId(id)).toBe(false);
  }
});
