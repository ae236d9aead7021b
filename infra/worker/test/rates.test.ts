import { expect, test } from "vitest";
import { call, FRIEND, refused } from "./support";

/** Limits that let nothing through, and what they were asked. */
function limits() {
  const asked: string[] = [];
  const limit = (name: string): RateLimit => ({
    limit: async ({ key }) => {
      asked.push(`${name} ${key}`);
      return { success: false };
    },
  });
  const over = { UPLOAD_LIMIT: limit("upload"), JOB_LIMIT: limit("job"), READ_LIMIT: limit("read") };
  return { asked, over };
}

test.each([
  ["PUT", "/api/uploads", "upload"],
  ["POST", "/api/upload", "upload"],
  ["POST", "/api/uploads", "upload"],
  ["PUT", "/api/uploads/x/parts/1", "upload"],
  ["DELETE", "/api/uploads/x", "upload"],
  ["POST", "/api/process/single-image", "job"],
  ["POST", "/api/single-image-swap", "job"],
  ["POST", "/api/detect-faces", "job"],
  ["POST", "/api/cancel/x", "job"],
  ["POST", "/api/session", "job"],
  ["GET", "/api/status/x", "read"],
  ["GET", "/api/status/x/events", "read"],
  ["GET", "/api/download/x", "read"],
  ["HEAD", "/api/download/x", "read"],
  ["GET", "/health", "read"],
])("%s %s counts as %s, for one address", async (method, path, name) => {
  const { asked, over } = limits();
  const headers = { "CF-Connecting-IP": "192.0.2.7", Origin: FRIEND };
  const response = await call(path, { method, headers }, over);
  expect(asked).toEqual([`${name} 192.0.2.7`]);
  expect(response.status).toBe(429);
  expect(response.headers.get("Retry-After")).toBe("60");
  expect(response.headers.get("Access-Control-Allow-Origin")).toBe(FRIEND);
  if (method !== "HEAD") expect(await refused(response)).toEqual([429, "too_many_requests"]);
});

test("who has no token does not use up what others may ask", async () => {
  const { asked, over } = limits();
  expect((await call("/api/status/x", {}, { ...over, API_TOKEN: "secret" })).status).toBe(401);
  expect(asked).toEqual([]);
});

test("the limits that are configured count", async () => {
  const headers = { "CF-Connecting-IP": "192.0.2.8" };
  const ask = async () => (await call("/api/cancel/nothing", { method: "POST", headers })).status;
  let passed = 0;
  while ((await ask()) !== 429 && passed < 300) passed++;
  // 120 a minute; twice that if a minute ends meanwhile.
  expect(passed).toBeGreaterThanOrEqual(120);
  expect(passed).toBeLessThanOrEqual(240);
});
