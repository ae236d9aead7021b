import { describe, expect, test } from "vitest";
import { isSecretId, newJobId } from "../src/ids";
import * as keys from "../src/keys";
import { bucket, recorded, sent, stored, told, uploaded } from "./records";
import { call, data } from "./support";

const CONSENT = { consent: { attested: true } };
const TOKEN = { API_TOKEN: "secret" };
const AUTHORIZED = { Authorization: "Bearer secret" };

const process = (body: unknown, headers = {}, vars = {}, type = "single-image") =>
  call(`/api/process/${type}`, sent(body, headers), vars);

const accepted = (response: Response) => data<{ jobId: string }>(response, 202);

const swap = async <T extends object = object>(changes = {} as T) => ({
  source: await uploaded(),
  target: await uploaded("jpg"),
  ...CONSENT,
  ...changes,
});

test("a job lies in the inbox as the consumer reads it, under an id that sorts by time", async () => {
  const body = await swap({ options: { many_faces: true }, callback_url: "https://example.com/done" });
  const response = await process(body);
  const { jobId } = await accepted(response);
  expect(Number.parseInt(jobId.slice(0, 12), 16)).toBeGreaterThan(Date.now() - 60_000);
  expect(isSecretId(jobId)).toBe(true);
  expect(await stored(keys.manifest(jobId))).toEqual({
    version: 1,
    process_type: "single-image",
    job_id: jobId,
    source: `uploads/${body.source}`,
    target: `uploads/${body.target}`,
    consent: { attested: true },
    options: { many_faces: true },
    callback_url: "https://example.com/done",
  });
  const object = await bucket.head(keys.manifest(jobId));
  expect(object?.httpMetadata?.contentType).toBe("application/json");
  expect(await data(await call(`/api/status/${jobId}`))).toMatchObject({
    status: "pending",
    type: "single-image",
  });
});

test("a job on the result of a detection, with a link, is taken", async () => {
  const response = await process(
    {
      target: "https://example.com/group.jpg",
      face_mappings: { face_2: await uploaded() },
      detection: `results/${newJobId()}/1-mzxw6ytboi5gk43umzxw6ytb.json`,
      ...CONSENT,
    },
    {},
    {},
    "multi_image",
  );
  expect(response.status).toBe(202);
});

describe("a swap needs consent", () => {
  test.each([[undefined], [null], [{ attested: false }]])("%j", async (consent) => {
    const refused = await told(await process(await swap({ consent })));
    expect(refused).toMatchObject({ status: 403, code: "consent_missing" });
    expect(refused.error).toContain('"consent": {"attested": true}');
  });

  test("but for services that ask for none, and a detection", async () => {
    const asked = { ...(await swap()), consent: undefined };
    expect((await process(asked, {}, { REQUIRE_CONSENT: "false" })).status).toBe(202);
    expect((await process({ target: asked.target }, {}, {}, "detect-faces")).status).toBe(202);
  });
});

describe("what cannot be a job is refused", () => {
  test.each([
    ["no JSON", "{", 400, "invalid_request"],
    ["nothing", undefined, 400, "invalid_request"],
    ["a list", "[]", 400, "invalid_request"],
    ["an unknown key", '{"surce": "x"}', 400, "invalid_manifest"],
    ["more than a megabyte", JSON.stringify({ target: "A".repeat(1_000_000) }), 413, "input_too_large"],
  ])("%s", async (_, body, status, code) => {
    const response = await call("/api/process/single-image", { method: "POST", ...(body ? { body } : {}) });
    expect(await told(response)).toMatchObject({ status, code });
  });

  test("an unknown kind, with those that are known", async () => {
    const refused = await told(await process(await swap(), {}, {}, "undefined"));
    expect(refused).toMatchObject({ status: 400, code: "invalid_manifest" });
    expect(refused.error).toContain("single-image, multi-image, single-video, multi-video, detect-faces");
  });

  test("pictures within the request, with the way to send them", async () => {
    const refused = await told(await process(await swap({ source: "data:image/png;base64,AAAA" })));
    expect(refused).toMatchObject({ status: 400, code: "invalid_manifest" });
    expect(refused.error).toContain("PUT /api/uploads");
    const large = await told(await process(await swap({ source: "A".repeat(1_000_000) })));
    expect(large.error).toContain("PUT /api/uploads");
  });

  test("an upload that is not there, by its id", async () => {
    const gone = "0123456789abcdef0123456789abcdef.png";
    const refused = await told(await process(await swap({ source: gone })));
    expect(refused).toMatchObject({ status: 404, code: "upload_not_found" });
    expect(refused.error).toContain(`${gone}, the source;`);
  });
});

