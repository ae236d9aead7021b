/**
 * The text of a file of roots (PEM) as the page may show it to everybody; "" without a file.
 *
 * Raises an error for what holds no certificate, or a private key.
 */
export function publicRoots(path: string | undefined, read: (path: string) => string): string {
  if (!path) return "";
  const text = read(path);
  if (text.includes("PRIVATE KEY"))
    throw new Error(`${path} holds a private key, which the page would show.`);
  if (!text.includes("BEGIN CERTIFICATE")) throw new Error(`${path} holds no certificate in PEM.`);
  return text;
}
