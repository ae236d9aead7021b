import { expect, test } from "vitest";
import { findPackets } from "../../../page/src/later/check/packets";

const RDF = '<rdf:RDF xmlns:rdf="r"><rdf:Description/></rdf:RDF>';
const MIB = 2 ** 20;

test("a packet is found between bytes of any kind, and also a second one", async () => {
  const noise = new Uint8Array(5000).map((_, index) => (index * 7) % 256);
  const found = await findPackets(new Blob([noise, RDF, noise, "<rdf", RDF, noise]));
  expect(found).toEqual({ descriptions: [RDF, RDF], labels: [], mayBeSigned: false });
});

test("one without an end, or longer than a mark is, is none", async () => {
  const long = `<rdf:RDF>${"x".repeat(2 ** 18)}</rdf:RDF>`;
  const { descriptions } = await findPackets(new Blob([long, "<rdf:RDF><rdf:Description>"]));
  expect(descriptions).toEqual([]);
});

test("a label is found as tags of videos hold it, and no other JSON that names a label later", async () => {
  const label = '{ "Label":"1","ContentProducer":"a","ProduceID":"b"}';
  const { labels } = await findPackets(new Blob(['{"a":1,"Label":"2"}', "AIGC\0\0", label, "\0"]));
  expect(labels.map((text) => JSON.parse(text))).toEqual([JSON.parse(label)]);
});

test.each(["\0\0\0\x1fjumdc2pa\0", "!\xff\x0bC2PA_GIF", 'dcterms:provenance="https://a"'])(
  "what may have a signature is told, as %j",
  async (text) => {
    expect((await findPackets(new Blob([text]))).mayBeSigned).toBe(true);
    expect((await findPackets(new Blob([text.toUpperCase().replace("C2PA_", "")]))).mayBeSigned).toBe(false);
  },
);

test("of a large file both ends are searched and not the middle, and it may be signed", async () => {
  const gap = new Uint8Array(20 * MIB);
  const found = await findPackets(new Blob([RDF, gap, gap, '<rdf:RDF a="middle"></rdf:RDF>', gap, gap, RDF]));
  expect(found).toEqual({ descriptions: [RDF, RDF], labels: [], mayBeSigned: true });
});
