import { effect, type ReadonlySignal, signal } from "@preact/signals";
import en from "../i18n/en.json";
import zh from "../i18n/zh.json";

export type Language = "en" | "zh-CN";

/** Forms of one text by the plural category of `count`; every language has `other`. */
type Plural = { other: string };
type Tree = { [key: string]: string | Tree };
type Leaves<T> = {
  [K in keyof T & string]: T[K] extends string | Plural ? K : `${K}.${Leaves<T[K]>}`;
}[keyof T & string];

/** A text of the dictionaries, as `area.name`. */
export type Key = Leaves<typeof en>;
export type Values = Record<string, string | number>;

export const LANGUAGES: Record<Language, { name: string; texts: Tree }> = {
  en: { name: "English", texts: en },
  "zh-CN": { name: "中文", texts: zh },
};
const STORED = "swapdrop.language";

const chosen = signal<Language>(firstLanguage());

/** The language of the page. */
export const language: ReadonlySignal<Language> = chosen;

/** Change the language of the page, now and for later visits. */
export function setLanguage(next: Language): void {
  chosen.value = next;
  localStorage.setItem(STORED, next);
}

/** Keep `lang` of the document at the page's language; returns what ends it. */
export function markDocument(): () => void {
  return effect(() => {
    document.documentElement.lang = chosen.value;
  });
}

/** The text of `key` in the page's language; `{name}` in it becomes that value, `count` chooses the plural. */
export function t(key: Key, values: Values = {}): string {
  return translate(chosen.value, key, values);
}

/** Whether the dictionaries have a text of that name, such as one made from a code in a record. */
export function known(key: string): key is Key {
  return textOf("en", key, {}) !== undefined;
}

/** `t` in a given language. */
export function translate(to: Language, key: Key, values: Values = {}): string {
  const text = textOf(to, key, values) ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? new Intl.NumberFormat(to).format(value) : value;
  });
}

function textOf(to: Language, key: string, values: Values): string | undefined {
  let place: string | Tree | undefined = LANGUAGES[to].texts;
  for (const part of key.split(".")) place = typeof place === "object" ? place[part] : undefined;
  if (typeof place !== "object") return place;
  const form = place[new Intl.PluralRules(to).select(Number(values.count ?? 0))] ?? place.other;
  return typeof form === "string" ? form : undefined;
}

function firstLanguage(): Language {
  const stored = globalThis.localStorage?.getItem(STORED);
  if (stored === "en" || stored === "zh-CN") return stored;
  return globalThis.navigator?.language?.startsWith("zh") ? "zh-CN" : "en";
}
