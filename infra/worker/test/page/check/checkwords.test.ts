import { expect, test } from "vitest";
import { claimRows, signatureRows, verdict } from "../../../page/src/later/check/checkwords";
import type { Claim } from "../../../page/src/later/check/claims";
import type { Findings } from "../../../page/src/later/check/inspect";
import type { Signature } from "../../../page/src/later/check/signature";

const CLAIM: Claim = {
  kind: "compositeWithTrainedAlgorithmicMedia",
  system: "swapdrop",
  version: "1.2",
  provider: "Studio",
  createdAt: "2026-11-30T12:00:00Z",
  id: "ab12",
  label: { Label: "1", ContentProducer: "Studio", ProduceID: "ab12" },
  earlier: [{ kind: "wordOfTomorrow", system: "Generator", earlier: [] }],
};
const SIGNATURE: Signature = {
  state: "trusted",
  signedBy: "Studio",
  issuedBy: "",
  signedAt: "",
  faults: [],
  actions: [
    { action: "c2pa.opened", digitalSourceType: "" },
    { action: "c2pa.edited", digitalSourceType: "http://x/trainedAlgorithmicMedia" },
    { action: "org.other", digitalSourceType: "" },
  ],
  ingredients: [
    { name: "target", relationship: "parentOf", state: "unsigned", faults: [] },
    { name: "hat.png", relationship: "componentOf", state: "trusted", faults: [] },
  ],
};

function found(claim: Claim | null, signature: Partial<Signature> | null): Findings {
  const whole = signature && { ...SIGNATURE, ...signature };
  return { file: new File([], "a.jpg"), claim, signature: whole, beside: false };
}

test("marks are told in words, and a word of a later version as it is", () => {
  const rows = claimRows(CLAIM);
  const when = rows.find(([name]) => name === "When")?.[1];
  expect(when).toContain("November 30, 2026");
  expect(rows.filter(([name]) => name !== "When")).toEqual([
    ["How it was made", "altered: a part of it was made by AI"],
    ["Made with", "swapdrop 1.2"],
    ["Run by", "Studio"],
    ["Its id", "ab12"],
    ["AIGC label", "made by AI, Studio, ab12"],
    ["Made of", "How it was made: wordOfTomorrow, Made with: Generator"],
  ]);
});

test("a time that is none is told as it was written", () => {
  expect(claimRows({ createdAt: "last spring", earlier: [] })).toEqual([["When", "last spring"]]);
});

test("a signature tells what is wrong, who signed, what was done and with what", () => {
  const faults = [
    { code: "assertion.bmffHash.mismatch", explanation: "x" },
    { code: "signingCredential.expired", explanation: "x" },
    { code: "of.tomorrow", explanation: "It is new." },
    { code: "constructor", explanation: "" },
  ];
  expect(signatureRows(found(null, { faults }))).toEqual([
    ["What is wrong", "the file is not the one that was signed"],
    ["What is wrong", "its certificate has expired"],
    ["What is wrong", "It is new. (of.tomorrow)"],
    ["What is wrong", "(constructor)"],
    ["Signed by", "Studio"],
    ["What was done", "opened, edited (made by AI), org.other"],
    ["Made of", "what was changed, it was not signed"],
    ["Made of", "a part of it (hat.png), its signature held"],
  ]);
});

test.each([
  ["none", found(null, null)],
  ["marked", found(CLAIM, null)],
  ["trusted", found(CLAIM, {})],
  ["untrusted", found(CLAIM, { state: "untrusted" })],
  ["elsewhere", found(CLAIM, { state: "elsewhere" })],
  ["invalid", found(CLAIM, { state: "invalid" })],
  [
    "changed",
    found(CLAIM, { state: "invalid", faults: [{ code: "assertion.dataHash.mismatch", explanation: "" }] }),
  ],
])("it comes to %s", (word, findings) => {
  expect(verdict(findings)).toBe(word);
});
