/** What lies in a file as plain text: descriptions (RDF, of XMP packets), and labels (JSON) of GB 45438-2025. */
export interface Found {
  descriptions: string[];
  labels: string[];
  /** Whether there may be a C2PA manifest in it, or the address of one. */
  mayBeSigned: boolean;
}

/** A file up to this size is searched whole, of a larger one its two ends: that is where packets are put. */
const WHOLE_BYTES = 64 << 20;
const END_BYTES = 16 << 20;
/** As `pipeline.marks.claims` has it: what is longer is nobody's mark. */
const PACKET_BYTES = 1 << 18;
const LABEL_BYTES = 4096;
const MOST = 32;

const ASCII = new TextEncoder();
const [RDF, RDF_END, LABEL] = ["<rdf:RDF", "</rdf:RDF>", '"Label"'].map((text) => ASCII.encode(text)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
];
/** The label of a manifest store (C2PA 2.2, 11.1.4.2), how GIF calls it, and what names an address for it. */
const MANIFESTS = ["c2pa", "C2PA_GIF", "dcterms:provenance"].map((text) => ASCII.encode(text));

/**
 * Search a picture or video for its marks; every format that this service makes holds its packet as it is.
 *
 * Neither decodes nor trusts anything. What a format compresses is not found, nor what is in UTF-16.
 */
export async function findPackets(file: Blob): Promise<Found> {
  const whole = file.size <= WHOLE_BYTES;
  const ends = whole ? [file] : [file.slice(0, END_BYTES), file.slice(-END_BYTES)];
  const found: Found = { descriptions: [], labels: [], mayBeSigned: !whole };
  for (const end of ends) {
    const bytes = new Uint8Array(await end.arrayBuffer());
    found.descriptions.push(...descriptions(bytes));
    found.labels.push(...labels(bytes));
    found.mayBeSigned ||= MANIFESTS.some((word) => find(bytes, word, 0) >= 0);
  }
  return found;
}

function descriptions(bytes: Uint8Array): string[] {
  const found: string[] = [];
  for (let at = find(bytes, RDF, 0); at >= 0 && found.length < MOST; at = find(bytes, RDF, at + 1)) {
    const packet = bytes.subarray(at, at + PACKET_BYTES);
    const end = find(packet, RDF_END, 0);
    if (end >= 0) found.push(new TextDecoder().decode(packet.subarray(0, end + RDF_END.length)));
  }
  return found;
}

/** Objects whose first name is `Label`, as the standard writes them. */
function labels(bytes: Uint8Array): string[] {
  const found: string[] = [];
  for (let at = find(bytes, LABEL, 0); at >= 0 && found.length < MOST; at = find(bytes, LABEL, at + 1)) {
    const before = new TextDecoder().decode(bytes.subarray(Math.max(0, at - 8), at)).trimEnd();
    const text = new TextDecoder().decode(bytes.subarray(at, at + LABEL_BYTES));
    const end = text.indexOf("}");
    if (before.endsWith("{") && end >= 0) found.push(`{${text.slice(0, end + 1)}`);
  }
  return found;
}

/** Where `word` begins, from `start` on; -1 where it does not. */
function find(bytes: Uint8Array, word: Uint8Array, start: number): number {
  const first = word[0] ?? 0;
  for (let at = bytes.indexOf(first, start); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (word.every((byte, index) => bytes[at + index] === byte)) return at;
  }
  return -1;
}
