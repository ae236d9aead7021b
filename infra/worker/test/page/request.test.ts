import { expect, test } from "vitest";
import { body, processType, type SwapRequest } from "../../page/src/request";
import { aRequest } from "./support";

const FACES = { face_0: file("c"), face_2: file("d") };

function file(letter: string) {
  return { fileId: `${letter.repeat(32)}.png`, name: `${letter}.png`, type: "image/png", size: 10 };
}

function several(changes: Partial<SwapRequest> = {}): SwapRequest {
  const { everyone: _none, ...request } = aRequest();
  return { ...request, faces: FACES, detection: "results/x/1.json", ...changes };
}

test.each([
  [aRequest(), "single-image"],
  [{ ...aRequest(), kind: "video" as const }, "single-video"],
  [several(), "multi-image"],
  [several({ kind: "video" }), "multi-video"],
])("the kind of media and whether everyone gets the same face make the address", (request, type) => {
  expect(processType(request)).toBe(type);
});

const AT = Date.UTC(2026, 4, 1, 10, 0, 0, 250);

test("one face goes up as the source, with nothing of a detection or of other faces", () => {
  const request: SwapRequest = { ...aRequest(), manyFaces: true, detection: "results/x/1.json" };
  expect(body({ ...request, options: { mouth_mask: true } }, true, AT)).toEqual({
    target: request.target.fileId,
    source: request.everyone?.fileId,
    options: { mouth_mask: true, many_faces: true },
    consent: { attested: true, time: "2026-05-01T10:00:00.250Z" },
  });
});

test("several faces go up by person, bound to the detection they were chosen in", () => {
  expect(body(several(), true, AT)).toEqual({
    target: several().target.fileId,
    face_mappings: { face_0: FACES.face_0.fileId, face_2: FACES.face_2.fileId },
    detection: "results/x/1.json",
    options: {},
    consent: { attested: true, time: "2026-05-01T10:00:00.250Z" },
  });
});

test("consent that was not given is not attested", () => {
  expect(body(aRequest(), false, AT)).toMatchObject({ consent: { attested: false } });
});
