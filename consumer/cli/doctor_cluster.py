"""What the doctor says of the Ray cluster that makes segments of videos."""

import os

from consumer.cli.finding import Finding, ok
from consumer.cluster.session import ClusterUnavailable, RaySession
from consumer.config.group import SettingsError
from consumer.config.groups.videos import LOCAL_RAY
from consumer.config.settings import Settings


async def cluster_findings(settings: Settings) -> list[Finding]:
    """Join the cluster, or start one here, and count its places."""
    if settings.executor != "ray":
        return []
    try:
        session = RaySession(settings)
        try:
            places = await session.open()
        finally:
            await session.close()
    except (SettingsError, ClusterUnavailable) as error:
        fix = "see docs/scale.md, A Ray cluster"
        return [Finding(name="ray", state="broken", detail=str(error), fix=fix)]
    detail = f"{settings.ray_address} has {places.count} {'GPU' if places.with_gpu else 'CPU'}s for actors"
    if settings.ray_address == LOCAL_RAY or os.environ.get("RAY_AUTH_MODE") == "token":
        return [ok("ray", detail)]
    fix = "set RAY_AUTH_MODE=token on all machines: whoever reaches its ports can run programs there"
    return [Finding(name="ray", state="degraded", detail=f"{detail}, and lets everybody in", fix=fix)]
