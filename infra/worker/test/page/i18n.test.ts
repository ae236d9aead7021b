import { expect, test } from "vitest";
import firstEn from "../../page/i18n/en.json";
import aboutEn from "../../page/i18n/later/about.en.json";
import aboutZh from "../../page/i18n/later/about.zh.json";
import checkEn from "../../page/i18n/later/check.en.json";
import checkZh from "../../page/i18n/later/check.zh.json";
import detailsEn from "../../page/i18n/later/details.en.json";
import detailsZh from "../../page/i18n/later/details.zh.json";
import fineEn from "../../page/i18n/later/fine.en.json";
import fineZh from "../../page/i18n/later/fine.zh.json";
import videoEn from "../../page/i18n/later/video.en.json";
import videoZh from "../../page/i18n/later/video.zh.json";
import firstZh from "../../page/i18n/zh.json";
import { fill, known, type Tree, t } from "../../page/src/i18n";

const en = {
  ...firstEn,
  later: { about: aboutEn, check: checkEn, details: detailsEn, fine: fineEn, video: videoEn },
};
const zh = {
  ...firstZh,
  later: { about: aboutZh, check: checkZh, details: detailsZh, fine: fineZh, video: videoZh },
};
const LANGUAGES = { en, "zh-CN": zh } as const;

/** Every text by its key; the forms of a plural are one text with a line for each category. */
function texts(tree: Tree, path = ""): Map<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of Object.entries(tree)) {
    const key = path + name;
    if (typeof value === "string") found.set(key, value);
    else if ("other" in value) found.set(key, Object.values(value).join("\n"));
    else for (const [inner, text] of texts(value, `${key}.`)) found.set(inner, text);
  }
  return found;
}

function plurals(tree: Tree): Tree[] {
  const inner = Object.values(tree).filter((value) => typeof value !== "string");
  return inner.flatMap((value) => ("other" in value ? [value] : plurals(value)));
}

test("a text that one language has, the other has too", () => {
  expect([...texts(zh).keys()].toSorted()).toEqual([...texts(en).keys()].toSorted());
});

test("a text has the same values to fill in in both languages", () => {
  const filled = (text: string | undefined) => [...new Set(text?.match(/\{\w+\}/g))].toSorted();
  const other = texts(zh);
  for (const [key, text] of texts(en)) expect([key, filled(other.get(key))]).toEqual([key, filled(text)]);
});

test("no text is empty", () => {
  const all = [...texts(en), ...texts(zh)];
  expect(all.filter(([, text]) => text.trim() === "")).toEqual([]);
});

test.each(Object.entries(LANGUAGES))(
  "each plural of %s has the forms that the language has",
  (name, words) => {
    const forms = new Intl.PluralRules(name).resolvedOptions().pluralCategories.toSorted();
    expect(plurals(words)).not.toEqual([]);
    for (const plural of plurals(words)) expect(Object.keys(plural).toSorted()).toEqual(forms);
  },
);

test("a count chooses the form of its language", () => {
  expect(t("composer.start", { count: 1 })).toBe("Swap 1 face");
  expect(t("composer.start", { count: 2 })).toBe("Swap 2 faces");
  expect(t("composer.start", { count: 1200 })).toBe("Swap 1,200 faces");
  expect(fill(zh, "zh-CN", "composer.start", { count: 1 })).toBe("换 1 张脸");
});

test("a value that is not given stays visible, and one that looks like a value is not filled in again", () => {
  expect(t("composer.sending_file")).toBe("Uploading {name}");
  expect(t("composer.sending_file", { name: "{count}.jpg" })).toBe("Uploading {count}.jpg");
});

test("only texts of the dictionaries are known, not what every object has", () => {
  expect(known("composer.start")).toBe(true);
  for (const key of ["composer", "composer.nothing", "errors.constructor", "errors.toString", ""]) {
    expect(known(key)).toBe(false);
  }
});
