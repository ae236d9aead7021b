import { expect, test } from "vitest";
import { call, FRIEND, failing, file, PNG, refused } from "./support";

const FOE = "https://foe.example";
const JOB = "0123456789abcdef0123456789abcdef";
const FILE = `${JOB}.png`;

/** Each address of the interface: its methods, and what a request without its body, or with too large a one, gets. */
const ADDRESSES: {
  path: string;
  allow: string;
  wrong: string;
  empty?: [string, number];
  large?: [string, number];
}[] = [
  { path: "/api/uploads", allow: "PUT, POST", wrong: "GET", empty: ["PUT", 411], large: ["PUT", 413] },
  { path: "/api/uploads", allow: "PUT, POST", wrong: "DELETE", empty: ["POST", 400], large: ["POST", 413] },
  { path: "/api/upload", allow: "POST", wrong: "PUT", empty: ["POST", 400], large: ["POST", 413] },
  {
    path: `/api/uploads/${FILE}/parts/1?uploadId=a`,
    allow: "PUT",
    wrong: "POST",
    empty: ["PUT", 411],
    large: ["PUT", 413],
  },
  {
    path: `/api/uploads/${FILE}/complete`,
    allow: "POST",
    wrong: "PUT",
    empty: ["POST", 400],
    large: ["POST", 413],
  },
  { path: `/api/uploads/${FILE}?uploadId=a`, allow: "DELETE", wrong: "GET" },
  {
    path: "/api/process/single-image",
    allow: "POST",
    wrong: "GET",
    empty: ["POST", 400],
    large: ["POST", 413],
  },
  { path: "/api/single-image-swap", allow: "POST", wrong: "GET", empty: ["POST", 400], large: ["POST", 413] },
  { path: "/api/detect-faces", allow: "POST", wrong: "GET", empty: ["POST", 400], large: ["POST", 413] },
  { path: `/api/status/${JOB}`, allow: "GET, HEAD", wrong: "POST" },
  { path: `/api/status/${JOB}/events`, allow: "GET, HEAD", wrong: "PUT" },
  { path: `/api/cancel/${JOB}`, allow: "POST", wrong: "GET" },
  { path: `/api/download/${FILE}`, allow: "GET, HEAD", wrong: "DELETE" },
  { path: "/api/session", allow: "POST", wrong: "GET" },
  { path: "/health", allow: "GET, HEAD", wrong: "POST" },
];

const BODIED = ADDRESSES.filter(({ empty, large }) => empty && large);
const OPEN = { REQUIRE_CONSENT: "false", MAX_UPLOAD_BYTES: "1000" };

test.each(ADDRESSES)(
  "$wrong $path is told what the address takes, other sites too",
  async ({ path, wrong, allow }) => {
    const response = await call(path, { method: wrong, headers: { Origin: FRIEND } });
    expect(response.headers.get("Allow")).toBe(allow);
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe(FRIEND);
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    expect(await refused(response)).toEqual([405, "method_not_allowed"]);
  },
);

test.each(BODIED)(
  "$empty.0 $path without its body is refused",
  async ({ path, empty: [method, status] = ["", 0] }) => {
    const response = await call(path, { method, headers: { Origin: FRIEND } }, OPEN);
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe(FRIEND);
    expect((await refused(response))[0]).toBe(status);
  },
);

test.each(BODIED)(
  "$large.0 $path with too large a body is refused",
  async ({ path, large: [method, status] = ["", 0] }) => {
    const headers = {
      Origin: FRIEND,
      "Content-Length": String(105 * 2 ** 20),
      "Content-Type": "multipart/form-data; boundary=abc",
    };
    const response = await call(path, { method, headers, body: file(PNG) }, OPEN);
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe(FRIEND);
    expect(await refused(response)).toEqual([status, "input_too_large"]);
  },
);

