import { describe, expect, test } from "vitest";
import { Refused } from "../src/errors";
import { type Manifest, readManifest } from "../src/manifest";

const A = "uploads/0123456789abcdef0123456789abcdef.png";
const B = "uploads/fedcba9876543210fedcba9876543210.jpg";
const FILES = { source: A, target: B };
const SINGLE = { version: 1, process_type: "single-image", ...FILES };

function sentence(document: Record<string, unknown>, type = "single-image", anyKey = false): string {
  try {
    readManifest(document, type, anyKey);
  } catch (error) {
    if (error instanceof Refused && error.code === "invalid_manifest" && error.status === 400)
      return error.message;
    throw error;
  }
  return "(accepted)";
}

describe("spellings of one request come to the same manifest", () => {
  test.each<[string, Record<string, unknown>, string?]>([
    ["the contract's own", FILES],
    ["bare file ids", { source: A.slice(8), target: B.slice(8) }],
    ["face and media", { face: A, media: B }],
    ["source_file and target_file", { source_file: A, target_file: B }],
    ["source_url and target_url", { source_url: A, target_url: B }],
    ["source_image and image_file", { source_image: A, image_file: B }],
    ["hyphens", { "source-image": A, "target-image": B }],
    ["a list of one", { ...FILES, source: [A] }],
    ["a wrapped request", { input: FILES }],
    ["the type said twice alike", { ...FILES, process_type: "single_image" }],
    ["the type in its old name", { ...FILES, type: "SINGLE_IMAGE_BASE64" }],
    ["an underscore in the address", FILES, "single_image"],
    ["the same said twice alike", { ...FILES, source_url: A }],
    ["what is not given, as null", { ...FILES, face_mappings: null, consent: null, detection: null }],
  ])("%s", (_, document, type = "single-image") => {
    expect(readManifest(document, type, false)).toEqual(SINGLE);
  });

  test("video is a single video", () => {
    expect(readManifest(FILES, "video", false).process_type).toBe("single-video");
  });

  test("jpg is JPEG, in any case, and options may have hyphens", () => {
    const asked = { ...FILES, options: { "output-format": "JPG", trim: null, "many-faces": true } };
    expect(readManifest(asked, "single-image", false).options).toEqual({
      output_format: "jpeg",
      many_faces: true,
    });
  });
});

test("all that a manifest may hold is passed on", () => {
  const asked: Manifest = {
    version: 1,
    process_type: "multi-video",
    target: "https://example.com/a.mp4?sig=1",
    face_mappings: { face_0: A, face_12: B },
    detection: "results/0123456789abcdef0123456789abcdef/1-mzxw6ytboi5gk43umzxw6ytb.json",
    options: { keep_fps: false, trim: { start: 1.5, end: 4 }, video_encoder: "libx265", video_quality: 23 },
    consent: { attested: true, reference: "form 17" },
    callback_url: "https://example.com/done",
  };
  expect(readManifest(asked, "multi-video", false)).toEqual(asked);
  const sources: Manifest = { ...(SINGLE as Manifest), source: [A, B] };
  expect(readManifest(sources, "single-image", false)).toEqual(sources);
});

