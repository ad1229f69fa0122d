"""Entry point of `python -m worker`: find the device, print it, and run a Celery worker."""

import argparse

from shared.settings import settings_or_exit
from shared.store.startup import exit_if_unsupported


def main() -> None:
    """Run a worker with one training process per core on a CPU, and one on a GPU."""
    parser = argparse.ArgumentParser(prog="python -m worker", description=main.__doc__)
    parser.add_argument("--concurrency", type=int, help="number of training processes (default: chosen for the device)")
    arguments = parser.parse_args()
    exit_if_unsupported(settings_or_exit("noisesweep worker"), "noisesweep worker")
    # These modules read the settings on import, so they are imported after the settings are validated.
    from worker import presence, tasks  # noqa: PLC0415
    from worker.app import app  # noqa: PLC0415

    device = tasks.device()
    processes = arguments.concurrency or device.processes
    compiled = "compiled by XLA" if device.xla else "not compiled"
    print(
        f"noisesweep worker: {device.kind} ({device.reason}); {processes} training processes, "
        f"up to {device.stack} runs per stack, {compiled}",
        flush=True,
    )
    options = [f"--hostname={presence.name()}", f"--concurrency={processes}", "--loglevel=INFO"]
    app.worker_main(["worker", *options, "--without-gossip", "--without-mingle", "--without-heartbeat"])


if __name__ == "__main__":
    main()
