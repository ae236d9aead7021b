import { env } from "cloudflare:test";
import { expect, test } from "vitest";
import app from "../src/index";

test("an unknown address is answered in the envelope", async () => {
  const response = await app.request("/api/nothing", {}, env);
  expect(response.status).toBe(404);
  expect(await response.json()).toEqual({
    success: false,
    error: "There is no such address.",
    code: "not_found",
  });
});
