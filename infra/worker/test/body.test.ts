import { expect, test } from "vitest";
import { call, refused } from "./support";

test("words without a stated length that turn out too many are heard out, so that their sender hears the refusal", async () => {
  let left = 30;
  let cancelled = false;
  const body = new ReadableStream({
    pull(stream) {
      if (left-- > 0) stream.enqueue(new Uint8Array(100_000));
      else stream.close();
    },
    cancel() {
      cancelled = true;
    },
  });
  const response = await call("/api/process/single-image", { method: "POST", body });
  expect(await refused(response)).toEqual([413, "input_too_large"]);
  expect([left, cancelled]).toEqual([-1, false]);
});