describe("what is wrong is named", () => {
  test.each<[Record<string, unknown>, RegExp, string?]>([
    [
      FILES,
      /no kind of job `triple-image`; known are single-image, multi-image, .*detect-faces/,
      "triple-image",
    ],
    [{ ...FILES, type: "multi-image" }, /address says `single-image` and the body `multi-image`/],
    [{ ...FILES, facs: 1 }, /Unknown key `facs`; known are callback_url, .*target, version\./],
    [
      { ...FILES, options: { many_face: true } },
      /Unknown key `options.many_face`; known are color_correction, /,
    ],
    [{ ...FILES, options: { trim: { from: 1 } } }, /Unknown key `options.trim.from`; known are end, start\./],
    [
      { ...FILES, consent: { attested: true, who: "me" } },
      /Unknown key `consent.who`; known are attested, by, reference, time/,
    ],
    [{ ...FILES, consent: { attested: true, by: "a@b.org" } }, /`consent.by` must be an id of yours/],
    [{ ...FILES, consent: { attested: true, time: "now" } }, /`consent.time` must be a time with its zone/],
    [JSON.parse(`{"source":"${A}","target":"${B}","__proto__":{}}`), /Unknown key `__proto__`/],
    [{ ...FILES, constructor: 1 }, /Unknown key `constructor`/],
    [{ ...FILES, "options.many_faces": true }, /Unknown key `options.many_faces`; known are callback_url, /],
    [{ ...FILES, process_type: 7 }, /the body `7`; let them agree/],
    [{ source: A }, /^`target` is missing\.$/],
    [{ ...FILES, consent: {} }, /^`consent.attested` is missing\.$/],
    [{ ...FILES, source: 7 }, /^`source` must be text or a list\.$/],
    [{ ...FILES, source: [A, 7] }, /^`source.1` must be text\.$/],
    [{ ...FILES, source: [] }, /^`source`/],
    [{ ...FILES, source: Array(17).fill(A) }, /`source`: .*too many/],
    [{ ...FILES, target: "" }, /^`target` is empty\.$/],
    [{ ...FILES, options: { many_faces: "yes" } }, /^`options.many_faces` must be true or false\.$/],
    [{ ...FILES, options: { image_quality: 300 } }, /^`options.image_quality`: 300 is greater than 100\.$/],
    [{ ...FILES, options: { image_quality: 9.5 } }, /^`options.image_quality` must be a whole number\.$/],
    [
      { ...FILES, options: { output_format: "bmp" } },
      /^`options.output_format` must be one of jpeg, png, webp, avif/,
    ],
    [{ ...FILES, options: { trim: { start: 4, end: 4 } } }, /end` must be later/],
    [{ ...FILES, options: { trim: { end: "soon" } } }, /^`options.trim.end` must be a number\.$/],
    [{ ...FILES, options: [] }, /^`options` must be an object\.$/],
    [{ ...FILES, callback_url: "http://example.com" }, /^`callback_url` must be an https:\/\/ address\.$/],
    [{ ...FILES, job_id: "-x" }, /^`job_id` may hold 1 to 64/],
    [{ ...FILES, version: 2 }, /^`version`/],
    [{ ...FILES, source_file: B }, /`source` and `source_file` say the same thing differently/],
    [{ target: B }, /`single-image` needs `source`/],
    [{ ...FILES, face_mappings: { face_0: A } }, /`face_mappings` does not go with `single-image`/],
    [{ target: B }, /`multi-image` needs `face_mappings`/, "multi-image"],
    [{ ...FILES, face_mappings: { face_0: A } }, /`source` does not go with `multi-image`/, "multi-image"],
    [FILES, /`source` does not go with `detect-faces`/, "detect-faces"],
    [{ target: B, face_mappings: {} }, /^`face_mappings` is empty\.$/, "multi-image"],
    [{ target: B, face_mappings: { face_x: A } }, /`face_mappings.face_x` is no face/, "multi-image"],
    [{ target: B, face_mappings: { face_01: A } }, /`face_mappings.face_01` is no face/, "multi-image"],
    [{ target: B, face_mappings: { face_0: 7 } }, /^`face_mappings.face_0` must be text\.$/, "multi-image"],
    [{ ...FILES, callback_url: "https://a/\ud800" }, /`callback_url` holds half a character/],
    [{ ...FILES, "\ud800": 1 }, /A key holds half a character/],
  ])("%j", (document, wanted, type = "single-image") => {
    expect(sentence(document, type)).toMatch(wanted);
  });

  test("all mistakes are told together, and of a thousand twenty", () => {
    const said = sentence({ sorce: A, options: { many_faces: 1 } });
    expect(said).toMatch(/Unknown key `sorce`.*`target` is missing.*`options.many_faces`/);
    const faces = Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`face_${at}`, at]));
    const many = sentence({ target: B, face_mappings: faces }, "multi-image");
    expect(many).toMatch(/And 980 more\.$/);
    expect(many.length).toBeLessThan(2000);
  });

  test("a megabyte of mistakes is not looked through", () => {
    const wrong = Object.fromEntries(Array.from({ length: 50_000 }, (_, at) => [`face_x${at}`, at]));
    expect(sentence({ target: B, face_mappings: wrong }, "multi-image")).toMatch(/more than 2000 values/);
    expect(sentence({ ...FILES, ...wrong })).toMatch(/more than 2000 values/);
    const faces = Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`face_${at}`, A]));
    expect(sentence({ target: B, face_mappings: faces, consent: { attested: true } }, "multi-image")).toBe(
      "(accepted)",
    );
  });

  test("a long key is shown short, and what a manifest holds is not repeated", () => {
    expect(sentence({ ...FILES, ["x".repeat(500)]: 1 })).toMatch(/`x{64}…`/);
    expect(sentence({ ...FILES, callback_url: "ftp://user:password@example.com" })).not.toContain("password");
  });

  test("lists within lists without end are refused and cost no stack", () => {
    let deep: unknown = 1;
    for (let level = 0; level < 100_000; level++) deep = [deep];
    expect(sentence({ ...FILES, options: deep })).toMatch(/lists within lists/);
  });
});

describe("files", () => {
  const refused = (target: string, anyKey = false) => sentence({ source: A, target }, "single-image", anyKey);

  test.each([
    ["data:image/png;base64,iVBORw0KGgo=", /`target` holds a picture itself; send it to PUT \/api\/uploads/],
    ["iVBORw0KGgoAAAANSUhEUgAA".repeat(8), /`target` holds a picture itself/],
    ["http://example.com/a.png", /is a http: link; only https:/],
    ["file:///etc/passwd", /is a file: link/],
    [`https://example.com/${"a".repeat(5000)}`, /more than 4096 characters/],
    ["https://example.com/a b", /spaces or control/],
    ["uploads/me.png", /must be the fileId/],
    ["uploads/../status/x.json", /must be the fileId/],
    ["inbox/other/source.png", /is no file/],
    ["status/x.json", /is no file/],
    ["../uploads/x.png", /is no file/],
    ["me.png", /is no file/],
    ["results/order-1042/1.png", /whole key of a result/],
  ])("%s is refused", (target, wanted) => {
    expect(refused(target)).toMatch(wanted);
  });

  test("with a token any upload may be named, and nothing outside", () => {
    expect(refused("uploads/shop/me.png", true)).toBe("(accepted)");
    for (const key of [
      "uploads/../status/x",
      "uploads//x",
      "uploads/a\\b",
      "uploads/%2e%2e/x",
      "uploads/a\u0000",
    ]) {
      expect(refused(key, true)).toMatch(/is no key/);
    }
    expect(refused("results/order-1042/1.png", true)).toMatch(/whole key of a result/);
  });

  test("a mapping is named where its file is refused", () => {
    const asked = { target: B, face_mappings: { face_0: A, face_3: "me.png" } };
    expect(sentence(asked, "multi-image")).toMatch(/^`face_mappings.face_3` is no file/);
  });
});
