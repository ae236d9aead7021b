import { type Context, Hono } from "hono";
import type { App, Routes } from "./env";
import { answer, Refused } from "./errors";
import { type SizeLimits, sizeLimits, tooLarge } from "./limits";
import { boundaryOf, type Part, readForm } from "./multipart";
import { contentLength, type Upload } from "./uploads";
import { FileWriter } from "./writer";

/** Cloudflare lets no larger body through on its smaller plans. */
const MOST_FORM_BYTES = 100 * 2 ** 20;
const MOST_FIELD_BYTES = 65_536;

/** A form that has been read: its files, which are in the bucket, and its other fields, by their names. */
export interface Form {
  files: Map<string, Upload>;
  fields: Map<string, string>;
}

/** A file by form, as earlier clients send it. */
export const routes: Routes = new Hono<App>().post("/api/upload", async (c) => {
  const { files } = await storeForm(c, ["file"]);
  const upload = files.get("file");
  if (!upload) throw missing("file");
  return answer(c, upload);
});

/** A refusal of a form that lacks a file. */
export function missing(name: string): Refused {
  return new Refused(400, "invalid_request", `The form needs a file in its field \`${name}\`.`);
}

/**
 * Store the files of a form's fields `names` as they arrive, in bounded memory; of a field sent twice the first.
 *
 * Refused: what is no form (400), one of more than 100 MB (413), and each file as by `storeUpload`.
 */
export async function storeForm(c: Context<App>, names: readonly string[]): Promise<Form> {
  const boundary = boundaryOf(c.req.header("Content-Type") ?? "");
  if (boundary === null || c.req.raw.body === null) {
    throw new Refused(400, "invalid_request", "Send the file as multipart/form-data.");
  }
  if (contentLength(c) > MOST_FORM_BYTES) {
    throw tooLarge("A form may have at most 100 MB. Send a larger file as it is, by PUT to /api/uploads.");
  }
  const reading = new FormReading(c.env.BUCKET, sizeLimits(c.env), names);
  try {
    for await (const piece of readForm(c.req.raw.body, boundary)) {
      if (piece instanceof Uint8Array) await reading.take(piece);
      else await reading.begin(piece);
    }
    await reading.end();
  } catch (error) {
    await reading.abort();
    throw error;
  }
  return reading;
}

/** Where the parts of a form go. */
class FormReading implements Form {
  readonly files = new Map<string, Upload>();
  readonly fields = new Map<string, string>();
  #name = "";
  #file: FileWriter | null = null;
  #text: Uint8Array[] | null = null;

  constructor(
    readonly bucket: R2Bucket,
    readonly limits: SizeLimits,
    readonly names: readonly string[],
  ) {}

  async begin(part: Part): Promise<void> {
    await this.end();
    this.#name = part.name;
    if (part.fileName === null) this.#text = [];
    else if (this.names.includes(part.name) && !this.files.has(part.name)) {
      this.#file = new FileWriter(this.bucket, this.limits, part.fileName);
    }
  }

  async take(bytes: Uint8Array): Promise<void> {
    await this.#file?.write(bytes);
    this.#text?.push(bytes);
    if (this.#text && size(this.#text) > MOST_FIELD_BYTES) {
      throw tooLarge("A field of the form that is no file may have at most 64 kB.");
    }
  }

  /** The part that began last is whole. */
  async end(): Promise<void> {
    if (this.#file) this.files.set(this.#name, await this.#file.end());
    if (this.#text && !this.fields.has(this.#name)) {
      this.fields.set(this.#name, await new Blob(this.#text).text());
    }
    this.#file = this.#text = null;
  }

  async abort(): Promise<void> {
    await this.#file?.abort();
  }
}

function size(chunks: Uint8Array[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}
