import { computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import en from "../i18n/en.json";
import { importer } from "./importer";
import { reached } from "./online";
import { lasting } from "./storage";

export type Language = "en" | "zh-CN";

/** Forms of one text by the plural category of `count`; every language has `other`. */
type Plural = { other: string };
export type Tree = { [key: string]: string | Tree };
export type Leaves<T> = {
  [K in keyof T & string]: T[K] extends string | Plural ? K : `${K}.${Leaves<T[K]>}`;
}[keyof T & string];

/** A text of the dictionaries, as `area.name`. */
export type Key = Leaves<typeof en>;
export type Values = Record<string, string | number>;

const chinese = importer(() => import("../i18n/zh.json"));

/** What each language calls itself, and its texts; only those that are needed are fetched. */
export const LANGUAGES: Record<Language, { name: string; load: () => Promise<Tree> }> = {
  en: { name: "English", load: async () => en },
  "zh-CN": { name: "中文", load: async () => (await chinese()).default },
};
const STORED = "swapdrop.language";

const gone = signal(false);
const now = signal<{ language: Language; texts: Tree }>({ language: "en", texts: en });

/** The language of the page. */
export const language: ReadonlySignal<Language> = computed(() => now.value.language);

/** Whether a language was wanted that the service has no longer, as it has a later version of this page. */
export const outdated: ReadonlySignal<boolean> = gone;

/** Change the language of the page, now and for later visits; it stays as it is where that cannot be fetched. */
export async function setLanguage(next: Language): Promise<void> {
  if (await turnTo(next)) lasting.setItem(STORED, next);
}

/** Begin in the language chosen before, else in the browser's own. */
export async function beginLanguage(): Promise<void> {
  await turnTo(firstLanguage());
}

/** Keep `lang` of the document at the page's language; returns what ends it. */
export function markDocument(): () => void {
  return effect(() => {
    document.documentElement.lang = language.value;
  });
}

/** The text of `key` in the page's language; `{name}` in it becomes that value, `count` chooses the plural. */
export function t(key: Key, values: Values = {}): string {
  return fill(now.value.texts, language.value, key, values);
}

/** Whether the dictionaries have a text of that name, such as one made from a code in a record. */
export function known(key: string): key is Key {
  return textOf(en, "en", key, {}) !== undefined;
}

/** `t` in the texts of a given language. */
export function fill(texts: Tree, to: Language, key: string, values: Values = {}): string {
  const text = textOf(texts, to, key, values) ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? new Intl.NumberFormat(to).format(value) : value;
  });
}

function textOf(texts: Tree, to: Language, key: string, values: Values): string | undefined {
  let place: string | Tree | undefined = texts;
  for (const part of key.split(".")) {
    place = typeof place === "object" && Object.hasOwn(place, part) ? place[part] : undefined;
  }
  if (typeof place !== "object") return place;
  const form = place[new Intl.PluralRules(to).select(Number(values.count ?? 0))] ?? place.other;
  return typeof form === "string" ? form : undefined;
}

async function turnTo(next: Language): Promise<boolean> {
  const texts = await LANGUAGES[next].load().catch(() => null);
  if (texts) now.value = { language: next, texts };
  gone.value = !texts && (await reached());
  return texts !== null;
}

function firstLanguage(): Language {
  const stored = lasting.getItem(STORED);
  if (stored === "en" || stored === "zh-CN") return stored;
  return globalThis.navigator?.language?.startsWith("zh") ? "zh-CN" : "en";
}
