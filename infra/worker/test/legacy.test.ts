import { describe, expect, test } from "vitest";
import * as keys from "../src/keys";
import { modern } from "../src/legacy";
import { bucket, sent, stored, told, uploaded } from "./records";
import { call, data } from "./support";

const NO_CONSENT = { REQUIRE_CONSENT: "false" };
const PNG = Uint8Array.from(
  atob("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="),
  (sign) => sign.charCodeAt(0),
);

/** What a form of an earlier client sends, which tells no length before it is written out. */
async function form(fields: Record<string, string | Uint8Array>): Promise<RequestInit> {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value === "string") data.set(name, value);
    else data.set(name, new File([value], `${name}.png`, { type: "image/png" }));
  }
  const written = new Response(data);
  const body = await written.arrayBuffer();
  const headers = {
    "Content-Type": written.headers.get("Content-Type") ?? "",
    "Content-Length": String(body.byteLength),
  };
  return { method: "POST", headers, body };
}

const manifestOf = async (response: Response) =>
  stored(keys.manifest((await data<{ jobId: string }>(response, 202)).jobId));

describe("a picture for one face", () => {
  test("comes as it always came: names of files, every field filled in, the enhancer asked for", async () => {
    const [source, target] = [await uploaded(), await uploaded("jpg")];
    const body = {
      source_file: source,
      target_file: target,
      face_mappings: {},
      options: { many_faces: false, use_face_enhancer: true, quality: "high", keep_fps: true, upscale: 2 },
    };
    const response = await call("/api/process/single-image", sent(body), NO_CONSENT);
    expect(await manifestOf(response)).toMatchObject({
      process_type: "single-image",
      source: `uploads/${source}`,
      target: `uploads/${target}`,
      options: { many_faces: false, use_face_enhancer: "auto", keep_fps: true },
    });
  });

  test("is refused without consent where the service asks for it", async () => {
    const body = { source_file: await uploaded(), target_file: await uploaded() };
    const refused = await told(await call("/api/process/single-image", sent(body)));
    expect(refused).toMatchObject({ status: 403, code: "consent_missing" });
  });
});

test.each([
  ["", "single_image_base64"],
  [null, "single-image"],
])("mappings left empty are no mappings: %j", (faces, type) => {
  const asked = { source_file: "a", target_file: "b", face_mappings: faces === "" ? {} : faces };
  expect(modern(asked, type)).toEqual({ source_file: "a", target_file: "b" });
});

test.each(["a", ""])("a source of %j beside mappings is none", async (source_file) => {
  const [target, face] = [await uploaded("jpg"), await uploaded()];
  const body = { source_file, target_file: target, face_mappings: { face_1: face } };
  const response = await call("/api/process/multi_image", sent(body), NO_CONSENT);
  const manifest = await manifestOf(response);
  expect(manifest).toMatchObject({
    process_type: "multi-image",
    face_mappings: { face_1: `uploads/${face}` },
  });
  expect(manifest).not.toHaveProperty("source");
});

test("what is missing is still missing", async () => {
  const body = { source_file: "", target_file: await uploaded() };
  const refused = await told(await call("/api/process/multi-image", sent(body), NO_CONSENT));
  expect(refused).toMatchObject({ status: 400, code: "invalid_manifest" });
  expect(refused.error).toContain("needs `face_mappings`");
});

test("a request in today's words is taken at its word", () => {
  const asked = {
    source: "a",
    target: "b",
    face_mappings: {},
    options: { use_face_enhancer: true, quality: 1 },
  };
  expect(modern(asked, "single-image")).toBe(asked);
});

describe("two pictures in one form", () => {
  const send = async (fields: Record<string, string | Uint8Array>, vars = NO_CONSENT) =>
    call("/api/single-image-swap", await form(fields), vars);

  test("are a job, told by both names of its id", async () => {
    const response = await send({ source_image: PNG, target_image: PNG, quality: "90" });
    const { job_id, jobId } = await data<{ job_id: string; jobId: string }>(response, 202);
    expect(job_id).toBe(jobId);
    const manifest = await stored(keys.manifest(jobId));
    expect(manifest).toMatchObject({ process_type: "single-image" });
    const { source, target } = manifest as { source: string; target: string };
    expect(source).not.toBe(target);
    for (const key of [source, target]) expect((await bucket.head(key))?.size).toBe(PNG.length);
  });

  test.each(["source_image", "target_image"])("without %s are none", async (name) => {
    const other = name === "source_image" ? "target_image" : "source_image";
    const refused = await told(await send({ [other]: PNG }));
    expect(refused).toMatchObject({ status: 400, code: "invalid_request" });
    expect(refused.error).toContain(name);
  });

  test("that are none are refused", async () => {
    const text = new TextEncoder().encode("<svg xmlns='http://www.w3.org/2000/svg'></svg>".repeat(4));
    const refused = await told(await send({ source_image: text, target_image: PNG }));
    expect(refused).toMatchObject({ status: 415, code: "unsupported_media" });
  });

  test("are not even read where the service asks for consent", async () => {
    const refused = await told(
      await send({ source_image: PNG, target_image: PNG }, { REQUIRE_CONSENT: "true" }),
    );
    expect(refused).toMatchObject({ status: 403, code: "consent_missing" });
  });

  test("come by POST alone", async () => {
    const response = await call("/api/single-image-swap");
    expect(response.headers.get("Allow")).toBe("POST");
    expect(await told(response)).toMatchObject({ status: 405, code: "method_not_allowed" });
  });
});

test("a download's address joined to a base that ends in /api is the same download", async () => {
  const fileId = await uploaded();
  const response = await call(`/api/api/download/${fileId}`);
  expect(response.status).toBe(200);
  expect((await response.bytes()).length).toBe("bytes".length);
  expect((await call(`/api/api/status/${fileId}`)).status).toBe(404);
});

test("the yes to a preflight is 200", async () => {
  const headers = {
    Origin: "https://shop.example",
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type",
  };
  const response = await call(
    "/api/process/single-image",
    { method: "OPTIONS", headers },
    { ALLOWED_ORIGINS: "https://shop.example" },
  );
  expect(response.status).toBe(200);
  expect(response.headers.get("Access-Control-Allow-Origin")).toBe("https://shop.example");
});
