"""`swapdrop` and `python -m consumer`."""

from consumer.cli.app import app


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
