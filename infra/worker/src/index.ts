import { Hono } from "hono";
import { methodNotAllowed } from "hono/method-not-allowed";
import { secureHeaders } from "hono/secure-headers";
import { requireToken, routes as sessions } from "./auth";
import { cancelRoutes } from "./cancel";
import { allowEmbedding, allowOrigins } from "./cors";
import { detectionRoutes } from "./detection";
import { routes as downloads } from "./downloads";
import { hearOut } from "./drain";
import type { App } from "./env";
import { Refused, refusal } from "./errors";
import { eventRoutes } from "./events";
import { routes as forms } from "./forms";
import { routes as health } from "./health";
import { jobRoutes } from "./jobs";
import { legacyRoutes, pathOf } from "./legacy";
import { routes as parts } from "./parts";
import { Queue } from "./queue";
import { limitRate } from "./rates";
import { statusRoutes } from "./status";
import { routes as uploads } from "./uploads";

/** The service's HTTP interface. Everything else is the page, which Cloudflare serves from the assets folder. */
const app = new Hono<App>({ getPath: pathOf });
const queue = new Queue();

// What comes first also lays its headers on the refusals of all that follow.
app.use(hearOut, allowOrigins, allowEmbedding);
app.use(
  secureHeaders({
    contentSecurityPolicy: { sandbox: [], defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    crossOriginResourcePolicy: false,
    strictTransportSecurity: "max-age=15552000",
    xFrameOptions: "DENY",
  }),
);
app.use(
  methodNotAllowed({
    app,
    onMethodNotAllowed: (c, methods) => {
      const allow = methods.join(", ");
      const sentence = `This address takes ${allow} only.`;
      return refusal(c, new Refused(405, "method_not_allowed", sentence, { Allow: allow }));
    },
  }),
);
app.use(requireToken, limitRate);

app.route("/", health).route("/", sessions);
app.route("/", uploads).route("/", forms).route("/", parts).route("/", downloads);
app.route("/", jobRoutes).route("/", detectionRoutes()).route("/", legacyRoutes);
app.route("/", statusRoutes(queue)).route("/", eventRoutes(queue)).route("/", cancelRoutes);

app.onError((error, c) => refusal(c, error));
app.notFound((c) => refusal(c, new Refused(404, "not_found", "There is no such address.")));

export default app;