test.each(ADDRESSES)("a site that is not allowed reads nothing of $path", async ({ path, allow }) => {
  const method = allow.split(", ")[0] ?? "";
  for (const Origin of [FOE, "null", "https://friend.example.foe.example", "http://friend.example"]) {
    const { headers } = await call(path, { method, headers: { Origin } });
    expect(headers.has("Access-Control-Allow-Origin")).toBe(false);
    expect(headers.get("Cross-Origin-Resource-Policy")).toBe("same-origin");
    expect(headers.get("Vary")).toMatch(/Origin/);
  }
});

test.each(ADDRESSES)("$path says to browsers that it is nothing to run", async ({ path, allow }) => {
  const { headers } = await call(path, { method: allow.split(", ")[0] ?? "" });
  expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
  expect(headers.get("Content-Security-Policy")).toBe("sandbox; default-src 'none'; frame-ancestors 'none'");
  expect(headers.get("Referrer-Policy")).toBe("no-referrer");
});

test("a preflight is answered with 200 and all that the interface takes", async () => {
  const headers = {
    Origin: FRIEND,
    "Access-Control-Request-Method": "PUT",
    "Access-Control-Request-Headers": "content-type, x-file-name",
  };
  const response = await call("/api/uploads", { method: "OPTIONS", headers });
  expect([response.status, await response.text()]).toEqual([200, ""]);
  expect(response.headers.get("Access-Control-Allow-Origin")).toBe(FRIEND);
  expect(response.headers.get("Access-Control-Allow-Methods")).toBe("GET,HEAD,POST,PUT,DELETE");
  expect(response.headers.get("Access-Control-Allow-Headers")).toBe(
    "Content-Type,Authorization,X-Requested-With,Idempotency-Key,If-None-Match,Range,Prefer,X-File-Name",
  );
  expect(response.headers.has("Access-Control-Allow-Credentials")).toBe(false);
  const foreign = await call("/api/uploads", { method: "OPTIONS", headers: { ...headers, Origin: FOE } });
  expect(foreign.headers.has("Access-Control-Allow-Origin")).toBe(false);
});

test("an allowed site reads the headers that it needs", async () => {
  const { headers } = await call("/health", { headers: { Origin: FRIEND } });
  expect(headers.get("Access-Control-Expose-Headers")).toBe(
    "ETag,Content-Range,Content-Disposition,Retry-After",
  );
});

test("several sites may be allowed", async () => {
  const over = { ALLOWED_ORIGINS: `https://one.example  https://two.example:8443\n` };
  for (const Origin of ["https://one.example", "https://two.example:8443"]) {
    const { headers } = await call("/health", { headers: { Origin } }, over);
    expect(headers.get("Access-Control-Allow-Origin")).toBe(Origin);
  }
  const { headers } = await call("/health", { headers: { Origin: FRIEND } }, over);
  expect(headers.has("Access-Control-Allow-Origin")).toBe(false);
});

test.each([
  "/api/nothing",
  "/api",
  "/api/uploads/x/y/z",
  "/api/status",
  "/api/download/",
  "/api/status/x/events/y",
])("%s is answered in the envelope, other sites too", async (path) => {
  const response = await call(path, { headers: { Origin: FRIEND } });
  expect(response.headers.get("Access-Control-Allow-Origin")).toBe(FRIEND);
  expect(await response.json()).toEqual({
    success: false,
    error: "There is no such address.",
    code: "not_found",
  });
  expect(response.status).toBe(404);
});

test("a fault of ours tells nothing of itself, other sites too", async () => {
  const BUCKET = new Proxy(failing("head"), {
    get: () => () => Promise.reject(new Error("secret at uploads/x")),
  });
  const response = await call(`/api/download/${FILE}`, { headers: { Origin: FRIEND } }, { BUCKET });
  expect(response.headers.get("Access-Control-Allow-Origin")).toBe(FRIEND);
  const text = await response.text();
  expect(text).not.toMatch(/secret|uploads/);
  expect([response.status, JSON.parse(text).code]).toEqual([500, "internal"]);
});
