/** Names of files, which are for people only: nothing is decided by them and no key holds them. */

const MOST_CHARACTERS = 200;

/** A name without folders, control characters and marks that turn its reading around. */
export function cleanName(name: string): string {
  const last = name.toWellFormed().split(/[/\\]/).at(-1) ?? "";
  return last.replace(/\p{C}/gu, "").trim().slice(0, MOST_CHARACTERS).toWellFormed() || "upload";
}

/** A name that ends in `extension`, whatever it ended in before. */
export function withExtension(name: string, extension: string): string {
  const stem = name.replace(/\.[^.]{1,8}$/, "");
  return `${stem || "upload"}.${extension}`;
}

/** The value of Content-Disposition that makes a browser save the file under this name (RFC 6266, RFC 8187). */
export function attachment(name: string): string {
  const plain = name.replace(/[^\x20-\x7e]|["\\%]/g, "_");
  const exact = encodeURIComponent(name).replace(/['()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16)}`);
  return `attachment; filename="${plain}"; filename*=UTF-8''${exact}`;
}
