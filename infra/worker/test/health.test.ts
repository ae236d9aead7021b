import { expect, test } from "vitest";
import { version } from "../package.json";
import { call, failing } from "./support";

const LIMITS = { MAX_UPLOAD_BYTES: "5", MAX_VIDEO_BYTES: "9" };

test("health tells what the service takes and how long it keeps it", async () => {
  const response = await call("/health", {}, { ...LIMITS, UPLOAD_DAYS: "1", RESULT_DAYS: "7" });
  expect(response.headers.get("Cache-Control")).toBe("no-store");
  expect([response.status, await response.json()]).toEqual([
    200,
    {
      status: "healthy",
      message: "The service takes jobs.",
      version,
      limits: { upload: 5, video: 9 },
      require_consent: true,
      retention: { upload_days: 1, result_days: 7 },
      modules_imported: true,
    },
  ]);
});

test("where nothing is deleted, no days are told", async () => {
  const response = await call("/health", {}, { REQUIRE_CONSENT: "false", UPLOAD_DAYS: "", RESULT_DAYS: "" });
  expect(await response.json()).toMatchObject({
    require_consent: false,
    retention: { upload_days: null, result_days: null },
  });
});

test("a service whose bucket does not answer is not healthy", async () => {
  const response = await call("/health", {}, { BUCKET: failing("head") });
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({
    status: "unhealthy",
    message: expect.stringMatching(/storage/),
  });
});
