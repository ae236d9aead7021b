import type { Context } from "hono";
import type { App } from "./env";
import { Refused } from "./errors";
import { isJobId, isSecretId } from "./ids";

/**
 * Refuse (404) a job that this request may not read: what is no job id and, where no token keeps strangers out,
 * an id that a stranger could guess, such as that of a job which somebody dropped into the bucket as `order-1042`.
 */
export function requireReadable(c: Context<App>, jobId: string): void {
  if (isJobId(jobId) && (c.env.API_TOKEN || isSecretId(jobId))) return;
  throw new Refused(404, "not_found", "There is no such job.");
}
