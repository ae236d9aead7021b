import { expect, test } from "vitest";
import { publicRoots } from "../../../roots";

test("the page is given the roots of a file, and none without one", () => {
  const pem = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n";
  expect(publicRoots("root.pem", () => pem)).toBe(pem);
  expect(publicRoots(undefined, () => pem)).toBe("");
});

test.each(["-----BEGIN CERTIFICATE-----\n-----BEGIN EC PRIVATE KEY", "-----BEGIN PUBLIC KEY-----", ""])(
  "a file that is not of certificates alone is not shown: %j",
  (text) => {
    expect(() => publicRoots("key.pem", () => text)).toThrow(/^key\.pem holds/);
  },
);
