import { type Signal, signal } from "@preact/signals";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Entry } from "../../page/src/entries";
import type { FileRef, SwapRequest } from "../../page/src/request";
import { bad, good, serve } from "./service";
import { anEntry, MemoryStorage } from "./support";

type Page = Awaited<ReturnType<typeof open>>;

const started = vi.fn();
const entries: Signal<Entry[]> = signal([]);
let page: Page;

/** The modules of a page that was just opened: what is chosen lives in them. */
async function open() {
  vi.resetModules();
  vi.doMock("../../page/src/jobs", () => ({ startJob: started, jobs: { entries } }));
  const [cast, draft, picked, target, start, consent] = await Promise.all([
    import("../../page/src/cast"),
    import("../../page/src/draft"),
    import("../../page/src/picked"),
    import("../../page/src/target"),
    import("../../page/src/start"),
    import("../../page/src/consent"),
  ]);
  return { ...cast, ...draft, ...picked, ...target, ...start, ...consent };
}

beforeEach(async () => {
  entries.value = [];
  started.mockReset().mockImplementation(() => {
    const key = `job ${started.mock.calls.length}`;
    entries.value = [anEntry(key), ...entries.value];
    return key;
  });
  vi.stubGlobal("localStorage", new MemoryStorage());
  vi.stubGlobal("sessionStorage", new MemoryStorage());
  vi.stubGlobal("document", { getElementById: () => null });
  vi.stubGlobal("requestAnimationFrame", () => 0);
  // No picture can be drawn here, which a job must not mind.
  vi.stubGlobal(
    "Image",
    class {
      src = "";
      decode = () => Promise.reject(new Error("no pictures"));
    },
  );
  page = await open();
});
afterEach(() => vi.unstubAllGlobals());

function file(letter: string, type = "image/jpeg"): FileRef {
  return { fileId: `${letter.repeat(32)}.jpg`, name: `${letter}.jpg`, type, size: 1000 };
}

const TARGET = file("a");

/** A picture with that many people, found. */
async function show(people: number): Promise<void> {
  const faces = Array.from({ length: people }, (_, at) => ({ face_id: `face_${at}`, preview: "data:," }));
  serve(() => good({ faces, detection: "results/x/1.json", media: { width: 10, height: 10 } }));
  page.setTarget(page.pickStored(TARGET));
  await vi.waitFor(() => expect(page.people.value).toHaveLength(people));
}

function slot(letter: string) {
  return { picked: page.pickStored(file(letter)), on: true };
}

async function startedRequest(): Promise<SwapRequest> {
  page.setConsent(true);
  expect(page.missing.value).toBeNull();
  await page.start();
  return started.mock.lastCall?.[0].request;
}

test("what is missing is named in the order in which it is put together", async () => {
  const missing = () => page.missing.value?.key.replace("composer.missing.", "");
  expect(missing()).toBe("target");
  await show(2);
  expect(missing()).toBe("someone");
  page.setCast({ shared: slot("b") });
  expect(missing()).toBe("give");
  page.toggle("face_1");
  expect(missing()).toBe("consent");
  page.setConsent(true);
  expect(missing()).toBeUndefined();
});

test("nothing is said of what is missing before Start was pressed, and nothing starts then", async () => {
  expect(page.told.value).toBeNull();
  await page.start();
  expect(page.told.value?.focus).toBe("choose-target");
  expect(started).not.toHaveBeenCalled();
});

test("the only person gets the new face that came first", async () => {
  page.setCast({ shared: slot("b") });
  await show(1);
  const request = await startedRequest();
  expect(request).toMatchObject({ everyone: file("b"), faces: {}, manyFaces: false, target: TARGET });
});

test("a face that came first waits for one of several people, and no one has it by themselves", async () => {
  page.setCast({ shared: slot("b") });
  await show(3);
  expect(page.chosen.value).toEqual([]);
  expect(page.toggle("face_2")).toBe(true);
  expect(await startedRequest()).toMatchObject({
    faces: { face_2: file("b") },
    detection: "results/x/1.json",
  });
  expect(page.shared.value).toBeNull();
});

test("someone without a face needs a file first; with one they can be left out and taken in again", async () => {
  await show(2);
  expect(page.toggle("face_0")).toBe(false);
  page.setCast({ slots: { face_0: slot("b") } });
  page.toggle("face_0");
  expect(page.chosen.value).toEqual([]);
  page.toggle("face_0");
  expect((await startedRequest()).faces).toEqual({ face_0: file("b") });
});

test("one face for everyone is one request for all, and leaving one person out keeps it for the others", async () => {
  await show(3);
  page.setCast({ slots: { face_1: slot("b") } });
  page.setForAll(true);
  expect(page.chosen.value).toHaveLength(3);
  expect(await startedRequest()).toMatchObject({ everyone: file("b"), manyFaces: true });
  page.toggle("face_0");
  expect((await startedRequest()).faces).toEqual({ face_1: file("b"), face_2: file("b") });
});

test("the same is not started twice by a second press, but after any change", async () => {
  await show(2);
  page.setCast({ slots: { face_1: slot("b") } });
  await startedRequest();
  await page.start();
  expect(page.told.value?.key).toBe("composer.missing.change");
  expect(started).toHaveBeenCalledTimes(1);
  page.setCast({ slots: { face_1: slot("c") } });
  await startedRequest();
  expect(started).toHaveBeenCalledTimes(2);
});

