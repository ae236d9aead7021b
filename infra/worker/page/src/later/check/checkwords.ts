import en from "../../../i18n/later/check.en.json";
import zh from "../../../i18n/later/check.zh.json";
import { language } from "../../i18n";
import { speaker } from "../words";
import type { Claim, Label } from "./claims";
import type { Findings } from "./inspect";
import { type Action, type Fault, type Ingredient, isChange, wasChanged } from "./signature";

/** What is said of a file that was looked at. */
export const say = speaker({ en, "zh-CN": zh });

/** A name, and what is said under it. */
export type Row = [name: string, words: string];

/** What this system calls its files in manifests; the page says it by their use. */
const OWN_NAME = /^(target|source|face_\d+)$/;

export type Verdict = keyof typeof en.verdict;

/** What it comes to, in one word of the dictionaries. */
export function verdict({ claim, signature }: Findings): Verdict {
  if (!signature) return claim ? "marked" : "none";
  return signature.state === "invalid" && wasChanged(signature) ? "changed" : signature.state;
}

/** What a file says of its own making, and of what it was made of. */
export function claimRows(claim: Claim): Row[] {
  const earlier = claim.earlier.map((one): Row => {
    const words = ownRows(one).map(([name, text]) => say("pair", { name, text }));
    return [say("says.earlier"), words.join(say("and"))];
  });
  return [...ownRows(claim), ...earlier];
}

/** Who vouches for a file, what is wrong with that, what was done, and what it was made of. */
export function signatureRows({ signature }: Findings): Row[] {
  if (!signature) return [];
  const { signedBy, issuedBy, signedAt, faults, actions, ingredients } = signature;
  const rows: (Row | null)[] = [
    ...faults.map((fault): Row => [say("signature.fault"), faultWords(fault)]),
    row(say("signature.signer"), signedBy),
    row(say("signature.issuer"), issuedBy),
    row(say("signature.stamped"), time(signedAt)),
    row(say("signature.done"), actions.map(actionWords).join(say("and"))),
    ...ingredients.map((one): Row => [say("signature.ingredient"), ingredientWords(one)]),
  ];
  return rows.filter((one) => one !== null);
}

function ownRows({ kind, system, version, provider, createdAt, id, label }: Claim): Row[] {
  const rows = [
    row(say("says.kind"), kind && wordOf("kinds", kind)),
    row(say("says.system"), [system, version].filter(Boolean).join(" ")),
    row(say("says.provider"), provider),
    row(say("says.time"), time(createdAt)),
    row(say("says.id"), id),
    row(say("says.label"), label && labelWords(label)),
  ];
  return rows.filter((one) => one !== null);
}

const row = (name: string, words: string | undefined): Row | null => (words ? [name, words] : null);

function labelWords({ Label, ContentProducer, ProduceID }: Label): string {
  const what = wordOf("labels", Label ?? "");
  return [what, ContentProducer, ProduceID].filter(Boolean).join(say("and"));
}

function faultWords({ code, explanation }: Fault): string {
  const kind = isChange(code) ? "changed" : code.replaceAll(".", "_");
  if (Object.hasOwn(en.faults, kind)) return say(`faults.${kind as keyof typeof en.faults}`);
  return [explanation, code && `(${code})`].filter(Boolean).join(" ");
}

function actionWords({ action, digitalSourceType }: Action): string {
  const what = wordOf("actions", action.replace(/^c2pa\./, ""));
  const kind = digitalSourceType.split("/").at(-1) ?? "";
  return kind ? say("with", { what, more: wordOf("kinds", kind) }) : what;
}

function ingredientWords({ name, relationship, state, faults }: Ingredient): string {
  const use = wordOf("uses", relationship);
  const what = OWN_NAME.test(name) ? use : say("with", { what: use, more: name });
  return [what, say(`ingredients.${state}`), ...faults.map(faultWords)].join(say("and"));
}

/** The dictionaries' words for one of a standard's, which stands for itself where they have none. */
function wordOf(area: "kinds" | "labels" | "actions" | "uses", word: string): string {
  return Object.hasOwn(en[area], word) ? say(`${area}.${word}` as Parameters<typeof say>[0]) : word;
}

/** A moment as people say it; whatever else a stranger wrote there as it is. */
function time(text: string | undefined): string {
  const at = Date.parse(text ?? "");
  if (!Number.isFinite(at)) return text ?? "";
  return new Intl.DateTimeFormat(language.value, { dateStyle: "long", timeStyle: "short" }).format(at);
}
