import { afterEach, expect, test, vi } from "vitest";
import { call, data, FRIEND, file, PNG, refused } from "./support";

const TOKEN = { API_TOKEN: "a very secret word", SESSION_KEY: "key" };
const BEARER = { Authorization: "Bearer a very secret word" };
const HERE = "https://swap.example";
const MISSING = `${HERE}/api/download/${"0".repeat(32)}`;

afterEach(() => vi.useRealTimers());

const begin = (token: unknown, over: object = TOKEN) =>
  call(`${HERE}/api/session`, { method: "POST", body: JSON.stringify({ token }) }, over);

/** What a browser sends of the cookie it was given. */
async function cookie(): Promise<string> {
  const response = await begin(TOKEN.API_TOKEN);
  expect(response.status).toBe(204);
  return (response.headers.get("Set-Cookie") ?? "").split(";", 1)[0] ?? "";
}

const ask = (headers: Record<string, string>, method = "GET", over: object = TOKEN) =>
  call(MISSING, { method, headers }, over);

test("without a token nothing is asked of anybody", async () => {
  expect((await ask({}, "GET", {})).status).toBe(404);
  expect((await ask({}, "GET", { API_TOKEN: "" })).status).toBe(404);
  expect(await refused(await begin("anything", {}))).toEqual([404, "not_found"]);
});

test("where a token is set it is asked for, by other sites too", async () => {
  const response = await ask({ Origin: FRIEND });
  expect(response.headers.get("WWW-Authenticate")).toBe("Bearer");
  expect(response.headers.get("Access-Control-Allow-Origin")).toBe(FRIEND);
  expect(await refused(response)).toEqual([401, "unauthorized"]);
  expect((await ask(BEARER)).status).toBe(404);
  expect((await ask({ Authorization: "bearer  a very secret word" })).status).toBe(404);
});

test.each([
  "Bearer",
  "Bearer ",
  "Bearer a very secret wor",
  "Bearer a very secret word.",
  "Bearer A VERY SECRET WORD",
  "Basic a very secret word",
  "a very secret word",
  "",
])("%o is no token", async (authorization) => {
  expect(await refused(await ask({ Authorization: authorization }))).toEqual([401, "unauthorized"]);
});

test("every address of the interface asks for the token, also one that is not there", async () => {
  for (const path of [
    "/api/upload",
    "/api/status/x",
    "/api/nothing",
    "/api/api/download/x",
    "/api//session",
  ]) {
    expect(await refused(await call(path, {}, TOKEN))).toEqual([401, "unauthorized"]);
  }
  expect((await call("/health", {}, TOKEN)).status).toBe(200);
});

test("a preflight is answered without a token, which it cannot carry", async () => {
  const headers = { Origin: FRIEND, "Access-Control-Request-Method": "PUT" };
  expect((await ask(headers, "OPTIONS")).status).toBe(200);
});

test("a session is a cookie that no script reads and no other site sends", async () => {
  const response = await begin(TOKEN.API_TOKEN);
  const set = response.headers.get("Set-Cookie") ?? "";
  expect(set).toMatch(/^__Host-swapdrop=\d{10}\./);
  for (const part of ["Max-Age=43200", "Path=/", "HttpOnly", "Secure", "SameSite=Strict"]) {
    expect(set.split("; ")).toContain(part);
  }
  expect(set).not.toMatch(/domain/i);
});

test("a session reads, and changes things only from the pages of this site", async () => {
  const Cookie = await cookie();
  expect((await ask({ Cookie })).status).toBe(404);
  expect((await ask({ Cookie, Origin: "https://foe.example" })).status).toBe(404);
  const put = (headers: Record<string, string>) =>
    call(`${HERE}/api/uploads`, { method: "PUT", body: file(PNG), headers: { Cookie, ...headers } }, TOKEN);
  await data(await put({ Origin: HERE }), 201);
  for (const Origin of ["https://foe.example", FRIEND, "null", "http://swap.example", `${HERE}:8443`, ""]) {
    expect(await refused(await put({ Origin }))).toEqual([403, "forbidden_origin"]);
  }
  expect(await refused(await put({}))).toEqual([403, "forbidden_origin"]);
  const post = { method: "POST", headers: { Cookie } };
  expect(await refused(await call(`${HERE}/api/cancel/x`, post, TOKEN))).toEqual([403, "forbidden_origin"]);
  const gone = { method: "DELETE", headers: { Cookie } };
  expect(await refused(await call(`${HERE}/api/uploads/x`, gone, TOKEN))).toEqual([403, "forbidden_origin"]);
});

test("a wrong token is not helped by a session", async () => {
  const headers = { Cookie: await cookie(), Authorization: "Bearer no" };
  expect(await refused(await ask(headers))).toEqual([401, "unauthorized"]);
});

test("a session ends after twelve hours, and when either secret changes", async () => {
  const Cookie = await cookie();
  expect(await refused(await ask({ Cookie }, "GET", { ...TOKEN, SESSION_KEY: "new" }))).toEqual([
    401,
    "unauthorized",
  ]);
  expect(await refused(await ask({ Cookie }, "GET", { ...TOKEN, API_TOKEN: "new" }))).toEqual([
    401,
    "unauthorized",
  ]);
  vi.useFakeTimers({ now: Date.now() + 11.9 * 3600_000 });
  expect((await ask({ Cookie })).status).toBe(404);
  vi.setSystemTime(Date.now() + 0.2 * 3600_000);
  expect(await refused(await ask({ Cookie }))).toEqual([401, "unauthorized"]);
});

test("a cookie that was tampered with is none", async () => {
  const Cookie = await cookie();
  const later = Cookie.replace(/=\d/, "=9");
  const unsigned = Cookie.split(".")[0] ?? "";
  const renamed = Cookie.replace("__Host-", "");
  for (const forged of [later, unsigned, renamed, "__Host-swapdrop=", "__Host-swapdrop=9999999999.AAAA"]) {
    expect(await refused(await ask({ Cookie: forged }))).toEqual([401, "unauthorized"]);
  }
});

test("a session is begun with the token only", async () => {
  for (const token of ["no", "", null, 1, ["a very secret word"], undefined]) {
    expect(await refused(await begin(token))).toEqual([401, "unauthorized"]);
  }
  const broken = { method: "POST", body: "token=x" };
  expect(await refused(await call("/api/session", broken, TOKEN))).toEqual([400, "invalid_request"]);
});
