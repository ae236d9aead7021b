import { afterEach, describe, expect, test, vi } from "vitest";
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

describe("of requests without a valid token from one address", () => {
  const HERE = "https://swap.example";
  const RIGHT = { Authorization: "Bearer secret" };
  const WRONG = { Authorization: "Bearer guess" };

  afterEach(() => vi.useRealTimers());

  /** A service with a token that lets two of them through; `ask` tells how it answers. */
  function guarded() {
    const counts = new Map<string, number>();
    const limit = async ({ key }: { key: string }) => {
      counts.set(key, (counts.get(key) ?? 0) + 1);
      return { success: (counts.get(key) ?? 0) <= 2 };
    };
    const over = { API_TOKEN: "secret", AUTH_LIMIT: { limit } };
    const from = (address: string) => ({ "CF-Connecting-IP": address });
    const ask = async (address: string, headers: object) =>
      (await call(`${HERE}/api/status/x`, { headers: { ...from(address), ...headers } }, over)).status;
    const begin = (address: string, token: string) =>
      call(
        `${HERE}/api/session`,
        { method: "POST", headers: from(address), body: JSON.stringify({ token }) },
        over,
      );
    return { over, ask, begin };
  }

  test("a few are refused as such, and the next ones for being too many", async () => {
    const { ask, over } = guarded();
    expect([await ask("a.1", {}), await ask("a.1", {})]).toEqual([401, 401]);
    const response = await call("/api/status/x", { headers: { "CF-Connecting-IP": "a.1" } }, over);
    expect(response.headers.get("Retry-After")).toBe("60");
    expect(await refused(response)).toEqual([429, "too_many_requests"]);
    // Nobody has guessed: the token is let through.
    expect(await ask("a.1", RIGHT)).toBe(404);
  });

  test("whoever guesses does not learn which token is right, for a minute", async () => {
    const { ask, begin } = guarded();
    expect([await ask("b.1", WRONG), (await begin("b.1", "guess")).status]).toEqual([401, 401]);
    expect(await ask("b.1", WRONG)).toBe(429);
    expect([await ask("b.1", RIGHT), (await begin("b.1", "secret")).status]).toEqual([429, 429]);
    expect(await ask("b.2", RIGHT)).toBe(404);
    vi.useFakeTimers({ now: Date.now() + 61_000 });
    expect(await ask("b.1", RIGHT)).toBe(404);
  });

  test("a session goes on while somebody guesses from the same address", async () => {
    const { ask, begin } = guarded();
    const Cookie = (await begin("c.1", "secret")).headers.get("Set-Cookie")?.split(";", 1)[0];
    for (let guesses = 0; guesses < 5; guesses++) await ask("c.1", WRONG);
    expect(await ask("c.1", { Cookie })).toBe(404);
  });

  test("those with one are not counted", async () => {
    const { ask } = guarded();
    for (let times = 0; times < 5; times++) expect(await ask("d.1", RIGHT)).toBe(404);
  });

  test("sixty pass a minute, as configured", async () => {
    const headers = { "CF-Connecting-IP": "e.1" };
    const ask = async () => (await call("/api/status/x", { headers }, { API_TOKEN: "secret" })).status;
    let passed = 0;
    while ((await ask()) !== 429 && passed < 150) passed++;
    expect(passed).toBeGreaterThanOrEqual(60);
    expect(passed).toBeLessThanOrEqual(120);
  });
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
