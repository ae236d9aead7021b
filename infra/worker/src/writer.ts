import { Refused } from "./errors";
import { requireSize, type SizeLimits } from "./limits";
import { SNIFF_BYTES, sniff } from "./sniff";
import { type NewFile, newFile, type Upload, uploadOf } from "./uploads";

/** R2 takes parts of at least 5 MiB, all of one size but the last. */
const BLOCK_BYTES = 8 * 2 ** 20;

/** Stores a file whose length is not known before its end, and holds no more than one block of it. */
export class FileWriter {
  readonly #block = new Uint8Array(BLOCK_BYTES);
  #used = 0;
  #size = 0;
  #file: NewFile | null = null;
  #upload: R2MultipartUpload | null = null;
  readonly #parts: R2UploadedPart[] = [];

  constructor(
    readonly bucket: R2Bucket,
    readonly limits: SizeLimits,
    readonly fileName: string,
  ) {}

  /** Take some more of the file; refused (413, 415) as soon as it shows. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#size += bytes.length;
    for (let rest = bytes; rest.length > 0; ) {
      if (this.#used === BLOCK_BYTES) await this.#flush();
      const piece = rest.subarray(0, BLOCK_BYTES - this.#used);
      this.#block.set(piece, this.#used);
      this.#used += piece.length;
      rest = rest.subarray(piece.length);
    }
    if (this.#file !== null || this.#used >= SNIFF_BYTES)
      requireSize(this.limits, this.#known().media, this.#size);
  }

  /** Store what is left; the file is in the bucket once this returns. */
  async end(): Promise<Upload> {
    if (this.#size === 0) throw new Refused(400, "invalid_request", "The file is empty.");
    const file = this.#known();
    requireSize(this.limits, file.media, this.#size);
    if (this.#upload === null) {
      await this.bucket.put(file.key, this.#block.subarray(0, this.#used), file.metadata);
    } else {
      await this.#flush();
      await this.#upload.complete(this.#parts);
    }
    return uploadOf(file, this.#size);
  }

  /** Leave nothing of a file that will not be ended. */
  async abort(): Promise<void> {
    await this.#upload?.abort();
  }

  async #flush(): Promise<void> {
    const file = this.#known();
    this.#upload ??= await this.bucket.createMultipartUpload(file.key, file.metadata);
    const bytes = this.#block.subarray(0, this.#used);
    this.#parts.push(await this.#upload.uploadPart(this.#parts.length + 1, bytes));
    this.#used = 0;
  }

  /** Before the first flush, the block begins with the file's first bytes. */
  #known(): NewFile {
    this.#file ??= newFile(sniff(this.#block.subarray(0, this.#used)), this.fileName);
    return this.#file;
  }
}
