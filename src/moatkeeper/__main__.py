"""``python -m moatkeeper`` is ``moatkeeper``."""

from moatkeeper.cli.main import main

if __name__ == "__main__":
    main()
