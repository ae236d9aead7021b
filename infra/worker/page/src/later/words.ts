import { fill, type Language, type Leaves, language, type Tree, type Values } from "../i18n";

/** `t` for texts that come with the part of the page that shows them, and not with its first script. */
export function speaker<Texts extends Tree>(texts: Record<Language, Tree> & { en: Texts }) {
  return (key: Leaves<Texts>, values: Values = {}): string =>
    fill(texts[language.value], language.value, key, values);
}
