import { expect, test } from "vitest";
import { boundaryOf, type Part, readForm } from "../src/multipart";
import { file } from "./support";

const BOUNDARY = "-----x-";
const bytes = (text: string) => new TextEncoder().encode(text);

/** A stream of these bytes in pieces of `size` bytes. */
function stream(whole: Uint8Array, size: number): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= whole.length) return controller.close();
      controller.enqueue(whole.slice(at, at + size));
      at += size;
    },
  });
}

async function read(whole: Uint8Array, size = 65_536): Promise<(Part & { bytes: Uint8Array })[]> {
  const parts: (Part & { chunks: Uint8Array[] })[] = [];
  for await (const piece of readForm(stream(whole, size), BOUNDARY)) {
    if (piece instanceof Uint8Array) parts.at(-1)?.chunks.push(piece);
    else parts.push({ ...piece, chunks: [] });
  }
  return Promise.all(
    parts.map(async ({ chunks, ...part }) => ({ ...part, bytes: await new Blob(chunks).bytes() })),
  );
}

async function form(...parts: (string | Uint8Array)[]): Promise<Uint8Array> {
  return new Blob(
    parts.map((part) => (typeof part === "string" ? bytes(part) : part) as Uint8Array<ArrayBuffer>),
  ).bytes();
}

const head = (disposition: string) => `--${BOUNDARY}\r\nContent-Disposition: form-data; ${disposition}\r\n`;
const END = `\r\n--${BOUNDARY}--\r\n`;

test("a form is read alike however it is cut on its way", async () => {
  // Bytes that nearly are a boundary, at the ends of which a reader may stumble.
  const tricky = await form(
    "\r\n",
    "\r\n-----",
    `\r\r\n--${BOUNDARY.slice(0, -1)}`,
    file("", 40),
    "\r\n--",
    "\r",
    "-",
  );
  const whole = await form(
    `before it all\r\n${head('name="a"; filename="a.bin"')}Content-Type: image/png\r\n\r\n`,
    tricky,
    `\r\n${head('name="text"')}\r\n`,
    "some words",
    `\r\n${head('name="empty"')}\r\n`,
    END,
    "--\r\n\r\nafter it all",
  );
  const expected = [
    { name: "a", fileName: "a.bin", bytes: tricky },
    { name: "text", fileName: null, bytes: bytes("some words") },
    { name: "empty", fileName: null, bytes: bytes("") },
  ];
  for (let size = 1; size <= whole.length; size++) expect(await read(whole, size)).toEqual(expected);
});

test.each([
  ['name="file"; filename="图片 1.jpg"', "图片 1.jpg"],
  ['filename="a;b.jpg"; name="file"', "a;b.jpg"],
  ['name="file"; filename="say %22no%22.jpg"', 'say "no".jpg'],
  ['name="file"; filename="say \\"no\\".jpg"', 'say "no".jpg'],
  ["name=file; filename=plain.jpg", "plain.jpg"],
  ['name="file"; filename="x"; filename*=UTF-8\'\'%E5%9B%BE.jpg', "图.jpg"],
  ['name="file"; filename="x"; filename*=UTF-8\'\'%E5%9', "x"],
  ['name="file"; filename=""', ""],
])("the name of a file is read from %s", async (disposition, fileName) => {
  const whole = await form(`${head(disposition)}\r\n`, "x", END);
  expect(await read(whole)).toEqual([{ name: "file", fileName, bytes: bytes("x") }]);
});

test("what a browser's own form looks like is read", async () => {
  const sent = new FormData();
  sent.append("file", new File(["words"], "名.txt", { type: "text/plain" }));
  sent.append("note", "b");
  const request = new Request("https://a.example", { method: "POST", body: sent });
  const boundary = boundaryOf(request.headers.get("Content-Type") ?? "");
  const pieces = [];
  for await (const piece of readForm(request.body as ReadableStream<Uint8Array>, boundary as string)) {
    pieces.push(piece instanceof Uint8Array ? new TextDecoder().decode(piece) : piece);
  }
  expect(pieces).toEqual([
    { name: "file", fileName: "名.txt" },
    "words",
    { name: "note", fileName: null },
    "b",
  ]);
});

test.each([
  ["ends within a part", `${head('name="a"')}\r\nabc`],
  ["ends within a head", head('name="a"')],
  ["is empty", ""],
  ["has no boundary", "abc"],
  ["has a part without a name", `${head('filename="a"')}\r\nabc${END}`],
  ["has a part that is no form-data", `--${BOUNDARY}\r\nContent-Type: text/plain\r\n\r\nabc${END}`],
  ["has a part without a head", `--${BOUNDARY}\r\nabc${END}`],
  ["has a part whose head never ends", `--${BOUNDARY}\r\nA: ${"b".repeat(20_000)}\r\n\r\nabc${END}`],
  ["has a thousand parts", `${`${head('name="a"')}\r\n\r\n`.repeat(1000)}${END}`],
])("a form that %s is refused", async (_, whole) => {
  for (const size of [7, 65_536]) {
    await expect(read(bytes(whole), size)).rejects.toMatchObject({ status: 400, code: "invalid_request" });
  }
});

test("only multipart/form-data has a boundary", () => {
  expect(boundaryOf("multipart/form-data; boundary=abc")).toBe("abc");
  expect(boundaryOf('Multipart/Form-Data; charset=utf-8; boundary="a b"')).toBe("a b");
  expect(boundaryOf("multipart/mixed; boundary=abc")).toBeNull();
  expect(boundaryOf("multipart/form-data")).toBeNull();
  expect(boundaryOf("image/png")).toBeNull();
});