describe("an Idempotency-Key", () => {
  const key = () => ({ "Idempotency-Key": crypto.randomUUID() });

  test("makes the same request the same job", async () => {
    const [body, headers] = [await swap(), key()];
    const first = await accepted(await process(body, headers));
    expect(await accepted(await process(body, headers))).toEqual(first);
    expect(await accepted(await process(body, key()))).not.toEqual(first);
  });

  test("with another request is refused", async () => {
    const [body, headers] = [await swap(), key()];
    await process(body, headers);
    const refused = await told(await process({ ...body, options: { many_faces: true } }, headers));
    expect(refused).toMatchObject({ status: 409, code: "idempotency_conflict" });
    expect((await process({ ...body, ...CONSENT }, headers)).status).toBe(202);
  });

  test("heals a request that was cut off before its job was announced", async () => {
    const [body, headers] = [await swap(), key()];
    const { jobId } = await accepted(await process(body, headers));
    await bucket.delete(keys.manifest(jobId));
    expect(await accepted(await process(body, headers))).toEqual({ jobId });
    expect(await stored(keys.manifest(jobId))).toMatchObject({ job_id: jobId });
  });

  test("leaves the manifest alone that lies there", async () => {
    const [body, headers] = [await swap(), key()];
    const { jobId } = await accepted(await process(body, headers));
    const before = await bucket.head(keys.manifest(jobId));
    await process(body, headers);
    expect((await bucket.head(keys.manifest(jobId)))?.version).toBe(before?.version);
  });

  test("of a job that has begun puts nothing into the inbox", async () => {
    const [body, headers] = [await swap(), key()];
    const { jobId } = await accepted(await process(body, headers));
    await recorded({}, jobId);
    await bucket.delete(keys.manifest(jobId));
    expect(await accepted(await process(body, headers))).toEqual({ jobId });
    expect(await bucket.head(keys.manifest(jobId))).toBeNull();
  });

  test("of one token's holder is not another's", async () => {
    const [body, headers] = [await swap(), { ...key(), ...AUTHORIZED }];
    const first = await accepted(await process(body, headers, TOKEN));
    const other = await process(body, { ...headers, Authorization: "Bearer other" }, { API_TOKEN: "other" });
    expect(await accepted(other)).not.toEqual(first);
  });

  test.each(["", "x".repeat(256), "caf\u00e9"])("of %j is refused", async (word) => {
    const refused = await told(await process(await swap(), { "Idempotency-Key": word }));
    expect(refused).toMatchObject({ status: 400, code: "invalid_request" });
  });
});

describe("a job that names its id", () => {
  const named = () => `order-${crypto.randomUUID().slice(0, 8)}`;
  const send = (body: object) => process(body, AUTHORIZED, TOKEN);

  test("keeps it where a token guards the service", async () => {
    const body = await swap({ job_id: named() });
    expect(await accepted(await send(body))).toEqual({ jobId: body.job_id });
    expect(await accepted(await send(body))).toEqual({ jobId: body.job_id });
    expect(await stored(keys.manifest(body.job_id))).toMatchObject({ job_id: body.job_id });
  });

  test("is refused where somebody could guess it", async () => {
    const refused = await told(await process(await swap({ job_id: named() })));
    expect(refused).toMatchObject({ status: 400, code: "invalid_manifest" });
    expect(refused.error).toContain("`job_id` could be guessed");
    const secret = newJobId();
    expect(await accepted(await process(await swap({ job_id: secret })))).toEqual({ jobId: secret });
  });

  test("is refused where another job has it, however that was sent, and then once more", async () => {
    const sentBefore = await swap({ job_id: named() });
    await send(sentBefore);
    const dropped = named();
    await bucket.put(keys.manifest(dropped), "{}");
    const recordedBefore = await recorded({}, named());
    for (const job_id of [sentBefore.job_id, dropped, recordedBefore, dropped]) {
      const refused = await told(await send(await swap({ job_id })));
      expect(refused).toMatchObject({ status: 409, code: "idempotency_conflict" });
    }
  });
});
