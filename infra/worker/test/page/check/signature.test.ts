import { expect, test } from "vitest";
import { toSignature, unread, wasChanged } from "../../../page/src/later/check/signature";

const UNTRUSTED = { code: "signingCredential.untrusted", explanation: "signing certificate untrusted" };
const CHANGED = { code: "assertion.dataHash.mismatch", explanation: "hash does not match" };

/** A manifest store as the library tells it. */
function store(state: string, failure: object[] = [], ingredients: object[] = []): string {
  const actions = [{ action: "c2pa.edited", digitalSourceType: "http://x/humanEdits" }, {}];
  const active = {
    signature_info: { common_name: "Studio\n", issuer: "Authority", time: "2026-01-01T00:00:00Z" },
    assertions: [
      { label: "c2pa.actions.v2", data: { actions } },
      { label: "other", data: {} },
    ],
    ingredients,
  };
  return JSON.stringify({
    active_manifest: "a",
    manifests: { a: active },
    validation_state: state,
    validation_results: { activeManifest: { failure } },
  });
}

test.each([
  ["Trusted", "trusted"],
  ["Valid", "untrusted"],
  ["Invalid", "invalid"],
  ["of a later version", "invalid"],
])("what the library calls %s is %s", (word, state) => {
  expect(toSignature(store(word)).state).toBe(state);
});

test("it is told who signed, when, and what was done, on one line each", () => {
  const { signedBy, issuedBy, signedAt, actions } = toSignature(store("Valid"));
  expect([signedBy, issuedBy, signedAt]).toEqual(["Studio ", "Authority", "2026-01-01T00:00:00Z"]);
  expect(actions).toEqual([
    { action: "c2pa.edited", digitalSourceType: "http://x/humanEdits" },
    { action: "", digitalSourceType: "" },
  ]);
});

test("that nobody knows the signer is no fault, that the file is another one is", () => {
  const signature = toSignature(store("Invalid", [UNTRUSTED, CHANGED]));
  expect(signature.faults).toEqual([CHANGED]);
  expect(wasChanged(signature)).toBe(true);
  expect(wasChanged(toSignature(store("Invalid", [{ code: "signingCredential.expired" }])))).toBe(false);
});

test("each ingredient tells how its own signature stood", () => {
  const success = [{ code: "signingCredential.trusted" }];
  const given = [
    undefined,
    { activeManifest: { success } },
    { activeManifest: { failure: [UNTRUSTED] } },
    { activeManifest: { success }, ingredientDeltas: [{ validationDeltas: { failure: [CHANGED] } }] },
    { activeManifest: { failure: [{ code: "manifest.inaccessible" }] } },
  ];
  const ingredients = given.map((validation_results) => ({ title: "a", validation_results }));
  const { ingredients: told } = toSignature(store("Trusted", [], ingredients));
  const states = ["unsigned", "trusted", "untrusted", "invalid", "elsewhere"];
  expect(told.map(({ state }) => state)).toEqual(states);
});

test("a store with nothing in it is a signature that does not hold, and so is one that cannot be read", () => {
  expect(toSignature("{}")).toMatchObject({ state: "invalid", signedBy: "", ingredients: [] });
  expect(unread("C2pa(JumbfParseError)")).toMatchObject({ state: "invalid", faults: [{ code: "" }] });
  expect(unread('C2pa(RemoteManifestUrl("https://a"))')).toMatchObject({ state: "elsewhere", faults: [] });
});
