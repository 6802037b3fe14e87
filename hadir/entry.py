"""Where the `hadir` command begins: imports next to nothing, so that Ctrl-C is quiet while the rest is loaded."""

INTERRUPTED = 130  # 128 + the signal, as shells say it


def main() -> int:
    """Run the command line; the exit status."""
    try:
        from hadir.cli import main as run

        return run()
    except KeyboardInterrupt:
        return INTERRUPTED
