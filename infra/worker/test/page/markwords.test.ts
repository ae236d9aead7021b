import { expect, test } from "vitest";
import { markLines } from "../../page/src/later/markwords";
import type { View } from "../../page/src/view";
import views from "../contract/views.json";
import { aView } from "./support";

test("what a result says of its making is told in words, and what its inputs say", () => {
  const done = views.find(({ name }) => name === "a picture that is done")?.view as View;
  expect(markLines(done)).toEqual([
    "Altered: faces were replaced by swapdrop 0.1.0, run by Example Studio. Its id is 3f9c2a7be1d04c58a6b0f1e2d3c4b5a6.",
    "Signed (C2PA) by Example Studio.",
    "One of its inputs says of itself: Generator, Generator Co, trainedAlgorithmicMedia.",
  ]);
  expect(markLines(aView("a"))).toEqual([]);
});
