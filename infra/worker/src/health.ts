import { Hono } from "hono";
import type { components } from "../contract";
import { version } from "../package.json";
import type { App, Bindings, Routes } from "./env";
import { sizeLimits } from "./limits";

type Health = components["schemas"]["Health"];

/** Whether the service answers, and what it takes; not in the envelope. */
export const routes: Routes = new Hono<App>().get("/health", async (c) => {
  const answers = await bucketAnswers(c.env.BUCKET);
  return c.json(health(c.env, answers), answers ? 200 : 503, { "Cache-Control": "no-store" });
});

function health(env: Bindings, answers: boolean): Health {
  const limits = sizeLimits(env);
  return {
    status: answers ? "healthy" : "unhealthy",
    message: answers ? "The service takes jobs." : "The storage does not answer; please try again later.",
    version,
    limits: { upload: limits.picture, video: limits.video },
    require_consent: env.REQUIRE_CONSENT !== "false",
    retention: { upload_days: days(env.UPLOAD_DAYS), result_days: days(env.RESULT_DAYS) },
    modules_imported: true,
  };
}

const days = (text: string): number | null => (text ? Number(text) : null);

/** Any answer will do, also that there is no such object. */
async function bucketAnswers(bucket: R2Bucket): Promise<boolean> {
  try {
    await bucket.head("health");
    return true;
  } catch (error) {
    console.error(error);
    return false;
  }
}
