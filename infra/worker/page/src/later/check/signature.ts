/** Whether a signature holds, by somebody trusted or unknown, or not; or there is none, or none in the file. */
export type State = "trusted" | "untrusted" | "invalid" | "unsigned" | "elsewhere";

/** What is wrong: C2PA's code, and its explanation in English. */
export interface Fault {
  code: string;
  explanation: string;
}

/** What a manifest says of a file that was used, and how that one's own signature stood then. */
export interface Ingredient {
  name: string;
  relationship: string;
  state: State;
  faults: Fault[];
}

/** What was done to the file, as its signer says. */
export interface Action {
  action: string;
  digitalSourceType: string;
}

/** A file's own signature; texts are whatever its maker wrote. */
export interface Signature {
  state: Exclude<State, "unsigned">;
  signedBy: string;
  issuedBy: string;
  /** By an authority's time stamp; "" without one. */
  signedAt: string;
  faults: Fault[];
  actions: Action[];
  ingredients: Ingredient[];
}

/** What a reader of C2PA manifests tells in JSON; all of it may be missing. */
interface Store {
  active_manifest?: string;
  manifests?: Record<string, Manifest>;
  validation_state?: string;
  validation_results?: Results;
}
interface Manifest {
  signature_info?: { common_name?: string; issuer?: string; time?: string };
  assertions?: { label?: string; data?: { actions?: Partial<Action>[] } }[];
  ingredients?: { title?: string; relationship?: string; validation_results?: Results }[];
}
interface Results {
  activeManifest?: Codes;
  ingredientDeltas?: { validationDeltas?: Codes }[];
}
interface Codes {
  success?: Partial<Fault>[];
  failure?: Partial<Fault>[];
}

const STATES: Record<string, Signature["state"]> = { Trusted: "trusted", Valid: "untrusted" };
const UNTRUSTED = "signingCredential.untrusted";
const TRUSTED = "signingCredential.trusted";
/** C2PA's code of a manifest that lies at an address, from which nothing is fetched here. */
const ELSEWHERE = "manifest.inaccessible";
const SHOWN = 300;
const MOST = 32;

/** Read a manifest store as the C2PA library tells it (its JSON). */
export function toSignature(json: string): Signature {
  const store = JSON.parse(json) as Store;
  const active = store.manifests?.[store.active_manifest ?? ""] ?? {};
  const { common_name, issuer, time } = active.signature_info ?? {};
  return {
    state: STATES[store.validation_state ?? ""] ?? "invalid",
    signedBy: shown(common_name),
    issuedBy: shown(issuer),
    signedAt: shown(time),
    faults: faultsOf(store.validation_results?.activeManifest),
    actions: actionsOf(active),
    ingredients: (active.ingredients ?? []).slice(0, MOST).map(toIngredient).sort(byUse),
  };
}

/** A manifest that cannot be read, or lies at an address that the file names. */
export function unread(message: string): Signature {
  const faults = [{ code: "", explanation: shown(message) }];
  const nothing = { signedBy: "", issuedBy: "", signedAt: "", actions: [], ingredients: [] };
  const elsewhere = message.includes("RemoteManifest");
  return { state: elsewhere ? "elsewhere" : "invalid", faults: elsewhere ? [] : faults, ...nothing };
}

/** Whether C2PA's code says that the file is not the one that was signed. */
export function isChange(code: string): boolean {
  return /^assertion\.\w*Hash\.mismatch$/.test(code);
}

/** Whether the file is not the one that was signed, whatever else may be wrong. */
export function wasChanged({ faults }: Signature): boolean {
  return faults.some(({ code }) => isChange(code));
}

/** What was changed first: a manifest begins with what is only named in it. */
function byUse(one: Ingredient, other: Ingredient): number {
  return Number(other.relationship === "parentOf") - Number(one.relationship === "parentOf");
}

function toIngredient(given: NonNullable<Manifest["ingredients"]>[number]): Ingredient {
  const results = given.validation_results;
  const deltas = (results?.ingredientDeltas ?? []).map((delta) => delta.validationDeltas);
  const faults = [results?.activeManifest, ...deltas].flatMap(faultsOf);
  const state = stateOf(results?.activeManifest, faults);
  return { name: shown(given.title), relationship: shown(given.relationship), state, faults };
}

function stateOf(codes: Codes | undefined, faults: Fault[]): State {
  if (!codes) return "unsigned";
  if (codes.failure?.some(({ code }) => code === ELSEWHERE)) return "elsewhere";
  if (faults.length > 0) return "invalid";
  return codes.success?.some(({ code }) => code === TRUSTED) ? "trusted" : "untrusted";
}

/** What is wrong, but for what is a state of its own. */
function faultsOf(codes: Codes | undefined): Fault[] {
  const wrong = (codes?.failure ?? []).filter(({ code }) => code !== UNTRUSTED && code !== ELSEWHERE);
  return wrong
    .slice(0, MOST)
    .map(({ code, explanation }) => ({ code: shown(code), explanation: shown(explanation) }));
}

function actionsOf({ assertions }: Manifest): Action[] {
  const lists = (assertions ?? []).filter(({ label }) => label?.startsWith("c2pa.actions"));
  const all = lists.flatMap(({ data }) => data?.actions ?? []);
  return all.slice(0, MOST).map(({ action, digitalSourceType }) => ({
    action: shown(action),
    digitalSourceType: shown(digitalSourceType),
  }));
}

/** A text that a stranger wrote, short and on one line. */
function shown(text: unknown): string {
  return typeof text === "string" ? text.replace(/\p{C}/gu, " ").slice(0, SHOWN) : "";
}
