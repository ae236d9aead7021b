import { expect, test } from "vitest";
import contract from "../../openapi.json";
import en from "../../page/i18n/en.json";
import zh from "../../page/i18n/zh.json";

const { ErrorCode, RefusalCode, Stage, WarningCode } = contract.components.schemas;

test.each([
  ["en", en],
  ["zh", zh],
])("%s has words for every stage, warning, error and refusal, and for none that there is not", (_, words) => {
  expect(Object.keys(words.stages).toSorted()).toEqual(Stage.enum.toSorted());
  expect(Object.keys(words.warnings).toSorted()).toEqual(WarningCode.enum.toSorted());
  const codes = new Set([...ErrorCode.enum, ...RefusalCode.enum]);
  expect(Object.keys(words.errors).toSorted()).toEqual([...codes].toSorted());
});