test.each<[string, (entry: Entry) => Entry[]]>([
  ["was cancelled", (entry) => [{ ...entry, ended: "cancelled" }]],
  ["failed", (entry) => [{ ...entry, ended: "failed" }]],
  ["was not taken", (entry) => [{ ...entry, refused: { code: "internal", message: "" } }]],
  ["was cancelled before it was sent", () => []],
])("the same can be started once more when what was started %s", async (_, become) => {
  await show(1);
  page.setCast({ shared: slot("b") });
  await startedRequest();
  await page.start();
  expect(started).toHaveBeenCalledTimes(1);
  entries.value = entries.value.flatMap(become);
  expect(page.told.value).toBeNull();
  await startedRequest();
  expect(started).toHaveBeenCalledTimes(2);
});

test("the same is not started once more when it is done", async () => {
  await show(1);
  page.setCast({ shared: slot("b") });
  await startedRequest();
  entries.value = entries.value.map((entry) => ({ ...entry, ended: "completed" }));
  await page.start();
  expect(page.told.value?.key).toBe("composer.missing.change");
  expect(started).toHaveBeenCalledTimes(1);
});

test("an earlier request fills everything in again, and can be started as it was", async () => {
  const faces = { face_0: file("b"), face_1: file("c") };
  const options = { mouth_mask: true, output_format: "png" };
  await show(2);
  page.again({ kind: "picture", target: TARGET, faces, manyFaces: false, options }, "start");
  await vi.waitFor(() => expect(page.people.value).toHaveLength(2));
  expect(await startedRequest()).toMatchObject({ faces, options, target: TARGET });
});

test("people of an earlier request who are not found again are left out", async () => {
  await show(2);
  const faces = { face_1: file("b"), face_7: file("c") };
  page.again({ kind: "picture", target: TARGET, faces, manyFaces: false, options: {} }, "start");
  await vi.waitFor(() => expect(page.people.value).toHaveLength(2));
  expect((await startedRequest()).faces).toEqual({ face_1: file("b") });
});

test("a stored video is a video whatever its name says", async () => {
  page.setTarget(page.pickStored(file("v", "video/mp4")));
  expect(page.target.value?.kind.value).toBe("video");
});

test("faces that could not be looked for keep a swap from starting until it is tried again", async () => {
  serve(() => bad(422, "timeout"));
  page.setTarget(page.pickStored(TARGET));
  await vi.waitFor(() => expect(page.missing.value?.focus).toBe("look-again"));
  await show(1);
  expect(page.missing.value?.focus).toBe("slot-face");
});

test("a file that is damaged is not looked at again: another one has to be chosen", async () => {
  serve(() => bad(422, "media_corrupt"));
  page.setTarget(page.pickStored(TARGET));
  await vi.waitFor(() => expect(page.missing.value?.focus).toBe("choose-target"));
});

test.each([
  ["an empty file", "target", "", "face.jpg", "media_corrupt"],
  ["an empty file", "face", "", "face.jpg", "media_corrupt"],
  ["a video", "face", "film", "film.mp4", "video_as_face"],
] as const)("%s as %s is not sent, as what comes of it is known", (_, role, bytes, name, code) => {
  const asked = serve(() => bad(400, "invalid_request"));
  const picked = page.pick(new File([bytes], name), role);
  expect(picked.progress.value).toMatchObject({ step: "failed", error: { code } });
  expect(asked).toEqual([]);
});

describe("pressed before the file is there, Start", () => {
  /** A video on its way up, and a face; `arrive` lets it get there and its people be found. */
  async function pressed() {
    const stored = { ...file("v", "video/mp4"), fileName: "v.mp4" };
    const faces = [{ face_id: "face_0", preview: "data:," }];
    let arrive = () => {};
    const arrived = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    serve(async ({ method }) => {
      if (method === "PUT") await arrived;
      return good(
        method === "PUT" ? stored : { faces, detection: "results/x/1.json", media: { width: 1, height: 1 } },
      );
    });
    page.takeTarget(new File(["film"], "v.mp4", { type: "video/mp4" }));
    page.setCast({ shared: slot("b") });
    page.setConsent(true);
    const starts = page.start();
    expect(page.told.value?.key).toBe("composer.missing.sending");
    return { starts, arrive };
  }

  test("starts by itself when it is, once", async () => {
    const { starts, arrive } = await pressed();
    const again = page.start();
    expect(started).not.toHaveBeenCalled();
    arrive();
    await Promise.all([starts, again]);
    expect(started).toHaveBeenCalledTimes(1);
    expect(started.mock.lastCall?.[0].request).toMatchObject({ kind: "video", everyone: file("b") });
    expect(page.told.value).toBeNull();
  });

  test("does not start what is taken back meanwhile", async () => {
    const { starts, arrive } = await pressed();
    page.setConsent(false);
    await starts;
    expect(page.told.value?.focus).toBe("consent");
    arrive();
    await vi.waitFor(() => expect(page.people.value).toHaveLength(1));
    page.setConsent(true);
    expect(started).not.toHaveBeenCalled();
  });

  test("does not start another file", async () => {
    const { starts } = await pressed();
    await show(1);
    await starts;
    expect(page.told.value).toBeNull();
    expect(started).not.toHaveBeenCalled();
  });
});
