/** A piece of a file: where it begins and how many bytes it has. */
export interface Piece {
  offset: number;
  length: number;
}

/**
 * Read a Range header (RFC 9110, 14.2) for a file of `size` bytes.
 *
 * `unsatisfiable` begins behind the file's end; null is no header, a malformed one, or more than one range, all of
 * which are answered with the whole file.
 */
export function readRange(header: string | undefined, size: number): Piece | "unsatisfiable" | null {
  const [, first, last] = /^bytes=\s*(\d{0,15})-(\d{0,15})\s*$/i.exec(header ?? "") ?? [];
  if (first === undefined || last === undefined) return null;
  if (first === "") return last === "" ? null : suffix(Number(last), size);
  const offset = Number(first);
  const end = last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== "" && Number(last) < offset) return null;
  return offset < size ? { offset, length: end - offset + 1 } : "unsatisfiable";
}

/** What the conditions of a request (RFC 9110, 13.2.2) make of a file with this strong ETag. */
export function condition(headers: Headers, etag: string): "met" | "not modified" | "failed" {
  const wanted = headers.get("If-Match");
  if (wanted !== null && !lists(wanted, etag)) return "failed";
  const known = headers.get("If-None-Match");
  return known !== null && lists(known.replaceAll("W/", ""), etag) ? "not modified" : "met";
}

function suffix(length: number, size: number): Piece | "unsatisfiable" {
  const taken = Math.min(length, size);
  return taken > 0 ? { offset: size - taken, length: taken } : "unsatisfiable";
}

function lists(header: string, etag: string): boolean {
  return header.trim() === "*" || header.split(",").some((entry) => entry.trim() === etag);
}
