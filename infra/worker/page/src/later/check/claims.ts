/** What a file says of its own making; every text is whatever somebody wrote, and nobody has checked it. */
export interface Claim {
  /** IPTC's word for how it came to be, such as `compositeWithTrainedAlgorithmicMedia`. */
  kind?: string;
  system?: string;
  version?: string;
  provider?: string;
  createdAt?: string;
  id?: string;
  label?: Label;
  /** What it says of the files that it was made of. */
  earlier: Claim[];
}

/** The label of GB 45438-2025, annex E: 1 is made by AI, 2 perhaps, 3 is suspected. */
export interface Label {
  Label?: string;
  ContentProducer?: string;
  ProduceID?: string;
}

/** As in `pipeline.marks.vocabulary`. */
const SPACES: Record<string, string> = {
  rdf: "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
  xmp: "http://ns.adobe.com/xap/1.0/",
  xmpMM: "http://ns.adobe.com/xap/1.0/mm/",
  stRef: "http://ns.adobe.com/xap/1.0/sType/ResourceRef#",
  photoshop: "http://ns.adobe.com/photoshop/1.0/",
  Iptc4xmpExt: "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
  TC260: "http://www.tc260.org.cn/ns/AIGC/1.0/",
};
const SOURCE_TYPE = /^https?:\/\/cv\.iptc\.org\/newscodes\/digitalsourcetype\/([A-Za-z]{1,64})$/;
const SHOWN = 300;
const MOST_EARLIER = 16;

/** The first of these descriptions that says how the file came to be, else its label; null where none does. */
export function readClaim(descriptions: readonly string[], labels: readonly string[]): Claim | null {
  for (const each of descriptions) {
    const claim = readDescription(each);
    if (claim && isMark(claim)) return claim;
  }
  const label = labels.map(toLabel).find((one) => one?.ContentProducer || one?.ProduceID);
  return label ? { label, earlier: [] } : null;
}

function isMark({ kind, system, label, earlier }: Claim): boolean {
  return Boolean(kind || system || label || earlier.length > 0);
}

function readDescription(rdf: string): Claim | null {
  if (rdf.includes("<!DOCTYPE")) return null;
  const root = new DOMParser().parseFromString(rdf, "application/xml").documentElement;
  if (root.getElementsByTagName("parsererror").length > 0 || root.localName !== "RDF") return null;
  const abouts = childrenOf(root, "rdf:Description");
  const bags = abouts.flatMap((about) => childrenOf(about, "xmpMM:Ingredients"));
  const items = bags.flatMap((bag) => [...bag.getElementsByTagNameNS(SPACES.rdf ?? "", "li")]);
  const earlier = items.slice(0, MOST_EARLIER).map((item) => {
    return toClaim([item, ...childrenOf(item, "rdf:Description")], []);
  });
  return toClaim(abouts, earlier.filter(isMark));
}

function toClaim(resources: readonly Element[], earlier: Claim[]): Claim {
  const word = (name: string) => resources.map((one) => wordOf(one, name)).find(Boolean);
  const said = {
    kind: SOURCE_TYPE.exec(word("Iptc4xmpExt:DigitalSourceType") ?? "")?.[1],
    system: word("Iptc4xmpExt:AISystemUsed"),
    version: word("Iptc4xmpExt:AISystemVersionUsed"),
    provider: word("photoshop:Credit"),
    createdAt: word("xmp:ModifyDate") ?? word("stRef:lastModifyDate"),
    id: word("xmpMM:InstanceID") ?? word("stRef:instanceID"),
  };
  const label = toLabel(word("TC260:AIGC") ?? "");
  const words = Object.entries(said).filter(([, text]) => text);
  return {
    ...Object.fromEntries(words.map(([name, text]) => [name, shown(text)])),
    ...(label && { label }),
    earlier,
  };
}

/** What a resource says in an attribute, an element, or an element that holds a list, whose first counts. */
function wordOf(resource: Element, name: string): string | undefined {
  const [prefix = "", local = ""] = name.split(":");
  const attribute = resource.getAttributeNS(SPACES[prefix] ?? "", local);
  if (attribute) return attribute;
  const [element] = childrenOf(resource, name);
  const first = element?.getElementsByTagNameNS(SPACES.rdf ?? "", "li")[0] ?? element;
  return first?.textContent?.trim() || element?.getAttributeNS(SPACES.rdf ?? "", "resource") || undefined;
}

function childrenOf(element: Element, name: string): Element[] {
  const [prefix = "", local = ""] = name.split(":");
  return [...element.children].filter(
    (child) => child.localName === local && child.namespaceURI === SPACES[prefix],
  );
}

function toLabel(text: string): Label | null {
  try {
    const { Label, ContentProducer, ProduceID } = JSON.parse(text);
    if (Label === undefined) return null;
    const words = { Label: String(Label), ContentProducer, ProduceID };
    return Object.fromEntries(Object.entries(words).map(([name, word]) => [name, shown(word)]));
  } catch {
    return null;
  }
}

function shown(text: unknown): string {
  return typeof text === "string" ? text.replace(/\p{C}/gu, "").slice(0, SHOWN) : "";
}
