import * as Search from "multipasta/Search";
import { Refused } from "./errors";

/** The head of one part of a form; a field that is no file has no file name. */
export interface Part {
  name: string;
  fileName: string | null;
}

/** What a form consists of, in order: a part's head, then its bytes in as many pieces as they arrive. */
export type Piece = Part | Uint8Array;

const MOST_PARTS = 100;
const MOST_HEAD_BYTES = 16_384;
const [DASH, CR, LF] = [0x2d, 0x0d, 0x0a];

/** The boundary that a Content-Type of multipart/form-data names; null for any other type. */
export function boundaryOf(contentType: string): string | null {
  if (!/^multipart\/form-data\s*;/i.test(contentType)) return null;
  const found = /;\s*boundary=(?:"([^"]{1,70})"|([^;\s]{1,70}))/i.exec(contentType);
  return found?.[1] ?? found?.[2] ?? null;
}

/** Read a form (RFC 7578) as it arrives; refused (400) where it is malformed or ends early. */
export async function* readForm(body: ReadableStream<Uint8Array>, boundary: string): AsyncGenerator<Piece> {
  const form = new Splitter(boundary);
  for await (const chunk of body.values({ preventCancel: true })) yield* form.write(chunk);
  yield* form.end();
}

/** Cuts a form at its boundaries, and each part after its head. */
class Splitter {
  readonly #search;
  #pieces: Piece[] = [];
  #part = 0;
  /** The part's head as far as it has arrived, null once it is whole. */
  #head: Uint8Array | null = null;
  #ended = false;

  constructor(boundary: string) {
    this.#search = Search.make(`\r\n--${boundary}`, (part, bytes) => this.#take(part, bytes));
    // The first boundary needs no line break before it.
    this.#search.write(new TextEncoder().encode("\r\n"));
  }

  write(chunk: Uint8Array): Piece[] {
    this.#search.write(chunk);
    return this.#pieces.splice(0);
  }

  end(): Piece[] {
    this.#search.end();
    if (!this.#ended) throw malformed("ended before its last boundary");
    return this.#pieces.splice(0);
  }

  /** `part` counts boundaries: what lies before the first belongs to nothing, nor does what follows the last. */
  #take(part: number, bytes: Uint8Array): void {
    if (part === 0 || this.#ended) return;
    if (part !== this.#part) this.#begin(part);
    if (this.#head === null) this.#pieces.push(bytes);
    else this.#takeHead(this.#head, bytes);
  }

  #begin(part: number): void {
    if (this.#head?.length) throw malformed("has a part without a head");
    if (part > MOST_PARTS) throw malformed(`has more than ${MOST_PARTS} parts`);
    this.#part = part;
    this.#head = new Uint8Array();
  }

  #takeHead(before: Uint8Array, bytes: Uint8Array): void {
    const head = new Uint8Array(before.length + bytes.length);
    head.set(before);
    head.set(bytes, before.length);
    // The last boundary goes on with two dashes; other ones with a line break.
    this.#ended = head[0] === DASH && head[1] === DASH;
    if (this.#ended) return;
    const end = endOfHead(head);
    if (end === null) {
      if (head.length > MOST_HEAD_BYTES) throw malformed("has a part with too long a head");
      this.#head = head;
      return;
    }
    this.#head = null;
    this.#pieces.push(readHead(head.subarray(0, end)));
    if (end < head.length) this.#pieces.push(head.subarray(end));
  }
}

/** Where the empty line that ends a head ends. */
function endOfHead(bytes: Uint8Array): number | null {
  for (let at = bytes.indexOf(CR); at >= 0; at = bytes.indexOf(CR, at + 1)) {
    if (bytes[at + 1] === LF && bytes[at + 2] === CR && bytes[at + 3] === LF) return at + 4;
  }
  return null;
}

function readHead(bytes: Uint8Array): Part {
  const text = new TextDecoder().decode(bytes);
  const disposition = /^content-disposition:\s*form-data\s*(;.*)$/im.exec(text)?.[1];
  const name = parameter(disposition, "name");
  if (disposition === undefined || name === null) throw malformed("has a part without a name");
  return { name, fileName: extended(disposition) ?? parameter(disposition, "filename") };
}

/** Browsers write `"` as `%22` in a name (WHATWG), other clients as `\"`. */
function parameter(disposition: string | undefined, key: string): string | null {
  const value = new RegExp(`;\\s*${key}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^;\\s]+))`, "i").exec(disposition ?? "");
  return value?.[1]?.replace(/\\(["\\])/g, "$1").replace(/%22/g, '"') ?? value?.[2] ?? null;
}

/** `filename*=UTF-8''…`, which RFC 7578 forbids and some clients send. */
function extended(disposition: string): string | null {
  const value = /;\s*filename\*=utf-8''([^;\s]+)/i.exec(disposition)?.[1];
  try {
    return value === undefined ? null : decodeURIComponent(value);
  } catch {
    return null;
  }
}

function malformed(how: string): Refused {
  return new Refused(400, "invalid_request", `The form could not be read: it ${how}.`);
}
