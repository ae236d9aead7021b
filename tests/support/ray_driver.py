"""`python -m tests.support.ray_driver FOLDER`: makes a reel over Ray, slowly, to be killed meanwhile."""

import asyncio
import sys
from pathlib import Path

from tests.support.segment_rigs import Slow, open_rig


async def drive(folder: Path) -> None:
    """Make all segments."""
    async with open_rig("ray", folder, Slow) as rig:
        await rig.executor.run(rig.work)


if __name__ == "__main__":
    asyncio.run(drive(Path(sys.argv[1])))
